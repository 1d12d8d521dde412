// SPDX-License-Identifier: GPL-2.0
/* Must be refused: there is no group to divide yet in eligible(). */
#include <migrate_ext/common.bpf.h>

s32 MIGRATE_EXT_PROG(refused_eligible, const struct migrate_ext_call *call)
{
	return bpf_migrate_assign((const struct migrate_ext_group *)call, 0, 1, MIGRATOR_CPU);
}

MIGRATE_EXT_OPS(refused, .eligible = (void *)refused_eligible);

MIGRATE_EXT_LICENSE;
