// SPDX-License-Identifier: GPL-2.0
/* Must be refused: what a policy is given is read-only. */
#include <migrate_ext/common.bpf.h>

s32 MIGRATE_EXT_PROG(refused_eligible, struct migrate_ext_call *call)
{
	call->order = 0;
	return MIGRATE_EXT_BATCH;
}

MIGRATE_EXT_OPS(refused, .eligible = (void *)refused_eligible);

MIGRATE_EXT_LICENSE;
