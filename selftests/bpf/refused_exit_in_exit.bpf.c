// SPDX-License-Identifier: GPL-2.0
/* Must be refused: in exit() it is too late to want to go. */
#include <migrate_ext/common.bpf.h>

static char msg[] = "again";

void MIGRATE_EXT_SLEEPABLE(refused_exit, const struct migrate_ext_exit_info *info)
{
	bpf_migrate_exit(0, msg, sizeof(msg));
}

MIGRATE_EXT_OPS(refused, .exit = (void *)refused_exit);

MIGRATE_EXT_LICENSE;
