/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What mgx reads of the kernel's structs, by name: libbpf finds their places in the
 * running kernel, so mgx is built without one.
 */
#ifndef _MGX_BPF_KERNEL_H
#define _MGX_BPF_KERNEL_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "watch.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct migrate_ext_group {
	__u64 cgroup_id;
	__u64 orders;
	__u32 reason;
	__u32 mode;
	__u32 flags;
	__s32 src_nid;
	__s32 dst_nid;
};

struct migrate_ext_part {
	__u32 migrator;
	__u32 copied;
	__u64 bytes_copied;
	__u64 ns;
	__u64 busy_ns;
};

struct migrate_ext_result {
	__u32 migrator;
	__u32 offered;
	__u32 taken;
	__u32 refused;
	__u32 copied;
	__u32 failed;
	__u32 consumed;
	__u32 discarded;
	__u64 bytes_copied;
	__u64 ns;
	__u64 busy_ns;
	__u32 nr_parts;
	struct migrate_ext_part parts[WATCH_PARTS];
};

struct cgroup {
	int level;
};

#pragma clang attribute pop

/* The kernel's struct may be larger than what is named here, and its array wider. */
static __always_inline const struct migrate_ext_part *
watch_part(const struct migrate_ext_result *result, int i)
{
	return (const void *)result + __builtin_preserve_field_info(result->parts, BPF_FIELD_BYTE_OFFSET) +
	       i * bpf_core_type_size(struct migrate_ext_part);
}

extern struct cgroup *bpf_cgroup_from_id(__u64 cgid) __ksym __weak;
extern struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level) __ksym __weak;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym __weak;

static __always_inline __u32 watch_slot(__u64 value)
{
	__u32 slot = 0;

#pragma unroll
	for (int shift = 32; shift; shift >>= 1) {
		if (value >> shift) {
			value >>= shift;
			slot += shift;
		}
	}
	return slot < WATCH_SLOTS ? slot : WATCH_SLOTS - 1;
}

#define add(place, n)	((void)__sync_fetch_and_add(&(place), (n)))

#endif /* _MGX_BPF_KERNEL_H */
