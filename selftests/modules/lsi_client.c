// SPDX-License-Identifier: GPL-2.0
/*
 * lsi_dma: what dmaengine calls
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "lsi_dma.h"

static unsigned int pool = 1024;
module_param(pool, uint, 0444);
MODULE_PARM_DESC(pool, "Descriptors of each channel (default: 1024)");

#ifdef HAVE_MEMCPY_SG
static unsigned int sg_max = 512;
module_param(sg_max, uint, 0444);
MODULE_PARM_DESC(sg_max, "Entries of a DMA_MEMCPY_SG descriptor (0 = no DMA_MEMCPY_SG, max 4096, default: 512)");
#define LSI_SG_POOL	16	/* such descriptors of each channel */
#define LSI_SG_LIMIT	4096
#endif

static void lsi_desc_free(struct virt_dma_desc *vd)
{
	struct lsi_chan *lc = to_lsi_chan(vd->tx.chan);
	struct lsi_desc *desc = to_lsi_desc(vd);
	unsigned long flags;

	spin_lock_irqsave(&lc->vc.lock, flags);
	list_add(&vd->node, desc->moves == &desc->one ? &lc->free : &lc->free_sg);
	spin_unlock_irqrestore(&lc->vc.lock, flags);
}

static void lsi_desc_put(struct lsi_chan *lc, struct lsi_desc *desc)
{
	desc->vd.tx.chan = &lc->vc.chan;
	lsi_desc_free(&desc->vd);
}

static struct lsi_desc *lsi_desc_get(struct lsi_chan *lc, struct list_head *from)
{
	struct lsi_desc *desc;
	unsigned long flags;

	spin_lock_irqsave(&lc->vc.lock, flags);
	desc = list_first_entry_or_null(from, struct lsi_desc, vd.node);
	if (desc)
		list_del(&desc->vd.node);
	spin_unlock_irqrestore(&lc->vc.lock, flags);
	if (!desc)
		return NULL;

	memset(&desc->vd, 0, sizeof(desc->vd));
	desc->nr = 0;
	desc->next = 0;
	desc->bytes = 0;
	desc->bad = DMA_TRANS_NOERROR;
	return desc;
}

static bool lsi_add_move(struct lsi_desc *desc, dma_addr_t dst, dma_addr_t src, size_t len)
{
	if (!len || len > LSI_MAX_LEN || upper_32_bits(dst + len - 1) ||
	    upper_32_bits(src + len - 1))
		return false;
	desc->moves[desc->nr++] = (struct lsi_move) { .src = src, .dst = dst, .len = len };
	desc->bytes += len;
	return true;
}

static struct dma_async_tx_descriptor *
lsi_prep_dma_memcpy(struct dma_chan *chan, dma_addr_t dst, dma_addr_t src, size_t len,
		    unsigned long flags)
{
	struct lsi_chan *lc = to_lsi_chan(chan);
	struct lsi_desc *desc;

	desc = lsi_desc_get(lc, &lc->free);
	if (!desc)
		return NULL;
	if (!lsi_add_move(desc, dst, src, len)) {
		lsi_desc_put(lc, desc);
		return NULL;
	}
	return vchan_tx_prep(&lc->vc, &desc->vd, flags);
}

#ifdef HAVE_MEMCPY_SG
static struct dma_async_tx_descriptor *
lsi_prep_dma_memcpy_sg(struct dma_chan *chan, const struct dma_vec *dst,
		       const struct dma_vec *src, unsigned int nents, unsigned long flags)
{
	struct lsi_chan *lc = to_lsi_chan(chan);
	struct lsi_desc *desc = lsi_desc_get(lc, &lc->free_sg);
	unsigned int i;

	if (!desc)
		return NULL;
	for (i = 0; i < nents; i++) {
		if (dst[i].len != src[i].len ||
		    !lsi_add_move(desc, dst[i].addr, src[i].addr, src[i].len)) {
			lsi_desc_put(lc, desc);
			return NULL;
		}
	}
	return vchan_tx_prep(&lc->vc, &desc->vd, flags);
}

static int lsi_alloc_sg(struct lsi_chan *lc, struct lsi_desc *descs)
{
	unsigned int i;

	if (!sg_max)
		return 0;
	lc->sg_moves = kvzalloc_objs(*lc->sg_moves, LSI_SG_POOL * sg_max);
	if (!lc->sg_moves)
		return -ENOMEM;
	for (i = 0; i < LSI_SG_POOL; i++) {
		descs[i].moves = lc->sg_moves + i * sg_max;
		list_add_tail(&descs[i].vd.node, &lc->free_sg);
	}
	return 0;
}
#else
#define LSI_SG_POOL	0
static int lsi_alloc_sg(struct lsi_chan *lc, struct lsi_desc *descs)
{
	return 0;
}
#endif

static void lsi_issue_pending(struct dma_chan *chan)
{
	struct lsi_dev *ld = to_lsi_dev(chan);
	struct lsi_chan *lc = to_lsi_chan(chan);
	unsigned long flags;

	spin_lock_irqsave(&ld->lock, flags);
	spin_lock(&lc->vc.lock);
	vchan_issue_pending(&lc->vc);
	if (!lsi_is_modelled())
		list_splice_tail_init(&lc->vc.desc_issued, &ld->ripe);
	spin_unlock(&lc->vc.lock);

	if (lsi_is_modelled())
		lsi_model_begin(ld, lc);
	lsi_start(ld);
	spin_unlock_irqrestore(&ld->lock, flags);
}

static enum dma_status lsi_tx_status(struct dma_chan *chan, dma_cookie_t cookie,
				     struct dma_tx_state *state)
{
	struct lsi_chan *lc = to_lsi_chan(chan);
	enum dma_status status;
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&lc->vc.lock, flags);
	status = dma_cookie_status(chan, cookie, state);
	for (i = 0; cookie && i < LSI_FAILED; i++)
		if (lc->failed[i] == cookie)
			status = DMA_ERROR;
	spin_unlock_irqrestore(&lc->vc.lock, flags);
	return status;
}

static bool lsi_runs_for(struct lsi_dev *ld, struct lsi_chan *lc)
{
	unsigned int i;

	for (i = 0; i < ld->nr_running; i++)
		if (desc_chan(ld->running[i]) == lc)
			return true;
	return false;
}

/* When it returns, nothing is moved for the channel, and nothing will be. */
static int lsi_terminate_all(struct dma_chan *chan)
{
	struct lsi_dev *ld = to_lsi_dev(chan);
	struct lsi_chan *lc = to_lsi_chan(chan);
	struct virt_dma_desc *vd, *next;
	struct lsi_desc *desc;
	unsigned long flags;
	LIST_HEAD(ended);

	spin_lock_irqsave(&ld->lock, flags);
	lsi_reap(ld);
	if (lsi_runs_for(ld, lc)) {
		lsi_reset(ld);
		/* What others had in the script is begun anew. */
		while (ld->nr_running)
			list_add(&ld->running[--ld->nr_running]->vd.node, &ld->ripe);
	}
	list_for_each_entry_safe(vd, next, &ld->ripe, node)
		if (vd->tx.chan == chan)
			list_move_tail(&vd->node, &ended);
	desc = lsi_model_drop(ld, lc);
	if (desc)
		list_add_tail(&desc->vd.node, &ended);

	spin_lock(&lc->vc.lock);
	/* Not what is only allocated: a client may be about to submit it. */
	list_splice_tail_init(&lc->vc.desc_submitted, &ended);
	list_splice_tail_init(&lc->vc.desc_issued, &ended);
	list_splice_tail_init(&lc->vc.desc_completed, &ended);
	list_splice_tail(&ended, &lc->vc.desc_terminated);
	spin_unlock(&lc->vc.lock);

	lsi_start(ld);
	spin_unlock_irqrestore(&ld->lock, flags);
	return 0;
}

static void lsi_synchronize(struct dma_chan *chan)
{
	vchan_synchronize(to_virt_chan(chan));
}

static int lsi_alloc_chan_resources(struct dma_chan *chan)
{
	struct lsi_chan *lc = to_lsi_chan(chan);
	unsigned int i;

	lc->descs = kvzalloc_objs(*lc->descs, pool + LSI_SG_POOL);
	if (!lc->descs)
		return -ENOMEM;
	if (lsi_alloc_sg(lc, lc->descs + pool)) {
		kvfree(lc->descs);
		return -ENOMEM;
	}
	for (i = 0; i < pool; i++) {
		lc->descs[i].moves = &lc->descs[i].one;
		list_add_tail(&lc->descs[i].vd.node, &lc->free);
	}
	memset(lc->failed, 0, sizeof(lc->failed));
	return pool;
}

static void lsi_free_chan_resources(struct dma_chan *chan)
{
	struct lsi_chan *lc = to_lsi_chan(chan);

	lsi_terminate_all(chan);
	lsi_synchronize(chan);
	vchan_free_chan_resources(&lc->vc);
	INIT_LIST_HEAD(&lc->free);
	INIT_LIST_HEAD(&lc->free_sg);
	kvfree(lc->sg_moves);
	lc->sg_moves = NULL;
	kvfree(lc->descs);
}

void lsi_client_init(struct lsi_dev *ld)
{
	struct dma_device *dma = &ld->dma;
	unsigned int i;

	dma->dev = ld->dev;
	INIT_LIST_HEAD(&dma->channels);
	for (i = 0; i < ld->nr_chans; i++) {
		INIT_LIST_HEAD(&ld->chans[i].free);
		INIT_LIST_HEAD(&ld->chans[i].free_sg);
		ld->chans[i].vc.desc_free = lsi_desc_free;
		vchan_init(&ld->chans[i].vc, dma);
	}
	dma_cap_set(DMA_MEMCPY, dma->cap_mask);
	dma_cap_set(DMA_PRIVATE, dma->cap_mask);
	dma->directions = BIT(DMA_MEM_TO_MEM);
	dma->residue_granularity = DMA_RESIDUE_GRANULARITY_DESCRIPTOR;
	dma->device_alloc_chan_resources = lsi_alloc_chan_resources;
	dma->device_free_chan_resources = lsi_free_chan_resources;
	dma->device_prep_dma_memcpy = lsi_prep_dma_memcpy;
#ifdef HAVE_MEMCPY_SG
	sg_max = min(sg_max, LSI_SG_LIMIT);
	if (sg_max) {
		dma_cap_set(DMA_MEMCPY_SG, dma->cap_mask);
		dma->max_memcpy_sg = sg_max;
		dma->device_prep_dma_memcpy_sg = lsi_prep_dma_memcpy_sg;
	}
#endif
	dma->device_issue_pending = lsi_issue_pending;
	dma->device_tx_status = lsi_tx_status;
	dma->device_terminate_all = lsi_terminate_all;
	dma->device_synchronize = lsi_synchronize;
}
