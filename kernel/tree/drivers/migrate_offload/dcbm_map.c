// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: making the folios of a job known to the devices that copy them
 *
 * Each segment is linked into the channel's windows (dcbm_window.c), or mapped alone, so
 * that source and destination are paired by folio and not by what an IOMMU made of
 * several. The core hands the pairs over after it has flushed the TLBs: a mapping that
 * reads the memory, as that of a device that is not coherent may, reads the bytes that
 * are to be copied.
 */

#include <linux/align.h>
#include <linux/mm.h>

#include "dcbm_xfer.h"

static void dcbm_unmap_seg(struct dcbm_device *dd, struct dcbm_seg *seg)
{
	dma_unmap_page_attrs(dd->dev, seg->dst, seg->bytes, DMA_FROM_DEVICE, dd->attrs);
	dma_unmap_page_attrs(dd->dev, seg->src, seg->bytes, DMA_TO_DEVICE, dd->attrs);
	seg->state = DCBM_SEG_UNMAPPED;
}

static void dcbm_map_seg(struct dcbm_device *dd, struct dcbm_seg *seg,
			 struct migrate_pair *pair)
{
	seg->src = dma_map_page_attrs(dd->dev, folio_page(pair->src, 0), seg->offset,
				      seg->bytes, DMA_TO_DEVICE, dd->attrs);
	if (dma_mapping_error(dd->dev, seg->src))
		return;

	seg->dst = dma_map_page_attrs(dd->dev, folio_page(pair->dst, 0), seg->offset,
				      seg->bytes, DMA_FROM_DEVICE, dd->attrs);
	if (dma_mapping_error(dd->dev, seg->dst)) {
		dma_unmap_page_attrs(dd->dev, seg->src, seg->bytes, DMA_TO_DEVICE,
				     dd->attrs);
		return;
	}

	seg->state = DCBM_SEG_MAPPED;
	/* What is linked begins at a page as well. */
	if (!IS_ALIGNED(seg->src | seg->dst | seg->bytes, 1UL << dd->align))
		dcbm_unmap_seg(dd, seg);
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
	struct dcbm_device *dd = s->c->dd;
	unsigned int i;
	u64 bytes = 0;

	s->stats.linked = dcbm_window_link(x, s, job);
	for (i = s->first; i < s->first + s->nr; i++) {
		struct dcbm_seg *seg = &x->segs[i];

		if (seg->state == DCBM_SEG_UNMAPPED)
			dcbm_map_seg(dd, seg, migrate_job_pair(job, seg->pair));
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
 * Not what is lost. For some devices, the copy is complete only then. By the task
 * of the job, when nothing of the share is in flight but what is lost.
 */
void dcbm_unmap_share(struct dcbm_xfer *x, struct dcbm_share *s)
{
	struct dcbm_device *dd = s->c->dd;
	unsigned int i;

	dcbm_window_unlink_share(x, s);
	for (i = s->first; i < s->first + s->nr; i++)
		if (x->segs[i].state == DCBM_SEG_MAPPED && !x->segs[i].lost)
			dcbm_unmap_seg(dd, &x->segs[i]);
}
