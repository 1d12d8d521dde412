/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events of copy offload, in the same system as those of migration,
 * whose names for the reasons they use: include trace/events/migrate.h first.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM migrate

#if !defined(_MM_MIGRATE_OFFLOAD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _MM_MIGRATE_OFFLOAD_TRACE_H

#include <linux/tracepoint.h>

#include "internal.h"

/* Once per batch, before its groups: how it was cut up. */
TRACE_EVENT(migrate_offload_batch,
	    TP_PROTO(enum migrate_mode mode, enum migrate_reason reason,
		     u32 flags, u32 groups, u32 policies, u32 jobs, u32 folios),
	    TP_ARGS(mode, reason, flags, groups, policies, jobs, folios),
	    TP_STRUCT__entry(__field(enum migrate_mode, mode)
			     __field(enum migrate_reason, reason)
			     __field(u32, flags)
			     __field(u32, groups)
			     __field(u32, policies)
			     __field(u32, jobs)
			     __field(u32, folios)),
	    TP_fast_assign(__entry->mode = mode;
			   __entry->reason = reason;
			   __entry->flags = flags;
			   __entry->groups = groups;
			   __entry->policies = policies;
			   __entry->jobs = jobs;
			   __entry->folios = folios;),
	    TP_printk("mode=%s reason=%s flags=%s groups=%u policies=%u jobs=%u folios=%u",
		      __print_symbolic(__entry->mode, MIGRATE_MODE),
		      __print_symbolic(__entry->reason, MIGRATE_REASON),
		      __print_flags(__entry->flags, "|",
				    { MIGRATE_EXT_IN_RECLAIM,	"reclaim" },
				    { MIGRATE_EXT_KTHREAD,		"kthread" }),
		      __entry->groups, __entry->policies, __entry->jobs,
		      __entry->folios)
);

/* Once per batch, cgroup, pair of nodes, folio order and kind: what was decided. */
TRACE_EVENT(migrate_offload_decision,
	    TP_PROTO(const struct migrate_ext_call *call, bool may_batch),
	    TP_ARGS(call, may_batch),
	    TP_STRUCT__entry(__field(u64, cgroup_id)
			     __field(u32, mode)
			     __field(u32, reason)
			     __field(s32, src_nid)
			     __field(s32, dst_nid)
			     __field(u32, order)
			     __field(u32, kind)
			     __field(bool, may_batch)),
	    TP_fast_assign(__entry->cgroup_id = call->cgroup_id;
			   __entry->mode = call->mode;
			   __entry->reason = call->reason;
			   __entry->src_nid = call->src_nid;
			   __entry->dst_nid = call->dst_nid;
			   __entry->order = call->order;
			   __entry->kind = call->kind;
			   __entry->may_batch = may_batch;),
	    TP_printk("mode=%s reason=%s cgroup=%llu src=%d dst=%d order=%u kind=%s answer=%s",
		      __print_symbolic(__entry->mode, MIGRATE_MODE),
		      __print_symbolic(__entry->reason, MIGRATE_REASON),
		      __entry->cgroup_id, __entry->src_nid, __entry->dst_nid,
		      __entry->order,
		      __print_symbolic(__entry->kind,
				       { MIGRATE_EXT_ANON,	"anon" },
				       { MIGRATE_EXT_FILE,	"file" },
				       { MIGRATE_EXT_SHMEM,	"shmem" }),
		      __entry->may_batch ? "batch" : "single")
);

/* Once per group, when its folios have been moved: what became of it. */
TRACE_EVENT(migrate_offload_copy,
	    TP_PROTO(const struct migrate_ext_group *group,
		     const struct migrate_ext_result *result),
	    TP_ARGS(group, result),
	    TP_STRUCT__entry(__field(u32, reason)
			     __field(u64, cgroup_id)
			     __field(s32, src_nid)
			     __field(s32, dst_nid)
			     __field(u64, orders)
			     __string(migrator, migrator_name(result->migrator))
			     __field(u32, offered)
			     __field(u32, taken)
			     __field(u32, refused)
			     __field(u32, copied)
			     __field(u32, failed)
			     __field(u32, consumed)
			     __field(u32, discarded)
			     __field(u64, bytes)
			     __field(u64, ns)
			     __field(u64, busy_ns)),
	    TP_fast_assign(__entry->reason = group->reason;
			   __entry->cgroup_id = group->cgroup_id;
			   __entry->src_nid = group->src_nid;
			   __entry->dst_nid = group->dst_nid;
			   __entry->orders = group->orders;
			   __assign_str(migrator);
			   __entry->offered = result->offered;
			   __entry->taken = result->taken;
			   __entry->refused = result->refused;
			   __entry->copied = result->copied;
			   __entry->failed = result->failed;
			   __entry->consumed = result->consumed;
			   __entry->discarded = result->discarded;
			   __entry->bytes = result->bytes_copied;
			   __entry->ns = result->ns;
			   __entry->busy_ns = result->busy_ns;),
	    TP_printk("reason=%s cgroup=%llu src=%d dst=%d orders=%#llx migrator=%s offered=%u taken=%u refused=%u copied=%u failed=%u consumed=%u discarded=%u bytes=%llu ns=%llu busy_ns=%llu",
		      __print_symbolic(__entry->reason, MIGRATE_REASON),
		      __entry->cgroup_id, __entry->src_nid, __entry->dst_nid,
		      __entry->orders, __get_str(migrator), __entry->offered,
		      __entry->taken, __entry->refused, __entry->copied,
		      __entry->failed, __entry->consumed, __entry->discarded,
		      __entry->bytes, __entry->ns, __entry->busy_ns)
);

/* When several migrators took part in a group: once for each of them. */
TRACE_EVENT(migrate_offload_part,
	    TP_PROTO(const struct migrate_ext_group *group,
		     const struct migrate_ext_part *part),
	    TP_ARGS(group, part),
	    TP_STRUCT__entry(__field(u32, reason)
			     __field(u64, cgroup_id)
			     __string(migrator, migrator_name(part->migrator))
			     __field(u32, taken)
			     __field(u32, copied)
			     __field(u64, bytes)
			     __field(u64, begin_ns)
			     __field(u64, ns)
			     __field(u64, busy_ns)),
	    TP_fast_assign(__entry->reason = group->reason;
			   __entry->cgroup_id = group->cgroup_id;
			   __assign_str(migrator);
			   __entry->taken = part->taken;
			   __entry->copied = part->copied;
			   __entry->bytes = part->bytes_copied;
			   __entry->begin_ns = part->begin_ns;
			   __entry->ns = part->ns;
			   __entry->busy_ns = part->busy_ns;),
	    TP_printk("reason=%s cgroup=%llu migrator=%s taken=%u copied=%u bytes=%llu begin_ns=%llu ns=%llu busy_ns=%llu",
		      __print_symbolic(__entry->reason, MIGRATE_REASON),
		      __entry->cgroup_id, __get_str(migrator), __entry->taken,
		      __entry->copied, __entry->bytes, __entry->begin_ns,
		      __entry->ns, __entry->busy_ns)
);

/* For each cause why folios of a group were not copied ahead. */
TRACE_EVENT(migrate_offload_fallback,
	    TP_PROTO(const struct migrate_ext_group *group, u32 migrator,
		     const char *cause, u64 folios),
	    TP_ARGS(group, migrator, cause, folios),
	    TP_STRUCT__entry(__field(u32, reason)
			     __field(u64, cgroup_id)
			     __string(migrator, migrator_name(migrator))
			     __string(cause, cause)
			     __field(u64, folios)),
	    TP_fast_assign(__entry->reason = group->reason;
			   __entry->cgroup_id = group->cgroup_id;
			   __assign_str(migrator);
			   __assign_str(cause);
			   __entry->folios = folios;),
	    TP_printk("reason=%s cgroup=%llu migrator=%s cause=%s folios=%llu",
		      __print_symbolic(__entry->reason, MIGRATE_REASON),
		      __entry->cgroup_id, __get_str(migrator), __get_str(cause),
		      __entry->folios)
);

/* Something became of a policy: attach, update, detach, eject. */
TRACE_EVENT(migrate_offload_policy,
	    TP_PROTO(const char *event, const char *name, u64 cgroup_id,
		     u32 map_id),
	    TP_ARGS(event, name, cgroup_id, map_id),
	    TP_STRUCT__entry(__string(event, event)
			     __string(name, name)
			     __field(u64, cgroup_id)
			     __field(u32, map_id)),
	    TP_fast_assign(__assign_str(event);
			   __assign_str(name);
			   __entry->cgroup_id = cgroup_id;
			   __entry->map_id = map_id;),
	    TP_printk("event=%s policy=%s cgroup=%llu map=%u", __get_str(event),
		      __get_str(name), __entry->cgroup_id, __entry->map_id)
);

/* Something became of a migrator: register, unregister, quarantine, rearm. */
TRACE_EVENT(migrate_offload_migrator,
	    TP_PROTO(const char *event, const char *name, u32 id),
	    TP_ARGS(event, name, id),
	    TP_STRUCT__entry(__string(event, event)
			     __string(name, name)
			     __field(u32, id)),
	    TP_fast_assign(__assign_str(event);
			   __assign_str(name);
			   __entry->id = id;),
	    TP_printk("event=%s migrator=%s id=%u", __get_str(event),
		      __get_str(name), __entry->id)
);

#endif /* _MM_MIGRATE_OFFLOAD_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
