// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: finding channels, and checking them
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/device.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/swiotlb.h>

#include "dcbm.h"

/**
 * struct dcbm_search - what the search for channels goes by
 * @trust: names of providers to be used in spite of everything
 * @verify: use all others, too, and compare each of their copies
 * @owner: module of the provider whose channel is requested, with a reference
 * @refused: devices that have been refused, each with a line in the log
 * @nr_refused: how many
 */
struct dcbm_search {
	const char *trust;
	bool verify;
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

	/* What is taken now would be used without its driver. */
	if (dcbm_is_unbinding(dma->dev)) {
		dcbm_refuse(search, dma, "its driver is being unbound");
		return false;
	}

	if (dma->copy_align > PAGE_SHIFT) {
		dcbm_refuse(search, dma, "cannot copy single pages");
		return false;
	}

	if (search->verify || dcbm_provider_is_trusted(name, search->trust))
		return true;

	provider = dcbm_provider_find(name);
	if (!provider) {
		dcbm_refuse(search, dma,
			    "not reviewed, its results may mean nothing; see verify= and trust=");
		return false;
	}
	if (!provider->results) {
		dcbm_refuse(search, dma,
			    "was reviewed, and is not safe to use; see verify= and trust=");
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
	dd->max_sg = dcbm_sg_limit(dma);
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
		dd->abort_quiet = provider->abort_quiet;
		dd->terminate_quiet = provider->terminate_quiet;
		dd->depth = provider->depth;
	}
	if (provider && provider->results) {
		/* Its word is enough. */
	} else if (search->verify) {
		/* For as long as it is used, whatever becomes of the parameter. */
		pr_notice("%s (%s) is used, and each of its copies is compared: whether they are good is not known\n",
			  dev_name(dma->dev), dd->provider);
		dd->verify = true;
	} else {
		/* In "trust": nothing else can have passed the filter. */
		pr_warn("%s (%s) is used because it is trusted: whether its copies are good is not known\n",
			dev_name(dma->dev), dd->provider);
	}

	/* Memory is mapped and unmapped even after the provider is unbound. */
	dd->dev = get_device(dev);
	dd->parent = get_device(dma->dev);
	return dd;
}

/* Whether or not it is of use, @chan stays the caller's if this fails. */
static int dcbm_add_channel(struct dcbm_search *search, struct dma_chan *chan,
			    bool shared)
{
	struct device *dev = dmaengine_get_dma_device(chan);
	struct dcbm_device *dd;
	struct dcbm_chan *c;

	c = kzalloc_obj(*c);
	if (!c)
		return -ENOMEM;

	dd = dcbm_find_device(chan->device, dev);
	if (!dd) {
		dd = dcbm_add_device(search, chan->device, dev);
		if (IS_ERR(dd)) {
			kfree(c);
			return PTR_ERR(dd);
		}
		spin_lock_irq(&dcbm_state_lock);
		list_add_tail(&dd->node, &dcbm_devices);
		spin_unlock_irq(&dcbm_state_lock);
	}

	c->dd = dd;
	c->chan = chan;
	c->shared = shared;
	c->state = DCBM_IDLE;
	strscpy(c->name, dma_chan_name(chan));
	dcbm_window_alloc(c);

	spin_lock_irq(&dcbm_state_lock);
	list_add_tail(&c->node, &dd->chans);
	spin_unlock_irq(&dcbm_state_lock);
	return 0;
}

static void dcbm_find_here(void *chan)
{
	*(struct dma_chan **)chan = dma_find_channel(DMA_MEMCPY);
}

static bool dcbm_has_channel(const struct dma_chan *chan)
{
	struct dcbm_device *dd;
	struct dcbm_chan *c;

	list_for_each_entry(dd, &dcbm_devices, node)
		list_for_each_entry(c, &dd->chans, node)
			if (c->chan == chan)
				return true;
	return false;
}

/*
 * A public channel that somebody else uses, too, cannot be requested: what there is then
 * is the channel that dmaengine has assigned to each CPU, which may be one for several.
 * There are none if all devices are private, or used by one client each.
 */
static unsigned int dcbm_take_shared(struct dcbm_search *search, unsigned int max)
{
	struct dma_chan *chan;
	unsigned int nr = 0;
	int cpu;

	dcbm_shared_get();
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		if (nr == max)
			break;
		/* dma_find_channel() is about the CPU that it is called on. */
		if (smp_call_function_single(cpu, dcbm_find_here, &chan, true) || !chan ||
		    dcbm_has_channel(chan) || !dcbm_may_request(chan, search))
			continue;
		if (dcbm_add_channel(search, chan, true))
			continue;
		dcbm_shared_get();
		nr++;
	}
	cpus_read_unlock();
	dcbm_shared_put();
	return nr;
}

/**
 * dcbm_channels_take() - take what channels there are
 * @max: not more than so many
 * @trust: names of providers to be used in spite of everything
 * @verify: use all others, too, and compare each of their copies
 *
 * Return: how many were taken; -ENODEV if none, or another error.
 */
int dcbm_channels_take(unsigned int max, const char *trust, bool verify)
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
	search->verify = verify;

	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	while (nr < max) {
		chan = dma_request_channel(mask, dcbm_filter, search);
		module_put(search->owner);
		search->owner = NULL;
		if (!chan)
			break;
		ret = dcbm_add_channel(search, chan, false);
		if (!ret) {
			nr++;
			continue;
		}
		dma_release_channel(chan);
		if (ret == -ENOMEM)
			break;
	}
	if (nr < max && ret != -ENOMEM)
		nr += dcbm_take_shared(search, max - nr);
	kfree(search);

	if (!nr)
		return ret ?: -ENODEV;
	return nr;
}
