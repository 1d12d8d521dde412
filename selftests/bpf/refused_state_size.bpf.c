// SPDX-License-Identifier: GPL-2.0
/* Must be refused: the kernel writes a whole state, or none. */
#include <migrate_ext/common.bpf.h>

static struct migrate_ext_migrator_state state;

u32 MIGRATE_EXT_PROG(refused_select, const struct migrate_ext_group *group)
{
	return bpf_migrate_migrator_state(MIGRATOR_CPU, &state, 2 * sizeof(state));
}

MIGRATE_EXT_OPS(refused, .select = (void *)refused_select);

MIGRATE_EXT_LICENSE;
