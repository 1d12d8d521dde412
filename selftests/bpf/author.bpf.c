// SPDX-License-Identifier: GPL-2.0
/*
 * What the author's header offers beyond knobs and counters, each used once: reasons by
 * name, orders, the state of a migrator, a message made of what was seen, a record of
 * the end. It is of use to the test of the header only (mgx_author).
 */
#include <migrate_ext/common.bpf.h>

KNOB_REASONS(ours, REASON(MR_DEMOTION) | REASON(MR_DAMON), "what is batched");
KNOB(u32, smallest, 2, "order", 0, 20, "groups with smaller folios are nobody's");
KNOB_STR(engine, 16, "mtcopy", "migrator that copies");
KNOB_BOOL(quit, false, "end at the next group that is a demotion");

COUNTER(demotions, "groups of demotions that were asked about");
COUNTER(registered, "groups for which the CPU was a migrator with a state");

s32 MIGRATE_EXT_PROG(author_eligible, const struct migrate_ext_call *call)
{
	return reason_in(knob_read(ours), call->reason) ? MIGRATE_EXT_BATCH :
		MIGRATE_EXT_SINGLE;
}

u32 MIGRATE_EXT_PROG(author_select, const struct migrate_ext_group *group)
{
	struct migrator_state_buf cpu = {};

	if (!migrator_state(MIGRATOR_CPU, &cpu) && cpu.state.registered)
		count(registered, 1);
	if (reason_is(group->reason, MR_DEMOTION)) {
		count(demotions, 1);
		if (quit)
			migrate_exit(-7, "%s of %u folios, orders %u to %u",
				     reason_name(group->reason), group->folios,
				     orders_lowest(group->orders), orders_highest(group->orders));
	}
	if (!orders_at_least(group->orders, knob_read(smallest)))
		return MIGRATE_EXT_NO_OPINION;
	return migrator_ready(knob_str(engine)) ?: MIGRATOR_CPU;
}

MIGRATE_EXT_RECORD_EXIT(author_exit);

MIGRATE_EXT_OPS(author,
	.eligible = (void *)author_eligible,
	.select = (void *)author_select,
	.exit = (void *)author_exit);

MIGRATE_EXT_LICENSE;
