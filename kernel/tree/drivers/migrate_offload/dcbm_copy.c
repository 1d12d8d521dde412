// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: copying the folios of a job
 *
 * A job gets the idle channels of the nearest DMA devices, as many as its bytes
 * are worth. The bytes of its folios are divided over the channels (dcbm_divide.c),
 * mapped (dcbm_map.c), submitted (dcbm_feed.c) and waited for (dcbm_wait.c). This
 * file has what comes before and after.
 *
 * From submit() to the end of wait() nothing is allocated, no channel is
 * requested, and no lock is taken that is held across either; but the provider's
 * prep may sleep until another of its descriptors is through.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "dcbm_xfer.h"

/* A channel that takes or copies nothing of so many jobs in a row is taken for dead. */
#define DCBM_MAX_STRIKES	8

/* Both under dcbm_state_lock */
static LIST_HEAD(dcbm_free_xfers);
static bool dcbm_paused;

struct dcbm_totals dcbm_totals;

/**
 * dcbm_transfers_free() - free the memory that jobs need
 *
 * To be called when no job is in flight and all channels have been released.
 */
void dcbm_transfers_free(void)
{
	struct dcbm_xfer *x, *next;

	lockdep_assert_held(&dcbm_mutex);

	list_for_each_entry_safe(x, next, &dcbm_free_xfers, node) {
		free_page((unsigned long)x->page);
		kvfree(x);
	}
	INIT_LIST_HEAD(&dcbm_free_xfers);
}

/**
 * dcbm_transfers_alloc() - allocate the memory that jobs need
 * @nr: how many jobs there may be at a time
 *
 * With as many as there are channels there is one for every job: each job has
 * a channel at least, and one that loses its transfer object loses a channel, too.
 *
 * Return: 0 or -ENOMEM.
 */
int dcbm_transfers_alloc(unsigned int nr)
{
	struct dcbm_xfer *x;
	unsigned int i;

	lockdep_assert_held(&dcbm_mutex);

	while (nr--) {
		x = kvzalloc_obj(*x);
		if (x)
			x->page = (void *)__get_free_page(GFP_KERNEL);
		if (!x || !x->page) {
			kvfree(x);
			dcbm_transfers_free();
			return -ENOMEM;
		}
		spin_lock_init(&x->lock);
		init_waitqueue_head(&x->wait);
		for (i = 0; i < DCBM_MAX_PIECES; i++)
			x->pieces[i].x = x;
		list_add(&x->node, &dcbm_free_xfers);
	}
	return 0;
}

/**
 * dcbm_xfer_put() - a transfer object can be used again
 * @x: the transfer; nothing of it is in flight, and none of its channels lost
 *
 * Under dcbm_state_lock.
 */
void dcbm_xfer_put(struct dcbm_xfer *x)
{
	lockdep_assert_held(&dcbm_state_lock);

	list_add(&x->node, &dcbm_free_xfers);
}

static int dcbm_distance(const struct dcbm_device *dd, int nid)
{
	if (dd->nid == NUMA_NO_NODE || nid == NUMA_NO_NODE)
		return REMOTE_DISTANCE;
	return node_distance(dd->nid, nid);
}

static struct dcbm_chan *dcbm_idle_channel(struct dcbm_device *dd)
{
	struct dcbm_chan *c;

	lockdep_assert_held(&dcbm_state_lock);

	if (dd->closing)
		return NULL;
	list_for_each_entry(c, &dd->chans, node)
		if (c->state == DCBM_IDLE && !c->leaving)
			return c;
	return NULL;
}

/* How far the nearest device with an idle channel is, or INT_MAX */
static int dcbm_nearest(int nid)
{
	struct dcbm_device *dd;
	int best = INT_MAX;

	lockdep_assert_held(&dcbm_state_lock);

	list_for_each_entry(dd, &dcbm_devices, node)
		if (dcbm_distance(dd, nid) < best && dcbm_idle_channel(dd))
			best = dcbm_distance(dd, nid);
	return best;
}

/*
 * Give a job a transfer object and idle channels: of the nearest device that has
 * any, or of several that are equally near, from each in turn. Those that are
 * further away are left to others.
 */
static struct dcbm_xfer *dcbm_xfer_get(struct migrate_job *job)
{
	struct dcbm_device *dd;
	struct dcbm_xfer *x;
	struct dcbm_chan *c;
	unsigned int nr;
	bool more;
	int best;
	u64 chunks;

	chunks = div64_u64(job->bytes, READ_ONCE(dcbm_min_chunk));
	nr = clamp_t(u64, chunks, 1, DCBM_MAX_CHANNELS);

	guard(spinlock_irq)(&dcbm_state_lock);

	if (dcbm_paused) {
		dcbm_totals.paused++;
		return NULL;
	}

	best = dcbm_nearest(job->dst_nid);
	x = list_first_entry_or_null(&dcbm_free_xfers, struct dcbm_xfer, node);
	if (best == INT_MAX || !x) {
		dcbm_totals.busy++;
		return NULL;
	}

	list_del(&x->node);
	x->nr_shares = 0;
	do {
		more = false;
		list_for_each_entry(dd, &dcbm_devices, node) {
			if (x->nr_shares == nr)
				break;
			if (dcbm_distance(dd, job->dst_nid) != best)
				continue;
			c = dcbm_idle_channel(dd);
			if (!c)
				continue;
			c->state = DCBM_BUSY;
			x->shares[x->nr_shares++].c = c;
			more = true;
		}
	} while (more);
	dcbm_totals.jobs++;
	return x;
}

static void dcbm_stats_add(struct dcbm_stats *to, const struct dcbm_stats *from)
{
	to->jobs += from->jobs;
	to->descs += from->descs;
	to->bytes += from->bytes;
	to->errors += from->errors;
	to->linked += from->linked;
	to->mismatches += from->mismatches;
	to->prep_failed += from->prep_failed;
	to->submit_failed += from->submit_failed;
	to->timed_out += from->timed_out;
	to->lost += from->lost;
	to->busy_ns += from->busy_ns;
}

/*
 * Give the channels back from the @first share on, in the states given, or idle
 * and without having been used.
 */
static void dcbm_put_channels(struct dcbm_xfer *x, unsigned int first,
			      const enum dcbm_state *states)
{
	unsigned int i;

	lockdep_assert_held(&dcbm_state_lock);

	for (i = first; i < x->nr_shares; i++) {
		struct dcbm_share *s = &x->shares[i];

		if (states) {
			dcbm_stats_add(&s->c->stats, &s->stats);
			dcbm_stats_add(&dcbm_totals.chans, &s->stats);
		}
		s->c->state = states ? states[i] : DCBM_IDLE;
	}
	wake_up_all(&dcbm_idle_wait);
}

/*
 * Channels were taken from each device in turn, so that a small job uses all of them. Those
 * of a device come behind each other now: what they copy of a folio is mapped in one.
 */
static void dcbm_group_channels(struct dcbm_xfer *x)
{
	unsigned int i, last, at;

	for (i = 1; i < x->nr_shares; i++) {
		struct dcbm_chan *c = x->shares[i].c;

		for (last = i; last; last--)
			if (x->shares[last - 1].c->dd == c->dd)
				break;
		if (!last)
			continue;
		for (at = i; at > last; at--)
			x->shares[at].c = x->shares[at - 1].c;
		x->shares[last].c = c;
	}
}

/* What fits of the job. Returns its bytes. */
static u64 dcbm_take_pairs(struct dcbm_xfer *x, struct migrate_job *job)
{
	u64 bytes = 0;
	unsigned int i;

	x->nr_pairs = min_t(u32, job->nr, DCBM_MAX_PAIRS);
	x->nr_full = job->nr - x->nr_pairs;
	for (i = 0; i < x->nr_pairs; i++) {
		x->pairs[i] = (struct dcbm_pair) {
			.bytes = migrate_job_pair(job, i)->bytes,
		};
		bytes += x->pairs[i].bytes;
	}
	return bytes;
}

/**
 * dcbm_submit() - begin to copy the pairs of a job
 * @migrator: dcbm
 * @job: the job
 *
 * Return: 0; -EBUSY: no channel is idle; -EIO: nothing can be mapped.
 */
int dcbm_submit(struct migrator *migrator, struct migrate_job *job)
{
	struct dcbm_xfer *x;
	unsigned int i, nr;
	u64 mapped = 0;

	x = dcbm_xfer_get(job);
	if (!x)
		return -EBUSY;

	/* Not cut evenly: some channels may have nothing to do. */
	nr = dcbm_divide(x, dcbm_take_pairs(x, job));
	if (nr < x->nr_shares) {
		spin_lock_irq(&dcbm_state_lock);
		dcbm_put_channels(x, nr, NULL);
		spin_unlock_irq(&dcbm_state_lock);
		x->nr_shares = nr;
	}

	dcbm_group_channels(x);
	x->nr_spans = 0;
	dcbm_feed_begin(x);
	/*
	 * The first engine is at work while the folios of the next one are mapped, but for
	 * a folio that they share.
	 */
	for (i = 0; i < x->nr_shares; i++) {
		mapped += dcbm_map_share(x, &x->shares[i], job);
		dcbm_feed(x, &x->shares[i]);
		cond_resched();
	}

	if (!mapped) {
		spin_lock_irq(&dcbm_state_lock);
		dcbm_totals.refused_map += x->nr_pairs;
		dcbm_totals.refused_full += x->nr_full;
		dcbm_put_channels(x, 0, NULL);
		dcbm_xfer_put(x);
		spin_unlock_irq(&dcbm_state_lock);
		return -EIO;
	}

	job->private = x;
	return 0;
}

/* The share is over: what becomes of its channel? */
static enum dcbm_state dcbm_close_share(struct dcbm_xfer *x, struct dcbm_share *s)
{
	enum dcbm_state state = DCBM_IDLE;
	int in_flight;

	/* Also waits for a callback that is about to leave. */
	spin_lock_irq(&x->lock);
	in_flight = s->in_flight;
	spin_unlock_irq(&x->lock);

	if (in_flight)
		state = dcbm_stop(x, s);
	else if (s->stats.lost)
		state = DCBM_LOST;

	if (s->stats.descs)
		s->stats.busy_ns = ktime_to_ns(ktime_sub(s->end, s->begin));

	if (state == DCBM_LOST) {
		dcbm_channel_lost(s->c);
	} else if (s->stats.descs > s->stats.errors) {
		s->c->strikes = 0;
	} else if ((s->stats.descs || s->stats.prep_failed || s->stats.submit_failed) &&
		   ++s->c->strikes >= DCBM_MAX_STRIKES) {
		pr_warn("%s (%s) %s: not used until it is re-armed\n",
			s->c->name, s->c->dd->provider,
			s->stats.descs ? "fails whatever it is given" : "accepts nothing");
		state = DCBM_QUARANTINED;
	}
	return state;
}

static enum migrate_pair_status dcbm_judge(const struct dcbm_pair *p)
{
	if (p->bad & DCBM_PAIR_LOST)
		return MIGRATE_PAIR_LOST;
	if (p->bad & DCBM_PAIR_TIMED_OUT)
		return MIGRATE_PAIR_TIMED_OUT;
	if (p->bad & DCBM_PAIR_FAILED)
		return MIGRATE_PAIR_FAILED;
	if (!p->bad && p->good == p->bytes)
		return MIGRATE_PAIR_COPIED;
	/* A part of it at least was not accepted; what was is through. */
	return MIGRATE_PAIR_REFUSED;
}

/*
 * The references that keep the pages are the core's, which takes them when it hears
 * of it. Ours are for whoever re-arms the channel before that: see dcbm_exhume().
 */
static void dcbm_note_lost(struct dcbm_pair *p, const struct migrate_pair *pair)
{
	p->src = pair->src;
	p->dst = pair->dst;
	folio_get(p->src);
	folio_get(p->dst);
}

/* Tell the core what became of the pairs, and count it. */
static void dcbm_close_pairs(struct dcbm_xfer *x, struct migrate_job *job, bool verified)
{
	unsigned int nr[MIGRATE_PAIR_LOST + 1] = { }, unmapped = 0;
	enum migrate_pair_status status;
	unsigned int i;

	for (i = 0; i < x->nr_pairs; i++) {
		struct dcbm_pair *p = &x->pairs[i];

		status = dcbm_judge(p);
		if (status == MIGRATE_PAIR_LOST)
			dcbm_note_lost(p, migrate_job_pair(job, i));
		/* Other parts of it may have been at work: what counts is how it ended. */
		if (status == MIGRATE_PAIR_REFUSED && (p->bad & DCBM_PAIR_UNMAPPED))
			unmapped++;
		migrate_job_pair(job, i)->status = status;
		nr[status]++;
	}
	for (; i < job->nr; i++)
		migrate_job_pair(job, i)->status = MIGRATE_PAIR_REFUSED;

	spin_lock_irq(&dcbm_state_lock);
	dcbm_totals.copied += nr[MIGRATE_PAIR_COPIED];
	if (verified)
		dcbm_totals.verified += nr[MIGRATE_PAIR_COPIED];
	dcbm_totals.failed += nr[MIGRATE_PAIR_FAILED];
	dcbm_totals.timed_out += nr[MIGRATE_PAIR_TIMED_OUT];
	dcbm_totals.lost += nr[MIGRATE_PAIR_LOST];
	dcbm_totals.refused_map += unmapped;
	dcbm_totals.refused_engine += nr[MIGRATE_PAIR_REFUSED] - unmapped;
	dcbm_totals.refused_full += x->nr_full;
	dcbm_totals.strays += x->strays;
	dcbm_totals.polled += x->polled;
	dcbm_totals.slept += x->slept;
	spin_unlock_irq(&dcbm_state_lock);
}

/* Is anything of the job to be compared? */
static bool dcbm_is_verified(const struct dcbm_xfer *x)
{
	unsigned int i;

	if (READ_ONCE(dcbm_verify))
		return true;
	for (i = 0; i < x->nr_shares; i++)
		if (x->shares[i].c->dd->verify)
			return true;
	return false;
}

/**
 * dcbm_wait() - wait until a job is over
 * @migrator: dcbm
 * @job: the job
 *
 * Returns after timeout_ms and 1 ms for every 64 KiB of the job at the latest;
 * after timeout_ms once more if a descriptor was through not long before; and
 * after the time that the provider takes to stop channels that still are not.
 */
void dcbm_wait(struct migrator *migrator, struct migrate_job *job)
{
	enum dcbm_state states[DCBM_MAX_CHANNELS];
	ktime_t begin = KTIME_MAX, end = 0;
	struct dcbm_xfer *x = job->private;
	bool lost = false, verify;
	unsigned int i;

	dcbm_wait_for_engines(x, job->bytes);

	for (i = 0; i < x->nr_shares; i++) {
		struct dcbm_share *s = &x->shares[i];

		states[i] = dcbm_close_share(x, s);
		s->is_lost = states[i] == DCBM_LOST;
		lost |= s->is_lost;
		if (!s->stats.descs)
			continue;
		job->busy_ns += s->stats.busy_ns;
		begin = min(begin, s->begin);
		end = max(end, s->end);
	}
	if (job->busy_ns)
		job->ns = ktime_to_ns(ktime_sub(end, begin));

	/*
	 * In this order: for some devices a copy is complete only when it has been
	 * unmapped, and the device goes with its channels.
	 */
	for (i = 0; i < x->nr_shares; i++)
		dcbm_unmap_share(x, &x->shares[i]);
	verify = dcbm_is_verified(x);
	for (i = 0; verify && i < x->nr_shares; i++)
		if (!dcbm_verify_share(x, &x->shares[i], job) && states[i] == DCBM_IDLE)
			states[i] = DCBM_QUARANTINED;
	dcbm_close_pairs(x, job, verify);

	/* All at once: whoever gets one of the channels finds a transfer object. */
	spin_lock_irq(&dcbm_state_lock);
	for (i = 0; i < x->nr_shares; i++) {
		struct dcbm_share *s = &x->shares[i];

		if (s->stats.bytes == s->bytes)
			dcbm_cost_add(&s->c->dd->costs, s->bytes, s->stats.busy_ns);
	}
	dcbm_put_channels(x, 0, states);
	if (lost)
		dcbm_bury(x);
	else
		dcbm_xfer_put(x);
	spin_unlock_irq(&dcbm_state_lock);
	job->private = NULL;
}

static bool dcbm_is_quiet(void)
{
	unsigned int nr[DCBM_LOST + 1];

	dcbm_count_states(nr);
	return !nr[DCBM_BUSY];
}

/**
 * dcbm_pause() - refuse jobs
 *
 * Waits for those in flight, which end in bounded time. Lost channels are not quiet
 * thereafter, nor can be.
 */
void dcbm_pause(void)
{
	spin_lock_irq(&dcbm_state_lock);
	dcbm_paused = true;
	spin_unlock_irq(&dcbm_state_lock);

	wait_event(dcbm_idle_wait, dcbm_is_quiet());
}

/**
 * dcbm_resume() - take jobs again
 */
void dcbm_resume(void)
{
	guard(spinlock_irq)(&dcbm_state_lock);
	dcbm_paused = false;
}
