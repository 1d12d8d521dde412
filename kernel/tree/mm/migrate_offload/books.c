// SPDX-License-Identifier: GPL-2.0
/* The books: what became of the folios that were offered, by reason. */

#include <linux/init.h>
#include <linux/migrate.h>

#include "internal.h"

const char * const migrate_cause_names[MIGRATE_NR_CAUSES] = {
	[MIGRATE_COPY_OK]		= "copied",
	[MIGRATE_REFUSED_KIND]		= "refused_kind",
	[MIGRATE_REFUSED_POLICY]	= "refused_policy",
	[MIGRATE_REFUSED_FULL]		= "refused_full",
	[MIGRATE_REFUSED_BUSY]		= "refused_busy",
	[MIGRATE_REFUSED_POISONED]	= "refused_poisoned",
	[MIGRATE_REFUSED_NO_MIGRATOR]	= "refused_no_migrator",
	[MIGRATE_REFUSED_MIGRATOR]	= "refused_migrator",
	[MIGRATE_FAILED_ERROR]		= "failed_error",
	[MIGRATE_FAILED_TIMEOUT]	= "failed_timeout",
	[MIGRATE_FAILED_LOST]		= "failed_lost",
};

static u64 book_sum(const struct migrate_book *book, int first, int end)
{
	u64 sum = 0;
	int i;

	for (i = first; i < end; i++)
		sum += book->cause[i];
	return sum;
}

u64 migrate_book_refused(const struct migrate_book *book)
{
	return book_sum(book, MIGRATE_COPY_OK + 1, MIGRATE_FIRST_FAILED);
}

u64 migrate_book_failed(const struct migrate_book *book)
{
	return book_sum(book, MIGRATE_FIRST_FAILED, MIGRATE_NR_CAUSES);
}

void migrate_books_init(struct migrate_books *books)
{
	memset(books, 0, sizeof(*books));
	spin_lock_init(&books->lock);
}

/* Adds a batch's book as a whole, so that what is read at any time balances. */
void migrate_books_add(struct migrate_books *books, enum migrate_reason reason,
		       const struct migrate_book *book)
{
	struct migrate_book *sum = &books->reason[reason];
	int i;

	guard(spinlock)(&books->lock);

	for (i = 0; i < MIGRATE_NR_CAUSES; i++)
		sum->cause[i] += book->cause[i];
	sum->consumed += book->consumed;
	sum->bytes_taken += book->bytes_taken;
	sum->bytes_copied += book->bytes_copied;
	sum->ns += book->ns;
	sum->busy_ns += book->busy_ns;
}

struct books_attribute {
	struct kobj_attribute attr;
	enum migrate_reason reason;
};

static ssize_t books_show(struct kobject *kobj, struct kobj_attribute *attr,
			  char *buf)
{
	enum migrate_reason reason =
		container_of(attr, struct books_attribute, attr)->reason;
	struct migrate_books *books = &migrate_all_books;
	u64 copied, failed, refused;
	struct migrate_book book;
	ssize_t len;
	int i;

	if (kobj != migrate_offload_kobj)
		books = migrate_policy_books(kobj);
	scoped_guard(spinlock, &books->lock)
		book = books->reason[reason];

	copied = book.cause[MIGRATE_COPY_OK];
	refused = migrate_book_refused(&book);
	failed = migrate_book_failed(&book);

	len = sysfs_emit(buf, "offered %llu\ntaken %llu\nrefused %llu\n",
			 copied + failed + refused, copied + failed, refused);
	for (i = MIGRATE_COPY_OK + 1; i < MIGRATE_FIRST_FAILED; i++)
		len += sysfs_emit_at(buf, len, "%s %llu\n",
				     migrate_cause_names[i], book.cause[i]);
	len += sysfs_emit_at(buf, len, "copied %llu\nfailed %llu\n",
			     copied, failed);
	for (; i < MIGRATE_NR_CAUSES; i++)
		len += sysfs_emit_at(buf, len, "%s %llu\n",
				     migrate_cause_names[i], book.cause[i]);
	len += sysfs_emit_at(buf, len, "consumed %llu\ndiscarded %llu\n",
			     book.consumed, copied - book.consumed);
	len += sysfs_emit_at(buf, len,
			     "bytes_taken %llu\nbytes_copied %llu\nns %llu\nbusy_ns %llu\n",
			     book.bytes_taken, book.bytes_copied, book.ns,
			     book.busy_ns);
	return len;
}

ssize_t migrate_events_show(char *buf, const char * const *names,
			    const atomic64_t *events, int nr)
{
	ssize_t len = 0;
	int i;

	for (i = 0; i < nr; i++)
		len += sysfs_emit_at(buf, len, "%s %lld\n", names[i],
				     atomic64_read(&events[i]));
	return len;
}

#define BOOKS_ATTR(_reason)						\
	static struct books_attribute books_attr_##_reason = {		\
		.attr = { .attr = { .mode = 0444 }, .show = books_show }, \
		.reason = _reason,					\
	}

BOOKS_ATTR(MR_COMPACTION);
BOOKS_ATTR(MR_MEMORY_HOTPLUG);
BOOKS_ATTR(MR_SYSCALL);
BOOKS_ATTR(MR_MEMPOLICY_MBIND);
BOOKS_ATTR(MR_NUMA_MISPLACED);
BOOKS_ATTR(MR_CONTIG_RANGE);
BOOKS_ATTR(MR_LONGTERM_PIN);
BOOKS_ATTR(MR_DEMOTION);
BOOKS_ATTR(MR_DAMON);

static struct attribute *books_attrs[] = {
	&books_attr_MR_COMPACTION.attr.attr,
	&books_attr_MR_MEMORY_HOTPLUG.attr.attr,
	&books_attr_MR_SYSCALL.attr.attr,
	&books_attr_MR_MEMPOLICY_MBIND.attr.attr,
	&books_attr_MR_NUMA_MISPLACED.attr.attr,
	&books_attr_MR_CONTIG_RANGE.attr.attr,
	&books_attr_MR_LONGTERM_PIN.attr.attr,
	&books_attr_MR_DEMOTION.attr.attr,
	&books_attr_MR_DAMON.attr.attr,
	NULL,
};

const struct attribute_group migrate_books_group = {
	.name = "books",
	.attrs = books_attrs,
};

/* The names of the files are those that the trace events print. */
static int __init migrate_books_name_attrs(void)
{
	struct attribute **a;

	for (a = books_attrs; *a; a++) {
		struct books_attribute *books_attr =
			container_of(*a, struct books_attribute, attr.attr);

		(*a)->name = migrate_reason_names[books_attr->reason];
	}
	return 0;
}
core_initcall(migrate_books_name_attrs);
