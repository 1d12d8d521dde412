// SPDX-License-Identifier: GPL-2.0
/*
 * arch: arm64
 * vm: --machine virt,mte=on --cpu max
 * timeout: 240
 *
 * Point 1 of the design, for memory tags (MTE): an engine copies bytes, and not the tags that
 * belong to every 16 of them. What has tags takes today's path, alone or among others, and
 * bytes and tags are right afterwards; what has none is still copied ahead.
 */
/* For the assembler: with this pragma gcc 12 does not know the functions of arm_acle.h. */
#pragma GCC target("arch=armv8.5-a+memtag")
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "offload.h"

#ifndef PROT_MTE
#define PROT_MTE	0x20
#endif
#ifndef HWCAP2_MTE
#define HWCAP2_MTE	(1 << 18)
#endif

#define GRANULE		((size_t)16)
#define PAGES		256

static struct arena arena;

void case_setup(void)
{
	REQUIRE(getauxval(AT_HWCAP2) & HWCAP2_MTE, "this machine has no memory tags");
	if (!is_loaded("migrator_test"))
		insert("migrator_test", NULL);
	if (!is_loaded("dcbm"))
		dcbm_start("channels=4");
	mt_reset();
	offload_reset();
	/* All the huge pages in a batch. */
	offload_set("batch_pages", "2048");
}

void case_teardown(void)
{
	mt_check();
	mt_reset();
	offload_reset();
	if (arena.addr)
		arena_unmap(&arena);
}

/*
 * Never 0, which is what a page has that nobody tagged, and another one for the next page.
 * Within a page it is the same: QEMU 7.2 leaves the offset in the page out when it looks
 * for a tag.
 */
static unsigned int tag_of(size_t offset)
{
	return offset / PAGE % 15 + 1;
}

static void tag_range(const struct arena *a, size_t from, size_t bytes)
{
	size_t i;

	REQUIRE(!mprotect(a->addr + from, bytes, PROT_READ | PROT_WRITE | PROT_MTE),
		"PROT_MTE: %m");
	for (i = from; i < from + bytes; i += GRANULE) {
		uintptr_t p = (uintptr_t)(a->addr + i) | (uintptr_t)tag_of(i) << 56;

		asm volatile("stg %0, [%0]" : : "r" (p) : "memory");
	}
}

static unsigned int tag_at(char *addr)
{
	uintptr_t p = (uintptr_t)addr;

	asm volatile("ldg %0, [%0]" : "+r" (p) : : "memory");
	return p >> 56 & 15;
}

static void verify_tags(const struct arena *a, size_t from, size_t bytes)
{
	size_t i, wrong = 0;

	for (i = from; i < from + bytes; i += GRANULE) {
		unsigned int tag = tag_at(a->addr + i);

		if (tag == tag_of(i))
			continue;
		if (!wrong++)
			case_note("offset %#zx has tag %u, was given %u", i, tag, tag_of(i));
	}
	EXPECT(!wrong, "%zu of %zu tags are wrong", wrong, bytes / GRANULE);
}

/* Moves it all, and compares the bytes; returns the book. */
static struct book move_all(const char *migrator, uint64_t *folios)
{
	uint64_t before = migrator_event(migrator, "folios");
	struct book book;

	offload_use(migrator);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	book = book_close();
	arena_verify(&arena);
	*folios = migrator_event(migrator, "folios") - before;
	EXPECT_EQ(book.consumed, *folios);
	return book;
}

static void all_tagged(const char *migrator, enum arena_kind kind, size_t bytes)
{
	bool huge = kind == ARENA_ANON_HUGE || kind == ARENA_SHMEM_HUGE;
	struct book book;
	uint64_t folios;

	arena = arena_map(kind, bytes, 0);
	tag_range(&arena, 0, bytes);
	verify_tags(&arena, 0, bytes);
	book = move_all(migrator, &folios);
	EXPECT_EQ(book.refused_kind, bytes / (huge ? HUGE_PAGE : PAGE));
	EXPECT_EQ(folios, 0);
	verify_tags(&arena, 0, bytes);
}

/*
 * Every third page has tags, so that one with them comes after one without that was just
 * admitted, and the other way round.
 */
static void some_tagged(const char *migrator)
{
	size_t tagged = 0, page;
	struct book book;
	uint64_t folios;

	arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
	for (page = 1; page < PAGES; page += 3, tagged++)
		tag_range(&arena, page * PAGE, PAGE);
	book = move_all(migrator, &folios);
	EXPECT_EQ(book.offered, PAGES);
	EXPECT_EQ(book.refused_kind, tagged);
	EXPECT_EQ(folios, PAGES - tagged);
	for (page = 1; page < PAGES; page += 3)
		verify_tags(&arena, page * PAGE, PAGE);
}

/* A folio of 2 MiB with tags on one page of 512, and one with none. */
static void one_page_tagged(const char *migrator)
{
	struct book book;
	uint64_t folios;

	arena = arena_map(ARENA_ANON_HUGE, 2 * HUGE_PAGE, 0);
	tag_range(&arena, 300 * PAGE, PAGE);
	book = move_all(migrator, &folios);
	EXPECT_EQ(book.offered, 2);
	EXPECT_EQ(book.refused_kind, 1);
	EXPECT_EQ(folios, 1);
	verify_tags(&arena, 300 * PAGE, PAGE);
}

#define MIGRATOR(m)								\
	CASE(m##_anon, "anon 4 KiB with tags is not for " #m)			\
	{									\
		all_tagged(#m, ARENA_ANON, PAGES * PAGE);			\
	}									\
	CASE(m##_huge, "anon 2 MiB with tags is not for " #m)			\
	{									\
		all_tagged(#m, ARENA_ANON_HUGE, 2 * HUGE_PAGE);			\
	}									\
	CASE(m##_shmem, "shmem with tags is not for " #m)			\
	{									\
		all_tagged(#m, ARENA_SHMEM, PAGES * PAGE);			\
	}									\
	CASE(m##_some, "pages with tags among others are not for " #m)		\
	{									\
		some_tagged(#m);						\
	}									\
	CASE(m##_one_page, "2 MiB with tags on one page are not for " #m)	\
	{									\
		one_page_tagged(#m);						\
	}

MIGRATOR(test)
MIGRATOR(dcbm)

/*
 * The destinations are pages that had tags before: those must not be seen in what was
 * copied there without any, once it is mapped with tags.
 */
CASE(older_tags, "a copy without tags does not get those that its page had before")
{
	struct arena older = arena_map(ARENA_ANON, PAGES * PAGE, 1);
	size_t i, wrong = 0;
	struct book book;
	uint64_t folios;

	tag_range(&older, 0, older.bytes);
	arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
	arena_unmap(&older);
	book = move_all("dcbm", &folios);
	EXPECT_EQ(book.refused_kind, 0);
	EXPECT_EQ(folios, PAGES);
	REQUIRE(!mprotect(arena.addr, arena.bytes, PROT_READ | PROT_WRITE | PROT_MTE),
		"PROT_MTE: %m");
	for (i = 0; i < arena.bytes; i += GRANULE)
		wrong += tag_at(arena.addr + i) != 0;
	EXPECT_EQ(wrong, 0);
	arena_verify(&arena);
}

CASES_MAIN
