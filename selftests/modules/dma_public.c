// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma_public: a client of dmaengine's public channels, for as long as it is loaded
 *
 * While there is one, as async_tx is, a public channel cannot be had by one client alone.
 */

#include <linux/dmaengine.h>
#include <linux/module.h>

static int __init dma_public_init(void)
{
	dmaengine_get();
	return 0;
}
module_init(dma_public_init);

static void __exit dma_public_exit(void)
{
	dmaengine_put();
}
module_exit(dma_public_exit);

MODULE_AUTHOR("The migrate_ext authors");
MODULE_DESCRIPTION("A client of dmaengine's public channels");
MODULE_LICENSE("GPL");
