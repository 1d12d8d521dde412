/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The engine of selftests/modules/lsi_*.c, QEMU's lsi53c895a, as a test sees it: a bus
 * master with 32-bit addresses, behind whatever IOMMU the VM has.
 */
#ifndef SELFTESTS_LSI_H
#define SELFTESTS_LSI_H

#include <stdint.h>

/* Both modules fresh, the engine with these parameters; dcbm trusts it and is on. */
void lsi_start(const char *params);
/* The engine alone. */
void lsi_start_alone(const char *params);
/* Both modules unloaded. */
void lsi_stop(void);
void lsi_set(const char *parameter, const char *value);
/* A line of its status. */
uint64_t lsi_count(const char *name);
/* The name of its PCI device, like 0000:00:04.0. */
const char *lsi_device(void);
/* Type of its IOMMU domain, or "none" where there is no IOMMU. */
const char *lsi_domain(void);
/* Copies, unmaps, copies again; see lsi_stale.c. */
void lsi_after_unmap(void);

#endif /* SELFTESTS_LSI_H */
