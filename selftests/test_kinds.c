// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 240
 *
 * Every kind of folio that is copied ahead, and hugetlb, which is not: all of them are, each
 * once, and every byte is right. The policy, the tracepoints and the books agree (lib/watch.h),
 * and the migrator looks at each pair and complains about what it should not have been given.
 * 4 KiB and 2 MiB folios of one and of several processes are in test_data.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <numaif.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "offload.h"
#include "page_info.h"
#include "watch.h"

#define BYTES	(2 * MiB)

static struct arena arena;

void case_setup(void)
{
	insert_once("migrator_test");
	mt_reset();
	offload_reset();
	/* Huge folios more than one in a batch. */
	offload_set("batch_pages", "2048");
}

void case_teardown(void)
{
	watch_abandon();
	mt_check();
	mt_reset();
	offload_reset();
	if (arena.addr)
		arena_unmap(&arena);
}

/* All of the arena, which is whole, goes to that node, copied ahead once. */
static void whole_to(int nid, unsigned int orders)
{
	size_t folios = folios_in_range(arena.addr, arena.bytes);
	struct seen seen;

	watch_begin(SYSCALL);
	arena_move(&arena, nid);
	seen = watch_end();
	EXPECT_EQ(arena_on_node(&arena, nid), arena_pages(&arena));
	EXPECT_EQ(folios_in_range(arena.addr, arena.bytes), folios);
	EXPECT_EQ(seen.book.consumed, folios);
	EXPECT_EQ(seen.policy.orders, orders);
	arena_verify(&arena);
}

static void there_and_back(unsigned int orders)
{
	whole_to(1, orders);
	arena_fill(&arena, 7);
	whole_to(0, orders);
}

/* Folios that are left after two moves. */
static size_t folios_moved_twice(unsigned int order)
{
	size_t folios;

	arena = arena_map_order(ARENA_ANON, order, BYTES, 0);
	arena_move(&arena, 1);
	arena_move(&arena, 0);
	EXPECT_EQ(arena_on_node(&arena, 0), arena_pages(&arena));
	arena_verify(&arena);
	folios = folios_in_range(arena.addr, arena.bytes);
	arena_unmap(&arena);
	return folios;
}

/*
 * Linux takes large anon folios for partly mapped while it unmaps them page by page, and
 * those whose move found them so are split before they move again. That is its own affair,
 * but is to be so with and without copies made ahead.
 */
static void anon_of_order(unsigned int order)
{
	size_t folios;

	arena = arena_map_order(ARENA_ANON, order, BYTES, 0);
	whole_to(1, 1 << order);
	arena_unmap(&arena);
	folios = folios_moved_twice(order);
	case_note("%zu folios are left after two moves", folios);
	offload_use("test");
	EXPECT_EQ(folios_moved_twice(order), folios);
	EXPECT_GT(mt_get("pairs"), 0);
}

static void shmem_of_order(unsigned int order)
{
	arena = arena_map_order(ARENA_SHMEM, order, BYTES, 0);
	there_and_back(1 << order);
}

CASE(anon_16k, "anon, folios of 16 KiB")
{
	anon_of_order(2);
}

CASE(anon_64k, "anon, folios of 64 KiB")
{
	anon_of_order(4);
}

CASE(anon_1m, "anon, folios of 1 MiB")
{
	anon_of_order(8);
}

CASE(shmem_64k, "shmem, folios of 64 KiB")
{
	shmem_of_order(4);
}

CASE(shmem_512k, "shmem, folios of 512 KiB")
{
	shmem_of_order(7);
}

/* The words of [from, to) are those of the arena's first @period bytes, over and over. */
static void expect_words(size_t from, size_t to, size_t period)
{
	size_t i;

	for (i = from; i < to; i += 8)
		if (*(volatile uint64_t *)(arena.addr + i) != arena_word(&arena, i % period))
			break;
	EXPECT_EQ(i, to);
}

CASE(partly_mapped, "a huge page of which one page has been given back")
{
	struct seen seen;

	arena = arena_map(ARENA_ANON_HUGE, HUGE_PAGE, 0);
	REQUIRE(!madvise(arena.addr, PAGE, MADV_DONTNEED), "madvise: %m");
	watch_begin(SYSCALL);
	/* One address is enough: what is partly mapped is split, and all of it is moved. */
	move_range(0, arena.addr + PAGE, PAGE, 1);
	seen = watch_end();
	EXPECT_EQ(arena_on_node(&arena, 1), arena_pages(&arena) - 1);
	EXPECT_EQ(seen.book.consumed, arena_pages(&arena) - 1);
	EXPECT_EQ(seen.policy.orders, 1);
	expect_words(PAGE, HUGE_PAGE, HUGE_PAGE);
}

#define TMPFS	"/tmp/kinds"

CASE(tmpfs, "a file of a tmpfs with huge=always that was written to by write(2)")
{
	uint64_t *words = malloc(BYTES);
	struct seen seen;
	char *map;
	size_t i;
	int fd;

	REQUIRE(words, "no memory");
	for (i = 0; i < BYTES / 8; i++)
		words[i] = i * 0x9e3779b97f4a7c15ULL;
	mkdir(TMPFS, 0700);
	REQUIRE(!mount("tmpfs", TMPFS, "tmpfs", 0, "huge=always"), "mount: %m");
	fd = open(TMPFS "/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	REQUIRE(fd >= 0, "open: %m");
	bind_to_node(0);
	EXPECT(write(fd, words, BYTES) == (ssize_t)BYTES, "write: %m");
	bind_to_node(-1);
	map = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	REQUIRE(map != MAP_FAILED, "mmap: %m");
	case_note("%zu folios", folios_in_range(map, BYTES));
	EXPECT_EQ(range_on_node(0, map, BYTES, 0), BYTES / PAGE);
	watch_begin(SYSCALL);
	move_range(0, map, PAGE, 1);
	seen = watch_end();
	EXPECT_EQ(seen.book.consumed, 1);
	EXPECT(seen.policy.orders > 1, "a folio of one page");
	/* By the mapping and by the file. */
	EXPECT(!memcmp(map, words, BYTES), "wrong bytes in the mapping");
	munmap(map, BYTES);
	memset(words, 0, BYTES);
	EXPECT(pread(fd, words, BYTES, 0) == (ssize_t)BYTES, "read: %m");
	for (i = 0; i < BYTES / 8 && words[i] == i * 0x9e3779b97f4a7c15ULL; i++)
		;
	EXPECT_EQ(i, BYTES / 8);
	close(fd);
	EXPECT(!umount(TMPFS), "umount: %m");
	rmdir(TMPFS);
	free(words);
}

CASE(locked, "mlocked memory")
{
	arena = arena_map(ARENA_ANON, BYTES, 0);
	REQUIRE(!mlock(arena.addr, BYTES), "mlock: %m");
	there_and_back(1);
	EXPECT_EQ(pages_with_flag(arena.addr, BYTES, KPF_UNEVICTABLE), arena_pages(&arena));
}

CASE(interleaved, "memory of a mapping that is interleaved over the nodes")
{
	unsigned long both = 3;
	struct seen seen;
	size_t half;

	arena = arena_map(ARENA_ANON, BYTES, 0);
	half = arena_pages(&arena) / 2;
	REQUIRE(!madvise(arena.addr, BYTES, MADV_DONTNEED), "madvise: %m");
	REQUIRE(!mbind(arena.addr, BYTES, MPOL_INTERLEAVE, &both, 64, 0), "mbind: %m");
	arena_fill(&arena, 3);
	EXPECT_EQ(arena_on_node(&arena, 1), half);
	watch_begin(SYSCALL);
	arena_move(&arena, 1);
	seen = watch_end();
	EXPECT_EQ(arena_on_node(&arena, 1), 2 * half);
	EXPECT_EQ(seen.book.consumed, half);
	arena_verify(&arena);
}

CASE(merged, "memory that KSM has merged")
{
	struct seen seen;

	arena = arena_map(ARENA_ANON, BYTES, 0);
	memcpy(arena.addr + BYTES / 2, arena.addr, BYTES / 2);
	REQUIRE(!madvise(arena.addr, BYTES, MADV_MERGEABLE), "madvise: %m");
	write_file("/sys/kernel/mm/ksm/pages_to_scan", "10000");
	write_file("/sys/kernel/mm/ksm/run", "1");
	while (pages_with_flag(arena.addr, BYTES, KPF_KSM) < arena_pages(&arena))
		usleep(10000);
	write_file("/sys/kernel/mm/ksm/run", "0");
	EXPECT_EQ(folios_in_range(arena.addr, BYTES), arena_pages(&arena) / 2);
	watch_begin(SYSCALL);
	move_range(0, arena.addr, BYTES / 2, 1);
	seen = watch_end();
	EXPECT_EQ(arena_on_node(&arena, 1), arena_pages(&arena));
	EXPECT_EQ(seen.book.consumed, arena_pages(&arena) / 2);
	EXPECT_EQ(pages_with_flag(arena.addr, BYTES, KPF_KSM), arena_pages(&arena));
	expect_words(0, BYTES, BYTES / 2);
	write_file("/sys/kernel/mm/ksm/run", "2");
}

/* As mkswap(8) does. */
static void swap_on(const char *device)
{
	struct {
		char boot[1024];
		uint32_t version, last_page, bad_pages;
	} header = { .version = 1 };
	uint64_t sectors;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/block/%s/size", device);
	sectors = read_number(path);
	header.last_page = sectors * 512 / PAGE - 1;
	snprintf(path, sizeof(path), "/dev/%s", device);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	REQUIRE(fd >= 0, "%s: %m", path);
	EXPECT(pwrite(fd, &header, sizeof(header), 0) == sizeof(header), "%s: %m", path);
	EXPECT(pwrite(fd, "SWAPSPACE2", 10, PAGE - 10) == 10, "%s: %m", path);
	EXPECT(!fsync(fd), "%s: %m", path);
	close(fd);
	REQUIRE(!swapon(path, 0), "swapon %s: %m", path);
}

/*
 * A page that is read back from swap stays in the swap cache as long as somebody else has
 * it in swap only: a child, which is forked in between.
 */
CASE(swap_cache, "memory that was read back from swap and is in the swap cache")
{
	size_t in_cache, present;
	int go[2], status;
	struct seen seen;
	pid_t pid;
	char c;

	write_file("/sys/block/zram0/reset", "1");
	write_file("/sys/block/zram0/disksize", "16M");
	swap_on("zram0");
	arena = arena_map(ARENA_ANON, BYTES / 2, 0);
	REQUIRE(!madvise(arena.addr, arena.bytes, MADV_PAGEOUT), "madvise: %m");
	present = pages_in_frames(arena.addr, arena.bytes, 1, -1);
	EXPECT(present < arena_pages(&arena), "nothing was swapped out");
	REQUIRE(!pipe(go), "pipe: %m");
	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0, "fork: %m");
	if (!pid) {
		close(go[1]);
		if (read(go[0], &c, 1) < 0)
			_exit(2);
		_exit(arena_wrong_pages(&arena) ? 1 : 0);
	}
	close(go[0]);
	bind_to_node(0);
	arena_verify(&arena);
	bind_to_node(-1);
	in_cache = pages_with_flag(arena.addr, arena.bytes, KPF_SWAPCACHE);
	case_note("%zu pages were swapped out, %zu are in the swap cache",
		  arena_pages(&arena) - present, in_cache);
	EXPECT_GT(in_cache, 0);
	move_range(0, arena.addr, arena.bytes, 0);
	watch_begin(SYSCALL);
	move_range(0, arena.addr, arena.bytes, 1);
	seen = watch_end();
	EXPECT_EQ(arena_on_node(&arena, 1), arena_pages(&arena));
	EXPECT_EQ(seen.book.consumed, arena_pages(&arena));
	arena_verify(&arena);
	close(go[1]);
	REQUIRE(waitpid(pid, &status, 0) == pid, "waitpid: %m");
	EXPECT(WIFEXITED(status) && !WEXITSTATUS(status), "the child saw wrong bytes (%#x)",
	       status);
	arena_unmap(&arena);
	EXPECT(!swapoff("/dev/zram0"), "swapoff: %m");
	write_file("/sys/block/zram0/reset", "1");
}

#define NODE_HUGETLB	"/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/nr_hugepages"

static void reserve_hugetlb(unsigned int nr)
{
	char path[128];
	int nid;

	for (nid = 0; nid < 2; nid++) {
		snprintf(path, sizeof(path), NODE_HUGETLB, nid);
		write_number(path, nr);
		EXPECT_EQ(read_number(path), nr);
	}
}

/* They have a way of their own: not even offered. */
CASE(hugetlb, "hugetlb takes today's path")
{
	size_t bytes = 4 * HUGE_PAGE;
	struct seen seen;

	char *map;

	reserve_hugetlb(4);
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	REQUIRE(map != MAP_FAILED, "mmap: %m");
	arena = (struct arena){
		.kind = ARENA_ANON, .addr = map, .bytes = bytes, .order = 9, .fd = -1,
		.map = map, .map_bytes = bytes,
	};
	bind_to_node(0);
	arena_fill(&arena, 1);
	bind_to_node(-1);
	EXPECT_EQ(arena_on_node(&arena, 0), arena_pages(&arena));
	watch_begin(SYSCALL);
	arena_move(&arena, 1);
	seen = watch_end();
	EXPECT_EQ(arena_on_node(&arena, 1), arena_pages(&arena));
	EXPECT_EQ(seen.book.offered, 0);
	EXPECT_EQ(seen.policy.eligible, 0);
	EXPECT_EQ(mt_get("jobs"), 0);
	arena_verify(&arena);
	arena_unmap(&arena);
	reserve_hugetlb(0);
}

CASES_MAIN
