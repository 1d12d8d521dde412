/* SPDX-License-Identifier: GPL-2.0-only */
/* DCBM: a job on its way, as those files see it that copy */
#ifndef _DCBM_XFER_H
#define _DCBM_XFER_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/ktime.h>
#include <linux/types.h>

#include "dcbm.h"

/* What may be wrong with a pair */
#define DCBM_PAIR_UNMAPPED	BIT(0)
#define DCBM_PAIR_REFUSED	BIT(1)	/* a piece was not accepted */
#define DCBM_PAIR_FAILED	BIT(2)	/* a piece failed */
#define DCBM_PAIR_TIMED_OUT	BIT(3)	/* a piece was stopped */
#define DCBM_PAIR_LOST		BIT(4)	/* a piece may still be at work */

/**
 * struct dcbm_pair - one folio to be copied
 * @bytes: size
 * @good: bytes that have been copied; as long as the pair is in flight, under
 *	dcbm_xfer.lock
 * @bad: DCBM_PAIR_* bits, likewise
 * @src: source, if the pair is lost: with a reference, beside the core's
 * @dst: destination, likewise
 */
struct dcbm_pair {
	u32 bytes;
	u32 good;
	u8 bad;
	struct folio *src;
	struct folio *dst;
};

/**
 * enum dcbm_seg_state - how the device of a channel finds a segment
 * @DCBM_SEG_UNMAPPED: not at all
 * @DCBM_SEG_MAPPED: by mappings of its own
 * @DCBM_SEG_SPANNED: by mappings that it shares with its neighbours of the same folio
 * @DCBM_SEG_LINKED: in the windows of the channel, behind the segment before it
 */
enum dcbm_seg_state {
	DCBM_SEG_UNMAPPED,
	DCBM_SEG_MAPPED,
	DCBM_SEG_SPANNED,
	DCBM_SEG_LINKED,
};

/**
 * struct dcbm_seg - what one channel copies of one folio
 * @src: where the engine finds the source
 * @dst: where it finds the destination
 * @offset: where in the folio it begins
 * @bytes: length
 * @pair: index of the pair
 * @state: an &enum dcbm_seg_state
 * @span: index of its span, if it has one
 * @lost: a piece of it may still be at work; under dcbm_xfer.lock
 *
 * Mapped for its device, so that a folio can be copied by channels of several.
 */
struct dcbm_seg {
	dma_addr_t src;
	dma_addr_t dst;
	u32 offset;
	u32 bytes;
	u16 pair;
	u8 state;
	u8 span;
	bool lost;
};

/**
 * struct dcbm_span - what the channels of one device copy of a folio that was cut
 * @dd: the device
 * @src: where the engines find the source
 * @dst: where they find the destination
 * @offset: where in the folio it begins
 * @bytes: length
 * @pair: index of the pair
 * @segs: how many segments still need it
 *
 * Of whoever has the transfer: the task of the job and, when that one has buried it,
 * who re-arms its channels.
 */
struct dcbm_span {
	struct dcbm_device *dd;
	dma_addr_t src;
	dma_addr_t dst;
	u32 offset;
	u32 bytes;
	u16 pair;
	u16 segs;
};

/* A share is cut at either end. */
#define DCBM_MAX_SPANS		(2 * DCBM_MAX_CHANNELS)
static_assert(DCBM_MAX_SPANS <= 256);	/* dcbm_seg.span */

/* Each share but the last may end within a folio. */
#define DCBM_MAX_SEGS		(DCBM_MAX_PAIRS + DCBM_MAX_CHANNELS)

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
 * @offset: where in its first segment it begins
 * @seg: index of its first segment; it may go on in those that follow
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
	u32 offset;
	u16 seg;
	u16 share;
	u16 next;
	u8 generation;
	bool in_flight;
} __aligned(DCBM_GENERATIONS);

#define DCBM_NO_PIECE		U16_MAX

/**
 * struct dcbm_share - what one channel does of a transfer
 * @c: the channel
 * @first: index of its first segment
 * @nr: how many segments it has
 * @seg: index of the segment that the next piece is of
 * @offset: where in that segment it begins
 * @left: bytes of the share that have not been submitted
 * @bytes: of the share
 * @is_lost: the channel was lost with it
 * @tries: how often in a row prep failed with nothing in flight
 * @free: index of the first of the pieces that were used and are free again
 * @unused: index of the first of those that were not used yet
 * @end_pieces: and behind the last of them
 * @in_flight: pieces in flight
 * @wake_at: with so few pieces in flight, the waiter can submit more; or -1
 * @unproven: pieces that were aborted, which does not prove that they are over
 * @begin: when the first piece was issued
 * @end: when the last one was through
 * @stats: counters of the channel, for this transfer
 *
 * Up to @tries it is of the task, and the rest is protected by dcbm_xfer.lock.
 */
struct dcbm_share {
	struct dcbm_chan *c;
	unsigned int first;
	unsigned int nr;
	unsigned int seg;
	u32 offset;
	u64 left;
	u64 bytes;
	bool is_lost;
	unsigned int tries;
	u16 free;
	u16 unused;
	u16 end_pieces;
	int in_flight;
	int wake_at;
	unsigned int unproven;
	ktime_t begin;
	ktime_t end;
	struct dcbm_stats stats;
};

/**
 * struct dcbm_xfer - a job on its way
 * @node: in dcbm_free_xfers, or in dcbm_lost_xfers
 * @lost_at: since when it is in the latter, in seconds since boot
 * @nr_pairs: how many pairs are used
 * @nr_segs: how many segments
 * @nr_spans: how many spans
 * @nr_shares: how many shares
 * @nr_full: pairs of the job that did not fit
 * @lock: protects what callbacks and the task share
 * @wait: where the task waits
 * @in_flight: pieces in flight, of all shares
 * @hungry: a share can submit more
 * @last_done: when a callback came last, or the job began, in jiffies
 * @strays: callbacks of pieces that were over
 * @slept: the task went to sleep
 * @polled: it polled
 * @page: where a page is copied to, to be compared
 * @sg_dst: where the next descriptor copies to; of the task
 * @sg_src: and where from, likewise
 * @shares: the shares, those of a device behind each other
 * @pairs: the pairs, in the order of the job
 * @spans: the spans, likewise
 * @segs: the segments, in the order of the pairs, and so in that of the shares
 * @pieces: the pieces; an equal part of them for each share
 *
 * It is dcbm's, not the job's, because callbacks may come when the job is long
 * over. Each piece of memory that an engine may still access when wait() returns
 * has its mappings described here, and this stays for as long as that is so.
 */
struct dcbm_xfer {
	struct list_head node;
	time64_t lost_at;
	unsigned int nr_pairs;
	unsigned int nr_segs;
	unsigned int nr_spans;
	unsigned int nr_shares;
	unsigned int nr_full;
	spinlock_t lock;		/* see above */
	wait_queue_head_t wait;
	int in_flight;
	bool hungry;
	unsigned long last_done;
	u64 strays;
	bool polled;
	bool slept;
	void *page;
	struct dma_vec sg_dst[DCBM_MAX_SG];
	struct dma_vec sg_src[DCBM_MAX_SG];
	struct dcbm_share shares[DCBM_MAX_CHANNELS];
	struct dcbm_pair pairs[DCBM_MAX_PAIRS];
	struct dcbm_span spans[DCBM_MAX_SPANS];
	struct dcbm_seg segs[DCBM_MAX_SEGS];
	struct dcbm_piece pieces[DCBM_MAX_PIECES];
};

/* dcbm_copy.c: transfer objects */

void dcbm_xfer_put(struct dcbm_xfer *x);

/* dcbm_divide.c: who copies what */

unsigned int dcbm_divide(struct dcbm_xfer *x, u64 bytes);

/* dcbm_map.c: making folios known to a device */

u64 dcbm_map_share(struct dcbm_xfer *x, struct dcbm_share *s,
		   struct migrate_job *job);
void dcbm_unmap_share(struct dcbm_xfer *x, struct dcbm_share *s);
bool __dcbm_seg_is_shared(const struct dcbm_xfer *x, const struct dcbm_share *s,
			  const struct dcbm_seg *seg);

/* Does the device of the share have more of the folio? */
static inline bool dcbm_seg_is_shared(const struct dcbm_xfer *x, const struct dcbm_share *s,
				      const struct dcbm_seg *seg)
{
	return seg->bytes != x->pairs[seg->pair].bytes && __dcbm_seg_is_shared(x, s, seg);
}

/* dcbm_sg.c: what goes into one descriptor */

u32 dcbm_sg_gather(struct dcbm_xfer *x, struct dcbm_share *s, unsigned int *nr);
struct dma_async_tx_descriptor *dcbm_sg_prep(struct dcbm_xfer *x, struct dma_chan *chan,
					     unsigned int nr);

/* dcbm_window.c: one piece of many folios, for a device behind an IOMMU */

u32 dcbm_window_link(struct dcbm_xfer *x, struct dcbm_share *s, struct migrate_job *job);
void dcbm_window_unlink_share(struct dcbm_xfer *x, struct dcbm_share *s);

/* dcbm_feed.c: descriptors, and their results */

void dcbm_feed_begin(struct dcbm_xfer *x);
void dcbm_feed(struct dcbm_xfer *x, struct dcbm_share *s);
void dcbm_piece_end(struct dcbm_piece *piece);
void dcbm_piece_fail(struct dcbm_piece *piece, u8 bad);

/* dcbm_wait.c: until all is through, or the time is */

void dcbm_wait_for_engines(struct dcbm_xfer *x, u64 bytes);
enum dcbm_state dcbm_stop(struct dcbm_xfer *x, struct dcbm_share *s);

/* dcbm_verify.c: not taking its word for it */

bool dcbm_verify_share(struct dcbm_xfer *x, struct dcbm_share *s,
		       struct migrate_job *job);

/* dcbm_lost.c: what may still be at work */

void dcbm_bury(struct dcbm_xfer *x);

#endif /* _DCBM_XFER_H */
