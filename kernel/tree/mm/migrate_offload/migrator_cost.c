// SPDX-License-Identifier: GPL-2.0
/*
 * What a migrator's jobs have cost so far, to tell what the next one will. The
 * cost of a byte depends on the size of the folios, because each has to be mapped
 * and described to an engine, and on that of the job, because some of it has to
 * be paid once.
 */

#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/time64.h>

#include "internal.h"

static unsigned int size_class(u64 bytes, u32 folios)
{
	u64 pages = div_u64(bytes, folios) >> PAGE_SHIFT;

	if (pages <= 1)
		return 0;
	if (pages <= 16)
		return 1;
	return pages < PMD_SIZE >> PAGE_SHIFT ? 2 : 3;
}

static unsigned int job_class(u64 bytes)
{
	unsigned int class = 0;

	while (class < MIGRATOR_JOB_CLASSES - 1 && bytes > (u64)SZ_16K << 2 * class)
		class++;
	return class;
}

/* A job of @folios folios, @bytes together, took @ns. */
void migrator_costs_add(struct migrator_costs *costs, u64 bytes, u32 folios,
			u64 ns)
{
	unsigned int sc = size_class(bytes, folios);
	unsigned long cost;

	/*
	 * Bounded, whatever a migrator says, so that nothing overflows here or in
	 * migrator_costs_ns(); and 0 stands for "not measured".
	 */
	ns = min_t(u64, ns, 3600 * NSEC_PER_SEC);
	cost = clamp_t(u64, mul_u64_u64_div_u64(ns, SZ_1M, bytes), 1, U32_MAX);

	/* One of two updates at the same time may be lost: no harm. */
	ewma_migrator_cost_add(&costs->cost[sc][job_class(bytes)], cost);
	ewma_migrator_cost_add(&costs->all[sc], cost);
}

/* In nanoseconds for 1 MiB of such folios, 0: not measured. */
u64 migrator_costs_all(struct migrator_costs *costs, unsigned int size_class)
{
	return ewma_migrator_cost_read(&costs->all[size_class]);
}

/*
 * How long such a job is expected to take, in nanoseconds; 0: not known. Of at
 * most U32_MAX bytes, more than any batch has.
 */
u64 migrator_costs_ns(struct migrator_costs *costs, u64 bytes, u32 folios)
{
	unsigned int sc = size_class(bytes, folios), jc = job_class(bytes);
	u64 cost = 0;
	int distance;

	/* The nearest job size that has been measured, the smaller one first. */
	for (distance = 0; !cost && distance < MIGRATOR_JOB_CLASSES; distance++) {
		if (distance <= jc)
			cost = ewma_migrator_cost_read(&costs->cost[sc][jc - distance]);
		if (!cost && jc + distance < MIGRATOR_JOB_CLASSES)
			cost = ewma_migrator_cost_read(&costs->cost[sc][jc + distance]);
	}
	return cost * bytes / SZ_1M;
}
