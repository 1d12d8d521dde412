// SPDX-License-Identifier: GPL-2.0
#include "case.h"
#include "dcbm.h"
#include "dcbm_move.h"

struct arena arena;

void dcbm_move_begin(void)
{
	offload_reset();
	offload_set("batch_pages", "4096");
}

void dcbm_move_end(void)
{
	offload_reset();
	if (arena.addr)
		arena_unmap(&arena);
	dcbm_stop();
}

struct book dcbm_move(struct arena a)
{
	arena = a;
	offload_use("dcbm");
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	return book_close();
}

struct book dcbm_move_with(const char *fault, unsigned int every, enum arena_kind kind,
			   size_t bytes)
{
	struct book book;

	if (fault)
		dmasim_set(fault, every);
	book = dcbm_move(arena_map(kind, bytes, 0));
	if (fault)
		dmasim_set(fault, 0);
	arena_verify(&arena);
	EXPECT_EQ(book.consumed, book.copied);
	return book;
}
