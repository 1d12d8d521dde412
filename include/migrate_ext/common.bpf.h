/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one header of a migrate_ext policy.
 *
 * A policy is some callbacks, a struct migrate_ext_ops that names them, and
 * knobs that an operator may turn while it runs:
 *
 *	#include <migrate_ext/common.bpf.h>
 *
 *	KNOB(u64, min_bytes, 65536, "bytes", 0, 1073741824, "...");
 *
 *	u32 MIGRATE_EXT_PROG(my_select, const struct migrate_ext_group *group)
 *	{
 *		return group->bytes < knob_read(min_bytes) ? MIGRATOR_CPU : 0;
 *	}
 *
 *	MIGRATE_EXT_OPS(my, .select = (void *)my_select);
 *
 * What the callbacks are given and may answer stands in the kernel's
 * include/linux/migrate_ext.h, whose types vmlinux.h carries.
 */
#ifndef _MIGRATE_EXT_COMMON_BPF_H
#define _MIGRATE_EXT_COMMON_BPF_H

#include <migrate_ext/types.bpf.h>	/* vmlinux.h, libbpf's helpers */
#include <migrate_ext/compat.bpf.h>	/* kernels that lack something: what is promised */
#include <migrate_ext/ops.bpf.h>	/* MIGRATE_EXT_PROG, _SLEEPABLE, _OPS, _LICENSE */
#include <migrate_ext/knobs.bpf.h>	/* KNOB, KNOB_BOOL, KNOB_STR, knob_read, knob_str */
#include <migrate_ext/counters.bpf.h>	/* COUNTER, count */
#include <migrate_ext/cgroups.bpf.h>	/* cgroup_nearest */
#include <migrate_ext/results.bpf.h>	/* MIGRATE_EXT_RESULTS, results_add */
#include <migrate_ext/migrators.bpf.h>	/* who can copy, and what that costs */
#include <migrate_ext/reasons.bpf.h>	/* KNOB_REASONS, reason_is, reason_in, reason_name */
#include <migrate_ext/orders.bpf.h>	/* orders_lowest, orders_highest, orders_at_least */
#include <migrate_ext/exit.bpf.h>	/* migrate_exit, MIGRATE_EXT_RECORD_EXIT */

#endif /* _MIGRATE_EXT_COMMON_BPF_H */
