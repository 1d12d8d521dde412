// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: making the folios of a job known to the devices that copy them
 *
 * Each segment is linked into the channel's windows (dcbm_window.c), or mapped alone, so
 * that source and destination are paired by folio and not by what an IOMMU made of
 * several. What the channels of a device copy of a folio that was cut is mapped once for
 * all of them: to an IOMMU that is one large page, where each part would be many small
 * ones. The core hands the pairs over after it has flushed the TLBs: a mapping that
 * reads the memory, as that of a device that is not coherent may, reads the bytes that
 * are to be copied.
 */

#include <linux/align.h>
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/mm.h>

#include "dcbm_xfer.h"

static void dcbm_unmap(struct dcbm_device *dd, dma_addr_t src, dma_addr_t dst, u32 bytes)
{
	dma_unmap_page_attrs(dd->dev, dst, bytes, DMA_FROM_DEVICE, dd->attrs);
	dma_unmap_page_attrs(dd->dev, src, bytes, DMA_TO_DEVICE, dd->attrs);
}

/* For each folio: in line. */
static __always_inline bool dcbm_map(struct dcbm_device *dd, struct migrate_pair *pair,
				     u32 offset, u32 bytes, dma_addr_t *src, dma_addr_t *dst)
{
	*src = dma_map_page_attrs(dd->dev, folio_page(pair->src, 0), offset, bytes,
				  DMA_TO_DEVICE, dd->attrs);
	if (dma_mapping_error(dd->dev, *src))
		return false;

	*dst = dma_map_page_attrs(dd->dev, folio_page(pair->dst, 0), offset, bytes,
				  DMA_FROM_DEVICE, dd->attrs);
	if (dma_mapping_error(dd->dev, *dst)) {
		dma_unmap_page_attrs(dd->dev, *src, bytes, DMA_TO_DEVICE, dd->attrs);
		return false;
	}

	/* What is linked begins at a page as well. */
	if (IS_ALIGNED(*src | *dst | bytes, 1UL << dd->align))
		return true;
	dcbm_unmap(dd, *src, *dst, bytes);
	return false;
}

/**
 * __dcbm_seg_is_shared() - does the device have more of the folio?
 * @x: the transfer
 * @s: the share
 * @seg: a segment of it, which is not a whole folio
 *
 * Return: whether the channel before, or behind, is of the same device and copies a part of
 * the same folio.
 */
bool __dcbm_seg_is_shared(const struct dcbm_xfer *x, const struct dcbm_share *s,
			  const struct dcbm_seg *seg)
{
	const struct dcbm_device *dd = s->c->dd;

	if (seg == &x->segs[s->first] && s > x->shares &&
	    s[-1].c->dd == dd && seg[-1].pair == seg->pair)
		return true;
	return seg == &x->segs[s->first + s->nr - 1] && s + 1 < &x->shares[x->nr_shares] &&
	       s[1].c->dd == dd && seg[1].pair == seg->pair;
}

/* Where what the device of a share copies of its last folio ends. */
static u32 dcbm_span_end(const struct dcbm_xfer *x, const struct dcbm_share *s,
			 const struct dcbm_seg *seg)
{
	const struct dcbm_share *end = &x->shares[x->nr_shares];
	const struct dcbm_device *dd = s->c->dd;
	unsigned int pair = seg->pair;

	while (++s < end && s->c->dd == dd && x->segs[s->first].pair == pair)
		seg = &x->segs[s->first];
	return seg->offset + seg->bytes;
}

/* The one that was begun last if it goes on, else a new one; NULL: cannot be mapped. */
static struct dcbm_span *dcbm_get_span(struct dcbm_xfer *x, struct dcbm_share *s,
				       const struct dcbm_seg *seg, struct migrate_pair *pair)
{
	struct dcbm_span *span = &x->spans[x->nr_spans];

	if (x->nr_spans && span[-1].pair == seg->pair && span[-1].dd == s->c->dd)
		return span - 1;

	*span = (struct dcbm_span) {
		.dd = s->c->dd,
		.offset = seg->offset,
		.bytes = dcbm_span_end(x, s, seg) - seg->offset,
		.pair = seg->pair,
	};
	if (!dcbm_map(span->dd, pair, span->offset, span->bytes, &span->src, &span->dst))
		return NULL;
	x->nr_spans++;
	return span;
}

static void dcbm_put_span(struct dcbm_span *span)
{
	if (!--span->segs)
		dcbm_unmap(span->dd, span->src, span->dst, span->bytes);
}

static void dcbm_map_seg(struct dcbm_xfer *x, struct dcbm_share *s, struct dcbm_seg *seg,
			 struct migrate_pair *pair)
{
	struct dcbm_span *span;

	if (!dcbm_seg_is_shared(x, s, seg)) {
		if (dcbm_map(s->c->dd, pair, seg->offset, seg->bytes, &seg->src, &seg->dst))
			seg->state = DCBM_SEG_MAPPED;
		return;
	}

	span = dcbm_get_span(x, s, seg, pair);
	if (!span || WARN_ON_ONCE(seg->offset < span->offset ||
				  seg->offset + seg->bytes > span->offset + span->bytes))
		return;
	span->segs++;
	seg->src = span->src + seg->offset - span->offset;
	seg->dst = span->dst + seg->offset - span->offset;
	seg->span = span - x->spans;
	seg->state = DCBM_SEG_SPANNED;
}

static void dcbm_unmap_seg(struct dcbm_xfer *x, struct dcbm_device *dd, struct dcbm_seg *seg)
{
	if (seg->state == DCBM_SEG_MAPPED)
		dcbm_unmap(dd, seg->src, seg->dst, seg->bytes);
	else if (seg->state == DCBM_SEG_SPANNED)
		dcbm_put_span(&x->spans[seg->span]);
	seg->state = DCBM_SEG_UNMAPPED;
}

/**
 * dcbm_map_share() - map what a channel is to copy
 * @x: the transfer
 * @s: the share
 * @job: the job
 *
 * What cannot be mapped is noted in its pair. By the task, before any of the share
 * is submitted. Allocates nothing but what a mapping needs, without waiting for it.
 *
 * Return: the number of bytes that were mapped.
 */
u64 dcbm_map_share(struct dcbm_xfer *x, struct dcbm_share *s,
		   struct migrate_job *job)
{
	unsigned int i;
	u64 bytes = 0;

	s->stats.linked = dcbm_window_link(x, s, job);
	for (i = s->first; i < s->first + s->nr; i++) {
		struct dcbm_seg *seg = &x->segs[i];

		if (seg->state == DCBM_SEG_UNMAPPED) {
			/* In vain: known from another share. If not yet, no harm is done. */
			if (data_race(x->pairs[seg->pair].bad))
				continue;
			dcbm_map_seg(x, s, seg, migrate_job_pair(job, seg->pair));
		}
		if (seg->state != DCBM_SEG_UNMAPPED) {
			bytes += seg->bytes;
			continue;
		}
		/* The pair may be in another share, too, which is at work. */
		spin_lock_irq(&x->lock);
		x->pairs[seg->pair].bad |= DCBM_PAIR_UNMAPPED;
		spin_unlock_irq(&x->lock);
	}
	return bytes;
}

/**
 * dcbm_unmap_share() - unmap what a channel is through with
 * @x: the transfer
 * @s: the share
 *
 * Not what is lost, nor what other shares still need. For some devices, the copy is
 * complete only then. By whoever has the transfer, when nothing of the share is in flight
 * but what is lost.
 */
void dcbm_unmap_share(struct dcbm_xfer *x, struct dcbm_share *s)
{
	struct dcbm_device *dd = s->c->dd;
	unsigned int i;

	dcbm_window_unlink_share(x, s);
	for (i = s->first; i < s->first + s->nr; i++)
		if (!x->segs[i].lost)
			dcbm_unmap_seg(x, dd, &x->segs[i]);
}
