// SPDX-License-Identifier: GPL-2.0
/*
 * vm: --mem 768M
 *
 * The memory controller on a v1 hierarchy: its cgroups are not those that policies are
 * attached to, so all folios count for the root.
 */
#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "offload.h"
#include "policy.h"

#define V1	"/tmp/memcg_v1"

static struct policy policy;
static struct arena arena;

void case_setup(void)
{
	offload_reset();
	mkdir(V1, 0755);
	/* It leaves the unified hierarchy when no cgroup of that uses it any more. */
	try_write(CGROUP_ROOT "/cgroup.subtree_control", "-memory");
	REQUIRE(!mount("memory", V1, "cgroup", 0, "memory") || errno == EBUSY, "mount: %m");
	REQUIRE(exists(V1 "/memory.usage_in_bytes"), "no memory controller in " V1);
	mkdir(V1 "/inner", 0755);
}

void case_teardown(void)
{
	policy_close(&policy);
	if (arena.addr)
		arena_unmap(&arena);
	try_write(V1 "/cgroup.procs", "0");
	rmdir(V1 "/inner");
	rmdir(CGROUP_ROOT "/v1");
	offload_reset();
}

CASE(child, "a cgroup is refused with -EOPNOTSUPP")
{
	int ret;

	REQUIRE(!mkdir(CGROUP_ROOT "/v1", 0755) || errno == EEXIST, "mkdir: %m");
	ret = policy_load(&policy, "steer", "empty", cgroup_id_of("v1"));
	REQUIRE(!ret, "load: %s", strerror(-ret));
	EXPECT_EQ(policy_attach(&policy), -EOPNOTSUPP);
}

CASE(root, "memory charged to a v1 cgroup counts for the root")
{
	struct book book;

	steer(&policy, 0);
	policy.knobs->eligible = 1;
	policy.knobs->select = 1;
	write_file(V1 "/inner/cgroup.procs", "0");
	arena = arena_map(ARENA_ANON, MiB, 0);
	book_open();
	arena_move(&arena, 1);
	book = book_close();
	arena_verify(&arena);
	EXPECT_EQ(book.consumed, 256);
	EXPECT_EQ(policy.counts->last_cgroup_id, ROOT_CGROUP_ID);
}

CASES_MAIN
