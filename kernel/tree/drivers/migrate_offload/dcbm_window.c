// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: IOVA windows
 *
 * Where a device is translated by an IOMMU, mapping a folio by itself costs more than
 * copying it: space is allocated, and freed with a flush, for each. So a channel of such
 * a device has a window for either direction, allocated when it is taken. The folios of a
 * share are linked into it one behind the other, which makes them one piece for the
 * engine, and taken out together when the share is over. A folio as large as a PMD that
 * several channels of the device copy is mapped once for all of them (dcbm_map.c).
 *
 * Unlinking is always strict: when it returns, the IOMMU does not let the engine through,
 * be it in lazy mode or not.
 */

#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "dcbm_xfer.h"

/* More of a share than this is mapped folio by folio. */
#define DCBM_WINDOW_BYTES	SZ_8M

/* Folios are linked one behind the other: the IOMMU has to have pages as small. */
#ifdef CONFIG_IOMMU_DMA
static bool dcbm_window_is_possible(struct device *dev)
{
	struct iommu_domain *domain;

	if (!use_dma_iommu(dev))
		return false;
	domain = iommu_get_domain_for_dev(dev);
	return domain && domain->pgsize_bitmap &&
	       BIT(__ffs(domain->pgsize_bitmap)) <= PAGE_SIZE;
}
#else
static bool dcbm_window_is_possible(struct device *dev)
{
	return false;
}
#endif

/**
 * dcbm_window_alloc() - give a channel its windows, if its device is translated
 * @c: the channel
 *
 * Without windows, folios are mapped one by one.
 */
void dcbm_window_alloc(struct dcbm_chan *c)
{
	struct device *dev = c->dd->dev;

	if (!dcbm_window_is_possible(dev) ||
	    !dma_iova_try_alloc(dev, &c->src_window, 0, DCBM_WINDOW_BYTES))
		return;
	if (!dma_iova_try_alloc(dev, &c->dst_window, 0, DCBM_WINDOW_BYTES)) {
		dma_iova_free(dev, &c->src_window);
		return;
	}
	c->has_windows = true;
}

/**
 * dcbm_window_free() - take the windows back
 * @c: the channel; nothing is linked
 */
void dcbm_window_free(struct dcbm_chan *c)
{
	if (!c->has_windows)
		return;
	dma_iova_free(c->dd->dev, &c->dst_window);
	dma_iova_free(c->dd->dev, &c->src_window);
	c->has_windows = false;
}

static void dcbm_window_unlink(struct dcbm_chan *c, u32 offset, u32 bytes)
{
	struct dcbm_device *dd = c->dd;

	dma_iova_unlink(dd->dev, &c->dst_window, offset, bytes, DMA_FROM_DEVICE, dd->attrs);
	dma_iova_unlink(dd->dev, &c->src_window, offset, bytes, DMA_TO_DEVICE, dd->attrs);
}

static bool dcbm_window_link_seg(struct dcbm_chan *c, struct dcbm_seg *seg,
				 struct migrate_pair *pair, u32 offset)
{
	struct dcbm_device *dd = c->dd;
	phys_addr_t src = PFN_PHYS(folio_pfn(pair->src)) + seg->offset;
	phys_addr_t dst = PFN_PHYS(folio_pfn(pair->dst)) + seg->offset;

	if (dma_iova_link(dd->dev, &c->src_window, src, offset, seg->bytes,
			  DMA_TO_DEVICE, dd->attrs))
		return false;
	if (dma_iova_link(dd->dev, &c->dst_window, dst, offset, seg->bytes,
			  DMA_FROM_DEVICE, dd->attrs)) {
		dma_iova_unlink(dd->dev, &c->src_window, offset, seg->bytes,
				DMA_TO_DEVICE, dd->attrs);
		return false;
	}
	seg->src = c->src_window.addr + offset;
	seg->dst = c->dst_window.addr + offset;
	seg->state = DCBM_SEG_LINKED;
	return true;
}

/**
 * dcbm_window_link() - link the folios of a share into the windows of its channel
 * @x: the transfer
 * @s: the share
 * @job: the job
 *
 * As many as fit, but for what is better mapped with other shares of the device; none if
 * there is no window.
 *
 * Return: how many bytes.
 */
u32 dcbm_window_link(struct dcbm_xfer *x, struct dcbm_share *s, struct migrate_job *job)
{
	struct dcbm_chan *c = s->c;
	unsigned int i;
	u32 bytes = 0;

	if (!c->has_windows || !READ_ONCE(dcbm_window))
		return 0;

	for (i = s->first; i < s->first + s->nr; i++) {
		struct dcbm_seg *seg = &x->segs[i];
		struct migrate_pair *pair = migrate_job_pair(job, seg->pair);

		/* At either end: one large page, together with what other shares have of it. */
		if (pair->bytes >= PMD_SIZE && dcbm_seg_is_shared(x, s, seg))
			continue;
		if (seg->bytes > DCBM_WINDOW_BYTES - bytes ||
		    !dcbm_window_link_seg(c, seg, pair, bytes))
			break;
		bytes += seg->bytes;
	}
	if (!bytes)
		return 0;

	if (!dma_iova_sync(c->dd->dev, &c->src_window, 0, bytes) &&
	    !dma_iova_sync(c->dd->dev, &c->dst_window, 0, bytes))
		return bytes;

	dcbm_window_unlink(c, 0, bytes);
	while (i-- > s->first)
		x->segs[i].state = DCBM_SEG_UNMAPPED;
	return 0;
}

/**
 * dcbm_window_unlink_share() - take out of the windows what a channel is through with
 * @x: the transfer
 * @s: the share
 *
 * Not what is lost.
 */
void dcbm_window_unlink_share(struct dcbm_xfer *x, struct dcbm_share *s)
{
	struct dcbm_chan *c = s->c;
	u32 offset = 0, bytes = 0;
	unsigned int i;

	if (!s->stats.linked)
		return;
	for (i = s->first; i < s->first + s->nr; i++) {
		struct dcbm_seg *seg = &x->segs[i];

		if (seg->state != DCBM_SEG_LINKED || seg->lost) {
			if (bytes)
				dcbm_window_unlink(c, offset, bytes);
			bytes = 0;
			continue;
		}
		if (!bytes)
			offset = seg->src - c->src_window.addr;
		bytes += seg->bytes;
		seg->state = DCBM_SEG_UNMAPPED;
	}
	if (bytes)
		dcbm_window_unlink(c, offset, bytes);
}
