// SPDX-License-Identifier: GPL-2.0
/*
 * vm: --smp 2
 * timeout: 200
 *
 * The driver of a lost channel is unbound. Its pages are kept for good, for nothing can
 * prove any more that they are not written to; everything else goes on, with the same
 * driver bound anew. In a VM of its own: dcbm cannot be unloaded after that.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "offload.h"

#define PAGES	256
#define DRIVER	"/sys/bus/platform/drivers/dmasim-wild"
#define LATE_MS	5000

static struct arena arena, other;

void case_setup(void)
{
	offload_reset();
	offload_set("batch_pages", "4096");
}

void case_teardown(void)
{
	offload_reset();
	if (arena.addr)
		arena_unmap(&arena);
	if (other.addr)
		arena_unmap(&other);
}

CASE(unbound, "the driver of a lost channel is unbound")
{
	struct dcbm_channel list[4];
	struct book book;
	const char *name = NULL;
	size_t i, nr;

	dcbm_start("channels=2 quiet=0");
	dcbm_set("timeout_ms", "100");
	dcbm_set("max_chunk", "262144");
	dmasim_set("late_every", 150);
	dmasim_set("late_ms", LATE_MS);
	offload_use("dcbm");
	arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
	book_open();
	arena_move(&arena, 1);
	book = book_close();
	EXPECT_GT(book.failed_lost, 0);
	EXPECT_EQ(dcbm_status("channels_lost"), 1);
	nr = dcbm_channels(list, 4);
	for (i = 0; i < nr; i++)
		if (!strcmp(list[i].state, "lost"))
			name = list[i].name;
	REQUIRE(name, "no lost channel");

	dmasim_set("late_every", 0);
	write_file(DRIVER "/unbind", "dmasim.0");
	EXPECT_EQ(dcbm_status("channels_lost"), 1);
	EXPECT_EQ(dcbm_graveyard(NULL, 0), 2 * book.failed_lost);
	/* The engine writes, if it does, to pages that are nobody else's: KASAN looks. */
	other = arena_map(ARENA_ANON, 16 * MiB, 1);
	usleep(2 * LATE_MS * 1000);
	arena_verify(&other);
	arena_verify(&arena);
	EXPECT_EQ(dcbm_try_set("rearm", name), -ENODEV);
	EXPECT_EQ(dcbm_graveyard(NULL, 0), 2 * book.failed_lost);
	arena_unmap(&other);
	arena_unmap(&arena);

	/* The lists of dmaengine are in order: the driver comes back, and others use it. */
	write_file(DRIVER "/bind", "dmasim.0");
	EXPECT_EQ(dcbm_enable(0), 0);
	EXPECT_EQ(dcbm_enable(1), 0);
	EXPECT_EQ(dcbm_status("channels_idle"), 2);
	EXPECT_EQ(dcbm_status("channels_lost"), 1);
	arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), PAGES);
	EXPECT_EQ(book_close().consumed, PAGES);
	arena_verify(&arena);
}

CASES_MAIN
