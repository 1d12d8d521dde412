/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mgx bench: its parts. The memory that is moved is our own, in a cgroup of its own, and a
 * policy for that cgroup alone chooses who copies: nobody else's pages are treated otherwise,
 * and when we are killed the policy goes with us.
 */
#ifndef _MGX_BENCH_H
#define _MGX_BENCH_H

#include "mgx.h"

#define BENCH_MAX_MIGRATORS	8
#define BENCH_NONE		"none"	/* nothing is copied ahead: as without the patch */

/* One kind of group, and one who copies it. */
struct bench_cell {
	unsigned int order;		/* of the folios */
	__u64 bytes;			/* of a group */
	const char *migrator;
	size_t nr;			/* samples that count */
	double *ns;			/* of move_pages(2), for 1 MiB */
	double *copy_ns;		/* of the copy alone, by the kernel, for 1 MiB */
	const char *left_out;		/* why there are no samples; NULL */
	/* by bench_sum_up() */
	double mean, low, high;		/* of ns, and its 95 % interval */
	double copy_mean;
};

struct bench {
	struct mgx *mgx;
	const char *what;
	int nodes[2];
	__u64 sample_bytes;		/* that one sample moves */
	unsigned long repetitions;
	__u64 *groups;			/* bytes, ascending */
	size_t nr_groups;
	unsigned int *orders;		/* ascending */
	size_t nr_orders;
	char *migrators[BENCH_MAX_MIGRATORS];
	size_t nr_migrators;
	bool emulated;			/* the engine is none */

	struct bench_cell *cells;	/* by order, group, migrator */
	size_t nr_cells;
};

/* bench_run.c: 0, or the exit status after saying why not; all is as it was in either case. */
int bench_run(struct bench *bench);
/* Does this kernel give us folios of that order? */
bool bench_has_order(unsigned int order);

/* bench_sum.c: means and intervals; what follows from them. */
void bench_sum_up(struct bench *bench);
struct bench_cell *bench_cell(const struct bench *bench, unsigned int order, __u64 bytes,
			      const char *migrator);
void bench_propose(struct bench *bench);

/* bench_plot.c */
int bench_plot_check(struct mgx *mgx, const char *what, const char *path);
int bench_plot(const struct bench *bench, const char *path);

#endif /* _MGX_BENCH_H */
