/* SPDX-License-Identifier: GPL-2.0 */
/* What mm/migrate.c needs of copy offload; nothing of it exists when it is off. */
#ifndef _MM_MIGRATE_OFFLOAD_HOOKS_H
#define _MM_MIGRATE_OFFLOAD_HOOKS_H

#include <linux/bits.h>
#include <linux/jump_label.h>
#include <linux/migrate_mode.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

struct migrate_batch;

#ifdef CONFIG_MIGRATE_OFFLOAD

/*
 * The mark, a FOLIO_OLD_STATES bit in the migrate_info of a destination: the
 * batch knows what became of the copy made ahead. Set between the flush and
 * the move, and taken out for good by the first extract after that.
 *
 * An anon_vma is aligned to 8 bytes on 64-bit: this is the last bit there is.
 */
#define FOLIO_OFFLOADED		BIT(2)

DECLARE_STATIC_KEY_FALSE(migrate_offload_key);

struct migrate_batch *__migrate_batch_begin(enum migrate_mode mode,
					    enum migrate_reason reason,
					    struct list_head *from);
void __migrate_batch_add(struct migrate_batch *batch, struct folio *dst,
			 struct folio *src);
void __migrate_batch_copy(struct migrate_batch *batch);
int __migrate_batch_move(struct migrate_batch *batch, struct folio *dst,
			 struct folio *src);
void __migrate_batch_end(struct migrate_batch *batch);
int __migrate_batch_max_pages(enum migrate_mode mode, enum migrate_reason reason,
			      struct list_head *from, int dflt);

/* Folios that one batch can copy ahead; those of a longer list it cannot. */
#define MIGRATE_BATCH_PAIRS	512

/*
 * The mode of a pass of migrate_pages(), and in its upper bits that of the call,
 * until migrate_batch_mode() takes it out: a pass of a synchronous call is
 * asynchronous, and policies want to know.
 */
#define MIGRATE_CALL_MODE_SHIFT	4

static inline enum migrate_mode migrate_batch_pass(enum migrate_mode mode,
						   enum migrate_mode call_mode)
{
	return mode | call_mode << MIGRATE_CALL_MODE_SHIFT;
}

/* The mode of the pass alone. */
static inline enum migrate_mode migrate_batch_mode(enum migrate_mode mode)
{
	return mode & (BIT(MIGRATE_CALL_MODE_SHIFT) - 1);
}

/*
 * Batches nest, because allocating a destination may reclaim: all the state of
 * a batch is in what this returns. NULL: nothing is copied ahead.
 */
static inline struct migrate_batch *migrate_batch_begin(enum migrate_mode mode,
							enum migrate_reason reason,
							struct list_head *from)
{
	if (!static_branch_unlikely(&migrate_offload_key))
		return NULL;
	/* Only an ASYNC pass unmaps more than one folio before it moves them. */
	if (migrate_batch_mode(mode) != MIGRATE_ASYNC)
		return NULL;
	return __migrate_batch_begin(mode >> MIGRATE_CALL_MODE_SHIFT, reason,
				     from);
}

/* To be called for each folio that has been unmapped, in the order of the move. */
static inline void migrate_batch_add(struct migrate_batch *batch,
				     struct folio *dst, struct folio *src)
{
	/* Turned off in the middle of a batch: the rest of it is not offered. */
	if (static_branch_unlikely(&migrate_offload_key) && batch)
		__migrate_batch_add(batch, dst, src);
}

/* To be called after try_to_unmap_flush(), and before any folio is moved. */
static inline void migrate_batch_copy(struct migrate_batch *batch)
{
	if (batch)
		__migrate_batch_copy(batch);
}

/*
 * For a marked destination, moves the folio and requeues it for a deferred split
 * if the source was; *rc is set as move_to_new_folio() would return it, and true
 * returned. Or false: the batch has no word on this pair, move it as usual.
 */
static inline bool migrate_batch_move(struct migrate_batch *batch,
				      struct folio *dst, struct folio *src,
				      int *old_folio_state, int *rc)
{
	if (likely(!(*old_folio_state & FOLIO_OFFLOADED)))
		return false;
	/* -EAGAIN records the old state again: the mark must not be in it. */
	*old_folio_state &= ~FOLIO_OFFLOADED;
	*rc = __migrate_batch_move(batch, dst, src);
	return true;
}

static inline void migrate_batch_end(struct migrate_batch *batch)
{
	if (batch)
		__migrate_batch_end(batch);
}

/* How many pages migrate_pages() may unmap at once, @dflt when offload is off. */
static inline int migrate_batch_max_pages(enum migrate_mode mode,
					  enum migrate_reason reason,
					  struct list_head *from, int dflt)
{
	if (!static_branch_unlikely(&migrate_offload_key))
		return dflt;
	return __migrate_batch_max_pages(mode, reason, from, dflt);
}

/*
 * The pages of a folio, as they count for that maximum: where it is not @dflt, at
 * least so much that it is reached with as many folios as can be copied ahead.
 * Offload may have been turned off since the maximum was asked for.
 */
static inline int migrate_batch_pages(struct folio *folio, int max_pages, int dflt)
{
	if (likely(max_pages == dflt))
		return folio_nr_pages(folio);
	return max_t(int, folio_nr_pages(folio), max_pages / MIGRATE_BATCH_PAIRS);
}

/*
 * For whoever has got a reference to a folio of the page cache by no page table,
 * and lets it be written to without the folio lock: a folio that has been copied
 * ahead is locked until it has been moved, or was seen to have a reference more.
 */
static inline void migrate_batch_wait(struct folio *folio)
{
	/* Take the reference, then look at the lock; batch_settle(): reversed. */
	smp_mb__after_atomic();
	folio_wait_locked(folio);
}

#else /* !CONFIG_MIGRATE_OFFLOAD */

#define FOLIO_OFFLOADED		0

static inline enum migrate_mode migrate_batch_pass(enum migrate_mode mode,
						   enum migrate_mode call_mode)
{
	return mode;
}

static inline enum migrate_mode migrate_batch_mode(enum migrate_mode mode)
{
	return mode;
}

static inline struct migrate_batch *migrate_batch_begin(enum migrate_mode mode,
							enum migrate_reason reason,
							struct list_head *from)
{
	return NULL;
}

static inline void migrate_batch_add(struct migrate_batch *batch,
				     struct folio *dst, struct folio *src)
{
}

static inline void migrate_batch_copy(struct migrate_batch *batch)
{
}

static inline bool migrate_batch_move(struct migrate_batch *batch,
				      struct folio *dst, struct folio *src,
				      int *old_folio_state, int *rc)
{
	return false;
}

static inline void migrate_batch_end(struct migrate_batch *batch)
{
}

static inline int migrate_batch_max_pages(enum migrate_mode mode,
					  enum migrate_reason reason,
					  struct list_head *from, int dflt)
{
	return dflt;
}

static inline int migrate_batch_pages(struct folio *folio, int max_pages, int dflt)
{
	return folio_nr_pages(folio);
}

static inline void migrate_batch_wait(struct folio *folio)
{
}

#endif /* CONFIG_MIGRATE_OFFLOAD */
#endif /* _MM_MIGRATE_OFFLOAD_HOOKS_H */
