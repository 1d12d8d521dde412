// SPDX-License-Identifier: GPL-2.0
/*
 * The batch: folios that migrate_pages() has unmapped are copied ahead of
 * their move, by the migrators that the policies choose.
 *
 * What this file is responsible for, whatever policies and migrators do:
 *
 * - Only such folios are copied ahead that nobody can write to between the
 *   copy and the move: folio_kind() and pair_is_ours().
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
	[MIGRATE_EVENT_SMALL]		= "batches_small",
	[MIGRATE_EVENT_NO_MEMORY]	= "batches_no_memory",
	[MIGRATE_EVENT_GROUPS_FULL]	= "groups_full",
};

static struct kmem_cache *migrate_batch_cache;
static mempool_t *migrate_batch_pool;

/*
 * Creates the pool at the first use of offload, under the lock of its caller.
 * With what it keeps for bad times, a daemon of each node can work, and a few
 * others. Else it gives out what the slab has at hand for this CPU: a batch of
 * few folios cannot afford the page allocator.
 */
int migrate_batch_pool_create(void)
{
	if (!migrate_batch_cache)
		migrate_batch_cache = KMEM_CACHE(migrate_batch, 0);
	if (migrate_batch_cache && !migrate_batch_pool)
		migrate_batch_pool =
			mempool_create_slab_pool(4 + 2 * num_online_nodes(),
						 migrate_batch_cache);
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
			enum migrate_reason reason, u64 bytes)
{
	memset(batch, 0, offsetof(struct migrate_batch, policies));
	batch->next = batch->pairs;
	batch->reason = reason;
	batch->mode = mode;
	batch->flags = call_flags();
	batch->bytes = bytes;
}

/*
 * Is @from so small that nobody wants to be asked about it? *@bytes: its size; or
 * enough for everybody, those included who come while the batch is made.
 */
static bool list_is_small(struct list_head *from, u64 *bytes)
{
	struct folio *folio;
	u64 least, enough;

	migrate_min_bytes(&least, &enough);
	*bytes = 0;
	list_for_each_entry(folio, from, lru) {
		if (*bytes >= enough)
			break;
		*bytes += folio_size(folio);
	}
	if (*bytes < least)
		return true;
	if (*bytes >= enough)
		*bytes = U64_MAX;
	return false;
}

/**
 * __migrate_batch_begin() - a batch begins
 * @mode: that of the call of migrate_pages()
 * @reason: why the folios move
 * @from: the folios
 *
 * Return: the batch, for __migrate_batch_end(); NULL when nothing of it may be
 * copied ahead.
 */
struct migrate_batch *__migrate_batch_begin(enum migrate_mode mode,
					    enum migrate_reason reason,
					    struct list_head *from)
{
	struct migrate_batch *batch;
	u64 bytes;

	if (!(READ_ONCE(migrate_offload_reasons) & BIT(reason)))
		return NULL;

	if (list_is_small(from, &bytes)) {
		atomic64_inc(&migrate_batch_events[MIGRATE_EVENT_SMALL]);
		return NULL;
	}

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
	migrate_batch_init(batch, mode, reason, bytes);
	return batch;
}

/* How many pages of @from migrate_pages() may unmap at once. */
int __migrate_batch_max_pages(enum migrate_mode mode, enum migrate_reason reason,
			      struct list_head *from, int dflt)
{
	u32 ceiling = READ_ONCE(migrate_max_pages) ?: dflt;
	u64 bytes;

	if (!(READ_ONCE(migrate_offload_reasons) & BIT(reason)))
		return dflt;
	if (!migrate_policies_have_batch_pages() || list_is_small(from, &bytes))
		return ceiling;
	return migrate_decide_max_pages(mode, reason, call_flags(), bytes,
					ceiling, NULL);
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
 * have gone, and we hold the lock; pair_is_ours() is about the references.
 */
static bool folio_kind(struct folio *src, struct folio *dst,
		       enum migrate_ext_kind *kind)
{
	struct address_space *mapping = folio_mapping(src);

	/* Buffer heads are written without a reference to the folio. */
	if (folio_test_private(src) || folio_test_private_2(src))
		return false;
	if (mapping && mapping_inaccessible(mapping))
		return false;

	if (mapping && migrate_file_may_copy_ahead(mapping, src))
		*kind = MIGRATE_EXT_FILE;
	else if (mapping && mapping->a_ops->migrate_folio != migrate_folio)
		return false;
	else if (folio_test_anon(src))
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
static bool pair_is_ours(const struct migrate_pair *pair)
{
	/* Neither mapped nor in a cache: nobody has one but us. */
	if (likely(pair->plain))
		return folio_ref_count(pair->src) == 1;
	return folio_ref_count(pair->src) ==
	       folio_expected_ref_count(pair->src) + 1;
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

/*
 * What decides about a folio, as far as it stands in its flags: its node and zone,
 * and what folio_kind() and __migrate_batch_add() look at.
 */
#ifdef CONFIG_ARM64_MTE
#define ALIKE_TAGS	BIT(PG_mte_tagged)
#else
#define ALIKE_TAGS	0
#endif
#define ALIKE_FLAGS	((ZONEID_MASK << ZONEID_PGSHIFT) | BIT(PG_head) | \
			 BIT(PG_private) | BIT(PG_private_2) | \
			 BIT(PG_writeback) | BIT(PG_swapcache) | \
			 __PG_HWPOISON | ALIKE_TAGS)

/* What tells whom a locked folio is charged to, while there are such folios. */
static unsigned long folio_charge(struct folio *folio)
{
#ifdef CONFIG_MEMCG
	return folio->memcg_data;
#else
	return 0;
#endif
}

/*
 * A page of anonymous memory outside of the swap cache. That stays so while it
 * is locked, and its expected references with it.
 */
static bool folio_is_plain(struct folio *src)
{
	return !page_has_type(&src->page) && folio_test_anon(src) &&
	       !folio_test_large(src) && !folio_test_swapcache(src);
}

/*
 * Folios tend to come alike, most of all plain ones: those need not be looked at
 * one by one. A page of a type may have anything where a folio has its mapping.
 */
static bool batch_knows_alike(const struct migrate_batch_alike *alike,
			      struct folio *dst, struct folio *src)
{
	return alike->known && !page_has_type(&src->page) &&
	       folio_test_anon(src) &&
	       !((src->flags.f ^ alike->src_flags) & ALIKE_FLAGS) &&
	       !((dst->flags.f ^ alike->dst_flags) & ALIKE_FLAGS) &&
	       folio_charge(src) == alike->memcg_data;
}

static void batch_remember_alike(struct migrate_batch_alike *alike, u8 group,
				 struct folio *dst, struct folio *src)
{
	alike->known = true;
	alike->group = group;
	alike->memcg_data = folio_charge(src);
	alike->src_flags = src->flags.f;
	alike->dst_flags = dst->flags.f;
}

/* Returns its group if the folio may be copied ahead; counts it if not. */
static struct migrate_batch_group *
batch_admit(struct migrate_batch *batch, struct folio *dst, struct folio *src)
{
	struct migrate_batch_group *group;
	enum migrate_ext_kind kind;

	/* These are not folios; nothing of what follows may be asked of them. */
	if (page_has_movable_ops(&src->page))
		return NULL;

	group = batch_group(batch, src, dst);
	if (!group) {
		batch->nr_full++;
		return NULL;
	}

	if (folio_contain_hwpoisoned_page(src)) {
		group->book.cause[MIGRATE_REFUSED_POISONED]++;
		return NULL;
	}
	if (!folio_kind(src, dst, &kind)) {
		group->book.cause[MIGRATE_REFUSED_KIND]++;
		return NULL;
	}
	if (!migrate_group_may_batch(batch, group, kind, folio_order(src))) {
		group->book.cause[MIGRATE_REFUSED_POLICY]++;
		return NULL;
	}
	return group;
}

/* Of a kind that was not seen yet, or the batch is full. */
static noinline void batch_add_other(struct migrate_batch *batch,
				     struct folio *dst, struct folio *src)
{
	struct migrate_batch_group *group = batch_admit(batch, dst, src);
	bool plain = folio_is_plain(src);

	if (!group)
		return;
	if (batch->nr_pairs == MIGRATE_BATCH_PAIRS) {
		group->book.cause[MIGRATE_REFUSED_FULL]++;
		return;
	}

	if (plain)
		batch_remember_alike(&batch->alike, group - batch->groups, dst, src);
	batch->pairs[batch->nr_pairs++] = (struct migrate_pair) {
		.src	= src,
		.dst	= dst,
		.bytes	= folio_size(src),
		.group	= group - batch->groups,
		.plain	= plain,
	};
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
	if (!batch_knows_alike(&batch->alike, dst, src) ||
	    batch->nr_pairs == MIGRATE_BATCH_PAIRS) {
		batch_add_other(batch, dst, src);
		return;
	}

	batch->pairs[batch->nr_pairs++] = (struct migrate_pair) {
		.src	= src,
		.dst	= dst,
		.bytes	= PAGE_SIZE,
		.group	= batch->alike.group,
		.plain	= true,
	};
}

/* What is left of a group when those that somebody else uses are out. */
static void group_count(struct migrate_batch *batch, u8 group, u32 folios,
			u64 bytes, u64 sizes)
{
	struct migrate_ext_group *ctx = &batch->groups[group].ctx;

	ctx->folios += folios;
	ctx->bytes += bytes;
	/* The size of a folio is a power of two. */
	ctx->orders |= sizes >> PAGE_SHIFT;
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
	struct migrate_pair *pair = batch->pairs, *to = pair;
	const struct migrate_pair *end = pair + batch->nr_pairs;
	u64 bytes = 0, sizes = 0;
	u8 group = pair->group;
	u32 folios = 0;

	/*
	 * Read the reference counts after the PTEs were cleared: a reference
	 * that was got through a PTE is seen. Pairs with the atomic increment
	 * in try_grab_folio_fast(), before GUP-fast looks at the PTE again.
	 */
	smp_mb();
	for (; pair < end; pair++) {
		if (unlikely(!pair_is_ours(pair))) {
			batch->groups[pair->group].book.cause[MIGRATE_REFUSED_BUSY]++;
			continue;
		}
		if (unlikely(pair->group != group)) {
			group_count(batch, group, folios, bytes, sizes);
			folios = 0;
			bytes = 0;
			sizes = 0;
			group = pair->group;
		}
		folios++;
		bytes += pair->bytes;
		sizes |= pair->bytes;
		if (unlikely(to != pair))
			*to = *pair;
		to++;
	}
	group_count(batch, group, folios, bytes, sizes);
	batch->nr_added = batch->nr_pairs;
	batch->nr_pairs = to - batch->pairs;
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
	int g;
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
	for (g = 0; g < batch->nr_groups; g++)
		memset(&batch->groups[g].parts[i], 0,
		       sizeof(batch->groups[g].parts[i]));
	batch->nr_jobs++;
	return i;
}

/*
 * Asks who copies each group. Returns the migrator that copies all of them, or
 * %MIGRATOR_NONE when there are several.
 */
static u32 batch_select(struct migrate_batch *batch)
{
	u32 one = MIGRATOR_NONE;
	bool several = false;
	int i;

	for (i = 0; i < batch->nr_groups; i++) {
		struct migrate_batch_group *group = &batch->groups[i];

		if (!group->ctx.folios)
			continue;
		migrate_group_select(batch, group);
		several |= group->nr_ranges ||
			   (one != MIGRATOR_NONE && one != group->migrator);
		one = group->migrator;
	}
	return several ? MIGRATOR_NONE : one;
}

static void job_set_nodes(struct migrate_job *job)
{
	struct migrate_pair *first = migrate_job_pair(job, 0);

	job->src_nid = folio_nid(first->src);
	job->dst_nid = folio_nid(first->dst);
}

/* All pairs are one job. Returns false when that migrator cannot have one. */
static bool batch_make_job(struct migrate_batch *batch, u32 id)
{
	u8 j = batch_job(batch, id);
	struct migrate_job *job;
	int i;

	if (j == MIGRATE_NO_JOB)
		return false;
	job = &batch->jobs[j].job;
	job->nr = batch->nr_pairs;
	for (i = 0; i < batch->nr_groups; i++)
		job->bytes += batch->groups[i].ctx.bytes;
	job_set_nodes(job);
	return true;
}

/* One job per migrator: many groups may have the same, and a group several. */
static void batch_make_jobs(struct migrate_batch *batch)
{
	struct migrate_pair *pair;
	int i, j, pos = 0;

	for (i = 0; i < batch->nr_pairs; i++) {
		struct migrate_batch_group *group;

		pair = &batch->pairs[i];
		group = &batch->groups[pair->group];
		pair->job = batch_job(batch,
				      migrate_group_assigned(group, group->pos++));
		/* Gone since the choice was made, or one too many. */
		if (pair->job == MIGRATE_NO_JOB)
			group->book.cause[MIGRATE_REFUSED_NO_MIGRATOR]++;
	}

	for (j = 0; j < batch->nr_jobs; j++) {
		struct migrate_job *job = &batch->jobs[j].job;

		job->index = &batch->index[pos];
		for (i = 0; i < batch->nr_pairs; i++) {
			pair = &batch->pairs[i];
			if (pair->job != j)
				continue;
			job->nr++;
			job->bytes += pair->bytes;
			batch->index[pos++] = i;
		}
		job_set_nodes(job);
	}
}

static void job_submit(struct migrate_batch_job *job)
{
	struct migrator *migrator = job->migrator;
	u32 i;

	/* The CPU looks at the clock itself, and is submitted last. */
	if (job->id != MIGRATOR_CPU)
		job->begin_ns = ktime_get_ns();
	migrator_begin_job(migrator, job->job.bytes);
	if (!migrator->submit(migrator, &job->job))
		return;

	/* Nothing was begun, whatever it may have said of the pairs. */
	migrator_count(migrator, MIGRATOR_JOBS_REFUSED, 1);
	job->refused = true;
	for (i = 0; i < job->job.nr; i++)
		migrate_job_pair(&job->job, i)->status = MIGRATE_PAIR_REFUSED;
}

/*
 * An engine may be at this pair for as long as the machine runs. Until its migrator
 * has proof that it is not, neither page must have another user: the source goes back
 * to its owner, who is not disturbed by being read, and stays where it is because of
 * our reference; the destination is left to the engine.
 */
static void pair_lose(struct migrate_pair *pair)
{
	folio_get(pair->src);
	folio_get(pair->dst);
}

/**
 * migrate_pair_found() - no engine is at a lost pair any more
 * @src: source of a pair that was reported as %MIGRATE_PAIR_LOST
 * @dst: its destination
 *
 * Gives up the references that the core has kept since. Once for each pair, when the
 * migrator has proof: time is none. May sleep.
 */
void migrate_pair_found(struct folio *src, struct folio *dst)
{
	might_sleep();
	folio_put(src);
	folio_put(dst);
}
EXPORT_SYMBOL_GPL(migrate_pair_found);

/* Both pages of a plain pair at once. */
static bool pair_is_poisoned(const struct migrate_pair *pair)
{
	if (likely(pair->plain))
		return (pair->src->flags.f | pair->dst->flags.f) & __PG_HWPOISON;
	return folio_contain_hwpoisoned_page(pair->src) ||
	       folio_contain_hwpoisoned_page(pair->dst);
}

/* What the migrator says of a pair, in the terms of the books. */
static enum migrate_cause pair_verdict(struct migrate_pair *pair)
{
	/* Poison that was found meanwhile is an error: let the CPU meet it. */
	if (likely(pair->status == MIGRATE_PAIR_COPIED && !pair_is_poisoned(pair)))
		return MIGRATE_COPY_OK;

	switch (pair->status) {
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

/* Counts a pair that was not copied, and marks it if its move has to know. */
static noinline void pair_fail(struct migrate_batch_group *group, int j,
			       struct migrate_batch_job *job,
			       struct migrate_pair *pair,
			       enum migrate_cause cause)
{
	struct migrator *migrator = job->migrator;

	group->book.cause[cause]++;
	if (cause == MIGRATE_REFUSED_MIGRATOR) {
		job->nr_refused++;
		return;
	}

	group->book.bytes_taken += pair->bytes;
	group->parts[j].taken++;
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
}

/*
 * Puts the pairs of a job from the @i-th on into the books of their group, as
 * far as the next ones are of the same. Returns where it stopped.
 */
static u32 job_close_pairs(struct migrate_batch *batch, int j, u32 i)
{
	struct migrate_batch_job *job = &batch->jobs[j];
	u8 g = migrate_job_pair(&job->job, i)->group;
	struct migrate_batch_group *group = &batch->groups[g];
	struct migrate_ext_part *part = &group->parts[j];
	u64 copied_bytes = 0, other_bytes = 0;
	u32 copied = 0;

	for (; i < job->job.nr; i++) {
		struct migrate_pair *pair = migrate_job_pair(&job->job, i);
		enum migrate_cause cause;

		if (pair->group != g)
			break;
		cause = pair_verdict(pair);
		if (unlikely(cause != MIGRATE_COPY_OK)) {
			other_bytes += pair->bytes;
			pair_fail(group, j, job, pair, cause);
			continue;
		}
		pair_mark(pair);
		copied++;
		copied_bytes += pair->bytes;
	}

	group->job_bytes += copied_bytes + other_bytes;
	group->book.cause[MIGRATE_COPY_OK] += copied;
	group->book.bytes_taken += copied_bytes;
	group->book.bytes_copied += copied_bytes;
	part->migrator = job->id;
	part->taken += copied;
	part->copied += copied;
	part->bytes_copied += copied_bytes;
	job->nr_copied += copied;
	job->bytes_copied += copied_bytes;
	return i;
}

static u64 time_share(u64 ns, u64 bytes, u64 of_bytes)
{
	return bytes == of_bytes ? ns : mul_u64_u64_div_u64(ns, bytes, of_bytes);
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
		part->begin_ns = batch->jobs[j].begin_ns;
		part->ns = time_share(ns, group->job_bytes, job->bytes);
		part->busy_ns = time_share(busy_ns, group->job_bytes, job->bytes);
		group->book.ns += part->ns;
		group->book.busy_ns += part->busy_ns;
		group->job_bytes = 0;
	}
}

static void job_close(struct migrate_batch *batch, int j)
{
	struct migrate_batch_job *job = &batch->jobs[j];
	struct migrator *migrator = job->migrator;
	u64 ns = 0, busy_ns = 0;
	u32 i = 0;

	if (!job->refused) {
		migrator->wait(migrator, &job->job);
		ns = job->job.ns;
		if (!ns && job->begin_ns)
			ns = ktime_get_ns() - job->begin_ns;
		busy_ns = job->job.busy_ns;
		migrator_count(migrator, MIGRATOR_BUSY_NS, busy_ns);
	}

	while (i < job->job.nr)
		i = job_close_pairs(batch, j, i);

	if (job->nr_copied) {
		migrator_count(migrator, MIGRATOR_FOLIOS, job->nr_copied);
		migrator_count(migrator, MIGRATOR_BYTES, job->bytes_copied);
	}
	if (job->nr_refused)
		migrator_count(migrator, MIGRATOR_REFUSED, job->nr_refused);
	job_divide_time(batch, j, ns, busy_ns);
	migrator_end_job(migrator, job->job.bytes, job->job.nr,
			 job->nr_copied, job->nr_refused, ns);
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
	u32 id;
	int i;

	if (!batch->nr_pairs)
		return;
	batch_settle(batch);
	if (!batch->nr_pairs)
		return;

	id = batch_select(batch);
	if (id == MIGRATOR_NONE || !batch_make_job(batch, id))
		batch_make_jobs(batch);

	/* The calling CPU does its share while the engines do theirs. */
	for (i = 0; i < batch->nr_jobs; i++)
		if (batch->jobs[i].id != MIGRATOR_CPU)
			job_submit(&batch->jobs[i]);
	for (i = 0; i < batch->nr_jobs; i++) {
		if (batch->jobs[i].id != MIGRATOR_CPU)
			continue;
		if (batch->nr_jobs > 1)
			batch->jobs[i].begin_ns = ktime_get_ns();
		job_submit(&batch->jobs[i]);
	}
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
	const struct migrate_pair *end = batch->pairs + batch->nr_pairs;
	struct migrate_pair *pair = batch->next;

	for (; pair < end; pair++) {
		if (likely(pair->dst == dst && pair->src == src)) {
			batch->next = pair + 1;
			return pair;
		}
	}
	return NULL;
}

/*
 * As __migrate_folio() and its callers do it, from after the copy on; with the
 * requeueing of a deferred split, as the folio is unqueued with its mapping.
 */
static noinline int move_copied_folio(struct folio *dst, struct folio *src)
{
	bool deferred_split = false, partially_mapped = false;
	long i, nr = folio_nr_pages(src);
	int rc;

	/*
	 * Dirtying a file's folio can attach private data to it, and somebody
	 * who had a reference until batch_settle() needs no lock for that.
	 */
	if (IS_ENABLED(CONFIG_MIGRATE_OFFLOAD_FILE) && folio_test_private(src))
		return -EAGAIN;

	/* Racy, as in migrate_folio_move(): at worst it is queued in vain. */
	if (folio_order(src) > 1 && !data_race(list_empty(&src->_deferred_list))) {
		deferred_split = true;
		partially_mapped = folio_test_partially_mapped(src);
	}

	/*
	 * The arbiter: somebody who has got hold of the folio since it was
	 * copied may have written to it, or may be about to.
	 */
	rc = folio_migrate_mapping(folio_mapping(src), dst, src, 0);
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

/* The same, where there is no mapping and no deferred split. */
static int move_copied_plain(struct folio *dst, struct folio *src)
{
	int rc = folio_migrate_mapping(NULL, dst, src, 0);

	if (rc)
		return rc;
	page_kasan_tag_reset(&dst->page);
	folio_migrate_flags(dst, src);
	flush_dcache_folio(dst);
	return 0;
}

/* Marked, and not because it was copied. */
static int pair_why_not(const struct migrate_pair *pair)
{
	if (pair->status == MIGRATE_PAIR_LOST)
		return -EBUSY;
	if (pair->status == MIGRATE_PAIR_POISONED)
		return -EHWPOISON;
	WARN_ON_ONCE(1);
	return -EAGAIN;
}

/**
 * __migrate_batch_move() - move a folio whose destination is marked
 * @batch: the batch
 * @dst: the destination; its mark has been taken out
 * @src: the source
 *
 * Return: as move_to_new_folio(); after -EAGAIN the folio is moved the usual
 * way, with a copy of its own. Not tried again in this pass: -EBUSY when the
 * pair is lost, and -EHWPOISON when the CPU found poison in the source. Who
 * tries again later, to another destination, takes the usual way and meets the
 * reference that a lost source keeps, or the poison, there.
 */
int __migrate_batch_move(struct migrate_batch *batch, struct folio *dst,
			 struct folio *src)
{
	struct migrate_pair *pair = batch_next_pair(batch, dst, src);
	int rc;

	/* A mark that nobody made: nothing is known of the destination. */
	if (WARN_ON_ONCE(!pair))
		return -EAGAIN;
	if (unlikely(pair->status != MIGRATE_PAIR_COPIED))
		return pair_why_not(pair);

	rc = likely(pair->plain) ? move_copied_plain(dst, src) :
				   move_copied_folio(dst, src);
	if (!rc)
		batch->groups[pair->group].book.consumed++;
	return rc;
}

/* Tells what became of a group to those who want to know. */
static noinline void group_tell(struct migrate_batch *batch,
				struct migrate_batch_group *group)
{
	const struct migrate_book *book = &group->book;
	struct migrate_ext_result result = {
		.migrator	= group->migrator,
		.chosen		= group->chosen,
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

	for (i = 0; i < batch->nr_jobs; i++)
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
		struct migrate_policy *policy = batch->policies[group->chain[i]];

		result.decided = i == group->decider;
		if (migrate_policy_has_done(policy))
			migrate_policy_done(policy, &group->ctx, &result);
	}
}

static void group_close(struct migrate_batch *batch,
			struct migrate_batch_group *group)
{
	bool tell = trace_migrate_offload_copy_enabled() ||
		    trace_migrate_offload_part_enabled() ||
		    trace_migrate_offload_fallback_enabled();
	int i;

	for (i = 0; i < group->chain_len; i++) {
		struct migrate_policy *policy = batch->policies[group->chain[i]];

		tell |= migrate_policy_has_done(policy);
		migrate_policy_count_book(policy, &group->ctx, &group->book);
	}
	migrate_books_add(&migrate_all_books, batch->reason, &group->book);
	if (tell)
		group_tell(batch, group);
}

/* Folios that no group had room for stand in the books of the machine alone. */
static void batch_count_full(struct migrate_batch *batch)
{
	struct migrate_book book = {
		.cause[MIGRATE_REFUSED_FULL] = batch->nr_full,
	};

	atomic64_add(batch->nr_full, &migrate_batch_events[MIGRATE_EVENT_GROUPS_FULL]);
	migrate_books_add(&migrate_all_books, batch->reason, &book);
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
				    batch->nr_jobs, batch->nr_added);

	for (i = 0; i < batch->nr_groups; i++)
		group_close(batch, &batch->groups[i]);
	if (batch->nr_full)
		batch_count_full(batch);

	for (i = 0; i < batch->nr_policies; i++)
		migrate_policy_put(batch->policies[i]);
	mempool_free(batch, migrate_batch_pool);
}
