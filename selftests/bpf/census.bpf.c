// SPDX-License-Identifier: GPL-2.0
/*
 * The policy that counts by reason: folios of one reason go to the migrator "test", those
 * of all others to nobody. That the right ones were copied shows that the reason it was
 * given is the reason they were moved for. It is of no use otherwise.
 */
#include <migrate_ext/common.bpf.h>

#include "census.h"

volatile struct census_knobs knobs SEC(".data.knobs") = {};
volatile struct census_counts counts = {};

/* Not const: the verifier has a kfunc's memory writable, or not at all. */
static char test_name[] = "test";

static volatile struct census_of_reason *census_of(u32 reason)
{
	return &counts.reason[reason % CENSUS_REASONS];
}

static void add(volatile u64 *counter, u64 n)
{
	__sync_fetch_and_add((u64 *)counter, n);
}

s32 MIGRATE_EXT_PROG(census_eligible, const struct migrate_ext_call *call)
{
	volatile struct census_of_reason *census = census_of(call->reason);

	add(&census->eligible, 1);
	if (!(call->flags & MIGRATE_EXT_KTHREAD))
		add(&census->by_tasks, 1);
	return call->reason == knobs.reason ? MIGRATE_EXT_BATCH : MIGRATE_EXT_SINGLE;
}

u32 MIGRATE_EXT_PROG(census_select, const struct migrate_ext_group *group)
{
	volatile struct census_of_reason *census = census_of(group->reason);

	add(&census->select, 1);
	__sync_fetch_and_or((u64 *)&census->orders, group->orders);
	return bpf_migrate_migrator_id(test_name, sizeof(test_name));
}

void MIGRATE_EXT_PROG(census_done, const struct migrate_ext_group *group,
		      const struct migrate_ext_result *result)
{
	volatile struct census_of_reason *census = census_of(group->reason);

	add(&census->done, 1);
	if (result->taken && !result->decided)
		add(&census->by_other, 1);
	add(&census->offered, result->offered);
	add(&census->taken, result->taken);
	add(&census->refused, result->refused);
	add(&census->copied, result->copied);
	add(&census->consumed, result->consumed);
}

SEC(".struct_ops.link")
struct migrate_ext_ops census = {
	.eligible = (void *)census_eligible,
	.select = (void *)census_select,
	.done = (void *)census_done,
	.name = "census",
};

MIGRATE_EXT_LICENSE;
