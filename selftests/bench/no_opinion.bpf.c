// SPDX-License-Identifier: GPL-2.0
/* Asked everything and says nothing: the next policy up the tree is asked as well. */
#include <migrate_ext/common.bpf.h>

s32 MIGRATE_EXT_PROG(no_opinion_eligible, const struct migrate_ext_call *call)
{
	return MIGRATE_EXT_NO_OPINION;
}

u32 MIGRATE_EXT_PROG(no_opinion_select, const struct migrate_ext_group *group)
{
	return MIGRATOR_NONE;
}

MIGRATE_EXT_OPS(no_opinion,
	.eligible = (void *)no_opinion_eligible,
	.select = (void *)no_opinion_select);

MIGRATE_EXT_LICENSE;
