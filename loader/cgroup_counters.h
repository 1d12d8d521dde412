/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a policy counts for each cgroup: members of the values of its maps, cgroup id ->
 * struct, that its author has declared so (CGROUP_COUNTER in migrate_ext/counters.bpf.h).
 */
#ifndef _MGX_CGROUP_COUNTERS_H
#define _MGX_CGROUP_COUNTERS_H

#include "mgx.h"

struct policy;

struct cgroup_counter {
	const char *name;
	const char *unit;	/* "" where there is none */
	const char *help;
	__u64 cgroup_id;	/* 0: what the policy counts for no cgroup alone */
	__u64 value;
};

/* Each of them, by counter and then by cgroup id. 0 or -errno. */
int cgroup_counters_each(const struct policy *policy,
			 void (*each)(const struct cgroup_counter *counter, void *arg), void *arg);

#endif /* _MGX_CGROUP_COUNTERS_H */
