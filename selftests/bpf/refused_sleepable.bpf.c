// SPDX-License-Identifier: GPL-2.0
/* Must be refused: callbacks run with folios locked, and may not sleep. */
#include <migrate_ext/common.bpf.h>

SEC("struct_ops.s/eligible")
s32 BPF_PROG(refused_eligible, const struct migrate_ext_call *call)
{
	return MIGRATE_EXT_BATCH;
}

MIGRATE_EXT_OPS(refused, .eligible = (void *)refused_eligible);

MIGRATE_EXT_LICENSE;
