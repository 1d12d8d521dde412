// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: waiting until all is through, or the time is
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#include "dcbm_xfer.h"

/*
 * No API tells how many descriptors a channel has, or whether prep fails for
 * good; many providers have one again only a moment after the callback. With
 * nothing in flight, prep is tried so often, the first times without a pause and
 * then with a short sleep in between.
 */
#define DCBM_PREP_TRIES		32
#define DCBM_PREP_SPINS		16
#define DCBM_PREP_PAUSE_US	50

/* On top of the time-out: no engine worth having is slower than 64 MiB/s. */
#define DCBM_BYTES_PER_MS	SZ_64K

/*
 * Submit what is left and can be submitted now. Returns false if nothing is in
 * flight and nothing left. *@tries is how often in a row prep has failed for a
 * channel with nothing in flight, the most patient one first: there is nothing
 * to wait for then, and it has to be tried again.
 */
static bool dcbm_progress(struct dcbm_xfer *x, unsigned int *tries)
{
	bool busy = false;
	unsigned int i;

	*tries = 0;

	/* What is through from here on will say so. */
	spin_lock_irq(&x->lock);
	x->hungry = false;
	spin_unlock_irq(&x->lock);

	for (i = 0; i < x->nr_shares; i++) {
		struct dcbm_share *s = &x->shares[i];

		if (!s->left)
			continue;
		if (READ_ONCE(s->in_flight) <= s->wake_at)
			dcbm_feed(x, s);
		if (!s->left)
			continue;
		busy = true;
		/* If it is through since: one try too few. */
		if (READ_ONCE(s->in_flight))
			continue;
		if (s->tries++ == DCBM_PREP_TRIES) {
			s->left = 0;
			s->stats.prep_failed++;
			continue;
		}
		*tries = *tries ? min(*tries, s->tries) : s->tries;
	}
	return busy || READ_ONCE(x->in_flight);
}

static bool dcbm_has_news(struct dcbm_xfer *x)
{
	return READ_ONCE(x->hungry) || !READ_ONCE(x->in_flight);
}

/* Look again and again for a short time. Returns true when there is something. */
static bool dcbm_poll(struct dcbm_xfer *x, ktime_t until)
{
	while (!dcbm_has_news(x)) {
		/* The completion may need this CPU. */
		if (need_resched() || ktime_compare(ktime_get(), until) >= 0)
			return false;
		cpu_relax();
	}
	return true;
}

static void dcbm_sleep(struct dcbm_xfer *x, unsigned long deadline)
{
	x->slept = true;
	wait_event_timeout(x->wait, dcbm_has_news(x),
			   max(1L, (long)(deadline - jiffies)));
}

/*
 * Until when to poll. Sleeping costs two switches and an interrupt's way to the task,
 * so what is expected to be over soon is not slept for; and what is not, is slept for
 * at once. Where nothing has been measured yet, the limit is tried.
 */
static ktime_t dcbm_poll_end(struct dcbm_xfer *x)
{
	u64 limit = (u64)READ_ONCE(dcbm_poll_us) * NSEC_PER_USEC, expected = 0;
	unsigned int i;

	spin_lock_irq(&dcbm_state_lock);
	for (i = 0; i < x->nr_shares; i++) {
		struct dcbm_share *s = &x->shares[i];

		expected = max(expected, dcbm_cost_expect(&s->c->dd->costs, s->bytes));
	}
	spin_unlock_irq(&dcbm_state_lock);

	x->polled = limit && expected <= limit;
	return x->polled ? ktime_add_ns(ktime_get(), limit) : 0;
}

/* What has not been submitted will not be. */
static void dcbm_drop_rest(struct dcbm_xfer *x)
{
	unsigned int i;

	for (i = 0; i < x->nr_shares; i++)
		x->shares[i].left = 0;
}

/**
 * dcbm_wait_for_engines() - wait until all is through, or the time is
 * @x: the transfer
 * @bytes: of the job
 *
 * A descriptor that is not through by then may cost its pages for ever, so an
 * engine that is only slow is given a second chance: to finish, once, what it has.
 */
void dcbm_wait_for_engines(struct dcbm_xfer *x, u64 bytes)
{
	unsigned long timeout = msecs_to_jiffies(READ_ONCE(dcbm_timeout_ms));
	unsigned long deadline = jiffies + timeout +
				 msecs_to_jiffies(div_u64(bytes, DCBM_BYTES_PER_MS));
	ktime_t poll_until = dcbm_poll_end(x);
	bool last = false;
	unsigned int tries;

	while (dcbm_progress(x, &tries)) {
		if (tries > DCBM_PREP_SPINS)
			usleep_range(DCBM_PREP_PAUSE_US, 2 * DCBM_PREP_PAUSE_US);
		else if (tries)
			udelay(1);
		else if (!dcbm_poll(x, poll_until))
			dcbm_sleep(x, deadline);
		cond_resched();

		if (time_before(jiffies, deadline))
			continue;
		if (last || time_after(jiffies, READ_ONCE(x->last_done) + timeout / 2))
			break;
		dcbm_drop_rest(x);
		deadline = jiffies + timeout;
		last = true;
	}
}

/**
 * dcbm_stop() - a channel has not done in time what it was given
 * @x: the transfer
 * @s: the channel's share
 *
 * What did complete is judged by its result; for the rest the question is whether
 * the engine has stopped.
 *
 * Return: what becomes of the channel.
 */
enum dcbm_state dcbm_stop(struct dcbm_xfer *x, struct dcbm_share *s)
{
	struct dcbm_device *dd = s->c->dd;
	unsigned int i, nr = 0;
	bool quiet;

	quiet = dcbm_channel_terminate(s->c);

	spin_lock_irq(&x->lock);
	for (i = 0; i < DCBM_MAX_PIECES; i++) {
		struct dcbm_piece *piece = &x->pieces[i];

		if (!piece->in_flight || &x->shares[piece->share] != s)
			continue;
		nr++;
		if (quiet) {
			dcbm_piece_fail(piece, DCBM_PAIR_TIMED_OUT);
			dcbm_piece_end(piece);
		} else {
			/* It stays in flight: its callback may still come. */
			dcbm_piece_fail(piece, DCBM_PAIR_LOST);
		}
	}
	s->end = ktime_get();
	if (quiet)
		s->stats.timed_out += nr;
	else
		s->stats.lost += nr;
	spin_unlock_irq(&x->lock);

	/* The last ones came in at the last moment. */
	if (!nr)
		return s->stats.lost ? DCBM_LOST : DCBM_IDLE;
	if (quiet)
		pr_warn("%s (%s) did not finish %u descriptors in time: stopped, and not used until it is re-armed\n",
			s->c->name, dd->provider, nr);
	/* What was aborted before, without proof, is still lost. */
	return quiet && !s->stats.lost ? DCBM_QUARANTINED : DCBM_LOST;
}
