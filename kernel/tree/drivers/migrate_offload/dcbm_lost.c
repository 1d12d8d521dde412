// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: channels that may still be at work, and the graveyard of their pages
 *
 * A channel that has not finished in time and cannot be proven to be silent is
 * lost: it is not used again, and everything its unfinished descriptors name stays
 * as it is. The core holds a reference on both folios of each such pair; the
 * mappings and the transfer object, where callbacks may still arrive, are ours.
 *
 * Only the provider can bring it back: when it has reported each of these
 * descriptors after all, or when stopping the channel succeeds and proves
 * something. Time proves nothing.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/timekeeping.h>

#include "dcbm_xfer.h"

/* Under dcbm_state_lock */
static LIST_HEAD(dcbm_lost_xfers);

/* How many channels are lost at present; under dcbm_state_lock. */
static unsigned int dcbm_lost_nr;

/**
 * dcbm_channel_lost() - a channel is lost
 * @c: the channel, which is still the caller's
 *
 * Its callbacks may come at any time: this module has to stay.
 */
void dcbm_channel_lost(struct dcbm_chan *c)
{
	__module_get(THIS_MODULE);

	spin_lock_irq(&dcbm_state_lock);
	dcbm_lost_nr++;
	spin_unlock_irq(&dcbm_state_lock);

	pr_err("%s (%s) did not stop: it is lost, with the memory of its descriptors, and dcbm cannot be unloaded while it is; see rearm=\n",
	       c->name, c->dd->provider);
}

/* How many channels are lost. */
unsigned int dcbm_nr_lost(void)
{
	guard(spinlock_irq)(&dcbm_state_lock);
	return dcbm_lost_nr;
}

/**
 * dcbm_bury() - keep a transfer that has lost something
 * @x: the transfer, with the folios of its lost pairs noted
 *
 * Under dcbm_state_lock, together with the states of its channels.
 */
void dcbm_bury(struct dcbm_xfer *x)
{
	lockdep_assert_held(&dcbm_state_lock);

	x->lost_at = ktime_get_boottime_seconds();
	list_add_tail(&x->node, &dcbm_lost_xfers);
}

static bool dcbm_pair_is_lost(const struct dcbm_xfer *x, unsigned int pair)
{
	unsigned int i;

	for (i = 0; i < x->nr_segs; i++)
		if (x->segs[i].pair == pair && x->segs[i].lost)
			return true;
	return false;
}

/* How many pairs are in the graveyard; under dcbm_state_lock. */
unsigned int dcbm_nr_buried(void)
{
	struct dcbm_xfer *x;
	unsigned int i, nr = 0;

	lockdep_assert_held(&dcbm_state_lock);

	list_for_each_entry(x, &dcbm_lost_xfers, node)
		for (i = 0; i < x->nr_pairs; i++)
			nr += !!x->pairs[i].src;
	return nr;
}

static struct dcbm_xfer *dcbm_find_lost(struct dcbm_chan *c, struct dcbm_share **s)
{
	struct dcbm_xfer *x;
	unsigned int i;

	guard(spinlock_irq)(&dcbm_state_lock);
	list_for_each_entry(x, &dcbm_lost_xfers, node) {
		for (i = 0; i < x->nr_shares; i++) {
			*s = &x->shares[i];
			if ((*s)->c == c && (*s)->is_lost)
				return x;
		}
	}
	return NULL;
}

/*
 * Is the channel proven to be silent, for every descriptor of the share? Says why
 * not.
 */
static bool dcbm_share_is_quiet(struct dcbm_xfer *x, struct dcbm_share *s)
{
	struct dcbm_chan *c = s->c;
	bool stopped;

	stopped = dcbm_channel_terminate(c);

	guard(spinlock_irq)(&x->lock);
	if (stopped)
		return true;
	if (s->in_flight)
		pr_warn("%s (%s) is not re-armed: %d of its descriptors have not been reported to this day, and its driver cannot prove that they are not at work\n",
			c->name, c->dd->provider, s->in_flight);
	else if (s->unproven)
		pr_warn("%s (%s) is not re-armed: its driver aborted %u descriptors, which does not prove that they are not at work\n",
			c->name, c->dd->provider, s->unproven);
	return !s->in_flight && !s->unproven;
}

/*
 * The task whose job it was may have come back from wait() a moment ago, and not have
 * told the core's references yet which are given up here. It has the source locked from
 * before submit() until after that.
 */
static void dcbm_pair_found(struct dcbm_pair *p)
{
	folio_lock(p->src);
	folio_unlock(p->src);
	migrate_pair_found(p->src, p->dst);
	folio_put(p->src);
	folio_put(p->dst);
	p->src = NULL;
	p->dst = NULL;
}

/* Nothing of the share is at work any more: let go of what it has. */
static void dcbm_exhume(struct dcbm_xfer *x, struct dcbm_share *s)
{
	unsigned int i;

	spin_lock_irq(&dcbm_state_lock);
	list_del(&x->node);
	dcbm_lost_nr--;
	spin_unlock_irq(&dcbm_state_lock);

	spin_lock_irq(&x->lock);
	for (i = 0; i < DCBM_MAX_PIECES; i++)
		if (x->pieces[i].in_flight && &x->shares[x->pieces[i].share] == s)
			dcbm_piece_end(&x->pieces[i]);
	for (i = s->first; i < s->first + s->nr; i++)
		x->segs[i].lost = false;
	spin_unlock_irq(&x->lock);
	s->is_lost = false;

	dcbm_unmap_share(x, s);

	for (i = 0; i < x->nr_pairs; i++) {
		struct dcbm_pair *p = &x->pairs[i];

		/* Perhaps another channel has lost a part of it, too. */
		if (!p->src || dcbm_pair_is_lost(x, i))
			continue;
		dcbm_pair_found(p);
	}

	for (i = 0; i < x->nr_shares; i++)
		if (x->shares[i].is_lost)
			break;
	spin_lock_irq(&dcbm_state_lock);
	if (i < x->nr_shares)
		list_add_tail(&x->node, &dcbm_lost_xfers);
	else
		dcbm_xfer_put(x);
	spin_unlock_irq(&dcbm_state_lock);
}

/**
 * dcbm_lost_recover() - try to get a lost channel back
 * @c: the channel, in state DCBM_LOST
 *
 * With success, the pages of its descriptors have left the graveyard and nothing of
 * them is mapped any more, but for folios of which another channel has lost a part, too;
 * and the channel is the caller's.
 *
 * Return: 0; -EBUSY when nothing proves that it is silent; -ENODEV when its driver has
 * been unbound, and nothing ever will.
 */
int dcbm_lost_recover(struct dcbm_chan *c)
{
	struct dcbm_share *s;
	struct dcbm_xfer *x;

	lockdep_assert_held(&dcbm_mutex);

	if (!c->chan) {
		pr_warn("%s (%s) is not re-armed: its driver was unbound while it was lost\n",
			c->name, c->dd->provider);
		return -ENODEV;
	}
	x = dcbm_find_lost(c, &s);
	if (WARN_ON_ONCE(!x))
		return -EBUSY;
	if (!dcbm_share_is_quiet(x, s))
		return -EBUSY;

	dcbm_exhume(x, s);
	module_put(THIS_MODULE);
	return 0;
}

static void dcbm_grave_show(struct seq_file *seq, const struct dcbm_xfer *x,
			    const struct dcbm_share *s, const struct dcbm_seg *seg)
{
	const struct dcbm_pair *p = &x->pairs[seg->pair];
	unsigned int order = ilog2(p->bytes >> PAGE_SHIFT);

	seq_printf(seq, "%s source %lu %u %u %u %lld\n", s->c->name,
		   folio_pfn(p->src), order, seg->offset, seg->bytes, x->lost_at);
	seq_printf(seq, "%s destination %lu %u %u %u %lld\n", s->c->name,
		   folio_pfn(p->dst), order, seg->offset, seg->bytes, x->lost_at);
}

/* debugfs: two lines for each part of a folio that is lost */
int dcbm_graveyard_seq_show(struct seq_file *seq, void *unused)
{
	struct dcbm_xfer *x;
	unsigned int i, j;

	seq_puts(seq, "channel side pfn order offset bytes since_s\n");

	guard(spinlock_irq)(&dcbm_state_lock);
	list_for_each_entry(x, &dcbm_lost_xfers, node) {
		for (i = 0; i < x->nr_shares; i++) {
			const struct dcbm_share *s = &x->shares[i];

			for (j = s->first; j < s->first + s->nr; j++)
				if (x->segs[j].lost)
					dcbm_grave_show(seq, x, s, &x->segs[j]);
		}
	}
	return 0;
}
