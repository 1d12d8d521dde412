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

#include "dcbm_xfer.h"

/* The engine may begin when it has been given so many descriptors. */
#define DCBM_ISSUE_EVERY	32

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

/**
 * dcbm_feed_begin() - get the shares of a transfer ready to be fed
 * @x: the transfer
 *
 * Nobody calls back yet: no lock.
 */
void dcbm_feed_begin(struct dcbm_xfer *x)
{
	unsigned int i, j, nr_free;

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

/**
 * dcbm_feed() - submit as much of a share as the channel takes now
 * @x: the transfer
 * @s: the share
 *
 * Called by the task only, in submit() and in wait().
 */
void dcbm_feed(struct dcbm_xfer *x, struct dcbm_share *s)
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
