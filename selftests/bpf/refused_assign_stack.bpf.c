// SPDX-License-Identifier: GPL-2.0
/* Must be refused: what the policy has made itself is no group. */
#include <migrate_ext/common.bpf.h>

u32 MIGRATE_EXT_PROG(refused_select, const struct migrate_ext_group *group)
{
	struct migrate_ext_group mine = { .folios = 1000000 };

	bpf_migrate_assign(&mine, 0, 1000000, MIGRATOR_CPU);
	return MIGRATOR_CPU;
}

MIGRATE_EXT_OPS(refused, .select = (void *)refused_select);

MIGRATE_EXT_LICENSE;
