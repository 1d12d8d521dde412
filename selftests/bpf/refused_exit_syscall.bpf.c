// SPDX-License-Identifier: GPL-2.0
/* Must be refused: a syscall program is no policy, and cannot end one. */
#include <migrate_ext/common.bpf.h>

static char msg[] = "go away";

SEC("syscall")
int refused_syscall(void *ctx)
{
	return bpf_migrate_exit(0, msg, sizeof(msg));
}

MIGRATE_EXT_LICENSE;
