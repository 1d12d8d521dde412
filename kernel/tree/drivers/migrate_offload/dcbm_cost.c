// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: what copies take
 *
 * Whether it is worth polling for the end of a job is decided by what jobs of that
 * size have taken, on that device.
 */

#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "dcbm.h"

/* How much a new measurement counts: a quarter */
#define DCBM_COST_SHIFT		2

static unsigned int dcbm_cost_class(u64 bytes)
{
	unsigned int order = ilog2(max_t(u64, bytes, PAGE_SIZE)) - PAGE_SHIFT;

	return min(order, DCBM_COST_CLASSES - 1U);
}

/**
 * dcbm_cost_add() - a channel has copied its share of a job
 * @costs: of its device
 * @bytes: size of the share
 * @ns: from the first descriptor's submission to the last one's completion
 *
 * Under dcbm_state_lock.
 */
void dcbm_cost_add(struct dcbm_costs *costs, u64 bytes, u64 ns)
{
	u64 *mean = &costs->ns[dcbm_cost_class(bytes)];

	lockdep_assert_held(&dcbm_state_lock);

	ns = max_t(u64, ns, 1);
	*mean = *mean ? *mean - (*mean >> DCBM_COST_SHIFT) + (ns >> DCBM_COST_SHIFT) : ns;
	*mean = max_t(u64, *mean, 1);
}

/**
 * dcbm_cost_expect() - how long will a share take?
 * @costs: of the device
 * @bytes: size of the share
 *
 * From the next size that is known: a smaller one's time in proportion, which is too
 * much rather than too little, else a larger one's. Under dcbm_state_lock.
 *
 * Return: nanoseconds, or 0 when nothing is known.
 */
u64 dcbm_cost_expect(const struct dcbm_costs *costs, u64 bytes)
{
	unsigned int class = dcbm_cost_class(bytes), i;

	lockdep_assert_held(&dcbm_state_lock);

	for (i = class + 1; i-- > 0;)
		if (costs->ns[i])
			return costs->ns[i] << (class - i);
	for (i = class + 1; i < DCBM_COST_CLASSES; i++)
		if (costs->ns[i])
			return costs->ns[i];
	return 0;
}
