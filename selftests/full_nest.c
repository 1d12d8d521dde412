// SPDX-License-Identifier: GPL-2.0
/*
 * vm: --mem 448M
 * timeout: 240
 *
 * Batches nest: while a batch is being unmapped, the destination of its next folio has to be
 * allocated, and for a 2 MiB one in fragmented memory that means compaction, by the same
 * task, with a batch of its own. Per-task or per-CPU batch state would get mixed up, and
 * anything held across the unmap loop would be waited for by its own holder.
 *
 * What is left of node 1 is filled with 4 KiB pages, every second one is given back,
 * and what is left in one piece is taken: there is room, but no 2 MiB of it in one place.
 */
#include <inttypes.h>
#include <sys/mman.h>

#include "arena.h"
#include "case.h"
#include "offload.h"

#define PLUG	(64 * MiB)

static struct arena ballast, filler, huge;
static char *plug;

void case_setup(void)
{
	insert_once("migrator_test");
	mt_reset();
	offload_reset();
	offload_set("batch_pages", "4096");
	write_file("/proc/sys/vm/compaction_proactiveness", "0");
}

void case_teardown(void)
{
	mt_check_busy();
	mt_reset();
	offload_reset();
	if (huge.addr)
		arena_unmap(&huge);
	if (filler.addr)
		arena_unmap(&filler);
	if (ballast.addr)
		ballast_drop(&ballast);
	if (plug)
		munmap(plug, PLUG);
	plug = NULL;
}

/* Takes the 2 MiB pieces of node 1; where there is none left, 4 KiB each do no harm. */
static void plug_holes(void)
{
	size_t i;

	write_file("/sys/kernel/mm/transparent_hugepage/defrag", "never");
	plug = mmap(NULL, PLUG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(plug != MAP_FAILED, "mmap: %m");
	REQUIRE(!madvise(plug, PLUG, MADV_HUGEPAGE), "madvise: %m");
	bind_to_node(1);
	for (i = 0; i < PLUG; i += HUGE_PAGE)
		plug[i] = 1;
	bind_to_node(-1);
	write_file("/sys/kernel/mm/transparent_hugepage/defrag", "madvise");
}

static void nest(const char *migrator)
{
	struct book outer, inner, before;
	uint64_t stalls;

	huge = arena_map(ARENA_ANON_HUGE, 8 * HUGE_PAGE, 0);
	ballast = ballast_take(1, 80 * MiB);
	filler = arena_fill_node(1, 24 * MiB);
	arena_perforate(&filler);
	plug_holes();
	offload_use(migrator);

	stalls = counter("/proc/vmstat", "compact_stall");
	before = book_read(NULL, "compaction");
	book_open();
	arena_move(&huge, 1);
	outer = book_close();
	inner = book_minus(book_read(NULL, "compaction"), before);
	book_check(&inner);
	stalls = counter("/proc/vmstat", "compact_stall") - stalls;
	case_note("%" PRIu64 " folios in the outer batches, %" PRIu64 " copied ahead in the inner ones, %"
		  PRIu64 " direct compactions", outer.offered, inner.consumed, stalls);

	arena_verify(&huge);
	arena_verify_perforated(&filler);
	/* Else nothing was nested, and nothing shown. */
	EXPECT_GT(stalls, 0);
	EXPECT_GT(inner.consumed, 0);
	EXPECT_GT(outer.consumed, 0);
}

CASE(compaction_cpu, "compaction within a batch, both copied ahead by the CPU")
{
	nest("cpu");
}

CASE(compaction_test, "compaction within a batch, both copied ahead by the same migrator")
{
	nest("test");
}

CASES_MAIN
