// SPDX-License-Identifier: GPL-2.0
/* The smallest policy that decides anything: copy ahead, the CPU does it. */
#include <migrate_ext/common.bpf.h>

s32 MIGRATE_EXT_PROG(smallest_eligible, const struct migrate_ext_call *call)
{
	return MIGRATE_EXT_BATCH;
}

u32 MIGRATE_EXT_PROG(smallest_select, const struct migrate_ext_group *group)
{
	return MIGRATOR_CPU;
}

MIGRATE_EXT_OPS(smallest,
	.eligible = (void *)smallest_eligible,
	.select = (void *)smallest_select);

MIGRATE_EXT_LICENSE;
