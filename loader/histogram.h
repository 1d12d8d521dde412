/* SPDX-License-Identifier: GPL-2.0 */
/* Counts by powers of two. */
#ifndef _MGX_HISTOGRAM_H
#define _MGX_HISTOGRAM_H

#include "mgx.h"

/*
 * The value below which @percent of all are, by the counts of [2^n, 2^(n+1)):
 * interpolated, so exact to a factor of two. 0 without any.
 */
__u64 histogram_percentile(const __u64 *slots, size_t nr, double percent);

#endif /* _MGX_HISTOGRAM_H */
