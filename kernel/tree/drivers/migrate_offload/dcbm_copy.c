// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: copying the folios of a job
 *
 * A job gets the idle channels of one DMA device, as many as its bytes are
 * worth. Every folio is mapped once. Seen as one string of bytes, the folios are
 * cut into as many shares as there are channels, so that also a single large
 * folio is copied by all of them, and each share into pieces, one descriptor
 * each. What a channel does not accept at once is submitted in wait(), when its
 * first pieces are through.
 *
 * Each piece has its own callback and its own result: engines may complete out
 * of order, and a folio has been copied when the bytes of its good pieces add up
 * to its size, and not before. How far the channel's cookies have got is never
 * asked (idxd cannot tell).
 *
 * From submit() to the end of wait() nothing is allocated, no channel is
 * requested, and no lock is taken that is held across either; but the provider's
 * prep may sleep until another of its descriptors is through.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/align.h>
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "dcbm.h"

/*
 * No API tells how many descriptors a channel has, or whether prep fails for
 * good; many providers have one again only a moment after the callback. With
 * nothing in flight, prep is tried so often, the first times without a pause and
 * then with a short sleep in between.
 */
#define DCBM_PREP_TRIES		32
#define DCBM_PREP_SPINS		16
#define DCBM_PREP_PAUSE_US	50

/* The engine may begin when it has been given so many descriptors. */
#define DCBM_ISSUE_EVERY	32

/* A channel that takes nothing of so many jobs in a row is taken for dead. */
#define DCBM_MAX_STRIKES	8

/* On top of the time-out: no engine worth having is slower than 64 MiB/s. */
#define DCBM_BYTES_PER_MS	SZ_64K

/* What may be wrong with a pair */
#define DCBM_PAIR_UNMAPPED	BIT(0)
#define DCBM_PAIR_REFUSED	BIT(1)	/* a piece was not accepted */
#define DCBM_PAIR_FAILED	BIT(2)	/* a piece failed */
#define DCBM_PAIR_TIMED_OUT	BIT(3)	/* a piece was stopped */
#define DCBM_PAIR_LOST		BIT(4)	/* a piece may still be at work */

/**
 * struct dcbm_pair - one folio to be copied
 * @src: where the engine finds the source
 * @dst: where it finds the destination
 * @bytes: size
 * @good: bytes that have been copied; as long as the pair is in flight, under
 *	dcbm_xfer.lock
 * @bad: DCBM_PAIR_* bits, likewise
 */
struct dcbm_pair {
	dma_addr_t src;
	dma_addr_t dst;
	u32 bytes;
	u32 good;
	u8 bad;
};

/*
 * A callback is given the address of its piece and, in the low bits, the piece's
 * generation. So one that comes when the piece is over does no harm: idxd may
 * call back although it refused the descriptor in submit.
 */
#define DCBM_GENERATIONS	64

/**
 * struct dcbm_piece - one descriptor
 * @x: the transfer it belongs to, for good
 * @bytes: length
 * @pair: index of the pair
 * @share: index of the share
 * @next: index of the next free piece of the share
 * @generation: how often it has been used, modulo DCBM_GENERATIONS
 * @in_flight: may be called back
 *
 * Protected by dcbm_xfer.lock.
 */
struct dcbm_piece {
	struct dcbm_xfer *x;
	u32 bytes;
	u16 pair;
	u16 share;
	u16 next;
	u8 generation;
	bool in_flight;
} __aligned(DCBM_GENERATIONS);

#define DCBM_NO_PIECE		U16_MAX

/**
 * struct dcbm_share - what one channel does of a transfer
 * @c: the channel
 * @pair: index of the pair that the next piece is of
 * @offset: where in the pair it begins
 * @left: bytes of the share that have not been submitted
 * @tries: how often in a row prep failed with nothing in flight
 * @free: index of the first free piece
 * @in_flight: pieces in flight
 * @wake_at: with so few pieces in flight, the waiter can submit more; or -1
 * @begin: when the first piece was issued
 * @end: when the last one was through
 * @stats: counters of the channel, for this transfer
 *
 * Up to @tries it is of the task, and the rest is protected by dcbm_xfer.lock.
 */
struct dcbm_share {
	struct dcbm_chan *c;
	u32 pair;
	u32 offset;
	u64 left;
	unsigned int tries;
	u16 free;
	int in_flight;
	int wake_at;
	ktime_t begin;
	ktime_t end;
	struct dcbm_stats stats;
};

/**
 * struct dcbm_xfer - a job on its way
 * @node: in dcbm_free_xfers, or in dcbm_lost_xfers
 * @dd: device of all its channels
 * @nr_pairs: how many pairs are used
 * @nr_shares: how many shares
 * @nr_full: pairs of the job that did not fit
 * @lock: protects what callbacks and the task share
 * @wait: where the task waits
 * @in_flight: pieces in flight, of all shares
 * @hungry: a share can submit more
 * @last_done: when a callback came last, or the job began, in jiffies
 * @strays: callbacks of pieces that were over
 * @shares: the shares
 * @pairs: the pairs, in the order of the job
 * @pieces: the pieces; an equal part of them for each share
 *
 * It is dcbm's, not the job's, because callbacks may come when the job is long
 * over. Each piece of memory that an engine may still access when wait() returns
 * has its mappings described here, and then this stays for ever.
 */
struct dcbm_xfer {
	struct list_head node;
	struct dcbm_device *dd;
	unsigned int nr_pairs;
	unsigned int nr_shares;
	unsigned int nr_full;
	spinlock_t lock;		/* see above */
	wait_queue_head_t wait;
	int in_flight;
	bool hungry;
	unsigned long last_done;
	u64 strays;
	struct dcbm_share shares[DCBM_MAX_CHANNELS];
	struct dcbm_pair pairs[DCBM_MAX_PAIRS];
	struct dcbm_piece pieces[DCBM_MAX_PIECES];
};

/* Both under dcbm_state_lock */
static LIST_HEAD(dcbm_free_xfers);
static LIST_HEAD(dcbm_lost_xfers);

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

	list_for_each_entry_safe(x, next, &dcbm_free_xfers, node)
		kvfree(x);
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
		if (!x) {
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

static u64 dcbm_piece_param(const struct dcbm_piece *piece)
{
	return (unsigned long)piece | piece->generation;
}

/* A piece for the next descriptor of a share; it has one when this is called. */
static struct dcbm_piece *dcbm_piece_begin(struct dcbm_xfer *x,
					   struct dcbm_share *s, u32 bytes)
{
	struct dcbm_piece *piece = &x->pieces[s->free];

	lockdep_assert_held(&x->lock);

	s->free = piece->next;
	piece->generation = (piece->generation + 1) % DCBM_GENERATIONS;
	piece->share = s - x->shares;
	piece->pair = s->pair;
	piece->bytes = bytes;
	piece->in_flight = true;
	if (!s->begin)
		s->begin = ktime_get();
	s->in_flight++;
	x->in_flight++;
	return piece;
}

static void dcbm_piece_end(struct dcbm_piece *piece)
{
	struct dcbm_xfer *x = piece->x;
	struct dcbm_share *s = &x->shares[piece->share];

	lockdep_assert_held(&x->lock);

	piece->in_flight = false;
	piece->next = s->free;
	s->free = piece - x->pieces;
	x->in_flight--;
	if (!--s->in_flight)
		s->end = ktime_get();
}

/*
 * A descriptor is through. May be called in any context but NMI, also from
 * within submit or issue_pending, with locks of the provider held.
 *
 * The residue is not looked at: ioat and idxd pass what was on the stack.
 */
static void dcbm_piece_done(void *param, const struct dmaengine_result *result)
{
	unsigned long addr = (unsigned long)param;
	struct dcbm_piece *piece = (void *)ALIGN_DOWN(addr, DCBM_GENERATIONS);
	struct dcbm_xfer *x = piece->x;
	struct dcbm_share *s;
	unsigned long flags;

	/*
	 * The waiter takes the lock before it lets go of the transfer object: it
	 * sees the result, and the lock is the last thing touched here.
	 */
	spin_lock_irqsave(&x->lock, flags);
	if (!piece->in_flight || dcbm_piece_param(piece) != addr) {
		x->strays++;
		goto out;
	}

	s = &x->shares[piece->share];
	if (result && result->result == DMA_TRANS_NOERROR) {
		x->pairs[piece->pair].good += piece->bytes;
		s->stats.bytes += piece->bytes;
	} else if (result && result->result == DMA_TRANS_ABORTED &&
		   !x->dd->abort_quiet) {
		/*
		 * The provider has given it up, and it is not known whether the
		 * engine has, too. Nobody will ever tell: do not wait.
		 */
		x->pairs[piece->pair].bad |= DCBM_PAIR_LOST;
		s->stats.errors++;
		s->stats.lost++;
	} else {
		x->pairs[piece->pair].bad |= DCBM_PAIR_FAILED;
		s->stats.errors++;
	}
	dcbm_piece_end(piece);

	WRITE_ONCE(x->last_done, jiffies);
	if (s->in_flight <= s->wake_at)
		x->hungry = true;
	if (x->hungry || !x->in_flight)
		wake_up(&x->wait);
out:
	spin_unlock_irqrestore(&x->lock, flags);
}

/* Give a job a transfer object and the channels of one device. */
static struct dcbm_xfer *dcbm_xfer_get(struct migrate_job *job)
{
	int best_distance = INT_MAX, distance;
	unsigned int nr, idle, best_idle = 0;
	struct dcbm_device *dd, *best = NULL;
	struct dcbm_xfer *x;
	struct dcbm_chan *c;
	u64 chunks;

	chunks = div64_u64(job->bytes, READ_ONCE(dcbm_min_chunk));
	nr = clamp_t(u64, chunks, 1, DCBM_MAX_CHANNELS);

	guard(spinlock_irq)(&dcbm_state_lock);

	list_for_each_entry(dd, &dcbm_devices, node) {
		if (dd->closing)
			continue;
		idle = 0;
		list_for_each_entry(c, &dd->chans, node)
			idle += c->state == DCBM_IDLE;
		if (!idle)
			continue;
		if (dd->nid == NUMA_NO_NODE || job->dst_nid == NUMA_NO_NODE)
			distance = REMOTE_DISTANCE;
		else
			distance = node_distance(dd->nid, job->dst_nid);
		if (distance < best_distance ||
		    (distance == best_distance && idle > best_idle)) {
			best_distance = distance;
			best_idle = idle;
			best = dd;
		}
	}

	x = list_first_entry_or_null(&dcbm_free_xfers, struct dcbm_xfer, node);
	if (!best || !x) {
		dcbm_totals.busy++;
		return NULL;
	}

	list_del(&x->node);
	x->dd = best;
	x->nr_shares = 0;
	list_for_each_entry(c, &best->chans, node) {
		if (x->nr_shares == nr)
			break;
		if (c->state != DCBM_IDLE)
			continue;
		c->state = DCBM_BUSY;
		x->shares[x->nr_shares++].c = c;
	}
	dcbm_totals.jobs++;
	return x;
}

static void dcbm_stats_add(struct dcbm_stats *to, const struct dcbm_stats *from)
{
	to->jobs += from->jobs;
	to->descs += from->descs;
	to->bytes += from->bytes;
	to->errors += from->errors;
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
	x->nr_shares = first;
	wake_up_all(&dcbm_idle_wait);
}

static bool dcbm_map_pair(struct dcbm_xfer *x, struct dcbm_pair *p,
			  struct migrate_pair *pair)
{
	struct dcbm_device *dd = x->dd;

	p->bytes = pair->bytes;
	p->good = 0;
	p->bad = 0;

	p->src = dma_map_page_attrs(dd->dev, folio_page(pair->src, 0), 0, p->bytes,
				    DMA_TO_DEVICE, dd->attrs);
	if (dma_mapping_error(dd->dev, p->src))
		goto fail;

	p->dst = dma_map_page_attrs(dd->dev, folio_page(pair->dst, 0), 0, p->bytes,
				    DMA_FROM_DEVICE, dd->attrs);
	if (dma_mapping_error(dd->dev, p->dst))
		goto fail_dst;

	if (IS_ALIGNED(p->src | p->dst | p->bytes, 1UL << dd->align))
		return true;

	dma_unmap_page_attrs(dd->dev, p->dst, p->bytes, DMA_FROM_DEVICE, dd->attrs);
fail_dst:
	dma_unmap_page_attrs(dd->dev, p->src, p->bytes, DMA_TO_DEVICE, dd->attrs);
fail:
	p->bad = DCBM_PAIR_UNMAPPED;
	return false;
}

static void dcbm_unmap_pair(struct dcbm_xfer *x, struct dcbm_pair *p)
{
	struct dcbm_device *dd = x->dd;

	dma_unmap_page_attrs(dd->dev, p->dst, p->bytes, DMA_FROM_DEVICE, dd->attrs);
	dma_unmap_page_attrs(dd->dev, p->src, p->bytes, DMA_TO_DEVICE, dd->attrs);
}

/* Map what the job has. Returns the number of bytes mapped. */
static u64 dcbm_map_job(struct dcbm_xfer *x, struct migrate_job *job)
{
	u64 bytes = 0;
	unsigned int i;

	x->nr_pairs = min_t(u32, job->nr, DCBM_MAX_PAIRS);
	x->nr_full = job->nr - x->nr_pairs;
	for (i = 0; i < x->nr_pairs; i++)
		if (dcbm_map_pair(x, &x->pairs[i], migrate_job_pair(job, i)))
			bytes += x->pairs[i].bytes;
	return bytes;
}

/*
 * Cut the mapped bytes into shares, as equal as whole chunks allow: a folio that
 * can go to one channel as a whole is not split, and no piece is shorter than a
 * chunk but for a folio's tail. All is a multiple of the page size, and so of any
 * alignment an engine may ask for.
 */
static void dcbm_divide(struct dcbm_xfer *x, u64 bytes)
{
	u32 chunk = READ_ONCE(dcbm_min_chunk);
	u32 pair = 0, offset = 0;
	unsigned int i, j, nr_free;

	for (i = 0; i < x->nr_shares && bytes; i++) {
		struct dcbm_share *s = &x->shares[i];
		u64 want;

		s->pair = pair;
		s->offset = offset;
		s->left = 0;

		want = roundup(DIV_ROUND_UP_ULL(bytes, x->nr_shares - i), chunk);
		if (i == x->nr_shares - 1)
			want = bytes;

		while (s->left < want && pair < x->nr_pairs) {
			struct dcbm_pair *p = &x->pairs[pair];
			u64 rest = p->bytes - offset;
			u64 take = min(rest, want - s->left);

			if (p->bad) {
				pair++;
				continue;
			}
			/* A cut in the folio: too close to its end, to its beginning? */
			if (take < rest) {
				if (rest - take < chunk)
					take = rest;
				else if (take < chunk && s->left)
					break;
			}
			s->left += take;
			offset += take;
			if (offset == p->bytes) {
				offset = 0;
				pair++;
			}
		}
		bytes -= s->left;
	}
	WARN_ON_ONCE(bytes);

	/* Not all could be mapped, or not cut evenly: some have nothing to do. */
	if (i < x->nr_shares) {
		spin_lock_irq(&dcbm_state_lock);
		dcbm_put_channels(x, i, NULL);
		spin_unlock_irq(&dcbm_state_lock);
	}

	/* Nobody calls back yet: no lock. */
	x->in_flight = 0;
	x->hungry = false;
	x->last_done = jiffies;
	x->strays = 0;
	nr_free = DCBM_MAX_PIECES / x->nr_shares;
	if (x->dd->depth)
		nr_free = min(nr_free, x->dd->depth);
	for (i = 0; i < x->nr_shares; i++) {
		struct dcbm_share *s = &x->shares[i];

		s->free = DCBM_NO_PIECE;
		for (j = 0; j < nr_free; j++) {
			struct dcbm_piece *piece = &x->pieces[i * nr_free + j];

			piece->next = s->free;
			s->free = piece - x->pieces;
		}
		s->tries = 0;
		s->in_flight = 0;
		s->wake_at = -1;
		s->begin = 0;
		s->end = 0;
		s->stats = (struct dcbm_stats) { .jobs = 1 };
	}
}

static void dcbm_advance(struct dcbm_xfer *x, struct dcbm_share *s, u32 bytes)
{
	s->offset += bytes;
	s->left -= bytes;
	if (s->offset == x->pairs[s->pair].bytes) {
		s->offset = 0;
		s->pair++;
	}
}

/*
 * Submit as much of a share as the channel takes now. Called by the task only,
 * in submit() and in wait().
 */
static void dcbm_feed(struct dcbm_xfer *x, struct dcbm_share *s)
{
	struct dma_chan *chan = s->c->chan;
	struct dma_async_tx_descriptor *tx;
	struct dcbm_piece *piece;
	u32 max_piece, bytes;
	struct dcbm_pair *p;
	unsigned int nr = 0;
	void *param;

	max_piece = READ_ONCE(dcbm_max_chunk) ?: U32_MAX;
	max_piece = min_t(size_t, max_piece, x->dd->max_piece);

	/* Not more than once around, or a fast engine would starve the others. */
	while (s->left && nr < DCBM_MAX_PIECES / x->nr_shares) {
		p = &x->pairs[s->pair];
		bytes = min_t(u64, p->bytes - s->offset, s->left);

		spin_lock_irq(&x->lock);
		if (s->stats.lost) {
			spin_unlock_irq(&x->lock);
			s->left = 0;
			break;
		}
		if (p->bad & DCBM_PAIR_UNMAPPED) {
			/* Not part of any share */
			spin_unlock_irq(&x->lock);
			s->pair++;
			continue;
		}
		if (p->bad) {
			/* Nothing is gained by the rest of it. */
			spin_unlock_irq(&x->lock);
			dcbm_advance(x, s, bytes);
			continue;
		}
		if (s->free == DCBM_NO_PIECE) {
			spin_unlock_irq(&x->lock);
			break;
		}
		bytes = min(bytes, max_piece);
		piece = dcbm_piece_begin(x, s, bytes);
		param = (void *)dcbm_piece_param(piece);
		spin_unlock_irq(&x->lock);

		/*
		 * The two belong together: ioat and switchtec hold a lock from
		 * prep to submit. idxd sleeps in prep, ae4dma takes a mutex.
		 */
		tx = dmaengine_prep_dma_memcpy(chan, p->dst + s->offset,
					       p->src + s->offset, bytes,
					       DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
		if (tx) {
			dma_cookie_t cookie;

			tx->callback_result = dcbm_piece_done;
			tx->callback_param = param;
			cookie = dmaengine_submit(tx);
			if (!dma_submit_error(cookie)) {
				s->tries = 0;
				dcbm_advance(x, s, bytes);
				if (++nr % DCBM_ISSUE_EVERY == 0)
					dma_async_issue_pending(chan);
				continue;
			}
		}

		/* There is no callback to come, or it does not count. */
		spin_lock_irq(&x->lock);
		if (piece->in_flight && (void *)dcbm_piece_param(piece) == param)
			dcbm_piece_end(piece);
		if (tx) {
			p->bad |= DCBM_PAIR_REFUSED;
			s->stats.submit_failed++;
		}
		spin_unlock_irq(&x->lock);
		if (!tx)
			break;
		s->tries = 0;
	}

	spin_lock_irq(&x->lock);
	s->stats.descs += nr;
	/* By then, so many descriptors are free again that it is worth waking up. */
	if (!s->left)
		s->wake_at = -1;
	else if (s->free == DCBM_NO_PIECE || nr < DCBM_MAX_PIECES / x->nr_shares)
		s->wake_at = s->in_flight / 2;
	else
		s->wake_at = s->in_flight;
	spin_unlock_irq(&x->lock);

	if (nr % DCBM_ISSUE_EVERY)
		dma_async_issue_pending(chan);
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
	unsigned int i;
	u64 bytes;

	x = dcbm_xfer_get(job);
	if (!x)
		return -EBUSY;

	bytes = dcbm_map_job(x, job);
	if (!bytes) {
		spin_lock_irq(&dcbm_state_lock);
		dcbm_totals.refused_map += x->nr_pairs;
		dcbm_totals.refused_full += x->nr_full;
		dcbm_put_channels(x, 0, NULL);
		list_add(&x->node, &dcbm_free_xfers);
		spin_unlock_irq(&dcbm_state_lock);
		return -EIO;
	}

	dcbm_divide(x, bytes);
	for (i = 0; i < x->nr_shares; i++) {
		dcbm_feed(x, &x->shares[i]);
		cond_resched();
	}

	job->private = x;
	return 0;
}

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

/* What has not been submitted will not be. */
static void dcbm_drop_rest(struct dcbm_xfer *x)
{
	unsigned int i;

	for (i = 0; i < x->nr_shares; i++)
		x->shares[i].left = 0;
}

/*
 * Until all is through, or the time is. A descriptor that is not through by then
 * may cost its pages for ever, so an engine that is only slow is given a second
 * chance: to finish, once, what it has.
 */
static void dcbm_wait_for_engines(struct dcbm_xfer *x, u64 bytes)
{
	unsigned long timeout = msecs_to_jiffies(READ_ONCE(dcbm_timeout_ms));
	unsigned long deadline = jiffies + timeout +
				 msecs_to_jiffies(div_u64(bytes, DCBM_BYTES_PER_MS));
	ktime_t poll_until = ktime_add_us(ktime_get(), READ_ONCE(dcbm_poll_us));
	bool last = false;
	unsigned int tries;

	while (dcbm_progress(x, &tries)) {
		if (tries > DCBM_PREP_SPINS)
			usleep_range(DCBM_PREP_PAUSE_US, 2 * DCBM_PREP_PAUSE_US);
		else if (tries)
			udelay(1);
		else if (!dcbm_poll(x, poll_until))
			wait_event_timeout(x->wait, dcbm_has_news(x),
					   max(1L, (long)(deadline - jiffies)));
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

/*
 * A channel has not done in time what it was given. What did complete is judged
 * by its result; for the rest the question is whether the engine has stopped.
 */
static enum dcbm_state dcbm_stop(struct dcbm_xfer *x, struct dcbm_share *s)
{
	struct dcbm_device *dd = x->dd;
	unsigned int i, nr = 0;
	bool quiet;

	quiet = dd->terminate_quiet && !dmaengine_terminate_sync(s->c->chan);

	spin_lock_irq(&x->lock);
	for (i = 0; i < DCBM_MAX_PIECES; i++) {
		struct dcbm_piece *piece = &x->pieces[i];

		if (!piece->in_flight || &x->shares[piece->share] != s)
			continue;
		nr++;
		if (quiet) {
			x->pairs[piece->pair].bad |= DCBM_PAIR_TIMED_OUT;
			dcbm_piece_end(piece);
		} else {
			/* It stays in flight: its callback may still come. */
			x->pairs[piece->pair].bad |= DCBM_PAIR_LOST;
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
		pr_warn("%s (%s) did not finish %u descriptors in time: stopped, not used until dcbm is enabled again\n",
			s->c->name, dd->provider, nr);
	return quiet ? DCBM_QUARANTINED : DCBM_LOST;
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
	} else if (s->stats.descs) {
		s->c->strikes = 0;
	} else if ((s->stats.prep_failed || s->stats.submit_failed) &&
		   ++s->c->strikes == DCBM_MAX_STRIKES) {
		pr_warn("%s (%s) accepts nothing: not used until dcbm is enabled again\n",
			s->c->name, x->dd->provider);
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

/* Unmap the pairs and tell the core. Returns true if some are lost. */
static bool dcbm_close_pairs(struct dcbm_xfer *x, struct migrate_job *job)
{
	unsigned int nr[MIGRATE_PAIR_LOST + 1] = { }, unmapped = 0;
	enum migrate_pair_status status;
	unsigned int i;

	for (i = 0; i < x->nr_pairs; i++) {
		struct dcbm_pair *p = &x->pairs[i];

		status = dcbm_judge(p);
		if (p->bad & DCBM_PAIR_UNMAPPED)
			unmapped++;
		else if (status != MIGRATE_PAIR_LOST)
			/* For some devices, the copy is complete only then. */
			dcbm_unmap_pair(x, p);
		migrate_job_pair(job, i)->status = status;
		nr[status]++;
	}
	for (; i < job->nr; i++)
		migrate_job_pair(job, i)->status = MIGRATE_PAIR_REFUSED;

	spin_lock_irq(&dcbm_state_lock);
	dcbm_totals.copied += nr[MIGRATE_PAIR_COPIED];
	dcbm_totals.failed += nr[MIGRATE_PAIR_FAILED];
	dcbm_totals.timed_out += nr[MIGRATE_PAIR_TIMED_OUT];
	dcbm_totals.lost += nr[MIGRATE_PAIR_LOST];
	dcbm_totals.refused_map += unmapped;
	dcbm_totals.refused_engine += nr[MIGRATE_PAIR_REFUSED] - unmapped;
	dcbm_totals.refused_full += x->nr_full;
	dcbm_totals.strays += x->strays;
	spin_unlock_irq(&dcbm_state_lock);

	return nr[MIGRATE_PAIR_LOST];
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
	bool lost = false;
	unsigned int i;

	dcbm_wait_for_engines(x, job->bytes);

	for (i = 0; i < x->nr_shares; i++) {
		struct dcbm_share *s = &x->shares[i];

		states[i] = dcbm_close_share(x, s);
		lost |= states[i] == DCBM_LOST;
		if (!s->stats.descs)
			continue;
		job->busy_ns += s->stats.busy_ns;
		begin = min(begin, s->begin);
		end = max(end, s->end);
	}
	if (job->busy_ns)
		job->ns = ktime_to_ns(ktime_sub(end, begin));

	/* In this order: unmapping needs the device, which goes with its channels. */
	lost |= dcbm_close_pairs(x, job);

	/* All at once: whoever gets one of the channels finds a transfer object. */
	spin_lock_irq(&dcbm_state_lock);
	dcbm_put_channels(x, 0, states);
	list_add(&x->node, lost ? &dcbm_lost_xfers : &dcbm_free_xfers);
	spin_unlock_irq(&dcbm_state_lock);
	job->private = NULL;
}
