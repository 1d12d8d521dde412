// SPDX-License-Identifier: GPL-2.0
/*
 * The page cache of files: which of its folios may be copied ahead.
 *
 * Whoever writes to such a folio has to do so through page tables, by a
 * reference that was got through them, or with the folio locked. Whether that
 * is so is a matter of the filesystem: those that were audited, and found to
 * keep to it, say so with mapping_set_locked_writes(). The audit is in
 * Documentation/mm/migrate_offload_file.rst.
 */

#include <linux/buffer_head.h>
#include <linux/kstrtox.h>
#include <linux/pagemap.h>

#include "internal.h"

/* The admin's switch. */
bool migrate_file_folios;

/*
 * Is its move that of migrate_folio(), as long as there is no private data? For
 * buffer_migrate_folio_norefs() it is, but who needs that finds buffers, and
 * writes to them, without the folio lock.
 */
static bool moves_plainly(const struct address_space_operations *a_ops)
{
	if (a_ops->migrate_folio == filemap_migrate_folio)
		return true;
	return IS_ENABLED(CONFIG_BUFFER_HEAD) &&
	       a_ops->migrate_folio == buffer_migrate_folio;
}

/**
 * __migrate_file_may_copy_ahead() - is that a file's folio for copy offload?
 * @mapping: its mapping
 * @src: the folio, locked, unmapped, without private data
 *
 * It may be dirty: to clear that, and to begin writeback, takes the lock, and
 * who sets it on an unmapped folio writes by a reference, or has the lock. When
 * it is not uptodate, a read may have failed half way: nothing to be copied.
 *
 * Return: true if nobody can write to @src who has no reference to it.
 */
bool __migrate_file_may_copy_ahead(struct address_space *mapping,
				   struct folio *src)
{
	return mapping_locked_writes(mapping) && moves_plainly(mapping->a_ops) &&
	       folio_test_uptodate(src);
}

static ssize_t file_folios_show(struct kobject *kobj,
				struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(migrate_file_folios));
}

static ssize_t file_folios_store(struct kobject *kobj,
				 struct kobj_attribute *attr,
				 const char *buf, size_t count)
{
	bool on;
	int ret;

	ret = kstrtobool(buf, &on);
	if (ret)
		return ret;
	WRITE_ONCE(migrate_file_folios, on);
	return count;
}

static struct kobj_attribute file_folios_attr = __ATTR_RW(file_folios);

int __init migrate_file_sysfs_init(void)
{
	return sysfs_create_file(migrate_offload_kobj, &file_folios_attr.attr);
}
