// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: when a provider is unbound from its device
 *
 * The channels are given back first, after the jobs that are in flight. Nothing is
 * mapped for a device any more then when its driver is gone, and also providers
 * without device_release(), whose channels would be freed under their users, come
 * off safely. Until the driver has gone, its channels are not taken again.
 *
 * For devices of other buses the provider has to fail what it is given, as those
 * with device_release() do; dcbm takes such a channel out of use after some failures.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/array_size.h>
#include <linux/device.h>
#include <linux/pci.h>
#include <linux/platform_device.h>

#include "dcbm.h"

/*
 * Devices that are losing their drivers now, whatever they are. Under dcbm_mutex.
 * If there are more of them than fit, nothing is taken as long.
 */
static struct device *dcbm_unbinding[16];
static unsigned int dcbm_unbinding_more;

/**
 * dcbm_is_unbinding() - is a device about to lose its driver?
 * @dev: the device
 *
 * Return: true if it is, or might be.
 */
bool dcbm_is_unbinding(struct device *dev)
{
	unsigned int i;

	lockdep_assert_held(&dcbm_mutex);

	for (i = 0; i < ARRAY_SIZE(dcbm_unbinding); i++)
		if (dcbm_unbinding[i] == dev)
			return true;
	return dcbm_unbinding_more;
}

static void dcbm_unbind_begins(struct device *dev)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dcbm_unbinding); i++) {
		if (!dcbm_unbinding[i]) {
			dcbm_unbinding[i] = dev;
			return;
		}
	}
	dcbm_unbinding_more++;
}

static void dcbm_unbind_ends(struct device *dev)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dcbm_unbinding); i++) {
		if (dcbm_unbinding[i] == dev) {
			dcbm_unbinding[i] = NULL;
			return;
		}
	}
	/* Not for one whose unbinding had begun before this module was there. */
	if (dcbm_unbinding_more)
		dcbm_unbinding_more--;
}

static int dcbm_bus_notify(struct notifier_block *nb, unsigned long action,
			   void *data)
{
	struct device *dev = data;

	if (action != BUS_NOTIFY_UNBIND_DRIVER &&
	    action != BUS_NOTIFY_UNBOUND_DRIVER)
		return NOTIFY_DONE;

	guard(mutex)(&dcbm_mutex);
	if (action == BUS_NOTIFY_UNBIND_DRIVER) {
		dcbm_unbind_begins(dev);
		dcbm_channels_close(dev);
	} else {
		dcbm_unbind_ends(dev);
	}
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
