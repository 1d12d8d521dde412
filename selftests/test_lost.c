// SPDX-License-Identifier: GPL-2.0
/*
 * Point 4 of the design: pages that an engine may still touch are nobody else's any more.
 *
 * The migrator reports pairs as lost and writes into their destinations much later, when
 * the owner has gone and the memory of both nodes has been asked for. Had the core not kept
 * a reference on either page of a pair, that write would hit somebody's memory, and KASAN
 * would report it; had it copied into that destination or moved the source there, the owner
 * would find garbage.
 */
#include <stdio.h>

#include "arena.h"
#include "case.h"
#include "offload.h"

#define PAGES	64

enum { LOST = 4 };

static struct arena arena, later, holes[8];

void case_setup(void)
{
	insert_once("migrator_test");
	mt_reset();
	offload_reset();
	offload_use("test");
}

void case_teardown(void)
{
	size_t i;

	mt_check();
	mt_reset();
	offload_reset();
	if (arena.addr)
		arena_unmap(&arena);
	if (later.addr)
		arena_unmap(&later);
	for (i = 0; i < sizeof(holes) / sizeof(*holes); i++)
		if (holes[i].addr)
			arena_unmap(&holes[i]);
}

/* Both pages of every lost pair still have an owner: the core. */
static void check_kept(size_t nr)
{
	FILE *file = fopen(TEST_MIGRATOR "/lost", "re");
	unsigned long src, dst;
	int src_refs, dst_refs;
	size_t lines = 0;

	REQUIRE(file, TEST_MIGRATOR "/lost: %m");
	while (fscanf(file, "%lu %lu %d %d", &src, &dst, &src_refs, &dst_refs) == 4) {
		EXPECT(src_refs >= 1, "source %#lx: %d references", src, src_refs);
		EXPECT(dst_refs >= 1, "destination %#lx: %d references", dst, dst_refs);
		lines++;
	}
	fclose(file);
	EXPECT_EQ(lines, nr);
}

static void lose(enum arena_kind kind, size_t bytes, size_t pages_a_folio)
{
	struct book book;
	size_t lost;

	arena = arena_map(kind, bytes, 0);
	mt_set("fault_status", LOST);
	mt_set("fault_garbage", 2);
	mt_set("fault_every", 3);
	book_open();
	arena_move(&arena, 1);
	book = book_close();
	lost = mt_get("faults");

	/* The source lives on where it was, with its own bytes, and may be written. */
	EXPECT_GT(lost, 0);
	EXPECT_EQ(book.failed_lost, lost);
	EXPECT_EQ(arena_on_node(&arena, 1), arena_pages(&arena) - lost * pages_a_folio);
	arena_verify(&arena);
	arena_fill(&arena, 2);

	/* It never moves again, not by anybody. */
	mt_set("fault_every", 0);
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena) - lost * pages_a_folio);
	arena_verify(&arena);

	/* The engine is still at it. */
	mt_set("late_write", 1);
	EXPECT_EQ(mt_get("late_writes"), lost);
	arena_verify(&arena);
	check_kept(lost);

	/* The owner goes; whoever comes next is not disturbed. */
	arena_unmap(&arena);
	later = arena_map(ARENA_ANON, 8 * MiB, 1);
	check_kept(lost);
	mt_set("late_write", 1);
	arena_verify(&later);
}

CASE(anon, "lost pairs of anon folios stay out of use")
{
	lose(ARENA_ANON, PAGES * PAGE, 1);
}

CASE(shmem, "lost pairs of shmem folios stay out of use")
{
	lose(ARENA_SHMEM, PAGES * PAGE, 1);
}

CASE(huge, "lost pairs of 2 MiB folios stay out of use")
{
	offload_set("batch_pages", "4096");
	lose(ARENA_ANON_HUGE, 4 * HUGE_PAGE, HUGE_PAGE / PAGE);
}

/* Compaction keeps the destinations that were not used for the next folio. */
CASE(compaction, "a lost destination does not go back to compaction")
{
	size_t lost, i, nr = sizeof(holes) / sizeof(*holes);
	struct book before, book;

	mt_set("fault_status", LOST);
	mt_set("fault_garbage", 1);
	mt_set("fault_every", 100);
	before = book_read(NULL, "compaction");
	/*
	 * Compaction fills holes higher up than what it moves, in pageblocks that are
	 * not free as a whole, of which it leaves out up to 31 after each without a
	 * hole. So whether it moves anything is chance, but it must once there are more.
	 */
	for (i = 0; i < nr && !mt_get("faults"); i++) {
		holes[i] = arena_map(ARENA_ANON, 16 * MiB, 0);
		arena_perforate(&holes[i]);
		write_file("/proc/sys/vm/compact_memory", "1");
	}
	book = book_minus(book_read(NULL, "compaction"), before);
	book_check(&book);
	lost = mt_get("faults");
	mt_set("fault_every", 0);
	EXPECT_GT(lost, 0);
	EXPECT_EQ(book.failed_lost, lost);
	write_file("/proc/sys/vm/compact_memory", "1");
	mt_set("late_write", 1);
	later = arena_map(ARENA_ANON, 8 * MiB, 0);
	mt_set("late_write", 1);
	arena_verify(&later);
	for (i = 0; i < nr && holes[i].addr; i++)
		arena_verify_perforated(&holes[i]);
	check_kept(lost);
}

CASES_MAIN
