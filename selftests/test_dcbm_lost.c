// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 300
 *
 * Rule 4 of the design, by the engine: quiet when it is over, or out of use for as long as
 * it is not.
 *
 * dmasim with quiet=N writes to memory long after everybody has given it up, and its driver
 * is known for it. Its pages are kept and listed; the source lives on; nobody copies into
 * the destination, which the engine checks when it writes at last. Were a page of them
 * free by then, KASAN would report that write. And one channel can be given up, or used
 * again, by its name.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "dma_dump.h"
#include "load.h"
#include "offload.h"
#include "page_info.h"

#define PAGES	256

/* Time for all that is looked at before the late write, on a slow machine, too. */
#define LATE_MS	20000
#define VERY_LATE_MS	60000

static struct arena arena, later;
static unsigned int late_ms;

void case_setup(void)
{
	late_ms = LATE_MS;
	offload_reset();
	offload_set("batch_pages", "4096");
}

void case_teardown(void)
{
	offload_reset();
	if (arena.addr)
		arena_unmap(&arena);
	if (later.addr)
		arena_unmap(&later);
	dcbm_stop();
}

static struct book move(struct arena a)
{
	struct book book;

	arena = a;
	offload_use("dcbm");
	book_open();
	arena_move(&arena, 1);
	book = book_close();
	arena_verify(&arena);
	return book;
}

/* The source is the owner's page; the destination is nobody's, and not free. */
static void check_graves(size_t nr)
{
	struct grave graves[2 * PAGES];
	size_t i, found = 0, page;

	EXPECT_EQ(dcbm_graveyard(graves, 2 * PAGES), 2 * nr);
	for (i = 0; i < 2 * nr && i < 2 * PAGES; i += 2) {
		EXPECT(!strcmp(graves[i].side, "source"), "%s", graves[i].side);
		EXPECT(!strcmp(graves[i + 1].side, "destination"), "%s", graves[i + 1].side);
		EXPECT_EQ(graves[i].order, arena.order);
		EXPECT_GT(graves[i].since, 0);
		EXPECT(!frame_has_flag(graves[i].frame, KPF_BUDDY), "a source is free");
		EXPECT(!frame_has_flag(graves[i + 1].frame, KPF_BUDDY), "a destination is free");
		for (page = 0; page < arena_pages(&arena); page += 1 << arena.order) {
			if (page_frame(arena.addr + page * PAGE) == graves[i].frame)
				found++;
			EXPECT(page_frame(arena.addr + page * PAGE) != graves[i + 1].frame,
			       "a destination is in use");
		}
	}
	EXPECT_EQ(found, nr);
}

static void wait_for_late_writes(uint64_t nr)
{
	while (dmasim_count("late_writes") != nr)
		usleep(10000);
}

/* One channel of two is lost with @lost descriptors: the late one, and those behind it. */
static void lose(enum arena_kind kind, size_t bytes, uint64_t *lost)
{
	size_t folio = kind == ARENA_ANON_HUGE ? HUGE_PAGE / PAGE : 1;
	struct book book;

	dcbm_start("channels=2 quiet=0");
	dcbm_set("timeout_ms", "100");
	/* More than half of the job's descriptors: of them, there is one. */
	dcbm_set("max_chunk", "262144");
	dmasim_set("late_every", kind == ARENA_ANON_HUGE ? 13 : 150);
	dmasim_set("late_ms", late_ms);
	book = move(arena_map(kind, bytes, 0));
	dmasim_set("late_every", 0);
	/* Who goes on is not to be hurried on a slow machine. */
	dcbm_set("timeout_ms", "10000");
	EXPECT_EQ(dmasim_count("injected_late"), 1);
	*lost = book.failed_lost;
	EXPECT_GT(*lost, 0);
	EXPECT_EQ(book.failed_timeout, 0);
	EXPECT_EQ(dcbm_status("folios_lost"), *lost);
	EXPECT_EQ(dcbm_status("folios_buried"), *lost);
	EXPECT_EQ(dcbm_status("channels_quarantined"), 0);
	/* The source lives on where it was, and what was not lost has moved. */
	EXPECT_EQ(arena_on_node(&arena, 1), arena_pages(&arena) - *lost * folio);
}

CASE(late, "pages of an engine that writes seconds later are kept and listed")
{
	struct book book;
	uint64_t lost;
	char name[32];

	late_ms = VERY_LATE_MS;
	lose(ARENA_ANON, PAGES * PAGE, &lost);
	check_graves(lost);
	EXPECT_EQ(dcbm_status("channels_lost"), 1);

	/* Nobody can prove anything yet. */
	dcbm_channel_in("lost", 0, name);
	EXPECT_EQ(dcbm_try_set("rearm", name), -EBUSY);
	EXPECT_EQ(dcbm_try_set("release", name), -EBUSY);
	EXPECT(try_remove("dcbm") != 0, "dcbm was unloaded");
	EXPECT(try_remove("dmasim") != 0, "dmasim was unloaded");

	/* Everything else goes on: others move by the other channel. */
	later = arena;
	arena.addr = NULL;
	book = move(arena_map(ARENA_ANON, PAGES * PAGE, 0));
	EXPECT_EQ(book.consumed, PAGES);
	arena_unmap(&arena);
	arena = later;
	later.addr = NULL;

	/* The late write: nobody else had written to the destination. */
	EXPECT_EQ(dmasim_count("late_writes"), 0);
	wait_for_late_writes(1);
	EXPECT_EQ(dmasim_count("late_same"), 0);
	arena_verify(&arena);
	check_graves(lost);
	arena_fill(&arena, 2);

	/* Now all of them have been reported, and that is the proof. */
	while (dcbm_try_set("rearm", name))
		usleep(10000);
	EXPECT_EQ(dcbm_status("channels_lost"), 0);
	EXPECT_EQ(dcbm_status("channels_idle"), 2);
	EXPECT_EQ(dcbm_status("folios_buried"), 0);
	EXPECT_EQ(dcbm_graveyard(NULL, 0), 0);
	/* What could not move can now. */
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), PAGES);
	EXPECT_EQ(book_close().consumed, lost);
	arena_verify(&arena);
}

CASE(late_owner_gone, "the owner goes, and the pages stay; then dcbm is off, and on again")
{
	uint64_t lost;
	char name[32];

	lose(ARENA_SHMEM, PAGES * PAGE, &lost);
	dcbm_channel_in("lost", 0, name);
	arena_unmap(&arena);
	EXPECT_EQ(dcbm_enable(0), 0);
	EXPECT_EQ(dcbm_enable(1), 0);
	EXPECT_EQ(dcbm_status("channels_idle"), 1);
	EXPECT_EQ(dcbm_status("channels_lost"), 1);
	EXPECT_EQ(dcbm_graveyard(NULL, 0), 2 * lost);
	later = arena_map(ARENA_ANON, 16 * MiB, 1);
	wait_for_late_writes(1);
	arena_verify(&later);
	EXPECT_EQ(dcbm_graveyard(NULL, 0), 2 * lost);
	/* A channel of a former enabling goes back to dmaengine, and can be taken again. */
	while (dcbm_try_set("rearm", name))
		usleep(10000);
	EXPECT_EQ(dcbm_status("channels_lost"), 0);
	EXPECT_EQ(dcbm_graveyard(NULL, 0), 0);
	EXPECT_EQ(dcbm_enable(0), 0);
	EXPECT_EQ(dcbm_enable(1), 0);
	EXPECT_EQ(dcbm_status("channels_idle"), 2);
}

CASE(late_huge, "a folio of 2 MiB of which one channel's part is lost")
{
	uint64_t lost;
	char name[32];

	/* Over two channels: the middle one is cut. */
	lose(ARENA_ANON_HUGE, 3 * HUGE_PAGE, &lost);
	check_graves(lost);
	/* The engine still finds all of a folio that is lost in part, and nothing else. */
	EXPECT_EQ(dma_mapped("dmasim", "DMA_TO_DEVICE").bytes, lost * HUGE_PAGE);
	EXPECT_EQ(dma_mapped("dmasim", "DMA_FROM_DEVICE").bytes, lost * HUGE_PAGE);
	wait_for_late_writes(1);
	EXPECT_EQ(dmasim_count("late_same"), 0);
	arena_verify(&arena);
	dcbm_channel_in("lost", 0, name);
	while (dcbm_try_set("rearm", name))
		usleep(10000);
	EXPECT_EQ(dcbm_graveyard(NULL, 0), 0);
	EXPECT_EQ(dma_mapped("dmasim", "DMA_TO_DEVICE").mappings, 0);
	EXPECT_EQ(dma_mapped("dmasim", "DMA_FROM_DEVICE").mappings, 0);
}

/* The same engine, but terminate waits until it has written: then it is known to be quiet. */
CASE(late_quiet, "where stopping waits for the late write, nothing is lost")
{
	struct book book;
	char name[32];

	dcbm_start("channels=2");
	dcbm_set("timeout_ms", "100");
	dmasim_set("late_every", 150);
	dmasim_set("late_ms", 2000);
	book = move(arena_map(ARENA_ANON, PAGES * PAGE, 0));
	dmasim_set("late_every", 0);
	dcbm_set("timeout_ms", "10000");
	EXPECT_GT(book.failed_timeout, 0);
	EXPECT_EQ(book.failed_lost, 0);
	EXPECT_EQ(dmasim_count("late_writes"), dmasim_count("injected_late"));
	EXPECT_EQ(dmasim_count("late_same"), 0);
	EXPECT_EQ(arena_on_node(&arena, 1), PAGES);
	arena_unmap(&arena);

	/* Quarantined, and known to be silent: a word is enough. */
	while (dcbm_status("channels_quarantined")) {
		dcbm_channel_in("quarantined", 0, name);
		EXPECT_EQ(dcbm_try_set("rearm", name), 0);
	}
	EXPECT_EQ(dcbm_status("channels_idle"), 2);
	book = move(arena_map(ARENA_ANON, PAGES * PAGE, 0));
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(dmasim_chans_with("bytes"), 2);
}

CASE(release, "channels are given up while memory moves, and their provider is unloaded")
{
	struct dcbm_channel list[4];
	struct load load;
	size_t i, nr;

	dcbm_start("channels=4");
	offload_use("dcbm");
	load = load_start(NULL, 0);
	nr = dcbm_channels(list, 4);
	EXPECT_EQ(nr, 4);
	for (i = 0; i < nr; i++) {
		EXPECT(try_remove("dmasim") != 0, "unloaded while in use");
		EXPECT_EQ(dcbm_try_set("release", list[i].name), 0);
		EXPECT_EQ(dcbm_try_set("release", list[i].name), -ENODEV);
		EXPECT_EQ(dcbm_try_set("rearm", list[i].name), -ENODEV);
		EXPECT_EQ(dcbm_status("channels_gone"), i + 1);
		load_wait(&load, 1);
	}
	remove_module("dmasim");
	load_wait(&load, 1);
	load_stop(&load);
	/* It comes back as everything does: when dcbm is enabled anew. */
	probe("dmasim", "channels=4");
	EXPECT_EQ(dcbm_enable(0), 0);
	EXPECT_EQ(dcbm_enable(1), 0);
	EXPECT_EQ(dcbm_status("channels_idle"), 4);
}

/* It cannot end while the job is held; half a second is for it to end if it could. */
CASE(release_busy, "a channel that works is given up when its job is over, and not before")
{
	pid_t mover, releaser;
	char name[32];
	int status;

	dcbm_start("channels=1");
	dcbm_set("timeout_ms", "60000");
	offload_use("dcbm");
	write_file("/sys/module/dmasim/parameters/hold", "Y");
	fflush(NULL);
	mover = fork();
	REQUIRE(mover >= 0, "fork: %m");
	if (!mover) {
		arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
		_exit(arena_move(&arena, 1) == PAGES && !arena_wrong_pages(&arena) ? 0 : 1);
	}
	dcbm_wait_channels("busy", 1);
	dcbm_channel_in("busy", 0, name);
	releaser = fork();
	REQUIRE(releaser >= 0, "fork: %m");
	if (!releaser)
		_exit(dcbm_try_set("release", name) ? 1 : 0);
	usleep(500000);
	EXPECT_EQ(waitpid(releaser, NULL, WNOHANG), 0);
	write_file("/sys/module/dmasim/parameters/hold", "N");
	REQUIRE(waitpid(mover, &status, 0) == mover, "waitpid: %m");
	EXPECT_EQ(status, 0);
	REQUIRE(waitpid(releaser, &status, 0) == releaser, "waitpid: %m");
	EXPECT_EQ(status, 0);
	EXPECT_EQ(dcbm_status("channels_gone"), 1);
	EXPECT_EQ(dcbm_status("folios_copied"), PAGES);
	remove_module("dmasim");
}

CASE(names, "names that are none are refused")
{
	dcbm_start("channels=1");
	EXPECT_EQ(dcbm_try_set("rearm", "dma99chan0"), -ENOENT);
	EXPECT_EQ(dcbm_try_set("release", "dma99chan0"), -ENOENT);
	EXPECT_EQ(dcbm_try_set("rearm", "\n"), -EINVAL);
	EXPECT_EQ(dcbm_try_set("release", "0123456789012345678901234567890123456789"), -EINVAL);
	EXPECT_EQ(dcbm_status("channels_idle"), 1);
}

CASES_MAIN
