/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Other kernels than the one that a policy was built for.
 *
 * What is promised: an object that was built with this header and the vmlinux.h of
 * one kernel works on any kernel with migrate_ext, older or younger, as long as
 *
 *  - structs are read by their members. vmlinux.h has them relocated (CO-RE): a member
 *    is found wherever the running kernel has it. One that may not be there is asked
 *    for first: bpf_core_field_exists(group->member).
 *  - a kfunc that may not be there is declared weak and asked for first:
 *
 *	extern u32 bpf_migrate_new(u32 id) __ksym __weak;
 *
 *	if (bpf_ksym_exists(bpf_migrate_new))
 *		x = bpf_migrate_new(id);
 *
 *    The branch that is not taken is not verified. Those of this header are in every
 *    kernel with migrate_ext, so they are not weak: without them there is nothing to
 *    load a policy into, and the error says which one is missing. One that a later
 *    kernel brings comes into this header as weak, with a function around it that does
 *    without, and with the version of that kernel beside it.
 *  - numbers that name things are asked for by name: reason_is(), bpf_core_enum_value().
 *  - members of struct migrate_ext_ops that the running kernel does not have are 0.
 *    libbpf drops those. One that is set makes the load fail, and the error names it:
 *    a callback that is never called, or a limit that is not kept, is not what the
 *    author meant. Who wants both puts two ops into one object, the second one with
 *    fewer members, and chooses by `mgx load --name`; or clears the member in a loader
 *    of his own before he loads.
 *
 * What is not promised: that the kernel keeps anything. Like kfuncs, the members of
 * these structs may change with it, see include/linux/migrate_ext.h there; then an
 * object fails to load, with a message that says why, and never runs wrong.
 */
#ifndef _MIGRATE_EXT_COMPAT_BPF_H
#define _MIGRATE_EXT_COMPAT_BPF_H

#include <migrate_ext/types.bpf.h>

/* In libbpf since 1.2. */
#ifndef bpf_ksym_exists
#define bpf_ksym_exists(sym)						\
({									\
	_Static_assert(!__builtin_constant_p(!!sym),			\
		       #sym " should be marked as __weak");		\
	!!sym;								\
})
#endif

#endif /* _MIGRATE_EXT_COMPAT_BPF_H */
