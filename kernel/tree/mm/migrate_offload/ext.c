// SPDX-License-Identifier: GPL-2.0
/*
 * Policies: struct migrate_ext_ops in BPF, one for the whole system and one
 * for each cgroup that wants its own.
 *
 * An attachment is a cgroup's place for a policy, from link creation to
 * detachment; its policy changes when the link is updated. Batches hold
 * references to policies. Nothing here waits for a batch: what is detached or
 * replaced goes when the last batch that uses it has ended.
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

#include "ext.h"
#include "internal.h"

enum migrate_policy_event {
	POLICY_ELIGIBLE_NONE,
	POLICY_ELIGIBLE_BATCH,
	POLICY_ELIGIBLE_SINGLE,
	POLICY_SELECT_NONE,
	POLICY_SELECT_CPU,
	POLICY_SELECT_MIGRATOR,
	POLICY_SELECT_GONE,
	POLICY_NONSENSE,
	POLICY_DONE,
	POLICY_UPDATES,
	POLICY_NR_EVENTS,
};

static const char * const policy_event_names[POLICY_NR_EVENTS] = {
	[POLICY_ELIGIBLE_NONE]		= "eligible_none",
	[POLICY_ELIGIBLE_BATCH]		= "eligible_batch",
	[POLICY_ELIGIBLE_SINGLE]	= "eligible_single",
	[POLICY_SELECT_NONE]		= "select_none",
	[POLICY_SELECT_CPU]		= "select_cpu",
	[POLICY_SELECT_MIGRATOR]	= "select_migrator",
	[POLICY_SELECT_GONE]		= "select_gone",
	[POLICY_NONSENSE]		= "nonsense",
	[POLICY_DONE]			= "done",
	[POLICY_UPDATES]		= "updates",
};

/* One per attached link. */
struct migrate_attachment {
	struct kobject kobj;		/* keeps it, named after the cgroup id */
	u64 cgroup_id;
	struct migrate_policy __rcu *policy;
	struct bpf_link *link;		/* under migrate_ext_mutex; NULL: detached */
	struct list_head list;		/* under migrate_ext_mutex */
	struct work_struct detach_work;	/* after its cgroup has gone */
	atomic64_t events[POLICY_NR_EVENTS];
	struct migrate_books books;
	struct rcu_head rcu;
};

/* One instance of a policy; batches look only at this. */
struct migrate_policy {
	const struct migrate_ext_ops *ops;	/* holds its struct_ops map */
	struct migrate_attachment *attachment;	/* holds its kobject */
	refcount_t refs;
	struct rcu_head rcu;
};

/*
 * Attachments by cgroup id. Readers: RCU. Writers: migrate_ext_mutex, which
 * nests inside the update mutex of BPF links and inside the cgroup mutex.
 */
static DEFINE_XARRAY(migrate_attachments);
static LIST_HEAD(migrate_attachment_list);
static DEFINE_MUTEX(migrate_ext_mutex);
static struct kobject *policies_kobj;

static u64 root_cgroup_id(void)
{
	return cgroup_id(&cgrp_dfl_root.cgrp);
}

static u64 ops_cgroup_id(const struct migrate_ext_ops *ops)
{
	return ops->cgroup_id ?: root_cgroup_id();
}

/* Batches: references to the policies of a cgroup and of its ancestors */

/**
 * migrate_policies_get() - the policies that govern a cgroup
 * @cgrp: the cgroup
 * @chain: %MIGRATE_POLICY_DEPTH places for them, nearest first
 *
 * To be called under RCU.
 *
 * Return: how many, each with a reference for migrate_policy_put(); -E2BIG
 * when there are more than places.
 */
int migrate_policies_get(struct cgroup *cgrp, struct migrate_policy **chain)
{
	int nr = 0;

	if (xa_empty(&migrate_attachments))
		return 0;

	for (; cgrp; cgrp = cgroup_parent(cgrp)) {
		struct migrate_attachment *attachment;
		struct migrate_policy *policy;

		attachment = xa_load(&migrate_attachments, cgroup_id(cgrp));
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
	if (!refcount_dec_and_test(&policy->refs))
		return;
	bpf_struct_ops_put(policy->ops);
	kobject_put(&policy->attachment->kobj);
	kfree_rcu(policy, rcu);
}

u64 migrate_policy_cgroup_id(struct migrate_policy *policy)
{
	return policy->attachment->cgroup_id;
}

static void policy_count(struct migrate_policy *policy,
			 enum migrate_policy_event event)
{
	atomic64_inc(&policy->attachment->events[event]);
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
		policy_count(policy, POLICY_ELIGIBLE_BATCH);
		return MIGRATE_EXT_BATCH;
	case MIGRATE_EXT_SINGLE:
		policy_count(policy, POLICY_ELIGIBLE_SINGLE);
		return MIGRATE_EXT_SINGLE;
	case MIGRATE_EXT_NO_OPINION:
		policy_count(policy, POLICY_ELIGIBLE_NONE);
		return MIGRATE_EXT_NO_OPINION;
	default:
		policy_count(policy, POLICY_NONSENSE);
		return MIGRATE_EXT_NO_OPINION;
	}
}

/* The id of a migrator that was registered a moment ago, or %MIGRATOR_NONE. */
u32 migrate_policy_select(struct migrate_policy *policy,
			  const struct migrate_ext_group *group)
{
	u32 id = MIGRATOR_NONE;

	if (policy->ops->select)
		id = policy->ops->select(group);

	if (id == MIGRATOR_NONE) {
		policy_count(policy, POLICY_SELECT_NONE);
	} else if (id == MIGRATOR_CPU) {
		policy_count(policy, POLICY_SELECT_CPU);
	} else if (!migrator_id_is_known(id)) {
		policy_count(policy, POLICY_NONSENSE);
		id = MIGRATOR_NONE;
	} else if (!migrator_is_registered(id)) {
		policy_count(policy, POLICY_SELECT_GONE);
		id = MIGRATOR_CPU;
	} else {
		policy_count(policy, POLICY_SELECT_MIGRATOR);
	}
	return id;
}

void migrate_policy_done(struct migrate_policy *policy,
			 const struct migrate_ext_group *group,
			 const struct migrate_ext_result *result,
			 const struct migrate_book *book)
{
	if (policy->ops->done)
		policy->ops->done(group, result);
	policy_count(policy, POLICY_DONE);
	migrate_books_add(&policy->attachment->books, group->reason, book);
}

/* sysfs: a directory for each attachment */

static struct migrate_attachment *kobj_attachment(struct kobject *kobj)
{
	return container_of(kobj, struct migrate_attachment, kobj);
}

struct migrate_books *migrate_policy_books(struct kobject *kobj)
{
	return &kobj_attachment(kobj)->books;
}

static ssize_t name_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	struct migrate_policy *policy;

	guard(rcu)();
	policy = rcu_dereference(kobj_attachment(kobj)->policy);
	return policy ? sysfs_emit(buf, "%s\n", policy->ops->name) : -ENODEV;
}

static struct kobj_attribute name_attr = __ATTR_RO(name);

static ssize_t map_id_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	struct migrate_policy *policy;

	guard(rcu)();
	policy = rcu_dereference(kobj_attachment(kobj)->policy);
	return policy ? sysfs_emit(buf, "%u\n", bpf_struct_ops_id(policy->ops)) :
			-ENODEV;
}

static struct kobj_attribute map_id_attr = __ATTR_RO(map_id);

static ssize_t events_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	return migrate_events_show(buf, policy_event_names,
				   kobj_attachment(kobj)->events,
				   POLICY_NR_EVENTS);
}

static struct kobj_attribute events_attr = __ATTR_RO(events);

static struct attribute *attachment_attrs[] = {
	&name_attr.attr,
	&map_id_attr.attr,
	&events_attr.attr,
	NULL,
};

static const struct attribute_group attachment_group = {
	.attrs = attachment_attrs,
};

static const struct attribute_group *attachment_groups[] = {
	&attachment_group,
	&migrate_books_group,
	NULL,
};

static void attachment_release(struct kobject *kobj)
{
	kfree_rcu(kobj_attachment(kobj), rcu);
}

static const struct kobj_type attachment_ktype = {
	.release	= attachment_release,
	.sysfs_ops	= &kobj_sysfs_ops,
	.default_groups	= attachment_groups,
};

int __init migrate_ext_sysfs_init(void)
{
	policies_kobj = kobject_create_and_add("policies", migrate_offload_kobj);
	return policies_kobj ? 0 : -ENOMEM;
}

/* Attaching, updating, detaching */

/* Do folios count for @cgrp, or for an ancestor of it? */
static bool cgroup_has_folios(struct cgroup *cgrp)
{
	if (cgrp == &cgrp_dfl_root.cgrp)
		return true;
#ifdef CONFIG_MEMCG
	return !mem_cgroup_disabled() &&
	       cgroup_subsys_on_dfl(memory_cgrp_subsys) &&
	       rcu_access_pointer(cgrp->subsys[memory_cgrp_id]);
#else
	return false;
#endif
}

/*
 * The cgroup that @ops name, with a reference. As it must be visible from the
 * cgroup namespace, the whole system cannot be had from within a container.
 */
static struct cgroup *attachment_cgroup(const struct migrate_ext_ops *ops)
{
	struct cgroup *cgrp = cgroup_get_from_id(ops_cgroup_id(ops));

	if (!IS_ERR(cgrp) && !cgroup_has_folios(cgrp)) {
		cgroup_put(cgrp);
		cgrp = ERR_PTR(-EOPNOTSUPP);
	}
	return cgrp;
}

static struct migrate_policy *policy_create(const struct migrate_ext_ops *ops,
					    struct migrate_attachment *attachment)
{
	struct migrate_policy *policy;

	policy = kzalloc_obj(*policy);
	if (!policy)
		return ERR_PTR(-ENOMEM);
	if (!bpf_struct_ops_get(ops)) {
		kfree(policy);
		return ERR_PTR(-ENOENT);
	}
	policy->ops = ops;
	policy->attachment = attachment;
	kobject_get(&attachment->kobj);
	refcount_set(&policy->refs, 1);
	return policy;
}

static struct migrate_attachment *attachment_find(struct bpf_link *link)
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

static struct migrate_attachment *
attachment_create(const struct migrate_ext_ops *ops, struct bpf_link *link)
{
	struct migrate_attachment *attachment;
	struct migrate_policy *policy;

	attachment = kzalloc_obj(*attachment);
	if (!attachment)
		return ERR_PTR(-ENOMEM);

	kobject_init(&attachment->kobj, &attachment_ktype);
	attachment->cgroup_id = ops_cgroup_id(ops);
	attachment->link = link;
	INIT_LIST_HEAD(&attachment->list);
	INIT_WORK(&attachment->detach_work, attachment_detach_work);
	migrate_books_init(&attachment->books);

	policy = policy_create(ops, attachment);
	if (IS_ERR(policy)) {
		kobject_put(&attachment->kobj);
		return ERR_CAST(policy);
	}
	rcu_assign_pointer(attachment->policy, policy);
	return attachment;
}

/* Gives up what attachment_create() made, and what batches do not use. */
static void attachment_drop(struct migrate_attachment *attachment)
{
	struct migrate_policy *policy =
		rcu_replace_pointer(attachment->policy, NULL, true);

	migrate_policy_put(policy);
	kobject_put(&attachment->kobj);
}

static int attachment_publish(struct migrate_attachment *attachment,
			      struct cgroup *cgrp)
{
	struct migrate_attachment *other;
	int ret;

	lockdep_assert_held(&migrate_ext_mutex);

	/* If it dies from now on, the notifier waits, and finds the attachment. */
	if (cgroup_is_dead(cgrp) || !policies_kobj)
		return -ENODEV;

	list_for_each_entry(other, &migrate_attachment_list, list)
		if (other->cgroup_id == attachment->cgroup_id)
			return -EBUSY;

	ret = kobject_add(&attachment->kobj, policies_kobj, "%llu",
			  attachment->cgroup_id);
	if (ret)
		return ret;

	ret = migrate_offload_get();
	if (ret)
		goto err_del;

	ret = xa_err(xa_store(&migrate_attachments, attachment->cgroup_id,
			      attachment, GFP_KERNEL));
	if (ret)
		goto err_put;

	list_add(&attachment->list, &migrate_attachment_list);
	return 0;

err_put:
	migrate_offload_put();
err_del:
	kobject_del(&attachment->kobj);
	return ret;
}

static int migrate_ext_reg(void *kdata, struct bpf_link *link)
{
	const struct migrate_ext_ops *ops = kdata;
	struct migrate_attachment *attachment;
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

	attachment = attachment_create(ops, link);
	ret = PTR_ERR_OR_ZERO(attachment);
	if (!ret) {
		scoped_guard(mutex, &migrate_ext_mutex)
			ret = attachment_publish(attachment, cgrp);
		if (ret)
			attachment_drop(attachment);
	}

	cgroup_put(cgrp);
	return ret;
}

static void migrate_ext_unreg(void *kdata, struct bpf_link *link)
{
	struct migrate_attachment *attachment;

	scoped_guard(mutex, &migrate_ext_mutex) {
		attachment = attachment_find(link);
		if (!attachment)
			return;
		attachment_unpublish(attachment);
		attachment->link = NULL;
		list_del_init(&attachment->list);
		kobject_del(&attachment->kobj);
	}

	migrate_offload_put();
	attachment_drop(attachment);
}

/*
 * Stateless for the kernel, so that it can be replaced while in use: each batch
 * goes on with what it has begun with.
 */
static int migrate_ext_update(void *kdata, void *old_kdata, struct bpf_link *link)
{
	const struct migrate_ext_ops *ops = kdata, *old_ops = old_kdata;
	struct migrate_attachment *attachment;
	struct migrate_policy *policy;

	if (ops == old_ops)
		return 0;
	if (ops_cgroup_id(ops) != ops_cgroup_id(old_ops))
		return -EINVAL;

	guard(mutex)(&migrate_ext_mutex);

	attachment = attachment_find(link);
	if (!attachment)
		return -ENOLINK;

	policy = policy_create(ops, attachment);
	if (IS_ERR(policy))
		return PTR_ERR(policy);

	policy = rcu_replace_pointer(attachment->policy, policy,
				     lockdep_is_held(&migrate_ext_mutex));
	atomic64_inc(&attachment->events[POLICY_UPDATES]);
	migrate_policy_put(policy);
	return 0;
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

static struct migrate_ext_ops migrate_ext_stubs = {
	.eligible	= migrate_ext_ops__eligible,
	.select		= migrate_ext_ops__select,
	.done		= migrate_ext_ops__done,
};

static int migrate_ext_init(struct btf *btf)
{
	/* Policies know these by their names only. */
	BTF_TYPE_EMIT_ENUM(MIGRATE_EXT_BATCH);
	BTF_TYPE_EMIT_ENUM(MIGRATE_EXT_ANON);
	BTF_TYPE_EMIT_ENUM(MIGRATE_EXT_IN_RECLAIM);
	BTF_TYPE_EMIT_ENUM(MIGRATOR_CPU);
	BTF_TYPE_EMIT_ENUM(MR_COMPACTION);

	return migrate_ext_kfuncs_init();
}

static int migrate_ext_check_member(const struct btf_type *t,
				    const struct btf_member *member,
				    const struct bpf_prog *prog)
{
	/* Callbacks run with folios locked, where somebody waits for memory. */
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
	case offsetof(struct migrate_ext_ops, name):
		if (bpf_obj_name_cpy(ops->name, uops->name,
				     sizeof(ops->name)) <= 0)
			return -EINVAL;
		return 1;
	}
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
