// SPDX-License-Identifier: GPL-2.0
/* Must be refused: there is nothing behind what a policy is given. */
#include <migrate_ext/common.bpf.h>

u64 seen;

u32 MIGRATE_EXT_PROG(refused_select, const struct migrate_ext_group *group)
{
	seen = *(const u64 *)((const char *)group + 4096);
	return MIGRATOR_CPU;
}

MIGRATE_EXT_OPS(refused, .select = (void *)refused_select);

MIGRATE_EXT_LICENSE;
