// SPDX-License-Identifier: GPL-2.0
/*
 * The decisions of a batch: whose folios they are, who is asked about them, and
 * what follows from the answers.
 *
 * Policies are asked from the nearest cgroup to the root's, at last the built-in
 * default. A batch remembers its answers by cgroup, pair of nodes, folio order
 * and kind: how many cgroups and policies there are costs a folio nothing.
 */

#include <linux/cgroup.h>
#include <linux/memcontrol.h>
#include <linux/migrate.h>
#include <linux/seq_buf.h>
#include <trace/events/migrate.h>

#include "batch.h"
#include "trace.h"

/* For the dry run; a batch has nobody to report to. */
#define report(to, ...)						\
	do {							\
		struct seq_buf *_to = (to);			\
								\
		if (unlikely(_to))				\
			seq_buf_printf(_to, __VA_ARGS__);	\
	} while (0)

/* Do folios count for @cgrp, or only for an ancestor of it? */
bool migrate_cgroup_has_folios(struct cgroup *cgrp)
{
	if (cgrp == &cgrp_dfl_root.cgrp)
		return true;
#ifdef CONFIG_MEMCG
	return !mem_cgroup_disabled() &&
	       cgroup_subsys_on_dfl(memory_cgrp_subsys) &&
	       rcu_access_pointer(cgrp->subsys[memory_cgrp_id]);
#else
	return false;
#endif
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
			group->no_default = other->no_default;
			return true;
		}
	}

	nr = migrate_policies_get(cgrp, batch->bytes, chain);
	if (nr < 0)
		return false;

	for (i = 0; i < nr; i++) {
		pos = batch_add_policy(batch, chain[i]);
		if (pos < 0) {
			fits = false;
			continue;
		}
		group->chain[group->chain_len++] = pos;
		if (migrate_policy_flags(batch->policies[pos]) &
		    MIGRATE_EXT_OPS_NO_DEFAULT)
			group->no_default = true;
	}
	return fits;
}

/**
 * migrate_group_get() - the group of a batch for such folios
 * @batch: the batch
 * @cgrp: the cgroup that they are charged to
 * @src_nid: memory node that they leave
 * @dst_nid: memory node that they go to
 *
 * To be called under RCU.
 *
 * Return: the group; NULL when the batch has no room for it or its policies.
 */
struct migrate_batch_group *migrate_group_get(struct migrate_batch *batch,
					      struct cgroup *cgrp,
					      int src_nid, int dst_nid)
{
	struct migrate_batch_group *group;
	u64 id = cgroup_id(cgrp);
	int i;

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
	memset(group, 0, offsetof(struct migrate_batch_group, chain));
	group->ctx.cgroup_id = id;
	group->ctx.reason = batch->reason;
	group->ctx.mode = batch->mode;
	group->ctx.flags = batch->flags;
	group->ctx.src_nid = src_nid;
	group->ctx.dst_nid = dst_nid;
	group->decider = -1;
	if (!group_add_policies(batch, group, cgrp))
		return NULL;

	batch->nr_groups++;
	return group;
}

static const char * const eligibility_names[] = {
	[MIGRATE_EXT_NO_OPINION]	= "no_opinion",
	[MIGRATE_EXT_BATCH]		= "batch",
	[MIGRATE_EXT_SINGLE]		= "single",
};

/* Any SINGLE wins, from whomever; without an opinion the default decides. */
bool migrate_group_may_batch(struct migrate_batch *batch,
			     struct migrate_batch_group *group,
			     enum migrate_ext_kind kind, unsigned int order)
{
	unsigned int class = kind * NR_PAGE_ORDERS + order;
	struct migrate_ext_call call = {
		.cgroup_id = group->ctx.cgroup_id,
		.reason = group->ctx.reason,
		.mode = group->ctx.mode,
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
		enum migrate_ext_eligibility answer;

		answer = migrate_policy_eligible(policy, &call);
		report(batch->report, "eligible cgroup=%llu policy=%s answer=%s\n",
		       migrate_policy_cgroup_id(policy),
		       migrate_policy_name(policy), eligibility_names[answer]);
		if (answer == MIGRATE_EXT_SINGLE)
			single = true;
		else if (answer == MIGRATE_EXT_BATCH)
			may_batch = true;
	}

	if (!may_batch && !single && !group->no_default) {
		may_batch = READ_ONCE(migrate_default_migrator) != MIGRATOR_NONE &&
			    batch->bytes >= READ_ONCE(migrate_default_min_bytes);
		report(batch->report, "eligible default answer=%s\n",
		       may_batch ? "batch" : "single");
	}
	may_batch &= !single;

	if (!batch->report)
		trace_migrate_offload_decision(&call, may_batch);
	__set_bit(class, group->asked);
	__assign_bit(class, group->may_batch, may_batch);
	return may_batch;
}

/* Who copies what of the group that is not assigned to others. */
void migrate_group_select(struct migrate_batch *batch,
			  struct migrate_batch_group *group)
{
	int i;

	for (i = 0; i < group->chain_len; i++) {
		struct migrate_policy *policy = batch->policies[group->chain[i]];

		group->nr_ranges = 0;
		group->chosen = migrate_policy_select(policy, &group->ctx,
						      &group->migrator);
		report(batch->report, "select cgroup=%llu policy=%s answer=%s assigned=%u\n",
		       migrate_policy_cgroup_id(policy),
		       migrate_policy_name(policy),
		       group->migrator == MIGRATOR_NONE ?
		       "no_opinion" : migrator_name(group->migrator),
		       group->nr_ranges);
		if (group->migrator != MIGRATOR_NONE) {
			group->decider = i;
			return;
		}
	}

	group->nr_ranges = 0;
	group->migrator = READ_ONCE(migrate_default_migrator);
	if (group->migrator == MIGRATOR_NONE || group->no_default ||
	    group->ctx.bytes < READ_ONCE(migrate_default_min_bytes) ||
	    !migrator_is_ready(group->migrator))
		group->migrator = MIGRATOR_CPU;
	group->chosen = group->migrator;
	report(batch->report, "select default answer=%s\n",
	       migrator_name(group->migrator));
}

/**
 * migrate_group_assign() - give some folios of a group to a migrator
 * @group: the group, while its policy is asked to select
 * @first: position in the group of the first of them
 * @nr: how many
 * @migrator: id of the migrator
 *
 * Return: 0; -EINVAL: no such folios, or some of them have been assigned;
 * -ENOENT: the migrator is not there, or quarantined; -ENOSPC: assigned too
 * often.
 */
int migrate_group_assign(struct migrate_batch_group *group, u32 first, u32 nr,
			 u32 migrator)
{
	int i;

	if (!nr || first >= group->ctx.folios || nr > group->ctx.folios - first)
		return -EINVAL;
	if (!migrator_is_ready(migrator))
		return -ENOENT;
	for (i = 0; i < group->nr_ranges; i++) {
		const struct migrate_batch_range *range = &group->ranges[i];

		if (first < range->first + range->nr && range->first < first + nr)
			return -EINVAL;
	}
	if (group->nr_ranges == MIGRATE_BATCH_RANGES)
		return -ENOSPC;

	group->ranges[group->nr_ranges++] = (struct migrate_batch_range) {
		.first = first,
		.nr = nr,
		.migrator = migrator,
	};
	return 0;
}

/* Who copies the folio at this position of the group. */
u32 migrate_group_assigned(const struct migrate_batch_group *group, u32 pos)
{
	int i;

	for (i = 0; i < group->nr_ranges; i++) {
		const struct migrate_batch_range *range = &group->ranges[i];

		if (pos >= range->first && pos - range->first < range->nr)
			return range->migrator;
	}
	return group->migrator;
}

/* How many pages may be unmapped at once; at most @ceiling. */
u32 migrate_decide_max_pages(enum migrate_mode mode, enum migrate_reason reason,
			     u32 flags, u64 bytes, u32 ceiling,
			     struct seq_buf *to)
{
	struct migrate_policy *chain[MIGRATE_POLICY_DEPTH];
	struct migrate_ext_call call = {
		.cgroup_id = cgroup_id(&cgrp_dfl_root.cgrp),
		.reason = reason,
		.mode = mode,
		.flags = flags,
		.src_nid = NUMA_NO_NODE,
		.dst_nid = NUMA_NO_NODE,
	};
	u32 pages = 0;
	int nr;

	if (!migrate_policies_have_batch_pages())
		return ceiling;
	scoped_guard(rcu)
		nr = migrate_policies_get(&cgrp_dfl_root.cgrp, bytes, chain);
	if (nr > 0) {
		pages = migrate_policy_batch_pages(chain[0], &call, ceiling);
		report(to, "batch_pages policy=%s answer=%u\n",
		       migrate_policy_name(chain[0]), pages);
		migrate_policy_put(chain[0]);
	}
	return pages ?: ceiling;
}
