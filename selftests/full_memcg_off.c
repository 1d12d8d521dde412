// SPDX-License-Identifier: GPL-2.0
/*
 * arch: x86_64
 * vm: --append cgroup_disable=memory --mem 448M --qemu "-m 1344M -object memory-backend-ram,id=third,size=448M -numa node,nodeid=2,memdev=third"
 *
 * Without the memory controller all folios are the root's: a policy of the whole system
 * decides for all of them, and there is nothing else that one could be attached to.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "arena.h"
#include "case.h"
#include "copy_trace.h"
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
	copy_trace_end();
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

/* With the controller, what a folio is charged to tells its node as well. */
CASE(several_nodes, "folios of one batch that come from two nodes are two groups")
{
	size_t half, offset, there = 0;
	struct copy_trace trace;

	insert_once("migrator_test");
	mt_reset();
	offload_use("test");
	arena = arena_map(ARENA_ANON, 2 * MiB, 0);
	half = arena.bytes / PAGE / 2;
	for (offset = 0; offset < arena.bytes; offset += 2 * PAGE)
		there += move_range(0, arena.addr + offset, PAGE, 1);
	EXPECT_EQ(there, half);
	copy_trace_begin();
	EXPECT_EQ(arena_move(&arena, 2), 2 * half);
	trace = copy_trace_read("syscall_or_cpuset", "test");
	copy_trace_end();
	arena_verify(&arena);
	EXPECT_EQ(trace.between[0][2], half);
	EXPECT_EQ(trace.between[1][2], half);
	mt_reset();
}

CASES_MAIN
