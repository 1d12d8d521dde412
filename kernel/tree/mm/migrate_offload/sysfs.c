// SPDX-License-Identifier: GPL-2.0
/*
 * The built-in default and the admin's limits, under
 * /sys/kernel/mm/migrate_offload. Everything is off until an admin names a
 * default migrator, or a policy is attached.
 */

#include <linux/init.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "hooks.h"
#include "internal.h"

#define MAX_MIN_BYTES	SZ_1G
#define MIN_BATCH_PAGES	32
#define MAX_BATCH_PAGES	(SZ_1G / SZ_4K)

/* On while there is a default migrator, or a policy. */
DEFINE_STATIC_KEY_FALSE(migrate_offload_key);

/* Serialises the enabling of the default; nests inside the locks of policies. */
static DEFINE_MUTEX(migrate_offload_mutex);

/*
 * NUMA faults and direct compaction wait for the pages with locks of the mm
 * held: only who asks for it gets an engine there.
 */
unsigned long migrate_offload_reasons = MIGRATE_OFFLOAD_REASONS &
					~BIT(MR_NUMA_MISPLACED) &
					~BIT(MR_COMPACTION);
u32 migrate_default_migrator = MIGRATOR_NONE;
unsigned long migrate_default_min_bytes = SZ_64K;
unsigned int migrate_max_pages;

struct kobject *migrate_offload_kobj;

/*
 * Batches of fewer bytes than *@least are so small that nobody wants to be asked
 * about them; of what is more than *@enough, nobody wants to know how much it is.
 */
void migrate_min_bytes(u64 *least, u64 *enough)
{
	migrate_policies_min_bytes(least, enough);
	if (READ_ONCE(migrate_default_migrator) != MIGRATOR_NONE) {
		u64 bytes = READ_ONCE(migrate_default_min_bytes);

		*least = min(*least, bytes);
		*enough = max(*enough, bytes);
	}
}

static int offload_get_locked(void)
{
	int ret;

	lockdep_assert_held(&migrate_offload_mutex);

	ret = migrate_batch_pool_create();
	if (!ret)
		static_branch_inc(&migrate_offload_key);
	return ret;
}

/* A user of offload has come: the first one turns it on. */
int migrate_offload_get(void)
{
	guard(mutex)(&migrate_offload_mutex);

	return offload_get_locked();
}

/* A user of offload has gone. Batches under way go on to their end. */
void migrate_offload_put(void)
{
	static_branch_dec(&migrate_offload_key);
}

static ssize_t default_migrator_show(struct kobject *kobj,
				     struct kobj_attribute *attr, char *buf)
{
	u32 id = READ_ONCE(migrate_default_migrator);

	return sysfs_emit(buf, "%s\n",
			  id == MIGRATOR_NONE ? "none" : migrator_name(id));
}

static ssize_t default_migrator_store(struct kobject *kobj,
				      struct kobj_attribute *attr,
				      const char *buf, size_t count)
{
	char name[MIGRATOR_NAME_LEN + 1];	/* and a newline */
	u32 id = MIGRATOR_NONE;
	int ret;

	if (strscpy(name, buf, sizeof(name)) < 0)
		return -ENOENT;
	if (!sysfs_streq(name, "none")) {
		id = migrator_id_by_name(strim(name));
		if (id == MIGRATOR_NONE)
			return -ENOENT;
	}

	guard(mutex)(&migrate_offload_mutex);

	if (id != MIGRATOR_NONE && migrate_default_migrator == MIGRATOR_NONE) {
		ret = offload_get_locked();
		if (ret)
			return ret;
	} else if (id == MIGRATOR_NONE &&
		   migrate_default_migrator != MIGRATOR_NONE) {
		migrate_offload_put();
	}
	WRITE_ONCE(migrate_default_migrator, id);
	return count;
}

static struct kobj_attribute default_migrator_attr =
	__ATTR_RW(default_migrator);

static ssize_t reason_mask_show(struct kobject *kobj,
				struct kobj_attribute *attr, char *buf)
{
	unsigned long mask = READ_ONCE(migrate_offload_reasons);
	const char *separator = "";
	ssize_t len = 0;
	int reason;

	if (!mask)
		return sysfs_emit(buf, "none\n");

	for_each_set_bit(reason, &mask, MR_TYPES) {
		len += sysfs_emit_at(buf, len, "%s%s", separator,
				     migrate_reason_names[reason]);
		separator = " ";
	}
	return len + sysfs_emit_at(buf, len, "\n");
}

static ssize_t reason_mask_store(struct kobject *kobj,
				 struct kobj_attribute *attr,
				 const char *buf, size_t count)
{
	char *names __free(kfree) = kstrndup(buf, count, GFP_KERNEL);
	unsigned long mask = 0;
	char *rest = names, *name;

	if (!names)
		return -ENOMEM;

	while ((name = strsep(&rest, " ,\t\n"))) {
		int reason;

		if (!*name || !strcmp(name, "none"))
			continue;
		if (!strcmp(name, "all")) {
			mask |= MIGRATE_OFFLOAD_REASONS;
			continue;
		}
		reason = match_string(migrate_reason_names, MR_TYPES, name);
		if (reason < 0 || !(MIGRATE_OFFLOAD_REASONS & BIT(reason)))
			return -EINVAL;
		mask |= BIT(reason);
	}

	WRITE_ONCE(migrate_offload_reasons, mask);
	return count;
}

static struct kobj_attribute reason_mask_attr = __ATTR_RW(reason_mask);

static ssize_t min_bytes_show(struct kobject *kobj, struct kobj_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%lu\n", READ_ONCE(migrate_default_min_bytes));
}

static ssize_t min_bytes_store(struct kobject *kobj,
			       struct kobj_attribute *attr,
			       const char *buf, size_t count)
{
	unsigned long bytes;
	int ret;

	ret = kstrtoul(buf, 0, &bytes);
	if (ret)
		return ret;
	if (bytes > MAX_MIN_BYTES)
		return -EINVAL;
	WRITE_ONCE(migrate_default_min_bytes, bytes);
	return count;
}

static struct kobj_attribute min_bytes_attr = __ATTR_RW(min_bytes);

static ssize_t batch_pages_show(struct kobject *kobj,
				struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(migrate_max_pages));
}

static ssize_t batch_pages_store(struct kobject *kobj,
				 struct kobj_attribute *attr,
				 const char *buf, size_t count)
{
	unsigned int pages;
	int ret;

	ret = kstrtouint(buf, 0, &pages);
	if (ret)
		return ret;
	if (pages && (pages < MIN_BATCH_PAGES || pages > MAX_BATCH_PAGES))
		return -EINVAL;
	WRITE_ONCE(migrate_max_pages, pages);
	return count;
}

static struct kobj_attribute batch_pages_attr = __ATTR_RW(batch_pages);

static ssize_t events_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	return migrate_events_show(buf, migrate_batch_event_names,
				   migrate_batch_events,
				   MIGRATE_NR_BATCH_EVENTS);
}

static struct kobj_attribute events_attr = __ATTR_RO(events);

static ssize_t incidents_show(struct kobject *kobj, struct kobj_attribute *attr,
			      char *buf)
{
	return migrate_incidents_show(buf);
}

static struct kobj_attribute incidents_attr = __ATTR_RO(incidents);

static struct attribute *migrate_offload_attrs[] = {
	&default_migrator_attr.attr,
	&reason_mask_attr.attr,
	&min_bytes_attr.attr,
	&batch_pages_attr.attr,
	&events_attr.attr,
	&incidents_attr.attr,
	NULL,
};

static const struct attribute_group migrate_offload_group = {
	.attrs = migrate_offload_attrs,
};

static const struct attribute_group *migrate_offload_groups[] = {
	&migrate_offload_group,
	&migrate_books_group,
	NULL,
};

static int __init migrate_offload_sysfs_init(void)
{
	int ret;

	migrate_offload_kobj = kobject_create_and_add("migrate_offload", mm_kobj);
	if (!migrate_offload_kobj)
		return -ENOMEM;

	ret = sysfs_create_groups(migrate_offload_kobj, migrate_offload_groups);
	ret = ret ?: migrator_sysfs_init();
	ret = ret ?: migrate_ext_sysfs_init();
	ret = ret ?: migrate_file_sysfs_init();
	migrate_dry_run_init();
	return ret;
}
subsys_initcall(migrate_offload_sysfs_init);
