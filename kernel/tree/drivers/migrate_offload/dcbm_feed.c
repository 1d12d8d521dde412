// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: descriptors, and their results
 *
 * Each share is cut into pieces, one descriptor each. What a channel does not
 * accept at once is submitted in wait(), when its first pieces are through.
 *
 * Each piece has its own callback and its own result: engines may complete out
 * of order, and a folio has been copied when the bytes of its good pieces add up
 * to its size, and not before. How far the channel's cookies have got is never
 * asked (idxd cannot tell).
 */

#include <linux/align.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/minmax.h>

#include "dcbm_xfer.h"

/* The engine may begin when it has been given so many descriptors. */
#define DCBM_ISSUE_EVERY	32

static u64 dcbm_piece_param(const struct dcbm_piece *piece)
{
	return (unsigned long)piece | piece->generation;
}

static bool dcbm_has_piece(const struct dcbm_share *s)
{
	return s->free != DCBM_NO_PIECE || s->unused < s->end_pieces;
}

/* A piece for the next descriptor of a share; it has one when this is called. */
static struct dcbm_piece *dcbm_piece_begin(struct dcbm_xfer *x,
					   struct dcbm_share *s, u32 bytes)
{
	struct dcbm_piece *piece;

	lockdep_assert_held(&x->lock);

	if (s->free != DCBM_NO_PIECE) {
		piece = &x->pieces[s->free];
		s->free = piece->next;
	} else {
		piece = &x->pieces[s->unused++];
	}
	piece->generation = (piece->generation + 1) % DCBM_GENERATIONS;
	piece->share = s - x->shares;
	piece->seg = s->seg;
	piece->offset = s->offset;
	piece->bytes = bytes;
	piece->in_flight = true;
	if (!s->begin)
		s->begin = ktime_get();
	s->in_flight++;
	x->in_flight++;
	return piece;
}

/**
 * dcbm_piece_end() - a descriptor is over
 * @piece: its piece
 *
 * Under dcbm_xfer.lock.
 */
void dcbm_piece_end(struct dcbm_piece *piece)
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

/**
 * dcbm_piece_fail() - the folios of a piece are not copied by it
 * @piece: the piece
 * @bad: why, a DCBM_PAIR_* bit
 *
 * Under dcbm_xfer.lock.
 */
void dcbm_piece_fail(struct dcbm_piece *piece, u8 bad)
{
	struct dcbm_seg *seg = &piece->x->segs[piece->seg];
	u32 offset = piece->offset, left = piece->bytes, n;

	lockdep_assert_held(&piece->x->lock);

	for (; left; left -= n, seg++, offset = 0) {
		n = min(left, seg->bytes - offset);
		piece->x->pairs[seg->pair].bad |= bad;
		if (bad & DCBM_PAIR_LOST)
			seg->lost = true;
	}
}

static void dcbm_piece_good(struct dcbm_piece *piece)
{
	struct dcbm_seg *seg = &piece->x->segs[piece->seg];
	u32 offset = piece->offset, left = piece->bytes, n;

	lockdep_assert_held(&piece->x->lock);

	for (; left; left -= n, seg++, offset = 0) {
		n = min(left, seg->bytes - offset);
		piece->x->pairs[seg->pair].good += n;
	}
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
		dcbm_piece_good(piece);
		s->stats.bytes += piece->bytes;
	} else if (result && result->result == DMA_TRANS_ABORTED &&
		   !s->c->dd->abort_quiet) {
		/*
		 * The provider has given it up, and it is not known whether the
		 * engine has, too. Nobody will ever tell: do not wait.
		 */
		dcbm_piece_fail(piece, DCBM_PAIR_LOST);
		s->stats.errors++;
		s->stats.lost++;
		s->unproven++;
	} else {
		dcbm_piece_fail(piece, DCBM_PAIR_FAILED);
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

/**
 * dcbm_feed_begin() - get a transfer ready to be fed
 * @x: the transfer, divided
 *
 * Nobody calls back yet: no lock.
 */
void dcbm_feed_begin(struct dcbm_xfer *x)
{
	unsigned int i, each = DCBM_MAX_PIECES / x->nr_shares;

	x->in_flight = 0;
	x->hungry = false;
	x->last_done = jiffies;
	x->strays = 0;
	x->polled = false;
	x->slept = false;
	for (i = 0; i < x->nr_shares; i++) {
		struct dcbm_share *s = &x->shares[i];
		unsigned int nr_free = each;

		if (s->c->dd->depth)
			nr_free = min(nr_free, s->c->dd->depth);
		/* A list of all would be longer than most jobs. */
		s->free = DCBM_NO_PIECE;
		s->unused = i * each;
		s->end_pieces = s->unused + nr_free;
		s->seg = s->first;
		s->offset = 0;
		s->tries = 0;
		s->in_flight = 0;
		s->wake_at = -1;
		s->unproven = 0;
		s->is_lost = false;
		s->begin = 0;
		s->end = 0;
		s->stats = (struct dcbm_stats) { .jobs = 1 };
	}
}

static void dcbm_advance(struct dcbm_xfer *x, struct dcbm_share *s, u32 bytes)
{
	s->left -= bytes;
	s->offset += bytes;
	while (s->seg < s->first + s->nr && s->offset >= x->segs[s->seg].bytes) {
		s->offset -= x->segs[s->seg].bytes;
		s->seg++;
	}
}

/* The next piece of a share, or NULL: nothing is left, or nothing is free. */
static struct dcbm_piece *dcbm_next_piece(struct dcbm_xfer *x,
					  struct dcbm_share *s, unsigned int *nr_copies)
{
	struct dcbm_seg *seg;

	lockdep_assert_held(&x->lock);

	if (s->stats.lost)
		s->left = 0;

	/* Nothing is gained by the rest of a folio of which a part is not copied. */
	for (; s->left; dcbm_advance(x, s, seg->bytes - s->offset)) {
		seg = &x->segs[s->seg];
		if (x->pairs[seg->pair].bad)
			continue;
		if (!dcbm_has_piece(s))
			return NULL;
		return dcbm_piece_begin(x, s, dcbm_sg_gather(x, s, nr_copies));
	}
	return NULL;
}

/**
 * dcbm_feed() - submit as much of a share as the channel takes now
 * @x: the transfer
 * @s: the share
 *
 * Called by the task only, in submit() and in wait().
 */
void dcbm_feed(struct dcbm_xfer *x, struct dcbm_share *s)
{
	unsigned int nr = 0, nr_copies, max = DCBM_MAX_PIECES / x->nr_shares;
	struct dma_chan *chan = s->c->chan;
	struct dma_async_tx_descriptor *tx;
	struct dcbm_piece *piece;
	void *param;
	u32 bytes;

	/* Not more than once around, or a fast engine would starve the others. */
	while (nr < max) {
		spin_lock_irq(&x->lock);
		piece = dcbm_next_piece(x, s, &nr_copies);
		if (piece) {
			param = (void *)dcbm_piece_param(piece);
			bytes = piece->bytes;
		}
		spin_unlock_irq(&x->lock);
		if (!piece)
			break;

		/*
		 * The two belong together: ioat and switchtec hold a lock from
		 * prep to submit. idxd sleeps in prep, ae4dma takes a mutex.
		 */
		tx = dcbm_sg_prep(x, chan, nr_copies);
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
		if (tx) {
			dcbm_piece_fail(piece, DCBM_PAIR_REFUSED);
			s->stats.submit_failed++;
		}
		if (piece->in_flight && (void *)dcbm_piece_param(piece) == param)
			dcbm_piece_end(piece);
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
	else if (!dcbm_has_piece(s) || nr < max)
		s->wake_at = s->in_flight / 2;
	else
		s->wake_at = s->in_flight;
	spin_unlock_irq(&x->lock);

	if (nr % DCBM_ISSUE_EVERY)
		dma_async_issue_pending(chan);
}
