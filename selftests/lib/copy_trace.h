/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tracepoints of copy offload say, by reason, as who reads tracefs gets to see it.
 * A trace has its own tracefs instance. Whatever cannot be done ends the test case.
 */
#ifndef SELFTESTS_COPY_TRACE_H
#define SELFTESTS_COPY_TRACE_H

#include <stdint.h>

/* Batches of 1, 2 to 3, 4 to 7 ... 512 to 1023 folios. */
#define COPY_TRACE_BUCKETS	10
#define COPY_TRACE_NODES	3

/*
 * groups: events migrate_offload_copy; offered and so on are sums of theirs
 * by_other: of those that were taken, groups that another migrator got than was expected
 * batches: events migrate_offload_batch with a folio to copy ahead
 * most: folios in the longest of them
 * longest: folios offered in the longest group that had folios of one page only
 * between: folios consumed, by node of source and destination
 */
struct copy_trace {
	uint64_t groups, offered, taken, refused, copied, consumed, by_other, orders;
	uint64_t batches, most, longest;
	uint64_t bucket[COPY_TRACE_BUCKETS];
	uint64_t between[COPY_TRACE_NODES][COPY_TRACE_NODES];
};

/* What one migrator did of a group that several shared: event migrate_offload_part. */
struct copy_trace_part {
	char migrator[16];
	uint64_t copied, begin_ns, ns;
};

void copy_trace_begin(void);
/* Of one reason, so far; folios are expected to be copied by @migrator. */
struct copy_trace copy_trace_read(const char *reason, const char *migrator);
/* The first @most parts of groups of that reason; returns how many there were. */
unsigned int copy_trace_parts(const char *reason, struct copy_trace_part *parts,
			      unsigned int most);
/* It may not have begun. */
void copy_trace_end(void);
/* How long the batches were, as notes. */
void copy_trace_print(const char *what, const struct copy_trace *trace);

#endif /* SELFTESTS_COPY_TRACE_H */
