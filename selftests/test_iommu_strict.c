// SPDX-License-Identifier: GPL-2.0
/*
 * arch: x86_64
 * vm: --mem 1024M --qemu "-device intel-iommu -device lsi53c895a" --append "intel_iommu=on iommu.strict=1"
 * timeout: 400
 *
 * What test_iommu_none.c does, behind Intel's IOMMU, which is told of what is unmapped
 * at once: an engine that comes late is kept away, and the kernel's log has the fault.
 */
#define DOMAIN	"DMA"
#include "test_iommu_none.c"
