// SPDX-License-Identifier: GPL-2.0
/*
 * arch: x86_64
 * vm: --mem 1024M --qemu "-device virtio-iommu-pci -device lsi53c895a" --append "iommu.strict=1"
 * timeout: 400
 *
 * What test_iommu_none.c does, behind a virtio-iommu.
 */
#define DOMAIN	"DMA"
#include "test_iommu_none.c"
