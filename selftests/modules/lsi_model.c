// SPDX-License-Identifier: GPL-2.0
/*
 * lsi_dma: the model of time
 *
 * Each busy channel has an equal share of what all have together, but no more than it can do
 * alone. Times are recomputed when a channel begins or ends.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>

#include "lsi_dma.h"

/* latency_ns is for one busy channel, and for so many. */
#define LSI_MANY	16

static unsigned int latency_ns[2];
static int nr_latency;
module_param_array(latency_ns, uint, &nr_latency, 0644);
MODULE_PARM_DESC(latency_ns, "Modelled fixed time of each move in ns: with one channel busy, and with 16 (default: 0)");

static unsigned int mbps;
module_param(mbps, uint, 0644);
MODULE_PARM_DESC(mbps, "Modelled speed of a channel in MB/s (0 = nothing is modelled, default: 0)");

static unsigned int total_mbps;
module_param(total_mbps, uint, 0644);
MODULE_PARM_DESC(total_mbps, "Modelled speed of all channels together in MB/s (0 = no limit, default: 0)");

/* In MB/s, which is thousandths of bytes per ns */
static u32 lsi_rate(struct lsi_dev *ld)
{
	u32 rate = READ_ONCE(mbps), all = READ_ONCE(total_mbps);

	return max(1U, all ? min(rate, all / ld->nr_busy) : rate);
}

/* Between one busy channel and LSI_MANY, on a straight line. */
static u32 lsi_latency(struct lsi_dev *ld)
{
	int one = latency_ns[0], many = nr_latency > 1 ? latency_ns[1] : one;
	int others = min(ld->nr_busy, LSI_MANY) - 1;

	return one + (many - one) * others / (LSI_MANY - 1);
}

static void lsi_advance(struct lsi_dev *ld)
{
	ktime_t now = ktime_get();
	u64 ns = ktime_to_ns(ktime_sub(now, ld->last)), used;
	unsigned int i;
	u32 rate;

	ld->last = now;
	if (!ld->nr_busy)
		return;
	rate = lsi_rate(ld);
	for (i = 0; i < ld->nr_chans; i++) {
		struct lsi_desc *desc = ld->chans[i].cur;

		if (!desc)
			continue;
		used = min(ns, desc->latency);
		desc->latency -= used;
		desc->rest -= min(desc->rest, (ns - used) * rate);
	}
}

static void lsi_set_timer(struct lsi_dev *ld)
{
	u64 ns = U64_MAX;
	unsigned int i;
	u32 rate;

	if (!ld->nr_busy)
		return;
	rate = lsi_rate(ld);
	for (i = 0; i < ld->nr_chans; i++) {
		struct lsi_desc *desc = ld->chans[i].cur;

		if (desc)
			ns = min(ns, desc->latency + div_u64(desc->rest + rate - 1, rate));
	}
	hrtimer_start(&ld->timer, ktime_add_ns(ld->last, ns), HRTIMER_MODE_ABS);
}

/* The channel begins its next descriptor. */
static void lsi_take(struct lsi_dev *ld, struct lsi_chan *lc)
{
	struct virt_dma_desc *vd;

	if (READ_ONCE(lsi_dead) & BIT(lc - ld->chans))
		return;
	spin_lock(&lc->vc.lock);
	vd = vchan_next_desc(&lc->vc);
	if (vd)
		list_del(&vd->node);
	spin_unlock(&lc->vc.lock);
	if (!vd)
		return;
	lc->cur = to_lsi_desc(vd);
	ld->nr_busy++;
	lc->cur->latency = lc->cur->nr * lsi_latency(ld);
	lc->cur->rest = 1000ULL * lc->cur->bytes;
}

enum hrtimer_restart lsi_model_timer(struct hrtimer *timer)
{
	struct lsi_dev *ld = container_of(timer, struct lsi_dev, timer);
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&ld->lock, flags);
	lsi_advance(ld);
	for (i = 0; i < ld->nr_chans; i++) {
		struct lsi_chan *lc = &ld->chans[i];

		if (!lc->cur || lc->cur->latency || lc->cur->rest)
			continue;
		list_add_tail(&lc->cur->vd.node, &ld->ripe);
		lc->cur = NULL;
		ld->nr_busy--;
		lsi_take(ld, lc);
	}
	lsi_start(ld);
	lsi_set_timer(ld);
	spin_unlock_irqrestore(&ld->lock, flags);
	return HRTIMER_NORESTART;
}

/* The channel has something, and may have something to do already. */
void lsi_model_begin(struct lsi_dev *ld, struct lsi_chan *lc)
{
	if (lc->cur)
		return;
	lsi_advance(ld);
	lsi_take(ld, lc);
	lsi_set_timer(ld);
}

/* What the channel is at, for who takes it away; NULL if it is idle. */
struct lsi_desc *lsi_model_drop(struct lsi_dev *ld, struct lsi_chan *lc)
{
	struct lsi_desc *desc = lc->cur;

	if (!desc)
		return NULL;
	lsi_advance(ld);
	lc->cur = NULL;
	ld->nr_busy--;
	lsi_set_timer(ld);
	return desc;
}

bool lsi_is_modelled(void)
{
	return READ_ONCE(mbps);
}
