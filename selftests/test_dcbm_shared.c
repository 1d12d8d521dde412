// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 180
 *
 * Public channels: taken by dcbm alone where nobody uses them, and shared with whoever does.
 * A shared channel is never terminated, because the others' copies would go with ours; and
 * when all is over, nobody's reference is left.
 */
#include <errno.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "offload.h"

#define PAGES	256

static struct arena arena;

void case_setup(void)
{
	offload_reset();
	offload_set("batch_pages", "4096");
	dcbm_stop();
}

void case_teardown(void)
{
	offload_reset();
	if (arena.addr)
		arena_unmap(&arena);
	if (is_loaded("dcbm"))
		remove_module("dcbm");
	if (is_loaded("dma_public"))
		remove_module("dma_public");
	/* Fails when a reference is left. */
	dcbm_stop();
}

static struct book move(void)
{
	struct book book;

	arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
	offload_use("dcbm");
	book_open();
	arena_move(&arena, 1);
	book = book_close();
	arena_verify(&arena);
	return book;
}

CASE(exclusive, "a public provider that nobody else uses")
{
	probe("dmasim", "channels=4 private=N");
	probe("dcbm", "enable=Y");
	EXPECT_EQ(dcbm_status("channels_idle"), 4);
	EXPECT_EQ(move().consumed, PAGES);
	EXPECT_EQ(dmasim_chans_with("bytes"), 4);
	/* They are public again when they are given back. */
	EXPECT_EQ(dcbm_enable(0), 0);
	insert("dma_public", NULL);
	EXPECT_EQ(dcbm_enable(1), 0);
	EXPECT_EQ(dcbm_status("channels_idle"), sysconf(_SC_NPROCESSORS_ONLN));
}

static void share(const char *params)
{
	probe("dmasim", params);
	insert("dma_public", NULL);
	probe("dcbm", "enable=Y timeout_ms=100");
	/* One for each CPU. */
	EXPECT_EQ(dcbm_status("channels_idle"), sysconf(_SC_NPROCESSORS_ONLN));
}

CASE(shared, "public channels that somebody else uses, too")
{
	share("channels=4 private=N");
	EXPECT_EQ(move().consumed, PAGES);
	EXPECT_EQ(dmasim_count("bytes"), PAGES * PAGE);
	EXPECT_EQ(dmasim_chans_with("bytes"), sysconf(_SC_NPROCESSORS_ONLN));
}

CASE(shared_late, "a shared channel is not terminated when it does not finish, but lost")
{
	struct book book;
	char name[32];

	/* One descriptor a folio: the 150th of them is late. */
	share("channels=4 private=N sg_max=0");
	dmasim_set("late_every", 150);
	dmasim_set("late_ms", 3000);
	book = move();
	dmasim_set("late_every", 0);
	EXPECT_GT(book.failed_lost, 0);
	EXPECT_EQ(book.failed_timeout, 0);
	EXPECT_EQ(dmasim_count("terminated"), 0);
	EXPECT_EQ(dcbm_status("channels_lost"), 1);
	dcbm_channel_in("lost", 0, name);
	while (dcbm_try_set("rearm", name))
		usleep(10000);
	EXPECT_EQ(dmasim_count("terminated"), 0);
	EXPECT_EQ(dcbm_status("channels_idle"), sysconf(_SC_NPROCESSORS_ONLN));
	arena_verify(&arena);
}

CASE(shared_unbind, "the provider of shared channels is unbound")
{
	share("devices=2 channels=1 private=N");
	EXPECT_EQ(move().consumed, PAGES);
	/* The other client has to go first; that is how dmaengine is. */
	remove_module("dma_public");
	write_file("/sys/bus/platform/drivers/dmasim/unbind", "dmasim.0");
	EXPECT_EQ(dcbm_status("channels_gone"), sysconf(_SC_NPROCESSORS_ONLN));
	write_file("/sys/bus/platform/drivers/dmasim/bind", "dmasim.0");
	EXPECT_EQ(dcbm_enable(0), 0);
	EXPECT_EQ(dcbm_enable(1), 0);
	EXPECT_EQ(dcbm_status("channels_idle"), 2);
}

CASE(given_up, "shared channels are given up one by one")
{
	char name[32];
	long i, nr = sysconf(_SC_NPROCESSORS_ONLN);

	share("channels=2 private=N");
	for (i = 0; i < nr; i++) {
		dcbm_channel_in("idle", 0, name);
		EXPECT_EQ(dcbm_try_set("release", name), 0);
	}
	EXPECT_EQ(dcbm_status("channels_gone"), nr);
	remove_module("dma_public");
	remove_module("dmasim");
}

CASES_MAIN
