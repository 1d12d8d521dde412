// SPDX-License-Identifier: GPL-2.0
/* An owner: writes to its memory as any program does, and looks at it. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../lib/case.h"
#include "ground.h"

/*
 * By way of page tables, or rather of what this CPU's TLB remembers of them: some rounds
 * over a few pages before it goes to others.
 */
#define WINDOW	6
#define ROUNDS	64
/* Few, so that each is often written to. */
#define HAMMERED	4

static long store_step(struct run *run)
{
	unsigned int pages[WINDOW], i, round;
	long words = 0;

	for (i = 0; i < WINDOW; i++)
		pages[i] = ground_pick(run, run->owner, 0);
	for (round = 0; round < ROUNDS && !stopped(); round++) {
		for (i = 0; i < WINDOW; i++) {
			volatile uint64_t *to;
			struct strike strike;
			unsigned int word;

			if (!strike_begin(run, &strike, run->owner, pages[i], 1, 16))
				continue;
			to = (void *)strike.address;
			for (word = 0; word < strike.words; word++)
				to[word] = strike.value[word];
			words += strike_end(run, &strike, strike.words);
		}
	}
	return words;
}

ACTOR(ADVERSARY, store, "stores by the owner's threads", .place = IN_OWNER,
      .step = store_step)

/*
 * Writes to the same words all the time, and looks each time whether what it wrote last is
 * there: the TLB knows these pages, and nothing but a flush makes it forget them.
 */
static long hammer_step(struct run *run)
{
	unsigned int first = ground_pick(run, run->owner, CAN_GET), nr = 0, i;
	enum region region = ground_region(first);
	unsigned int left = ground_first(region) + regions[region].pages - first;
	struct strike strikes[HAMMERED];
	uint64_t last[HAMMERED], end, round;

	for (i = 0; i < HAMMERED && i < left; i++)
		if (strike_begin(run, &strikes[nr], run->owner, first + i, 1, 1)) {
			last[nr] = *(volatile uint64_t *)strikes[nr].address;
			nr++;
		}
	if (!nr)
		return 0;
	ground_hold(run, run->owner, first, i);
	end = now_ns() + roll(&run->dice, 200) * 1000000ULL;
	for (round = 1; now_ns() < end; round++) {
		for (i = 0; i < nr; i++) {
			volatile uint64_t *word = (void *)strikes[i].address;
			uint64_t is = *word;

			if (is != last[i])
				failure("owner %u, page %u, word %u: %#" PRIx64 " after %s wrote %#" PRIx64 " in round %" PRIu64,
					run->owner, strikes[i].page, strikes[i].word, is,
					run->actor->name, last[i], round);
			last[i] = strikes[i].value[0] ^ round;
			*word = last[i];
		}
	}
	for (i = 0; i < nr; i++) {
		*(volatile uint64_t *)strikes[i].address = strikes[i].value[0];
		strike_end(run, &strikes[i], 1);
	}
	return nr * round;
}

ACTOR(ADVERSARY, hammer, "the same words, without a pause", .place = IN_OWNER,
      .step = hammer_step, .pause_us = 5000)

/* Compares whole pages, those that move first of all. */
static long look_step(struct run *run)
{
	unsigned int page = ground_pick(run, run->owner, 0);

	if (!ground_trylock(run->owner, page))
		return 0;
	ground_check(run, run->owner, page, "looked at");
	ground_unlock(run->owner, page);
	return PAGE_WORDS;
}

ACTOR(ADVERSARY, look, "loads by the owner's threads", .place = IN_OWNER,
      .step = look_step, .pause_us = 500)

/* Nobody does anything any more; every lock is free. */
static void verify(unsigned int owner)
{
	static const struct actor end = { .name = "the comparison at the end" };
	struct run run = { .actor = &end, .owner = owner };
	unsigned int page;

	for (page = 0; page < ground_pages(); page++) {
		if (!ground_trylock(owner, page))
			failure("owner %u: page %u is still locked", owner, page);
		ground_check(&run, owner, page, "at the end");
		atomic_fetch_add(&shared->verified, 1);
	}
	atomic_fetch_add(&shared->late_words, ground_late_words(owner));
}

void owner_main(unsigned int owner)
{
	ground_map(owner);
	atomic_fetch_add(&shared->ready, 1);
	while (atomic_load(&shared->ready) < (int)shared->owners && !stopped())
		usleep(1000);
	actors_run(IN_OWNER, owner);
	while (!atomic_load(&shared->quiet))
		usleep(1000);
	verify(owner);
}
