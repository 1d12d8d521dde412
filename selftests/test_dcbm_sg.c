// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 300
 *
 * DCBM over an engine that makes many copies with one descriptor (DMA_MEMCPY_SG): one
 * prep for each channel of a job, and one result, which is that of the folios of the
 * descriptor and of no others. A folio that was taken for copied because its descriptor
 * was, in part, would keep the destination's old bytes.
 */
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "dcbm_move.h"
#include "offload.h"

#define PAGES	256

void case_setup(void)
{
	dcbm_move_begin();
}

void case_teardown(void)
{
	dcbm_move_end();
}

CASE(one_each, "one descriptor for each channel of a job")
{
	struct book book;

	dcbm_start("channels=4 sg_max=512");
	book = dcbm_move_with(NULL, 0, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(dmasim_count("prepared"), 4);
	EXPECT_EQ(dmasim_count("prepared_sg"), 4);
	EXPECT_EQ(dmasim_count("entries_sg"), PAGES);
	EXPECT_EQ(dmasim_count("bytes"), PAGES * PAGE);
	EXPECT_EQ(dcbm_status("descriptors"), 4);
	EXPECT_EQ(dcbm_status("folios_copied"), PAGES);
	/* Each channel has had one. */
	EXPECT_EQ(shell("test $(grep -lE '^prepared_sg 1$' "
			"/sys/kernel/debug/dmasim/dmasim.0/chan* | wc -l) = 4"), 0);
}

CASE(limit, "not more copies than the engine takes")
{
	struct book book;

	dcbm_start("channels=4 sg_max=16 pool=2");
	book = dcbm_move_with(NULL, 0, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(dmasim_count("prepared_sg"), PAGES / 16);
	EXPECT_EQ(dmasim_count("entries_sg"), PAGES);
}

CASE(max_chunk, "not more bytes than max_chunk")
{
	struct book book;

	dcbm_start("channels=4 sg_max=512");
	dcbm_set("max_chunk", "32768");
	book = dcbm_move_with(NULL, 0, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(dmasim_count("prepared_sg"), PAGES / 8);
	EXPECT_EQ(dmasim_count("entries_sg"), PAGES);
}

CASE(max_len, "entries not longer than the engine takes, in one descriptor")
{
	struct book book;

	dcbm_start("channels=4 sg_max=512 max_len=65536");
	book = dcbm_move_with(NULL, 0, ARENA_ANON_HUGE, 2 * HUGE_PAGE);
	EXPECT_EQ(book.consumed, 2);
	EXPECT_EQ(dmasim_count("prepared_sg"), 4);
	EXPECT_EQ(dmasim_count("entries_sg"), 2 * HUGE_PAGE / 65536);
}

CASE(off, "switched off, each folio has a descriptor")
{
	struct book book;

	dcbm_start("channels=4 sg_max=512");
	dcbm_set("sg", "N");
	book = dcbm_move_with(NULL, 0, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(dmasim_count("prepared"), PAGES);
	EXPECT_EQ(dmasim_count("prepared_sg"), 0);
}

CASE(none, "an engine without it is given one copy at a time")
{
	struct book book;

	dcbm_start("channels=4 sg_max=0");
	book = dcbm_move_with(NULL, 0, ARENA_SHMEM, PAGES * PAGE);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(dmasim_count("prepared"), PAGES);
	EXPECT_EQ(dmasim_count("prepared_sg"), 0);
}

CASE(errors, "a failed descriptor fails its folios, and no others")
{
	struct book book;

	dcbm_start("channels=4 sg_max=16");
	book = dcbm_move_with("error_every", 4, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(dmasim_count("injected_errors"), PAGES / 16 / 4);
	EXPECT_EQ(book.failed_error, PAGES / 4);
	EXPECT_EQ(book.consumed, PAGES - PAGES / 4);
	EXPECT_EQ(dcbm_status("folios_failed"), PAGES / 4);
}

CASE(partial, "half of a descriptor's folios have been copied: none of them counts")
{
	struct book book;

	dcbm_start("channels=4 sg_max=16");
	book = dcbm_move_with("partial_every", 4, ARENA_SHMEM, PAGES * PAGE);
	EXPECT_EQ(book.failed_error, PAGES / 4);
	EXPECT_EQ(book.consumed, PAGES - PAGES / 4);
}

CASE(partial_shuffled, "the same when descriptors complete out of order")
{
	struct book book;

	dcbm_start("channels=4 sg_max=8 shuffle=1 latency_ns=1000");
	book = dcbm_move_with("partial_every", 4, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.failed_error, PAGES / 4);
	EXPECT_EQ(book.consumed, PAGES - PAGES / 4);
}

CASE(all_errors, "every descriptor fails")
{
	struct book book;

	dcbm_start("channels=4 sg_max=512");
	book = dcbm_move_with("error_every", 1, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.failed_error, PAGES);
	EXPECT_EQ(book.consumed, 0);
}

CASE(errors_huge, "large folios that descriptors share")
{
	struct book book;

	/* 24 entries are one and a half MiB: the next descriptor begins within a folio. */
	dcbm_start("channels=1 sg_max=24 max_len=65536");
	book = dcbm_move_with("error_every", 3, ARENA_ANON_HUGE, 3 * HUGE_PAGE);
	/* The third of four descriptors ends the second folio and begins the third one. */
	EXPECT_EQ(book.failed_error, 2);
	EXPECT_EQ(book.consumed, 1);
	EXPECT_EQ(dmasim_count("injected_errors"), 1);
}

CASE(submit_errors, "a descriptor that is not accepted refuses its folios")
{
	struct book book;

	dcbm_start("channels=4 sg_max=16");
	book = dcbm_move_with("submit_error_every", 4, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.refused_migrator, PAGES / 4);
	EXPECT_EQ(book.consumed, PAGES - PAGES / 4);
	EXPECT_EQ(book.failed, 0);
}

CASE(prep_null, "an engine that has no descriptor for a moment copies all the same")
{
	struct book book;

	dcbm_start("channels=4 pool=2 sg_max=8");
	book = dcbm_move_with("prep_null_every", 3, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_GT(dmasim_count("injected_prep_null"), 0);
}

CASE(hang, "a descriptor that hangs: its folios time out, and its channel is set aside")
{
	struct book book;

	dcbm_start("channels=4 sg_max=512");
	dcbm_set("timeout_ms", "100");
	book = dcbm_move_with("hang_every", 4, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.failed_timeout, PAGES / 4);
	EXPECT_EQ(book.consumed, PAGES - PAGES / 4);
	EXPECT_EQ(book.failed_lost, 0);
	EXPECT_EQ(dcbm_status("channels_quarantined"), 1);
}

CASE(late, "a descriptor that is written seconds later: the pages of all its folios are kept")
{
	struct book book;
	char name[32];

	dcbm_start("channels=4 sg_max=512 quiet=0");
	dcbm_set("timeout_ms", "100");
	dmasim_set("late_every", 4);
	dmasim_set("late_ms", 20000);
	arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
	offload_use("dcbm");
	book_open();
	arena_move(&arena, 1);
	book = book_close();
	dmasim_set("late_every", 0);
	arena_verify(&arena);
	EXPECT_EQ(book.failed_lost, PAGES / 4);
	EXPECT_EQ(book.consumed, PAGES - PAGES / 4);
	EXPECT_EQ(arena_on_node(&arena, 1), PAGES - PAGES / 4);
	EXPECT_EQ(dcbm_graveyard(NULL, 0), 2 * PAGES / 4);
	dcbm_channel_in("lost", 0, name);

	/* Every page of it: nobody has written to any of them, and none was free. */
	while (!dmasim_count("late_writes"))
		usleep(10000);
	EXPECT_EQ(dmasim_count("late_same"), 0);
	arena_verify(&arena);
	while (dcbm_try_set("rearm", name))
		usleep(10000);
	EXPECT_EQ(dcbm_graveyard(NULL, 0), 0);
}

CASE(prep_sleeps, "an engine that waits in prep for a descriptor")
{
	struct book book;

	dcbm_start("channels=2 pool=2 sg_max=8 prep_sleep=1 latency_ns=100000");
	book = dcbm_move_with(NULL, 0, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(dmasim_count("prepared_sg"), PAGES / 8);
	EXPECT_GT(dmasim_count("prep_slept"), 0);
}

CASE(prep_locks, "an engine that must not be left alone from prep to submit")
{
	struct book book;

	dcbm_start("channels=2 pool=2 sg_max=8 prep_lock=1");
	book = dcbm_move_with(NULL, 0, ARENA_SHMEM, PAGES * PAGE);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(dmasim_count("prepared_sg"), PAGES / 8);
}

CASE(sg_bad, "what is neither yes nor no is refused")
{
	dcbm_start("channels=1");
	EXPECT_GT(0, try_write("/sys/module/dcbm/parameters/sg", "2"));
	EXPECT_EQ(shell("grep -qx Y /sys/module/dcbm/parameters/sg"), 0);
}

CASES_MAIN
