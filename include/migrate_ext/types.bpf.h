/* SPDX-License-Identifier: GPL-2.0 */
/* The types of the kernel, and what libbpf has for programs. */
#ifndef _MIGRATE_EXT_TYPES_BPF_H
#define _MIGRATE_EXT_TYPES_BPF_H

/*
 * vmlinux.h would declare the kfuncs of the kernel that it was made from. Those
 * for policies are declared in migrators.bpf.h and exit.bpf.h: what these headers
 * offer is the same whatever kernel lies at hand when a policy is compiled.
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

#define __MIGRATE_EXT_STR(x)	#x
#define __MIGRATE_EXT_TAG(str)	__attribute__((btf_decl_tag(str)))

#endif /* _MIGRATE_EXT_TYPES_BPF_H */
