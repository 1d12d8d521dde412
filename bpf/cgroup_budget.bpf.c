// SPDX-License-Identifier: GPL-2.0
/*
 * cgroup_budget: the time of an engine is divided among cgroups by weight.
 *
 * For a machine where many want the engine. Each cgroup that has a weight (the knob
 * `weights`, 1 to 10000), and each that has none, by default_weight, has an
 * account of the engine-busy time that its folios took. A cgroup waits when it has asked in
 * vain within the last `idle_ms`: because it was ahead of another one, or because no channel
 * was idle. Nobody is given the engine who is ahead of one that waits, by weight, by more
 * than `burst_ms`; the CPU copies for him meanwhile. So under contention the times are as
 * the weights, whatever the cgroups ask for, and however large their folios are.
 *
 * Who does not wait has got all that it asked for, and holds nobody back: the others borrow
 * what it leaves. What they borrow is owed to nobody: who begins to wait begins where those
 * stand who wait already, with no credit for the time before, and nobody has to be made up
 * to. So all that a cgroup can be ahead is burst_ms of engine time, and the batches that it
 * is given when it is just within that: one, whatever the number of its tasks, for what the
 * engine is still at is counted by what such bytes have cost. Descendants use the account of
 * their nearest ancestor with a weight.
 *
 *	mgx load cgroup_budget.bpf.o
 *	mgx tune cgroup_budget weights:/tenants/a=300
 *
 * What each has used `mgx status` shows, and the map `accounts`, in nanoseconds of engines.
 *
 * Where it is bad: for an engine that nobody waits for it only costs time to select, and the
 * more accounts there are, the more. Nothing is queued: while the cgroup whose turn it is
 * does something else, the CPU copies for the others and the engine stands idle, for as
 * long as idle_ms when that cgroup does not come back. So one that cannot ask often enough
 * for its share, but is refused now and then, makes the others keep pace with it. A long
 * idle_ms has exact shares, a short one has a busy engine; it should be some times as long
 * as a batch takes.
 */
#include <migrate_ext/common.bpf.h>

KNOB_STR(engine, 16, "dcbm", "migrator whose time is divided");
KNOB(u32, default_weight, 100, "weight", 1, 10000, "of cgroups that are not in the map weights");
KNOB(u64, min_bytes, 65536, "bytes", 0, 1073741824, "smaller groups are left to the CPU");
KNOB(u32, burst_ms, 10, "ms", 1, 10000,
     "engine time by which a cgroup may be ahead of one that waits");
KNOB(u32, idle_ms, 100, "ms", 1, 60000,
     "a cgroup that has not asked in vain for so long is not waited for");

COUNTER(over_budget, "groups left to the CPU because their cgroup was ahead");
COUNTER(unopposed, "groups for the engine while no other cgroup waited");
COUNTER(no_account, "groups left to the CPU because there are too many accounts");

/* Names of the accounts' columns for the tools; times in ns. */
struct account {
	u64 used CGROUP_COUNTER("ns", "engine time, since the account was made");
	u64 standing;		/* the same by weight 1000, from where it was when it began to wait */
	u64 pending;		/* bytes that the engine is at */
	u64 waited;		/* when it asked in vain last; 0: never */
	u32 weight;
	u32 unused;
};

CGROUP_KNOB(weights, 1024, "weight", 1, 10000, "weight of the cgroup and its descendants");

/* By cgroup id. An account that nobody has used for long makes room for a new one. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, u64);
	__type(value, struct account);
} accounts SEC(".maps");

/* Where the last one of those who wait stands. It only grows, and nobody begins behind it. */
u64 floor_ns;
/* What the engine takes for 1 MiB, a moving average. */
u64 ns_per_mib;

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

static __always_inline u64 by_weight(u64 ns, u32 weight)
{
	return ns * 1000 / (weight ? weight : 1);
}

/* What the engine has still to do for it, as if it were done. */
static __always_inline u64 pending_ns(const struct account *account)
{
	return by_weight((account->pending >> 10) * ns_per_mib >> 10, account->weight);
}

/* A clock that was read before that of another CPU may be behind it. */
static __always_inline bool is_waiting(const struct account *account, u64 now, u64 idle_ns)
{
	return account->waited && (s64)(now - account->waited) <= (s64)idle_ns;
}

struct search {
	u64 me;
	u64 now;
	u64 idle_ns;
	u64 least;
};

static long look_at(void *map, const u64 *id, struct account *account, struct search *search)
{
	u64 its;

	if (*id == search->me || !is_waiting(account, search->now, search->idle_ns))
		return 0;
	its = account->standing + pending_ns(account);
	if (its < search->least)
		search->least = its;
	return 0;
}

static __always_inline void raise_floor(u64 to)
{
	u64 was = floor_ns;

	/* Who is slower than another CPU raises it the next time. */
	if (to > was)
		__sync_val_compare_and_swap(&floor_ns, was, to);
}

static __always_inline struct account *account_for(u64 id, u32 weight, bool make)
{
	struct account *account = bpf_map_lookup_elem(&accounts, &id);
	struct account new = { .standing = floor_ns, .weight = weight };

	if (account || !make)
		return account;
	/* Another CPU may be first: whoever is, the account is there. */
	bpf_map_update_elem(&accounts, &id, &new, BPF_NOEXIST);
	account = bpf_map_lookup_elem(&accounts, &id);
	if (!account)
		count(no_account, 1);
	return account;
}

/*
 * Where it stands now: with what it has had while it waits, else not behind those who wait.
 * @keep: remember that.
 */
static __always_inline u64 stand(struct account *account, const struct search *search, bool keep)
{
	u64 was = account->standing, its = was, low = floor_ns;
	bool waits = is_waiting(account, search->now, search->idle_ns);

	if (!waits && its < low)
		its = low;
	if (!keep)
		return its;
	/* What ends meanwhile is added by done(): then the next time will do. */
	if (its != was)
		__sync_val_compare_and_swap(&account->standing, was, its);
	raise_floor(search->least == ~0ULL || (waits && its < search->least) ? its :
									       search->least);
	return its;
}

/* May this cgroup have the engine now? Then what it asks for is pending. */
static __always_inline bool has_budget(const struct migrate_ext_group *group)
{
	bool dry_run = group->flags & MIGRATE_EXT_DRY_RUN, may;
	struct search search = {
		.now = bpf_ktime_get_ns(),
		.idle_ns = knob_read(idle_ms) * 1000000ULL,
		.least = ~0ULL,
	};
	struct account *account;
	u64 its = floor_ns;
	u32 weight;

	search.me = account_of(group->cgroup_id, &weight);
	account = account_for(search.me, weight, !dry_run);
	if (!account && !dry_run)
		return false;
	bpf_for_each_map_elem(&accounts, look_at, &search, 0);
	if (account) {
		if (!dry_run)
			account->weight = weight;
		its = stand(account, &search, !dry_run) + pending_ns(account);
	}
	may = search.least == ~0ULL ||
	      (s64)(its - search.least) <=
	      (s64)by_weight(knob_read(burst_ms) * 1000000ULL, weight);
	if (dry_run || !account)
		return may;

	if (!may) {
		account->waited = search.now;
		count(over_budget, 1);
		return false;
	}
	if (search.least == ~0ULL)
		count(unopposed, 1);
	count(account->pending, group->bytes);
	return true;
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
	return has_budget(group) ? id : MIGRATOR_CPU;
}

void MIGRATE_EXT_PROG(budget_done, const struct migrate_ext_group *group,
		      const struct migrate_ext_result *result)
{
	struct account *account;
	u32 weight;
	u64 me, cost;

	if (result->chosen <= MIGRATOR_CPU || !result->decided)
		return;
	me = account_of(group->cgroup_id, &weight);
	account = bpf_map_lookup_elem(&accounts, &me);
	if (!account)
		return;
	/* The account may be a new one, whose predecessor had to make room meanwhile. */
	if (account->pending >= group->bytes)
		__sync_fetch_and_sub(&account->pending, group->bytes);
	/* The engine had gone: the CPU's time is not what is divided. */
	if (result->migrator == MIGRATOR_CPU)
		return;
	/* No channel was idle, or not enough of them. */
	if (result->bytes_taken < group->bytes)
		account->waited = bpf_ktime_get_ns();
	if (!result->busy_ns)
		return;
	count(account->used, result->busy_ns);
	count(account->standing, by_weight(result->busy_ns, account->weight));
	if (result->bytes_copied >= 4096) {
		cost = result->busy_ns * 1024 / (result->bytes_copied >> 10);
		ns_per_mib = ns_per_mib ? ns_per_mib - ns_per_mib / 8 + cost / 8 : cost;
	}
}

MIGRATE_EXT_OPS(cgroup_budget,
	.eligible = (void *)budget_eligible,
	.select = (void *)budget_select,
	.done = (void *)budget_done,
	.min_bytes = 8192);	/* one page alone is not worth a question */

MIGRATE_EXT_LICENSE;
