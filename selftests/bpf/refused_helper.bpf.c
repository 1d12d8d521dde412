// SPDX-License-Identifier: GPL-2.0
/* Must be refused: helpers that write to the memory of whoever migrates. */
#include <migrate_ext/common.bpf.h>

u32 MIGRATE_EXT_PROG(refused_select, const struct migrate_ext_group *group)
{
	u32 answer = MIGRATOR_CPU;

	bpf_probe_write_user((void *)4096, &answer, sizeof(answer));
	return MIGRATOR_CPU;
}

MIGRATE_EXT_OPS(refused, .select = (void *)refused_select);

MIGRATE_EXT_LICENSE;
