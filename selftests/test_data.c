// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 300
 *
 * Every byte is right after a move, for each kind of memory and each migrator.
 *
 * The books say who copied: a test that fell back to the CPU in the move phase would show
 * consumed = 0, and fail. The memory is rewritten and moved back, so that a copy that was
 * left from the first move would be seen in the second one.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "mtcopy.h"
#include "offload.h"
#include "round_trip.h"

#define BYTES	(4 * MiB)

static struct arena arena;

void case_setup(void)
{
	insert_once("migrator_test");
	if (!is_loaded("dcbm"))
		dcbm_start("channels=4");
	/* More than the destination node has CPUs. */
	if (!is_loaded("mtcopy"))
		mtcopy_start("threads=4 min_chunk=65536");
	mt_reset();
	offload_reset();
	/* All the huge pages in a batch. */
	offload_set("batch_pages", "2048");
}

void case_teardown(void)
{
	if (is_loaded("migrator_test")) {
		mt_check();
		mt_reset();
	}
	offload_reset();
	round_trip_clean_up();
	if (arena.addr)
		arena_unmap(&arena);
}

#define MIGRATOR(m)								\
	CASE(m##_anon, "anon 4 KiB by " #m)					\
	{									\
		round_trip(#m, ARENA_ANON, BYTES);				\
	}									\
	CASE(m##_anon_huge, "anon 2 MiB by " #m)				\
	{									\
		round_trip(#m, ARENA_ANON_HUGE, BYTES);				\
	}									\
	CASE(m##_shmem, "shmem 4 KiB by " #m)					\
	{									\
		round_trip(#m, ARENA_SHMEM, BYTES);				\
	}									\
	CASE(m##_shmem_huge, "shmem 2 MiB by " #m)				\
	{									\
		round_trip(#m, ARENA_SHMEM_HUGE, BYTES);			\
	}									\
	CASE(m##_forked, "anon 4 KiB that four processes map, by " #m)		\
	{									\
		round_trip_forked(#m, ARENA_ANON, BYTES / 2);			\
	}									\
	CASE(m##_forked_huge, "anon 2 MiB that four processes map, by " #m)	\
	{									\
		round_trip_forked(#m, ARENA_ANON_HUGE, BYTES / 2);		\
	}

MIGRATOR(cpu)
MIGRATOR(test)
MIGRATOR(dcbm)
MIGRATOR(mtcopy)

CASE(capped, "whatever batch_pages is, a batch has no more folios than fit")
{
	struct book book;

	arena = arena_map(ARENA_ANON, BYTES, 0);
	offload_set("batch_pages", "4096");
	offload_use("test");
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	book = book_close();
	arena_verify(&arena);
	EXPECT_EQ(book.consumed, arena_pages(&arena));
	EXPECT_EQ(book.refused_full, 0);
}

/*
 * The list of folios that were split is not cut. Huge folios of which every other
 * page has gone are split before they are moved, all four of one call.
 */
CASE(many, "many small folios in one call are cut into batches of what fits")
{
	struct book book;

	arena = arena_map(ARENA_ANON, BYTES, 0);
	offload_set("batch_pages", "262144");
	offload_use("test");
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	book = book_close();
	arena_verify(&arena);
	EXPECT_EQ(book.consumed, arena_pages(&arena));
	EXPECT_EQ(mt_get("jobs"), arena_pages(&arena) / 512);
}

#define FAIL_PAGE_ALLOC	"/sys/kernel/debug/fail_page_alloc"

/* Only huge pages, for this task, and silently. */
static void fail_huge_pages(bool fail)
{
	write_file("/proc/self/make-it-fail", fail ? "1" : "0");
	write_file(FAIL_PAGE_ALLOC "/task-filter", "Y");
	write_file(FAIL_PAGE_ALLOC "/min-order", "9");
	write_file(FAIL_PAGE_ALLOC "/ignore-gfp-wait", "N");
	write_file(FAIL_PAGE_ALLOC "/ignore-gfp-highmem", "N");
	write_file(FAIL_PAGE_ALLOC "/verbose", "0");
	write_file(FAIL_PAGE_ALLOC "/times", "-1");
	write_file(FAIL_PAGE_ALLOC "/probability", fail ? "100" : "0");
}

/* The folios of huge pages that had to be split come in one list, however many. */
CASE(full, "a batch with more folios than fit: the rest is copied by the CPU")
{
	struct book book;

	arena = arena_map(ARENA_ANON_HUGE, BYTES, 0);
	offload_set("batch_pages", "262144");
	offload_use("test");
	fail_huge_pages(true);
	book_open();
	arena_move(&arena, 1);
	fail_huge_pages(false);
	book = book_close();
	arena_verify(&arena);
	EXPECT_EQ(arena_on_node(&arena, 1), arena_pages(&arena));
	EXPECT_EQ(book.offered, arena_pages(&arena));
	EXPECT_EQ(book.consumed, 512);
	EXPECT_EQ(book.refused_full, arena_pages(&arena) - 512);
}

CASE(unload, "the modules go without a trace")
{
	dcbm_stop();
	mtcopy_stop();
	remove_module("migrator_test");
}

CASES_MAIN
