// SPDX-License-Identifier: GPL-2.0
/*
 * The moves: each round there and back, one way by move_pages(2), the other by
 * migrate_pages(2), and the next round the other way round.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "job.h"
#include "numa_move.h"
#include "report.h"

#define MIB		((size_t)1 << 20)

/* Memory that one call of move_pages(2) names. */
#define SLICE		(16 * MIB)
/*
 * The beginning of the 4 KiB folios goes in lists so short that the policy leaves them to
 * the CPU.
 */
#define SHORT_PART	MIB
#define SHORT_SLICE	(8 * NUMA_MOVE_PAGE)

#define MAX_RETRIES	20
#define MAX_ROUNDS	200

struct mover {
	struct job *job;
	uint64_t calls;
	uint64_t retries;
	uint64_t stragglers;		/* pages that a retry was needed for */
	uint64_t lost;			/* pages that never arrived */
	bool failed;
	bool replaced;
	bool replace_ok;
	unsigned int last_round;	/* in which the replacement ended */
	uint64_t calls_begin;		/* when the replacement began... */
	uint64_t calls_end;		/* and ended */
};

/* Set by a signal: no more moves, so that everything is given back before the end. */
static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static struct numa_range range_of(const struct process *p)
{
	return (struct numa_range){
		.pid = p->live.pid, .address = p->live.shared->address,
		.bytes = p->live.options.bytes, .huge = p->huge,
	};
}

static bool stopped(struct mover *mover)
{
	if (!interrupted || mover->failed)
		return interrupted;
	mover->failed = true;
	return !check(false, "every page arrived", "interrupted by a signal");
}

static bool give_up(struct mover *mover, const struct process *p, const char *call)
{
	check(false, "every page arrived", "%s: %s: %s", p->cgroup, call, strerror(errno));
	mover->failed = true;
	return false;
}

static void poll_replacement(struct mover *mover, unsigned int round)
{
	struct policies *policies = &mover->job->policies;

	if (!policies->replacing || !policies_replace_poll(policies, &mover->replace_ok))
		return;
	mover->replaced = true;
	mover->last_round = round;
	mover->calls_end = mover->calls;
	report_step("the system's policy has been replaced, %" PRIu64 " calls later",
		    mover->calls_end - mover->calls_begin);
}

static void begin_replacement(struct mover *mover)
{
	report_step("mgx replace %s: the same with %s, while pages move",
		    mover->job->policies.system.object, mover->job->policies.system.set);
	mover->calls_begin = mover->calls;
	if (!policies_replace_begin(&mover->job->policies))
		mover->replaced = true;
}

static bool one_call(struct mover *mover, struct process *p, struct numa_range *slice,
		     size_t bytes, int nid, unsigned int round)
{
	bool ok;

	live_heat(&p->live, slice->address - p->live.shared->address, bytes);
	slice->bytes = bytes;
	ok = numa_move_pages(slice, nid);
	slice->address += bytes;
	mover->calls++;
	poll_replacement(mover, round);
	return ok && !stopped(mover);
}

/* @halfway: begin the replacement in the middle. */
static bool by_lists(struct mover *mover, struct process *p, int nid,
		     unsigned int round, bool halfway)
{
	struct numa_range slice = range_of(p);
	size_t left = slice.bytes, bytes;
	const size_t all = left;

	while (left) {
		bytes = !p->huge && all - left < SHORT_PART ? SHORT_SLICE : SLICE;
		if (bytes > left)
			bytes = left;
		if (!one_call(mover, p, &slice, bytes, nid, round))
			return mover->failed ? false : give_up(mover, p, "move_pages");
		left -= bytes;
		if (halfway && left <= all / 2) {
			begin_replacement(mover);
			halfway = false;
		}
	}
	return true;
}

static bool as_a_whole(struct mover *mover, struct process *p, int nid, unsigned int round)
{
	live_heat(&p->live, 0, 0);
	mover->calls++;
	if (!numa_migrate_pages(p->live.pid, 1 - nid, nid))
		return give_up(mover, p, "migrate_pages");
	poll_replacement(mover, round);
	return !stopped(mover);
}

/* A page that somebody happened to hold is tried again. */
static bool all_arrived(struct mover *mover, const struct process *p, int nid)
{
	struct numa_range range = range_of(p);
	long left = numa_stragglers(&range, nid);
	int tries;

	if (left > 0)
		mover->stragglers += left;
	for (tries = 0; left > 0 && tries < MAX_RETRIES; tries++) {
		mover->retries++;
		mover->calls++;
		if (!numa_move_stragglers(&range, nid))
			return give_up(mover, p, "move_pages");
		left = numa_stragglers(&range, nid);
	}
	if (left < 0)
		return give_up(mover, p, "move_pages (query)");
	mover->lost += left;
	mover->job->bytes_moved += range.bytes - left * NUMA_MOVE_PAGE;
	return true;
}

/* One way for both processes. */
static bool leg(struct mover *mover, unsigned int round, int nid, bool halfway)
{
	bool lists = round % 2 != (unsigned int)nid, ok;
	double begin = now();
	int i;

	for (i = 0; i < NR_PROCESSES; i++) {
		struct process *p = &mover->job->processes[i];

		if (lists)
			ok = by_lists(mover, p, nid, round, halfway && !i);
		else
			ok = as_a_whole(mover, p, nid, round);
		if (!ok || !all_arrived(mover, p, nid))
			return false;
	}
	report_step("round %u: %s to node %d: %zu MiB in %.1f s", round + 1,
		    lists ? "move_pages" : "migrate_pages", nid,
		    NR_PROCESSES * mover->job->options.mib, now() - begin);
	return true;
}

/* The leg by lists of the round in the middle is the one with the replacement. */
static bool one_round(struct mover *mover, unsigned int round)
{
	bool middle = round == (mover->job->options.rounds - 1) / 2;

	return leg(mover, round, 1, middle && round % 2 == 0) &&
	       leg(mover, round, 0, middle && round % 2 == 1);
}

/* As many as asked for, and until one whole round has seen nothing but the new policy. */
static bool more_rounds(const struct mover *mover, unsigned int round)
{
	if (round < mover->job->options.rounds)
		return true;
	return round < MAX_ROUNDS && (!mover->replaced || round <= mover->last_round + 1);
}

static void judge_moves(struct mover *mover)
{
	check(!mover->lost, "every page arrived",
	      "%" PRIu64 " MiB moved in %" PRIu64 " calls; %" PRIu64 " pages needed one of %" PRIu64 " retries, %" PRIu64 " stayed behind",
	      mover->job->bytes_moved >> 20, mover->calls, mover->stragglers, mover->retries,
	      mover->lost);
	check(mover->replaced && mover->replace_ok && mover->calls_end > mover->calls_begin,
	      "the policy was replaced while pages moved", "%s",
	      !mover->replaced ? "mgx replace did not end" :
	      !mover->replace_ok ? mover->job->policies.replace.text :
	      mover->calls_end > mover->calls_begin ? "mgx replace, between two calls of many" :
	      "no page moved meanwhile");
}

void job_catch_signals(void)
{
	signal(SIGTERM, interrupt);
	signal(SIGINT, interrupt);
}

bool job_move(struct job *job)
{
	struct mover mover = { .job = job };
	double begin = now();
	unsigned int round;

	for (round = 0; more_rounds(&mover, round); round++)
		if (!one_round(&mover, round))
			break;
	job->seconds = now() - begin;
	if (!mover.failed)
		judge_moves(&mover);
	return !mover.failed;
}
