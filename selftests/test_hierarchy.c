// SPDX-License-Identifier: GPL-2.0
/*
 * Many policies: as deep as cgroups nest, and as many as there are cgroups. Each folio is
 * decided by the policies of the cgroup that it is charged to and of its ancestors, and the
 * folios of more cgroups than a batch can tell apart move the usual way.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "offload.h"
#include "policy.h"

#define DEEP	8
/* The long form of this test has them all. */
#ifndef WIDE
#define WIDE	64
#endif
#define MANY	40	/* more than the 32 groups of a batch */

static struct policy policies[WIDE];
static struct arena arena;
static int deepest, widest;

/* The children of a cgroup have memory of their own only when it says so. */
static void account_children(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUP_ROOT "/%s/cgroup.subtree_control", name);
	write_file(path, "+memory");
}

static void deep_name(char *name, int depth)
{
	int i;

	strcpy(name, "hierarchy");
	for (i = 0; i < depth; i++)
		strcat(name, "/d");
}

static void wide_name(char *name, int i)
{
	sprintf(name, "hierarchy/w%d", i);
}

void case_setup(void)
{
	offload_reset();
	cgroup_of("hierarchy");
	account_children("hierarchy");
}

void case_teardown(void)
{
	char name[64];

	if (arena.addr)
		arena_unmap(&arena);
	cgroup_enter("");
	for (int i = 0; i < WIDE; i++)
		policy_close(&policies[i]);
	for (; deepest; deepest--) {
		deep_name(name, deepest);
		cgroup_remove(name);
	}
	for (; widest; widest--) {
		wide_name(name, widest - 1);
		cgroup_remove(name);
	}
	cgroup_remove("hierarchy");
	offload_reset();
}

static void make_deep(void)
{
	char name[64];

	for (deepest = 0; deepest < DEEP; deepest++) {
		deep_name(name, deepest + 1);
		steer(&policies[deepest], cgroup_of(name));
		if (deepest < DEEP - 1)
			account_children(name);
	}
	cgroup_enter(name);
	arena = arena_map(ARENA_ANON, MiB, 0);
}

static struct book move(void)
{
	struct book book;

	book_open();
	arena_move(&arena, arena_on_node(&arena, 0) ? 1 : 0);
	book = book_close();
	arena_verify(&arena);
	return book;
}

CASE(deep, "eight nested policies: any SINGLE wins, the nearest choice counts, all are told")
{
	struct book book;
	int i;

	make_deep();
	policies[0].knobs->eligible = 1;
	policies[2].knobs->select = 1;
	policies[0].knobs->select = 999;
	book = move();
	EXPECT_EQ(book.consumed, 256);
	for (i = 0; i < DEEP; i++) {
		EXPECT_EQ(policies[i].counts->eligible, 1);
		EXPECT_EQ(policies[i].counts->consumed, 256);
		EXPECT_EQ(policies[i].counts->decided, i == 2);
		/* Asked from the inside out, until one had a choice. */
		EXPECT_EQ(policies[i].counts->select, i >= 2);
		EXPECT_EQ(policy_book(policies[i].cgroup_id).consumed, 256);
	}

	/* Any of them can forbid it for all below. */
	for (i = 0; i < DEEP; i++) {
		policies[i].knobs->eligible = 2;
		book = move();
		EXPECT_EQ(book.consumed, 0);
		EXPECT_EQ(book.refused_policy, 256);
		policies[i].knobs->eligible = 1;
	}
	EXPECT_EQ(move().consumed, 256);
}

CASE(wide, "a policy for each of many cgroups, all attached at once")
{
	/* Of each policy some maps, programs, and the link. */
	struct rlimit files = { 32 * WIDE, 32 * WIDE };
	char name[64];
	int i, ret;

	REQUIRE(!setrlimit(RLIMIT_NOFILE, &files), "setrlimit: %m");
	for (widest = 0; widest < WIDE; widest++) {
		wide_name(name, widest);
		ret = policy_load(&policies[widest], "steer", "empty", cgroup_of(name));
		REQUIRE(!ret, "%s: load: %s", name, strerror(-ret));
		ret = policy_attach(&policies[widest]);
		REQUIRE(!ret, "%s: attach: %s", name, strerror(-ret));
	}
	/* The book of a cgroup in the middle is its own. */
	offload_use("cpu");
	wide_name(name, WIDE / 2);
	cgroup_enter(name);
	arena = arena_map(ARENA_ANON, MiB, 0);
	EXPECT_EQ(move().consumed, 256);
	for (i = 0; i < WIDE; i++)
		EXPECT_EQ(policy_event(policies[i].cgroup_id, "done"), i == WIDE / 2);
	EXPECT_EQ(policy_book(policies[WIDE / 2].cgroup_id).consumed, 256);
}

CASE(dying, "memory of a removed cgroup counts for its nearest living ancestor")
{
	uint64_t id = cgroup_of("hierarchy");

	cgroup_of("hierarchy/w0");
	cgroup_enter("hierarchy/w0");
	arena = arena_map(ARENA_ANON, MiB, 0);
	cgroup_enter("");
	REQUIRE(!cgroup_remove("hierarchy/w0"), "the cgroup is not removed");
	steer(&policies[0], id);
	policies[0].knobs->eligible = 1;
	policies[0].knobs->select = 1;
	EXPECT_EQ(move().consumed, 256);
	EXPECT_EQ(policies[0].counts->last_cgroup_id, id);
	EXPECT_EQ(policies[0].counts->consumed, 256);
}

/* Memory of which every cgroup has some pages. */
static void fill_from_many(void)
{
	size_t i, pages;
	char name[64];
	int many;

	for (widest = 0; widest < MANY; widest++) {
		wide_name(name, widest);
		cgroup_of(name);
	}
	bind_to_node(0);
	arena = arena_map_untouched(ARENA_ANON, MiB);
	pages = arena_pages(&arena);
	for (many = 0; many < MANY; many++) {
		wide_name(name, many);
		cgroup_enter(name);
		for (i = many; i < pages; i += MANY)
			*(volatile char *)(arena.addr + i * PAGE) = 1;
	}
	bind_to_node(-1);
	cgroup_enter("");
	arena_fill(&arena, 99);
}

CASE(many_in_a_batch, "folios of more cgroups than fit in a batch: the rest moves the usual way, counted")
{
	uint64_t full = counter(OFFLOAD_DIR "/events", "groups_full");
	struct book book;

	offload_use("cpu");
	fill_from_many();
	book = move();
	full = counter(OFFLOAD_DIR "/events", "groups_full") - full;
	case_note("%" PRIu64 " copied ahead, %" PRIu64 " not", book.consumed, full);
	EXPECT_EQ(book.offered, 256);
	EXPECT_EQ(book.consumed + book.refused_full, 256);
	EXPECT_EQ(book.refused_full, full);
	/* 256 pages over 40 cgroups: 16 of them with 7 pages, 24 with 6. */
	EXPECT_EQ(book.consumed, 16 * 7 + 16 * 6);
	EXPECT_EQ(arena_on_node(&arena, 1), 256);
}

CASES_MAIN
