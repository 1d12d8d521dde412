// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <numaif.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "offload.h"
#include "page_info.h"

static bool is_huge(enum arena_kind kind)
{
	return kind == ARENA_ANON_HUGE || kind == ARENA_SHMEM_HUGE;
}

static bool is_shared(enum arena_kind kind)
{
	return kind == ARENA_SHMEM || kind == ARENA_SHMEM_HUGE;
}

const char *arena_name(enum arena_kind kind)
{
	static const char * const names[] = {
		[ARENA_ANON] = "anon 4 KiB", [ARENA_ANON_HUGE] = "anon 2 MiB",
		[ARENA_SHMEM] = "shmem 4 KiB", [ARENA_SHMEM_HUGE] = "shmem 2 MiB",
	};

	return names[kind];
}

void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	REQUIRE(!sched_setaffinity(0, sizeof(set), &set), "cpu %d: %m", cpu);
}

void bind_to_node(int nid)
{
	unsigned long mask = nid < 0 ? 0 : 1UL << nid;

	REQUIRE(!set_mempolicy(nid < 0 ? MPOL_DEFAULT : MPOL_BIND, nid < 0 ? NULL : &mask,
			       nid < 0 ? 0 : 64), "set_mempolicy: %m");
}

static struct arena map_memory(enum arena_kind kind, size_t bytes)
{
	struct arena arena = {
		.kind = kind, .bytes = bytes, .order = is_huge(kind) ? 9 : 0, .fd = -1,
	};
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	if (is_shared(kind)) {
		flags = MAP_SHARED;
		arena.fd = memfd_create("arena", MFD_CLOEXEC);
		REQUIRE(arena.fd >= 0, "memfd_create: %m");
		REQUIRE(!ftruncate(arena.fd, bytes + HUGE_PAGE), "ftruncate: %m");
	}
	if (kind == ARENA_SHMEM_HUGE)
		write_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "advise");

	/*
	 * Where the mapping begins at a multiple of 2 MiB, the file must, too: a huge page
	 * of a file is mapped whole only there.
	 */
	arena.map_bytes = bytes + HUGE_PAGE;
	arena.map = mmap(NULL, arena.map_bytes, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	REQUIRE(arena.map != MAP_FAILED, "mmap: %m");
	arena.addr = (char *)(((uintptr_t)arena.map + HUGE_PAGE - 1) & -HUGE_PAGE);
	REQUIRE(mmap(arena.addr, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
		     arena.fd, 0) == arena.addr, "mmap: %m");
	REQUIRE(!madvise(arena.addr, bytes, is_huge(kind) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE),
		"madvise: %m");
	return arena;
}

static struct arena map_and_fill(enum arena_kind kind, size_t bytes, int nid)
{
	struct arena arena = map_memory(kind, bytes);

	bind_to_node(nid);
	arena_fill(&arena, 1);
	bind_to_node(-1);
	return arena;
}

struct arena arena_map(enum arena_kind kind, size_t bytes, int nid)
{
	struct arena arena = map_and_fill(kind, bytes, nid);

	REQUIRE(arena_on_node(&arena, nid) == arena_pages(&arena),
		"%s: only %zu of %zu pages on node %d", arena_name(kind),
		arena_on_node(&arena, nid), arena_pages(&arena), nid);
	if (is_huge(kind))
		REQUIRE(arena_huge_pages(&arena) == bytes / HUGE_PAGE,
			"%s: only %zu of %zu huge pages", arena_name(kind),
			arena_huge_pages(&arena), bytes / HUGE_PAGE);
	return arena;
}

/* Which order is used where huge pages are wanted: this one, or, with 0, 2 MiB again. */
static void use_order(enum arena_kind kind, unsigned int order)
{
	const char *file = is_shared(kind) ? "shmem_enabled" : "enabled";
	unsigned int i;
	char path[128];

	for (i = 1; i <= 9; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/mm/transparent_hugepage/hugepages-%zukB/%s",
			 PAGE << i >> 10, file);
		if (!exists(path))
			continue;
		if (!order)
			write_file(path, i == 9 ? "inherit" : "never");
		else if (i != order)
			write_file(path, "never");
		else
			write_file(path, is_shared(kind) ? "advise" : "madvise");
	}
}

struct arena arena_map_order(enum arena_kind kind, unsigned int order, size_t bytes, int nid)
{
	struct arena arena = map_memory(kind, bytes);
	size_t folios;

	use_order(kind, order);
	REQUIRE(!madvise(arena.addr, bytes, MADV_HUGEPAGE), "madvise: %m");
	arena.order = order;
	bind_to_node(nid);
	arena_fill(&arena, 1);
	bind_to_node(-1);
	use_order(kind, 0);
	/* Or khugepaged would make 2 MiB of them some day. */
	REQUIRE(!madvise(arena.addr, bytes, MADV_NOHUGEPAGE), "madvise: %m");
	folios = folios_in_range(arena.addr, bytes);
	REQUIRE(folios == bytes / (PAGE << order), "%s: %zu folios of order %u instead of %zu",
		arena_name(kind), folios, order, bytes / (PAGE << order));
	REQUIRE(arena_on_node(&arena, nid) == arena_pages(&arena), "%s: not all on node %d",
		arena_name(kind), nid);
	return arena;
}

struct arena arena_map_untouched(enum arena_kind kind, size_t bytes)
{
	return map_memory(kind, bytes);
}

struct arena arena_fill_node(int nid, size_t leave)
{
	size_t bytes = node_free_bytes(nid);

	REQUIRE(bytes > leave + 16 * MiB, "node %d: only %zu bytes free", nid, bytes);
	return map_and_fill(ARENA_ANON, (bytes - leave) & -HUGE_PAGE, nid);
}

size_t node_free_bytes(int nid)
{
	char path[64], line[128];
	size_t kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/meminfo", nid);
	file = fopen(path, "re");
	REQUIRE(file, "%s: %m", path);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Node %*d MemFree: %zu kB", &kib) == 1)
			break;
	fclose(file);
	return kib * 1024;
}

void arena_unmap(struct arena *arena)
{
	munmap(arena->map, arena->map_bytes);
	if (arena->fd >= 0)
		close(arena->fd);
	memset(arena, 0, sizeof(*arena));
	arena->fd = -1;
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x9e3779b97f4a7c15ULL;
	x ^= x >> 29;
	return x;
}

uint64_t arena_word(const struct arena *arena, size_t offset)
{
	return mix(arena->seed * 0x100000001b3ULL + offset + 1);
}

void arena_fill(struct arena *arena, uint64_t seed)
{
	size_t i;

	arena->seed = seed;
	for (i = 0; i < arena->bytes; i += 8)
		*(volatile uint64_t *)(arena->addr + i) = arena_word(arena, i);
}

static bool page_wrong(const struct arena *arena, size_t page, bool mark_allowed, size_t *marks)
{
	size_t folio = PAGE << arena->order, i;
	bool wrong = false;

	for (i = page; i < page + PAGE; i += 8) {
		uint64_t is = *(volatile uint64_t *)(arena->addr + i);

		if (is == arena_word(arena, i))
			continue;
		if (mark_allowed && i % folio == 8 && is == TEST_MARK) {
			(*marks)++;
			continue;
		}
		if (!wrong)
			case_note("%s: offset %#zx is %#" PRIx64 ", was left as %#" PRIx64,
				  arena_name(arena->kind), i, is, arena_word(arena, i));
		wrong = true;
	}
	return wrong;
}

static size_t wrong_pages(const struct arena *arena, bool mark_allowed, size_t *marks)
{
	size_t page, wrong = 0;

	/* After some the rest tells nothing new. */
	for (page = 0; page < arena->bytes && wrong < 4; page += PAGE)
		wrong += page_wrong(arena, page, mark_allowed, marks);
	return wrong;
}

size_t arena_wrong_pages(const struct arena *arena)
{
	return wrong_pages(arena, false, NULL);
}

size_t arena_wrong_but_marks(const struct arena *arena, size_t *marks)
{
	*marks = 0;
	return wrong_pages(arena, true, marks);
}

void arena_verify(const struct arena *arena)
{
	EXPECT(!arena_wrong_pages(arena), "%s: wrong bytes", arena_name(arena->kind));
}

size_t arena_pages(const struct arena *arena)
{
	return arena->bytes / PAGE;
}

static size_t on_node(int *status, size_t nr, int nid)
{
	size_t i, n = 0;

	for (i = 0; i < nr; i++)
		n += status[i] == nid;
	return n;
}

static size_t move_or_ask(pid_t pid, char *addr, size_t nr, size_t step, int nid, bool move)
{
	void **pages = calloc(nr, sizeof(*pages));
	int *nodes = calloc(nr, sizeof(*nodes)), *status = calloc(nr, sizeof(*status));
	size_t i, n;
	long ret;

	REQUIRE(pages && nodes && status, "no memory");
	for (i = 0; i < nr; i++) {
		pages[i] = addr + i * step;
		nodes[i] = nid;
	}
	ret = move_pages(pid, nr, pages, move ? nodes : NULL, status, MPOL_MF_MOVE_ALL);
	/* Positive: some pages stayed; their status is not told, so ask. */
	if (ret > 0 && move)
		ret = move_pages(pid, nr, pages, NULL, status, 0);
	n = on_node(status, nr, nid);
	free(pages);
	free(nodes);
	free(status);
	REQUIRE(ret >= 0, "move_pages: %m");
	return n;
}

size_t move_range(pid_t pid, void *addr, size_t bytes, int nid)
{
	move_or_ask(pid, addr, bytes / PAGE, PAGE, nid, true);
	return range_on_node(pid, addr, bytes, nid);
}

size_t range_on_node(pid_t pid, void *addr, size_t bytes, int nid)
{
	return move_or_ask(pid, addr, bytes / PAGE, PAGE, nid, false);
}

/* Of a huge page only the first address: a second one would end the list there. */
size_t arena_move(const struct arena *arena, int nid)
{
	size_t step = PAGE << arena->order;

	move_or_ask(0, arena->addr, arena->bytes / step, step, nid, true);
	return arena_on_node(arena, nid);
}

size_t arena_on_node(const struct arena *arena, int nid)
{
	return range_on_node(0, arena->addr, arena->bytes, nid);
}

/* By /proc/self/smaps, of the mapping that begins with the arena. */
size_t arena_huge_pages(const struct arena *arena)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	unsigned long begin, kib, sum = 0;
	char line[512];
	bool ours = false;

	REQUIRE(file, "smaps: %m");
	while (fgets(line, sizeof(line), file)) {
		unsigned long end;

		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			ours = begin >= (unsigned long)arena->addr &&
			       end <= (unsigned long)arena->addr + arena->bytes;
		else if (ours && (sscanf(line, "AnonHugePages: %lu kB", &kib) == 1 ||
				  sscanf(line, "ShmemPmdMapped: %lu kB", &kib) == 1))
			sum += kib;
	}
	fclose(file);
	return sum * 1024 / HUGE_PAGE;
}

void arena_perforate(struct arena *arena)
{
	size_t i;

	for (i = 0; i < arena->bytes; i += 2 * PAGE)
		REQUIRE(!madvise(arena->addr + i, PAGE, is_shared(arena->kind) ? MADV_REMOVE :
				 MADV_DONTNEED), "madvise: %m");
}

void arena_verify_perforated(const struct arena *arena)
{
	size_t page, marks, wrong = 0;

	for (page = PAGE; page < arena->bytes && wrong < 4; page += 2 * PAGE)
		wrong += page_wrong(arena, page, false, &marks);
	EXPECT(!wrong, "%s: wrong bytes", arena_name(arena->kind));
}

struct arena ballast_take(int nid, size_t leave)
{
	size_t is_free = node_free_bytes(nid), i;
	struct arena ballast;

	ballast = map_memory(ARENA_ANON_HUGE, is_free > leave + HUGE_PAGE ?
			     (is_free - leave) & -HUGE_PAGE : HUGE_PAGE);
	bind_to_node(nid);
	for (i = 0; i < ballast.bytes; i += HUGE_PAGE)
		*(volatile char *)(ballast.addr + i) = 1;
	bind_to_node(-1);
	REQUIRE(!mlock(ballast.addr, ballast.bytes), "mlock: %m");
	return ballast;
}

void ballast_drop(struct arena *ballast)
{
	arena_unmap(ballast);
}
