/* SPDX-License-Identifier: GPL-2.0 */
/* Knobs: what an operator may change while the policy runs. */
#ifndef _MIGRATE_EXT_KNOBS_BPF_H
#define _MIGRATE_EXT_KNOBS_BPF_H

#include <migrate_ext/types.bpf.h>

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
_Static_assert((type)(min) == (min) && (type)(max) == (max),		\
	       "the range of knob " #id " is more than its type has");	\
volatile type id SEC(".data.knobs")					\
	__MIGRATE_EXT_TAG("knob:unit=" unit)				\
	__MIGRATE_EXT_TAG("knob:min=" __MIGRATE_EXT_STR(min))		\
	__MIGRATE_EXT_TAG("knob:max=" __MIGRATE_EXT_STR(max))		\
	__MIGRATE_EXT_TAG("knob:help=" help) = (dflt);			\
static __always_inline type id##__clamped(void)				\
{									\
	type ___value = id, ___low = (min), ___high = (max);		\
									\
	return ___value < ___low ? ___low :				\
	       ___value > ___high ? ___high : ___value;			\
}									\
extern int id##__knob_ends_here

#define knob_read(id)	id##__clamped()

/* A switch: 0 or 1. */
#define KNOB_BOOL(id, dflt, help)					\
volatile bool id SEC(".data.knobs")					\
	__MIGRATE_EXT_TAG("knob:help=" help) = (dflt)

/* A string of at most @size - 1 characters, always terminated by the tools. */
#define KNOB_STR(id, size, dflt, help)					\
_Static_assert(sizeof(dflt) <= (size),					\
	       "the default of knob " #id " has no room for its end");	\
volatile char id[size] SEC(".data.knobs")				\
	__MIGRATE_EXT_TAG("knob:unit=string")				\
	__MIGRATE_EXT_TAG("knob:help=" help) = (dflt)

/*
 * A number that each cgroup may have of its own: a map of at most @places, cgroup id ->
 * u32, for bpf_map_lookup_elem(&id, &cgroup_id); who is not in it has none. Operators name
 * cgroups by their paths, `mgx tune POLICY id:/web=1`. What is in the map goes along when
 * the policy is replaced by another that has such a map of that name. @id: at most 15
 * characters, the name of the map.
 */
#define CGROUP_KNOB(id, places, unit, min, max, help)			\
_Static_assert(sizeof(#id) <= 16, "the name of a map is cut: " #id);	\
struct {								\
	__uint(type, BPF_MAP_TYPE_HASH);				\
	__uint(max_entries, places);					\
	__type(key, u64);						\
	__type(value, u32);						\
} id SEC(".maps")							\
	__MIGRATE_EXT_TAG("knob:unit=" unit)				\
	__MIGRATE_EXT_TAG("knob:min=" __MIGRATE_EXT_STR(min))		\
	__MIGRATE_EXT_TAG("knob:max=" __MIGRATE_EXT_STR(max))		\
	__MIGRATE_EXT_TAG("knob:help=" help)

/* The pair (name, size) that bpf_migrate_migrator_id() takes. */
#define knob_str(id)	(const char *)(id), sizeof(id)

#endif /* _MIGRATE_EXT_KNOBS_BPF_H */
