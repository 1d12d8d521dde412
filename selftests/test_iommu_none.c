// SPDX-License-Identifier: GPL-2.0
/*
 * arch: x86_64
 * vm: --mem 1024M --qemu "-device lsi53c895a"
 * timeout: 400
 *
 * DCBM over a bus master that nobody here wrote, QEMU's lsi53c895a: without an IOMMU, and
 * behind those of test_iommu_*.c, which include this file. What is moved is compared byte
 * by byte, and the engine's own counters say that it was the engine that copied. What the
 * engine works on has to be mapped for it all the time.
 */
#define _GNU_SOURCE
#include <numaif.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "dma_dump.h"
#include "lsi.h"
#include "offload.h"
#include "page_info.h"

#ifndef DOMAIN
#define DOMAIN	"none"
#define LAZY	1	/* what is unmapped can still be written to */
#endif

#define PAGES	512
#define PASSES	4	/* there and back, so that I/O addresses are used again */

static struct arena arena, holes;
static bool window;	/* DCBM maps into a window of I/O addresses, where there is an IOMMU */

void case_setup(void)
{
	offload_reset();
	offload_set("batch_pages", "4096");
	window = false;
}

void case_teardown(void)
{
	offload_reset();
	if (arena.addr)
		arena_unmap(&arena);
	if (holes.addr)
		arena_unmap(&holes);
	if (is_loaded("lsi_dma"))
		lsi_set("hold", "N");
	lsi_stop();
}

/* Returns whether DCBM has one. */
static bool use_window(bool on)
{
	window = false;
	if (!exists("/sys/module/dcbm/parameters/window"))
		return false;
	window = on;
	EXPECT_EQ(dcbm_enable(0), 0);
	dcbm_set("window", on ? "Y" : "N");
	EXPECT_EQ(dcbm_enable(1), 0);
	return true;
}

static bool is_translated(void)
{
	return strcmp(DOMAIN, "none") && strcmp(DOMAIN, "identity");
}

/* Which pages move, in a random order: what they leave may be in one piece, page by page it jumps. */
static unsigned int order[PAGES];

static void shuffle(void)
{
	unsigned int i, other, page;

	for (i = 0; i < PAGES; i++)
		order[i] = i;
	for (i = PAGES - 1; i; i--) {
		other = random() % (i + 1);
		page = order[i];
		order[i] = order[other];
		order[other] = page;
	}
}

static void *page_at(unsigned int place)
{
	return arena.addr + (2 * order[place] + 1) * PAGE;
}

/*
 * Frees frames with even numbers only: no two of them are neighbours, in whatever order they
 * were got. There are more than pages that move, and this CPU gets what it freed last.
 */
static void free_even_frames(struct arena *from)
{
	size_t i;

	for (i = 0; i < from->bytes; i += PAGE)
		if (page_frame(from->addr + i) % 2 == 0)
			REQUIRE(!madvise(from->addr + i, PAGE, MADV_DONTNEED), "madvise: %m");
}

static void scatter(void)
{
	pin_to_cpu(0);
	arena = arena_map(ARENA_ANON, 2 * PAGES * PAGE, 0);
	arena_perforate(&arena);
	holes = arena_map(ARENA_ANON, 16 * MiB, 1);
	free_even_frames(&holes);
}

static void expect_scattered(void)
{
	unsigned int neighbours = 0, i;

	for (i = 1; i < PAGES; i++)
		neighbours += page_frame(page_at(i)) == page_frame(page_at(i - 1)) + 1;
	EXPECT(neighbours < PAGES / 4, "%u of %u pages are neighbours", neighbours, PAGES);
}

/* One call for all pages that are there: those that are not would end a batch. */
static void move_scattered(int nid)
{
	int nodes[PAGES], status[PAGES], i, there = 0;
	void *pages[PAGES];

	for (i = 0; i < PAGES; i++) {
		pages[i] = page_at(i);
		nodes[i] = nid;
	}
	REQUIRE(move_pages(0, PAGES, pages, nodes, status, MPOL_MF_MOVE) >= 0, "move_pages: %m");
	for (i = 0; i < PAGES; i++)
		there += status[i] == nid;
	EXPECT_EQ(there, PAGES);
}

static void expect_copied(const struct book *book, unsigned int folios, size_t bytes)
{
	EXPECT_EQ(book->copied, folios);
	EXPECT_EQ(book->consumed, folios);
	EXPECT_EQ(book->failed, 0);
	EXPECT_EQ(lsi_count("bytes"), bytes);
	EXPECT_EQ(lsi_count("failed"), 0);
	EXPECT_EQ(lsi_count("unmapped"), 0);
	if (window)
		EXPECT_EQ(!!dcbm_status("bytes_linked"), is_translated());
}

static void scattered_folios(void)
{
	struct book book;
	int i;

	scatter();
	offload_use("dcbm");
	book_open();
	for (i = 1; i <= PASSES; i++) {
		shuffle();
		expect_scattered();
		move_scattered(i % 2);
		/* Where they are free in one piece, they are got in one. */
		if (i % 2)
			expect_scattered();
		arena_verify_perforated(&arena);
	}
	book = book_close();
	expect_copied(&book, PASSES * PAGES, PASSES * PAGES * PAGE);
	EXPECT_EQ(dcbm_status("folios_copied"), PASSES * PAGES);
}

static void whole_folios(enum arena_kind kind, unsigned int folios)
{
	struct book book;
	size_t bytes;
	int i;

	arena = arena_map(kind, kind == ARENA_ANON_HUGE ? folios * HUGE_PAGE : folios * PAGE, 0);
	bytes = arena.bytes;
	offload_use("dcbm");
	book_open();
	for (i = 1; i <= PASSES; i++) {
		EXPECT_EQ(arena_move(&arena, i % 2), arena_pages(&arena));
		arena_verify(&arena);
		/* Other bytes at the same I/O addresses. */
		arena_fill(&arena, i + 1);
	}
	book = book_close();
	expect_copied(&book, PASSES * folios, PASSES * bytes);
}

CASE(place, "the engine is where this test is about")
{
	lsi_start_alone(NULL);
	EXPECT(!strcmp(lsi_domain(), DOMAIN), "its domain is %s and not %s", lsi_domain(), DOMAIN);
}

CASE(dmatest, "dmatest copies on all channels")
{
	lsi_start_alone("channels=4");
	EXPECT_EQ(shell("dmesg -C; modprobe dmatest iterations=50 threads_per_chan=2 timeout=20000 "
			"test_buf_size=65536 run=1 && cat /sys/module/dmatest/parameters/wait >/dev/null"), 0);
	EXPECT_EQ(shell("test $(dmesg | grep -c 'summary 50 tests, 0 failures') = 8"), 0);
	EXPECT_GE(lsi_count("descriptors"), 8 * 50);
	EXPECT_EQ(lsi_count("failed"), 0);
}

CASE(small, "scattered 4 KiB folios, each mapped alone")
{
	lsi_start("channels=4");
	use_window(false);
	scattered_folios();
}

CASE(huge, "2 MiB folios, each mapped alone")
{
	lsi_start("channels=8");
	use_window(false);
	whole_folios(ARENA_ANON_HUGE, 8);
}

CASE(shmem, "folios of shared memory")
{
	lsi_start("channels=4");
	whole_folios(ARENA_SHMEM, PAGES);
}

CASE(small_window, "scattered 4 KiB folios, in a window of I/O addresses")
{
	lsi_start("channels=4");
	if (!use_window(true))
		case_skip("dcbm has no window");
	scattered_folios();
}

CASE(huge_window, "2 MiB folios, in a window of I/O addresses")
{
	lsi_start("channels=8");
	if (!use_window(true))
		case_skip("dcbm has no window");
	whole_folios(ARENA_ANON_HUGE, 8);
}

CASE(huge_window_cut, "2 MiB folios that are cut: whole ones in windows, parts mapped in one")
{
	lsi_start("channels=4");
	if (!use_window(true))
		case_skip("dcbm has no window");
	whole_folios(ARENA_ANON_HUGE, 5);
}

CASE(slow, "an engine that moves a while after it was told to")
{
	lsi_start("channels=4 pauses=3");
	dcbm_set("poll_us", "0");
	/* A descriptor each, and not a few for all. */
	dcbm_set("sg", "N");
	use_window(false);
	whole_folios(ARENA_ANON, PAGES);
	EXPECT_GT(lsi_count("scripts"), PASSES * PAGES / 64 - 1);
}

static void *move_in_thread(void *unused)
{
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	return unused;
}

/* Each folio once for the device, also one that several channels copy. */
static void expect_mapped(unsigned int folios, size_t bytes)
{
	static const char * const directions[] = { "DMA_TO_DEVICE", "DMA_FROM_DEVICE" };
	struct dma_mapped mapped;
	int i;

	for (i = 0; i < 2; i++) {
		mapped = dma_mapped(lsi_device(), directions[i]);
		EXPECT_EQ(mapped.mappings, folios);
		EXPECT_EQ(mapped.bytes, bytes);
	}
}

/*
 * The engine is told, and does not begin. Until it has, DMA_API_DEBUG has to know each of
 * its addresses, and then the page tables: a guard of what is unmapped too early that does
 * not need the IOMMU to notice.
 */
static void held(enum arena_kind kind, unsigned int folios)
{
	struct book book;
	pthread_t thread;
	int i;

	lsi_start("channels=4 hold=Y");
	use_window(false);
	dcbm_set("timeout_ms", "60000");
	arena = arena_map(kind, kind == ARENA_ANON_HUGE ? folios * HUGE_PAGE : folios * PAGE, 0);
	offload_use("dcbm");
	book_open();
	REQUIRE(!pthread_create(&thread, NULL, move_in_thread, NULL), "pthread_create");
	/* Many folios may be one descriptor. */
	for (i = 0; i < 1000 && !lsi_count("ripe"); i++)
		usleep(20000);
	EXPECT_GT(lsi_count("ripe"), 0);
	/* The task may not have got to the end of submit(), and to wait(), yet. */
	usleep(500000);
	EXPECT_EQ(lsi_count("bytes"), 0);
	expect_mapped(folios, arena.bytes);
	lsi_set("hold", "N");
	pthread_join(thread, NULL);
	book = book_close();
	arena_verify(&arena);
	expect_copied(&book, folios, arena.bytes);
	expect_mapped(0, 0);
}

CASE(held_small, "4 KiB folios stay mapped until the engine is through")
{
	held(ARENA_ANON, 64);
}

CASE(held_huge, "2 MiB folios stay mapped until the engine is through")
{
	held(ARENA_ANON_HUGE, 2);
}

/* dmatest gives up after a time, and terminates. */
static void give_up(const char *params, unsigned int timeout_ms)
{
	lsi_start_alone(params);
	EXPECT_EQ(shell("modprobe dmatest iterations=2 timeout=%u run=1 && "
			"cat /sys/module/dmatest/parameters/wait >/dev/null", timeout_ms), 0);
	remove_module("dmatest");
	EXPECT_EQ(lsi_count("ripe"), 0);
	EXPECT_EQ(lsi_count("running"), 0);
}

CASE(terminate_waiting, "what is terminated before it began is never moved")
{
	give_up("channels=2 hold=Y", 50);
	EXPECT_EQ(lsi_count("bytes"), 0);
	lsi_set("hold", "N");
	usleep(50000);
	EXPECT_EQ(lsi_count("scripts"), 0);
}

CASE(terminate_running, "an engine that is terminated at work is silent, and goes on with other work")
{
	uint64_t bytes;
	int tries;

	/* Where the machine is busy, a time-out of 1 ms may come after the 32 ms of the pauses. */
	for (tries = 0; tries < 20; tries++) {
		give_up("channels=1 pauses=64", 1);
		if (lsi_count("resets") > 1)
			break;
	}
	EXPECT_GT(lsi_count("resets"), 1);
	bytes = lsi_count("bytes");
	/* Longer than the pauses: nothing of the old script comes. */
	usleep(100000);
	EXPECT_EQ(lsi_count("bytes"), bytes);
	lsi_start("channels=4");
	whole_folios(ARENA_ANON, PAGES);
}

#ifdef LAZY
CASE(after_unmap, "nobody keeps the engine from pages that have been unmapped, here")
{
	lsi_start_alone(NULL);
	lsi_after_unmap();
	EXPECT_EQ(lsi_count("after_unmap_before"), lsi_count("after_unmap_pages"));
	EXPECT_EQ(lsi_count("after_unmap_after"), lsi_count("after_unmap_pages"));
}
#endif

CASE(dma_debug, "DMA_API_DEBUG has not switched itself off, and has nothing to say")
{
	char disabled[8];

	read_line("/sys/kernel/debug/dma-api/disabled", disabled, sizeof(disabled));
	EXPECT(disabled[0] == 'N', "it is off");
	EXPECT_EQ(read_number("/sys/kernel/debug/dma-api/error_count"), 0);
}

CASES_MAIN
