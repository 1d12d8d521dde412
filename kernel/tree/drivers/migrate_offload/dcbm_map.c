// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: making the folios of a job known to the device
 *
 * Each folio is mapped once, and alone, so that source and destination are paired
 * by folio and not by what an IOMMU made of several. The core hands the pairs
 * over after it has flushed the TLBs: a mapping that reads the memory, as that of
 * a device that is not coherent may, reads the bytes that are to be copied.
 */

#include <linux/align.h>
#include <linux/mm.h>

#include "dcbm_xfer.h"

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

/**
 * dcbm_unmap_pair() - unmap the folios of a pair
 * @x: the transfer
 * @p: the pair, which has been mapped
 *
 * For some devices, the copy is complete only then. To be called when no engine
 * touches the pair any more, by the task of the job.
 */
void dcbm_unmap_pair(struct dcbm_xfer *x, struct dcbm_pair *p)
{
	struct dcbm_device *dd = x->dd;

	dma_unmap_page_attrs(dd->dev, p->dst, p->bytes, DMA_FROM_DEVICE, dd->attrs);
	dma_unmap_page_attrs(dd->dev, p->src, p->bytes, DMA_TO_DEVICE, dd->attrs);
}

/**
 * dcbm_map_job() - map what the job has
 * @x: the transfer
 * @job: the job
 *
 * What cannot be mapped is noted in its pair. By the task, before anything is
 * submitted. Allocates nothing but what a mapping needs, without waiting for it.
 *
 * Return: the number of bytes that were mapped.
 */
u64 dcbm_map_job(struct dcbm_xfer *x, struct migrate_job *job)
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
