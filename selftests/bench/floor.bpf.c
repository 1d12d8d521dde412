// SPDX-License-Identifier: GPL-2.0
/* The smallest policy, that leaves single pages alone: nobody is asked about those. */
#include <migrate_ext/common.bpf.h>

s32 MIGRATE_EXT_PROG(floor_eligible, const struct migrate_ext_call *call)
{
	return MIGRATE_EXT_BATCH;
}

u32 MIGRATE_EXT_PROG(floor_select, const struct migrate_ext_group *group)
{
	return MIGRATOR_CPU;
}

MIGRATE_EXT_OPS(floor,
	.eligible = (void *)floor_eligible,
	.select = (void *)floor_select,
	.min_bytes = 8192);

MIGRATE_EXT_LICENSE;
