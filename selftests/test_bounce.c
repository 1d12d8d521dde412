// SPDX-License-Identifier: GPL-2.0
/*
 * vm: --append swiotlb=force
 *
 * Point 9 of the design: no bounce buffers. The kernel bounces every mapping here. DCBM must
 * not use such an engine: what it wrote would reach the folio only when it is unmapped, and
 * large folios would not fit. Memory moves by the CPU.
 */
#include <errno.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "offload.h"

static struct arena arena;

static void refused_and_moved(enum arena_kind kind)
{
	struct book book;

	offload_reset();
	dcbm_stop();
	probe("dmasim", "channels=4");
	probe("dcbm", NULL);
	EXPECT_EQ(dcbm_enable(1), -ENODEV);
	try_write(OFFLOAD_DIR "/default_migrator", "dcbm");
	arena = arena_map(kind, 4 * HUGE_PAGE, 0);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	book = book_close();
	arena_verify(&arena);
	EXPECT_EQ(book.copied, 0);
	EXPECT_EQ(dmasim_count("prepared"), 0);
	arena_unmap(&arena);
	offload_reset();
}

CASE(anon, "with swiotlb=force DCBM takes no channel, and 4 KiB folios move by the CPU")
{
	refused_and_moved(ARENA_ANON);
}

CASE(huge, "the same for 2 MiB folios")
{
	refused_and_moved(ARENA_ANON_HUGE);
}

CASES_MAIN
