// SPDX-License-Identifier: GPL-2.0
/*
 * arch: x86_64
 * timeout: 400
 *
 * The page cache of files takes today's path, on ext4, which keeps buffer heads, and on xfs,
 * which does not and is tested by full_xfs.c: clean, dirty, under writeback, a program's
 * text, and the cache of a block device. No policy is asked about such a folio, no migrator
 * gets it, the books say that it is of a kind that is not copied ahead, it is moved all the
 * same, and its bytes are right in memory and, in the end, on the disk.
 *
 * The disk is a file on another file system, the lower one. While that is frozen, no write
 * to the disk ends: so long is the upper file system's page cache under writeback.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "files.h"
#include "offload.h"
#include "page_info.h"
#include "thread.h"
#include "watch.h"

#define LOWER	FILES_LOWER
#define UPPER	FILES_UPPER
#define DISK	FILES_DISK
#define BYTES	MiB

static struct file_map map = FILE_MAP_NONE;

/* The root of the lower file system, as long as that is frozen. */
static int frozen_fd = -1;

void case_setup(void)
{
	insert_once("migrator_test");
	mt_reset();
	offload_reset();
}

static void freeze_lower(void)
{
	frozen_fd = open(LOWER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(frozen_fd >= 0, LOWER ": %m");
	REQUIRE(!ioctl(frozen_fd, FIFREEZE, 0), "FIFREEZE: %m");
}

static void thaw_lower(void)
{
	if (frozen_fd < 0)
		return;
	EXPECT(!ioctl(frozen_fd, FITHAW, 0), "FITHAW: %m");
	close(frozen_fd);
	frozen_fd = -1;
}

void case_teardown(void)
{
	thaw_lower();
	watch_abandon();
	mt_check();
	mt_reset();
	offload_reset();
	file_unmap(&map);
}

/* A file of BYTES whose blocks are allocated, clean, in the page cache, at node 0. */
static void make_file(uint64_t seed)
{
	int fd;

	REQUIRE(files_are_mounted(), "no file system");
	fd = open(UPPER "/file", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	REQUIRE(fd >= 0 && !ftruncate(fd, BYTES), UPPER "/file: %m");
	close(fd);
	bind_to_node(0);
	file_map(&map, UPPER "/file", PROT_READ | PROT_WRITE, BYTES);
	file_fill(&map, seed);
	bind_to_node(-1);
	REQUIRE(!fsync(map.fd), "fsync: %m");
	/* What was read ahead may be anywhere. */
	move_range(0, map.addr, BYTES, 0);
}

/* What is on the disk, when the file system has been unmounted and mounted again. */
static void expect_on_disk(const char *type, uint64_t seed)
{
	file_unmap(&map);
	files_remount(type, "");
	file_map(&map, UPPER "/file", PROT_READ, BYTES);
	file_expect(&map, seed);
	file_unmap(&map);
}

/* --- moving --- */

/* Not one of the folios that were offered was asked about, or taken. */
static void expect_refused(const struct seen *seen)
{
	EXPECT_EQ(seen->book.refused_kind, seen->book.offered);
	EXPECT_EQ(seen->policy.eligible, 0);
	EXPECT_EQ(seen->policy.select, 0);
	EXPECT_EQ(seen->book.taken, 0);
	EXPECT_EQ(mt_get("jobs") + mt_get("jobs_refused"), 0);
}

/* All of it that is mapped goes to node @nid. */
static void move_map(int nid)
{
	size_t moved;
	struct seen seen;

	watch_begin(SYSCALL);
	moved = move_range(0, map.addr, map.bytes, nid);
	seen = watch_end();
	expect_refused(&seen);
	EXPECT_GT(seen.book.offered, 0);
	EXPECT_EQ(moved, map.bytes / PAGE);
}

static void clean_and_dirty(const char *type)
{
	make_file(1);
	move_map(1);
	file_expect(&map, 1);
	file_fill(&map, 2);
	move_map(0);
	file_expect(&map, 2);
	expect_on_disk(type, 2);
}

static atomic_int mover_tid;

static void *move_in_background(void *unused)
{
	(void)unused;
	atomic_store(&mover_tid, syscall(SYS_gettid));
	move_range(0, map.addr, map.bytes, 1);
	return NULL;
}

static void *write_in_background(void *unused)
{
	(void)unused;
	if (sync_file_range(map.fd, 0, 0, SYNC_FILE_RANGE_WRITE))
		return "sync_file_range";
	return NULL;
}

static size_t under_writeback(void)
{
	return pages_with_flag(map.addr, map.bytes, KPF_WRITEBACK);
}

static void under_writeback_on(const char *type)
{
	pthread_t mover, writer;
	struct seen seen;
	void *error;

	make_file(3);
	watch_begin(SYSCALL);
	file_fill(&map, 4);
	freeze_lower();
	REQUIRE(!pthread_create(&writer, NULL, write_in_background, NULL), "thread");
	while (under_writeback() != map.bytes / PAGE)
		usleep(1000);
	atomic_store(&mover_tid, 0);
	REQUIRE(!pthread_create(&mover, NULL, move_in_background, NULL), "thread");
	while (!atomic_load(&mover_tid) || !thread_is_blocked(atomic_load(&mover_tid)))
		usleep(1000);
	/* It has come as far as it can, and moved none of it. */
	EXPECT_EQ(under_writeback(), map.bytes / PAGE);
	EXPECT_EQ(range_on_node(0, map.addr, map.bytes, 0), map.bytes / PAGE);
	thaw_lower();
	pthread_join(mover, NULL);
	pthread_join(writer, &error);
	seen = watch_end();
	EXPECT(!error, "%s: %m", (char *)error);
	expect_refused(&seen);
	EXPECT_EQ(range_on_node(0, map.addr, map.bytes, 1), map.bytes / PAGE);
	file_expect(&map, 4);
	expect_on_disk(type, 4);
}

/* --- text --- */

/* Needs nothing but its registers: it runs wherever it is mapped. */
static uint64_t __attribute__((noinline, noclone)) leaf(uint64_t x)
{
	return x * 0x9e3779b97f4a7c15ULL ^ x >> 31;
}

/* Where in the program's file that function is. */
static size_t file_offset(const void *function)
{
	FILE *file = fopen("/proc/self/maps", "re");
	unsigned long begin, end, offset;
	uintptr_t at = (uintptr_t)function;
	size_t found = 0;
	char line[512];

	REQUIRE(file, "maps: %m");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx %*s %lx", &begin, &end, &offset) == 3 &&
		    begin <= at && at < end)
			found = at - begin + offset;
	fclose(file);
	REQUIRE(found, "the program is not in its own maps");
	return found;
}

static void text(void)
{
	size_t at = file_offset(leaf);
	uint64_t (*copy_of_leaf)(uint64_t);
	struct stat st;
	char *bytes;
	int fd;

	REQUIRE(files_are_mounted(), "no file system");
	REQUIRE(!shell("cp /proc/%d/exe " UPPER "/program", getpid()), "cp");
	REQUIRE(!stat(UPPER "/program", &st), UPPER "/program: %m");
	file_map(&map, UPPER "/program", PROT_READ | PROT_EXEC, st.st_size & -PAGE);
	move_range(0, map.addr, map.bytes, 0);
	copy_of_leaf = (void *)(map.addr + at);
	EXPECT_EQ(copy_of_leaf(4711), leaf(4711));
	move_map(1);
	EXPECT_EQ(copy_of_leaf(815), leaf(815));
	bytes = malloc(map.bytes);
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	REQUIRE(bytes && fd >= 0, "/proc/self/exe: %m");
	EXPECT(read(fd, bytes, map.bytes) == (ssize_t)map.bytes, "read: %m");
	EXPECT(!memcmp(bytes, map.addr, map.bytes), "wrong bytes");
	close(fd);
	free(bytes);
	file_unmap(&map);
}

#define FILE_SYSTEM(type, mkfs)							\
	CASE(type##_mount, #type ": made and mounted")				\
	{									\
		probe(#type, NULL);						\
		files_mount(#type, mkfs, "");					\
	}									\
	CASE(type##_file, #type ": clean and dirty folios of a file")		\
	{									\
		clean_and_dirty(#type);						\
	}									\
	CASE(type##_writeback, #type ": folios under writeback")		\
	{									\
		under_writeback_on(#type);					\
	}									\
	CASE(type##_text, #type ": text that runs")				\
	{									\
		text();								\
	}									\
	CASE(type##_umount, #type ": unmounted")				\
	{									\
		files_umount();							\
	}

#ifdef FILES_OF_XFS

FILE_SYSTEM(xfs, "mkfs.xfs -q -f")

#else

FILE_SYSTEM(ext4, "mkfs.ext4 -q -F -E lazy_itable_init=1,lazy_journal_init=1")

CASE(device, "the cache of a block device")
{
	files_mount_lower();
	REQUIRE(!shell("truncate -s %zu " DISK " && losetup /dev/loop7 " DISK, BYTES), "losetup");
	bind_to_node(0);
	file_map(&map, "/dev/loop7", PROT_READ | PROT_WRITE, BYTES);
	file_fill(&map, 5);
	bind_to_node(-1);
	move_range(0, map.addr, BYTES, 0);
	move_map(1);
	file_expect(&map, 5);
	REQUIRE(!fsync(map.fd), "fsync: %m");
	file_unmap(&map);
	EXPECT_EQ(shell("losetup -d /dev/loop7"), 0);
	file_map(&map, DISK, PROT_READ, BYTES);
	file_expect(&map, 5);
	file_unmap(&map);
	files_umount_lower();
}

#endif

CASES_MAIN
