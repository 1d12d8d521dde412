// SPDX-License-Identifier: GPL-2.0
/*
 * by_reason: who copies, by why the pages move and how much there is.
 *
 * For a whole machine: bulk moves that nobody waits for (hot-unplug, demotion,
 * cpusets, move_pages(2)) go to an engine, and what a task stands and waits for
 * (NUMA hinting faults, direct compaction) stays today's path. It writes down
 * what became of every group in the map `results`, whose sums are those of the
 * kernel's own books. It tells 4096 kinds of groups apart (cgroup, orders, reason,
 * migrator); what comes then is in rows of cgroup 0, and counted.
 *
 * It shows: a mask, a size and a string as knobs, a fallback to the CPU while
 * the engine is away, and results in done().
 *
 * Where it is bad: a reason that is not in the mask is refused for every
 * cgroup, for a refusal at the root cannot be taken back below it. And it
 * believes that a larger group always suits the engine better: with many
 * small folios of one order that need not be so, see the knob min_order.
 */
#include <migrate_ext/common.bpf.h>

/* memory_hotplug, syscall_or_cpuset, mempolicy_mbind, contig_range, demotion, damon */
#define BULK_REASONS	0x35c

_Static_assert(BULK_REASONS == (1 << MR_MEMORY_HOTPLUG | 1 << MR_SYSCALL |
				1 << MR_MEMPOLICY_MBIND | 1 << MR_CONTIG_RANGE |
				1 << MR_DEMOTION | 1 << MR_DAMON),
	       "enum migrate_reason has changed");

KNOB_STR(engine, 16, "dcbm", "migrator that copies; empty: the CPU");
KNOB(u32, reasons, BULK_REASONS, "reasons", 0, 0x7ff, "why pages may move by a batch copy");
KNOB(u64, min_bytes, 65536, "bytes", 0, 1073741824, "smaller groups are left to the CPU");
KNOB(u32, min_order, 0, "order", 0, 20, "smaller folios are copied one by one");

MIGRATE_EXT_RESULTS(4096);

s32 MIGRATE_EXT_PROG(by_reason_eligible, const struct migrate_ext_call *call)
{
	/* The mask keeps the shift in bounds whatever reasons come to be. */
	if (!(knob_read(reasons) & 1U << (call->reason & 31)))
		return MIGRATE_EXT_SINGLE;
	if (call->order < knob_read(min_order))
		return MIGRATE_EXT_SINGLE;
	return MIGRATE_EXT_BATCH;
}

u32 MIGRATE_EXT_PROG(by_reason_select, const struct migrate_ext_group *group)
{
	u32 id;

	if (group->bytes < knob_read(min_bytes))
		return MIGRATOR_CPU;

	/* Between dcbm's unloading and its return the CPU does its work. */
	id = bpf_migrate_migrator_id(knob_str(engine));
	if (!id || !bpf_migrate_migrator_ready(id))
		return MIGRATOR_CPU;
	return id;
}

void MIGRATE_EXT_PROG(by_reason_done, const struct migrate_ext_group *group,
		      const struct migrate_ext_result *result)
{
	results_add(group, result);
}

MIGRATE_EXT_OPS(by_reason,
	.eligible = (void *)by_reason_eligible,
	.select = (void *)by_reason_select,
	.done = (void *)by_reason_done);

MIGRATE_EXT_LICENSE;
