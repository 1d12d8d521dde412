// SPDX-License-Identifier: GPL-2.0
/*
 * A policy whose init() refuses as it is told to, and beside it one that does not, and has
 * other flags: an object with two policies. For the test of what mgx says (mgx_author).
 */
#include <migrate_ext/common.bpf.h>

KNOB(s32, answer, 0, "errno", -4095, 0, "what init() returns");
KNOB_BOOL(quit, false, "ask for the end in init()");
KNOB(u32, tuned, 1, "", 0, 100, "a number");

s32 MIGRATE_EXT_SLEEPABLE(refuser_init)
{
	if (quit)
		migrate_exit(-5, "no engine for %u folios", tuned);
	return knob_read(answer);
}

u32 MIGRATE_EXT_PROG(refuser_select, const struct migrate_ext_group *group)
{
	return knob_read(tuned) ? MIGRATOR_CPU : MIGRATE_EXT_NO_OPINION;
}

u32 MIGRATE_EXT_PROG(willing_select, const struct migrate_ext_group *group)
{
	return knob_read(tuned) ? MIGRATOR_CPU : MIGRATE_EXT_NO_OPINION;
}

MIGRATE_EXT_OPS(refuser,
	.select = (void *)refuser_select,
	.init = (void *)refuser_init);

MIGRATE_EXT_OPS(willing,
	.flags = MIGRATE_EXT_OPS_NO_DEFAULT,
	.select = (void *)willing_select);

MIGRATE_EXT_LICENSE;
