// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ZynqMP DMA driver, with its unit tests, for machines that cannot have it: these need
 * no hardware.
 */
#define CONFIG_XILINX_ZYNQMP_DMA_KUNIT_TEST 1

#include "zynqmp_dma.c"
