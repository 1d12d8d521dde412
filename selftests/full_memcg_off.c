// SPDX-License-Identifier: GPL-2.0
/*
 * vm: --append cgroup_disable=memory --mem 768M
 *
 * Without the memory controller all folios are the root's: a policy of the whole system
 * decides for all of them, and there is nothing else that one could be attached to.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "arena.h"
#include "case.h"
#include "offload.h"
#include "policy.h"

static struct policy policy;
static struct arena arena;

void case_setup(void)
{
	offload_reset();
}

void case_teardown(void)
{
	policy_close(&policy);
	if (arena.addr)
		arena_unmap(&arena);
	cgroup_remove("off");
	offload_reset();
}

CASE(child, "a cgroup is refused with -EOPNOTSUPP")
{
	int ret;

	REQUIRE(!mkdir(CGROUP_ROOT "/off", 0755) || errno == EEXIST, "mkdir: %m");
	ret = policy_load(&policy, "steer", "empty", cgroup_id_of("off"));
	REQUIRE(!ret, "load: %s", strerror(-ret));
	EXPECT_EQ(policy_attach(&policy), -EOPNOTSUPP);
}

CASE(root, "the whole system's policy decides, and is told the root's id")
{
	struct book book;

	REQUIRE(!mkdir(CGROUP_ROOT "/off", 0755) || errno == EEXIST, "mkdir: %m");
	steer(&policy, 0);
	policy.knobs->eligible = 1;
	policy.knobs->select = 1;
	cgroup_enter("off");
	arena = arena_map(ARENA_ANON, MiB, 0);
	book_open();
	arena_move(&arena, 1);
	book = book_close();
	cgroup_enter("");
	arena_verify(&arena);
	EXPECT_EQ(book.consumed, 256);
	EXPECT_EQ(policy.counts->consumed, 256);
	EXPECT_EQ(policy.counts->last_cgroup_id, ROOT_CGROUP_ID);
}

CASES_MAIN
