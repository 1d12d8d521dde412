// SPDX-License-Identifier: GPL-2.0
/*
 * Policies in sysfs: the admin's switch for all of them, and a directory for each
 * attachment.
 */

#include <linux/bpf.h>
#include <linux/init.h>
#include <linux/kstrtox.h>

#include "ext.h"

bool migrate_ext_enabled = true;

static struct kobject *policies_kobj;

/* migrate_ext=off: for a machine that a policy keeps from booting. */
static int __init migrate_ext_setup(char *arg)
{
	return kstrtobool(arg, &migrate_ext_enabled) ? 0 : 1;
}
__setup("migrate_ext=", migrate_ext_setup);

static ssize_t policies_enabled_show(struct kobject *kobj,
				     struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(migrate_ext_enabled));
}

/* Off: policies stay attached, and are not asked by batches that begin then. */
static ssize_t policies_enabled_store(struct kobject *kobj,
				      struct kobj_attribute *attr,
				      const char *buf, size_t count)
{
	bool enabled;
	int ret;

	ret = kstrtobool(buf, &enabled);
	if (ret)
		return ret;
	WRITE_ONCE(migrate_ext_enabled, enabled);
	return count;
}

static struct kobj_attribute policies_enabled_attr =
	__ATTR_RW(policies_enabled);

static ssize_t enable_seq_show(struct kobject *kobj,
			       struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lld\n", atomic64_read(&migrate_ext_enable_seq));
}

static struct kobj_attribute enable_seq_attr = __ATTR_RO(enable_seq);

static const struct attribute *migrate_ext_attrs[] = {
	&policies_enabled_attr.attr,
	&enable_seq_attr.attr,
	NULL,
};

/* An attachment's directory */

static const char * const policy_event_names[POLICY_NR_EVENTS] = {
	[POLICY_BATCH_PAGES_NONE]	= "batch_pages_none",
	[POLICY_BATCH_PAGES_SET]	= "batch_pages_set",
	[POLICY_ELIGIBLE_NONE]		= "eligible_none",
	[POLICY_ELIGIBLE_BATCH]		= "eligible_batch",
	[POLICY_ELIGIBLE_SINGLE]	= "eligible_single",
	[POLICY_SELECT_NONE]		= "select_none",
	[POLICY_SELECT_CPU]		= "select_cpu",
	[POLICY_SELECT_MIGRATOR]	= "select_migrator",
	[POLICY_SELECT_GONE]		= "select_gone",
	[POLICY_CLAMPED]		= "clamped",
	[POLICY_NONSENSE]		= "nonsense",
	[POLICY_DONE]			= "done",
	[POLICY_UPDATES]		= "updates",
	[POLICY_EJECTIONS]		= "ejections",
};

static struct migrate_attachment *kobj_attachment(struct kobject *kobj)
{
	return container_of(kobj, struct migrate_attachment, kobj);
}

struct migrate_books *migrate_policy_books(struct kobject *kobj)
{
	return &kobj_attachment(kobj)->books;
}

/* From now on @policy is the one that is attached. */
void migrate_attachment_show_policy(struct migrate_attachment *attachment,
				    struct migrate_policy *policy)
{
	guard(spinlock)(&attachment->shown_lock);

	strscpy(attachment->shown.name, policy->ops->name);
	attachment->shown.map_id = bpf_struct_ops_id(policy->ops);
	memset(&attachment->shown.exit_info, 0,
	       sizeof(attachment->shown.exit_info));
}

/* It was ejected. */
void migrate_attachment_show_exit(struct migrate_attachment *attachment,
				  const struct migrate_ext_exit_info *info)
{
	guard(spinlock)(&attachment->shown_lock);

	attachment->shown.exit_info = *info;
}

static ssize_t name_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	struct migrate_attachment *attachment = kobj_attachment(kobj);

	guard(spinlock)(&attachment->shown_lock);

	return sysfs_emit(buf, "%s\n", attachment->shown.name);
}

static struct kobj_attribute name_attr = __ATTR_RO(name);

static ssize_t map_id_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	struct migrate_attachment *attachment = kobj_attachment(kobj);

	guard(spinlock)(&attachment->shown_lock);

	return sysfs_emit(buf, "%u\n", attachment->shown.map_id);
}

static struct kobj_attribute map_id_attr = __ATTR_RO(map_id);

static ssize_t state_show(struct kobject *kobj, struct kobj_attribute *attr,
			  char *buf)
{
	struct migrate_attachment *attachment = kobj_attachment(kobj);
	const struct migrate_ext_exit_info *info = &attachment->shown.exit_info;

	guard(spinlock)(&attachment->shown_lock);

	if (info->kind == MIGRATE_EXT_EXIT_NONE)
		return sysfs_emit(buf, "enabled\n");
	return sysfs_emit(buf, "ejected: %s: code %lld: %s\n", info->reason,
			  info->code, info->msg);
}

static struct kobj_attribute state_attr = __ATTR_RO(state);

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
	&state_attr.attr,
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

void migrate_attachment_kobject_init(struct migrate_attachment *attachment)
{
	kobject_init(&attachment->kobj, &attachment_ktype);
}

int migrate_attachment_kobject_add(struct migrate_attachment *attachment)
{
	if (!policies_kobj)
		return -ENODEV;
	return kobject_add(&attachment->kobj, policies_kobj, "%llu",
			   attachment->cgroup_id);
}

int __init migrate_ext_sysfs_init(void)
{
	policies_kobj = kobject_create_and_add("policies", migrate_offload_kobj);
	if (!policies_kobj)
		return -ENOMEM;
	return sysfs_create_files(migrate_offload_kobj, migrate_ext_attrs);
}
