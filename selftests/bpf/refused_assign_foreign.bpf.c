// SPDX-License-Identifier: GPL-2.0
/* Must be refused: the current task is no group. */
#include <migrate_ext/common.bpf.h>

u32 MIGRATE_EXT_PROG(refused_select, const struct migrate_ext_group *group)
{
	bpf_migrate_assign((const struct migrate_ext_group *)bpf_get_current_task_btf(), 0, 1,
			   MIGRATOR_CPU);
	return MIGRATOR_CPU;
}

MIGRATE_EXT_OPS(refused, .select = (void *)refused_select);

MIGRATE_EXT_LICENSE;
