// SPDX-License-Identifier: GPL-2.0
/*
 * Poison: the page is lost, or put out of use, in whatever state it is, and made good again.
 * Else there would soon be no memory block that goes online any more: one that has a poisoned
 * page does not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../lib/offload.h"
#include "ground.h"

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define UNPOISON	"/sys/kernel/debug/hwpoison/unpoison-pfn"

/* Of this process; 0 if there is none, or it is on its way. */
static uint64_t pfn_of(const void *address)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, 8, (uintptr_t)address / PAGE_BYTES * 8) != 8)
		entry = 0;
	close(fd);
	return entry >> 63 ? entry & ((1ULL << 55) - 1) : 0;
}

static void cure(uint64_t pfn)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, pfn);
	try_write(UNPOISON, text);
}

static void ignore(int signal)
{
	(void)signal;
}

static const char *poison_setup(struct run *run)
{
	struct sigaction action = { .sa_handler = ignore };

	if (!exists(UNPOISON))
		return missing(run, "no hwpoison-inject, to make poisoned pages good again");
	return sigaction(SIGBUS, &action, NULL) ? "no SIGBUS handler" : NULL;
}

static long poison(struct run *run)
{
	unsigned int page = ground_first(R_POISON) + roll(&run->dice, regions[R_POISON].pages);
	char *address = ground_address(run->owner, page);
	uint64_t pfn;
	long done;

	if (!ground_trylock(run->owner, page))
		return 0;
	ground_check(run, run->owner, page, "about to be poisoned");
	pfn = pfn_of(address);
	done = !madvise(address, PAGE_BYTES, MADV_HWPOISON);
	if (!done)
		atomic_store(&run->count->last_errno, errno);
	/* Whatever became of it, here is a new page. */
	if (mmap(address, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
		 MAP_FIXED, -1, 0) != address)
		failure("mmap of a page for a poisoned one: %s", strerror(errno));
	madvise(address, PAGE_BYTES, MADV_DONTFORK);
	ground_refill(run, run->owner, page);
	ground_unlock(run->owner, page);
	/* It may have moved in between: then this is another's, and not poisoned. */
	if (pfn && done)
		cure(pfn);
	return done;
}

static long while_blocks_stay(struct run *run, long (*step)(struct run *run))
{
	long done;

	if (atomic_flag_test_and_set(&shared->blocks))
		return 0;
	done = step(run);
	atomic_flag_clear(&shared->blocks);
	return done;
}

static long hwpoison_step(struct run *run)
{
	return while_blocks_stay(run, poison);
}

ACTOR(ADVERSARY, hwpoison, "MADV_HWPOISON", .place = IN_OWNER, .setup = poison_setup,
      .step = hwpoison_step, .pause_us = 1500000)

/* Here the contents stay. */
static long soft_offline(struct run *run)
{
	unsigned int page = ground_first(R_ANON) + roll(&run->dice, regions[R_ANON].pages);
	char *address = ground_address(run->owner, page);
	uint64_t pfn = pfn_of(address);

	if (madvise(address, PAGE_BYTES, MADV_SOFT_OFFLINE)) {
		atomic_store(&run->count->last_errno, errno);
		return 0;
	}
	if (pfn)
		cure(pfn);
	return 1;
}

static long soft_offline_step(struct run *run)
{
	return while_blocks_stay(run, soft_offline);
}

ACTOR(ADVERSARY, soft_offline, "MADV_SOFT_OFFLINE", .place = IN_OWNER, .setup = poison_setup,
      .step = soft_offline_step, .pause_us = 2000000)
