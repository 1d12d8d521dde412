// SPDX-License-Identifier: GPL-2.0
/*
 * latency: an engine for large copies only, the CPU or nothing for the rest.
 *
 * For the cgroup of a service that answers requests. While a batch is copied
 * all its pages are unmapped, and a thread that touches one waits for the whole
 * batch; a page that moves one by one is away for its own copy only. So base
 * pages are not batched at all. Huge folios are: there one copy is long, and an
 * engine of several channels shortens it. Nothing is batched for a caller that
 * reclaims, where somebody waits for memory; kswapd, for which nobody does, is none.
 *
 * It shows: a policy for one cgroup, decisions by folio order and by the
 * caller's circumstances, a counter of its own beside the results.
 *
 * Where it is bad: for throughput. A cgroup of base pages gets nothing from
 * any engine, however many pages move.
 */
#include <migrate_ext/common.bpf.h>

KNOB_STR(engine, 16, "dcbm", "migrator for large groups; empty: the CPU");
KNOB(u32, min_order, 9, "order", 0, 20, "smaller folios are copied one by one");
KNOB(u64, min_bytes, 2097152, "bytes", 0, 1073741824, "smaller groups are left to the CPU");
KNOB_BOOL(in_reclaim, false, "batch also for tasks that have to reclaim memory themselves");

MIGRATE_EXT_RESULTS(1024);

COUNTER(declined_reclaim, "kinds of folios declined because their caller reclaims");

s32 MIGRATE_EXT_PROG(latency_eligible, const struct migrate_ext_call *call)
{
	if (call->order < knob_read(min_order))
		return MIGRATE_EXT_SINGLE;
	if (call->flags & MIGRATE_EXT_IN_RECLAIM && !(call->flags & MIGRATE_EXT_KTHREAD) &&
	    !in_reclaim) {
		if (!(call->flags & MIGRATE_EXT_DRY_RUN))
			count(declined_reclaim, 1);
		return MIGRATE_EXT_SINGLE;
	}
	return MIGRATE_EXT_BATCH;
}

u32 MIGRATE_EXT_PROG(latency_select, const struct migrate_ext_group *group)
{
	u32 id = bpf_migrate_migrator_id(knob_str(engine));

	if (group->bytes < knob_read(min_bytes))
		return MIGRATOR_CPU;
	return id && bpf_migrate_migrator_ready(id) ? id : MIGRATOR_CPU;
}

void MIGRATE_EXT_PROG(latency_done, const struct migrate_ext_group *group,
		      const struct migrate_ext_result *result)
{
	results_add(group, result);
}

MIGRATE_EXT_OPS(latency,
	.eligible = (void *)latency_eligible,
	.select = (void *)latency_select,
	.done = (void *)latency_done);

MIGRATE_EXT_LICENSE;
