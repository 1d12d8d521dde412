// SPDX-License-Identifier: GPL-2.0
/* Must be refused: what exit() is told is not its own. */
#include <migrate_ext/common.bpf.h>

void MIGRATE_EXT_SLEEPABLE(refused_exit, const struct migrate_ext_exit_info *info)
{
	((struct migrate_ext_exit_info *)info)->kind = 0;
}

MIGRATE_EXT_OPS(refused, .exit = (void *)refused_exit);

MIGRATE_EXT_LICENSE;
