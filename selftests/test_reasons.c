// SPDX-License-Identifier: GPL-2.0
/*
 * What is moved for other reasons than move_pages(2): the bytes are right, the copies are
 * made ahead and stand in the book of the right reason. The migrator looks at each pair and
 * complains about every one that it should not have been given.
 */
#define _GNU_SOURCE
#include <numaif.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "offload.h"

#define BYTES	(4 * MiB)

static struct arena arenas[4];

void case_setup(void)
{
	if (!is_loaded("migrator_test"))
		insert("migrator_test", NULL);
	mt_reset();
	offload_reset();
	offload_use("test");
}

void case_teardown(void)
{
	size_t i;

	mt_check_busy();
	mt_reset();
	offload_reset();
	for (i = 0; i < 4; i++)
		if (arenas[i].addr)
			arena_unmap(&arenas[i]);
}

static struct book since(const char *reason, const struct book *before)
{
	struct book book = book_minus(book_read(NULL, reason), *before);

	book_check(&book);
	return book;
}

CASE(mbind, "mbind(2)")
{
	struct book before = book_read(NULL, "mempolicy_mbind"), book;
	unsigned long node1 = 2;

	arenas[0] = arena_map(ARENA_ANON, BYTES, 0);
	REQUIRE(!mbind(arenas[0].addr, BYTES, MPOL_BIND, &node1, 64, MPOL_MF_MOVE),
		"mbind: %m");
	book = since("mempolicy_mbind", &before);
	EXPECT_EQ(arena_on_node(&arenas[0], 1), arena_pages(&arenas[0]));
	EXPECT_EQ(book.consumed, arena_pages(&arenas[0]));
	arena_verify(&arenas[0]);
}

CASE(migrate_pages, "migrate_pages(2)")
{
	struct book before = book_read(NULL, SYSCALL), book;
	unsigned long node0 = 1, node1 = 2;
	long ret;

	arenas[0] = arena_map(ARENA_ANON, BYTES, 0);
	arenas[1] = arena_map(ARENA_SHMEM, BYTES, 0);
	ret = syscall(SYS_migrate_pages, 0, 64, &node0, &node1);
	REQUIRE(ret >= 0, "migrate_pages: %m");
	book = since(SYSCALL, &before);
	EXPECT_EQ(arena_on_node(&arenas[0], 1), arena_pages(&arenas[0]));
	EXPECT_EQ(arena_on_node(&arenas[1], 1), arena_pages(&arenas[1]));
	EXPECT_GE(book.consumed, 2 * arena_pages(&arenas[0]));
	arena_verify(&arenas[0]);
	arena_verify(&arenas[1]);
	/* The rest of this process as well. */
	syscall(SYS_migrate_pages, 0, 64, &node1, &node0);
	arena_verify(&arenas[0]);
}

CASE(compaction, "/proc/sys/vm/compact_memory")
{
	struct arena below = arena_map(ARENA_ANON_HUGE, 32 * MiB, 0), above;
	struct book before, book;

	/* Room on both sides, wherever compaction moves things. */
	arenas[0] = arena_map(ARENA_ANON, BYTES, 0);
	arenas[1] = arena_map(ARENA_SHMEM, BYTES, 0);
	above = arena_map(ARENA_ANON_HUGE, 32 * MiB, 0);
	arena_perforate(&arenas[0]);
	arena_perforate(&arenas[1]);
	arena_unmap(&below);
	arena_unmap(&above);

	before = book_read(NULL, "compaction");
	write_file("/proc/sys/vm/compact_memory", "1");
	book = since("compaction", &before);
	case_note("%llu folios offered, %llu copied ahead", (unsigned long long)book.offered,
		  (unsigned long long)book.consumed);
	EXPECT_GT(book.consumed, 0);
	arena_verify_perforated(&arenas[0]);
	arena_verify_perforated(&arenas[1]);
}

CASES_MAIN
