/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sums of folios by cgroup, folio orders, reason and migrator, in the form in which the
 * policies write them down; whoever counts, the policies or the trace events.
 */
#ifndef JOB_TABLE_H
#define JOB_TABLE_H

#include <linux/types.h>
#include <migrate_ext/results.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of enum migrate_reason. */
#define NR_REASONS	10
extern const char * const reason_names[NR_REASONS];
/* -1 when there is none of that name. */
int reason_by_name(const char *name);

/* The fields of struct migrate_ext_results, and the counters of the books they stand for. */
#define RESULT_FIELDS(X)							\
	X(offered, "offered") X(taken, "taken") X(refused, "refused")		\
	X(copied, "copied") X(failed, "failed") X(consumed, "consumed")		\
	X(discarded, "discarded") X(bytes, "bytes_copied") X(ns, "ns")		\
	X(busy_ns, "busy_ns")

struct row {
	struct migrate_ext_results_key key;
	struct migrate_ext_results sum;
};

struct table {
	int nr;
	struct row rows[256];
};

/* Whether it fits. */
bool table_add(struct table *table, const struct migrate_ext_results_key *key,
	       const struct migrate_ext_results *sum);
void results_add_up(struct migrate_ext_results *to, const struct migrate_ext_results *sum);
/* The sum over the rows of that reason, cgroup and migrator; -1 or 0: of any. */
struct migrate_ext_results table_sum(const struct table *table, int reason,
				     uint64_t cgroup_id, int migrator);
void table_sort(struct table *table);
/* Whether they are the same, batches and all; else what differs first. */
bool table_equal(const struct table *a, const struct table *b, char *text, size_t size);

#endif /* JOB_TABLE_H */
