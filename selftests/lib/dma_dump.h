/* SPDX-License-Identifier: GPL-2.0 */
/* What is mapped for a device now, as DMA_API_DEBUG knows it. */
#ifndef SELFTESTS_DMA_DUMP_H
#define SELFTESTS_DMA_DUMP_H

#include <stdint.h>

struct dma_mapped {
	unsigned int mappings;
	uint64_t bytes;
};

/* @device: its name; @direction: like DMA_TO_DEVICE. */
struct dma_mapped dma_mapped(const char *device, const char *direction);

#endif /* SELFTESTS_DMA_DUMP_H */
