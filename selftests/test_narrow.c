// SPDX-License-Identifier: GPL-2.0
/*
 * Point 6 of the design: policies only narrow.
 *
 * Whatever a policy answers, the bytes are right; what is not an answer is counted and ends
 * in today's behaviour; no answer makes a file's folio eligible or goes beyond the admin's
 * reasons, for which no policy is even asked. And what policies do decide is decided as
 * written: any SINGLE wins, the nearest choice wins, and done() is told what the kernel
 * has in its own books.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "offload.h"
#include "policy.h"

#define PAGES	64

enum { NO_OPINION, BATCH, SINGLE };
enum { NONE, CPU };

static struct arena arena;
static struct policy one, two;

void case_setup(void)
{
	insert_once("migrator_test");
	mt_reset();
	offload_reset();
}

void case_teardown(void)
{
	mt_check();
	mt_reset();
	offload_reset();
	policy_close(&one);
	policy_close(&two);
	if (arena.addr)
		arena_unmap(&arena);
	cgroup_enter("");
	cgroup_remove("narrow/child");
	cgroup_remove("narrow");
}

/* Moves a fresh arena and gives the book; the bytes are right and the migrator content. */
static struct book move_some(size_t pages)
{
	struct book book;

	if (arena.addr)
		arena_unmap(&arena);
	arena = arena_map(ARENA_ANON, pages * PAGE, 0);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), pages);
	book = book_close();
	arena_verify(&arena);
	return book;
}

CASE(nonsense_eligible, "answers of eligible() that are none end in no opinion")
{
	static const int answers[] = { 3, -1, 255, INT_MAX, INT_MIN };
	struct book book;
	size_t i;

	steer(&one, 0);
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		one.knobs->eligible = answers[i];
		book = move_some(PAGES);
		EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "nonsense"), i + 1);
		EXPECT_EQ(book.refused_policy, PAGES);
	}
	/* No opinion: then the built-in default has one. */
	offload_use("test");
	one.knobs->eligible = 77;
	book = move_some(PAGES);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(mt_get("copied"), PAGES);
}

CASE(nonsense_select, "ids that no migrator has end in no opinion")
{
	static const unsigned int ids[] = { 33, 1000, 0x7fffffff, 0x80000000, 0xffffffff };
	struct book book;
	size_t i;

	steer(&one, 0);
	one.knobs->eligible = BATCH;
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		one.knobs->select = ids[i];
		book = move_some(PAGES);
		EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "nonsense"), i + 1);
		EXPECT_EQ(book.consumed, PAGES);
		EXPECT_EQ(one.counts->last_migrator, CPU);
	}
	EXPECT_EQ(mt_get("pairs"), 0);
	offload_use("test");
	move_some(PAGES);
	EXPECT_EQ(mt_get("copied"), PAGES);
}

CASE(random, "random answers lose no byte")
{
	uint64_t asked, told;
	int i;

	/* Not to be ejected for it. */
	policy_settings.error_limit = 1 << 20;
	steer(&one, 0);
	policy_settings.error_limit = 0;
	one.knobs->random = 1;
	for (i = 0; i < 24; i++)
		move_some(PAGES);
	EXPECT_GT(policy_event(ROOT_CGROUP_ID, "nonsense"), 0);
	asked = one.counts->eligible + one.counts->select;
	told = policy_event(ROOT_CGROUP_ID, "eligible_none") +
	       policy_event(ROOT_CGROUP_ID, "eligible_batch") +
	       policy_event(ROOT_CGROUP_ID, "eligible_single") +
	       policy_event(ROOT_CGROUP_ID, "select_none") +
	       policy_event(ROOT_CGROUP_ID, "select_cpu") +
	       policy_event(ROOT_CGROUP_ID, "select_migrator") +
	       policy_event(ROOT_CGROUP_ID, "select_gone") +
	       policy_event(ROOT_CGROUP_ID, "nonsense");
	EXPECT_EQ(asked, told);
}

CASE(gone, "a migrator that has gone is counted apart, and the CPU copies")
{
	struct book book;
	uint64_t id;

	steer(&one, 0);
	one.knobs->eligible = BATCH;
	one.knobs->by_name = STEER_TEST;
	book = move_some(PAGES);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(mt_get("copied"), PAGES);
	EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "select_migrator"), 1);
	id = one.counts->last_chosen;
	EXPECT_EQ(id, one.counts->last_migrator);
	EXPECT_GT(id, CPU);
	remove_module("migrator_test");
	book = move_some(PAGES);
	insert("migrator_test", NULL);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(one.counts->last_migrator, CPU);
	EXPECT_EQ(one.counts->last_chosen, id);
	EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "select_gone"), 1);
	EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "nonsense"), 0);
	/* Its id is still its own. */
	move_some(PAGES);
	EXPECT_EQ(mt_get("copied"), PAGES);
}

CASE(kinds, "no answer makes a file's folio eligible")
{
	struct book book;
	size_t bytes = MiB;
	char *map;
	int fd;

	steer(&one, 0);
	one.knobs->eligible = BATCH;
	one.knobs->by_name = STEER_TEST;
	fd = open("/usr/bin/perl", O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0, "/usr/bin/perl: %m");
	map = mmap(NULL, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	REQUIRE(map != MAP_FAILED, "mmap: %m");
	move_range(0, map, bytes, 0);
	book_open();
	move_range(0, map, bytes, 1);
	book = book_close();
	munmap(map, bytes);
	close(fd);
	EXPECT_GT(book.refused_kind, 0);
	EXPECT_EQ(book.taken, 0);
	EXPECT_EQ(one.counts->eligible, 0);
	EXPECT_EQ(mt_get("pairs"), 0);
}

CASE(ceiling, "for a reason that the admin has not allowed no policy is asked")
{
	struct book book;

	steer(&one, 0);
	one.knobs->eligible = BATCH;
	offload_set("reason_mask", "demotion damon");
	book = move_some(PAGES);
	EXPECT_EQ(book.offered, 0);
	EXPECT_EQ(one.counts->eligible + one.counts->select + one.counts->done, 0);
	offload_set("reason_mask", "all");
	book = move_some(PAGES);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(one.counts->eligible, 1);
	EXPECT_EQ(one.counts->select, 1);
	EXPECT_EQ(one.counts->done, 1);
}

CASE(single_wins, "the cgroup's BATCH does not help against an ancestor's SINGLE, nor the reverse")
{
	uint64_t id = cgroup_of("narrow");
	struct book book;

	steer(&one, 0);
	steer(&two, id);
	cgroup_enter("narrow");
	one.knobs->eligible = SINGLE;
	two.knobs->eligible = BATCH;
	book = move_some(PAGES);
	EXPECT_EQ(book.refused_policy, PAGES);
	one.knobs->eligible = BATCH;
	two.knobs->eligible = SINGLE;
	book = move_some(PAGES);
	EXPECT_EQ(book.refused_policy, PAGES);
	one.knobs->eligible = NO_OPINION;
	two.knobs->eligible = BATCH;
	book = move_some(PAGES);
	EXPECT_EQ(book.consumed, PAGES);
}

CASE(nearest, "the nearest policy that has a choice makes it, for the cgroup of the memory")
{
	uint64_t id = cgroup_of("narrow"), child;
	struct book book;

	write_file("/sys/fs/cgroup/narrow/cgroup.subtree_control", "+memory");
	child = cgroup_of("narrow/child");
	steer(&one, 0);
	steer(&two, id);
	one.knobs->eligible = BATCH;
	one.knobs->select = CPU;
	two.knobs->by_name = STEER_TEST;
	cgroup_enter("narrow/child");
	book = move_some(PAGES);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(mt_get("copied"), PAGES);
	EXPECT_EQ(two.counts->last_cgroup_id, child);
	EXPECT_EQ(two.counts->decided, 1);
	EXPECT_EQ(one.counts->decided, 0);
	EXPECT_EQ(one.counts->done, 1);

	/* Who moves it does not matter, whose it is does. */
	cgroup_enter("");
	book_open();
	EXPECT_EQ(arena_move(&arena, 0), PAGES);
	book = book_close();
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(mt_get("copied"), 2 * PAGES);
	EXPECT_EQ(two.counts->last_cgroup_id, child);

	/* And what is the root's is not theirs. */
	move_some(PAGES);
	EXPECT_EQ(mt_get("copied"), 2 * PAGES);
	EXPECT_EQ(one.counts->last_cgroup_id, ROOT_CGROUP_ID);
	EXPECT_EQ(one.counts->decided, 1);
	policy_close(&two);
	EXPECT_EQ(cgroup_remove("narrow/child"), 0);
}

CASE(books_agree, "done() is told what stands in the books, faults included")
{
	uint64_t id = cgroup_of("narrow");
	struct book all, own;
	volatile struct steer_counts *c;

	steer(&one, id);
	c = one.counts;
	one.knobs->eligible = BATCH;
	one.knobs->by_name = STEER_TEST;
	cgroup_enter("narrow");
	mt_set("fault_every", 5);
	mt_set("fault_status", 2);
	mt_set("ref_nr", 3);
	arena = arena_map(ARENA_ANON, 1024 * PAGE, 0);
	book_open();
	arena_move(&arena, 1);
	all = book_close();
	own = policy_book(id);
	book_check(&own);
	EXPECT(!memcmp(&all, &own, sizeof(all)), "the books of the only cgroup differ from all");
	if (case_failed()) {
		book_print(&all);
		book_print(&own);
	}
#define SAME(x) EXPECT_EQ(c->x, own.x)
	SAME(offered);
	SAME(taken);
	SAME(refused);
	SAME(copied);
	SAME(failed);
	SAME(consumed);
	SAME(discarded);
	SAME(bytes_taken);
	SAME(bytes_copied);
	SAME(ns);
	SAME(busy_ns);
	EXPECT_EQ(own.offered, 1024);
	EXPECT_GT(own.failed, 0);
	EXPECT_GT(own.discarded, 0);
	EXPECT_EQ(c->select_folios, own.offered - own.refused_busy);
	EXPECT_EQ(c->select_bytes, c->select_folios * PAGE);
	EXPECT_EQ(c->done, policy_event(id, "done"));
	EXPECT_EQ(c->last_reason, 3);
	EXPECT_EQ(c->last_src_nid, 0);
	EXPECT_EQ(c->last_dst_nid, 1);
}

CASES_MAIN
