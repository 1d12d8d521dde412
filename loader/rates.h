/* SPDX-License-Identifier: GPL-2.0 */
/* What mgx top shows: sums of bpf/top.bpf.c, as rates of an interval. */
#ifndef _MGX_RATES_H
#define _MGX_RATES_H

#include "mgx.h"
#include "watch.h"

/* By what rows are told apart. */
enum rates_by {
	BY_CGROUP	= 1 << 0,
	BY_REASON	= 1 << 1,
	BY_MIGRATOR	= 1 << 2,
	BY_ALL		= BY_CGROUP | BY_REASON | BY_MIGRATOR,
};

enum rates_column {
	RATES_CGROUP,
	RATES_REASON,
	RATES_MIGRATOR,
	RATES_GROUPS,
	RATES_FOLIOS,
	RATES_BYTES,
	RATES_P50,
	RATES_P99,
	RATES_FALLBACKS,
	RATES_BUSY,
	RATES_NR_COLUMNS
};

struct rates_row {
	struct watch_key key;
	struct watch_sum sum;		/* of the interval */
	const char *cgroup;		/* NULL where rows are not told apart by it */
	const char *reason;
	const char *migrator;
	double groups, folios, bytes, fallbacks;	/* a second */
	double busy;			/* of the time of all its engines, 0 to 1 */
	__u64 p50_ns, p99_ns;
};

struct rates {
	double seconds;			/* that the interval had */
	size_t nr;
	struct rates_row *rows;
	struct rates_row total;
};

struct rates_source;

/* Begins to measure; NULL, with the exit status after saying what is wrong. */
struct rates_source *rates_open(struct mgx *mgx, const char *what, int *exit);
void rates_close(struct rates_source *source);

/*
 * What has come since the last call, or rates_open(). Only rows that had something,
 * and in whose cgroup, reason or migrator @filter occurs (NULL or "": all).
 */
void rates_take(struct rates_source *source, unsigned int by, const char *filter,
		struct rates *rates);
void rates_free(struct rates *rates);
void rates_sort(struct rates *rates, enum rates_column column, bool reverse);

/* Groups that are in no row, since rates_open(). */
__u64 rates_lost(const struct rates_source *source);

#endif /* _MGX_RATES_H */
