// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 300
 *
 * Which channels a job gets, and what each of them copies, by the counters of the engine's
 * channels. Bytes are divided evenly, also those of one folio; the nearest device is used,
 * and the next one when it is busy; when all are busy the CPU copies, and nobody waits.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "dcbm_move.h"
#include "dma_dump.h"
#include "offload.h"
#include "slept.h"

void case_setup(void)
{
	dcbm_move_begin();
}

void case_teardown(void)
{
	dcbm_move_end();
}

/* Moves it to node 1; all of it is to be copied by the engine. */
static void move(struct arena a)
{
	struct book book = dcbm_move(a);

	EXPECT_EQ(book.consumed, arena.bytes / (PAGE << arena.order));
	arena_verify(&arena);
}

/* One job, divided over all @nr channels: even but for @slack bytes, or 1 %. */
static void expect_even(unsigned int nr, size_t slack)
{
	uint64_t even = arena.bytes / nr, bytes, off;
	unsigned int i;

	EXPECT_EQ(dcbm_status("jobs"), 1);
	EXPECT_EQ(dmasim_chans_with("bytes"), nr);
	EXPECT_EQ(dmasim_count("bytes"), arena.bytes);
	for (i = 0; i < nr; i++) {
		bytes = dmasim_chan_count(0, i, "bytes");
		off = bytes > even ? bytes - even : even - bytes;
		EXPECT(off <= slack || off * 100 <= even,
		       "channel %u of %u has %" PRIu64 " bytes, even would be %" PRIu64, i, nr,
		       bytes, even);
	}
}

static void divided(unsigned int channels, enum arena_kind kind, size_t bytes, size_t slack)
{
	char params[64];

	snprintf(params, sizeof(params), "channels=%u", channels);
	dcbm_start(params);
	move(arena_map(kind, bytes, 0));
	expect_even(channels, slack);
	arena_unmap(&arena);
	dcbm_stop();
}

static const unsigned int counts[] = { 1, 3, 7, 16 };

#define NR_COUNTS	(sizeof(counts) / sizeof(*counts))

CASE(small_even, "512 folios of 4 KiB are divided evenly over 1, 3, 7 and 16 channels")
{
	size_t i;

	for (i = 0; i < NR_COUNTS; i++)
		divided(counts[i], ARENA_ANON, 512 * PAGE, PAGE - 1);
}

CASE(huge_even, "one folio of 2 MiB is divided evenly over 1, 3, 7 and 16 channels")
{
	size_t i;

	for (i = 0; i < NR_COUNTS; i++)
		divided(counts[i], ARENA_ANON_HUGE, HUGE_PAGE, PAGE - 1);
}

CASE(huge_many, "so are three of them over 16")
{
	divided(16, ARENA_ANON_HUGE, 3 * HUGE_PAGE, PAGE - 1);
}

CASE(middle_whole, "folios of 64 KiB are not cut into less than min_chunk")
{
	const size_t folio = 16 * PAGE;
	unsigned int i;

	dcbm_start("channels=3");
	move(arena_map_order(ARENA_ANON, 4, 32 * folio, 0));
	expect_even(3, folio - 1);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(dmasim_chan_count(0, i, "bytes") % folio, 0);
}

CASE(min_chunk, "a job gets no more channels than it has min_chunks")
{
	dcbm_start("channels=8");
	dcbm_set("min_chunk", "524288");
	move(arena_map(ARENA_ANON_HUGE, HUGE_PAGE, 0));
	EXPECT_EQ(dmasim_chans_with("bytes"), 4);
	arena_unmap(&arena);
	dcbm_set("min_chunk", "1073741824");
	move(arena_map(ARENA_ANON, 512 * PAGE, 0));
	EXPECT_EQ(dcbm_status("jobs"), 2);
	/* One of the channels has had a quarter of the first job, and all of the second. */
	EXPECT_EQ(dmasim_count("bytes"), 2 * HUGE_PAGE);
	EXPECT_EQ(dmasim_chan_count(0, 0, "bytes"), HUGE_PAGE + HUGE_PAGE / 4);
	EXPECT_EQ(dmasim_chans_with("bytes"), 4);
}

CASE(max_chunk, "no descriptor is longer than max_chunk")
{
	dcbm_start("channels=4");
	dcbm_set("max_chunk", "16384");
	move(arena_map(ARENA_ANON_HUGE, HUGE_PAGE, 0));
	EXPECT_EQ(dmasim_count("submitted"), HUGE_PAGE / 16384);
}

/* The engine does not prepare anything longer. */
CASE(segment, "no descriptor is longer than the device's segments, be they 64 KiB")
{
	dcbm_start("channels=2 max_len=65536");
	move(arena_map(ARENA_ANON_HUGE, 2 * HUGE_PAGE, 0));
	EXPECT_EQ(dmasim_count("submitted"), 2 * HUGE_PAGE / 65536);
	EXPECT_EQ(dcbm_status("prep_failed"), 0);
}

CASE(align, "an engine that copies whole pages only is used")
{
	dcbm_start("channels=3 copy_align=12");
	move(arena_map(ARENA_ANON_HUGE, HUGE_PAGE, 0));
	expect_even(3, PAGE - 1);
	arena_unmap(&arena);
	dcbm_stop();
	dcbm_start("channels=3 copy_align=12");
	move(arena_map(ARENA_ANON, 128 * PAGE, 0));
	EXPECT_EQ(dcbm_status("prep_failed"), 0);
}

CASE(misaligned, "an engine that cannot copy single pages is not used")
{
	dcbm_stop();
	probe("dmasim", "channels=2 copy_align=13");
	probe("dcbm", NULL);
	EXPECT_EQ(dcbm_enable(1), -ENODEV);
}

/* One channel each, as ptdma's and ioat's. */
CASE(devices, "one folio of 2 MiB is copied by all devices that are equally near")
{
	unsigned int i;

	dcbm_start("devices=8 channels=1 node=1,1,1,1,1,1,1,1");
	move(arena_map(ARENA_ANON_HUGE, HUGE_PAGE, 0));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(dmasim_chan_count(i, 0, "bytes"), HUGE_PAGE / 8);
	arena_unmap(&arena);
	move(arena_map(ARENA_ANON, 512 * PAGE, 0));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(dmasim_chan_count(i, 0, "bytes"), HUGE_PAGE / 4);
}

CASE(devices_in_turn, "a small job gets channels of each of the nearest devices")
{
	dcbm_start("devices=2 channels=4 node=1,1");
	move(arena_map(ARENA_ANON, 32 * PAGE, 0));
	EXPECT_EQ(dmasim_chan_count(0, 0, "bytes"), 16 * PAGE);
	EXPECT_EQ(dmasim_chan_count(1, 0, "bytes"), 16 * PAGE);
}

static uint64_t device_count(unsigned int device, const char *name)
{
	return dmasim_chan_count(device, 0, name) + dmasim_chan_count(device, 1, name);
}

CASE(nearest, "the device at the destination is used, whichever node that is")
{
	dcbm_start("devices=2 channels=2 node=0,1");
	move(arena_map(ARENA_ANON, 256 * PAGE, 0));
	EXPECT_EQ(device_count(0, "bytes"), 0);
	EXPECT_EQ(device_count(1, "bytes"), 256 * PAGE);
	EXPECT_EQ(arena_move(&arena, 0), 256);
	arena_verify(&arena);
	EXPECT_EQ(device_count(0, "bytes"), 256 * PAGE);
	EXPECT_EQ(device_count(1, "bytes"), 256 * PAGE);
}

/* A process that moves memory to node 1 and waits for the engine meanwhile. */
static pid_t move_elsewhere(enum arena_kind kind, size_t pages)
{
	struct arena a;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0, "fork: %m");
	if (pid)
		return pid;
	a = arena_map(kind, pages * PAGE, 0);
	_exit(arena_move(&a, 1) == pages && !arena_wrong_pages(&a) ? 0 : 1);
}

static void expect_moved(pid_t pid)
{
	int status;

	REQUIRE(waitpid(pid, &status, 0) == pid, "waitpid: %m");
	EXPECT_EQ(status, 0);
}

CASE(busy, "the other device when the nearest one is busy; when both are, the CPU, at once")
{
	struct book book;
	pid_t first, second;

	dcbm_start("devices=2 channels=2 node=0,1");
	dcbm_set("timeout_ms", "60000");
	arena = arena_map(ARENA_ANON, 256 * PAGE, 0);
	offload_use("dcbm");
	book_open();
	write_file("/sys/module/dmasim/parameters/hold", "Y");

	first = move_elsewhere(ARENA_ANON, 64);
	dcbm_wait_channels("busy", 2);
	second = move_elsewhere(ARENA_ANON, 96);
	dcbm_wait_channels("busy", 4);
	EXPECT_EQ(dcbm_status("jobs_busy"), 0);

	/* They are held: this can only end because nobody waits for them. */
	slept_begin("dcbm_submit");
	EXPECT_EQ(arena_move(&arena, 1), 256);
	EXPECT_EQ(slept_end(), 0);
	EXPECT_EQ(dcbm_status("jobs_busy"), 1);
	arena_verify(&arena);

	write_file("/sys/module/dmasim/parameters/hold", "N");
	expect_moved(first);
	expect_moved(second);
	book = book_close();
	EXPECT_EQ(book.refused_migrator, 256);
	EXPECT_EQ(book.consumed, 64 + 96);
	EXPECT_EQ(device_count(1, "bytes"), 64 * PAGE);
	EXPECT_EQ(device_count(0, "bytes"), 96 * PAGE);
}

CASE(mapped_once, "what the channels of a device copy of one folio is mapped for it in one")
{
	static const char * const directions[] = { "DMA_TO_DEVICE", "DMA_FROM_DEVICE" };
	char device[] = "dmasim.N";
	struct dma_mapped mapped;
	pid_t pid;
	int i;

	dcbm_start("devices=2 channels=2 node=1,1");
	dcbm_set("timeout_ms", "60000");
	offload_use("dcbm");
	write_file("/sys/module/dmasim/parameters/hold", "Y");
	pid = move_elsewhere(ARENA_ANON_HUGE, HUGE_PAGE / PAGE);
	dcbm_wait_channels("busy", 4);
	/* All of them have been told, when the last one has its mapping. */
	while (dma_mapped("dmasim", directions[1]).bytes < HUGE_PAGE)
		usleep(10000);
	for (i = 0; i < 4; i++) {
		device[7] = '0' + i % 2;
		mapped = dma_mapped(device, directions[i / 2]);
		EXPECT_EQ(mapped.mappings, 1);
		EXPECT_EQ(mapped.bytes, HUGE_PAGE / 2);
	}
	write_file("/sys/module/dmasim/parameters/hold", "N");
	expect_moved(pid);
	EXPECT_EQ(dcbm_status("folios_copied"), 1);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(dma_mapped("dmasim", directions[i]).mappings, 0);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(dmasim_chan_count(i / 2, i % 2, "bytes"), HUGE_PAGE / 4);
}

CASES_MAIN
