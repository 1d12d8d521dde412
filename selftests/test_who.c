// SPDX-License-Identifier: GPL-2.0
/*
 * Point 1 of the design: who may be copied ahead.
 *
 * A holder of a reference taken before the unmap may write at any time. Here it writes
 * while the migrator holds the batch between copy and move, and lets go before the move:
 * had the folio been copied ahead, that write would be lost, because at the move nothing
 * is to be seen of it any more. FOLL_PIN serves on shared memory, FOLL_GET on anon: a
 * pinned anon page cannot be unmapped at all. Files' folios, with buffer heads and
 * without, and poisoned ones must never reach a migrator.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../modules/folio_pin.h"
#include "arena.h"
#include "case.h"
#include "offload.h"
#include "thread.h"

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define PAGES	64
#define HELD	8	/* of these, the first ones */

static struct arena arena;
static int pin_fd = -1;

void case_setup(void)
{
	insert_once("migrator_test");
	insert_once("folio_pin");
	mt_reset();
	offload_reset();
	offload_use("test");
	pin_fd = open("/dev/folio_pin", O_RDWR | O_CLOEXEC);
	REQUIRE(pin_fd >= 0, "/dev/folio_pin: %m");
}

void case_teardown(void)
{
	mt_set("hold", 0);
	mt_check();
	mt_reset();
	offload_reset();
	close(pin_fd);
	if (arena.addr)
		arena_unmap(&arena);
}

static void hold_refs(void *addr, unsigned int nr, unsigned int flags)
{
	struct folio_pin_range range = { .addr = (uintptr_t)addr, .nr = nr, .flags = flags };

	REQUIRE(!ioctl(pin_fd, FOLIO_PIN_GET, &range), "FOLIO_PIN_GET: %m");
}

static void write_through_ref(unsigned int index)
{
	struct folio_pin_write write = { .index = index, .offset = 8, .value = TEST_MARK };

	REQUIRE(!ioctl(pin_fd, FOLIO_PIN_WRITE, &write), "FOLIO_PIN_WRITE: %m");
}

static void *move_in_background(void *to)
{
	arena_move(&arena, *(int *)to);
	return NULL;
}

/*
 * Folios 0 to HELD-1 have a reference from before; the others are the migrator's, which
 * holds the batch open after its copies.
 */
static void writer_in_the_window(enum arena_kind kind, size_t bytes, unsigned int flags)
{
	size_t folio = kind == ARENA_ANON_HUGE ? HUGE_PAGE : PAGE;
	size_t folios = bytes / folio, held = folios < 2 * HELD ? 1 : HELD;
	struct book book;
	pthread_t mover;
	size_t marks;
	int to = 1;
	size_t i;

	arena = arena_map(kind, bytes, 0);
	hold_refs(arena.addr, held, flags);
	mt_set("hold", 1);
	book_open();
	REQUIRE(!pthread_create(&mover, NULL, move_in_background, &to), "thread");
	mt_wait_held(1);
	for (i = 0; i < held; i++)
		write_through_ref(i);
	REQUIRE(!ioctl(pin_fd, FOLIO_PIN_PUT), "FOLIO_PIN_PUT: %m");
	mt_set("hold", 0);
	pthread_join(mover, NULL);
	book = book_close();

	/* Of a folio only the first page has room for the mark. */
	EXPECT_EQ(arena_wrong_but_marks(&arena, &marks), 0);
	EXPECT_EQ(marks, held);
	EXPECT_EQ(arena_on_node(&arena, 1), arena_pages(&arena));
	EXPECT_EQ(book.refused_busy, held);
	EXPECT_EQ(book.consumed, folios - held);
	EXPECT_EQ(mt_get("pairs"), folios - held);
}

CASE(get_anon, "a write through a FOLL_GET reference to anon memory is not lost")
{
	writer_in_the_window(ARENA_ANON, PAGES * PAGE, 0);
}

CASE(get_huge, "a write through a FOLL_GET reference to a 2 MiB folio is not lost")
{
	offload_set("batch_pages", "4096");
	writer_in_the_window(ARENA_ANON_HUGE, 4 * HUGE_PAGE, 0);
}

CASE(pin_shmem, "a write through a FOLL_PIN reference to shared memory is not lost")
{
	writer_in_the_window(ARENA_SHMEM, PAGES * PAGE, FOLIO_PIN_DMA);
}

static atomic_int pinner_tid;

/* As a driver does that maps a memfd for its device: pins, writes, unpins. */
static void *pin_memfd(void *unused)
{
	struct folio_pin_memfd memfd = { .fd = arena.fd, .nr = HELD };
	int i;

	(void)unused;
	atomic_store(&pinner_tid, syscall(SYS_gettid));
	if (ioctl(pin_fd, FOLIO_PIN_MEMFD, &memfd))
		return "FOLIO_PIN_MEMFD";
	for (i = 0; i < HELD; i++) {
		struct folio_pin_write write = { .index = i, .offset = 8, .value = TEST_MARK };

		if (ioctl(pin_fd, FOLIO_PIN_WRITE, &write))
			return "FOLIO_PIN_WRITE";
	}
	return ioctl(pin_fd, FOLIO_PIN_PUT) ? "FOLIO_PIN_PUT" : NULL;
}

CASE(pin_memfd, "a pin by way of the file that comes in the window waits, and its write stays")
{
	pthread_t mover, pinner;
	struct book book;
	const char *error;
	void *result;
	size_t marks;
	int to = 1;

	arena = arena_map(ARENA_SHMEM, PAGES * PAGE, 0);
	mt_set("hold", 1);
	book_open();
	REQUIRE(!pthread_create(&mover, NULL, move_in_background, &to), "thread");
	mt_wait_held(1);
	atomic_store(&pinner_tid, 0);
	REQUIRE(!pthread_create(&pinner, NULL, pin_memfd, NULL), "thread");
	while (!atomic_load(&pinner_tid) || !thread_is_blocked(atomic_load(&pinner_tid)))
		usleep(1000);
	mt_set("hold", 0);
	pthread_join(mover, NULL);
	pthread_join(pinner, &result);
	error = result;
	book = book_close();
	EXPECT(!error, "%s: %m", error);
	EXPECT_EQ(book.copied, PAGES);
	EXPECT_EQ(arena_wrong_but_marks(&arena, &marks), 0);
	EXPECT_EQ(marks, HELD);
}

CASE(kept, "a reference that stays keeps the folio where it is, with its bytes")
{
	struct book book;
	size_t marks;
	int i;

	arena = arena_map(ARENA_SHMEM, PAGES * PAGE, 0);
	hold_refs(arena.addr, HELD, FOLIO_PIN_DMA);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), PAGES - HELD);
	book = book_close();
	EXPECT_EQ(book.refused_busy, HELD);
	EXPECT_EQ(book.consumed, PAGES - HELD);
	for (i = 0; i < HELD; i++)
		write_through_ref(i);
	EXPECT_EQ(arena_wrong_but_marks(&arena, &marks), 0);
	EXPECT_EQ(marks, HELD);
}

/* Moves the mapped pages of a file; none may reach the migrator. */
static void move_file(const char *path, bool create, size_t bytes, const char *kind)
{
	int fd = open(path, create ? O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC :
		      O_RDONLY | O_CLOEXEC, 0600);
	struct book book;
	size_t moved, i;
	char *map, *copy;

	REQUIRE(fd >= 0, "%s: %m", path);
	REQUIRE(!create || !ftruncate(fd, bytes), "%s: %m", path);
	map = mmap(NULL, bytes, create ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	REQUIRE(map != MAP_FAILED, "%s: mmap: %m", path);
	bind_to_node(0);
	if (create)
		memset(map, 0x5a, bytes);
	bind_to_node(-1);
	copy = malloc(bytes);
	memcpy(copy, map, bytes);
	for (i = 0; i < bytes; i += PAGE)
		*(volatile char *)(map + i);
	bind_to_node(-1);
	/* What was in the page cache already may be anywhere. */
	move_range(0, map, bytes, 0);
	book_open();
	moved = move_range(0, map, bytes, 1);
	book = book_close();
	case_note("%s: %zu of %zu pages on node 1", kind, moved, bytes / PAGE);
	EXPECT_EQ(mt_get("pairs"), 0);
	EXPECT_EQ(book.taken, 0);
	EXPECT_GT(book.refused_kind, 0);
	EXPECT(!memcmp(map, copy, bytes), "%s: wrong bytes", kind);
	if (create && !strcmp(kind, "ext2")) {
		/* They are moved all right, by their file system's own way. */
		EXPECT_GT(moved, 0);
		/* Dirty folios with buffers, again after they have been written. */
		memset(map, 0xa5, bytes);
		msync(map, bytes, MS_SYNC);
		move_range(0, map, bytes, 0);
		for (i = 0; i < bytes && map[i] == (char)0xa5; i++)
			;
		EXPECT_EQ(i, bytes);
		EXPECT_EQ(mt_get("pairs"), 0);
	}
	munmap(map, bytes);
	close(fd);
	free(copy);
}

CASE(buffer_heads, "folios of a file system with buffer heads reach no migrator")
{
	REQUIRE(!shell("mkdir -p /tmp/who/ext2 && truncate -s 16M /tmp/who/image && "
		       "mkfs.ext2 -q -F /tmp/who/image && losetup /dev/loop7 /tmp/who/image && "
		       "mount -t ext2 /dev/loop7 /tmp/who/ext2"), "no ext2");
	move_file("/tmp/who/ext2/file", true, 1 * MiB, "ext2");
	EXPECT_EQ(shell("umount /tmp/who/ext2 && losetup -d /dev/loop7 && rm -r /tmp/who"), 0);
}

CASE(file_9p, "folios of a network file system reach no migrator")
{
	struct stat st;

	/* Big enough, and on the host's file system. */
	REQUIRE(!stat("/usr/bin/perl", &st), "/usr/bin/perl: %m");
	move_file("/usr/bin/perl", false, st.st_size & -PAGE & (MiB - 1) ?: MiB, "9p");
}

CASE(ramfs, "folios of ramfs reach no migrator")
{
	mkdir("/tmp/ramfs", 0700);
	REQUIRE(!mount("ramfs", "/tmp/ramfs", "ramfs", 0, NULL), "ramfs: %m");
	move_file("/tmp/ramfs/file", true, 256 * PAGE, "ramfs");
	EXPECT_EQ(umount("/tmp/ramfs"), 0);
	rmdir("/tmp/ramfs");
}

/* The page that a poisoned one was becomes unusable, so a child owns it. */
static void poisoned_before(void)
{
	struct book book;
	uint32_t index = 3;

	arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
	hold_refs(arena.addr, PAGES, 0);
	REQUIRE(!ioctl(pin_fd, FOLIO_PIN_POISON, &index), "FOLIO_PIN_POISON: %m");
	REQUIRE(!ioctl(pin_fd, FOLIO_PIN_PUT), "FOLIO_PIN_PUT: %m");
	book_open();
	arena_move(&arena, 1);
	book = book_close();
	EXPECT_EQ(book.refused_poisoned, 1);
	EXPECT_EQ(book.consumed, PAGES - 1);
	EXPECT_EQ(mt_get("pairs"), PAGES - 1);
}

CASE(poison_before, "a poisoned folio reaches no migrator")
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0, "fork: %m");
	if (!pid) {
		poisoned_before();
		fflush(NULL);
		_exit(case_failed());
	}
	REQUIRE(waitpid(pid, &status, 0) == pid, "waitpid: %m");
	EXPECT(WIFEXITED(status) && !WEXITSTATUS(status), "the child ended with %#x", status);
}

CASE(poison_in_window, "poison that is found during the copy undoes the mark")
{
	struct book book;

	arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
	mt_set("poison_every", 16);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), PAGES);
	book = book_close();
	EXPECT_EQ(book.failed_error, PAGES / 16);
	EXPECT_EQ(book.consumed, PAGES - PAGES / 16);
	arena_verify(&arena);
}

CASE(soft_offline, "memory failure asks no migrator")
{
	uint64_t jobs;
	int i;

	EXPECT_EQ(try_write(OFFLOAD_DIR "/reason_mask", "memory_failure"), -EINVAL);
	arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
	jobs = mt_get("jobs");
	for (i = 0; i < 4; i++)
		REQUIRE(!madvise(arena.addr + i * PAGE, PAGE, MADV_SOFT_OFFLINE),
			"MADV_SOFT_OFFLINE: %m");
	EXPECT_EQ(mt_get("jobs"), jobs);
	arena_verify(&arena);
}

CASES_MAIN
