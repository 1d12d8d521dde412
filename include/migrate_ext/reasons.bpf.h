/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why pages move: enum migrate_reason, sets of them, and their names.
 */
#ifndef _MIGRATE_EXT_REASONS_BPF_H
#define _MIGRATE_EXT_REASONS_BPF_H

#include <migrate_ext/knobs.bpf.h>

/*
 * The bit of a reason in a set, REASON(MR_DEMOTION) | REASON(MR_DAMON), by the
 * number that it had where the policy was compiled. For defaults of knobs.
 */
#define REASON(id)	(1U << (id))
#define REASONS_ALL	0x7ff

/*
 * A set of reasons as a knob: `mgx tune` takes and shows their names, which are
 * those of the running kernel.
 */
#define KNOB_REASONS(id, dflt, help)	KNOB(u32, id, dflt, "reasons", 0, 0x7ff, help)

/* Is it one of the set? Whatever reasons come to be, the shift stays in bounds. */
static __always_inline bool reason_in(u32 set, u32 reason)
{
	return reason < 32 && set & 1U << (reason & 31);
}

/*
 * Is it that one? Asked by name: reason_is(call->reason, MR_DEMOTION) is right also
 * on a kernel that numbers them otherwise, and false on one that has no such reason.
 */
#define reason_is(reason, id)						\
	(bpf_core_enum_value_exists(enum migrate_reason, id) &&		\
	 (reason) == (u32)bpf_core_enum_value(enum migrate_reason, id))

/* Its name, as `mgx` writes it, for a message; "other" for one of a later kernel. */
static __always_inline const char *reason_name(u32 reason)
{
	if (reason_is(reason, MR_COMPACTION))
		return "compaction";
	if (reason_is(reason, MR_MEMORY_FAILURE))
		return "memory_failure";
	if (reason_is(reason, MR_MEMORY_HOTPLUG))
		return "memory_hotplug";
	if (reason_is(reason, MR_SYSCALL))
		return "syscall_or_cpuset";
	if (reason_is(reason, MR_MEMPOLICY_MBIND))
		return "mempolicy_mbind";
	if (reason_is(reason, MR_NUMA_MISPLACED))
		return "numa_misplaced";
	if (reason_is(reason, MR_CONTIG_RANGE))
		return "contig_range";
	if (reason_is(reason, MR_LONGTERM_PIN))
		return "longterm_pin";
	if (reason_is(reason, MR_DEMOTION))
		return "demotion";
	if (reason_is(reason, MR_DAMON))
		return "damon";
	return "other";
}

#endif /* _MIGRATE_EXT_REASONS_BPF_H */
