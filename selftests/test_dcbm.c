// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 240
 *
 * DCBM over an engine with faults. Whatever the engine fails, refuses, half writes or never
 * ends is copied by the CPU, and counted, each folio once. An error that was taken for
 * success would leave the destination's old bytes.
 */
#include <errno.h>

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

CASE(no_fault, "every folio is copied by the engine")
{
	struct book book;

	dcbm_start("channels=4");
	book = dcbm_move_with(NULL, 0, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(dcbm_status("folios_copied"), PAGES);
	EXPECT_EQ(dmasim_count("bytes"), PAGES * PAGE);
}

CASE(errors, "every eighth descriptor fails")
{
	struct book book;

	dcbm_start("channels=4");
	book = dcbm_move_with("error_every", 8, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.failed_error, PAGES / 8);
	EXPECT_EQ(book.consumed, PAGES - PAGES / 8);
	EXPECT_EQ(dmasim_count("injected_errors"), PAGES / 8);
	EXPECT_EQ(dcbm_status("folios_failed"), PAGES / 8);
}

CASE(all_errors, "every descriptor fails")
{
	struct book book;

	dcbm_start("channels=4");
	book = dcbm_move_with("error_every", 1, ARENA_SHMEM, PAGES * PAGE);
	EXPECT_EQ(book.failed_error, PAGES);
	EXPECT_EQ(book.consumed, 0);
}

CASE(partial, "every fifth descriptor writes half and fails")
{
	struct book book;

	dcbm_start("channels=2");
	book = dcbm_move_with("partial_every", 5, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.failed_error, PAGES / 5);
}

CASE(errors_huge, "one failed piece fails its 2 MiB folio, and no other")
{
	struct book book;

	dcbm_start("channels=4");
	dcbm_set("max_chunk", "65536");
	book = dcbm_move_with("error_every", 40, ARENA_ANON_HUGE, 4 * HUGE_PAGE);
	EXPECT_EQ(book.offered, 4);
	EXPECT_GT(book.failed_error, 0);
	EXPECT_EQ(book.failed_error + book.consumed, 4);
}

CASE(submit_errors, "descriptors that are not accepted are refused folios")
{
	struct book book;

	dcbm_start("channels=4");
	book = dcbm_move_with("submit_error_every", 8, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.refused_migrator, PAGES / 8);
	EXPECT_EQ(book.failed, 0);
}

CASE(prep_null, "an engine that has no descriptor for a moment copies all the same")
{
	struct book book;

	dcbm_start("channels=4 pool=4");
	book = dcbm_move_with("prep_null_every", 7, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.consumed, PAGES);
}

CASE(shuffled, "completion out of order")
{
	struct book book;

	dcbm_start("channels=4 shuffle=1 latency_ns=1000");
	book = dcbm_move_with("error_every", 16, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.failed_error, PAGES / 16);
	EXPECT_EQ(book.consumed, PAGES - PAGES / 16);
}

CASE(one_channel_each, "a folio of 2 MiB is copied by all channels")
{
	struct book book;

	dcbm_start("channels=8");
	book = dcbm_move_with(NULL, 0, ARENA_ANON_HUGE, HUGE_PAGE);
	EXPECT_EQ(book.consumed, 1);
	EXPECT_EQ(shell("test $(grep -lE '^bytes 262144$' "
			"/sys/kernel/debug/dmasim/dmasim.0/chan* | wc -l) = 8"), 0);
}

CASE(hang, "an engine that hangs is stopped in bounded time, and its channel set aside")
{
	struct book book;

	dcbm_start("channels=4");
	dcbm_set("timeout_ms", "100");
	book = dcbm_move_with("hang_every", 100, ARENA_ANON, PAGES * PAGE);
	EXPECT_GE(book.failed_timeout, 2);
	EXPECT_EQ(book.failed_lost, 0);
	EXPECT_EQ(book.failed_timeout, dcbm_status("folios_timed_out"));
	EXPECT_GT(dcbm_status("channels_quarantined"), 0);
	EXPECT_EQ(dcbm_status("channels_lost"), 0);
	arena_unmap(&arena);

	/* The others go on; enabling again gives all of them back. */
	book = dcbm_move_with(NULL, 0, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(dcbm_enable(0), 0);
	EXPECT_EQ(dcbm_enable(1), 0);
	EXPECT_EQ(dcbm_status("channels_idle"), 4);
}

CASE(all_hang, "when every channel hangs, memory moves by the CPU")
{
	struct book book;

	dcbm_start("channels=2");
	dcbm_set("timeout_ms", "100");
	book = dcbm_move_with("hang_every", 1, ARENA_SHMEM, PAGES * PAGE);
	EXPECT_EQ(book.consumed, 0);
	EXPECT_EQ(dcbm_status("channels_quarantined"), 2);
	arena_unmap(&arena);
	book = dcbm_move_with(NULL, 0, ARENA_ANON, PAGES * PAGE);
	EXPECT_EQ(book.refused_migrator, PAGES);
}

/* Point 9: no bounce buffers. */
static void limited(const char *mask)
{
	dcbm_stop();
	probe("dmasim", mask);
	probe("dcbm", NULL);
	EXPECT_EQ(dcbm_enable(1), -ENODEV);
	arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
	try_write(OFFLOAD_DIR "/default_migrator", "dcbm");
	EXPECT_EQ(arena_move(&arena, 1), PAGES);
	arena_verify(&arena);
	EXPECT_EQ(dmasim_count("prepared"), 0);
}

/* Part of the memory is above 4 GiB. */
CASE(mask_32, "an engine that cannot reach all memory is not used")
{
	limited("channels=4 dma_mask=32");
}

CASE(mask_30, "an engine that reaches 1 GiB is not used")
{
	/* A machine without ZONE_DMA has no memory for it at all. */
	if (shell("modprobe -q dmasim dma_mask=30"))
		case_skip("the kernel has no memory for a mask of 30 bits");
	limited("channels=4 dma_mask=30");
}

CASES_MAIN
