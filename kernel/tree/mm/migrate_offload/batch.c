// SPDX-License-Identifier: GPL-2.0
/*
 * The batch: folios that migrate_pages() has unmapped are copied ahead of
 * their move, by the migrators that the policies choose.
 *
 * What this file is responsible for, whatever policies and migrators do:
 *
 * - Only such folios are copied ahead that nobody can write to between the
 *   copy and the move: folio_kind() and folio_is_ours().
 * - Contents are read after the TLBs have been flushed, and a copy counts only
 *   when its migrator said so, once, for the first try to move that very pair.
 * - Pages that an engine may still touch are never given back.
 *
 * mm/migrate.c goes on to copy, as ever, whatever is not copied here.
 */

#include <linux/cgroup.h>
#include <linux/ktime.h>
#include <linux/memcontrol.h>
#include <linux/mempool.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/shmem_fs.h>
#include <trace/events/migrate.h>

#include "../internal.h"
#include "batch.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

struct migrate_books migrate_all_books = {
	.lock = __SPIN_LOCK_UNLOCKED(migrate_all_books.lock),
};

atomic64_t migrate_batch_events[MIGRATE_NR_BATCH_EVENTS];

const char * const migrate_batch_event_names[MIGRATE_NR_BATCH_EVENTS] = {
	[MIGRATE_EVENT_BATCHES]		= "batches",
	[MIGRATE_EVENT_NO_MEMORY]	= "batches_no_memory",
	[MIGRATE_EVENT_GROUPS_FULL]	= "groups_full",
};

static mempool_t *migrate_batch_pool;

/*
 * Creates the pool at the first use of offload, under the lock of its caller.
 * With what it keeps for bad times, a daemon of each node can work, and a few
 * others.
 */
int migrate_batch_pool_create(void)
{
	if (!migrate_batch_pool)
		migrate_batch_pool =
			mempool_create_kmalloc_pool(4 + 2 * num_online_nodes(),
						    sizeof(struct migrate_batch));
	return migrate_batch_pool ? 0 : -ENOMEM;
}

/* What is known of the circumstances, for policies. */
static u32 call_flags(void)
{
	u32 flags = 0;

	if (current->flags & PF_MEMALLOC)
		flags |= MIGRATE_EXT_IN_RECLAIM;
	if (current->flags & PF_KTHREAD)
		flags |= MIGRATE_EXT_KTHREAD;
	return flags;
}

/* All but the arrays, which are as long as their counters say. */
void migrate_batch_init(struct migrate_batch *batch, enum migrate_mode mode,
			enum migrate_reason reason)
{
	memset(batch, 0, offsetof(struct migrate_batch, policies));
	batch->reason = reason;
	batch->mode = mode;
	batch->flags = call_flags();
}

/**
 * __migrate_batch_begin() - a batch begins
 * @mode: that of the call of migrate_pages()
 * @reason: why the folios move
 *
 * Return: the batch, for __migrate_batch_end(); NULL when nothing of it may be
 * copied ahead.
 */
struct migrate_batch *__migrate_batch_begin(enum migrate_mode mode,
					    enum migrate_reason reason)
{
	struct migrate_batch *batch;

	if (!(READ_ONCE(migrate_offload_reasons) & BIT(reason)))
		return NULL;

	/*
	 * Perhaps in reclaim, and nested: what is not there is done without,
	 * and no daemon is woken up to make it.
	 */
	batch = mempool_alloc(migrate_batch_pool, __GFP_NOWARN);
	if (!batch) {
		atomic64_inc(&migrate_batch_events[MIGRATE_EVENT_NO_MEMORY]);
		return NULL;
	}

	atomic64_inc(&migrate_batch_events[MIGRATE_EVENT_BATCHES]);
	migrate_batch_init(batch, mode, reason);
	return batch;
}

/* How many pages migrate_pages() may unmap at once. */
int __migrate_batch_max_pages(enum migrate_mode mode, enum migrate_reason reason,
			      int dflt)
{
	if (!(READ_ONCE(migrate_offload_reasons) & BIT(reason)))
		return dflt;
	return migrate_decide_max_pages(mode, reason, call_flags(),
					READ_ONCE(migrate_max_pages) ?: dflt,
					NULL);
}

/*
 * An engine copies bytes, not the memory tags that belong to them, and the
 * destination of an untagged page must not keep older tags either.
 */
static bool folio_has_memory_tags(struct folio *folio)
{
#ifdef CONFIG_ARM64_MTE
	long i, nr = folio_nr_pages(folio);

	for (i = 0; i < nr; i++)
		if (page_mte_tagged(folio_page(folio, i)))
			return true;
#endif
	return false;
}

/*
 * Is @src of a kind that may be copied ahead, and of which? That is so when
 * its move ends in __migrate_folio() without private data, and whoever writes
 * to it needs a mapping, a reference or the folio lock. All mappings of @src
 * have gone, and we hold the lock; folio_is_ours() is about the references.
 */
static bool folio_kind(struct folio *src, struct folio *dst,
		       enum migrate_ext_kind *kind)
{
	struct address_space *mapping = folio_mapping(src);

	/* Buffer heads are written without a reference to the folio. */
	if (folio_test_private(src) || folio_test_private_2(src))
		return false;
	if (mapping && (mapping_inaccessible(mapping) ||
			mapping->a_ops->migrate_folio != migrate_folio))
		return false;
	if (folio_test_anon(src))
		*kind = MIGRATE_EXT_ANON;
	else if (folio_test_swapcache(src) || (mapping && shmem_mapping(mapping)))
		*kind = MIGRATE_EXT_SHMEM;
	else
		return false;

	return !folio_test_writeback(src) &&
	       !folio_is_zone_device(src) && !folio_is_zone_device(dst) &&
	       folio_order(src) == folio_order(dst) &&
	       !folio_has_memory_tags(src) && !folio_has_memory_tags(dst);
}

/*
 * A reference that we do not know of may be a pin from before the unmap, whose
 * holder writes whenever it likes. New references of this kind are taken through
 * the page tables, and cannot be had; or, by memfd_pin_folios(), from the page
 * cache, and then migrate_batch_wait() keeps the new holder waiting.
 */
static bool folio_is_ours(struct folio *src)
{
	return folio_ref_count(src) == folio_expected_ref_count(src) + 1;
}

/*
 * The cgroup that @folio is charged to, or the nearest ancestor that still
 * lives. NULL stands for the root: also where memory is not accounted in the
 * default hierarchy. To be called, and the result used, under RCU.
 */
static struct cgroup *folio_live_cgroup(struct folio *folio)
{
#ifdef CONFIG_MEMCG
	struct mem_cgroup *memcg;

	if (mem_cgroup_disabled() || !cgroup_subsys_on_dfl(memory_cgrp_subsys))
		return NULL;

	for (memcg = folio_memcg(folio); memcg; memcg = parent_mem_cgroup(memcg))
		if (mem_cgroup_online(memcg) && !cgroup_is_dead(memcg->css.cgroup))
			return memcg->css.cgroup;
#endif
	return NULL;
}

static struct migrate_batch_group *batch_group(struct migrate_batch *batch,
					       struct folio *src,
					       struct folio *dst)
{
	guard(rcu)();

	return migrate_group_get(batch,
				 folio_live_cgroup(src) ?: &cgrp_dfl_root.cgrp,
				 folio_nid(src), folio_nid(dst));
}

/**
 * __migrate_batch_add() - offer a folio to be copied ahead
 * @batch: the batch
 * @dst: its destination, locked, with its migrate_info recorded
 * @src: the folio, locked, unmapped from every page table
 *
 * The TLBs need not be flushed yet: nothing of the contents is looked at.
 * Both folios stay as they are until the move.
 */
void __migrate_batch_add(struct migrate_batch *batch, struct folio *dst,
			 struct folio *src)
{
	struct migrate_batch_group *group;
	enum migrate_ext_kind kind;
	struct migrate_pair *pair;

	/* These are not folios; nothing of what follows may be asked of them. */
	if (page_has_movable_ops(&src->page))
		return;

	group = batch_group(batch, src, dst);
	if (!group) {
		batch->no_group.cause[MIGRATE_REFUSED_FULL]++;
		atomic64_inc(&migrate_batch_events[MIGRATE_EVENT_GROUPS_FULL]);
		return;
	}

	if (folio_contain_hwpoisoned_page(src)) {
		group->book.cause[MIGRATE_REFUSED_POISONED]++;
		return;
	}
	if (!folio_kind(src, dst, &kind)) {
		group->book.cause[MIGRATE_REFUSED_KIND]++;
		return;
	}
	if (!migrate_group_may_batch(batch, group, kind, folio_order(src))) {
		group->book.cause[MIGRATE_REFUSED_POLICY]++;
		return;
	}
	if (batch->nr_pairs == MIGRATE_BATCH_PAIRS) {
		group->book.cause[MIGRATE_REFUSED_FULL]++;
		return;
	}

	pair = &batch->pairs[batch->nr_pairs++];
	pair->src = src;
	pair->dst = dst;
	pair->bytes = folio_size(src);
	pair->status = MIGRATE_PAIR_REFUSED;
	pair->group = group - batch->groups;
}

static void pair_refuse(struct migrate_batch *batch, struct migrate_pair *pair,
			enum migrate_cause cause)
{
	pair->status = MIGRATE_PAIR_HELD;
	batch->groups[pair->group].book.cause[cause]++;
}

/*
 * Take out the folios that somebody else has a reference to, and count what is
 * left of each group.
 *
 * One check, after the flush, is enough: page tables led to the folios until
 * then, and nowhere since.
 */
static void batch_settle(struct migrate_batch *batch)
{
	struct migrate_pair *pair;
	int i;

	/*
	 * Read the reference counts after the PTEs were cleared: a reference
	 * that was got through a PTE is seen. Pairs with the atomic increment
	 * in try_grab_folio_fast(), before GUP-fast looks at the PTE again.
	 */
	smp_mb();
	for (i = 0; i < batch->nr_pairs; i++) {
		struct migrate_ext_group *ctx;

		pair = &batch->pairs[i];
		if (!folio_is_ours(pair->src)) {
			pair_refuse(batch, pair, MIGRATE_REFUSED_BUSY);
			continue;
		}
		ctx = &batch->groups[pair->group].ctx;
		ctx->folios++;
		ctx->bytes += pair->bytes;
		ctx->orders |= BIT_ULL(folio_order(pair->src));
	}
	/*
	 * Read the contents after the reference counts: what was written by a
	 * holder who has gone is seen. Pairs with the release in folio_put().
	 */
	smp_mb();
}

/* The job of the migrator of that id, %MIGRATE_NO_JOB if it cannot have one. */
static u8 batch_job(struct migrate_batch *batch, u32 id)
{
	struct migrate_batch_job *job;
	u8 i;

	for (i = 0; i < batch->nr_jobs; i++)
		if (batch->jobs[i].id == id)
			return i;
	if (i == MIGRATE_BATCH_JOBS)
		return MIGRATE_NO_JOB;

	job = &batch->jobs[i];
	memset(job, 0, sizeof(*job));
	job->migrator = migrator_get(id);
	if (!job->migrator)
		return MIGRATE_NO_JOB;
	job->id = id;
	job->job.pairs = batch->pairs;
	job->job.reason = batch->reason;
	batch->nr_jobs++;
	return i;
}

/* One job per migrator: many groups may have the same. */
static void batch_make_jobs(struct migrate_batch *batch)
{
	struct migrate_batch_job *job;
	struct migrate_pair *pair;
	int i, j, pos = 0;

	for (i = 0; i < batch->nr_groups; i++)
		if (batch->groups[i].ctx.folios)
			migrate_group_select(batch, &batch->groups[i]);

	for (i = 0; i < batch->nr_pairs; i++) {
		struct migrate_batch_group *group;

		pair = &batch->pairs[i];
		pair->job = MIGRATE_NO_JOB;
		if (pair->status == MIGRATE_PAIR_HELD)
			continue;
		group = &batch->groups[pair->group];
		pair->job = batch_job(batch,
				      migrate_group_assigned(group, group->pos++));
		/* Gone since the choice was made, or one too many. */
		if (pair->job == MIGRATE_NO_JOB)
			pair_refuse(batch, pair, MIGRATE_REFUSED_NO_MIGRATOR);
	}

	for (j = 0; j < batch->nr_jobs; j++) {
		job = &batch->jobs[j];
		job->job.index = &batch->index[pos];
		for (i = 0; i < batch->nr_pairs; i++) {
			pair = &batch->pairs[i];
			if (pair->job != j)
				continue;
			if (!job->job.nr) {
				job->job.src_nid = folio_nid(pair->src);
				job->job.dst_nid = folio_nid(pair->dst);
			}
			job->job.nr++;
			job->job.bytes += pair->bytes;
			batch->index[pos++] = i;
		}
	}
}

static void job_submit(struct migrate_batch_job *job)
{
	struct migrator *migrator = job->migrator;

	job->begin_ns = ktime_get_ns();
	migrator_begin_job(migrator, job->job.bytes);
	if (!migrator->submit(migrator, &job->job))
		return;

	/* Nothing was begun, whatever it may have said of the pairs. */
	migrator_count(migrator, MIGRATOR_JOBS_REFUSED, 1);
	migrator_count(migrator, MIGRATOR_REFUSED, job->job.nr);
	job->refused = true;
}

/*
 * An engine may be at this pair for as long as the machine runs. Neither page
 * must ever have another user: the source goes back to its owner, who is not
 * disturbed by being read, and stays where it is because of our reference; the
 * destination is left to the engine.
 */
static void pair_lose(struct migrate_pair *pair)
{
	folio_get(pair->src);
	folio_get(pair->dst);
}

/* What the migrator says of a pair, in the terms of the books. */
static enum migrate_cause pair_verdict(struct migrate_pair *pair)
{
	switch (pair->status) {
	case MIGRATE_PAIR_COPIED:
		/* Poison that was found meanwhile: let the CPU meet it. */
		if (folio_contain_hwpoisoned_page(pair->src) ||
		    folio_contain_hwpoisoned_page(pair->dst))
			return MIGRATE_FAILED_ERROR;
		return MIGRATE_COPY_OK;
	case MIGRATE_PAIR_REFUSED:
		return MIGRATE_REFUSED_MIGRATOR;
	case MIGRATE_PAIR_TIMED_OUT:
		return MIGRATE_FAILED_TIMEOUT;
	case MIGRATE_PAIR_LOST:
		return MIGRATE_FAILED_LOST;
	case MIGRATE_PAIR_POISONED:
	default:
		return MIGRATE_FAILED_ERROR;
	}
}

/* Keeps the CPU from the pair when the pair is moved: __migrate_batch_move(). */
static void pair_mark(struct migrate_pair *pair)
{
	pair->dst->migrate_info |= FOLIO_OFFLOADED;
}

/* Puts a pair into the books, and marks it if its move has to know. */
static enum migrate_cause pair_close(struct migrate_batch_group *group, int j,
				     struct migrate_batch_job *job,
				     struct migrate_pair *pair)
{
	struct migrate_ext_part *part = &group->parts[j];
	struct migrator *migrator = job->migrator;
	enum migrate_cause cause;

	if (job->refused)
		pair->status = MIGRATE_PAIR_REFUSED;

	cause = pair_verdict(pair);
	group->book.cause[cause]++;
	group->job_bytes += pair->bytes;
	part->migrator = job->id;

	if (cause == MIGRATE_REFUSED_MIGRATOR) {
		if (!job->refused)
			migrator_count(migrator, MIGRATOR_REFUSED, 1);
		return cause;
	}

	group->book.bytes_taken += pair->bytes;
	part->taken++;

	if (cause == MIGRATE_COPY_OK) {
		group->book.bytes_copied += pair->bytes;
		part->copied++;
		part->bytes_copied += pair->bytes;
		migrator_count(migrator, MIGRATOR_FOLIOS, 1);
		migrator_count(migrator, MIGRATOR_BYTES, pair->bytes);
		pair_mark(pair);
		return cause;
	}

	migrator_count(migrator, MIGRATOR_FAILED, 1);
	if (cause != MIGRATE_FAILED_ERROR)
		migrator_count(migrator, MIGRATOR_TIMED_OUT, 1);
	if (cause == MIGRATE_FAILED_LOST) {
		migrator_count(migrator, MIGRATOR_LOST, 1);
		pair_lose(pair);
		pair_mark(pair);
	}
	/* It met the poison that a CPU would meet again. */
	if (pair->status == MIGRATE_PAIR_POISONED)
		pair_mark(pair);
	/* Copied, and yet failed. */
	if (pair->status == MIGRATE_PAIR_COPIED)
		pair->status = MIGRATE_PAIR_FAILED;
	return cause;
}

/* Divides the time of a job among its groups, by bytes. */
static void job_divide_time(struct migrate_batch *batch, int j, u64 ns,
			    u64 busy_ns)
{
	struct migrate_job *job = &batch->jobs[j].job;
	int i;

	for (i = 0; i < batch->nr_groups; i++) {
		struct migrate_batch_group *group = &batch->groups[i];
		struct migrate_ext_part *part = &group->parts[j];

		if (!group->job_bytes)
			continue;
		part->ns = mul_u64_u64_div_u64(ns, group->job_bytes, job->bytes);
		part->busy_ns = mul_u64_u64_div_u64(busy_ns, group->job_bytes,
						    job->bytes);
		group->book.ns += part->ns;
		group->book.busy_ns += part->busy_ns;
		group->job_bytes = 0;
	}
}

static void job_close(struct migrate_batch *batch, int j)
{
	struct migrate_batch_job *job = &batch->jobs[j];
	struct migrator *migrator = job->migrator;
	u32 nr[MIGRATE_NR_CAUSES] = { };
	u64 ns = 0, busy_ns = 0;
	int i;

	if (!job->refused) {
		migrator->wait(migrator, &job->job);
		ns = job->job.ns ?: ktime_get_ns() - job->begin_ns;
		busy_ns = job->job.busy_ns;
		migrator_count(migrator, MIGRATOR_BUSY_NS, busy_ns);
	}

	for (i = 0; i < job->job.nr; i++) {
		struct migrate_pair *pair = migrate_job_pair(&job->job, i);

		nr[pair_close(&batch->groups[pair->group], j, job, pair)]++;
	}

	job_divide_time(batch, j, ns, busy_ns);
	migrator_end_job(migrator, job->job.bytes, job->job.nr,
			 nr[MIGRATE_COPY_OK], nr[MIGRATE_REFUSED_MIGRATOR], ns);
	migrator_put(migrator);
}

/**
 * __migrate_batch_copy() - copy the folios of a batch ahead of their move
 * @batch: the batch
 *
 * To be called after try_to_unmap_flush(): until then, a CPU may write to a
 * folio by what its TLB remembers. May sleep, allocates nothing.
 */
void __migrate_batch_copy(struct migrate_batch *batch)
{
	int i;

	if (!batch->nr_pairs)
		return;

	batch_settle(batch);
	batch_make_jobs(batch);

	/* The calling CPU does its share while the engines do theirs. */
	for (i = 0; i < batch->nr_jobs; i++)
		if (batch->jobs[i].id != MIGRATOR_CPU)
			job_submit(&batch->jobs[i]);
	for (i = 0; i < batch->nr_jobs; i++)
		if (batch->jobs[i].id == MIGRATOR_CPU)
			job_submit(&batch->jobs[i]);
	for (i = 0; i < batch->nr_jobs; i++)
		job_close(batch, i);
}

/*
 * The pair that is moved now. Marked pairs are moved in the order in which
 * they were added; each folio of the list is tried once before any is tried
 * again. The folios of pairs that lie behind may have been freed: pointers are
 * compared, and nothing else.
 */
static struct migrate_pair *batch_next_pair(struct migrate_batch *batch,
					    struct folio *dst, struct folio *src)
{
	while (batch->cursor < batch->nr_pairs) {
		struct migrate_pair *pair = &batch->pairs[batch->cursor++];

		if (pair->dst == dst && pair->src == src)
			return pair;
	}
	return NULL;
}

/* As __migrate_folio() and its callers do it, from after the copy on. */
static int move_copied_folio(struct folio *dst, struct folio *src)
{
	struct address_space *mapping = folio_mapping(src);
	bool deferred_split = false, partially_mapped = false;
	long i, nr = folio_nr_pages(src);
	int rc;

	/* Unqueued with its mapping: remember. */
	if (folio_order(src) > 1 && !data_race(list_empty(&src->_deferred_list))) {
		deferred_split = true;
		partially_mapped = folio_test_partially_mapped(src);
	}

	/*
	 * The arbiter: somebody who has got hold of the folio since it was
	 * copied may have written to it, or may be about to.
	 */
	rc = folio_migrate_mapping(mapping, dst, src, 0);
	if (rc)
		return rc;

	/* copy_highpage() does this, an engine does not. */
	for (i = 0; i < nr; i++)
		page_kasan_tag_reset(folio_page(dst, i));

	folio_migrate_flags(dst, src);
	if (!folio_test_anon(src))
		src->mapping = NULL;
	flush_dcache_folio(dst);
	if (deferred_split)
		deferred_split_folio(dst, partially_mapped);
	return 0;
}

/**
 * __migrate_batch_move() - move a folio whose destination is marked
 * @batch: the batch
 * @dst: the destination; its mark has been taken out
 * @src: the source
 *
 * Return: as move_to_new_folio(); after -EAGAIN the folio is moved the usual
 * way, with a copy of its own. For good: -EBUSY when the pair is lost, and
 * -EHWPOISON when the CPU found poison in the source.
 */
int __migrate_batch_move(struct migrate_batch *batch, struct folio *dst,
			 struct folio *src)
{
	struct migrate_pair *pair = batch_next_pair(batch, dst, src);
	int rc;

	/* A mark that nobody made: nothing is known of the destination. */
	if (WARN_ON_ONCE(!pair))
		return -EAGAIN;
	if (pair->status == MIGRATE_PAIR_LOST)
		return -EBUSY;
	if (pair->status == MIGRATE_PAIR_POISONED)
		return -EHWPOISON;
	if (WARN_ON_ONCE(pair->status != MIGRATE_PAIR_COPIED))
		return -EAGAIN;

	rc = move_copied_folio(dst, src);
	if (!rc)
		batch->groups[pair->group].book.consumed++;
	return rc;
}

static void group_close(struct migrate_batch *batch,
			struct migrate_batch_group *group)
{
	const struct migrate_book *book = &group->book;
	struct migrate_ext_result result = {
		.migrator	= group->migrator,
		.copied		= book->cause[MIGRATE_COPY_OK],
		.refused	= migrate_book_refused(book),
		.failed		= migrate_book_failed(book),
		.consumed	= book->consumed,
		.bytes_taken	= book->bytes_taken,
		.bytes_copied	= book->bytes_copied,
		.ns		= book->ns,
		.busy_ns	= book->busy_ns,
	};
	int i;

	for (i = 0; i < MIGRATE_BATCH_JOBS; i++)
		if (group->parts[i].migrator != MIGRATOR_NONE)
			result.parts[result.nr_parts++] = group->parts[i];
	result.taken = result.copied + result.failed;
	result.offered = result.taken + result.refused;
	result.discarded = result.copied - result.consumed;

	trace_migrate_offload_copy(&group->ctx, &result);
	for (i = 0; result.nr_parts > 1 && i < result.nr_parts; i++)
		trace_migrate_offload_part(&group->ctx, &result.parts[i]);
	for (i = MIGRATE_COPY_OK + 1; i < MIGRATE_NR_CAUSES; i++)
		if (book->cause[i])
			trace_migrate_offload_fallback(&group->ctx,
						       group->migrator,
						       migrate_cause_names[i],
						       book->cause[i]);

	for (i = 0; i < group->chain_len; i++) {
		result.decided = i == group->decider;
		migrate_policy_done(batch->policies[group->chain[i]],
				    &group->ctx, &result, book);
	}
	migrate_books_add(&migrate_all_books, batch->reason, book);
}

/**
 * __migrate_batch_end() - the batch is over
 * @batch: the batch, not to be used any more
 *
 * To be called when the folios of the batch have been moved or will not be.
 */
void __migrate_batch_end(struct migrate_batch *batch)
{
	int i;

	trace_migrate_offload_batch(batch->mode, batch->reason, batch->flags,
				    batch->nr_groups, batch->nr_policies,
				    batch->nr_jobs, batch->nr_pairs);

	for (i = 0; i < batch->nr_groups; i++)
		group_close(batch, &batch->groups[i]);
	migrate_books_add(&migrate_all_books, batch->reason, &batch->no_group);

	for (i = 0; i < batch->nr_policies; i++)
		migrate_policy_put(batch->policies[i]);
	mempool_free(batch, migrate_batch_pool);
}
