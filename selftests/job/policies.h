/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two policies of the job: put in force, replaced and removed with mgx, and what they
 * wrote down themselves, read from their maps.
 */
#ifndef JOB_POLICIES_H
#define JOB_POLICIES_H

#include "command.h"
#include "table.h"

struct policy_instance {
	uint32_t map_id;	/* of the struct_ops map */
	int results_fd;		/* of the map `results`; kept over a replacement */
	struct table table;	/* what it held at the end */
};

struct attached_policy {
	const char *object;	/* file in bpf/, without .bpf.o */
	const char *set;	/* knob of the one that replaces it */
	const char *cgroup;	/* under CGROUP_ROOT; NULL: the whole system */
	uint64_t cgroup_id;
	bool loaded;
	int nr_instances;
	struct policy_instance instances[2];
	struct table table;	/* of all instances together */
};

struct policies {
	const char *build;
	struct attached_policy system;
	struct attached_policy narrow;	/* of one cgroup */
	struct command replace;
	bool begun;		/* something may be loaded */
	bool replacing;
};

bool policies_load(struct policies *policies);
/* Starts mgx replace and does not wait for it. */
bool policies_replace_begin(struct policies *policies);
/* True once it has ended; *ok: well. */
bool policies_replace_poll(struct policies *policies, bool *ok);
bool policies_read(struct policies *policies);
/* False when something of them is still there. */
bool policies_unload(struct policies *policies);

#endif /* JOB_POLICIES_H */
