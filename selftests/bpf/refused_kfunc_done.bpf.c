// SPDX-License-Identifier: GPL-2.0
/* Must be refused: choices are made in eligible() and select(), not in done(). */
#include <migrate_ext/common.bpf.h>

static char name[] = "dcbm";
u32 id;

void MIGRATE_EXT_PROG(refused_done, const struct migrate_ext_group *group,
	      const struct migrate_ext_result *result)
{
	id = bpf_migrate_migrator_id(name, sizeof(name));
}

MIGRATE_EXT_OPS(refused, .done = (void *)refused_done);

MIGRATE_EXT_LICENSE;
