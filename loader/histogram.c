// SPDX-License-Identifier: GPL-2.0
#include "histogram.h"

__u64 histogram_percentile(const __u64 *slots, size_t nr, double percent)
{
	__u64 all = 0, below = 0;
	double want;
	size_t i;

	for (i = 0; i < nr; i++)
		all += slots[i];
	if (!all)
		return 0;
	want = all * percent / 100;
	for (i = 0; i < nr; i++) {
		if (slots[i] && below + slots[i] >= want) {
			double low = i ? (double)(1ULL << i) : 0, high = (double)(1ULL << i) * 2;

			return low + (high - low) * (want - below) / slots[i];
		}
		below += slots[i];
	}
	return 0;
}
