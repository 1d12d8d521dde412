/* SPDX-License-Identifier: GPL-2.0 */
/* A batch, as its mechanism, its decisions and the dry run see it. */
#ifndef _MM_MIGRATE_OFFLOAD_BATCH_H
#define _MM_MIGRATE_OFFLOAD_BATCH_H

#include <linux/bitmap.h>
#include <linux/cgroup.h>
#include <linux/sizes.h>

#include "hooks.h"
#include "internal.h"

struct seq_buf;

/* Cgroups times pairs of nodes that one batch can tell apart. */
#define MIGRATE_BATCH_GROUPS	32
/* Policies that one batch can consult. */
#define MIGRATE_BATCH_POLICIES	64
/* Migrators that can work on one batch at the same time. */
#define MIGRATE_BATCH_JOBS	MIGRATE_EXT_PARTS
/* Calls of bpf_migrate_assign() for one group. */
#define MIGRATE_BATCH_RANGES	8

#define MIGRATE_NO_JOB		U8_MAX

#define MIGRATE_CLASSES		(MIGRATE_EXT_NR_KINDS * NR_PAGE_ORDERS)

/* Folios of a group, by their position in it, that were assigned. */
struct migrate_batch_range {
	u16 first;
	u16 nr;
	u32 migrator;
};

struct migrate_batch_group {
	struct migrate_ext_group ctx;
	/* Answers of eligible(), by kind and order. */
	DECLARE_BITMAP(asked, MIGRATE_CLASSES);
	DECLARE_BITMAP(may_batch, MIGRATE_CLASSES);
	struct migrate_book book;
	u64 job_bytes;			/* its share of a job */
	u32 migrator;			/* id, MIGRATOR_NONE: no job */
	u32 chosen;			/* id, perhaps of one that has gone */
	u16 pos;			/* of the next pair, while jobs are made */
	u8 nr_ranges;
	s8 decider;			/* position in chain, -1: default */
	bool no_default;
	u8 chain_len;
	/* From here on, as long as something else says: not cleared at first. */
	u8 chain[MIGRATE_POLICY_DEPTH];	/* into policies, nearest first */
	struct migrate_batch_range ranges[MIGRATE_BATCH_RANGES];
	/* By job, cleared when the job is made. */
	struct migrate_ext_part parts[MIGRATE_BATCH_JOBS];
};

struct migrate_batch_job {
	struct migrate_job job;
	struct migrator *migrator;
	u32 id;
	bool refused;			/* by submit() */
	u32 nr_refused;			/* pairs, by submit() or one by one */
	u32 nr_copied;
	u64 bytes_copied;
	u64 begin_ns;
};

/*
 * The folio that was added last, if it was a page of anonymous memory: another
 * one that does not differ in these things is added without a second look.
 */
struct migrate_batch_alike {
	bool known;			/* there was one */
	u8 group;			/* its index */
	unsigned long memcg_data;
	unsigned long src_flags;
	unsigned long dst_flags;
};

struct migrate_batch {
	enum migrate_reason reason;
	enum migrate_mode mode;
	u32 flags;
	u32 nr_pairs;
	u32 nr_added;			/* pairs, before some were refused */
	u32 nr_groups;
	u32 nr_policies;
	u32 nr_jobs;
	u32 nr_full;			/* folios that no group has room for */
	struct migrate_pair *next;	/* to be moved */
	u64 bytes;			/* all that is to be unmapped, or enough of it */
	struct migrate_batch_alike alike;
	struct seq_buf *report;		/* of a dry run, else NULL */
	/* From here on, as long as the counters say. */
	struct migrate_policy *policies[MIGRATE_BATCH_POLICIES];
	struct migrate_batch_job jobs[MIGRATE_BATCH_JOBS];
	struct migrate_batch_group groups[MIGRATE_BATCH_GROUPS];
	u16 index[MIGRATE_BATCH_PAIRS];
	struct migrate_pair pairs[MIGRATE_BATCH_PAIRS];
};

/* One object of a slab whose pages are few enough to be had. */
static_assert(sizeof(struct migrate_batch) <= SZ_32K);
/* The orders in a group are the sizes of its folios, put together. */
static_assert(MAX_PAGE_ORDER + PAGE_SHIFT < 32);

/* batch.c */

void migrate_batch_init(struct migrate_batch *batch, enum migrate_mode mode,
			enum migrate_reason reason, u64 bytes);

/* decide.c */

struct migrate_batch_group *migrate_group_get(struct migrate_batch *batch,
					      struct cgroup *cgrp,
					      int src_nid, int dst_nid);
bool migrate_group_may_batch(struct migrate_batch *batch,
			     struct migrate_batch_group *group,
			     enum migrate_ext_kind kind, unsigned int order);
void migrate_group_select(struct migrate_batch *batch,
			  struct migrate_batch_group *group);
int migrate_group_assign(struct migrate_batch_group *group, u32 first, u32 nr,
			 u32 migrator);
u32 migrate_group_assigned(const struct migrate_batch_group *group, u32 pos);
u32 migrate_decide_max_pages(enum migrate_mode mode, enum migrate_reason reason,
			     u32 flags, u64 bytes, u32 ceiling,
			     struct seq_buf *report);

#endif /* _MM_MIGRATE_OFFLOAD_BATCH_H */
