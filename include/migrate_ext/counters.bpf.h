/* SPDX-License-Identifier: GPL-2.0 */
/* Counters of the policy's own. */
#ifndef _MIGRATE_EXT_COUNTERS_BPF_H
#define _MIGRATE_EXT_COUNTERS_BPF_H

#include <migrate_ext/types.bpf.h>

/* A counter that `mgx status` shows with the policy; it only grows. */
#define COUNTER(id, help)						\
u64 id SEC(".bss.counters") __MIGRATE_EXT_TAG("counter:help=" help)

/*
 * Behind a member, a u64, of the struct that a map has for each cgroup (cgroup id -> struct):
 * `mgx status` shows it by the cgroups' paths. @unit: "ns", "bytes", ... or "".
 */
#define CGROUP_COUNTER(unit, help)					\
	__MIGRATE_EXT_TAG("counter:unit=" unit) __MIGRATE_EXT_TAG("counter:help=" help)

#define count(id, n)	((void)__sync_fetch_and_add(&(id), (n)))

#endif /* _MIGRATE_EXT_COUNTERS_BPF_H */
