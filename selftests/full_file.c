// SPDX-License-Identifier: GPL-2.0
/*
 * arch: x86_64
 * timeout: 500
 *
 * With file_folios on, the page cache of files is copied ahead on the file systems that
 * were audited, and every byte is right in memory and on the disk: on xfs clean and dirty
 * folios, on ext4 those without buffers. Who writes by write(2), through a mapping, by a pin
 * from before, or has O_DIRECT read into the mapping either waits, or is seen. Files of other
 * file systems, of ext4 with its data journalled, and block devices take today's path.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../modules/folio_pin.h"
#include "arena.h"
#include "case.h"
#include "files.h"
#include "offload.h"
#include "thread.h"

#define BYTES	MiB
#define PAGES	(BYTES / PAGE)
#define HELD	8	/* pages that are pinned, the first ones */

static struct file_map map = FILE_MAP_NONE;
/* Others take references for a moment. */
static bool busy;

void case_setup(void)
{
	insert_once("migrator_test");
	insert_once("folio_pin");
	mt_reset();
	offload_reset();
	offload_use("test");
	offload_set("file_folios", "1");
	mt_set("files", 1);
	busy = false;
}

void case_teardown(void)
{
	mt_set("hold", 0);
	if (busy)
		mt_check_busy();
	else
		mt_check();
	mt_reset();
	offload_reset();
	file_unmap(&map);
}

/* A file of that name, filled, its blocks allocated, nothing of it in memory. */
static void make_file(const char *path, uint64_t seed)
{
	struct file_map new = FILE_MAP_NONE;
	int fd;

	REQUIRE(files_are_mounted(), "no file system");
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	REQUIRE(fd >= 0 && !ftruncate(fd, BYTES), "%s: %m", path);
	close(fd);
	file_map(&new, path, PROT_READ | PROT_WRITE, BYTES);
	file_fill(&new, seed);
	REQUIRE(!fsync(new.fd), "fsync: %m");
	file_unmap(&new);
}

/* The same, read in again page by page, without buffers, on node 0. */
static void read_file(const char *type, uint64_t seed)
{
	make_file(FILES_UPPER "/file", seed);
	files_remount(type, "");
	bind_to_node(0);
	file_map_unread(&map, FILES_UPPER "/file", PROT_READ | PROT_WRITE, BYTES);
	file_touch(&map);
	bind_to_node(-1);
}

static void expect_on_disk(const char *type, uint64_t seed)
{
	file_unmap(&map);
	files_remount(type, "");
	file_map(&map, FILES_UPPER "/file", PROT_READ, BYTES);
	file_expect(&map, seed);
}

/* All of it goes to node @nid; how often that was with a copy made ahead. */
static struct book move_map(int nid)
{
	struct book book;

	book_open();
	EXPECT_EQ(move_range(0, map.addr, map.bytes, nid), map.bytes / PAGE);
	book = book_close();
	return book;
}

static void clean(const char *type)
{
	struct book book;

	read_file(type, 1);
	book = move_map(1);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(mt_get("pairs_file"), PAGES);
	file_expect(&map, 1);
	expect_on_disk(type, 1);
}

/* They have buffers on ext4. */
static void dirty(const char *type, bool buffers)
{
	struct book book;

	read_file(type, 2);
	file_fill(&map, 3);
	book = move_map(1);
	EXPECT_EQ(book.consumed, buffers ? 0 : PAGES);
	EXPECT_EQ(book.refused_kind, buffers ? PAGES : 0);
	file_expect(&map, 3);
	REQUIRE(!fsync(map.fd), "fsync: %m");
	file_expect(&map, 3);
	expect_on_disk(type, 3);
}

/* --- writers while the migrator holds the batch between copy and move --- */

static void *move_in_background(void *unused)
{
	(void)unused;
	move_range(0, map.addr, map.bytes, 1);
	return NULL;
}

static void start_held_move(pthread_t *mover)
{
	mt_set("hold", 1);
	book_open();
	REQUIRE(!pthread_create(mover, NULL, move_in_background, NULL), "thread");
	mt_wait_held(1);
}

static struct book end_held_move(pthread_t mover)
{
	mt_set("hold", 0);
	pthread_join(mover, NULL);
	return book_close();
}

#define WRITTEN	(3 * PAGE + 16)		/* by write(2) */
#define STORED	(5 * PAGE + 16)		/* through the mapping */

struct writer {
	pthread_t thread;
	atomic_int tid;
	bool failed;
};

static void *write_word(void *arg)
{
	struct writer *writer = arg;
	uint64_t value = TEST_MARK;

	atomic_store(&writer->tid, syscall(SYS_gettid));
	writer->failed = pwrite(map.fd, &value, sizeof(value), WRITTEN) != sizeof(value);
	return NULL;
}

static void *store_word(void *arg)
{
	struct writer *writer = arg;

	atomic_store(&writer->tid, syscall(SYS_gettid));
	*(volatile uint64_t *)(map.addr + STORED) = TEST_MARK;
	return NULL;
}

static void start_writer(struct writer *writer, void *(*run)(void *))
{
	*writer = (struct writer){};
	REQUIRE(!pthread_create(&writer->thread, NULL, run, writer), "thread");
	while (!atomic_load(&writer->tid) || !thread_is_blocked(atomic_load(&writer->tid)))
		usleep(1000);
}

/* Every byte, with the two words that were written since. */
static void expect_marks(uint64_t seed)
{
	uint64_t *written = (void *)(map.addr + WRITTEN), *stored = (void *)(map.addr + STORED);

	EXPECT_EQ(*written, TEST_MARK);
	EXPECT_EQ(*stored, TEST_MARK);
	*written = file_word(WRITTEN, seed);
	*stored = file_word(STORED, seed);
	file_expect(&map, seed);
	*written = TEST_MARK;
	*stored = TEST_MARK;
}

static void writers_wait(const char *type)
{
	struct writer by_write, by_store;
	struct book book;
	pthread_t mover;

	busy = true;
	read_file(type, 4);
	start_held_move(&mover);
	EXPECT_EQ(mt_get("pairs_file"), PAGES);
	start_writer(&by_write, write_word);
	start_writer(&by_store, store_word);
	book = end_held_move(mover);
	pthread_join(by_write.thread, NULL);
	pthread_join(by_store.thread, NULL);
	EXPECT(!by_write.failed, "write");
	/* Who waits for the lock has a reference, which keeps that folio for the next pass. */
	EXPECT_GE(book.consumed, PAGES - 1);
	expect_marks(4);
	REQUIRE(!fsync(map.fd), "fsync: %m");
	file_unmap(&map);
	files_remount(type, "");
	file_map(&map, FILES_UPPER "/file", PROT_READ | PROT_WRITE, BYTES);
	expect_marks(4);
}

/* Writes by a pin while the batch is held, and lets go before the move. */
static void pinned(const char *type)
{
	struct folio_pin_range range = { .nr = HELD, .flags = FOLIO_PIN_DMA };
	struct book book;
	pthread_t mover;
	uint32_t i;
	int pin;

	read_file(type, 5);
	pin = open("/dev/folio_pin", O_RDWR | O_CLOEXEC);
	range.addr = (uintptr_t)map.addr;
	REQUIRE(pin >= 0 && !ioctl(pin, FOLIO_PIN_GET, &range), "FOLIO_PIN_GET: %m");
	start_held_move(&mover);
	for (i = 0; i < HELD; i++) {
		struct folio_pin_write write = { .index = i, .offset = 8, .value = TEST_MARK };

		EXPECT(!ioctl(pin, FOLIO_PIN_WRITE, &write), "FOLIO_PIN_WRITE: %m");
	}
	EXPECT(!ioctl(pin, FOLIO_PIN_PUT), "FOLIO_PIN_PUT: %m");
	book = end_held_move(mover);
	close(pin);
	/* A pin makes a page writable: it has got buffers, on ext4. */
	EXPECT_EQ(book.refused_busy + book.refused_kind, HELD);
	EXPECT_EQ(book.consumed, PAGES - HELD);
	for (i = 0; i < HELD; i++) {
		uint64_t *mark = (uint64_t *)(map.addr + i * PAGE) + 1;

		EXPECT_EQ(*mark, TEST_MARK);
		*mark = file_word(i * PAGE + 8, 5);
	}
	file_expect(&map, 5);
}

/* --- everything at once --- */

/*
 * Every second page is written to, in pieces of a disk's sector, each by one writer, who
 * looks at what it left there before it writes again. The pages between are only read.
 */
#define SECTOR	512

struct storm {
	pthread_t thread;
	size_t at;			/* where in the page */
	void (*write)(struct storm *storm, size_t page, uint64_t seed);
	uint64_t seeds[PAGES];		/* what it wrote last; of O_DIRECT, from where */
	unsigned long writes, wrong, failed;
	int source;
};

static atomic_bool over;

static uint64_t storm_word(const struct storm *storm, size_t page, size_t i)
{
	/* O_DIRECT brings the words of another place in another file. */
	if (storm->source >= 0)
		return file_word(storm->seeds[page] + i, 7);
	return file_word(page * PAGE + storm->at + i, storm->seeds[page]);
}

static void storm_look(struct storm *storm, size_t page)
{
	char *piece = map.addr + page * PAGE + storm->at;
	size_t i;

	for (i = 0; i < SECTOR; i += 8)
		if (*(volatile uint64_t *)(piece + i) != storm_word(storm, page, i))
			break;
	storm->wrong += i != SECTOR;
}

static void storm_by_write(struct storm *storm, size_t page, uint64_t seed)
{
	size_t offset = page * PAGE + storm->at, i;
	uint64_t words[SECTOR / 8];

	storm->seeds[page] = seed;
	for (i = 0; i < SECTOR; i += 8)
		words[i / 8] = storm_word(storm, page, i);
	storm->failed += pwrite(map.fd, words, SECTOR, offset) != SECTOR;
}

static void storm_by_store(struct storm *storm, size_t page, uint64_t seed)
{
	char *piece = map.addr + page * PAGE + storm->at;
	size_t i;

	storm->seeds[page] = seed;
	for (i = 0; i < SECTOR; i += 8)
		*(volatile uint64_t *)(piece + i) = storm_word(storm, page, i);
}

static void storm_by_direct_read(struct storm *storm, size_t page, uint64_t seed)
{
	size_t from = seed % (BYTES / SECTOR) * SECTOR;

	storm->failed += pread(storm->source, map.addr + page * PAGE + storm->at, SECTOR,
			       from) != SECTOR;
	storm->seeds[page] = from;
}

static void *storm_run(void *arg)
{
	struct storm *storm = arg;
	uint64_t round;
	size_t page;

	for (round = 1; !atomic_load(&over); round++) {
		for (page = 0; page < PAGES && !atomic_load(&over); page += 2) {
			if (round > 1)
				storm_look(storm, page);
			storm->write(storm, page, round * PAGES + page);
			storm_look(storm, page);
			storm->writes++;
		}
	}
	return NULL;
}

static void *write_back(void *unused)
{
	(void)unused;
	while (!atomic_load(&over)) {
		fsync(map.fd);
		usleep(20000);
	}
	return NULL;
}

/* The pages that nobody writes to, and what of the others. */
static void expect_unwritten(uint64_t seed)
{
	size_t page, i;

	for (page = 0; page < PAGES; page++)
		for (i = page % 2 ? 0 : 3 * SECTOR; i < PAGE; i += 8)
			if (*(volatile uint64_t *)(map.addr + page * PAGE + i) !=
			    file_word(page * PAGE + i, seed))
				goto out;
out:
	EXPECT_EQ(page, PAGES);
}

static void storm(const char *type)
{
	static struct storm storms[3];
	static const char * const names[] = { "write(2)", "stores", "O_DIRECT" };
	pthread_t writeback;
	struct book book;
	size_t page;
	int i;

	busy = true;
	make_file(FILES_UPPER "/source", 7);
	read_file(type, 6);
	memset(storms, 0, sizeof(storms));
	storms[0].write = storm_by_write;
	storms[1].write = storm_by_store;
	storms[2].write = storm_by_direct_read;
	storms[0].source = storms[1].source = -1;
	storms[2].source = open(FILES_UPPER "/source", O_RDONLY | O_DIRECT | O_CLOEXEC);
	REQUIRE(storms[2].source >= 0, "source: %m");
	mt_set("delay_ms", 2);
	atomic_store(&over, false);
	book_open();
	for (i = 0; i < 3; i++) {
		storms[i].at = i * SECTOR;
		REQUIRE(!pthread_create(&storms[i].thread, NULL, storm_run, &storms[i]), "thread");
	}
	REQUIRE(!pthread_create(&writeback, NULL, write_back, NULL), "thread");
	for (i = 1; i <= 40; i++) {
		move_range(0, map.addr, map.bytes, i & 1);
		expect_unwritten(6);
	}
	atomic_store(&over, true);
	for (i = 0; i < 3; i++)
		pthread_join(storms[i].thread, NULL);
	pthread_join(writeback, NULL);
	close(storms[2].source);
	book = book_close();
	book_print(&book);
	EXPECT_GT(book.consumed, 10 * PAGES / 2);

	for (i = 0; i < 3; i++) {
		case_note("%s: %lu writes", names[i], storms[i].writes);
		EXPECT_GT(storms[i].writes, 0);
		EXPECT_EQ(storms[i].wrong, 0);
		EXPECT_EQ(storms[i].failed, 0);
	}
	REQUIRE(!fsync(map.fd), "fsync: %m");
	file_unmap(&map);
	files_remount(type, "");
	file_map(&map, FILES_UPPER "/file", PROT_READ, BYTES);
	expect_unwritten(6);
	for (i = 0; i < 3; i++) {
		for (page = 0; page < PAGES; page += 2)
			if (storms[i].seeds[page] || storms[i].writes > PAGES / 2)
				storm_look(&storms[i], page);
		EXPECT_EQ(storms[i].wrong, 0);
	}
}

#define FILE_SYSTEM(type, mkfs, buffers)					\
	CASE(type##_mount, #type ": made and mounted")				\
	{									\
		probe(#type, NULL);						\
		files_mount(#type, mkfs, "");					\
	}									\
	CASE(type##_clean, #type ": clean folios are copied ahead")		\
	{									\
		clean(#type);							\
	}									\
	CASE(type##_dirty, #type ": dirty folios, if they have no buffers")	\
	{									\
		dirty(#type, buffers);						\
	}									\
	CASE(type##_wait, #type ": who writes between copy and move waits")	\
	{									\
		writers_wait(#type);						\
	}									\
	CASE(type##_pin, #type ": a write by a pin from before is not lost")	\
	{									\
		pinned(#type);							\
	}									\
	CASE(type##_storm, #type ": moved while written to in three ways")	\
	{									\
		storm(#type);							\
	}									\
	CASE(type##_umount, #type ": unmounted")				\
	{									\
		file_unmap(&map);						\
		files_umount();							\
	}

FILE_SYSTEM(xfs, "mkfs.xfs -q -f", false)
FILE_SYSTEM(ext4, "mkfs.ext4 -q -F -b 4096 -E lazy_itable_init=1,lazy_journal_init=1", true)

CASE(ext4_buffers, "folios that get buffers between copy and move take these along")
{
	struct book book;

	probe("ext4", NULL);
	files_mount("ext4", "mkfs.ext4 -q -F -b 4096", "");
	read_file("ext4", 8);
	mt_set("buffers", 1);
	book = move_map(1);
	mt_set("buffers", 0);
	EXPECT_EQ(book.copied, PAGES);
	EXPECT_EQ(book.consumed, 0);
	file_expect(&map, 8);
	/* Nothing of what has buffers is copied ahead: it still has them. */
	book = move_map(0);
	EXPECT_EQ(book.refused_kind, PAGES);
	file_expect(&map, 8);
	expect_on_disk("ext4", 8);
	file_unmap(&map);
	files_umount();
}

/* --- what failed the audit --- */

static void refused(const char *path, int prot, size_t bytes)
{
	struct book book;
	char *before = malloc(bytes);

	bind_to_node(0);
	file_map(&map, path, prot, bytes);
	bind_to_node(-1);
	file_touch(&map);
	memcpy(before, map.addr, bytes);
	move_range(0, map.addr, bytes, 0);
	book_open();
	move_range(0, map.addr, bytes, 1);
	book = book_close();
	EXPECT_GT(book.offered, 0);
	EXPECT_EQ(book.refused_kind, book.offered);
	EXPECT_EQ(mt_get("jobs") + mt_get("jobs_refused"), 0);
	EXPECT(!memcmp(before, map.addr, bytes), "%s: wrong bytes", path);
	free(before);
	file_unmap(&map);
}

static void make_lower_file(const char *path)
{
	REQUIRE(!shell("head -c %zu /dev/urandom >%s && sync %s && echo 3 >/proc/sys/vm/drop_caches",
		       BYTES, path, path), "%s", path);
}

CASE(ext4_journal, "ext4 with its data journalled is refused")
{
	files_mount("ext4", "mkfs.ext4 -q -F -b 4096", "-o data=journal");
	make_lower_file(FILES_UPPER "/file");
	refused(FILES_UPPER "/file", PROT_READ, BYTES);
	files_umount();
}

CASE(ext2_and_device, "ext2 and a block device are refused")
{
	files_mount_lower();
	make_lower_file(FILES_DISK);
	refused(FILES_DISK, PROT_READ, BYTES);
	REQUIRE(!shell("losetup /dev/loop7 " FILES_DISK), "losetup");
	refused("/dev/loop7", PROT_READ, BYTES);
	EXPECT_EQ(shell("losetup -d /dev/loop7"), 0);
	files_umount_lower();
}

CASE(file_9p, "a network file system is refused")
{
	refused("/usr/bin/perl", PROT_READ, MiB);
}

CASE(switched_off, "with file_folios off nothing of files is copied ahead")
{
	probe("xfs", NULL);
	files_mount("xfs", "mkfs.xfs -q -f", "");
	make_lower_file(FILES_UPPER "/file");
	offload_set("file_folios", "0");
	refused(FILES_UPPER "/file", PROT_READ, BYTES);
	EXPECT_EQ(try_write(OFFLOAD_DIR "/file_folios", "perhaps"), -EINVAL);
	files_umount();
}

CASE(dry_run, "the dry run knows the kind")
{
	int fd = open("/sys/kernel/debug/migrate_offload/dry_run", O_RDWR | O_CLOEXEC);
	static const char question[] = "kind=file";
	char answer[1024];
	ssize_t n;

	REQUIRE(fd >= 0, "dry_run: %m");
	EXPECT_EQ(write(fd, question, strlen(question)), (ssize_t)strlen(question));
	n = read(fd, answer, sizeof(answer) - 1);
	answer[n > 0 ? n : 0] = '\0';
	EXPECT(strstr(answer, "verdict ahead migrator=test"), "%s", answer);
	close(fd);
}

CASES_MAIN
