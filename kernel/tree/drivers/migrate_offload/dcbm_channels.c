// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: the channels it has, and giving them back
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "dcbm.h"

DEFINE_MUTEX(dcbm_mutex);		/* who holds channels; see dcbm.h */
DEFINE_SPINLOCK(dcbm_state_lock);	/* what they are doing; see dcbm.h */
DECLARE_WAIT_QUEUE_HEAD(dcbm_idle_wait);

LIST_HEAD(dcbm_devices);

/* Channels that were lost before dcbm was disabled. */
static LIST_HEAD(dcbm_lost);

/* Channels that are shared with other clients, and who is about to take some. */
static unsigned int dcbm_nr_shared;

/*
 * dmaengine knows references on all public channels together only: there is one of ours
 * for as long as one of these channels is.
 */
void dcbm_shared_get(void)
{
	lockdep_assert_held(&dcbm_mutex);

	if (!dcbm_nr_shared++)
		dmaengine_get();
}

void dcbm_shared_put(void)
{
	lockdep_assert_held(&dcbm_mutex);

	if (!--dcbm_nr_shared)
		dmaengine_put();
}

/* When nothing of the device is left but what its memory is for */
static void dcbm_free_device(struct dcbm_device *dd)
{
	put_device(dd->parent);
	put_device(dd->dev);
	kfree(dd);
}

/* Gives a channel to dmaengine. Waits for callbacks, as far as the provider can. */
static void dcbm_put_channel(struct dcbm_chan *c)
{
	if (!c->chan)
		return;
	dcbm_window_free(c);
	if (c->shared)
		dcbm_shared_put();
	else
		dma_release_channel(c->chan);
	c->chan = NULL;
}

/**
 * dcbm_channels_release() - give all channels back
 *
 * To be called when no job is in flight, nor will be. Lost channels stay.
 */
void dcbm_channels_release(void)
{
	struct dcbm_device *dd, *next_dd;
	struct dcbm_chan *c, *next;
	LIST_HEAD(devices);

	lockdep_assert_held(&dcbm_mutex);

	spin_lock_irq(&dcbm_state_lock);
	list_splice_init(&dcbm_devices, &devices);
	spin_unlock_irq(&dcbm_state_lock);

	list_for_each_entry_safe(dd, next_dd, &devices, node) {
		list_del(&dd->node);
		list_for_each_entry_safe(c, next, &dd->chans, node) {
			WARN_ON_ONCE(c->state == DCBM_BUSY);
			list_del(&c->node);
			if (c->state == DCBM_LOST) {
				/* It needs its device for the mappings that stay. */
				dd->nr_lost++;
				spin_lock_irq(&dcbm_state_lock);
				list_add_tail(&c->node, &dcbm_lost);
				spin_unlock_irq(&dcbm_state_lock);
				continue;
			}
			dcbm_put_channel(c);
			kfree(c);
		}
		if (!dd->nr_lost)
			dcbm_free_device(dd);
	}
}

/**
 * dcbm_channel_terminate() - stop a channel, if that proves anything
 * @c: the channel, which the caller owns
 *
 * Not one that others use, whose descriptors would go with ours.
 *
 * Return: true when it is proven to be silent.
 */
bool dcbm_channel_terminate(struct dcbm_chan *c)
{
	return c->dd->terminate_quiet && !c->shared &&
	       !dmaengine_terminate_sync(c->chan);
}

/*
 * A channel by its name; @former: it was lost before dcbm was disabled. Lists change
 * under the mutex.
 */
static struct dcbm_chan *dcbm_find_channel(const char *name, bool *former)
{
	struct dcbm_device *dd;
	struct dcbm_chan *c;

	lockdep_assert_held(&dcbm_mutex);

	*former = false;
	list_for_each_entry(dd, &dcbm_devices, node)
		list_for_each_entry(c, &dd->chans, node)
			if (!strcmp(c->name, name))
				return c;
	*former = true;
	list_for_each_entry(c, &dcbm_lost, node)
		if (!strcmp(c->name, name))
			return c;
	pr_warn("there is no channel %s: see the names in debugfs, dcbm/channels\n", name);
	return NULL;
}

/* One that was lost before dcbm was disabled, and is not any more */
static void dcbm_put_former(struct dcbm_chan *c)
{
	struct dcbm_device *dd = c->dd;

	spin_lock_irq(&dcbm_state_lock);
	list_del(&c->node);
	spin_unlock_irq(&dcbm_state_lock);
	pr_info("%s (%s) is silent: given back\n", c->name, dd->provider);
	dcbm_put_channel(c);
	kfree(c);
	if (!--dd->nr_lost)
		dcbm_free_device(dd);
}

/**
 * dcbm_channel_rearm() - use a channel again that was taken out of use
 * @name: its name
 *
 * One that is quarantined is known to be silent. One that is lost has to be proven
 * to be; if dcbm has been disabled since, it then goes back to dmaengine.
 *
 * Return: 0, also for a channel that is in use; -ENOENT: there is none of that name;
 * -ENODEV: it has been given back, or is lost and its driver gone; -EBUSY: it is lost,
 * and nothing proves that it is silent.
 */
int dcbm_channel_rearm(const char *name)
{
	struct dcbm_chan *c;
	bool former;
	int ret;

	lockdep_assert_held(&dcbm_mutex);

	c = dcbm_find_channel(name, &former);
	if (!c)
		return -ENOENT;

	switch (READ_ONCE(c->state)) {
	case DCBM_IDLE:
	case DCBM_BUSY:
		return 0;
	case DCBM_GONE:
		pr_warn("%s has been given back: disable and enable dcbm to take it\n", name);
		return -ENODEV;
	case DCBM_LOST:
		ret = dcbm_lost_recover(c);
		if (ret)
			return ret;
		break;
	case DCBM_QUARANTINED:
		break;
	}

	if (former) {
		dcbm_put_former(c);
		return 0;
	}

	c->strikes = 0;
	spin_lock_irq(&dcbm_state_lock);
	c->state = DCBM_IDLE;
	spin_unlock_irq(&dcbm_state_lock);
	pr_info("%s (%s) is used again\n", name, c->dd->provider);
	return 0;
}

static bool dcbm_channel_is_busy(struct dcbm_chan *c)
{
	guard(spinlock_irq)(&dcbm_state_lock);
	return c->state == DCBM_BUSY;
}

/**
 * dcbm_channel_give_up() - give one channel back to dmaengine
 * @name: its name
 *
 * It gets no more jobs; one that is in flight is awaited, which is over in bounded
 * time.
 *
 * Return: 0; -ENOENT: there is none of that name; -ENODEV: it has been given back
 * already; -EBUSY: it is lost.
 */
int dcbm_channel_give_up(const char *name)
{
	struct dcbm_chan *c;
	bool former;
	int ret = 0;

	lockdep_assert_held(&dcbm_mutex);

	c = dcbm_find_channel(name, &former);
	if (!c)
		return -ENOENT;

	spin_lock_irq(&dcbm_state_lock);
	c->leaving = true;
	spin_unlock_irq(&dcbm_state_lock);
	wait_event(dcbm_idle_wait, !dcbm_channel_is_busy(c));

	spin_lock_irq(&dcbm_state_lock);
	c->leaving = false;
	if (c->state == DCBM_LOST)
		ret = -EBUSY;
	else if (c->state == DCBM_GONE)
		ret = -ENODEV;
	else
		c->state = DCBM_GONE;
	spin_unlock_irq(&dcbm_state_lock);

	if (ret == -EBUSY)
		pr_warn("%s (%s) is not given back: it is lost, and may access memory; see rearm=\n",
			name, c->dd->provider);
	if (ret)
		return ret;
	dcbm_put_channel(c);
	pr_info("gave %s (%s) back\n", name, c->dd->provider);
	return 0;
}

/* How many channels there are in each state. */
void dcbm_count_states(unsigned int nr[DCBM_LOST + 1])
{
	struct dcbm_device *dd;
	struct dcbm_chan *c;

	memset(nr, 0, (DCBM_LOST + 1) * sizeof(*nr));

	/* Perhaps called for a policy, with interrupts off. */
	guard(spinlock_irqsave)(&dcbm_state_lock);
	list_for_each_entry(dd, &dcbm_devices, node)
		list_for_each_entry(c, &dd->chans, node)
			nr[c->state]++;
	list_for_each_entry(c, &dcbm_lost, node)
		nr[c->state]++;
}

static const char * const dcbm_state_names[] = {
	[DCBM_IDLE]		= "idle",
	[DCBM_BUSY]		= "busy",
	[DCBM_QUARANTINED]	= "quarantined",
	[DCBM_GONE]		= "gone",
	[DCBM_LOST]		= "lost",
};

static void dcbm_channel_show(struct seq_file *s, const struct dcbm_chan *c)
{
	const struct dcbm_stats *st = &c->stats;

	seq_printf(s, "%s %s %s %d %s %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu\n",
		   c->name, dev_name(c->dd->parent), c->dd->provider, c->dd->nid,
		   dcbm_state_names[c->state], st->jobs, st->descs, st->bytes,
		   st->errors, st->mismatches, st->prep_failed, st->submit_failed, st->timed_out,
		   st->lost, st->busy_ns);
}

/* debugfs: one line for each channel */
int dcbm_channels_seq_show(struct seq_file *s, void *unused)
{
	struct dcbm_device *dd;
	struct dcbm_chan *c;

	seq_puts(s, "channel device provider node state jobs descriptors bytes errors mismatches prep_failed submit_failed timed_out lost busy_ns\n");

	/*
	 * Lists and names change under the mutex, counters under the spinlock.
	 * Not waiting for the mutex means not waiting for jobs to end.
	 */
	guard(spinlock_irq)(&dcbm_state_lock);
	list_for_each_entry(dd, &dcbm_devices, node)
		list_for_each_entry(c, &dd->chans, node)
			dcbm_channel_show(s, c);
	list_for_each_entry(c, &dcbm_lost, node)
		dcbm_channel_show(s, c);
	return 0;
}

/* debugfs: one line for each device and size of shares that is known */
int dcbm_costs_seq_show(struct seq_file *s, void *unused)
{
	struct dcbm_device *dd;
	unsigned int i;

	seq_puts(s, "device bytes ns\n");

	guard(spinlock_irq)(&dcbm_state_lock);
	list_for_each_entry(dd, &dcbm_devices, node)
		for (i = 0; i < DCBM_COST_CLASSES; i++)
			if (dd->costs.ns[i])
				seq_printf(s, "%s %lu %llu\n", dev_name(dd->parent),
					   PAGE_SIZE << i, dd->costs.ns[i]);
	return 0;
}

static bool dcbm_device_is_idle(struct dcbm_device *dd)
{
	struct dcbm_chan *c;

	guard(spinlock_irq)(&dcbm_state_lock);
	list_for_each_entry(c, &dd->chans, node)
		if (c->state == DCBM_BUSY)
			return false;
	return true;
}

/*
 * The driver of a lost channel goes, and the memory of the channel with it, whatever we
 * do: give it back as far as dmaengine is concerned, which would else find freed memory
 * in its lists. The pages, their mappings and the windows stay as they are for good: what
 * the engine does is not known, and for what is no device's any more nothing can be
 * unmapped.
 *
 * Returns true if it could be recovered at the last moment.
 */
static bool dcbm_close_lost(struct dcbm_chan *c)
{
	if (!c->chan)
		return false;
	if (!dcbm_lost_recover(c))
		return true;
	pr_err("%s (%s) is lost, and its driver is being unbound: its pages are lost for good, and it may corrupt memory\n",
	       c->name, c->dd->provider);
	if (c->shared)
		dcbm_shared_put();
	else
		dma_release_channel(c->chan);
	c->chan = NULL;
	return false;
}

static void dcbm_close_device(struct dcbm_device *dd)
{
	unsigned int nr = 0;
	struct dcbm_chan *c;

	spin_lock_irq(&dcbm_state_lock);
	dd->closing = true;
	spin_unlock_irq(&dcbm_state_lock);

	/* A job ends in bounded time. */
	wait_event(dcbm_idle_wait, dcbm_device_is_idle(dd));

	list_for_each_entry(c, &dd->chans, node) {
		if (c->state == DCBM_GONE ||
		    (c->state == DCBM_LOST && !dcbm_close_lost(c)))
			continue;
		dcbm_put_channel(c);
		spin_lock_irq(&dcbm_state_lock);
		c->state = DCBM_GONE;
		spin_unlock_irq(&dcbm_state_lock);
		nr++;
	}
	if (nr)
		pr_info("gave %u channels of %s (%s) back: a driver is being unbound\n",
			nr, dev_name(dd->parent), dd->provider);
}

static bool dcbm_device_is_shared(const struct dcbm_device *dd)
{
	struct dcbm_chan *c;

	list_for_each_entry(c, &dd->chans, node)
		if (c->shared && c->chan)
			return true;
	return false;
}

/**
 * dcbm_channels_close() - give the channels of a device back
 * @dev: the device whose driver provides them
 *
 * Jobs in flight are awaited. Lost channels stay lost, without a driver.
 */
void dcbm_channels_close(struct device *dev)
{
	struct dcbm_chan *c, *next;
	struct dcbm_device *dd;
	bool shared = false;

	lockdep_assert_held(&dcbm_mutex);

	list_for_each_entry(dd, &dcbm_devices, node)
		shared |= dd->parent == dev && dcbm_device_is_shared(dd);
	/* The reference on shared channels is one for those of all devices. */
	list_for_each_entry(dd, &dcbm_devices, node)
		if (dd->parent == dev || (shared && dcbm_device_is_shared(dd)))
			dcbm_close_device(dd);
	list_for_each_entry_safe(c, next, &dcbm_lost, node)
		if (c->dd->parent == dev && dcbm_close_lost(c))
			dcbm_put_former(c);
}
