// SPDX-License-Identifier: GPL-2.0
/*
 * mgx top: what was copied, added up by cgroup, reason and migrator, where it
 * happens. It costs something only while mgx top runs.
 */
#include "kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct watch_key);
	__type(value, struct watch_sum);
} sums SEC(".maps");

/* Too large for the stack. */
const struct watch_sum empty = {};

__u64 no_room;			/* copies that are in no sum */

static __always_inline struct watch_sum *sum_of(const struct watch_key *key)
{
	struct watch_sum *sum = bpf_map_lookup_elem(&sums, key);

	if (sum)
		return sum;
	/* Another CPU may be first: whoever is, the entry is there. */
	bpf_map_update_elem(&sums, key, &empty, BPF_NOEXIST);
	return bpf_map_lookup_elem(&sums, key);
}

static __always_inline void copied(const struct migrate_ext_group *group, __u32 migrator,
				   __u32 folios, __u64 bytes, __u64 ns, __u64 busy_ns)
{
	struct watch_key key = {
		.cgroup_id = group->cgroup_id,
		.reason = group->reason,
		.migrator = migrator,
	};
	struct watch_sum *sum = sum_of(&key);

	if (!sum) {
		add(no_room, 1);
		return;
	}
	add(sum->groups, 1);
	add(sum->folios, folios);
	add(sum->bytes, bytes);
	add(sum->ns, ns);
	add(sum->busy_ns, busy_ns);
	add(sum->slots[watch_slot(ns)], 1);
}

SEC("tp_btf/migrate_offload_copy")
int BPF_PROG(on_copy, const struct migrate_ext_group *group,
	     const struct migrate_ext_result *result)
{
	struct watch_key key = {
		.cgroup_id = group->cgroup_id,
		.reason = group->reason,
		.migrator = result->migrator,
	};
	struct watch_sum *sum;

	if (result->nr_parts > 1) {
#pragma unroll
		for (int i = 0; i < WATCH_PARTS; i++)
			if (i < result->nr_parts)
				copied(group, watch_part(result, i)->migrator, watch_part(result, i)->copied,
				       watch_part(result, i)->bytes_copied, watch_part(result, i)->ns,
				       watch_part(result, i)->busy_ns);
	} else if (result->copied) {
		copied(group, result->migrator, result->copied, result->bytes_copied, result->ns,
		       result->busy_ns);
	}

	sum = sum_of(&key);
	if (!sum)
		return 0;
	add(sum->offered, result->offered);
	add(sum->fallbacks, (__u64)result->refused + result->failed);
	return 0;
}

char _license[] SEC("license") = "GPL";
