// SPDX-License-Identifier: GPL-2.0
/*
 * cgroup_budget: the time of an engine is divided among cgroups by weight.
 *
 * For a machine where many want the engine. Each cgroup that has a weight (the map
 * `weights`: cgroup id -> 1 to 10000), and each that has none, by default_weight, has an
 * account of the engine-busy time that its folios took. While several cgroups are active,
 * the one that has had least for its weight goes first: another may be ahead of it by no
 * more than `burst_ms`, and is copied by the CPU until then. So under contention the times
 * are as the weights, whatever the cgroups ask for, and however large their folios are.
 *
 * A cgroup that has not asked for `idle_ms` is not waited for: the others borrow its
 * share, and owe it nothing; it begins anew where those stand who are active. Descendants
 * use the account of their nearest ancestor with a weight.
 *
 *	mgx load cgroup_budget.bpf.o
 *	bpftool map update name weights key ID 0 0 0 0 0 0 0 value 44 1 0 0
 *
 * What each has used is in the map `accounts`, in nanoseconds of engines.
 *
 * Where it is bad: for an engine that nobody waits for it only costs time to select. And
 * with large folios and a small burst an engine may stand idle for a moment, because the
 * cgroup whose turn it is has not asked yet.
 */
#include <migrate_ext/common.bpf.h>

KNOB_STR(engine, 16, "dcbm", "migrator whose time is divided");
KNOB(u32, default_weight, 100, "weight", 1, 10000, "of cgroups that are not in the map weights");
KNOB(u64, min_bytes, 65536, "bytes", 0, 1073741824, "smaller groups are left to the CPU");
KNOB(u32, burst_ms, 10, "ms", 1, 10000,
     "engine time by which a cgroup may be ahead of one that waits");
KNOB(u32, idle_ms, 100, "ms", 1, 60000, "a cgroup that has not asked for so long has no share");

COUNTER(over_budget, "groups left to the CPU because their cgroup was ahead");
COUNTER(no_account, "groups left to the CPU because there are too many accounts");

/* Names of the accounts' columns for the tools; times in ns. */
struct account {
	u64 used;		/* engine time, since the account was made */
	u64 head_start;		/* what it was given when it began anew, as if used, by weight 1 */
	u64 asked;		/* when it asked last */
	u32 weight;
	u32 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, u32);
} weights SEC(".maps");

/* By cgroup id. An account that nobody has used for long makes room for a new one. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, u64);
	__type(value, struct account);
} accounts SEC(".maps");

extern struct cgroup *bpf_cgroup_from_id(u64 cgid) __ksym;
extern struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym;

#define MAX_DEPTH	16
#define MAX_WEIGHT	10000

/* Anything can stand in a map. */
static __always_inline u32 weight_in(const u32 *found)
{
	return !*found ? 1 : *found > MAX_WEIGHT ? MAX_WEIGHT : *found;
}

/* Whose account a cgroup uses: its own, or that of the nearest ancestor with a weight. */
static __always_inline u64 account_of(u64 cgroup_id, u32 *weight)
{
	u32 *found = bpf_map_lookup_elem(&weights, &cgroup_id);
	struct cgroup *cgrp, *ancestor;
	u64 id, owner = cgroup_id;
	int level, i;

	*weight = found ? weight_in(found) : knob_read(default_weight);
	if (found)
		return owner;
	cgrp = bpf_cgroup_from_id(cgroup_id);
	if (!cgrp)
		return owner;
	level = cgrp->level;
	bpf_for(i, 0, MAX_DEPTH) {
		if (--level <= 0)
			break;
		ancestor = bpf_cgroup_ancestor(cgrp, level);
		if (!ancestor)
			break;
		id = ancestor->kn->id;
		bpf_cgroup_release(ancestor);
		found = bpf_map_lookup_elem(&weights, &id);
		if (found) {
			*weight = weight_in(found);
			owner = id;
			break;
		}
	}
	bpf_cgroup_release(cgrp);
	return owner;
}

/* Time by weight: who has less of it goes first. */
static __always_inline u64 standing(const struct account *account)
{
	u32 weight = account->weight;

	return account->head_start + account->used * 1000 / (weight ? weight : 1);
}

struct search {
	u64 me;
	u64 active_since;
	u64 least;
};

static long look_at(void *map, const u64 *id, struct account *account, struct search *search)
{
	u64 its;

	if (*id == search->me || account->asked < search->active_since)
		return 0;
	its = standing(account);
	if (its < search->least)
		search->least = its;
	return 0;
}

/* The least standing among the others that are active, or U64_MAX. */
static __always_inline u64 least_of_others(u64 me, u64 now)
{
	struct search search = {
		.me = me,
		.active_since = now - knob_read(idle_ms) * 1000000ULL,
		.least = ~0ULL,
	};

	bpf_for_each_map_elem(&accounts, look_at, &search, 0);
	return search.least;
}

/* May this cgroup have the engine now? */
static __always_inline bool has_budget(const struct migrate_ext_group *group)
{
	bool dry_run = group->flags & MIGRATE_EXT_DRY_RUN;
	u64 now = bpf_ktime_get_ns(), me, least, its = 0;
	struct account *account;
	u32 weight;

	me = account_of(group->cgroup_id, &weight);
	account = bpf_map_lookup_elem(&accounts, &me);
	if (!account && !dry_run) {
		struct account new = { .weight = weight };

		/* Another CPU may be first: whoever is, the account is there. */
		bpf_map_update_elem(&accounts, &me, &new, BPF_NOEXIST);
		account = bpf_map_lookup_elem(&accounts, &me);
		if (!account) {
			count(no_account, 1);
			return false;
		}
	}
	least = least_of_others(me, now);
	if (account && !dry_run) {
		bool is_new = now - account->asked > knob_read(idle_ms) * 1000000ULL;

		/* The weight has changed: what it has used by now is as it was. */
		if (account->weight != weight) {
			account->head_start = standing(account) - account->used * 1000 / weight;
			account->weight = weight;
		}
		its = standing(account);
		if (is_new && least != ~0ULL && its < least)
			account->head_start += least - its;
		account->asked = now;
	}
	if (account)
		its = standing(account);
	if (least == ~0ULL)
		return true;
	return (s64)(its - least) <= (s64)(knob_read(burst_ms) * 1000000ULL * 1000 / weight);
}

s32 MIGRATE_EXT_PROG(budget_eligible, const struct migrate_ext_call *call)
{
	return MIGRATE_EXT_BATCH;
}

u32 MIGRATE_EXT_PROG(budget_select, const struct migrate_ext_group *group)
{
	u32 id = bpf_migrate_migrator_id(knob_str(engine));

	if (!id || !bpf_migrate_migrator_ready(id) || group->bytes < knob_read(min_bytes))
		return MIGRATOR_CPU;
	if (has_budget(group))
		return id;
	if (!(group->flags & MIGRATE_EXT_DRY_RUN))
		count(over_budget, 1);
	return MIGRATOR_CPU;
}

void MIGRATE_EXT_PROG(budget_done, const struct migrate_ext_group *group,
		      const struct migrate_ext_result *result)
{
	struct account *account;
	u32 weight;
	u64 me;

	/* The CPU's time is not what is divided. */
	if (result->migrator == MIGRATOR_CPU || !result->decided || !result->busy_ns)
		return;
	me = account_of(group->cgroup_id, &weight);
	account = bpf_map_lookup_elem(&accounts, &me);
	if (account)
		count(account->used, result->busy_ns);
}

MIGRATE_EXT_OPS(cgroup_budget,
	.eligible = (void *)budget_eligible,
	.select = (void *)budget_select,
	.done = (void *)budget_done,
	.min_bytes = 8192);	/* one page alone is not worth a question */

MIGRATE_EXT_LICENSE;
