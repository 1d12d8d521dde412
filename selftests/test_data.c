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
#include <numaif.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "mtcopy.h"
#include "offload.h"

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
	if (arena.addr)
		arena_unmap(&arena);
}

static void expect_copied_by(const char *migrator, uint64_t *folios, struct book *book,
			     size_t expected)
{
	uint64_t now = migrator_event(migrator, "folios");

	EXPECT_EQ(book->offered, expected);
	EXPECT_EQ(book->consumed, expected);
	EXPECT_GT(book->consumed, 0);
	EXPECT_EQ(now - *folios, book->consumed);
	*folios = now;
}

static void there_and_back(const char *migrator, enum arena_kind kind)
{
	bool huge = kind == ARENA_ANON_HUGE || kind == ARENA_SHMEM_HUGE;
	size_t folios = BYTES / (huge ? HUGE_PAGE : PAGE);
	struct book book;
	uint64_t copied;

	arena = arena_map(kind, BYTES, 0);
	if (!huge)
		offload_set("batch_pages", "512");
	offload_use(migrator);
	copied = migrator_event(migrator, "folios");

	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	book = book_close();
	arena_verify(&arena);
	expect_copied_by(migrator, &copied, &book, folios);
	if (huge)
		EXPECT_EQ(arena_huge_pages(&arena), folios);

	arena_fill(&arena, 7);
	book_open();
	EXPECT_EQ(arena_move(&arena, 0), arena_pages(&arena));
	book = book_close();
	arena_verify(&arena);
	expect_copied_by(migrator, &copied, &book, folios);
}

#define CHILDREN	3

/* Pages that several processes map; all of them look at every byte after the move. */
static void forked(const char *migrator, enum arena_kind kind)
{
	int go[2], status, i;
	struct book book;
	uint64_t copied;
	pid_t pids[CHILDREN];
	char c;

	arena = arena_map(kind, BYTES / 2, 0);
	REQUIRE(!pipe(go), "pipe: %m");
	fflush(NULL);
	for (i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		REQUIRE(pids[i] >= 0, "fork: %m");
		if (pids[i])
			continue;
		close(go[1]);
		if (read(go[0], &c, 1) < 0)
			_exit(2);
		_exit(arena_wrong_pages(&arena) ? 1 : 0);
	}
	close(go[0]);

	offload_use(migrator);
	copied = migrator_event(migrator, "folios");
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	book = book_close();
	if (kind == ARENA_ANON)
		expect_copied_by(migrator, &copied, &book, arena_pages(&arena));
	else
		EXPECT_GT(book.consumed, 0);
	arena_verify(&arena);
	close(go[1]);
	for (i = 0; i < CHILDREN; i++) {
		REQUIRE(waitpid(pids[i], &status, 0) == pids[i], "waitpid: %m");
		EXPECT(WIFEXITED(status) && !WEXITSTATUS(status),
		       "child %d saw wrong bytes (status %#x)", i, status);
	}
}

#define MIGRATOR(m)								\
	CASE(m##_anon, "anon 4 KiB by " #m)					\
	{									\
		there_and_back(#m, ARENA_ANON);					\
	}									\
	CASE(m##_anon_huge, "anon 2 MiB by " #m)				\
	{									\
		there_and_back(#m, ARENA_ANON_HUGE);				\
	}									\
	CASE(m##_shmem, "shmem 4 KiB by " #m)					\
	{									\
		there_and_back(#m, ARENA_SHMEM);				\
	}									\
	CASE(m##_shmem_huge, "shmem 2 MiB by " #m)				\
	{									\
		there_and_back(#m, ARENA_SHMEM_HUGE);				\
	}									\
	CASE(m##_forked, "anon 4 KiB that four processes map, by " #m)		\
	{									\
		forked(#m, ARENA_ANON);						\
	}									\
	CASE(m##_forked_huge, "anon 2 MiB that four processes map, by " #m)	\
	{									\
		forked(#m, ARENA_ANON_HUGE);					\
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
