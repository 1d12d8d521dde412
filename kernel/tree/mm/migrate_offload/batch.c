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
#include "hooks.h"
#include "internal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* Cgroups times pairs of nodes that one batch can tell apart. */
#define MIGRATE_BATCH_GROUPS	32
/* Policies that one batch can consult. */
#define MIGRATE_BATCH_POLICIES	64
/* Migrators that can work on one batch at the same time. */
#define MIGRATE_BATCH_JOBS	4

#define MIGRATE_CLASSES		(MIGRATE_EXT_NR_KINDS * NR_PAGE_ORDERS)

struct migrate_batch_group {
	struct migrate_ext_group ctx;
	/* Answers of eligible(), by kind and order. */
	DECLARE_BITMAP(asked, MIGRATE_CLASSES);
	DECLARE_BITMAP(may_batch, MIGRATE_CLASSES);
	struct migrate_book book;
	u64 job_bytes;			/* its share of the job */
	u32 migrator;			/* id, MIGRATOR_NONE: no job */
	s8 decider;			/* position in chain, -1: default */
	u8 chain_len;
	u8 chain[MIGRATE_POLICY_DEPTH];	/* into policies, nearest first */
};

struct migrate_batch_job {
	struct migrate_job job;
	struct migrator *migrator;
	u32 id;
	u64 begin_ns;
};

struct migrate_batch {
	enum migrate_reason reason;
	u32 flags;
	u32 nr_pairs;
	u32 cursor;			/* of the move: next pair expected */
	u32 nr_groups;
	u32 nr_policies;
	u32 nr_jobs;
	struct migrate_book no_group;	/* folios that no group has room for */
	struct migrate_policy *policies[MIGRATE_BATCH_POLICIES];
	struct migrate_batch_job jobs[MIGRATE_BATCH_JOBS];
	struct migrate_batch_group groups[MIGRATE_BATCH_GROUPS];
	u16 index[MIGRATE_BATCH_PAIRS];
	struct migrate_pair pairs[MIGRATE_BATCH_PAIRS];
};

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

struct migrate_batch *__migrate_batch_begin(enum migrate_reason reason)
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
	batch->reason = reason;
	batch->flags = 0;
	if (current->flags & PF_MEMALLOC)
		batch->flags |= MIGRATE_EXT_IN_RECLAIM;
	if (current->flags & PF_KTHREAD)
		batch->flags |= MIGRATE_EXT_KTHREAD;
	batch->nr_pairs = 0;
	batch->cursor = 0;
	batch->nr_groups = 0;
	batch->nr_policies = 0;
	batch->nr_jobs = 0;
	memset(&batch->no_group, 0, sizeof(batch->no_group));
	return batch;
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

/*
 * Let the batch consult @policy, whose reference it takes over, or the policy
 * of the same cgroup that it has already consulted: an update in the middle of
 * a batch does not change who decides. Returns its position, or -1.
 */
static int batch_add_policy(struct migrate_batch *batch,
			    struct migrate_policy *policy)
{
	u64 cgroup_id = migrate_policy_cgroup_id(policy);
	int i;

	for (i = 0; i < batch->nr_policies; i++) {
		if (migrate_policy_cgroup_id(batch->policies[i]) == cgroup_id) {
			migrate_policy_put(policy);
			return i;
		}
	}

	if (i == MIGRATE_BATCH_POLICIES) {
		migrate_policy_put(policy);
		return -1;
	}

	batch->policies[batch->nr_policies++] = policy;
	return i;
}

/* Under RCU. Returns false when there are too many policies for the batch. */
static bool group_add_policies(struct migrate_batch *batch,
			       struct migrate_batch_group *group,
			       struct cgroup *cgrp)
{
	struct migrate_policy *chain[MIGRATE_POLICY_DEPTH];
	int i, pos, nr;
	bool fits = true;

	group->chain_len = 0;

	/* What has been decided by for this cgroup decides for all of it. */
	for (i = 0; i < batch->nr_groups; i++) {
		struct migrate_batch_group *other = &batch->groups[i];

		if (other->ctx.cgroup_id == group->ctx.cgroup_id) {
			memcpy(group->chain, other->chain, sizeof(group->chain));
			group->chain_len = other->chain_len;
			return true;
		}
	}

	nr = migrate_policies_get(cgrp, chain);
	if (nr < 0)
		return false;

	for (i = 0; i < nr; i++) {
		pos = batch_add_policy(batch, chain[i]);
		if (pos < 0)
			fits = false;
		else
			group->chain[group->chain_len++] = pos;
	}
	return fits;
}

static struct migrate_batch_group *batch_group(struct migrate_batch *batch,
					       struct folio *src,
					       struct folio *dst)
{
	int src_nid = folio_nid(src), dst_nid = folio_nid(dst);
	struct migrate_batch_group *group;
	struct cgroup *cgrp;
	u64 id;
	int i;

	guard(rcu)();

	cgrp = folio_live_cgroup(src) ?: &cgrp_dfl_root.cgrp;
	id = cgroup_id(cgrp);

	/* Folios of a cgroup tend to come together: the last one first. */
	for (i = batch->nr_groups - 1; i >= 0; i--) {
		group = &batch->groups[i];
		if (group->ctx.cgroup_id == id &&
		    group->ctx.src_nid == src_nid && group->ctx.dst_nid == dst_nid)
			return group;
	}

	if (batch->nr_groups == MIGRATE_BATCH_GROUPS)
		return NULL;

	group = &batch->groups[batch->nr_groups];
	memset(group, 0, sizeof(*group));
	group->ctx.cgroup_id = id;
	group->ctx.reason = batch->reason;
	group->ctx.flags = batch->flags;
	group->ctx.src_nid = src_nid;
	group->ctx.dst_nid = dst_nid;
	group->decider = -1;
	if (!group_add_policies(batch, group, cgrp))
		return NULL;

	batch->nr_groups++;
	return group;
}

/* Any SINGLE wins, from whomever; without an opinion the default decides. */
static bool group_may_batch(struct migrate_batch *batch,
			    struct migrate_batch_group *group,
			    enum migrate_ext_kind kind, unsigned int order)
{
	unsigned int class = kind * NR_PAGE_ORDERS + order;
	struct migrate_ext_call call = {
		.cgroup_id = group->ctx.cgroup_id,
		.reason = group->ctx.reason,
		.flags = group->ctx.flags,
		.src_nid = group->ctx.src_nid,
		.dst_nid = group->ctx.dst_nid,
		.order = order,
		.kind = kind,
	};
	bool single = false, may_batch = false;
	int i;

	if (test_bit(class, group->asked))
		return test_bit(class, group->may_batch);

	for (i = 0; i < group->chain_len && !single; i++) {
		struct migrate_policy *policy = batch->policies[group->chain[i]];

		switch (migrate_policy_eligible(policy, &call)) {
		case MIGRATE_EXT_SINGLE:
			single = true;
			break;
		case MIGRATE_EXT_BATCH:
			may_batch = true;
			break;
		case MIGRATE_EXT_NO_OPINION:
			break;
		}
	}

	if (!may_batch)
		may_batch = READ_ONCE(migrate_default_migrator) != MIGRATOR_NONE;
	may_batch &= !single;

	__set_bit(class, group->asked);
	__assign_bit(class, group->may_batch, may_batch);
	return may_batch;
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
	if (!group_may_batch(batch, group, kind, folio_order(src))) {
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

static void group_select(struct migrate_batch *batch,
			 struct migrate_batch_group *group)
{
	int i;

	for (i = 0; i < group->chain_len; i++) {
		struct migrate_policy *policy = batch->policies[group->chain[i]];

		group->migrator = migrate_policy_select(policy, &group->ctx);
		if (group->migrator != MIGRATOR_NONE) {
			group->decider = i;
			return;
		}
	}

	group->migrator = READ_ONCE(migrate_default_migrator);
	if (group->migrator == MIGRATOR_NONE ||
	    group->ctx.bytes < READ_ONCE(migrate_default_min_bytes))
		group->migrator = MIGRATOR_CPU;
}

static struct migrate_batch_job *batch_job(struct migrate_batch *batch, u32 id)
{
	struct migrate_batch_job *job;
	int i;

	for (i = 0; i < batch->nr_jobs; i++)
		if (batch->jobs[i].id == id)
			return &batch->jobs[i];
	if (i == MIGRATE_BATCH_JOBS)
		return NULL;

	job = &batch->jobs[i];
	memset(job, 0, sizeof(*job));
	job->migrator = migrator_get(id);
	if (!job->migrator)
		return NULL;
	job->id = id;
	batch->nr_jobs++;
	return job;
}

/* One job per migrator: many groups may have the same. */
static void batch_make_jobs(struct migrate_batch *batch)
{
	struct migrate_batch_job *job;
	struct migrate_pair *pair;
	int i, j, pos = 0;

	for (i = 0; i < batch->nr_groups; i++) {
		struct migrate_batch_group *group = &batch->groups[i];

		if (!group->ctx.folios)
			continue;
		group_select(batch, group);
		job = batch_job(batch, group->migrator);
		/* Gone since the choice was made, or one too many. */
		if (!job)
			group->migrator = MIGRATOR_NONE;
	}

	for (i = 0; i < batch->nr_pairs; i++) {
		pair = &batch->pairs[i];
		if (pair->status == MIGRATE_PAIR_HELD)
			continue;
		if (batch->groups[pair->group].migrator == MIGRATOR_NONE)
			pair_refuse(batch, pair, MIGRATE_REFUSED_NO_MIGRATOR);
	}

	for (j = 0; j < batch->nr_jobs; j++) {
		job = &batch->jobs[j];
		job->job.pairs = batch->pairs;
		job->job.index = &batch->index[pos];
		job->job.reason = batch->reason;
		for (i = 0; i < batch->nr_pairs; i++) {
			pair = &batch->pairs[i];
			if (pair->status == MIGRATE_PAIR_HELD ||
			    batch->groups[pair->group].migrator != job->id)
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
	migrator_count(migrator, MIGRATOR_JOBS, 1);
	if (!migrator->submit(migrator, &job->job))
		return;

	/* Nothing was begun, whatever it may have said of the pairs. */
	migrator_count(migrator, MIGRATOR_JOBS_REFUSED, 1);
	migrator_count(migrator, MIGRATOR_REFUSED, job->job.nr);
	job->id = MIGRATOR_NONE;
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

static void job_close(struct migrate_batch *batch, struct migrate_batch_job *job)
{
	struct migrator *migrator = job->migrator;
	u64 ns = 0;
	int i;

	if (job->id != MIGRATOR_NONE) {
		migrator->wait(migrator, &job->job);
		ns = ktime_get_ns() - job->begin_ns;
		migrator_count(migrator, MIGRATOR_BUSY_NS, job->job.busy_ns);
	}

	for (i = 0; i < job->job.nr; i++) {
		struct migrate_pair *pair = migrate_job_pair(&job->job, i);
		struct migrate_batch_group *group = &batch->groups[pair->group];
		enum migrate_cause cause;

		if (job->id == MIGRATOR_NONE)
			pair->status = MIGRATE_PAIR_REFUSED;

		cause = pair_verdict(pair);
		group->book.cause[cause]++;
		group->job_bytes += pair->bytes;

		switch (cause) {
		case MIGRATE_COPY_OK:
			group->book.bytes_taken += pair->bytes;
			group->book.bytes_copied += pair->bytes;
			migrator_count(migrator, MIGRATOR_FOLIOS, 1);
			migrator_count(migrator, MIGRATOR_BYTES, pair->bytes);
			pair->dst->migrate_info |= FOLIO_OFFLOADED;
			continue;
		case MIGRATE_REFUSED_MIGRATOR:
			if (job->id != MIGRATOR_NONE)
				migrator_count(migrator, MIGRATOR_REFUSED, 1);
			break;
		case MIGRATE_FAILED_LOST:
			pair_lose(pair);
			/* __migrate_batch_move() keeps the CPU from copying. */
			pair->dst->migrate_info |= FOLIO_OFFLOADED;
			migrator_count(migrator, MIGRATOR_LOST, 1);
			fallthrough;
		case MIGRATE_FAILED_TIMEOUT:
			migrator_count(migrator, MIGRATOR_TIMED_OUT, 1);
			fallthrough;
		default:
			group->book.bytes_taken += pair->bytes;
			migrator_count(migrator, MIGRATOR_FAILED, 1);
			break;
		}
		if (pair->status == MIGRATE_PAIR_COPIED)
			pair->status = MIGRATE_PAIR_FAILED;
		/* Keeps the CPU from meeting the same poison again. */
		if (pair->status == MIGRATE_PAIR_POISONED)
			pair->dst->migrate_info |= FOLIO_OFFLOADED;
	}

	for (i = 0; i < batch->nr_groups; i++) {
		struct migrate_batch_group *group = &batch->groups[i];

		if (!group->job_bytes || !job->job.bytes)
			continue;
		group->book.ns += mul_u64_u64_div_u64(ns, group->job_bytes,
						      job->job.bytes);
		group->book.busy_ns += mul_u64_u64_div_u64(job->job.busy_ns,
							   group->job_bytes,
							   job->job.bytes);
		group->job_bytes = 0;
	}

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
		job_close(batch, &batch->jobs[i]);
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

	result.taken = result.copied + result.failed;
	result.offered = result.taken + result.refused;
	result.discarded = result.copied - result.consumed;

	trace_migrate_offload_copy(&group->ctx, &result);
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

	trace_migrate_offload_batch(batch->reason, batch->flags,
				    batch->nr_groups, batch->nr_policies,
				    batch->nr_jobs, batch->nr_pairs);

	for (i = 0; i < batch->nr_groups; i++)
		group_close(batch, &batch->groups[i]);
	migrate_books_add(&migrate_all_books, batch->reason, &batch->no_group);

	for (i = 0; i < batch->nr_policies; i++)
		migrate_policy_put(batch->policies[i]);
	mempool_free(batch, migrate_batch_pool);
}
