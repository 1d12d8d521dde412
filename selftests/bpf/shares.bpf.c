// SPDX-License-Identifier: GPL-2.0
/* A knob that cgroups have of their own, with room for few of them. */
#include <migrate_ext/common.bpf.h>

CGROUP_KNOB(shares, 2, "share", 1, 9, "that of the cgroup");

s32 MIGRATE_EXT_PROG(shares_eligible, const struct migrate_ext_call *call)
{
	u64 id = call->cgroup_id;
	u32 *share = bpf_map_lookup_elem(&shares, &id);

	return share ? MIGRATE_EXT_BATCH : MIGRATE_EXT_SINGLE;
}

MIGRATE_EXT_OPS(shares,
	.eligible = (void *)shares_eligible);

MIGRATE_EXT_LICENSE;
