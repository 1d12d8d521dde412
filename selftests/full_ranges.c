// SPDX-License-Identifier: GPL-2.0
/*
 * arch: x86_64
 * vm: --mem 512M --append "cma=256M@128M memhp_default_state=online_movable" --qemu "-m 1024M,slots=2,maxmem=4G -object memory-backend-ram,id=dimm,size=256M -device pc-dimm,id=dimm0,memdev=dimm,node=1"
 * timeout: 240
 *
 * Ranges of memory that are emptied because somebody wants the very page frames: memory
 * that is unplugged, memory that is wanted in one piece, movable memory that is pinned for
 * long, and direct compaction. Node 0 has a CMA area, node 1 a DIMM of movable memory only.
 * As in test_reasons.c: reason, choice, length of the batches, bytes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <numaif.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../modules/folio_pin.h"
#include "arena.h"
#include "case.h"
#include "offload.h"
#include "page_info.h"
#include "watch.h"

#define BYTES	(2 * MiB)

/* Contiguous ranges are emptied by so many pages at a time. */
#define CLUSTER	32

enum { ANON, SHMEM, HUGE, SHMEM_HUGE, LOCKED, NR_ARENAS };

static struct arena arenas[NR_ARENAS], ballast, filler;

void case_setup(void)
{
	insert_once("migrator_test");
	insert_once("folio_pin");
	mt_reset();
	offload_reset();
}

static void unmap_all(void)
{
	size_t i;

	for (i = 0; i < NR_ARENAS; i++)
		if (arenas[i].addr)
			arena_unmap(&arenas[i]);
	if (filler.addr)
		arena_unmap(&filler);
	if (ballast.addr)
		ballast_drop(&ballast);
}

void case_teardown(void)
{
	watch_abandon();
	mt_check_busy();
	mt_reset();
	offload_reset();
	unmap_all();
}

/* --- the CMA area --- */

static struct {
	char dir[128];
	uint64_t first, end;	/* its page frames */
} cma;

static void find_cma(void)
{
	char path[PATH_MAX];
	glob_t found;

	REQUIRE(!glob("/sys/kernel/debug/cma/*", 0, NULL, &found), "no CMA area");
	snprintf(cma.dir, sizeof(cma.dir), "%s", found.gl_pathv[0]);
	globfree(&found);
	snprintf(path, sizeof(path), "%s/base_pfn", cma.dir);
	cma.first = read_number(path);
	snprintf(path, sizeof(path), "%s/count", cma.dir);
	cma.end = cma.first + read_number(path);
}

static size_t pages_in_cma(const struct arena *arena)
{
	return pages_in_frames(arena->addr, arena->bytes, cma.first, cma.end);
}

/* While more than half of what is free is in the area, movable memory comes from there. */
static struct arena map_in_cma(enum arena_kind kind)
{
	struct arena arena;

	find_cma();
	arena = arena_map(kind, BYTES, 0);
	REQUIRE(pages_in_cma(&arena), "no page of %s is in the CMA area", arena_name(kind));
	return arena;
}

/* Takes pieces of the area until nothing of the arena is left in it. */
static void take_from_cma(const struct arena *arena)
{
	uint64_t piece = 32 * MiB / PAGE, taken = 0;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/alloc", cma.dir);
	while (pages_in_cma(arena)) {
		char text[24];
		int ret;

		snprintf(text, sizeof(text), "%" PRIu64, piece);
		ret = try_write(path, text);
		EXPECT(!ret, "after %" PRIu64 " pages: %s", taken, strerror(-ret));
		if (ret)
			break;
		taken += piece;
	}
	snprintf(path, sizeof(path), "%s/free", cma.dir);
	write_number(path, taken);
}

static void contiguous(enum arena_kind kind)
{
	struct seen seen;
	size_t folios;

	arenas[ANON] = map_in_cma(kind);
	folios = pages_in_cma(&arenas[ANON]) >> arenas[ANON].order;
	watch_begin("contig_range");
	take_from_cma(&arenas[ANON]);
	seen = watch_end();
	EXPECT_GE(seen.book.consumed, folios);
	EXPECT_GE(CLUSTER, seen.trace.most);
	arena_verify(&arenas[ANON]);
}

CASE(contig_anon, "a contiguous range with 4 KiB anon in it")
{
	contiguous(ARENA_ANON);
}

CASE(contig_shmem, "a contiguous range with 4 KiB shmem in it")
{
	contiguous(ARENA_SHMEM);
}

CASE(contig_huge, "a contiguous range with a 2 MiB folio in it")
{
	contiguous(ARENA_ANON_HUGE);
}

/* --- the DIMM --- */

static uint64_t block_frames(void)
{
	char line[64];
	uint64_t bytes = 0;

	read_line("/sys/devices/system/memory/block_size_bytes", line, sizeof(line));
	REQUIRE(sscanf(line, "%" SCNx64, &bytes) == 1 && bytes, "block_size_bytes: %s", line);
	return bytes / PAGE;
}

static void block_file(uint64_t block, const char *file, char *path)
{
	snprintf(path, PATH_MAX, "/sys/devices/system/memory/memory%" PRIu64 "/%s", block, file);
}

static bool is_movable(uint64_t block)
{
	char path[PATH_MAX], zones[64];

	block_file(block, "valid_zones", path);
	if (!exists(path))
		return false;
	read_line(path, zones, sizeof(zones));
	return !strncmp(zones, "Movable", 7);
}

static bool is_in_dimm(const struct arena *arena)
{
	return is_movable(page_frame(arena->addr) / block_frames());
}

static void pin_for_long(const struct arena *arena)
{
	struct folio_pin_range range = {
		.addr = (uintptr_t)arena->addr,
		.nr = arena_pages(arena),
		.flags = FOLIO_PIN_DMA | FOLIO_PIN_LONGTERM,
	};
	int fd = open("/dev/folio_pin", O_RDWR | O_CLOEXEC);

	REQUIRE(fd >= 0, "/dev/folio_pin: %m");
	EXPECT(!ioctl(fd, FOLIO_PIN_GET, &range), "FOLIO_PIN_GET: %m");
	close(fd);
}

CASE(pin_cma, "a long-term pin of memory in a CMA area")
{
	struct seen seen;
	size_t pages;

	arenas[ANON] = map_in_cma(ARENA_ANON);
	pages = pages_in_cma(&arenas[ANON]);
	watch_begin("longterm_pin");
	pin_for_long(&arenas[ANON]);
	seen = watch_end();
	EXPECT_EQ(pages_in_cma(&arenas[ANON]), 0);
	EXPECT_EQ(seen.book.consumed, pages);
	arena_verify(&arenas[ANON]);
}

CASE(pin_movable, "a long-term pin of memory that may be unplugged")
{
	struct seen seen;

	arenas[ANON] = arena_map(ARENA_ANON, BYTES, 1);
	arenas[HUGE] = arena_map(ARENA_ANON_HUGE, BYTES, 1);
	REQUIRE(is_in_dimm(&arenas[ANON]) && is_in_dimm(&arenas[HUGE]), "not in the DIMM");
	watch_begin("longterm_pin");
	pin_for_long(&arenas[ANON]);
	pin_for_long(&arenas[HUGE]);
	seen = watch_end();
	EXPECT(!is_in_dimm(&arenas[ANON]), "still in the DIMM");
	EXPECT(!is_in_dimm(&arenas[HUGE]), "still in the DIMM");
	EXPECT_EQ(seen.book.consumed, arena_pages(&arenas[ANON]) + BYTES / HUGE_PAGE);
	EXPECT_EQ(seen.policy.orders, 1 | 1 << 9);
	EXPECT_EQ(seen.trace.most, arena_pages(&arenas[ANON]));
	arena_verify(&arenas[ANON]);
	arena_verify(&arenas[HUGE]);
}

CASE(unplug, "a memory block that is taken offline")
{
	uint64_t frames = block_frames(), block, pages = 0;
	struct seen seen;
	char path[PATH_MAX];
	size_t i;

	arenas[ANON] = arena_map(ARENA_ANON, BYTES, 1);
	arenas[SHMEM] = arena_map(ARENA_SHMEM, BYTES, 1);
	arenas[HUGE] = arena_map(ARENA_ANON_HUGE, BYTES, 1);
	arenas[SHMEM_HUGE] = arena_map(ARENA_SHMEM_HUGE, BYTES, 1);
	arenas[LOCKED] = arena_map(ARENA_ANON, BYTES, 1);
	REQUIRE(!mlock(arenas[LOCKED].addr, BYTES), "mlock: %m");
	block = page_frame(arenas[ANON].addr) / frames;
	REQUIRE(is_movable(block), "block %" PRIu64 " is not of the DIMM", block);
	for (i = 0; i < NR_ARENAS; i++)
		pages += pages_in_frames(arenas[i].addr, BYTES, block * frames,
					 (block + 1) * frames) >> arenas[i].order;
	watch_begin("memory_hotplug");
	block_file(block, "state", path);
	write_file(path, "offline");
	seen = watch_end();
	write_file(path, "online_movable");
	case_note("%" PRIu64 " of the folios of this test were in block %" PRIu64, pages, block);
	EXPECT_GT(pages, 0);
	EXPECT_GE(seen.book.consumed, pages);
	for (i = 0; i < NR_ARENAS; i++) {
		EXPECT_EQ(pages_in_frames(arenas[i].addr, BYTES, block * frames,
					  (block + 1) * frames), 0);
		arena_verify(&arenas[i]);
	}
}

/* --- direct compaction --- */

/*
 * Huge pages from node 0, one after the other, until the policy saw a task compact. Only
 * they are bound to the node, and not what the kernel needs for itself: there is not much
 * outside of the CMA area.
 */
static void want_huge_pages(void)
{
	size_t bytes = 64 * MiB, i;
	unsigned long node0 = 1;
	char *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	REQUIRE(map != MAP_FAILED, "mmap: %m");
	REQUIRE(!madvise(map, bytes, MADV_HUGEPAGE), "madvise: %m");
	REQUIRE(!mbind(map, bytes, MPOL_BIND, &node0, 64, 0), "mbind: %m");
	pin_to_cpu(1);
	for (i = 0; i < bytes && !watch_policy().by_tasks; i += HUGE_PAGE)
		*(volatile char *)(map + i) = 1;
	munmap(map, bytes);
}

CASE(direct_compaction, "a task that compacts because it wants a huge page")
{
	struct census_of_reason asked;
	struct seen seen;

	/* All that is left of node 0 is holes of one page. */
	ballast = ballast_take(0, 160 * MiB);
	filler = arena_fill_node(0, 64 * MiB);
	arena_perforate(&filler);
	watch_begin("compaction");
	want_huge_pages();
	asked = watch_policy();
	seen = watch_end();
	EXPECT_GT(asked.by_tasks, 0);
	EXPECT_GT(seen.book.consumed, 0);
	EXPECT_GE(512, seen.trace.most);
	arena_verify_perforated(&filler);
}

CASES_MAIN
