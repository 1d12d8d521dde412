// SPDX-License-Identifier: GPL-2.0
/*
 * A policy of a time to come: it was built where there is a kfunc, a member of a group, a
 * reason and two members of the ops that no kernel has. What compat.bpf.h promises is that
 * compat runs without them, and that compat_set, which sets one of the members, is refused.
 */
#include <migrate_ext/common.bpf.h>

extern u32 bpf_migrate_of_no_kernel(u32 id) __ksym __weak;

enum migrate_reason___later {
	MR_OF_NO_KERNEL = 9,	/* the number of one that there is */
};

struct migrate_ext_group___later {
	u64 of_no_kernel;
	u32 reason;
} __attribute__((preserve_access_index));

struct migrate_ext_ops___later {
	u32 (*of_no_kernel)(const struct migrate_ext_group *group);
	s32 (*eligible)(const struct migrate_ext_call *call);
	u32 (*select)(const struct migrate_ext_group *group);
	u64 limit_of_no_kernel;
	char name[16];
};

COUNTER(asked, "groups");
COUNTER(moved_members, "groups whose reason was read as its number");

s32 MIGRATE_EXT_PROG(compat_eligible, const struct migrate_ext_call *call)
{
	return MIGRATE_EXT_BATCH;
}

u32 MIGRATE_EXT_PROG(compat_select, const struct migrate_ext_group *group)
{
	const struct migrate_ext_group___later *later = (const void *)group;

	count(asked, 1);
	if (bpf_ksym_exists(bpf_migrate_of_no_kernel))
		return bpf_migrate_of_no_kernel(1);
	if (bpf_core_field_exists(later->of_no_kernel))
		return later->of_no_kernel;
	if (bpf_core_enum_value_exists(enum migrate_reason___later, MR_OF_NO_KERNEL))
		return 0;
	/* Found by name, though it stands in another place here. */
	if (later->reason == group->reason)
		count(moved_members, 1);
	return MIGRATOR_CPU;
}

SEC(".struct_ops.link")
struct migrate_ext_ops___later compat_ops = {
	.eligible = (void *)compat_eligible,
	.select = (void *)compat_select,
	.name = "compat",
};

SEC(".struct_ops.link")
struct migrate_ext_ops___later compat_set_ops = {
	.eligible = (void *)compat_eligible,
	.select = (void *)compat_select,
	.limit_of_no_kernel = 1,
	.name = "compat_set",
};

MIGRATE_EXT_LICENSE;
