// SPDX-License-Identifier: GPL-2.0
/*
 * The arithmetic of costs, of divided groups and of the books, for which no folio has
 * to move; and pages that look like what they are not.
 */

#include <kunit/test.h>
#include <linux/slab.h>

#include "batch.h"

/* The id of a migrator that is there: the CPU. */
#define READY	MIGRATOR_CPU

static struct migrate_batch_group *new_group(struct kunit *test, u32 folios)
{
	struct migrate_batch_group *group;

	group = kunit_kzalloc(test, sizeof(*group), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, group);
	group->ctx.folios = folios;
	group->migrator = 77;
	return group;
}

static void assign_ranges(struct kunit *test)
{
	struct migrate_batch_group *group = new_group(test, 512);

	KUNIT_EXPECT_EQ(test, migrate_group_assigned(group, 0), 77);
	KUNIT_EXPECT_EQ(test, migrate_group_assign(group, 10, 20, READY), 0);
	KUNIT_EXPECT_EQ(test, migrate_group_assign(group, 511, 1, READY), 0);
	KUNIT_EXPECT_EQ(test, migrate_group_assigned(group, 9), 77);
	KUNIT_EXPECT_EQ(test, migrate_group_assigned(group, 10), READY);
	KUNIT_EXPECT_EQ(test, migrate_group_assigned(group, 29), READY);
	KUNIT_EXPECT_EQ(test, migrate_group_assigned(group, 30), 77);
	KUNIT_EXPECT_EQ(test, migrate_group_assigned(group, 511), READY);
}

static void assign_refused(struct kunit *test)
{
	struct migrate_batch_group *group = new_group(test, 100);
	int i;

	KUNIT_EXPECT_EQ(test, migrate_group_assign(group, 0, 0, READY), -EINVAL);
	KUNIT_EXPECT_EQ(test, migrate_group_assign(group, 100, 1, READY), -EINVAL);
	KUNIT_EXPECT_EQ(test, migrate_group_assign(group, 99, 2, READY), -EINVAL);
	KUNIT_EXPECT_EQ(test, migrate_group_assign(group, 1, U32_MAX, READY),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, migrate_group_assign(group, U32_MAX, 1, READY),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, migrate_group_assign(group, 0, 1, 4711), -ENOENT);
	KUNIT_EXPECT_EQ(test, group->nr_ranges, 0);

	KUNIT_EXPECT_EQ(test, migrate_group_assign(group, 50, 2, READY), 0);
	KUNIT_EXPECT_EQ(test, migrate_group_assign(group, 51, 5, READY), -EINVAL);
	KUNIT_EXPECT_EQ(test, migrate_group_assign(group, 45, 6, READY), -EINVAL);
	KUNIT_EXPECT_EQ(test, migrate_group_assign(group, 0, 100, READY), -EINVAL);
	for (i = 1; i < MIGRATE_BATCH_RANGES; i++)
		KUNIT_EXPECT_EQ(test, migrate_group_assign(group, 2 * i, 1, READY), 0);
	KUNIT_EXPECT_EQ(test, migrate_group_assign(group, 90, 1, READY), -ENOSPC);
}

static void costs(struct kunit *test)
{
	struct migrator_costs *of;

	of = kunit_kzalloc(test, sizeof(*of), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, of);

	/* Nothing is known yet. */
	KUNIT_EXPECT_EQ(test, migrator_costs_ns(of, SZ_2M, 512), 0);

	/* 1 ms for 2 MiB: what is known is told, and scaled for other sizes. */
	migrator_costs_add(of, SZ_2M, SZ_2M / PAGE_SIZE, NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, migrator_costs_ns(of, SZ_2M, SZ_2M / PAGE_SIZE),
			NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, migrator_costs_ns(of, SZ_4M, SZ_4M / PAGE_SIZE),
			2 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, migrator_costs_all(of, 0), NSEC_PER_MSEC / 2);

	/* Of folios of another size nothing is known. */
	KUNIT_EXPECT_EQ(test, migrator_costs_ns(of, PMD_SIZE, 1), 0);
	KUNIT_EXPECT_EQ(test, migrator_costs_all(of, 3), 0);

	/* Small jobs are dearer, and large ones are not told so. */
	migrator_costs_add(of, PAGE_SIZE, 1, NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, migrator_costs_ns(of, SZ_2M, SZ_2M / PAGE_SIZE),
			NSEC_PER_MSEC);
	KUNIT_EXPECT_GT(test, migrator_costs_ns(of, PAGE_SIZE, 1),
			NSEC_PER_MSEC / 2);

	/* It follows: after many jobs the old cost is forgotten. */
	for (int i = 0; i < 200; i++)
		migrator_costs_add(of, SZ_2M, SZ_2M / PAGE_SIZE,
				   4 * NSEC_PER_MSEC);
	KUNIT_EXPECT_GT(test, migrator_costs_ns(of, SZ_2M, SZ_2M / PAGE_SIZE),
			39 * NSEC_PER_MSEC / 10);

	/* A job that took no time at all has been measured nevertheless. */
	migrator_costs_add(of, PMD_SIZE, 1, 0);
	KUNIT_EXPECT_GT(test, migrator_costs_all(of, 3), 0);
}

static void books(struct kunit *test)
{
	struct migrate_book book = { };
	int i;

	/* Each cause is refused or failed, and none of them is both. */
	for (i = MIGRATE_COPY_OK + 1; i < MIGRATE_NR_CAUSES; i++) {
		book.cause[i] = 1ULL << (4 * i);
		KUNIT_EXPECT_NOT_NULL(test, migrate_cause_names[i]);
		KUNIT_EXPECT_EQ(test, strncmp(migrate_cause_names[i],
					      i < MIGRATE_FIRST_FAILED ?
					      "refused_" : "failed_", 7), 0);
	}
	book.cause[MIGRATE_COPY_OK] = 3;
	KUNIT_EXPECT_EQ(test, migrate_book_refused(&book) &
			migrate_book_failed(&book), 0);
	for (i = MIGRATE_COPY_OK + 1; i < MIGRATE_NR_CAUSES; i++)
		KUNIT_EXPECT_TRUE(test, (migrate_book_refused(&book) |
					 migrate_book_failed(&book)) &
				  book.cause[i]);
}

/*
 * A page that has movable_ops is no folio: where a folio has its mapping there may be
 * anything, here what says that it is anonymous memory, like the last one.
 */
static void page_of_a_type(struct kunit *test)
{
	struct migrate_batch *batch;
	struct page *src, *dst;

	batch = kunit_kzalloc(test, sizeof(*batch), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, batch);
	src = alloc_page(GFP_KERNEL);
	dst = alloc_page(GFP_KERNEL);
	if (!src || !dst) {
		KUNIT_FAIL(test, "no pages");
		goto out;
	}
	src->page_type = (unsigned int)PGTY_offline << 24;
	SetPageMovableOps(src);
	page_folio(src)->mapping = (void *)FOLIO_MAPPING_ANON;

	migrate_batch_init(batch, MIGRATE_ASYNC, MR_COMPACTION, SZ_2M);
	batch->alike = (struct migrate_batch_alike) {
		.known		= true,
		.src_flags	= src->flags.f,
		.dst_flags	= dst->flags.f,
	};
	__migrate_batch_add(batch, page_folio(dst), page_folio(src));
	KUNIT_EXPECT_EQ(test, batch->nr_pairs, 0);

	page_folio(src)->mapping = NULL;
	/* It stays a page with movable_ops until it is freed. */
	src->page_type = UINT_MAX;
out:
	if (src)
		__free_page(src);
	if (dst)
		__free_page(dst);
}

static struct kunit_case migrate_offload_cases[] = {
	KUNIT_CASE(assign_ranges),
	KUNIT_CASE(assign_refused),
	KUNIT_CASE(costs),
	KUNIT_CASE(books),
	KUNIT_CASE(page_of_a_type),
	{ }
};

static struct kunit_suite migrate_offload_suite = {
	.name = "migrate_offload",
	.test_cases = migrate_offload_cases,
};

kunit_test_suite(migrate_offload_suite);
