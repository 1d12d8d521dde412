// SPDX-License-Identifier: GPL-2.0
/*
 * mgx trace: the trace events of copy offload, filtered where they happen. Whatever
 * finds no room in the buffer is counted: matched = written + lost, always.
 */
#include "kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WATCH_MIGRATORS);
	__type(key, __u32);
	__type(value, struct watch_hist);
} hists SEC(".maps");

/* Filters: what is 0 lets everything pass. */
const volatile __u64 reasons;
const volatile __u64 cgroup_id;
const volatile __u32 migrator_id;
const volatile __u64 slower_ns;
const volatile bool with_events = true;
const volatile bool with_hist;
const volatile int cgroup_level;

struct watch_counts counts;

static __always_inline bool in_cgroup(__u64 id)
{
	bool in = false;
	struct cgroup *cgrp, *up;

	if (!cgroup_id || id == cgroup_id)
		return true;
	if (!bpf_cgroup_from_id || !bpf_cgroup_ancestor || !bpf_cgroup_release)
		return false;
	cgrp = bpf_cgroup_from_id(id);
	if (!cgrp)
		return false;
	if (cgrp->level > cgroup_level) {
		/* Whose id it is the next look says, of its own. */
		up = bpf_cgroup_ancestor(cgrp, cgroup_level);
		if (up) {
			struct cgroup *want = bpf_cgroup_from_id(cgroup_id);

			if (want) {
				in = want == up;
				bpf_cgroup_release(want);
			}
			bpf_cgroup_release(up);
		}
	}
	bpf_cgroup_release(cgrp);
	return in;
}

static __always_inline bool has_reason(__u32 reason)
{
	return !reasons || reasons & 1ULL << (reason & 63);
}

static __always_inline struct watch_event *reserve(__u32 kind)
{
	struct watch_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		add(counts.lost, 1);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_ns();
	event->kind = kind;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	return event;
}

static __always_inline bool by_migrator(const struct migrate_ext_result *result)
{
	if (!migrator_id || result->migrator == migrator_id)
		return true;
#pragma unroll
	for (int i = 0; i < WATCH_PARTS; i++)
		if (i < result->nr_parts && watch_part(result, i)->migrator == migrator_id)
			return true;
	return false;
}

static __always_inline void measure(__u32 migrator, __u64 ns, __u64 bytes)
{
	struct watch_hist *hist = bpf_map_lookup_elem(&hists, &migrator);

	if (!hist)
		return;
	add(hist->ns[watch_slot(ns)], 1);
	add(hist->bytes[watch_slot(bytes)], 1);
}

SEC("tp_btf/migrate_offload_copy")
int BPF_PROG(on_copy, const struct migrate_ext_group *group,
	     const struct migrate_ext_result *result)
{
	struct watch_event *event;

	add(counts.seen, 1);
	if (!has_reason(group->reason) || result->ns < slower_ns || !by_migrator(result) ||
	    !in_cgroup(group->cgroup_id))
		return 0;
	add(counts.matched, 1);
	if (with_hist && result->copied) {
		if (result->nr_parts > 1) {
#pragma unroll
			for (int i = 0; i < WATCH_PARTS; i++)
				if (i < result->nr_parts && (!migrator_id ||
				    watch_part(result, i)->migrator == migrator_id))
					measure(watch_part(result, i)->migrator, watch_part(result, i)->ns,
						watch_part(result, i)->bytes_copied);
		} else {
			measure(result->migrator, result->ns, result->bytes_copied);
		}
	}
	if (!with_events)
		return 0;
	event = reserve(WATCH_COPY);
	if (!event)
		return 0;
	event->cgroup_id = group->cgroup_id;
	event->orders = group->orders;
	event->reason = group->reason;
	event->mode = group->mode;
	event->flags = group->flags;
	event->src_nid = group->src_nid;
	event->dst_nid = group->dst_nid;
	event->migrator = result->migrator;
	event->offered = result->offered;
	event->taken = result->taken;
	event->refused = result->refused;
	event->copied = result->copied;
	event->failed = result->failed;
	event->consumed = result->consumed;
	event->discarded = result->discarded;
	event->bytes = result->bytes_copied;
	event->ns = result->ns;
	event->busy_ns = result->busy_ns;
	event->nr_parts = result->nr_parts;
#pragma unroll
	for (int i = 0; i < WATCH_PARTS; i++) {
		if (i < result->nr_parts) {
			event->parts[i].migrator = watch_part(result, i)->migrator;
			event->parts[i].copied = watch_part(result, i)->copied;
			event->parts[i].bytes = watch_part(result, i)->bytes_copied;
			event->parts[i].ns = watch_part(result, i)->ns;
		}
	}
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp_btf/migrate_offload_batch")
int BPF_PROG(on_batch, __u32 mode, __u32 reason, __u32 flags, __u32 groups, __u32 policies,
	     __u32 jobs, __u32 folios)
{
	struct watch_event *event;

	add(counts.seen, 1);
	if (!has_reason(reason))
		return 0;
	add(counts.matched, 1);
	event = reserve(WATCH_BATCH);
	if (!event)
		return 0;
	event->mode = mode;
	event->reason = reason;
	event->flags = flags;
	event->groups = groups;
	event->policies = policies;
	event->jobs = jobs;
	event->folios = folios;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp_btf/migrate_offload_fallback")
int BPF_PROG(on_fallback, const struct migrate_ext_group *group, __u32 migrator,
	     const char *cause, __u64 folios)
{
	struct watch_event *event;

	add(counts.seen, 1);
	if (!has_reason(group->reason) || (migrator_id && migrator != migrator_id) ||
	    !in_cgroup(group->cgroup_id))
		return 0;
	add(counts.matched, 1);
	event = reserve(WATCH_FALLBACK);
	if (!event)
		return 0;
	event->cgroup_id = group->cgroup_id;
	event->reason = group->reason;
	event->mode = group->mode;
	event->flags = group->flags;
	event->src_nid = group->src_nid;
	event->dst_nid = group->dst_nid;
	event->migrator = migrator;
	event->folios = folios;
	bpf_probe_read_kernel_str(event->cause, sizeof(event->cause), cause);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
