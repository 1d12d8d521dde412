/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a policy has ended, as its callback exit() writes it down: the layout of the
 * variable exit_record in the section .data.exit, for the policy and for whoever
 * reads it.
 */
#ifndef _MIGRATE_EXT_EXIT_RECORD_H
#define _MIGRATE_EXT_EXIT_RECORD_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/**
 * struct migrate_ext_exit_record - the last end of a policy
 * @ends: how often it has ended: each attachment and each update has its end; 0: not
 *	yet, and nothing else is set
 * @kind: an enum migrate_ext_exit_kind of the kernel
 * @code: the policy's own for bpf_migrate_exit(); see the kernel's
 *	struct migrate_ext_exit_info
 * @reason: the kind in words
 * @msg: what there was to say about it
 */
struct migrate_ext_exit_record {
	__u32 ends;
	__u32 kind;
	__s64 code;
	char reason[32];
	char msg[128];
};

#endif /* _MIGRATE_EXT_EXIT_RECORD_H */
