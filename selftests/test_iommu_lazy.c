// SPDX-License-Identifier: GPL-2.0
/*
 * arch: x86_64
 * vm: --mem 1024M --qemu "-device intel-iommu -device lsi53c895a" --append "intel_iommu=on iommu.strict=0"
 * timeout: 400
 *
 * What test_iommu_none.c does, behind Intel's IOMMU, which is told of what is unmapped
 * some time later only: until then the engine can write to it. Lazy protects nobody.
 */
#define DOMAIN	"DMA-FQ"
#define LAZY	1
#include "test_iommu_none.c"
