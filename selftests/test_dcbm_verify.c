// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 240
 *
 * Which engines are believed, and how they are found out. An engine that reports success
 * and copies nothing leaves the destination as it was: with verify=Y that is noticed before
 * anybody sees it, the folio is copied by the CPU, and the channel is not used any more.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

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

static int in_log(const char *text)
{
	return !shell("dmesg | grep -qF '%s'", text);
}

CASE(honest, "an honest engine passes, every folio compared")
{
	struct book book;

	dcbm_start("channels=4");
	dcbm_set("verify", "Y");
	book = dcbm_move(arena_map(ARENA_ANON, PAGES * PAGE, 0));
	EXPECT_EQ(book.consumed, PAGES);
	arena_verify(&arena);
	arena_unmap(&arena);
	book = dcbm_move(arena_map(ARENA_ANON_HUGE, HUGE_PAGE, 0));
	EXPECT_EQ(book.consumed, 1);
	arena_verify(&arena);
	EXPECT_EQ(dcbm_status("folios_verified"), PAGES + 1);
	EXPECT_EQ(dcbm_status("folios_copied"), PAGES + 1);
	EXPECT_EQ(dcbm_status("mismatches"), 0);
	EXPECT_EQ(dcbm_status("channels_idle"), 4);
}

/* Every fiftieth of the 256: five of them. */
static void lied(enum arena_kind kind)
{
	struct book book;
	uint64_t caught;

	dcbm_start("channels=4");
	dcbm_set("verify", "Y");
	if (kind == ARENA_ANON_HUGE)
		dcbm_set("max_chunk", "65536");
	dmasim_set("lie_every", 50);
	book = dcbm_move(arena_map(kind, kind == ARENA_ANON_HUGE ? 8 * HUGE_PAGE : PAGES * PAGE, 0));
	dmasim_set("lie_every", 0);
	EXPECT_EQ(dmasim_count("injected_lies"), 5);
	arena_verify(&arena);
	caught = dcbm_status("mismatches");
	EXPECT_GT(caught, 0);
	EXPECT_EQ(book.failed_error, dcbm_status("folios_failed"));
	if (kind != ARENA_ANON_HUGE) {
		EXPECT_EQ(caught, 5);
		EXPECT_EQ(book.failed_error, 5);
		EXPECT_EQ(book.consumed, PAGES - 5);
	}
	EXPECT_GT(dcbm_status("channels_quarantined"), 0);
	EXPECT_EQ(dcbm_status("channels_quarantined") + dcbm_status("channels_idle"), 4);
	EXPECT(in_log("COPIES AS GOOD THAT ARE NOT"), "no message");
}

CASE(lies, "copies that were not made are caught, and their channels set aside")
{
	lied(ARENA_ANON);
}

CASE(lies_shmem, "the same for shared memory")
{
	lied(ARENA_SHMEM);
}

CASE(lies_huge, "the same for 2 MiB folios of which a piece is missing")
{
	lied(ARENA_ANON_HUGE);
}

/* That the above are able to fail: this is what such an engine does to memory. */
CASE(unverified, "without verify, the same engine corrupts memory")
{
	dcbm_start("channels=4");
	dmasim_set("lie_every", 50);
	dcbm_move(arena_map(ARENA_ANON, PAGES * PAGE, 0));
	dmasim_set("lie_every", 0);
	/* It counts up to four. */
	EXPECT_GT(arena_wrong_pages(&arena), 0);
	EXPECT_EQ(dcbm_status("folios_copied"), PAGES);
}

/* dmasim under another driver's name, of which nobody knows anything. */
static void unknown(const char *dcbm_params, const char *parameter, const char *value)
{
	dcbm_stop();
	probe("dmasim", "channels=4 alias=1 sg_max=0");
	probe("dcbm", dcbm_params);
	EXPECT_EQ(dcbm_enable(1), -ENODEV);
	EXPECT_EQ(dcbm_status("channels_idle"), 0);
	EXPECT(in_log("not reviewed"), "no message");
	dcbm_set(parameter, value);
	EXPECT_EQ(dcbm_enable(1), 0);
	EXPECT_EQ(dcbm_status("channels_idle"), 4);
}

CASE(trust, "an engine that was not reviewed is used when it is trusted, and the log says so")
{
	struct book book;

	unknown(NULL, "trust", "dmasim-alias");
	EXPECT(in_log("is used because it is trusted"), "no message");
	book = dcbm_move(arena_map(ARENA_ANON, PAGES * PAGE, 0));
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(dcbm_status("folios_verified"), 0);
	arena_verify(&arena);
}

CASE(unknown_verified, "or when it is verified, for as long as it is used")
{
	struct book book;

	unknown("trust=somebody_else", "verify", "Y");
	EXPECT(in_log("each of its copies is compared"), "no message");
	dcbm_set("verify", "N");
	dmasim_set("lie_every", 50);
	book = dcbm_move(arena_map(ARENA_ANON, PAGES * PAGE, 0));
	dmasim_set("lie_every", 0);
	EXPECT_EQ(book.failed_error, 5);
	EXPECT_EQ(dcbm_status("folios_verified"), PAGES - 5);
	arena_verify(&arena);
}

/* What is not known to be stoppable is not stopped. */
CASE(unknown_hangs, "after a time-out, an engine that was not reviewed is lost")
{
	struct book book;
	char name[32];

	unknown(NULL, "trust", "dmasim-alias");
	dcbm_set("timeout_ms", "100");
	dmasim_set("late_every", 150);
	dmasim_set("late_ms", 3000);
	arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
	offload_use("dcbm");
	book_open();
	arena_move(&arena, 1);
	book = book_close();
	dmasim_set("late_every", 0);
	EXPECT_GT(book.failed_lost, 0);
	EXPECT_EQ(dmasim_count("terminated"), 0);
	EXPECT_EQ(dcbm_status("channels_lost"), 1);
	arena_verify(&arena);
	dcbm_channel_in("lost", 0, name);
	while (dcbm_try_set("rearm", name))
		;
	arena_verify(&arena);
}

CASES_MAIN
