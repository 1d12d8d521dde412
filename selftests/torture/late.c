// SPDX-License-Identifier: GPL-2.0
/*
 * The worst holder of a reference: he takes it after the copy and before the move, writes
 * when the move has failed for it, and lets go, so that the next try succeeds. Nothing in
 * Linux does that to folios that have been unmapped; the test migrator does it to sources
 * of its jobs. It counts in a word that nobody else writes to (late.h); at the end what it
 * says that it has counted must be what is there.
 */
#include <stdio.h>
#include <unistd.h>

#include "../lib/offload.h"
#include "late.h"
#include "ground.h"

static uint64_t writes(void)
{
	return counter(TEST_MIGRATOR "/events", "late_counts");
}

static const char *late_setup(struct run *run)
{
	if (try_write(TEST_MIGRATOR "/late_magic", "5000000000000000000"))
		return missing(run, "migrator_test has no late_magic");
	mt_set("late_magic", LATE_MAGIC);
	mt_set("ref_late_mark", 1);
	mt_set("ref_auto", 1);
	return NULL;
}

/* What nothing released, because nothing else moved, is released now. */
static long late_step(struct run *run)
{
	uint64_t before = writes();

	mt_set("ref_nr", 1 + roll(&run->dice, 8));
	mt_set("delay_ms", 10 + roll(&run->dice, 60));
	pause_us(50000);
	mt_set("ref_nr", 0);
	mt_set("release", 1);
	return writes() - before;
}

/* Those on folios that are about to move stay until then. */
static void late_teardown(struct run *run)
{
	(void)run;
	mt_set("ref_nr", 0);
	while (mt_get("refs_held")) {
		mt_set("release", 1);
		usleep(10000);
	}
}

ACTOR(ADVERSARY, late_reference, "references between copy and move", .place = DISTURBING,
      .setup = late_setup, .step = late_step, .teardown = late_teardown, .pause_us = 50000)
