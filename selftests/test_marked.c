// SPDX-License-Identifier: GPL-2.0
/*
 * Points 3 and 5 of the design: marked means copied, and the arbiter.
 *
 * A migrator that refuses, fails and half copies leaves garbage in destinations. Only what
 * it reported as copied may be taken for a copy: were a mark set for anything else, garbage
 * would stand in the memory. A first try to move that ends in -EAGAIN uses its mark up: the
 * source is written before the next try, and a mark that survived would lose that write. A
 * reference that appears after the copy is noticed: without the second look at the
 * reference count the write through it would be lost.
 */
#include "arena.h"
#include "case.h"
#include "offload.h"

#define PAGES	64

enum { REFUSED = 0, FAILED = 2, TIMED_OUT = 3 };

static struct arena arena;

void case_setup(void)
{
	insert_once("migrator_test");
	mt_reset();
	offload_reset();
	offload_use("test");
}

void case_teardown(void)
{
	mt_check();
	mt_reset();
	offload_reset();
	if (arena.addr)
		arena_unmap(&arena);
}

/* Every third copy ends with @status; the destination holds @garbage then. */
static struct book move_with_faults(enum arena_kind kind, size_t bytes, int status, int garbage)
{
	struct book book;

	arena = arena_map(kind, bytes, 0);
	mt_set("fault_status", status);
	mt_set("fault_garbage", garbage);
	mt_set("fault_every", 3);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	book = book_close();
	arena_verify(&arena);
	EXPECT_GT(mt_get("faults"), 0);
	EXPECT_GT(mt_get("copied"), 0);
	EXPECT_EQ(book.copied, mt_get("copied"));
	EXPECT_EQ(book.consumed, book.copied);
	return book;
}

CASE(refused, "what the migrator refused is copied by the CPU, garbage or not")
{
	struct book book = move_with_faults(ARENA_ANON, PAGES * PAGE, REFUSED, 1);

	EXPECT_EQ(book.refused_migrator, mt_get("faults"));
	EXPECT_EQ(book.failed, 0);
}

CASE(failed_partly, "what the migrator half copied is copied by the CPU")
{
	struct book book = move_with_faults(ARENA_ANON, PAGES * PAGE, FAILED, 2);

	EXPECT_EQ(book.failed_error, mt_get("faults"));
	EXPECT_EQ(book.refused, 0);
}

CASE(timed_out, "what was not over in time is copied by the CPU")
{
	struct book book = move_with_faults(ARENA_SHMEM, PAGES * PAGE, TIMED_OUT, 1);

	EXPECT_EQ(book.failed_timeout, mt_get("faults"));
}

CASE(failed_huge, "the same for 2 MiB folios")
{
	struct book book;

	offload_set("batch_pages", "4096");
	book = move_with_faults(ARENA_ANON_HUGE, 4 * HUGE_PAGE, FAILED, 2);
	EXPECT_EQ(book.failed_error, mt_get("faults"));
	EXPECT_EQ(book.offered, 4);
}

CASE(bad_status, "a status that does not exist is no copy")
{
	struct book book;

	mt_set("bad_status", 1);
	book = move_with_faults(ARENA_ANON, PAGES * PAGE, FAILED, 1);
	EXPECT_EQ(book.failed_error, mt_get("faults"));
}

CASE(submit_fails, "when submit() fails, nothing counts that it said of the pairs")
{
	struct book book;

	arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
	mt_set("fault_garbage", 1);
	mt_set("submit_error", 5);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), PAGES);
	book = book_close();
	arena_verify(&arena);
	EXPECT_GT(mt_get("jobs_refused"), 0);
	EXPECT_EQ(mt_get("jobs"), 0);
	EXPECT_EQ(book.copied, 0);
	EXPECT_EQ(book.refused_migrator, PAGES);
}

/*
 * The first @nr folios of each job have one reference too many at the first try to move
 * them. As soon as another folio of the batch has moved the holder writes the mark to them
 * and lets them go, and the next try succeeds.
 */
static void retry(enum arena_kind kind, size_t bytes, size_t folios, size_t nr)
{
	struct book book;
	size_t marks;

	arena = arena_map(kind, bytes, 0);
	mt_set("ref_nr", nr);
	mt_set("ref_late_mark", 1);
	mt_set("ref_auto", 1);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	book = book_close();
	EXPECT_EQ(arena_wrong_but_marks(&arena, &marks), 0);
	EXPECT_EQ(mt_get("marks"), nr);
	EXPECT_EQ(marks, nr);
	EXPECT_EQ(mt_get("refs_held"), 0);
	EXPECT_EQ(book.copied, folios);
	EXPECT_EQ(book.discarded, nr);
}

CASE(retry_anon, "a second try copies afresh: anon")
{
	retry(ARENA_ANON, PAGES * PAGE, PAGES, 16);
}

CASE(retry_shmem, "a second try copies afresh: shmem")
{
	retry(ARENA_SHMEM, PAGES * PAGE, PAGES, 16);
}

CASE(retry_huge, "a second try copies afresh: 2 MiB folios")
{
	offload_set("batch_pages", "4096");
	retry(ARENA_ANON_HUGE, 4 * HUGE_PAGE, 4, 2);
}

/* References appear after the copy, the mark is written through them, and they stay. */
static void arbiter(enum arena_kind kind, size_t bytes, size_t nr)
{
	struct book book;
	size_t marks, held;

	arena = arena_map(kind, bytes, 0);
	held = nr * (kind == ARENA_ANON_HUGE ? HUGE_PAGE / PAGE : 1);
	mt_set("ref_nr", nr);
	mt_set("ref_mark", 1);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena) - held);
	book = book_close();
	EXPECT_EQ(book.discarded, nr);
	EXPECT_EQ(arena_wrong_but_marks(&arena, &marks), 0);
	EXPECT_EQ(marks, nr);

	/* Once the references have gone, these folios move like any other. */
	mt_set("ref_nr", 0);
	mt_set("release", 1);
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	EXPECT_EQ(arena_wrong_but_marks(&arena, &marks), 0);
	EXPECT_EQ(marks, nr);
}

CASE(arbiter_anon, "a reference that appears after the copy keeps an anon folio from moving")
{
	arbiter(ARENA_ANON, PAGES * PAGE, 8);
}

CASE(arbiter_shmem, "the same for shmem")
{
	arbiter(ARENA_SHMEM, PAGES * PAGE, 8);
}

CASE(arbiter_huge, "the same for 2 MiB folios")
{
	offload_set("batch_pages", "4096");
	arbiter(ARENA_ANON_HUGE, 4 * HUGE_PAGE, 2);
}

CASE(unmarked_after, "a destination that is put back bears no mark any more")
{
	arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
	mt_set("ref_dst", 1);
	mt_set("ref_nr", 8);
	arena_move(&arena, 1);
	EXPECT_EQ(mt_get("refs_held"), PAGES + 8);
	mt_set("release", 1);
	EXPECT_EQ(mt_get("bad_dst_private"), 0);
	arena_verify(&arena);
}

CASES_MAIN
