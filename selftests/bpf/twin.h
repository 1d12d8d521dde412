/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Policies that differ in what a program's tag does not tell: in SMALLEST, one of two knobs.
 * See mgx_apply.
 */
#include <migrate_ext/common.bpf.h>

KNOB(u32, low, 2, "order", 0, 20, "one of two");
KNOB(u32, high, 3, "order", 0, 20, "the other");

s32 MIGRATE_EXT_PROG(twin_eligible, const struct migrate_ext_call *call)
{
	return call->order >= SMALLEST ? MIGRATE_EXT_BATCH : MIGRATE_EXT_NO_OPINION;
}

MIGRATE_EXT_OPS(twin,
	.eligible = (void *)twin_eligible,
);

MIGRATE_EXT_LICENSE;
