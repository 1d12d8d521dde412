/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sizes of folios: a folio of order n has 2^n pages, and group->orders has bit n
 * set when one of that order is in the group.
 */
#ifndef _MIGRATE_EXT_ORDERS_BPF_H
#define _MIGRATE_EXT_ORDERS_BPF_H

#include <migrate_ext/types.bpf.h>

/* No folio is larger, on any architecture that has copy offload. */
#define MIGRATE_EXT_MAX_ORDER	20

/* The order of the smallest folio; MIGRATE_EXT_MAX_ORDER when there is none. */
static __always_inline u32 orders_lowest(u64 orders)
{
	u32 order = 0;

	while (order < MIGRATE_EXT_MAX_ORDER && !(orders & 1ULL << order))
		order++;
	return order;
}

/* The order of the largest folio; 0 when there is none. */
static __always_inline u32 orders_highest(u64 orders)
{
	u32 order = MIGRATE_EXT_MAX_ORDER;

	while (order && !(orders & 1ULL << order))
		order--;
	return order;
}

/* Is every folio of that order or a larger one? */
static __always_inline bool orders_at_least(u64 orders, u32 order)
{
	return order < 64 && !(orders & ((1ULL << (order & 63)) - 1));
}

#endif /* _MIGRATE_EXT_ORDERS_BPF_H */
