// SPDX-License-Identifier: GPL-2.0
#include "dma_dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"

#define DMA_DUMP	"/sys/kernel/debug/dma-api/dump"

struct dma_mapped dma_mapped(const char *device, const char *direction)
{
	struct dma_mapped mapped = {};
	const char *length;
	char line[512];
	FILE *file = fopen(DMA_DUMP, "re");

	REQUIRE(file, DMA_DUMP ": %m");
	while (fgets(line, sizeof(line), file)) {
		length = strstr(line, " L=");
		if (!length || !strstr(line, device) || !strstr(line, direction))
			continue;
		mapped.mappings++;
		mapped.bytes += strtoull(length + 3, NULL, 16);
	}
	fclose(file);
	return mapped;
}
