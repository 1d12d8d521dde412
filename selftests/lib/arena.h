/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory to move: mapped on a node, filled with what can be checked byte by byte, moved
 * with move_pages(2). Whatever cannot be done ends the test case (see case.h).
 */
#ifndef SELFTESTS_ARENA_H
#define SELFTESTS_ARENA_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE		((size_t)4096)
#define HUGE_PAGE	((size_t)2 << 20)
#define MiB		((size_t)1 << 20)

enum arena_kind {
	ARENA_ANON,		/* 4 KiB, private */
	ARENA_ANON_HUGE,	/* 2 MiB THP, private */
	ARENA_SHMEM,		/* 4 KiB, MAP_SHARED of tmpfs */
	ARENA_SHMEM_HUGE,	/* 2 MiB, MAP_SHARED of tmpfs */
};

struct arena {
	enum arena_kind kind;
	char *addr;
	size_t bytes;
	unsigned int order;	/* of its folios */
	uint64_t seed;
	int fd;			/* of the tmpfs file, or -1 */
	/* For arena_unmap() */
	void *map;
	size_t map_bytes;
};

/* Maps memory and fills it on node @nid. */
struct arena arena_map(enum arena_kind kind, size_t bytes, int nid);
/* The same with folios of 2^@order pages; @kind is ARENA_ANON or ARENA_SHMEM. */
struct arena arena_map_order(enum arena_kind kind, unsigned int order, size_t bytes, int nid);
/* Maps memory and touches none of it. */
struct arena arena_map_untouched(enum arena_kind kind, size_t bytes);
/* Of 4 KiB pages, as many as leave @leave bytes of the node free; some may be elsewhere then. */
struct arena arena_fill_node(int nid, size_t leave);
size_t node_free_bytes(int nid);
void arena_unmap(struct arena *arena);
const char *arena_name(enum arena_kind kind);

/* Gives every eight bytes a value of its own, from @seed. */
void arena_fill(struct arena *arena, uint64_t seed);
/* What stands in the word at @offset after arena_fill(). */
uint64_t arena_word(const struct arena *arena, size_t offset);
/* How many pages are not as arena_fill() left them. */
size_t arena_wrong_pages(const struct arena *arena);
/* The same but for the second eight bytes of a folio, where TEST_MARK may stand. */
size_t arena_wrong_but_marks(const struct arena *arena, size_t *marks);
/* Fails the case when there is a wrong page. */
void arena_verify(const struct arena *arena);

/* Moves @bytes from @addr of process @pid (0: this one), page by page; how many are on @nid then. */
size_t move_range(pid_t pid, void *addr, size_t bytes, int nid);
size_t arena_move(const struct arena *arena, int nid);
/* How many pages are on @nid now. */
size_t range_on_node(pid_t pid, void *addr, size_t bytes, int nid);
size_t arena_on_node(const struct arena *arena, int nid);
size_t arena_pages(const struct arena *arena);
/* How many 2 MiB pieces are mapped by one PMD. */
size_t arena_huge_pages(const struct arena *arena);

/* Gives every second page back, from the first one on: holes for compaction to fill. */
void arena_perforate(struct arena *arena);
/* Fails the case when one of the pages that are left is wrong. */
void arena_verify_perforated(const struct arena *arena);

/*
 * Takes memory of a node in pieces of 2 MiB until @leave bytes are free, and locks it: quick,
 * and nothing that anybody moves for compaction or reclaim.
 */
struct arena ballast_take(int nid, size_t leave);
void ballast_drop(struct arena *ballast);

void pin_to_cpu(int cpu);
/* The calling thread's memory comes from this node only; -1: from anywhere. */
void bind_to_node(int nid);

#endif /* SELFTESTS_ARENA_H */
