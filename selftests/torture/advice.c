// SPDX-License-Identifier: GPL-2.0
/* What changes the state of pages and leaves their contents: advice, locks, KSM, swap. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "../lib/offload.h"
#include "ground.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/* Up to @most pages of a region, from @page on. */
static unsigned int some(struct run *run, unsigned int page, unsigned int most)
{
	enum region region = ground_region(page);
	unsigned int left = ground_first(region) + regions[region].pages - page;
	unsigned int pages = 1 + roll(&run->dice, most);

	return pages < left ? pages : left;
}

static long advise(struct run *run, unsigned int can, unsigned int most, int advice)
{
	unsigned int page = ground_pick(run, run->owner, can), pages = some(run, page, most);

	if (madvise(ground_address(run->owner, page), pages * PAGE_BYTES, advice)) {
		atomic_store(&run->count->last_errno, errno);
		return 0;
	}
	return pages;
}

static long cold_step(struct run *run)
{
	return advise(run, chance(&run->dice, 2) ? CAN_GET : CAN_SWAP, 64, MADV_COLD);
}

ACTOR(ADVERSARY, cold, "MADV_COLD", .place = IN_OWNER, .step = cold_step, .pause_us = 20000)

static long pageout_step(struct run *run)
{
	return advise(run, CAN_SWAP, 32, MADV_PAGEOUT);
}

ACTOR(ADVERSARY, pageout, "MADV_PAGEOUT: swap (effect: pages swapped out)", .place = IN_OWNER,
      .step = pageout_step, .pause_us = 50000, .vmstat = "pswpout")

/* A part is split off, and the whole is put together again. */
static long collapse_step(struct run *run)
{
	unsigned int page = ground_pick(run, run->owner, IS_HUGE);
	enum region region = ground_region(page);
	unsigned int first = ground_first(region) + (page - ground_first(region)) / 512 * 512;
	char *address = ground_address(run->owner, first);

	if (mprotect(address, 64 * PAGE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC) ||
	    mprotect(address, 64 * PAGE_BYTES, PROT_READ | PROT_WRITE) ||
	    madvise(address, 512 * PAGE_BYTES, MADV_COLLAPSE)) {
		atomic_store(&run->count->last_errno, errno);
		return 0;
	}
	return 512;
}

ACTOR(ADVERSARY, collapse, "PMDs that are split, and MADV_COLLAPSE", .place = IN_OWNER,
      .step = collapse_step, .pause_us = 200000)

static long mlock_step(struct run *run)
{
	unsigned int page = ground_pick(run, run->owner, CAN_LOCK), pages = some(run, page, 64);
	char *address = ground_address(run->owner, page);

	if (mlock(address, pages * PAGE_BYTES)) {
		atomic_store(&run->count->last_errno, errno);
		return 0;
	}
	pause_us(roll(&run->dice, 20000));
	munlock(address, pages * PAGE_BYTES);
	return pages;
}

ACTOR(ADVERSARY, mlock, "mlock(2) and munlock(2)", .place = IN_OWNER, .step = mlock_step,
      .pause_us = 20000)

/* --- KSM: two pages that are the same, until somebody writes to one --- */

static const char *ksm_setup(struct run *run)
{
	if (!exists("/sys/kernel/mm/ksm/run"))
		return missing(run, "no KSM");
	try_write("/sys/kernel/mm/ksm/merge_across_nodes", "1");
	try_write("/sys/kernel/mm/ksm/pages_to_scan", "200");
	try_write("/sys/kernel/mm/ksm/sleep_millisecs", "50");
	try_write("/sys/kernel/mm/ksm/run", "1");
	return NULL;
}

static long ksm_step(struct run *run)
{
	unsigned int pair = ground_first(R_KSM) + roll(&run->dice, regions[R_KSM].pages / 2) * 2;
	unsigned int i;

	if (!ground_trylock_range(run->owner, pair, 2))
		return 0;
	for (i = 0; i < 2; i++)
		ground_check(run, run->owner, pair + i, "about to be made the same");
	ground_same(run, run->owner, pair);
	ground_unlock_range(run->owner, pair, 2);
	return read_number("/sys/kernel/mm/ksm/pages_sharing");
}

static void ksm_teardown(struct run *run)
{
	(void)run;
	try_write("/sys/kernel/mm/ksm/run", "0");
}

ACTOR(ADVERSARY, ksm, "KSM (effect: pages shared, added up over steps)", .place = IN_OWNER,
      .setup = ksm_setup, .step = ksm_step, .teardown = ksm_teardown, .pause_us = 20000)
