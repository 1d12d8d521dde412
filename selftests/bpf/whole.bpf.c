// SPDX-License-Identifier: GPL-2.0
/*
 * A policy with every callback, that calls every kfunc: it answers what its memory says,
 * and writes down there what it sees. It is of no use but to tests.
 */
#include <migrate_ext/common.bpf.h>

#include "whole.h"

struct whole_memory memory = {};

static char exit_msg[] = "the test said so";

static void maybe_exit(u32 from)
{
	if (memory.exit_from & from)
		memory.exit_result = bpf_migrate_exit(-42, exit_msg, sizeof(exit_msg));
}

static void called(u32 flags)
{
	__sync_fetch_and_add(&memory.calls, 1);
	if (flags & MIGRATE_EXT_DRY_RUN)
		__sync_fetch_and_add(&memory.dry_calls, 1);
}

u32 MIGRATE_EXT_PROG(whole_batch_pages, const struct migrate_ext_call *call)
{
	called(call->flags);
	memory.mode_batch_pages = call->mode;
	maybe_exit(WHOLE_EXIT_BATCH_PAGES);
	return memory.batch_pages;
}

s32 MIGRATE_EXT_PROG(whole_eligible, const struct migrate_ext_call *call)
{
	called(call->flags);
	memory.mode = call->mode;
	memory.reason = call->reason;
	maybe_exit(WHOLE_EXIT_ELIGIBLE);
	return memory.eligible;
}

u32 MIGRATE_EXT_PROG(whole_select, const struct migrate_ext_group *group)
{
	struct migrate_ext_migrator_state state = {};
	u32 i;

	called(group->flags);
	if (group->folios > memory.max_folios)
		memory.max_folios = group->folios;
	maybe_exit(WHOLE_EXIT_SELECT);

	bpf_for(i, 0, WHOLE_RANGES) {
		struct whole_range *range;

		if (i >= memory.nr_ranges || i >= WHOLE_RANGES)
			break;
		range = &memory.ranges[i];
		range->result = bpf_migrate_assign(group, range->first, range->nr,
						   range->migrator);
	}

	memory.answer_cost_ns = bpf_migrate_cost_ns(memory.ask_id, memory.ask_bytes,
						    memory.ask_folios);
	memory.answer_state = bpf_migrate_migrator_state(memory.ask_id, &state, sizeof(state));
	memory.state_folios = state.folios;
	memory.state_cost = state.cost[0];
	memory.state_channels = state.channels;
	memory.state_registered = state.registered;
	memory.state_quarantined = state.quarantined;
	return memory.select;
}

#define KEEP_PART(result, i) do {					\
	memory.parts[i].migrator = (result)->parts[i].migrator;		\
	memory.parts[i].taken = (result)->parts[i].taken;		\
	memory.parts[i].copied = (result)->parts[i].copied;		\
	memory.parts[i].bytes_copied = (result)->parts[i].bytes_copied;	\
	memory.parts[i].ns = (result)->parts[i].ns;			\
} while (0)

void MIGRATE_EXT_PROG(whole_done, const struct migrate_ext_group *group,
		      const struct migrate_ext_result *result)
{
	called(group->flags);
	__sync_fetch_and_add(&memory.dones, 1);
	if (result->taken > memory.max_taken)
		memory.max_taken = result->taken;
	maybe_exit(WHOLE_EXIT_DONE);
	memory.nr_parts = result->nr_parts;
	KEEP_PART(result, 0);
	KEEP_PART(result, 1);
	KEEP_PART(result, 2);
	KEEP_PART(result, 3);
}

s32 MIGRATE_EXT_SLEEPABLE(whole_init)
{
	__sync_fetch_and_add(&memory.inits, 1);
	maybe_exit(WHOLE_EXIT_INIT);
	return memory.init;
}

void MIGRATE_EXT_SLEEPABLE(whole_exit, const struct migrate_ext_exit_info *info)
{
	memory.exit_kind = info->kind;
	memory.exit_code = info->code;
	bpf_probe_read_kernel_str(memory.exit_reason, sizeof(memory.exit_reason),
				  info->reason);
	bpf_probe_read_kernel_str(memory.exit_msg, sizeof(memory.exit_msg), info->msg);
	__sync_fetch_and_add(&memory.exits, 1);
}

SEC(".struct_ops.link")
struct migrate_ext_ops whole = {
	.batch_pages = (void *)whole_batch_pages,
	.eligible = (void *)whole_eligible,
	.select = (void *)whole_select,
	.done = (void *)whole_done,
	.init = (void *)whole_init,
	.exit = (void *)whole_exit,
	.name = "whole",
};

MIGRATE_EXT_LICENSE;
