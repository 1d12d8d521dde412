/* SPDX-License-Identifier: GPL-2.0 */
/* The trace events migrate:migrate_offload_*, in a trace instance of our own, added up. */
#ifndef JOB_TRACE_H
#define JOB_TRACE_H

#include "table.h"

struct fallback {
	uint32_t reason;
	uint32_t migrator;
	uint64_t cgroup_id;
	char cause[32];
	uint64_t folios;
};

struct trace_sums {
	uint64_t events;
	uint64_t batches;
	struct table copies;
	int nr_fallbacks;
	struct fallback fallbacks[256];
};

/* Each returns whether it worked; why not is in trace_error. */
bool trace_begin(void);
/*
 * Stops and adds up; false also when an event was lost or not understood. With @kept, the
 * events go to that file as well, for whoever wants to see them one by one.
 */
bool trace_end(struct trace_sums *sums, const char *kept);
void trace_remove(void);
uint64_t trace_fallbacks(const struct trace_sums *sums, int reason, uint64_t cgroup_id,
			 const char *cause);
extern char trace_error[512];

#endif /* JOB_TRACE_H */
