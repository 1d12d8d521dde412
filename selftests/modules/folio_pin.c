// SPDX-License-Identifier: GPL-2.0-only
/*
 * folio_pin: hold references on user pages and write through them
 *
 * A test opens /dev/folio_pin, takes references on pages of its own, as a driver
 * does that was given a buffer, and has the kernel write through them while the
 * pages migrate. Whoever may hold a reference may do that at any time.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/page-flags.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "folio_pin.h"

/**
 * struct folio_pin - the references of one open file
 * @lock: protects all that follows
 * @pages: the pages, or NULL
 * @nr: how many
 * @pinned: taken with FOLL_PIN
 */
struct folio_pin {
	struct mutex lock;
	struct page **pages;
	unsigned int nr;
	bool pinned;
};

static void folio_pin_put(struct folio_pin *fp)
{
	if (!fp->pages)
		return;
	if (fp->pinned)
		unpin_user_pages(fp->pages, fp->nr);
	else
		release_pages(fp->pages, fp->nr);
	kvfree(fp->pages);
	fp->pages = NULL;
	fp->nr = 0;
}

static long folio_pin_get(struct folio_pin *fp, const void __user *arg)
{
	unsigned int flags = FOLL_WRITE;
	struct folio_pin_range range;
	int got;

	if (copy_from_user(&range, arg, sizeof(range)))
		return -EFAULT;
	if (!range.nr || range.nr > FOLIO_PIN_MAX || !PAGE_ALIGNED(range.addr) ||
	    (range.flags & ~(FOLIO_PIN_DMA | FOLIO_PIN_LONGTERM)) ||
	    range.flags == FOLIO_PIN_LONGTERM)
		return -EINVAL;
	if (fp->pages)
		return -EBUSY;

	fp->pages = kvcalloc(range.nr, sizeof(*fp->pages), GFP_KERNEL);
	if (!fp->pages)
		return -ENOMEM;

	if (range.flags & FOLIO_PIN_LONGTERM)
		flags |= FOLL_LONGTERM;
	fp->pinned = range.flags & FOLIO_PIN_DMA;
	if (fp->pinned)
		got = pin_user_pages_fast(range.addr, range.nr, flags, fp->pages);
	else
		got = get_user_pages_fast(range.addr, range.nr, flags, fp->pages);
	fp->nr = max(got, 0);
	if (got == range.nr)
		return 0;

	folio_pin_put(fp);
	return got < 0 ? got : -EFAULT;
}

static long folio_pin_memfd(struct folio_pin *fp, const void __user *arg)
{
	struct folio_pin_memfd memfd;
	struct folio **folios;
	struct file *file;
	pgoff_t offset;
	long got, i;

	if (copy_from_user(&memfd, arg, sizeof(memfd)))
		return -EFAULT;
	if (!memfd.nr || memfd.nr > FOLIO_PIN_MAX || memfd.flags)
		return -EINVAL;
	if (fp->pages)
		return -EBUSY;

	file = fget(memfd.fd);
	if (!file)
		return -EBADF;
	folios = kvcalloc(memfd.nr, sizeof(*folios), GFP_KERNEL);
	got = -ENOMEM;
	if (!folios)
		goto out;
	got = memfd_pin_folios(file, (loff_t)memfd.first << PAGE_SHIFT,
			       ((loff_t)(memfd.first + memfd.nr) << PAGE_SHIFT) - 1,
			       folios, memfd.nr, &offset);
	if (got < 0) {
		kvfree(folios);
		goto out;
	}

	/* A pin of a folio of one page is a pin of its page. */
	for (i = 0; i < got; i++)
		folios[i] = (struct folio *)folio_page(folios[i], 0);
	fp->pages = (struct page **)folios;
	fp->nr = got;
	fp->pinned = true;
	if (got != memfd.nr) {
		folio_pin_put(fp);
		got = -EFAULT;
	}
out:
	fput(file);
	return min(got, 0);
}

static long folio_pin_write(struct folio_pin *fp, const void __user *arg)
{
	struct folio_pin_write write;
	struct page *page;
	u64 *kaddr;

	if (copy_from_user(&write, arg, sizeof(write)))
		return -EFAULT;
	if (write.index >= fp->nr || write.offset > PAGE_SIZE - sizeof(u64) ||
	    write.offset % sizeof(u64))
		return -EINVAL;

	page = fp->pages[write.index];
	kaddr = kmap_local_page(page);
	WRITE_ONCE(kaddr[write.offset / sizeof(u64)], write.value);
	kunmap_local(kaddr);
	set_page_dirty(page);
	return 0;
}

static long folio_pin_flag(struct folio_pin *fp, const void __user *arg, bool poison)
{
	struct folio *folio;
	u32 index;

	if (copy_from_user(&index, arg, sizeof(index)))
		return -EFAULT;
	if (index >= fp->nr)
		return -EINVAL;

	/* Only what memory_failure() does before it asks for the folio lock. */
	folio = page_folio(fp->pages[index]);
	if (poison) {
		SetPageHWPoison(fp->pages[index]);
		if (folio_test_large(folio))
			folio_set_has_hwpoisoned(folio);
	} else {
		ClearPageHWPoison(fp->pages[index]);
		if (folio_test_large(folio))
			folio_clear_has_hwpoisoned(folio);
	}
	return 0;
}

static long folio_pin_pfn(struct folio_pin *fp, void __user *arg)
{
	u64 index;

	if (copy_from_user(&index, arg, sizeof(index)))
		return -EFAULT;
	if (index >= fp->nr)
		return -EINVAL;
	index = page_to_pfn(fp->pages[index]);
	return copy_to_user(arg, &index, sizeof(index)) ? -EFAULT : 0;
}

static long folio_pin_ioctl(struct file *file, unsigned int cmd, unsigned long val)
{
	struct folio_pin *fp = file->private_data;
	void __user *arg = (void __user *)val;

	guard(mutex)(&fp->lock);
	switch (cmd) {
	case FOLIO_PIN_GET:
		return folio_pin_get(fp, arg);
	case FOLIO_PIN_MEMFD:
		return folio_pin_memfd(fp, arg);
	case FOLIO_PIN_WRITE:
		return folio_pin_write(fp, arg);
	case FOLIO_PIN_PUT:
		folio_pin_put(fp);
		return 0;
	case FOLIO_PIN_POISON:
		return folio_pin_flag(fp, arg, true);
	case FOLIO_PIN_CURE:
		return folio_pin_flag(fp, arg, false);
	case FOLIO_PIN_PFN:
		return folio_pin_pfn(fp, arg);
	default:
		return -ENOTTY;
	}
}

static int folio_pin_open(struct inode *inode, struct file *file)
{
	struct folio_pin *fp = kzalloc_obj(*fp);

	if (!fp)
		return -ENOMEM;
	mutex_init(&fp->lock);
	file->private_data = fp;
	return 0;
}

static int folio_pin_release(struct inode *inode, struct file *file)
{
	struct folio_pin *fp = file->private_data;

	folio_pin_put(fp);
	mutex_destroy(&fp->lock);
	kfree(fp);
	return 0;
}

static const struct file_operations folio_pin_fops = {
	.owner = THIS_MODULE,
	.open = folio_pin_open,
	.release = folio_pin_release,
	.unlocked_ioctl = folio_pin_ioctl,
};

static struct miscdevice folio_pin_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = KBUILD_MODNAME,
	.fops = &folio_pin_fops,
	.mode = 0600,
};
module_misc_device(folio_pin_device);

MODULE_AUTHOR("The migrate_ext authors");
MODULE_DESCRIPTION("References on user pages, for tests of page migration");
MODULE_LICENSE("GPL");
