// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 300
 *
 * An engine that fails some of what it is given: exactly those folios are copied by the CPU,
 * and no others. The engine leaves a mark in each page that it copies, and keeps a record of
 * the descriptors that it failed: a page without the mark was copied by the CPU.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "dcbm_move.h"
#include "offload.h"
#include "page_info.h"

#define PAGES	512

void case_setup(void)
{
	dcbm_move_begin();
}

void case_teardown(void)
{
	dcbm_move_end();
}

static bool is_marked(const char *page)
{
	return ((volatile uint64_t *)page)[1] == TEST_MARK;
}

/* How many words are not as they were, the marks left out. */
static size_t wrong_words(void)
{
	size_t offset, wrong = 0;

	for (offset = 0; offset < arena.bytes; offset += 8)
		wrong += offset % PAGE != 8 &&
			 *(volatile uint64_t *)(arena.addr + offset) != arena_word(&arena, offset);
	return wrong;
}

/*
 * Were the folios that the CPU copied those that the engine failed, all of them and no
 * others? Returns how many they are.
 */
static size_t compare_sets(const char *faults)
{
	size_t folio = PAGE << arena.order, offset, page, failed, by_cpu, nr = 0;

	for (offset = 0; offset < arena.bytes; offset += folio) {
		failed = by_cpu = 0;
		for (page = offset; page < offset + folio; page += PAGE) {
			failed += dmasim_failed(page_frame(arena.addr + page), faults);
			by_cpu += !is_marked(arena.addr + page);
		}
		EXPECT(!by_cpu == !failed, "folio at %#zx: %zu pages copied by the CPU, %zu failed",
		       offset, by_cpu, failed);
		/* The CPU copies a folio as a whole. */
		EXPECT(!by_cpu || by_cpu == folio / PAGE, "folio at %#zx: %zu pages copied twice",
		       offset, by_cpu);
		nr += !!by_cpu;
	}
	EXPECT_EQ(wrong_words(), 0);
	return nr;
}

/* Each descriptor fails with a probability of @percent, by the kernel's fault injection. */
static void fail_some(const char *dir, unsigned int percent)
{
	REQUIRE(!shell("cd /sys/kernel/debug/dmasim/%s && echo -1 >times && echo %u >probability",
		       dir, percent), "%s", dir);
}

static struct book move(struct arena a)
{
	struct book book;

	write_file("/sys/module/dmasim/parameters/mark", "Y");
	book = dcbm_move(a);
	EXPECT_EQ(book.consumed, book.copied);
	return book;
}

CASE(errors, "any subset of descriptors fails: exactly their folios fall back")
{
	struct book book;
	size_t nr;

	dcbm_start("channels=4");
	fail_some("fail_copy", 30);
	book = move(arena_map(ARENA_ANON, PAGES * PAGE, 0));
	nr = compare_sets("errors");
	EXPECT_GT(nr, 0);
	EXPECT_GT(PAGES, nr);
	EXPECT_EQ(book.failed_error, nr);
	EXPECT_EQ(book.consumed, PAGES - nr);
	EXPECT_EQ(dmasim_count("injected_errors"), nr);
}

CASE(shuffled, "so they do when the engine completes out of order")
{
	struct book book;
	size_t nr;

	dcbm_start("channels=4 shuffle=1 latency_ns=1000");
	fail_some("fail_copy", 30);
	book = move(arena_map(ARENA_SHMEM, PAGES * PAGE, 0));
	nr = compare_sets("errors");
	EXPECT_GT(nr, 0);
	EXPECT_EQ(book.failed_error, nr);
	EXPECT_EQ(book.consumed, PAGES - nr);
}

CASE(partial, "half of a copy, and an error")
{
	struct book book;
	size_t nr;

	dcbm_start("channels=3 shuffle=1");
	fail_some("fail_partial", 30);
	book = move(arena_map(ARENA_ANON, PAGES * PAGE, 0));
	nr = compare_sets("partial");
	EXPECT_GT(nr, 0);
	EXPECT_EQ(book.failed_error, nr);
}

CASE(huge, "folios of 2 MiB, of which some pieces fail")
{
	struct book book;
	size_t nr;

	dcbm_start("channels=4");
	dcbm_set("max_chunk", "65536");
	fail_some("fail_copy", 2);
	book = move(arena_map(ARENA_ANON_HUGE, 8 * HUGE_PAGE, 0));
	nr = compare_sets("errors");
	EXPECT_EQ(book.failed_error, nr);
	EXPECT_EQ(book.consumed, 8 - nr);
}

CASE(submit, "descriptors that submit does not accept, for which no callback comes")
{
	struct book book;
	size_t nr;

	dcbm_start("channels=4");
	fail_some("fail_submit", 30);
	book = move(arena_map(ARENA_ANON, PAGES * PAGE, 0));
	nr = compare_sets("submit_errors");
	EXPECT_GT(nr, 0);
	EXPECT_EQ(book.refused_migrator, nr);
	EXPECT_EQ(book.failed, 0);
	EXPECT_EQ(dcbm_status("submit_failed"), nr);
	EXPECT_EQ(dcbm_status("stray_callbacks"), 0);
}

/* How many pages have the mark, from the first one on, without a gap. */
static size_t marked_first(const struct arena *a)
{
	size_t page;

	for (page = 0; page < arena_pages(a); page++)
		if (!is_marked(a->addr + page * PAGE))
			break;
	return page;
}

static size_t marked(const struct arena *a)
{
	size_t page, nr = 0;

	for (page = 0; page < arena_pages(a); page++)
		nr += is_marked(a->addr + page * PAGE);
	return nr;
}

CASE(prep_stops, "an engine that has no descriptor any more, in the middle of a slice")
{
	struct book book;

	dcbm_start("channels=1 pool=512");
	dmasim_set("prep_stop_after", 100);
	book = move(arena_map(ARENA_ANON, 256 * PAGE, 0));
	EXPECT_EQ(marked_first(&arena), 100);
	EXPECT_EQ(marked(&arena), 100);
	EXPECT_EQ(wrong_words(), 0);
	EXPECT_EQ(book.consumed, 100);
	EXPECT_EQ(book.refused_migrator, 156);
	EXPECT_EQ(dcbm_status("prep_failed"), 1);
	EXPECT_EQ(dcbm_status("channels_idle"), 1);
	arena_unmap(&arena);

	/* It may have recovered. */
	dmasim_set("prep_stop_after", 0);
	book = move(arena_map(ARENA_ANON, 256 * PAGE, 0));
	EXPECT_EQ(book.consumed, 256);
}

/* Eight jobs in vain, and the channel is set aside; when its engine is well, it is re-armed. */
static void expect_set_aside(const char *fault)
{
	struct book book;
	char name[32];
	int i;

	dmasim_set(fault, 1);
	arena = arena_map(ARENA_ANON, PAGE, 0);
	offload_use("dcbm");
	for (i = 1; i <= 8; i++) {
		EXPECT_EQ(dcbm_status("channels_quarantined"), 0);
		EXPECT_EQ(arena_move(&arena, i % 2), 1);
	}
	EXPECT_EQ(dcbm_status("channels_quarantined"), 1);
	arena_verify(&arena);
	arena_unmap(&arena);

	dmasim_set(fault, 0);
	dcbm_channel_in("quarantined", 0, name);
	EXPECT_EQ(dcbm_try_set("rearm", name), 0);
	offload_reset();
	offload_set("batch_pages", "4096");
	book = move(arena_map(ARENA_ANON, 64 * PAGE, 0));
	EXPECT_EQ(book.consumed, 64);
}

CASE(prep_dead, "an engine that has no descriptor for eight jobs is set aside, until it is re-armed")
{
	dcbm_start("channels=1");
	expect_set_aside("prep_null_every");
}

CASE(fails_all, "an engine that fails all of eight jobs is set aside, until it is re-armed")
{
	dcbm_start("channels=1");
	expect_set_aside("error_every");
}

CASE(fails_half, "an engine that does something of each job is not")
{
	int i;

	dcbm_start("channels=1");
	dmasim_set("error_every", 2);
	arena = arena_map(ARENA_ANON, 2 * PAGE, 0);
	offload_use("dcbm");
	for (i = 1; i <= 12; i++)
		EXPECT_EQ(arena_move(&arena, i % 2), 2);
	EXPECT_EQ(dcbm_status("channels_quarantined"), 0);
	EXPECT_EQ(dmasim_count("injected_errors"), 12);
	arena_verify(&arena);
}

/* Four are enough; there are 512 pieces. */
CASE(pool, "an engine with four descriptors a channel, and NULL from prep now and then")
{
	struct book book;

	dcbm_start("channels=2 pool=4");
	fail_some("fail_prep", 20);
	book = move(arena_map(ARENA_ANON, PAGES * PAGE, 0));
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_GT(dmasim_count("pool_empty"), 0);
	EXPECT_GT(dmasim_count("injected_prep_null"), 0);
	EXPECT_EQ(compare_sets("none"), 0);
}

CASE(prep_sleeps, "an engine that waits in prep for a descriptor")
{
	struct book book;

	dcbm_start("channels=2 pool=4 prep_sleep=1 latency_ns=100000");
	book = move(arena_map(ARENA_ANON, PAGES * PAGE, 0));
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_GT(dmasim_count("prep_slept"), 0);
	EXPECT_EQ(compare_sets("none"), 0);
}

/* Sleeping in between, or preparing two at once, is a complaint in the kernel log. */
CASE(prep_locks, "an engine that must not be left alone from prep to submit")
{
	struct book book;

	dcbm_start("channels=4 pool=16 prep_lock=1");
	fail_some("fail_prep", 5);
	fail_some("fail_submit", 5);
	book = move(arena_map(ARENA_ANON, PAGES * PAGE, 0));
	EXPECT_EQ(book.consumed + book.refused_migrator, PAGES);
	EXPECT_EQ(compare_sets("submit_errors"), book.refused_migrator);
}

CASES_MAIN
