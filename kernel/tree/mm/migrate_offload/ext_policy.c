// SPDX-License-Identifier: GPL-2.0
/*
 * A policy as batches see it: got, asked, put; and how it comes to its end.
 *
 * Batches hold references. Nothing here waits for a batch: what is detached,
 * replaced or ejected is not found by batches that begin from then on, and exit()
 * runs when the last one that uses it has ended.
 */

#include <linux/bpf.h>
#include <linux/cgroup.h>
#include <linux/slab.h>
#include <trace/events/migrate.h>

#include "ext.h"
#include "trace.h"

static const char * const exit_reasons[MIGRATE_EXT_NR_EXITS] = {
	[MIGRATE_EXT_EXIT_NONE]		= "enabled",
	[MIGRATE_EXT_EXIT_DETACHED]	= "detached",
	[MIGRATE_EXT_EXIT_REPLACED]	= "replaced",
	[MIGRATE_EXT_EXIT_CGROUP]	= "cgroup removed",
	[MIGRATE_EXT_EXIT_ATTACH]	= "not attached",
	[MIGRATE_EXT_EXIT_NONSENSE]	= "nonsense",
	[MIGRATE_EXT_EXIT_BPF]		= "bpf_migrate_exit",
};

/* Ejected policies stay attached for a moment: they are not asked any more. */
bool migrate_policy_is_ejected(struct migrate_policy *policy)
{
	return atomic_read(&policy->exit_kind) >= MIGRATE_EXT_EXIT_NONSENSE;
}

/**
 * migrate_policies_get() - the policies that govern a cgroup
 * @cgrp: the cgroup
 * @bytes: size of the batch; those that want larger ones are left out
 * @chain: %MIGRATE_POLICY_DEPTH places for them, nearest first
 *
 * To be called under RCU.
 *
 * Return: how many, each with a reference for migrate_policy_put(); -E2BIG
 * when there are more than places.
 */
int migrate_policies_get(struct cgroup *cgrp, u64 bytes,
			 struct migrate_policy **chain)
{
	int nr = 0;

	if (migrate_attachments_empty() || !READ_ONCE(migrate_ext_enabled))
		return 0;
	if (!READ_ONCE(migrate_attachments_below_root))
		cgrp = &cgrp_dfl_root.cgrp;

	for (; cgrp; cgrp = cgroup_parent(cgrp)) {
		struct migrate_attachment *attachment;
		struct migrate_policy *policy;

		attachment = migrate_attachment_find(cgroup_id(cgrp));
		if (!attachment)
			continue;
		policy = rcu_dereference(attachment->policy);
		/* Being detached, or replaced: then the new one is there now. */
		while (policy && !refcount_inc_not_zero(&policy->refs)) {
			cpu_relax();
			policy = rcu_dereference(attachment->policy);
		}
		if (!policy)
			continue;
		if (bytes < policy->ops->min_bytes ||
		    migrate_policy_is_ejected(policy)) {
			migrate_policy_put(policy);
			continue;
		}
		if (nr == MIGRATE_POLICY_DEPTH) {
			migrate_policy_put(policy);
			goto too_many;
		}
		chain[nr++] = policy;
	}
	return nr;

too_many:
	while (nr--)
		migrate_policy_put(chain[nr]);
	return -E2BIG;
}

/* May be called from within reclaim: nothing here sleeps. */
void migrate_policy_put(struct migrate_policy *policy)
{
	if (refcount_dec_and_test(&policy->refs))
		queue_work(system_dfl_wq, &policy->exit_work);
}

u64 migrate_policy_cgroup_id(struct migrate_policy *policy)
{
	return policy->attachment->cgroup_id;
}

const char *migrate_policy_name(struct migrate_policy *policy)
{
	return policy->ops->name;
}

u64 migrate_policy_flags(struct migrate_policy *policy)
{
	return policy->ops->flags;
}

/* Asking */

/* A dry run leaves no trace, in the counters either. */
static void policy_count(struct migrate_policy *policy, u32 flags,
			 enum migrate_policy_event event)
{
	if (!(flags & MIGRATE_EXT_DRY_RUN))
		atomic64_inc(&policy->attachment->events[event]);
}

static void policy_nonsense(struct migrate_policy *policy, u32 flags,
			    const char *callback, s64 answer)
{
	u32 limit = policy->ops->error_limit ?: MIGRATE_EXT_ERROR_LIMIT;
	char msg[MIGRATE_EXT_MSG_LEN];

	policy_count(policy, flags, POLICY_NONSENSE);
	if (flags & MIGRATE_EXT_DRY_RUN)
		return;
	/* The limit itself: one of many tasks, once. */
	if (atomic_inc_return(&policy->nonsense) != limit)
		return;
	scnprintf(msg, sizeof(msg),
		  "%u answers were nonsense, the last one %s() = %lld",
		  limit, callback, answer);
	migrate_policy_eject(policy, MIGRATE_EXT_EXIT_NONSENSE, answer, msg);
}

/* At most @ceiling; 0: no opinion. */
u32 migrate_policy_batch_pages(struct migrate_policy *policy,
			       const struct migrate_ext_call *call, u32 ceiling)
{
	u32 pages = 0;

	if (policy->ops->batch_pages)
		pages = policy->ops->batch_pages(call);

	policy_count(policy, call->flags, pages ? POLICY_BATCH_PAGES_SET :
						  POLICY_BATCH_PAGES_NONE);
	if (pages > ceiling) {
		policy_count(policy, call->flags, POLICY_CLAMPED);
		pages = ceiling;
	}
	return pages;
}

enum migrate_ext_eligibility
migrate_policy_eligible(struct migrate_policy *policy,
			const struct migrate_ext_call *call)
{
	s32 answer = MIGRATE_EXT_NO_OPINION;

	if (policy->ops->eligible)
		answer = policy->ops->eligible(call);

	switch (answer) {
	case MIGRATE_EXT_BATCH:
		policy_count(policy, call->flags, POLICY_ELIGIBLE_BATCH);
		return MIGRATE_EXT_BATCH;
	case MIGRATE_EXT_SINGLE:
		policy_count(policy, call->flags, POLICY_ELIGIBLE_SINGLE);
		return MIGRATE_EXT_SINGLE;
	case MIGRATE_EXT_NO_OPINION:
		policy_count(policy, call->flags, POLICY_ELIGIBLE_NONE);
		return MIGRATE_EXT_NO_OPINION;
	default:
		policy_nonsense(policy, call->flags, "eligible", answer);
		return MIGRATE_EXT_NO_OPINION;
	}
}

/**
 * migrate_policy_select() - ask a policy who copies a group
 * @policy: the policy
 * @group: the group
 * @migrator: who copies it: the answer if it was ready a moment ago, else the
 *	CPU; %MIGRATOR_NONE when there is no opinion
 *
 * Return: the answer.
 */
u32 migrate_policy_select(struct migrate_policy *policy,
			  const struct migrate_ext_group *group, u32 *migrator)
{
	u32 id = MIGRATOR_NONE;

	if (policy->ops->select)
		id = policy->ops->select(group);

	if (id == MIGRATOR_NONE) {
		policy_count(policy, group->flags, POLICY_SELECT_NONE);
	} else if (id == MIGRATOR_CPU) {
		policy_count(policy, group->flags, POLICY_SELECT_CPU);
	} else if (!migrator_id_is_known(id)) {
		policy_nonsense(policy, group->flags, "select", id);
		id = MIGRATOR_NONE;
	} else if (migrator_is_ready(id)) {
		policy_count(policy, group->flags, POLICY_SELECT_MIGRATOR);
	} else {
		policy_count(policy, group->flags, POLICY_SELECT_GONE);
		*migrator = MIGRATOR_CPU;
		return id;
	}
	*migrator = id;
	return id;
}

bool migrate_policy_has_done(struct migrate_policy *policy)
{
	return policy->ops->done;
}

void migrate_policy_done(struct migrate_policy *policy,
			 const struct migrate_ext_group *group,
			 const struct migrate_ext_result *result)
{
	policy->ops->done(group, result);
}

void migrate_policy_count_book(struct migrate_policy *policy,
			       const struct migrate_ext_group *group,
			       const struct migrate_book *book)
{
	policy_count(policy, group->flags, POLICY_DONE);
	migrate_books_add(&policy->attachment->books, group->reason, book);
}

/* Its end */

/**
 * migrate_policy_leave() - say why a policy ends
 * @policy: the policy, with a reference
 * @kind: why
 * @code: see &struct migrate_ext_exit_info
 * @msg: what there is to say
 *
 * Return: true if it was not ending yet: the caller's reason is the one that
 * exit() is told.
 */
bool migrate_policy_leave(struct migrate_policy *policy,
			  enum migrate_ext_exit_kind kind, s64 code,
			  const char *msg)
{
	struct migrate_ext_exit_info *info = &policy->exit_info;

	if (atomic_cmpxchg(&policy->exit_kind, MIGRATE_EXT_EXIT_NONE, kind) !=
	    MIGRATE_EXT_EXIT_NONE)
		return false;

	/* Read by exit_work, after the last reference, and by eject_work. */
	info->kind = kind;
	info->code = code;
	strscpy(info->reason, exit_reasons[kind]);
	strscpy(info->msg, msg);
	/* One line of text, for terminals, whatever the policy has put there. */
	for (char *c = info->msg; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return true;
}

/**
 * migrate_policy_eject() - switch a policy off
 * @policy: the policy, with a reference
 * @kind: why
 * @code: see &struct migrate_ext_exit_info
 * @msg: what there is to say
 *
 * Batches that begin from now on do not ask it. Callable from where policies
 * are: its place among the attachments is given up by a work item.
 *
 * Return: false if it was ending already.
 */
bool migrate_policy_eject(struct migrate_policy *policy,
			  enum migrate_ext_exit_kind kind, s64 code,
			  const char *msg)
{
	struct migrate_attachment *attachment = policy->attachment;
	const struct migrate_ext_ops *ops = policy->ops;

	if (!migrate_policy_leave(policy, kind, code, msg))
		return false;

	atomic64_inc(&attachment->events[POLICY_EJECTIONS]);
	trace_migrate_offload_policy("eject", ops->name, attachment->cgroup_id,
				     bpf_struct_ops_id(ops));
	migrate_incident("ejected", ops->name, "cgroup %llu: %s: code %lld: %s",
			 attachment->cgroup_id, policy->exit_info.reason,
			 code, policy->exit_info.msg);
	refcount_inc(&policy->refs);
	queue_work(system_dfl_wq, &policy->eject_work);
	return true;
}

static void policy_eject_work(struct work_struct *work)
{
	struct migrate_policy *policy =
		container_of(work, struct migrate_policy, eject_work);

	if (migrate_ext_unpublish(policy))
		migrate_policy_put(policy);
	migrate_policy_put(policy);
}

static bool policy_swap_priv(struct migrate_ext_ops *ops,
			     struct migrate_policy *from,
			     struct migrate_policy *to)
{
	return unrcu_pointer(cmpxchg(&ops->priv, RCU_INITIALIZER(from),
				     RCU_INITIALIZER(to))) == from;
}

static void policy_exit_work(struct work_struct *work)
{
	struct migrate_policy *policy =
		container_of(work, struct migrate_policy, exit_work);
	struct migrate_ext_ops *ops = policy->ops;

	if (policy->initialised && ops->exit)
		ops->exit(&policy->exit_info);

	/* From here on the same map can be attached again; or it has been. */
	policy_swap_priv(ops, policy, NULL);
	bpf_struct_ops_put(ops);
	kobject_put(&policy->attachment->kobj);
	kfree_rcu(policy, rcu);
}

/* Its beginning */

/*
 * What a policy remembers from its init() to its exit() is that of one instance
 * at a time. Without them, the next one need not wait for the end of the last.
 */
static int policy_claim(struct migrate_ext_ops *ops,
			struct migrate_policy *policy)
{
	struct migrate_policy *last;

	guard(rcu)();

	last = rcu_dereference(ops->priv);
	if (last && atomic_read(&last->exit_kind) == MIGRATE_EXT_EXIT_NONE)
		return -EBUSY;
	if (last && (ops->init || ops->exit))
		return -EAGAIN;
	return policy_swap_priv(ops, last, policy) ? 0 : -EBUSY;
}

/**
 * migrate_policy_create() - an instance of a policy
 * @ops: the policy
 * @attachment: its place
 *
 * Return: the policy, with a reference; -ENOENT: the map of @ops is being freed;
 * -EBUSY: it is attached; -EAGAIN: it has an init() or exit(), and the exit() of
 * an earlier instance has not run yet, perhaps because batches still use that
 * one; -ENOMEM.
 */
struct migrate_policy *migrate_policy_create(struct migrate_ext_ops *ops,
					     struct migrate_attachment *attachment)
{
	struct migrate_policy *policy;
	int ret;

	policy = kzalloc_obj(*policy);
	if (!policy)
		return ERR_PTR(-ENOMEM);
	if (!bpf_struct_ops_get(ops)) {
		kfree(policy);
		return ERR_PTR(-ENOENT);
	}
	policy->ops = ops;
	policy->attachment = attachment;
	refcount_set(&policy->refs, 1);
	INIT_WORK(&policy->eject_work, policy_eject_work);
	INIT_WORK(&policy->exit_work, policy_exit_work);

	ret = policy_claim(ops, policy);
	if (ret) {
		bpf_struct_ops_put(ops);
		kfree(policy);
		return ERR_PTR(ret);
	}
	kobject_get(&attachment->kobj);
	return policy;
}

/**
 * migrate_policy_init() - let a policy prepare itself
 * @policy: the policy
 *
 * Whatever it returns, the policy is to be put. May sleep.
 *
 * Return: 0; what init() says; -EINVAL: it says something else than 0 or a
 * negative errno; -ECANCELED: it called bpf_migrate_exit().
 */
int migrate_policy_init(struct migrate_policy *policy)
{
	s32 ret = 0;

	if (policy->ops->init)
		ret = policy->ops->init();
	if (ret > 0 || ret < -MAX_ERRNO)
		ret = -EINVAL;
	if (!ret && migrate_policy_is_ejected(policy))
		ret = -ECANCELED;
	policy->initialised = !ret;
	return ret;
}
