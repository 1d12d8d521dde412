// SPDX-License-Identifier: GPL-2.0
/*
 * The policy that tests steer: answers what it is told to, sensible or not, and keeps its
 * own books for comparison with the kernel's. It is of no use otherwise.
 */
#include <migrate_ext/common.bpf.h>

#include "steer.h"

volatile struct steer_knobs knobs SEC(".data.knobs") = {};
volatile struct steer_counts counts = {};

/* Not const: the verifier has a kfunc's memory writable, or not at all. */
static char test_name[] = "test";
static char dcbm_name[] = "dcbm";

static void add(volatile u64 *counter, u64 n)
{
	__sync_fetch_and_add((u64 *)counter, n);
}

s32 MIGRATE_EXT_PROG(steer_eligible, const struct migrate_ext_call *call)
{
	add(&counts.eligible, 1);
	if (call->cgroup_id)
		counts.last_cgroup_id = call->cgroup_id;
	counts.last_order = call->order;
	counts.last_kind = call->kind;
	counts.last_reason = call->reason;
	counts.last_src_nid = call->src_nid;
	counts.last_dst_nid = call->dst_nid;
	if (knobs.random)
		return bpf_get_prandom_u32() % 2 ? bpf_get_prandom_u32() % 3 :
						   bpf_get_prandom_u32();
	return knobs.eligible;
}

u32 MIGRATE_EXT_PROG(steer_select, const struct migrate_ext_group *group)
{
	add(&counts.select, 1);
	add(&counts.select_folios, group->folios);
	add(&counts.select_bytes, group->bytes);
	counts.last_orders = group->orders;
	if (knobs.random)
		return bpf_get_prandom_u32() % 2 ? bpf_get_prandom_u32() % 6 :
						   bpf_get_prandom_u32();
	if (knobs.by_name == STEER_TEST)
		return bpf_migrate_migrator_id(test_name, sizeof(test_name));
	if (knobs.by_name == STEER_DCBM)
		return bpf_migrate_migrator_id(dcbm_name, sizeof(dcbm_name));
	return knobs.select;
}

void MIGRATE_EXT_PROG(steer_done, const struct migrate_ext_group *group,
	      const struct migrate_ext_result *result)
{
	add(&counts.done, 1);
	add(&counts.decided, result->decided);
	add(&counts.offered, result->offered);
	add(&counts.taken, result->taken);
	add(&counts.refused, result->refused);
	add(&counts.copied, result->copied);
	add(&counts.failed, result->failed);
	add(&counts.consumed, result->consumed);
	add(&counts.discarded, result->discarded);
	add(&counts.bytes_taken, result->bytes_taken);
	add(&counts.bytes_copied, result->bytes_copied);
	add(&counts.ns, result->ns);
	add(&counts.busy_ns, result->busy_ns);
	counts.last_migrator = result->migrator;
	counts.last_chosen = result->chosen;
}

/* The test gives it a cgroup before it loads it. */
SEC(".struct_ops.link")
struct migrate_ext_ops steer = {
	.eligible = (void *)steer_eligible,
	.select = (void *)steer_select,
	.done = (void *)steer_done,
	.name = "steer",
};

/* Without callbacks it has no opinion on anything. */
SEC(".struct_ops.link")
struct migrate_ext_ops empty = {
	.name = "empty",
};

/* Cannot be attached: it has no link. */
SEC(".struct_ops")
struct migrate_ext_ops linkless = {
	.eligible = (void *)steer_eligible,
	.name = "linkless",
};

SEC(".struct_ops.link")
struct migrate_ext_ops nameless = {
	.eligible = (void *)steer_eligible,
};

SEC(".struct_ops.link")
struct migrate_ext_ops misnamed = {
	.eligible = (void *)steer_eligible,
	.name = "no such name!",
};

MIGRATE_EXT_LICENSE;
