// SPDX-License-Identifier: GPL-2.0
/*
 * lsi_dma: what a device can do with pages that have been unmapped. Copies pages, unmaps them,
 * and has the same copied once more, before anything else could be mapped there.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "lsi_dma.h"

#define LSI_STALE_PAGES	LSI_CHAIN
#define LSI_STALE_BYTE	0xa5
#define LSI_STALE_US	65000	/* more than any pauses */

struct lsi_stale {
	struct page *src[LSI_STALE_PAGES];
	struct page *dst[LSI_STALE_PAGES];
	struct lsi_move moves[LSI_STALE_PAGES];
};

/* By polling; false if somebody else is using the controller. */
static bool lsi_move_now(struct lsi_dev *ld, const struct lsi_move *moves, unsigned int nr)
{
	unsigned int i, at, us;
	bool good = false;

	guard(spinlock_irqsave)(&ld->lock);
	if (ld->nr_running)
		return false;
	lsi_interrupts(ld, false);
	at = lsi_script_begin(ld);
	for (i = 0; i < nr; i++)
		lsi_script_move(ld, &at, &moves[i]);
	lsi_script_run(ld, at);
	for (us = 0; us < LSI_STALE_US; us++) {
		if (lsi_script_over(ld, &good))
			break;
		udelay(1);
	}
	lsi_interrupts(ld, true);
	return good;
}

static unsigned int lsi_stale_written(struct lsi_stale *st)
{
	unsigned int i, nr = 0;

	for (i = 0; i < LSI_STALE_PAGES; i++) {
		if (!memchr_inv(page_address(st->dst[i]), LSI_STALE_BYTE, PAGE_SIZE))
			nr++;
		memset(page_address(st->dst[i]), 0, PAGE_SIZE);
	}
	return nr;
}

static bool lsi_stale_map(struct lsi_dev *ld, struct lsi_stale *st, unsigned int i)
{
	dma_addr_t src, dst;

	src = dma_map_page(ld->dev, st->src[i], 0, PAGE_SIZE, DMA_TO_DEVICE);
	if (dma_mapping_error(ld->dev, src))
		return false;
	dst = dma_map_page(ld->dev, st->dst[i], 0, PAGE_SIZE, DMA_FROM_DEVICE);
	if (dma_mapping_error(ld->dev, dst)) {
		dma_unmap_page(ld->dev, src, PAGE_SIZE, DMA_TO_DEVICE);
		return false;
	}
	st->moves[i] = (struct lsi_move) { .src = src, .dst = dst, .len = PAGE_SIZE };
	return true;
}

static int lsi_stale_run(struct lsi_dev *ld, struct lsi_stale *st)
{
	unsigned int i, mapped, before = 0;
	unsigned long flags;
	bool ran = false;

	for (mapped = 0; mapped < LSI_STALE_PAGES; mapped++)
		if (!lsi_stale_map(ld, st, mapped))
			break;
	if (mapped == LSI_STALE_PAGES) {
		ran = lsi_move_now(ld, st->moves, mapped);
		before = lsi_stale_written(st);
	}
	/*
	 * A lazy IOMMU is told 10 ms later, by a timer: not by one of before, and not by
	 * one that goes off here.
	 */
	msleep(50);
	local_irq_save(flags);
	for (i = 0; i < mapped; i++) {
		dma_unmap_page(ld->dev, st->moves[i].dst, PAGE_SIZE, DMA_FROM_DEVICE);
		dma_unmap_page(ld->dev, st->moves[i].src, PAGE_SIZE, DMA_TO_DEVICE);
	}
	if (ran)
		ran = lsi_move_now(ld, st->moves, mapped);
	local_irq_restore(flags);
	if (!ran)
		return -EIO;
	ld->after[0] = LSI_STALE_PAGES;
	ld->after[1] = before;
	ld->after[2] = lsi_stale_written(st);
	return 0;
}

static ssize_t lsi_after_unmap_write(struct file *file, const char __user *buf, size_t count,
				     loff_t *pos)
{
	struct lsi_dev *ld = file->private_data;
	struct lsi_stale *st = kzalloc_obj(*st);
	int ret = -ENOMEM;
	unsigned int i;

	if (!st)
		return -ENOMEM;
	for (i = 0; i < LSI_STALE_PAGES; i++) {
		st->src[i] = alloc_page(GFP_KERNEL);
		st->dst[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!st->src[i] || !st->dst[i])
			goto out;
		memset(page_address(st->src[i]), LSI_STALE_BYTE, PAGE_SIZE);
	}
	ret = lsi_stale_run(ld, st);
out:
	for (i = 0; i < LSI_STALE_PAGES; i++) {
		if (st->src[i])
			__free_page(st->src[i]);
		if (st->dst[i])
			__free_page(st->dst[i]);
	}
	kfree(st);
	return ret ?: count;
}

const struct file_operations lsi_after_unmap_fops = {
	.open = simple_open,
	.write = lsi_after_unmap_write,
};
