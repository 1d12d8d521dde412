// SPDX-License-Identifier: GPL-2.0
/*
 * What takes memory away and has it made anew: advice, holes, truncation, fork, faults that
 * user space answers. Nobody but the actor knows the pages meanwhile.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ground.h"

#define MOST	16

struct piece {
	unsigned int page, pages;
	char *address;
	size_t bytes;
};

/* Locked, and what is in it was right. */
static bool take(struct run *run, struct piece *piece, unsigned int can)
{
	unsigned int page = ground_pick(run, run->owner, can), left, i;
	enum region region = ground_region(page);

	left = ground_first(region) + regions[region].pages - page;
	piece->page = page;
	piece->pages = 1 + roll(&run->dice, left < MOST ? left : MOST);
	piece->address = ground_address(run->owner, page);
	piece->bytes = piece->pages * PAGE_BYTES;
	if (!ground_trylock_range(run->owner, page, piece->pages))
		return false;
	for (i = 0; i < piece->pages; i++)
		ground_check(run, run->owner, page + i, "about to be taken away");
	return true;
}

static void give(struct run *run, struct piece *piece)
{
	ground_unlock_range(run->owner, piece->page, piece->pages);
}

static long refill(struct run *run, struct piece *piece, bool done)
{
	unsigned int i;

	if (!done)
		atomic_store(&run->count->last_errno, errno);
	for (i = 0; done && i < piece->pages; i++)
		ground_refill(run, run->owner, piece->page + i);
	give(run, piece);
	return done ? piece->pages : 0;
}

/* What was taken away must not come back from a copy. */
static void must_be_zero(struct run *run, struct piece *piece, const char *after)
{
	volatile uint64_t *word = (void *)piece->address;
	size_t i;

	for (i = 0; i < piece->bytes / 8; i++) {
		if (!word[i])
			continue;
		failure("owner %u, page %zu: %#lx after %s, should be 0", run->owner,
			piece->page + i / PAGE_WORDS, word[i], after);
		return;
	}
}

static long dontneed_step(struct run *run)
{
	struct piece piece;
	bool done;

	if (!take(run, &piece, CAN_DROP))
		return 0;
	done = !madvise(piece.address, piece.bytes, MADV_DONTNEED);
	if (done)
		must_be_zero(run, &piece, "MADV_DONTNEED");
	return refill(run, &piece, done);
}

ACTOR(ADVERSARY, dontneed, "MADV_DONTNEED", .place = IN_OWNER, .step = dontneed_step,
      .pause_us = 20000)

/* Until somebody writes, each page has its contents or zeroes. */
static void must_be_old_or_zero(struct run *run, struct piece *piece)
{
	unsigned int i, word;

	for (i = 0; i < piece->pages; i++) {
		volatile uint64_t *is = (void *)(piece->address + i * PAGE_BYTES);
		uint64_t copy[PAGE_WORDS];
		bool zero = true;

		for (word = 0; word < PAGE_WORDS; word++) {
			copy[word] = is[word];
			zero = zero && !copy[word];
		}
		/* It may have gone in the middle: then its end is zero. */
		for (word = 0; !zero && word < PAGE_WORDS && copy[word]; word++)
			;
		if (!zero)
			ground_compare(run, run->owner, piece->page + i, 0, word, copy,
				       "after MADV_FREE");
	}
}

static long free_step(struct run *run)
{
	struct piece piece;
	bool done;

	if (!take(run, &piece, CAN_DROP))
		return 0;
	done = !madvise(piece.address, piece.bytes, MADV_FREE);
	if (done) {
		pause_us(roll(&run->dice, 20000));
		must_be_old_or_zero(run, &piece);
	}
	return refill(run, &piece, done);
}

ACTOR(ADVERSARY, free, "MADV_FREE", .place = IN_OWNER, .step = free_step,
      .pause_us = 20000)

static long punch_step(struct run *run)
{
	struct piece piece;
	bool done;

	if (!take(run, &piece, CAN_PUNCH))
		return 0;
	done = !fallocate(ground_fd(run->owner, ground_region(piece.page)),
			  FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, ground_offset(piece.page),
			  piece.bytes);
	if (done)
		must_be_zero(run, &piece, "a hole was punched");
	return refill(run, &piece, done);
}

ACTOR(ADVERSARY, punch, "holes punched into shared memory", .place = IN_OWNER,
      .step = punch_step, .pause_us = 20000)

static long truncate_step(struct run *run)
{
	unsigned int end = ground_first(R_PUNCH) + regions[R_PUNCH].pages;
	int fd = ground_fd(run->owner, R_PUNCH);
	struct piece piece = { .pages = 1 + roll(&run->dice, MOST) };
	unsigned int i;
	bool done;

	piece.page = end - piece.pages;
	piece.address = ground_address(run->owner, piece.page);
	piece.bytes = piece.pages * PAGE_BYTES;
	if (!ground_trylock_range(run->owner, piece.page, piece.pages))
		return 0;
	for (i = 0; i < piece.pages; i++)
		ground_check(run, run->owner, piece.page + i, "about to be truncated");
	done = !ftruncate(fd, ground_offset(piece.page));
	pause_us(roll(&run->dice, 5000));
	done = done && !ftruncate(fd, regions[R_PUNCH].pages * PAGE_BYTES);
	if (done)
		must_be_zero(run, &piece, "truncation");
	return refill(run, &piece, done);
}

ACTOR(ADVERSARY, truncate, "truncated shared memory", .place = IN_OWNER, .step = truncate_step,
      .pause_us = 20000)

/* --- fork: both look at every second page, and both write to the others --- */

static void child(struct run *run, struct piece *piece)
{
	unsigned int i;

	for (i = 0; i < piece->pages; i += 2)
		if (!ground_check(run, run->owner, piece->page + i, "looked at by a child"))
			_exit(1);
	usleep(roll(&run->dice, 30000));
	for (i = 0; i < piece->pages; i++) {
		volatile uint64_t *word = (void *)(piece->address + i * PAGE_BYTES);

		if (i % 2)
			word[roll(&run->dice, PAGE_WORDS)] = ~0ULL;
		else if (!ground_check(run, run->owner, piece->page + i,
				       "looked at by a child, later"))
			_exit(1);
	}
	_exit(0);
}

static long fork_step(struct run *run)
{
	struct piece piece;
	unsigned int i;
	int status = 1;
	pid_t pid;

	if (!take(run, &piece, CAN_FORK))
		return 0;
	pid = syscall(SYS_fork);
	if (!pid)
		child(run, &piece);
	if (pid < 0) {
		atomic_store(&run->count->last_errno, errno);
		give(run, &piece);
		return 0;
	}
	pause_us(roll(&run->dice, 20000));
	for (i = 1; i < piece.pages; i += 2)
		ground_refill(run, run->owner, piece.page + i);
	if (waitpid(pid, &status, 0) != pid || status)
		failure("a child ended with status %#x", status);
	for (i = 0; i < piece.pages; i++)
		ground_check(run, run->owner, piece.page + i, "after a child");
	return refill(run, &piece, true);
}

ACTOR(ADVERSARY, fork, "fork(2) and COW", .place = IN_OWNER, .step = fork_step,
      .pause_us = 200000)

/* --- userfaultfd --- */

static const char *uffd_setup(struct run *run)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
	struct uffdio_register all = {
		.range = { (uintptr_t)ground_address(run->owner, ground_first(R_UFFD)),
			   regions[R_UFFD].pages * PAGE_BYTES },
		.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return missing(run, "userfaultfd: %s", strerror(errno));
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &all))
		return missing(run, "userfaultfd for write protection: %s", strerror(errno));
	run->own = (void *)(long)fd;
	return NULL;
}

/* Taken away, and put there from elsewhere; sometimes with write protection. */
static bool uffd_copy(struct run *run, int fd, unsigned int page, bool protect)
{
	static __thread uint64_t from[PAGE_WORDS] __attribute__((aligned(4096)));
	struct uffdio_copy copy = {
		.dst = (uintptr_t)ground_address(run->owner, page), .src = (uintptr_t)from,
		.len = PAGE_BYTES, .mode = protect ? UFFDIO_COPY_MODE_WP : 0,
	};
	unsigned int i;

	for (i = 0; i < PAGE_WORDS; i++)
		from[i] = ground_word(run->owner, page, i, 1);
	while (ioctl(fd, UFFDIO_COPY, &copy)) {
		if (errno != EAGAIN || copy.copy > 0) {
			failure("UFFDIO_COPY: %s", strerror(errno));
			return false;
		}
		copy.copy = 0;
	}
	ground_wrote(run, run->owner, page, 0, PAGE_WORDS);
	return true;
}

static bool uffd_protect(struct run *run, int fd, unsigned int page, bool protect)
{
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)ground_address(run->owner, page), PAGE_BYTES },
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	while (ioctl(fd, UFFDIO_WRITEPROTECT, &wp)) {
		if (errno == EAGAIN)
			continue;
		atomic_store(&run->count->last_errno, errno);
		return false;
	}
	return true;
}

static long uffd_step(struct run *run)
{
	unsigned int page = ground_first(R_UFFD) + roll(&run->dice, regions[R_UFFD].pages);
	int fd = (long)run->own;
	bool protect = chance(&run->dice, 2);

	if (!ground_trylock(run->owner, page))
		return 0;
	ground_check(run, run->owner, page, "about to be taken away");
	if (chance(&run->dice, 2)) {
		if (!madvise(ground_address(run->owner, page), PAGE_BYTES, MADV_DONTNEED))
			uffd_copy(run, fd, page, protect);
	} else {
		protect = uffd_protect(run, fd, page, true);
	}
	if (protect) {
		pause_us(roll(&run->dice, 10000));
		ground_check(run, run->owner, page, "write-protected");
		uffd_protect(run, fd, page, false);
	}
	ground_unlock(run->owner, page);
	return 1;
}

ACTOR(ADVERSARY, userfaultfd, "UFFDIO_COPY and UFFDIO_WRITEPROTECT", .place = IN_OWNER,
      .setup = uffd_setup, .step = uffd_step, .pause_us = 5000)
