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

/*
 * vmlinux.h would declare the kfuncs of the kernel that it was made from. Those
 * for policies are declared below: what this header offers is the same whatever
 * kernel lies at hand when a policy is compiled.
 */
#ifndef BPF_NO_KFUNC_PROTOTYPES
#define BPF_NO_KFUNC_PROTOTYPES
#endif
/*
 * The kernel embeds tagged structs without a name (-fms-extensions). A policy
 * that wants members of those needs the flag too; no other should be told.
 */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wmissing-declarations"
#pragma clang diagnostic ignored "-Wmicrosoft-anon-tag"
#include "vmlinux.h"
#pragma clang diagnostic pop
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <migrate_ext/results.h>

#define __MIGRATE_EXT_STR(x)	#x
#define __MIGRATE_EXT_TAG(str)	__attribute__((btf_decl_tag(str)))

/* --- kfuncs ---------------------------------------------------------------*/

/*
 * Where nothing else is said, they are allowed from batch_pages(), eligible(),
 * select() and init().
 */

/*
 * The id of the migrator of that name, for select() to return; 0 when there
 * was none of that name since boot.
 */
extern u32 bpf_migrate_migrator_id(const char *name, size_t name__sz) __ksym;

/*
 * Would the migrator of that id be given a job at this moment? It may go at any
 * time; choosing one that has gone does no harm.
 */
extern bool bpf_migrate_migrator_ready(u32 id) __ksym;

/*
 * What the migrator is doing at this moment, and what its copies have cost so
 * far. 0; -ENOENT: there was none of that id since boot; -EINVAL: another size.
 */
extern int bpf_migrate_migrator_state(u32 id, struct migrate_ext_migrator_state *state,
				      size_t state__sz) __ksym;

/*
 * How long the migrator will take for a job of so many bytes in so many folios, in
 * nanoseconds, by what such jobs have taken it; 0: not known.
 */
extern u64 bpf_migrate_cost_ns(u32 id, u64 bytes, u32 folios) __ksym;

/*
 * Gives the @nr folios from position @first of the group on to a migrator; the
 * answer of select(), which must not be 0 then, is for all others. 0; -EINVAL: no
 * such folios, or assigned before; -ENOENT: no such migrator now; -ENOSPC: more
 * than 8 times for one group. Allowed from select() alone.
 */
extern int bpf_migrate_assign(const struct migrate_ext_group *group, u32 first, u32 nr,
			      u32 id) __ksym;

/*
 * Switches this policy off: it is not asked any more, until its link is updated.
 * Code and message are for the operator. 0; -EALREADY: it is ending already;
 * -EOPNOTSUPP: the program is part of several struct_ops maps. Allowed from every
 * callback but exit(); from init(), attaching fails.
 */
extern int bpf_migrate_exit(s64 code, const char *msg, size_t msg__sz) __ksym;

/* --- the policy -----------------------------------------------------------*/

/*
 * A callback: its return type, then MIGRATE_EXT_PROG(function, parameters...).
 */
#define MIGRATE_EXT_PROG(fn, params...)					\
SEC("struct_ops/" #fn) BPF_PROG(fn, ##params)

/* The same for init() and exit(), the callbacks that may sleep. */
#define MIGRATE_EXT_SLEEPABLE(fn, params...)				\
SEC("struct_ops.s/" #fn) BPF_PROG(fn, ##params)

/*
 * The policy @id, of at most 15 characters of [A-Za-z0-9_.]. The variable is
 * <id>_ops: the name of the map, and of the pin that bpftool makes.
 */
#define MIGRATE_EXT_OPS(id, ...)					\
_Static_assert(sizeof(#id) <= sizeof(((struct migrate_ext_ops *)0)->name), \
	       "the name of policy " #id " is too long");		\
SEC(".struct_ops.link")							\
struct migrate_ext_ops id##_ops = {					\
	__VA_ARGS__,							\
	.name = #id,							\
}

#define MIGRATE_EXT_LICENSE						\
char _license[] SEC("license") = "GPL"

/* --- knobs ----------------------------------------------------------------*/

/*
 * A knob is a variable in the section .data.knobs: a map that any tool finds by
 * the program's map ids, and whose BTF has name, type and place of each. Unit,
 * range and help are BTF decl tags of the variable, so that they travel along.
 *
 * @min and @max must be plain numbers (123, -5, 0x1000), for the tools to read.
 * Tools that do not look at the range can store anything: read a knob by
 * knob_read(), which brings it into the range. One that is read twice may
 * change in between; two that must agree have to be changed by a live update.
 */
#define KNOB(type, id, dflt, unit, min, max, help)			\
_Static_assert((dflt) >= (min) && (dflt) <= (max),			\
	       "the default of knob " #id " is out of its range");	\
volatile type id SEC(".data.knobs")					\
	__MIGRATE_EXT_TAG("knob:unit=" unit)				\
	__MIGRATE_EXT_TAG("knob:min=" __MIGRATE_EXT_STR(min))		\
	__MIGRATE_EXT_TAG("knob:max=" __MIGRATE_EXT_STR(max))		\
	__MIGRATE_EXT_TAG("knob:help=" help) = (dflt);			\
static __always_inline type id##__clamped(void)				\
{									\
	type value = id, low = (min), high = (max);			\
									\
	return value < low ? low : value > high ? high : value;		\
}									\
extern int id##__knob_ends_here

#define knob_read(id)	id##__clamped()

/* A switch: 0 or 1. */
#define KNOB_BOOL(id, dflt, help)					\
volatile bool id SEC(".data.knobs")					\
	__MIGRATE_EXT_TAG("knob:help=" help) = (dflt)

/* A string of at most @size - 1 characters, always terminated by the tools. */
#define KNOB_STR(id, size, dflt, help)					\
volatile char id[size] SEC(".data.knobs")				\
	__MIGRATE_EXT_TAG("knob:unit=string")				\
	__MIGRATE_EXT_TAG("knob:help=" help) = (dflt)

/* The pair (name, size) that bpf_migrate_migrator_id() takes. */
#define knob_str(id)	(const char *)(id), sizeof(id)

/* --- counters -------------------------------------------------------------*/

/* A counter that `mgx status` shows with the policy; it only grows. */
#define COUNTER(id, help)						\
u64 id SEC(".bss.counters") __MIGRATE_EXT_TAG("counter:help=" help)

#define count(id, n)	((void)__sync_fetch_and_add(&(id), (n)))

/*
 * The map of what became of the folios, see results.h. @nr: how many kinds of
 * folios (cgroup, orders, reason, migrator) it can tell apart; what does not
 * fit is counted in results_lost. Preallocated, for done() must not allocate.
 */
#define MIGRATE_EXT_RESULTS(nr)						\
COUNTER(results_lost, "groups that found no room in the map results");	\
struct {								\
	__uint(type, BPF_MAP_TYPE_HASH);				\
	__uint(max_entries, (nr));					\
	__type(key, struct migrate_ext_results_key);			\
	__type(value, struct migrate_ext_results);			\
} results SEC(".maps")

#define results_add(group, result)					\
do {									\
	if (!__results_add(&results, (group), (result)))		\
		count(results_lost, 1);					\
} while (0)

static __always_inline bool
__results_add(void *map, const struct migrate_ext_group *group,
	      const struct migrate_ext_result *result)
{
	const struct migrate_ext_results zero = {};
	const struct migrate_ext_results_key key = {
		.cgroup_id	= group->cgroup_id,
		.orders		= group->orders,
		.reason		= group->reason,
		.migrator	= result->migrator,
	};
	struct migrate_ext_results *sum = bpf_map_lookup_elem(map, &key);

	if (!sum) {
		/* Another CPU may be first: whoever is, the entry is there. */
		bpf_map_update_elem(map, &key, &zero, BPF_NOEXIST);
		sum = bpf_map_lookup_elem(map, &key);
		if (!sum)
			return false;
	}

	count(sum->batches, 1);
	count(sum->offered, result->offered);
	count(sum->taken, result->taken);
	count(sum->refused, result->refused);
	count(sum->copied, result->copied);
	count(sum->failed, result->failed);
	count(sum->consumed, result->consumed);
	count(sum->discarded, result->discarded);
	count(sum->bytes, result->bytes_copied);
	count(sum->ns, result->ns);
	count(sum->busy_ns, result->busy_ns);
	return true;
}

#endif /* _MIGRATE_EXT_COMMON_BPF_H */
