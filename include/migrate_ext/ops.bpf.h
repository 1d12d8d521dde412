/* SPDX-License-Identifier: GPL-2.0 */
/* The policy itself: its callbacks, and the struct that names them. */
#ifndef _MIGRATE_EXT_OPS_BPF_H
#define _MIGRATE_EXT_OPS_BPF_H

#include <migrate_ext/types.bpf.h>

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
	.name = #id,							\
	__VA_ARGS__							\
}

#define MIGRATE_EXT_LICENSE						\
char _license[] SEC("license") = "GPL"

#endif /* _MIGRATE_EXT_OPS_BPF_H */
