// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: taking channels, checking them, and giving them back
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>
#include <linux/topology.h>

#include "dcbm.h"

DEFINE_MUTEX(dcbm_mutex);		/* who holds channels; see dcbm.h */
DEFINE_SPINLOCK(dcbm_state_lock);	/* what they are doing; see dcbm.h */
DECLARE_WAIT_QUEUE_HEAD(dcbm_idle_wait);

LIST_HEAD(dcbm_devices);

/* Channels that are never released, of this enabling and of those before. */
static LIST_HEAD(dcbm_lost);
static unsigned int dcbm_lost_nr;

/**
 * struct dcbm_search - what the search for channels goes by
 * @trust: names of providers to be used in spite of everything
 * @owner: module of the provider whose channel is requested, with a reference
 * @refused: devices that have been refused, each with a line in the log
 * @nr_refused: how many
 */
struct dcbm_search {
	const char *trust;
	struct module *owner;
	const struct dma_device *refused[DCBM_MAX_CHANNELS];
	unsigned int nr_refused;
};

static bool dcbm_is_refused(const struct dcbm_search *search,
			    const struct dma_device *dma)
{
	unsigned int i;

	for (i = 0; i < search->nr_refused; i++)
		if (search->refused[i] == dma)
			return true;
	return false;
}

/* Says so once for each device, and not once for each of its channels. */
static void dcbm_refuse(struct dcbm_search *search, const struct dma_device *dma,
			const char *why)
{
	pr_warn("refused the channels of %s (%s): %s\n", dev_name(dma->dev),
		dev_driver_string(dma->dev), why);
	search->refused[search->nr_refused++] = dma;
}

/*
 * Called for each free channel, under the mutex of dmaengine. What can be judged
 * without having the channel is judged here, so that a channel that cannot be
 * used is left alone: requesting it would wake its device up, and keep the
 * public users of a provider away.
 */
static bool dcbm_may_request(struct dma_chan *chan, struct dcbm_search *search)
{
	const struct dcbm_provider *provider;
	struct dma_device *dma = chan->device;
	const char *name = dev_driver_string(dma->dev);

	/* With the record full, whatever was refused would be met again. */
	if (search->nr_refused == ARRAY_SIZE(search->refused) ||
	    dcbm_is_refused(search, dma))
		return false;

	if (dma->copy_align > PAGE_SHIFT) {
		dcbm_refuse(search, dma, "cannot copy single pages");
		return false;
	}

	if (dcbm_provider_is_trusted(name, search->trust))
		return true;

	provider = dcbm_provider_find(name);
	if (!provider) {
		dcbm_refuse(search, dma, "not reviewed, its results may mean nothing; see trust=");
		return false;
	}
	if (!provider->results) {
		dcbm_refuse(search, dma, "was reviewed, and is not safe to use; see trust=");
		return false;
	}
	return true;
}

/*
 * A provider that is being unloaded must not get as far as dma_chan_get(): when
 * that fails for want of the module, dmaengine takes the device off its list, and
 * unregistering the device will do so once more.
 */
static bool dcbm_filter(struct dma_chan *chan, void *param)
{
	struct dcbm_search *search = param;

	if (!dcbm_may_request(chan, search) || !try_module_get(chan->device->owner))
		return false;
	/* One for each try: the one before may have failed after all. */
	module_put(search->owner);
	search->owner = chan->device->owner;
	return true;
}

/*
 * What is mapped has to be the folio itself. A bounce buffer would be one more
 * copy by the CPU, and the pool of them is small: large folios do not fit, and
 * what the engine wrote gets to the folio only in unmap.
 *
 * dma-direct and dma-iommu refuse to bounce what is mapped with
 * DMA_ATTR_REQUIRE_COHERENT, so it is used wherever it can be. It cannot be where
 * the device is not coherent; there nothing is bounced either once the tests
 * below have passed, and the copy is complete after the unmap, which dcbm waits
 * for in any case before it reports a pair as copied.
 *
 * Returns NULL, or why the device cannot be used.
 */
static const char *dcbm_check_mapping(struct device *dev, unsigned long *attrs)
{
	const unsigned long tries[] = { DMA_ATTR_REQUIRE_COHERENT, 0 };
	const char *why = "memory cannot be mapped for it";
	struct page *page;
	unsigned int i;
	dma_addr_t addr;

	if (!dev->dma_mask)
		return "it has no DMA mask";
	/* Before the first mapping: dma-direct warns when an address is too high. */
	if (dma_addressing_limited(dev))
		return "its DMA mask does not cover all memory";
	if (is_swiotlb_force_bounce(dev) ||
	    dma_max_mapping_size(dev) < PAGE_SIZE << MAX_PAGE_ORDER)
		return "its memory goes through bounce buffers";

	page = alloc_page(GFP_KERNEL);
	if (!page)
		return "no memory for a trial mapping";

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		addr = dma_map_page_attrs(dev, page, 0, PAGE_SIZE,
					  DMA_BIDIRECTIONAL, tries[i]);
		if (dma_mapping_error(dev, addr))
			continue;
		dma_unmap_page_attrs(dev, addr, PAGE_SIZE, DMA_BIDIRECTIONAL,
				     tries[i]);
		*attrs = tries[i];
		why = NULL;
		break;
	}
	__free_page(page);
	return why;
}

static struct dcbm_device *dcbm_find_device(struct dma_device *dma,
					    struct device *dev)
{
	struct dcbm_device *dd;

	list_for_each_entry(dd, &dcbm_devices, node)
		if (dd->dma == dma && dd->dev == dev)
			return dd;
	return NULL;
}

static struct dcbm_device *dcbm_add_device(struct dcbm_search *search,
					   struct dma_device *dma,
					   struct device *dev)
{
	const struct dcbm_provider *provider;
	struct dcbm_device *dd;
	const char *why;

	dd = kzalloc_obj(*dd);
	if (!dd)
		return ERR_PTR(-ENOMEM);

	why = dcbm_check_mapping(dev, &dd->attrs);
	dd->max_piece = rounddown(min(dma_get_max_seg_size(dev), SZ_1G), PAGE_SIZE);
	if (!why && !dd->max_piece)
		why = "its segments are shorter than a page";
	if (why) {
		dcbm_refuse(search, dma, why);
		kfree(dd);
		return ERR_PTR(-ENODEV);
	}

	INIT_LIST_HEAD(&dd->chans);
	dd->dma = dma;
	dd->nid = dev_to_node(dev);
	dd->align = dma->copy_align;
	/*
	 * The driver may change or go at any time, but not its memory: the
	 * channel has a reference on its module.
	 */
	strscpy(dd->provider, dev_driver_string(dma->dev));

	provider = dcbm_provider_find(dd->provider);
	if (provider) {
		dd->results = provider->results;
		dd->abort_quiet = provider->abort_quiet;
		dd->terminate_quiet = provider->terminate_quiet;
		dd->depth = provider->depth;
	}
	if (!dd->results) {
		/* In "trust": nothing else can have passed the filter. */
		pr_warn("%s (%s) is used because it is trusted: whether its copies are good is not known\n",
			dev_name(dma->dev), dd->provider);
		dd->results = true;
	}

	/* Memory is mapped and unmapped even after the provider is unbound. */
	dd->dev = get_device(dev);
	dd->parent = get_device(dma->dev);
	return dd;
}

static void dcbm_free_device(struct dcbm_device *dd)
{
	put_device(dd->parent);
	put_device(dd->dev);
	kfree(dd);
}

/* Takes over @chan, whether or not it is of use. */
static int dcbm_add_channel(struct dcbm_search *search, struct dma_chan *chan)
{
	struct device *dev = dmaengine_get_dma_device(chan);
	struct dcbm_device *dd;
	struct dcbm_chan *c;

	c = kzalloc_obj(*c);
	if (!c) {
		dma_release_channel(chan);
		return -ENOMEM;
	}

	dd = dcbm_find_device(chan->device, dev);
	if (!dd) {
		dd = dcbm_add_device(search, chan->device, dev);
		if (IS_ERR(dd)) {
			kfree(c);
			dma_release_channel(chan);
			return PTR_ERR(dd);
		}
		spin_lock_irq(&dcbm_state_lock);
		list_add_tail(&dd->node, &dcbm_devices);
		spin_unlock_irq(&dcbm_state_lock);
	}

	c->dd = dd;
	c->chan = chan;
	c->state = DCBM_IDLE;
	strscpy(c->name, dma_chan_name(chan));

	spin_lock_irq(&dcbm_state_lock);
	list_add_tail(&c->node, &dd->chans);
	spin_unlock_irq(&dcbm_state_lock);
	return 0;
}

/**
 * dcbm_channels_take() - take what channels there are
 * @max: not more than so many
 * @trust: names of providers to be used in spite of everything
 *
 * Return: how many were taken; -ENODEV if none, or another error.
 */
int dcbm_channels_take(unsigned int max, const char *trust)
{
	struct dcbm_search *search;
	struct dma_chan *chan;
	dma_cap_mask_t mask;
	unsigned int nr = 0;
	int ret = -ENODEV;

	lockdep_assert_held(&dcbm_mutex);

	search = kzalloc_obj(*search);
	if (!search)
		return -ENOMEM;
	search->trust = trust;

	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	while (nr < max) {
		chan = dma_request_channel(mask, dcbm_filter, search);
		module_put(search->owner);
		search->owner = NULL;
		if (!chan)
			break;
		ret = dcbm_add_channel(search, chan);
		if (ret == -ENOMEM)
			break;
		if (!ret)
			nr++;
	}
	kfree(search);

	if (!nr)
		return ret ?: -ENODEV;
	return nr;
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
		bool lost = false;

		list_for_each_entry_safe(c, next, &dd->chans, node) {
			WARN_ON_ONCE(c->state == DCBM_BUSY);
			list_del(&c->node);
			if (c->state == DCBM_LOST) {
				spin_lock_irq(&dcbm_state_lock);
				list_add_tail(&c->node, &dcbm_lost);
				spin_unlock_irq(&dcbm_state_lock);
				lost = true;
				continue;
			}
			/* Waits for callbacks, as far as the provider can. */
			if (c->chan)
				dma_release_channel(c->chan);
			kfree(c);
		}
		list_del(&dd->node);
		/* A lost channel needs its device for the mappings that stay. */
		if (!lost)
			dcbm_free_device(dd);
	}
}

/**
 * dcbm_channel_lost() - a channel was lost
 * @c: the channel, in state DCBM_LOST
 *
 * Its callbacks may come at any time: this module has to stay.
 */
void dcbm_channel_lost(struct dcbm_chan *c)
{
	__module_get(THIS_MODULE);

	spin_lock_irq(&dcbm_state_lock);
	dcbm_lost_nr++;
	spin_unlock_irq(&dcbm_state_lock);

	pr_err("%s (%s) did not stop: it is lost, with the memory of its descriptors, and dcbm cannot be unloaded until the next boot\n",
	       c->name, c->dd->provider);
}

/* How many channels were lost since the module was loaded. */
unsigned int dcbm_nr_lost(void)
{
	guard(spinlock_irq)(&dcbm_state_lock);
	return dcbm_lost_nr;
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

	seq_printf(s, "%s %s %s %d %s %llu %llu %llu %llu %llu %llu %llu %llu %llu\n",
		   c->name, dev_name(c->dd->parent), c->dd->provider, c->dd->nid,
		   dcbm_state_names[c->state], st->jobs, st->descs, st->bytes,
		   st->errors, st->prep_failed, st->submit_failed, st->timed_out,
		   st->lost, st->busy_ns);
}

/* debugfs: one line for each channel */
int dcbm_channels_seq_show(struct seq_file *s, void *unused)
{
	struct dcbm_device *dd;
	struct dcbm_chan *c;

	seq_puts(s, "channel device provider node state jobs descriptors bytes errors prep_failed submit_failed timed_out lost busy_ns\n");

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

/*
 * When a provider is unbound from its device while dcbm holds channels, they
 * are given back first, after the jobs that are in flight. Nothing is mapped
 * for a device any more then when its driver is gone, and also providers without
 * device_release(), whose channels would be freed under their users, come off
 * safely. For devices of other buses the provider has to fail what it is given,
 * as those with device_release() do; dcbm takes such a channel out of use after
 * some failures.
 */

static bool dcbm_device_is_idle(struct dcbm_device *dd)
{
	struct dcbm_chan *c;

	guard(spinlock_irq)(&dcbm_state_lock);
	list_for_each_entry(c, &dd->chans, node)
		if (c->state == DCBM_BUSY)
			return false;
	return true;
}

static void dcbm_close_device(struct dcbm_device *dd)
{
	unsigned int nr = 0;
	struct dcbm_chan *c;

	lockdep_assert_held(&dcbm_mutex);

	spin_lock_irq(&dcbm_state_lock);
	dd->closing = true;
	spin_unlock_irq(&dcbm_state_lock);

	/* A job ends in bounded time. */
	wait_event(dcbm_idle_wait, dcbm_device_is_idle(dd));

	list_for_each_entry(c, &dd->chans, node) {
		if (c->state == DCBM_LOST) {
			pr_err("%s is lost: unbinding %s may corrupt memory\n",
			       c->name, dev_name(dd->parent));
			continue;
		}
		if (!c->chan)
			continue;
		dma_release_channel(c->chan);
		c->chan = NULL;
		spin_lock_irq(&dcbm_state_lock);
		c->state = DCBM_GONE;
		spin_unlock_irq(&dcbm_state_lock);
		nr++;
	}
	if (nr)
		pr_info("gave %u channels of %s (%s) back: the driver is being unbound\n",
			nr, dev_name(dd->parent), dd->provider);
}

static int dcbm_bus_notify(struct notifier_block *nb, unsigned long action,
			   void *data)
{
	struct device *dev = data;
	struct dcbm_device *dd;

	if (action != BUS_NOTIFY_UNBIND_DRIVER)
		return NOTIFY_DONE;

	guard(mutex)(&dcbm_mutex);
	list_for_each_entry(dd, &dcbm_devices, node)
		if (dd->parent == dev)
			dcbm_close_device(dd);
	return NOTIFY_OK;
}

static struct notifier_block dcbm_platform_nb = {
	.notifier_call = dcbm_bus_notify,
};

static struct notifier_block dcbm_pci_nb __maybe_unused = {
	.notifier_call = dcbm_bus_notify,
};

int dcbm_unbind_init(void)
{
	int ret;

	ret = bus_register_notifier(&platform_bus_type, &dcbm_platform_nb);
#ifdef CONFIG_PCI
	if (ret)
		return ret;
	ret = bus_register_notifier(&pci_bus_type, &dcbm_pci_nb);
	if (ret)
		bus_unregister_notifier(&platform_bus_type, &dcbm_platform_nb);
#endif
	return ret;
}

void dcbm_unbind_exit(void)
{
#ifdef CONFIG_PCI
	bus_unregister_notifier(&pci_bus_type, &dcbm_pci_nb);
#endif
	bus_unregister_notifier(&platform_bus_type, &dcbm_platform_nb);
}
