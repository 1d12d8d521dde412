/* SPDX-License-Identifier: GPL-2.0 */
/* Is a running policy what is wanted? By what the kernel has of both. */
#ifndef _MGX_COMPARE_H
#define _MGX_COMPARE_H

#include "mgx.h"

struct policy;

enum compare_result {
	COMPARE_SAME,
	COMPARE_ONE_KNOB,	/* one store makes them the same */
	COMPARE_KNOBS,
	COMPARE_PROGRAMS,	/* or what is constant in them, or the ops */
};

/*
 * @knob: the name of the first knob that differs, NULL when none does; to be freed.
 * Negative: -errno, when one of them cannot be read.
 */
int compare_policies(const struct policy *running, const struct policy *wanted, char **knob);

/* The value of a knob of @from into @to, in one store. 0 or -errno. */
int compare_copy_knob(const struct policy *to, const struct policy *from, const char *knob);

#endif /* _MGX_COMPARE_H */
