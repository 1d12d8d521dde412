// SPDX-License-Identifier: GPL-2.0
/*
 * Policies: struct migrate_ext_ops in BPF, one for the whole system and one
 * for each cgroup that wants its own.
 *
 * This file attaches, updates and detaches them; ext_policy.c is what batches
 * see of them.
 *
 * 7.3 ignores the target of a struct_ops link, so the cgroup is named in the
 * ops, and attachment_cgroup() is the one place that knows.
 */

#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/cgroup.h>
#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/memcontrol.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <trace/events/migrate.h>

#include "ext.h"
#include "trace.h"

/*
 * Attachments by cgroup id. Readers: RCU. Writers: migrate_ext_mutex, which
 * nests inside the update mutex of BPF links and inside the cgroup mutex. It is
 * not held while a policy's init() runs, which may sleep.
 */
static DEFINE_XARRAY(migrate_attachments);
static LIST_HEAD(migrate_attachment_list);
/* Who is attached where. */
DEFINE_MUTEX(migrate_ext_mutex);

/* Attachments and updates since boot. */
atomic64_t migrate_ext_enable_seq;

/* What spares small batches the search for policies. Written under the mutex. */
static u64 attachments_least_bytes = U64_MAX;
static u64 attachments_enough_bytes;
static bool attachments_batch_pages;
bool migrate_attachments_below_root;

/* See migrate_min_bytes(): of the policies alone. */
void migrate_policies_min_bytes(u64 *least, u64 *enough)
{
	bool enabled = READ_ONCE(migrate_ext_enabled);

	*least = enabled ? READ_ONCE(attachments_least_bytes) : U64_MAX;
	*enough = enabled ? READ_ONCE(attachments_enough_bytes) : 0;
}

bool migrate_policies_have_batch_pages(void)
{
	return READ_ONCE(attachments_batch_pages);
}

static u64 root_cgroup_id(void)
{
	return cgroup_id(&cgrp_dfl_root.cgrp);
}

static u64 ops_cgroup_id(const struct migrate_ext_ops *ops)
{
	return ops->cgroup_id ?: root_cgroup_id();
}

bool migrate_attachments_empty(void)
{
	return xa_empty(&migrate_attachments);
}

/* To be called, and the result used, under RCU. */
struct migrate_attachment *migrate_attachment_find(u64 cgroup_id)
{
	return xa_load(&migrate_attachments, cgroup_id);
}

/* To be called when a policy has come, gone or changed. */
static void attachments_summarise(void)
{
	struct migrate_attachment *attachment;
	u64 least = U64_MAX, enough = 0;
	bool below_root = false, batch_pages = false;

	lockdep_assert_held(&migrate_ext_mutex);

	list_for_each_entry(attachment, &migrate_attachment_list, list) {
		struct migrate_policy *policy;

		below_root |= attachment->cgroup_id != root_cgroup_id();
		policy = rcu_dereference_protected(attachment->policy,
						   lockdep_is_held(&migrate_ext_mutex));
		if (!policy)
			continue;
		batch_pages |= !!policy->ops->batch_pages;
		least = min(least, policy->ops->min_bytes);
		enough = max(enough, policy->ops->min_bytes);
	}

	WRITE_ONCE(migrate_attachments_below_root, below_root);
	WRITE_ONCE(attachments_batch_pages, batch_pages);
	WRITE_ONCE(attachments_least_bytes, least);
	WRITE_ONCE(attachments_enough_bytes, enough);
}

/* Attaching, updating, detaching */

/*
 * The cgroup that @ops name, with a reference. As it must be visible from the
 * cgroup namespace, the whole system cannot be had from within a container.
 */
static struct cgroup *attachment_cgroup(const struct migrate_ext_ops *ops)
{
	struct cgroup *cgrp = cgroup_get_from_id(ops_cgroup_id(ops));

	if (!IS_ERR(cgrp) && !migrate_cgroup_has_folios(cgrp)) {
		cgroup_put(cgrp);
		cgrp = ERR_PTR(-EOPNOTSUPP);
	}
	return cgrp;
}

static struct migrate_attachment *attachment_of(struct bpf_link *link)
{
	struct migrate_attachment *attachment;

	lockdep_assert_held(&migrate_ext_mutex);

	list_for_each_entry(attachment, &migrate_attachment_list, list)
		if (attachment->link == link)
			return attachment;
	return NULL;
}

/* No batch that begins from now on sees its policy. */
static void attachment_unpublish(struct migrate_attachment *attachment)
{
	lockdep_assert_held(&migrate_ext_mutex);

	xa_cmpxchg(&migrate_attachments, attachment->cgroup_id, attachment, NULL,
		   GFP_KERNEL);
}

/*
 * The cgroup has gone: let go of the link as well, so that whoever polls it is
 * told. Not from the notifier, which holds the cgroup mutex, while detaching
 * takes a global mutex of BPF.
 */
static void attachment_detach_work(struct work_struct *work)
{
	struct migrate_attachment *attachment =
		container_of(work, struct migrate_attachment, detach_work);
	struct bpf_link *link = NULL;

	scoped_guard(mutex, &migrate_ext_mutex) {
		/* A link that is being freed waits for us in unreg(). */
		if (attachment->link)
			link = bpf_link_inc_not_zero(attachment->link);
	}
	if (!IS_ERR_OR_NULL(link)) {
		link->ops->detach(link);
		bpf_link_put(link);
	}
	kobject_put(&attachment->kobj);
}

/* A place for a policy, empty, which nobody sees yet. */
static struct migrate_attachment *
attachment_create(const struct migrate_ext_ops *ops, struct bpf_link *link)
{
	struct migrate_attachment *attachment;

	attachment = kzalloc_obj(*attachment);
	if (!attachment)
		return NULL;

	migrate_attachment_kobject_init(attachment);
	attachment->cgroup_id = ops_cgroup_id(ops);
	attachment->link = link;
	INIT_LIST_HEAD(&attachment->list);
	INIT_WORK(&attachment->detach_work, attachment_detach_work);
	spin_lock_init(&attachment->shown_lock);
	migrate_books_init(&attachment->books);
	return attachment;
}

/*
 * Puts a policy into a place that nobody sees yet, and lets it be seen. Takes over
 * the reference to @policy when it succeeds.
 */
static int attachment_publish(struct migrate_attachment *attachment,
			      struct migrate_policy *policy,
			      struct cgroup *cgrp)
{
	struct migrate_attachment *other;
	int ret;

	lockdep_assert_held(&migrate_ext_mutex);

	/* If it dies from now on, the notifier waits, and finds the attachment. */
	if (cgroup_is_dead(cgrp))
		return -ENODEV;

	/* By what its init() has left running; from now on eject_work waits. */
	if (migrate_policy_is_ejected(policy))
		return -ECANCELED;

	list_for_each_entry(other, &migrate_attachment_list, list)
		if (other->cgroup_id == attachment->cgroup_id)
			return -EBUSY;

	migrate_attachment_show_policy(attachment, policy);
	ret = migrate_attachment_kobject_add(attachment);
	if (ret)
		return ret;

	ret = migrate_offload_get();
	if (ret)
		goto err_del;

	ret = xa_err(xa_store(&migrate_attachments, attachment->cgroup_id,
			      attachment, GFP_KERNEL));
	if (ret)
		goto err_put;

	rcu_assign_pointer(attachment->policy, policy);
	list_add(&attachment->list, &migrate_attachment_list);
	attachments_summarise();
	atomic64_inc(&migrate_ext_enable_seq);
	return 0;

err_put:
	migrate_offload_put();
err_del:
	kobject_del(&attachment->kobj);
	return ret;
}

/* Is the place of @ops taken? Asked again when it is published. */
static bool attachment_exists(const struct migrate_ext_ops *ops)
{
	guard(mutex)(&migrate_ext_mutex);

	return xa_load(&migrate_attachments, ops_cgroup_id(ops));
}

static void trace_policy(const char *event, const struct migrate_ext_ops *ops)
{
	trace_migrate_offload_policy(event, ops->name, ops_cgroup_id(ops),
				     bpf_struct_ops_id(ops));
}

static int migrate_ext_reg(void *kdata, struct bpf_link *link)
{
	struct migrate_ext_ops *ops = kdata;
	struct migrate_attachment *attachment;
	struct migrate_policy *policy;
	struct cgroup *cgrp;
	int ret;

	if (!link) {
		pr_info_ratelimited("migrate_ext: policy %s: not attached: it needs a BPF link (SEC(\".struct_ops.link\"))\n",
				    ops->name);
		return -EOPNOTSUPP;
	}

	cgrp = attachment_cgroup(ops);
	if (IS_ERR(cgrp))
		return PTR_ERR(cgrp);

	/* Before init() does anything that its exit() would have to undo. */
	if (attachment_exists(ops)) {
		cgroup_put(cgrp);
		return -EBUSY;
	}

	attachment = attachment_create(ops, link);
	ret = attachment ? 0 : -ENOMEM;
	if (ret)
		goto out_cgroup;

	policy = migrate_policy_create(ops, attachment);
	ret = PTR_ERR_OR_ZERO(policy);
	if (ret)
		goto out_attachment;

	ret = migrate_policy_init(policy);
	if (!ret) {
		scoped_guard(mutex, &migrate_ext_mutex)
			ret = attachment_publish(attachment, policy, cgrp);
	}
	if (ret) {
		migrate_policy_leave(policy, MIGRATE_EXT_EXIT_ATTACH, ret,
				     "attaching failed");
		migrate_policy_put(policy);
		goto out_attachment;
	}

	trace_policy("attach", ops);
	cgroup_put(cgrp);
	return 0;

out_attachment:
	kobject_put(&attachment->kobj);
out_cgroup:
	cgroup_put(cgrp);
	return ret;
}

static void migrate_ext_unreg(void *kdata, struct bpf_link *link)
{
	struct migrate_attachment *attachment;
	struct migrate_policy *policy;

	scoped_guard(mutex, &migrate_ext_mutex) {
		attachment = attachment_of(link);
		if (!attachment)
			return;
		attachment_unpublish(attachment);
		attachment->link = NULL;
		list_del_init(&attachment->list);
		kobject_del(&attachment->kobj);
		policy = rcu_replace_pointer(attachment->policy, NULL,
					     lockdep_is_held(&migrate_ext_mutex));
		attachments_summarise();
	}

	trace_policy("detach", kdata);
	migrate_offload_put();
	/* It may have been ejected. */
	if (policy) {
		migrate_policy_leave(policy, attachment->cgroup_gone ?
				     MIGRATE_EXT_EXIT_CGROUP :
				     MIGRATE_EXT_EXIT_DETACHED, 0, "");
		migrate_policy_put(policy);
	}
	kobject_put(&attachment->kobj);
}

/**
 * migrate_ext_unpublish() - no batch that begins from now on sees this policy
 * @policy: a policy that has been ejected
 *
 * Its place stays taken by its link, and empty until that is updated.
 *
 * Return: true if it was the attachment's: its reference is the caller's now.
 */
bool migrate_ext_unpublish(struct migrate_policy *policy)
{
	struct migrate_attachment *attachment = policy->attachment;

	guard(mutex)(&migrate_ext_mutex);

	/* In init(), or detached or replaced since. */
	if (rcu_access_pointer(attachment->policy) != policy)
		return false;
	RCU_INIT_POINTER(attachment->policy, NULL);
	attachments_summarise();
	migrate_attachment_show_exit(attachment, &policy->exit_info);
	return true;
}

/* Puts *@policy into its place; what was there, perhaps NULL, is in *@policy then. */
static int attachment_swap(struct migrate_attachment *attachment,
			   struct bpf_link *link, struct migrate_policy **policy)
{
	lockdep_assert_held(&migrate_ext_mutex);

	/* Detached, or about to be, since the update has begun? */
	if (attachment->link != link || attachment->cgroup_gone)
		return -ENOLINK;
	/* By what its init() has left running; from now on eject_work waits. */
	if (migrate_policy_is_ejected(*policy))
		return -ECANCELED;

	migrate_attachment_show_policy(attachment, *policy);
	*policy = rcu_replace_pointer(attachment->policy, *policy,
				      lockdep_is_held(&migrate_ext_mutex));
	attachments_summarise();
	atomic64_inc(&attachment->events[POLICY_UPDATES]);
	atomic64_inc(&migrate_ext_enable_seq);
	return 0;
}

/*
 * Each batch goes on with what it has begun with. The same policy again is a
 * no-op, unless it was ejected: then it gets another chance.
 */
static int migrate_ext_update(void *kdata, void *old_kdata, struct bpf_link *link)
{
	struct migrate_ext_ops *ops = kdata, *old_ops = old_kdata;
	struct migrate_attachment *attachment;
	struct migrate_policy *policy, *old;
	int ret;

	if (ops_cgroup_id(ops) != ops_cgroup_id(old_ops) ||
	    ops->flags != old_ops->flags)
		return -EINVAL;

	scoped_guard(mutex, &migrate_ext_mutex) {
		attachment = attachment_of(link);
		if (!attachment)
			return -ENOLINK;
		old = rcu_dereference_protected(attachment->policy,
						lockdep_is_held(&migrate_ext_mutex));
		if (ops == old_ops && old && !migrate_policy_is_ejected(old))
			return 0;
		kobject_get(&attachment->kobj);
	}

	policy = migrate_policy_create(ops, attachment);
	ret = PTR_ERR_OR_ZERO(policy);
	if (ret)
		goto out;

	ret = migrate_policy_init(policy);
	if (!ret) {
		scoped_guard(mutex, &migrate_ext_mutex)
			ret = attachment_swap(attachment, link, &policy);
	}

	/* The one before, if it was not ejected; or the new one, if it failed. */
	if (policy) {
		if (ret)
			migrate_policy_leave(policy, MIGRATE_EXT_EXIT_ATTACH,
					     ret, "the update failed");
		else
			migrate_policy_leave(policy, MIGRATE_EXT_EXIT_REPLACED,
					     0, "");
		migrate_policy_put(policy);
	}
	if (!ret)
		trace_policy("update", ops);
out:
	kobject_put(&attachment->kobj);
	return ret;
}

static int migrate_ext_cgroup_notify(struct notifier_block *nb,
				     unsigned long action, void *data)
{
	struct migrate_attachment *attachment;
	struct cgroup *cgrp = data;

	if (action != CGROUP_LIFETIME_OFFLINE || cgrp->root != &cgrp_dfl_root)
		return NOTIFY_DONE;

	guard(mutex)(&migrate_ext_mutex);

	attachment = xa_load(&migrate_attachments, cgroup_id(cgrp));
	if (attachment) {
		attachment->cgroup_gone = true;
		attachment_unpublish(attachment);
		kobject_get(&attachment->kobj);
		schedule_work(&attachment->detach_work);
	}
	return NOTIFY_OK;
}

static struct notifier_block migrate_ext_cgroup_nb = {
	.notifier_call = migrate_ext_cgroup_notify,
};

/* struct_ops */

static u32 migrate_ext_ops__batch_pages(const struct migrate_ext_call *call)
{
	return 0;
}

static s32 migrate_ext_ops__eligible(const struct migrate_ext_call *call)
{
	return MIGRATE_EXT_NO_OPINION;
}

static u32 migrate_ext_ops__select(const struct migrate_ext_group *group)
{
	return MIGRATOR_NONE;
}

static void migrate_ext_ops__done(const struct migrate_ext_group *group,
				  const struct migrate_ext_result *result)
{
}

static s32 migrate_ext_ops__init(void)
{
	return 0;
}

static void migrate_ext_ops__exit(const struct migrate_ext_exit_info *info)
{
}

static struct migrate_ext_ops migrate_ext_stubs = {
	.batch_pages	= migrate_ext_ops__batch_pages,
	.eligible	= migrate_ext_ops__eligible,
	.select		= migrate_ext_ops__select,
	.done		= migrate_ext_ops__done,
	.init		= migrate_ext_ops__init,
	.exit		= migrate_ext_ops__exit,
};

static int migrate_ext_init(struct btf *btf)
{
	/* Policies know these by their names only. */
	BTF_TYPE_EMIT_ENUM(MIGRATE_EXT_BATCH);
	BTF_TYPE_EMIT_ENUM(MIGRATE_EXT_ANON);
	BTF_TYPE_EMIT_ENUM(MIGRATE_EXT_IN_RECLAIM);
	BTF_TYPE_EMIT_ENUM(MIGRATOR_CPU);
	BTF_TYPE_EMIT_ENUM(MIGRATE_EXT_OPS_NO_DEFAULT);
	BTF_TYPE_EMIT_ENUM(MIGRATE_EXT_EXIT_NONE);
	BTF_TYPE_EMIT_ENUM(MIGRATE_SYNC);
	BTF_TYPE_EMIT_ENUM(MR_COMPACTION);

	return migrate_ext_kfuncs_init();
}

static int migrate_ext_check_member(const struct btf_type *t,
				    const struct btf_member *member,
				    const struct bpf_prog *prog)
{
	switch (__btf_member_bit_offset(t, member) / 8) {
	case offsetof(struct migrate_ext_ops, init):
	case offsetof(struct migrate_ext_ops, exit):
		return 0;
	}
	/* These run with folios locked, where somebody waits for memory. */
	return prog->sleepable ? -EINVAL : 0;
}

static int migrate_ext_init_member(const struct btf_type *t,
				   const struct btf_member *member,
				   void *kdata, const void *udata)
{
	const struct migrate_ext_ops *uops = udata;
	struct migrate_ext_ops *ops = kdata;

	switch (__btf_member_bit_offset(t, member) / 8) {
	case offsetof(struct migrate_ext_ops, cgroup_id):
		ops->cgroup_id = uops->cgroup_id;
		return 1;
	case offsetof(struct migrate_ext_ops, flags):
		if (uops->flags & ~(u64)MIGRATE_EXT_OPS_ALL_FLAGS)
			return -EINVAL;
		ops->flags = uops->flags;
		return 1;
	case offsetof(struct migrate_ext_ops, min_bytes):
		if (uops->min_bytes > MIGRATE_EXT_MAX_MIN_BYTES)
			return -EINVAL;
		ops->min_bytes = uops->min_bytes;
		return 1;
	case offsetof(struct migrate_ext_ops, error_limit):
		if (uops->error_limit > MIGRATE_EXT_MAX_ERROR_LIMIT)
			return -EINVAL;
		ops->error_limit = uops->error_limit;
		return 1;
	case offsetof(struct migrate_ext_ops, name):
		if (bpf_obj_name_cpy(ops->name, uops->name,
				     sizeof(ops->name)) <= 0)
			return -EINVAL;
		return 1;
	}
	return 0;
}

/* What is not to be asked about all batches cannot speak for all of them. */
static int migrate_ext_validate(void *kdata)
{
	const struct migrate_ext_ops *ops = kdata;

	if (ops->min_bytes && ops->flags & MIGRATE_EXT_OPS_NO_DEFAULT)
		return -EINVAL;
	return 0;
}

/* Read-only: there is no btf_struct_access, so the verifier refuses writes. */
static const struct bpf_verifier_ops migrate_ext_verifier_ops = {
	.get_func_proto		= bpf_base_func_proto,
	.is_valid_access	= bpf_tracing_btf_ctx_access,
};

static struct bpf_struct_ops bpf_migrate_ext_ops = {
	.verifier_ops	= &migrate_ext_verifier_ops,
	.init		= migrate_ext_init,
	.check_member	= migrate_ext_check_member,
	.init_member	= migrate_ext_init_member,
	.validate	= migrate_ext_validate,
	.reg		= migrate_ext_reg,
	.unreg		= migrate_ext_unreg,
	.update		= migrate_ext_update,
	.cfi_stubs	= &migrate_ext_stubs,
	.name		= "migrate_ext_ops",
	.owner		= THIS_MODULE,
};

bool migrate_ext_owns_prog(const struct bpf_prog *prog)
{
	return prog->type == BPF_PROG_TYPE_STRUCT_OPS &&
	       prog->aux->st_ops == &bpf_migrate_ext_ops;
}

static int __init migrate_ext_register(void)
{
	int ret;

	/* Without it, the policies of a removed cgroup would stay for ever. */
	ret = blocking_notifier_chain_register(&cgroup_lifetime_notifier,
					       &migrate_ext_cgroup_nb);
	return ret ?: register_bpf_struct_ops(&bpf_migrate_ext_ops,
					      migrate_ext_ops);
}
late_initcall(migrate_ext_register);
