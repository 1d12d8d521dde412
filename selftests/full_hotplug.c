// SPDX-License-Identifier: GPL-2.0
/*
 * vm: --append movablecore=1024M
 * timeout: 240
 *
 * Memory that is taken offline: a caller that moves whatever it finds, and may leave nothing
 * behind. So it is given everything there is: anon, shared, merged and locked memory, huge
 * pages, a file system with buffer heads, compressed memory that is no folio at all.
 * Everything arrives with its bytes. The migrator looks at each pair and complains about
 * every one that it should not have been given.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "offload.h"

#define BYTES	(4 * MiB)

enum { ANON, SHMEM, HUGE, SHMEM_HUGE, LOCKED, MERGED, NR_ARENAS };

static struct arena arenas[NR_ARENAS];

/* All of it on node 1, whose movable memory is taken offline then. */
static void everything(void)
{
	uint64_t scans;

	pin_to_cpu(1);
	/* Compressed memory: zsmalloc's pages move, and are not folios. */
	REQUIRE(!shell("echo 16M >/sys/block/zram0/disksize && "
		       "head -c 4M /dev/urandom >/tmp/hotplug && "
		       "dd if=/tmp/hotplug of=/dev/zram0 bs=4k conv=fsync status=none"), "zram");
	/* A file system with buffer heads, on a loop device over tmpfs. */
	REQUIRE(!shell("mkdir -p /tmp/hotplug.d && truncate -s 8M /tmp/hotplug.image && "
		       "mkfs.ext2 -q -F /tmp/hotplug.image && "
		       "losetup /dev/loop6 /tmp/hotplug.image && "
		       "mount -t ext2 /dev/loop6 /tmp/hotplug.d && "
		       "cp /tmp/hotplug /tmp/hotplug.d/file"), "ext2");
	arenas[ANON] = arena_map(ARENA_ANON, BYTES, 1);
	arenas[SHMEM] = arena_map(ARENA_SHMEM, BYTES, 1);
	arenas[HUGE] = arena_map(ARENA_ANON_HUGE, BYTES, 1);
	arenas[SHMEM_HUGE] = arena_map(ARENA_SHMEM_HUGE, BYTES, 1);
	arenas[LOCKED] = arena_map(ARENA_ANON, BYTES, 1);
	REQUIRE(!mlock(arenas[LOCKED].addr, BYTES), "mlock: %m");
	/* Two copies of the same, and three whole scans to find them. */
	arenas[MERGED] = arena_map(ARENA_ANON, BYTES, 1);
	memcpy(arenas[MERGED].addr + BYTES / 2, arenas[MERGED].addr, BYTES / 2);
	REQUIRE(!madvise(arenas[MERGED].addr, BYTES, MADV_MERGEABLE), "madvise: %m");
	scans = read_number("/sys/kernel/mm/ksm/full_scans");
	write_file("/sys/kernel/mm/ksm/pages_to_scan", "10000");
	write_file("/sys/kernel/mm/ksm/run", "1");
	while (read_number("/sys/kernel/mm/ksm/full_scans") < scans + 3)
		usleep(1000);
	write_file("/sys/kernel/mm/ksm/run", "0");
	EXPECT_GT(read_number("/sys/kernel/mm/ksm/pages_sharing"), 0);
}

static void verify_everything(void)
{
	size_t i;

	for (i = 0; i < MERGED; i++)
		arena_verify(&arenas[i]);
	EXPECT(!memcmp(arenas[MERGED].addr, arenas[MERGED].addr + BYTES / 2, BYTES / 2),
	       "merged pages: wrong bytes");
	for (i = 0; i < BYTES / 2; i += 8)
		if (*(volatile uint64_t *)(arenas[MERGED].addr + i) !=
		    arena_word(&arenas[MERGED], i))
			break;
	EXPECT_EQ(i, BYTES / 2);
	EXPECT_EQ(shell("cmp -n 4194304 /tmp/hotplug /dev/zram0"), 0);
	EXPECT_EQ(shell("cmp /tmp/hotplug /tmp/hotplug.d/file"), 0);
}

static void nothing(void)
{
	size_t i;

	EXPECT_EQ(shell("umount /tmp/hotplug.d && losetup -d /dev/loop6 && "
			"echo 1 >/sys/block/zram0/reset && rm -r /tmp/hotplug*"), 0);
	write_file("/sys/kernel/mm/ksm/run", "2");
	for (i = 0; i < NR_ARENAS; i++)
		arena_unmap(&arenas[i]);
}

static bool is_movable(unsigned int block)
{
	char path[PATH_MAX], zones[64];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node1/memory%u/valid_zones", block);
	if (!exists(path))
		return false;
	read_line(path, zones, sizeof(zones));
	return !strncmp(zones, "Movable", 7);
}

/*
 * Each movable block in its turn, off and on again; but not the last one of the node, where
 * the boot allocator's own pages are.
 */
static void offline_all(void)
{
	unsigned int block, done = 0;
	char path[PATH_MAX];

	for (block = 0; block < 4096; block++) {
		if (!is_movable(block) || !is_movable(block + 1))
			continue;
		snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%u/state", block);
		write_file(path, "offline");
		write_file(path, "online_movable");
		done++;
	}
	EXPECT_GT(done, 0);
}

CASE(offline, "everything moves off the memory that is taken offline, and is right")
{
	struct book before, book;

	insert("migrator_test", NULL);
	offload_reset();
	offload_use("test");
	everything();
	before = book_read(NULL, "memory_hotplug");
	offline_all();
	book = book_minus(book_read(NULL, "memory_hotplug"), before);
	book_check(&book);
	case_note("%llu folios offered, %llu copied ahead, %llu of a kind that is not",
		  (unsigned long long)book.offered, (unsigned long long)book.consumed,
		  (unsigned long long)book.refused_kind);
	EXPECT_GT(book.consumed, 2000);
	EXPECT_GT(book.refused_kind, 500);
	verify_everything();
	nothing();
	mt_check_busy();
	offload_reset();
}

CASES_MAIN
