// SPDX-License-Identifier: GPL-2.0
/*
 * arch: x86_64
 * vm: --mem 1024M --qemu "-device intel-iommu -device lsi53c895a" --append "intel_iommu=on iommu.passthrough=1"
 * timeout: 400
 *
 * What test_iommu_none.c does, past Intel's IOMMU, which lets everything through.
 */
#define DOMAIN	"identity"
#define LAZY	1
#include "test_iommu_none.c"
