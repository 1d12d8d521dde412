// SPDX-License-Identifier: GPL-2.0
/*
 * lsi_dma: a dmaengine provider for tests, whose copies are made by the SCSI controller
 * lsi53c895a of QEMU (PCI 1000:0012): a bus master that nobody here wrote, behind an IOMMU
 * that translates and faults. Its SCRIPTS processor has an instruction that moves memory.
 * In an emulator the moves cost the guest nothing.
 *
 *	qemu-system-x86_64 ... -device lsi53c895a
 *	insmod lsi_dma.ko channels=4
 *
 * A controller has one SCRIPTS processor. Its channels take turns: what they have to do is
 * gathered into a script of at most LSI_CHAIN moves that ends with an interrupt.
 *
 * Results: a script that ran to its end interrupts with bit SIR in DSTAT, and with its own
 * number in DSPS. Anything else fails all its descriptors. The controller does not notice
 * what an IOMMU kept from it (neither does QEMU's model of it have bits for that), so the
 * page tables are asked whether everything is mapped when it has been moved (check=Y):
 * stricter than hardware could be, which is what is wanted of a test.
 *
 * Terminate: what waits is taken off; if the controller works on a descriptor of the
 * channel, it is reset, and what it had of other channels is begun anew.
 *
 * Time: with latency_ns and mbps a channel is through with a descriptor when an engine with
 * such figures would be. That is a model. The bytes move at the end of that time, all at
 * once, as late as the model allows.
 *
 * Addresses have 32 bits. Without an IOMMU all memory must be below 4 GiB.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>

#include "lsi_dma.h"

static unsigned int channels = 4;
module_param(channels, uint, 0444);
MODULE_PARM_DESC(channels, "Channels of each controller (1..32, default: 4)");

bool lsi_hold;
unsigned int lsi_dead;

static LIST_HEAD(lsi_devs);
static DEFINE_MUTEX(lsi_mutex);		/* protects lsi_devs */

static int lsi_hold_set(const char *val, const struct kernel_param *kp)
{
	struct lsi_dev *ld;
	int ret = param_set_bool(val, kp);

	guard(mutex)(&lsi_mutex);
	list_for_each_entry(ld, &lsi_devs, node) {
		spin_lock_irq(&ld->lock);
		lsi_start(ld);
		spin_unlock_irq(&ld->lock);
	}
	return ret;
}

static const struct kernel_param_ops lsi_hold_ops = {
	.set = lsi_hold_set,
	.get = param_get_bool,
};
module_param_cb(hold, &lsi_hold_ops, &lsi_hold, 0644);
MODULE_PARM_DESC(hold, "Do not begin anything as long as it is Y (default: N)");

static int lsi_dead_set(const char *val, const struct kernel_param *kp)
{
	struct lsi_dev *ld;
	int ret = param_set_uint(val, kp);
	unsigned int i;

	guard(mutex)(&lsi_mutex);
	list_for_each_entry(ld, &lsi_devs, node) {
		spin_lock_irq(&ld->lock);
		for (i = 0; i < ld->nr_chans && lsi_is_modelled(); i++)
			lsi_model_begin(ld, &ld->chans[i]);
		spin_unlock_irq(&ld->lock);
	}
	return ret;
}

static const struct kernel_param_ops lsi_dead_ops = {
	.set = lsi_dead_set,
	.get = param_get_uint,
};
module_param_cb(dead, &lsi_dead_ops, &lsi_dead, 0644);
MODULE_PARM_DESC(dead, "Channels that begin nothing as long as they are in this mask; modelled ones only (default: 0)");

static int lsi_status_show(struct seq_file *s, void *unused)
{
	struct lsi_dev *ld = s->private;
	struct list_head *at;
	unsigned int ripe = 0;

	spin_lock_irq(&ld->lock);
	list_for_each(at, &ld->ripe)
		ripe++;
	seq_printf(s, "descriptors %llu\nmoves %llu\nbytes %llu\nscripts %llu\n",
		   ld->stats.descs, ld->stats.moves, ld->stats.bytes, ld->stats.scripts);
	seq_printf(s, "failed %llu\nunmapped %llu\nresets %llu\nripe %u\nrunning %u\n",
		   ld->stats.failed, ld->stats.unmapped, ld->stats.resets, ripe, ld->nr_running);
	seq_printf(s, "after_unmap_pages %u\nafter_unmap_before %u\nafter_unmap_after %u\n",
		   ld->after[0], ld->after[1], ld->after[2]);
	spin_unlock_irq(&ld->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(lsi_status);

static int lsi_map_device(struct pci_dev *pdev, struct lsi_dev *ld)
{
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ld->regs = pcim_iomap_region(pdev, 1, KBUILD_MODNAME);
	if (IS_ERR(ld->regs))
		return PTR_ERR(ld->regs);
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(32));
	if (ret)
		return ret;
	dma_set_max_seg_size(&pdev->dev, LSI_MAX_LEN);
	ld->script = dmam_alloc_coherent(&pdev->dev, lsi_script_size(), &ld->script_bus,
					 GFP_KERNEL);
	if (!ld->script)
		return -ENOMEM;
	pci_set_master(pdev);
	lsi_reset(ld);
	return ld->broken ? -EIO : 0;
}

static int lsi_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	unsigned int nr = clamp(channels, 1, LSI_MAX_CHANNELS);
	struct lsi_dev *ld;
	int ret;

	ld = devm_kzalloc(&pdev->dev, struct_size(ld, chans, nr), GFP_KERNEL);
	if (!ld)
		return -ENOMEM;
	ld->nr_chans = nr;
	ld->dev = &pdev->dev;
	spin_lock_init(&ld->lock);
	INIT_LIST_HEAD(&ld->ripe);
	hrtimer_setup(&ld->timer, lsi_model_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	pci_set_drvdata(pdev, ld);

	ret = lsi_map_device(pdev, ld);
	if (ret)
		return ret;
	ret = request_irq(pdev->irq, lsi_irq, IRQF_SHARED, KBUILD_MODNAME, ld);
	if (ret)
		return ret;
	lsi_client_init(ld);
	ret = dma_async_device_register(&ld->dma);
	if (ret) {
		free_irq(pdev->irq, ld);
		return ret;
	}

	ld->dir = debugfs_create_dir(pci_name(pdev), debugfs_lookup(KBUILD_MODNAME, NULL));
	debugfs_create_file("status", 0444, ld->dir, ld, &lsi_status_fops);
	debugfs_create_file("after_unmap", 0200, ld->dir, ld, &lsi_after_unmap_fops);
	scoped_guard(mutex, &lsi_mutex)
		list_add_tail(&ld->node, &lsi_devs);
	dev_info(&pdev->dev, "test engine over QEMU's SCSI controller, %u channels\n", nr);
	return 0;
}

static void lsi_remove(struct pci_dev *pdev)
{
	struct lsi_dev *ld = pci_get_drvdata(pdev);

	scoped_guard(mutex, &lsi_mutex)
		list_del(&ld->node);
	debugfs_remove_recursive(ld->dir);
	/* Clients have given their channels back; DCBM does when a driver is unbound. */
	dma_async_device_unregister(&ld->dma);
	hrtimer_cancel(&ld->timer);
	lsi_interrupts(ld, false);
	free_irq(pdev->irq, ld);
	lsi_reset(ld);
	pci_clear_master(pdev);
}

static const struct pci_device_id lsi_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_LSI_LOGIC, PCI_DEVICE_ID_LSI_53C895A) },
	{ }
};
MODULE_DEVICE_TABLE(pci, lsi_ids);

static struct pci_driver lsi_driver = {
	.name = KBUILD_MODNAME,
	.id_table = lsi_ids,
	.probe = lsi_probe,
	.remove = lsi_remove,
};

static int __init lsi_init(void)
{
	struct dentry *dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	int ret = pci_register_driver(&lsi_driver);

	if (ret)
		debugfs_remove_recursive(dir);
	return ret;
}
module_init(lsi_init);

static void __exit lsi_exit(void)
{
	pci_unregister_driver(&lsi_driver);
	debugfs_lookup_and_remove(KBUILD_MODNAME, NULL);
}
module_exit(lsi_exit);

MODULE_DESCRIPTION("Test: a dmaengine provider over QEMU's lsi53c895a");
MODULE_AUTHOR("The migrate_ext authors");
MODULE_LICENSE("GPL");
