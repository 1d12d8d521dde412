/* SPDX-License-Identifier: GPL-2.0 */
/* What became of the folios, by kind of folio: for done(). */
#ifndef _MIGRATE_EXT_RESULTS_BPF_H
#define _MIGRATE_EXT_RESULTS_BPF_H

#include <migrate_ext/counters.bpf.h>
#include <migrate_ext/results.h>

/*
 * The map of what became of the folios, see results.h. @nr: how many kinds of
 * folios (cgroup, orders, reason, migrator) it can tell apart; what does not
 * fit is counted in results_lost. Preallocated, for done() must not allocate.
 */
#define MIGRATE_EXT_RESULTS(nr)						\
COUNTER(results_lost, "groups that found no room in the map results");	\
struct {								\
	__uint(type, BPF_MAP_TYPE_HASH);				\
	__uint(max_entries, (nr));					\
	__type(key, struct migrate_ext_results_key);			\
	__type(value, struct migrate_ext_results);			\
} results SEC(".maps")

#define results_add(group, result)					\
do {									\
	if (!__results_add(&results, (group), (result)))		\
		count(results_lost, 1);					\
} while (0)

static __always_inline bool
__results_add(void *map, const struct migrate_ext_group *group,
	      const struct migrate_ext_result *result)
{
	const struct migrate_ext_results zero = {};
	const struct migrate_ext_results_key key = {
		.cgroup_id	= group->cgroup_id,
		.orders		= group->orders,
		.reason		= group->reason,
		.migrator	= result->migrator,
	};
	struct migrate_ext_results *sum = bpf_map_lookup_elem(map, &key);

	if (!sum) {
		/* Another CPU may be first: whoever is, the entry is there. */
		bpf_map_update_elem(map, &key, &zero, BPF_NOEXIST);
		sum = bpf_map_lookup_elem(map, &key);
		if (!sum)
			return false;
	}

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
	return true;
}

#endif /* _MIGRATE_EXT_RESULTS_BPF_H */
