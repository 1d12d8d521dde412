// SPDX-License-Identifier: GPL-2.0
/*
 * What the verifier must refuse, each with the words that say why: a policy that was
 * accepted here could change what the kernel goes on with, sleep with folios locked, or
 * use the kfuncs where nobody thought of it.
 */
#include <errno.h>
#include <string.h>

#include "case.h"
#include "offload.h"
#include "policy.h"

void case_setup(void)
{
	offload_reset();
}

static void refused(const char *object, const char *map, const char *words)
{
	struct policy policy;
	int ret = policy_load(&policy, object, map, 0);

	EXPECT(ret, "%s: was loaded", object);
	if (!ret) {
		policy_close(&policy);
		return;
	}
	EXPECT(strstr(policy_log(), words), "%s: refused (%s), but not with \"%s\":\n%s", object,
	       strerror(-ret), words, policy_log());
}

CASE(accepted, "an honest policy is loaded")
{
	struct policy policy;
	int ret = policy_load(&policy, "steer", "steer", 0);

	REQUIRE(!ret, "refused: %s\n%s", strerror(-ret), policy_log());
	policy_close(&policy);
}

CASE(ctx_write, "a write to what eligible() is given")
{
	refused("refused_ctx_write", "refused_ops", "only read is supported");
}

CASE(result_write, "a write to the numbers that done() is given")
{
	refused("refused_result_write", "refused_ops", "only read is supported");
}

CASE(kfunc_done, "the search for a migrator from done()")
{
	refused("refused_kfunc_done", "refused_ops",
		"calling kernel function bpf_migrate_migrator_id is not allowed");
}

CASE(kfunc_tracing, "the same from a tracing program")
{
	refused("refused_kfunc_tracing", NULL,
		"calling kernel function bpf_migrate_migrator_id is not allowed");
}

CASE(sleepable, "a callback that may sleep")
{
	refused("refused_sleepable", "refused_ops", "unsupported member eligible of struct migrate_ext_ops");
}

CASE(out_of_bounds, "a read behind the end of what select() is given")
{
	refused("refused_out_of_bounds", "refused_ops", "beyond struct migrate_ext_group");
}

CASE(helper, "a helper that writes to the memory of the current task")
{
	refused("refused_helper", "refused_ops", "bpf_probe_write_user");
}

CASE(assign_eligible, "a group divided in eligible()")
{
	refused("refused_assign_eligible", "refused_ops",
		"calling kernel function bpf_migrate_assign is not allowed");
}

CASE(assign_null, "NULL for a group")
{
	refused("refused_assign_null", "refused_ops", "NULL pointer passed to trusted");
}

CASE(assign_foreign, "something else for a group")
{
	refused("refused_assign_foreign", "refused_ops", "STRUCT migrate_ext_group but");
}

CASE(assign_stack, "a group of its own making")
{
	refused("refused_assign_stack", "refused_ops", "expected STRUCT migrate_ext_group");
}

CASE(assign_map, "the same in a map")
{
	refused("refused_assign_map", "refused_ops", "expected STRUCT migrate_ext_group");
}

CASE(exit_in_exit, "bpf_migrate_exit() from exit()")
{
	refused("refused_exit_in_exit", "refused_ops",
		"calling kernel function bpf_migrate_exit is not allowed");
}

CASE(exit_syscall, "bpf_migrate_exit() from a syscall program")
{
	refused("refused_exit_syscall", NULL,
		"calling kernel function bpf_migrate_exit is not allowed");
}

CASE(exit_info_write, "a write to what exit() is given")
{
	refused("refused_exit_info_write", "refused_ops", "only read is supported");
}

CASE(state_size, "a state larger than the memory for it")
{
	refused("refused_state_size", "refused_ops", "invalid access to");
}

CASES_MAIN
