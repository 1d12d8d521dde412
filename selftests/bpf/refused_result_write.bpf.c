// SPDX-License-Identifier: GPL-2.0
/* Must be refused: a policy cannot change the books. */
#include <migrate_ext/common.bpf.h>

void MIGRATE_EXT_PROG(refused_done, const struct migrate_ext_group *group,
	      struct migrate_ext_result *result)
{
	result->consumed = 1;
}

MIGRATE_EXT_OPS(refused, .done = (void *)refused_done);

MIGRATE_EXT_LICENSE;
