/* SPDX-License-Identifier: GPL-2.0 */
/* What became of the folios, by kind of folio: for done(). */
#ifndef _MIGRATE_EXT_RESULTS_BPF_H
#define _MIGRATE_EXT_RESULTS_BPF_H

#include <migrate_ext/counters.bpf.h>
#include <migrate_ext/results.h>

/* Rows for the rest: of each reason and migrator, as many as there can be of these. */
#define MIGRATE_EXT_RESULTS_REST	(16 * 32)

/*
 * The map of what became of the folios, see results.h. @nr: how many kinds of
 * folios (cgroup, orders, reason, migrator) it can tell apart. Nothing is taken
 * out of it, not even when a cgroup is removed; what is new when it is full is
 * told apart by reason and migrator only, in rows of cgroup 0 and orders 0 that
 * there is room for beside the @nr, and counted in results_merged. So the sums
 * are right whatever comes. Preallocated, for done() must not allocate.
 */
#define MIGRATE_EXT_RESULTS(nr)						\
COUNTER(results_merged, "groups that are in rows of cgroup 0, for the map results was full"); \
COUNTER(results_lost, "groups that found no room in the map results");	\
enum { results_nr = (nr) };						\
u64 results_rows;							\
struct {								\
	__uint(type, BPF_MAP_TYPE_HASH);				\
	__uint(max_entries, (nr) + MIGRATE_EXT_RESULTS_REST);		\
	__type(key, struct migrate_ext_results_key);			\
	__type(value, struct migrate_ext_results);			\
} results SEC(".maps")

#define results_add(group, result)					\
do {									\
	struct migrate_ext_results_key ___key = {			\
		.cgroup_id	= (group)->cgroup_id,			\
		.orders		= (group)->orders,			\
		.reason		= (group)->reason,			\
		.migrator	= (result)->migrator,			\
	};								\
	struct migrate_ext_results *___sum =				\
		__results_row(&results, &___key, &results_rows, results_nr); \
									\
	if (!___sum) {							\
		___sum = __results_rest(&results, &___key);		\
		count(results_merged, !!___sum);			\
	}								\
	if (___sum)							\
		__results_sum(___sum, (result));			\
	else								\
		count(results_lost, 1);					\
} while (0)

/* The row of @key, a new one if need be; NULL when there are @nr of them. */
static __always_inline struct migrate_ext_results *
__results_row(void *map, const struct migrate_ext_results_key *key, u64 *rows, u64 nr)
{
	const struct migrate_ext_results zero = {};
	struct migrate_ext_results *sum = bpf_map_lookup_elem(map, key);

	if (sum)
		return sum;
	/* Another CPU may be first: whoever is, the row is there, and counts once. */
	if (__sync_fetch_and_add(rows, 1) >= nr ||
	    bpf_map_update_elem(map, key, &zero, BPF_NOEXIST))
		__sync_fetch_and_sub(rows, 1);
	return bpf_map_lookup_elem(map, key);
}

/* The row of all that is like @key, whatever the cgroup and the orders; no cgroup is 0. */
static __always_inline struct migrate_ext_results *
__results_rest(void *map, struct migrate_ext_results_key *key)
{
	const struct migrate_ext_results zero = {};

	key->cgroup_id = 0;
	key->orders = 0;
	if (!bpf_map_lookup_elem(map, key))
		bpf_map_update_elem(map, key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, key);
}

static __always_inline void
__results_sum(struct migrate_ext_results *sum, const struct migrate_ext_result *result)
{
	count(sum->batches, 1);
	count(sum->offered, result->offered);
	count(sum->taken, result->taken);
	count(sum->refused, result->refused);
	count(sum->copied, result->copied);
	count(sum->failed, result->failed);
	count(sum->consumed, result->consumed);
	count(sum->discarded, result->discarded);
	count(sum->bytes, result->bytes_copied);
	count(sum->ns, result->ns);
	count(sum->busy_ns, result->busy_ns);
}

#endif /* _MIGRATE_EXT_RESULTS_BPF_H */
