// SPDX-License-Identifier: GPL-2.0
/*
 * cgroup_budget: the time of an engine is divided among cgroups by weight.
 *
 * For a machine where many want the engine. Each cgroup that has a weight (the knob
 * `weights`, 1 to 10000) has an account of the engine-busy time that its folios took; who
 * has none uses that of the nearest ancestor that has, of the levels 1 (below the root) to 16.
 * Where none of these has a weight either, it has an account of its own, by default_weight;
 * but all in a cgroup of the level `default_level` have one together, so that nobody gets
 * more by making cgroups below that. With many cgroups let that be 1 or 2.
 *
 * A cgroup waits when it has asked in vain within the last `idle_ms`: because it was ahead
 * of another one, or because no channel was idle. One whose folios the engine refuses though
 * it is idle is not waited for, after some of them. And one that is away for longer, more than
 * an eighth of the time, is not waited for. Nobody is given the engine who is ahead of one
 * that waits, by weight, by more than `burst_ms`; the CPU copies for him meanwhile. So under
 * contention the times are as the weights, whatever the cgroups ask for, and however large
 * their folios are.
 *
 * Who does not wait has got all that it asked for, or comes seldom, and holds nobody back: the
 * others borrow what it leaves. What they borrow is owed to nobody: who begins to wait begins
 * where those stand who wait already, with no credit for the time before, and nobody has to
 * be made up to. So all that a cgroup can be ahead is burst_ms of engine time, and one batch
 * that it is given when it is just within that, whatever the number of its tasks: what the
 * engine is still at is counted by what such bytes have cost. Until the first batch has
 * ended that is not known, and each task may have one.
 *
 *	mgx load cgroup_budget.bpf.o
 *	mgx tune cgroup_budget weights:/tenants/a=300
 *
 * What each has used `mgx status` shows, from the map `accounts`. Its size is fixed, for each
 * decision looks at all of it. An account that has not asked for a minute makes room for a
 * new one when there is none, unless its cgroup has a weight of its own. Who finds none is
 * counted in no_account and uses the account of cgroup 0, by default_weight, together with
 * all others that found none or have been removed; that one is not waited for. What was used
 * by those who made room is added to it, too. So the accounts together have all the time
 * that the engine took for what was decided here, however many cgroups come and go; a policy
 * of a cgroup below decides for itself. They could be in the cgroups' storage instead,
 * without that limit; but what is there cannot be looked through for who waits, and goes
 * with the cgroup.
 *
 * Where it is bad: for an engine that nobody waits for it only costs time to select, and the
 * more accounts there are, the more. Nothing is queued: while the cgroup whose turn it is
 * does something else, the CPU copies for the others and the engine stands idle, for as
 * long as idle_ms when that cgroup does not come back. So one that cannot ask often enough
 * for its share, but does so every idle_ms, makes the others keep pace with it; and one that
 * comes in bursts, with longer pauses, has the engine only where the others happen to leave
 * it. A long idle_ms has exact shares, a short one has a busy engine; it should be some times
 * as long as a batch takes.
 */
#include <migrate_ext/common.bpf.h>

KNOB_STR(engine, 16, "dcbm", "migrator whose time is divided");
KNOB(u32, default_weight, 100, "weight", 1, 10000, "of cgroups for which there is none in weights");
KNOB(u32, default_level, 16, "level", 1, 16,
     "cgroups without a weight share that of their ancestor of this level; 1: below the root");
KNOB(u64, min_bytes, 65536, "bytes", 0, 1073741824, "smaller groups are left to the CPU");
KNOB(u32, burst_ms, 10, "ms", 1, 10000,
     "engine time by which a cgroup may be ahead of one that waits");
KNOB(u32, idle_ms, 100, "ms", 1, 60000,
     "who has not asked in vain for so long, or is often away for longer, is not waited for");

COUNTER(over_budget, "groups left to the CPU because their cgroup was ahead");
COUNTER(unopposed, "groups for the engine while no other cgroup waited");
COUNTER(no_account, "groups for which there was no account any more: they use that of cgroup 0");
COUNTER(no_flight, "groups left to the CPU because too many are being copied, or their account just went");

/* Names of the accounts' columns for the tools; times in ns. */
struct account {
	u64 used CGROUP_COUNTER("ns", "engine time, since the account was made");
	u64 standing;		/* the same by weight 1000, from where it was when it began to wait */
	s64 pending;		/* bytes that the engine is at */
	u64 waited;		/* when it asked in vain last; 0: never */
	u64 asked;		/* when it asked last */
	u64 span;		/* some time until then, */
	u64 near;		/* and how much of it was less than idle_ms after an ask */
	u32 weight;
	u32 refused;		/* groups in a row that an engine with an idle channel has not taken */
};

CGROUP_KNOB(weights, 1024, "weight", 1, 10000, "weight of the cgroup and its descendants");

/* By cgroup id, and that of cgroup 0 for all that find no place. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, u64);
	__type(value, struct account);
} accounts SEC(".maps");

/* A group that the engine was chosen for: until done() it is pending for that account. */
struct flight {
	u64 account;
	u64 bytes;
	u64 idle;		/* channels, when it was chosen */
};

/*
 * By the address of the group, which select() and done() are given the same one of. By then
 * its cgroup may have been removed, or another one have got a weight.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct flight);
} flights SEC(".maps");

/* Where the last one of those who wait stands. It only grows, and nobody begins behind it. */
u64 floor_ns;
/* What the engine takes for 1 MiB, a moving average. */
u64 ns_per_mib;
/* When the accounts were looked through for some that can make room. */
u64 swept;
/* After which of these times there was none again. */
u64 full;

#define MAX_WEIGHT	10000
#define OTHERS		0		/* the cgroup id of those without an account */
#define SWEEP_NS	1000000000ULL
#define RESTING_NS	60000000000ULL
#define CLAIMED		(1LL << 62)	/* bytes that are pending for nobody any more */
#define MAX_REFUSED	64
#define SPAN		32		/* what is remembered of the asks, in idle_ms */
#define AWAY_PART	8		/* of the span */

/* Anything can stand in a map. */
static __always_inline u32 weight_in(const u32 *found)
{
	return !*found ? 1 : *found > MAX_WEIGHT ? MAX_WEIGHT : *found;
}

/*
 * Whose account a cgroup uses: its own, that of the nearest ancestor with a weight, or that
 * of its ancestor of default_level. Whose descendant a cgroup was that has been removed
 * cannot be asked: then it is that of the others.
 */
static __always_inline u64 account_of(u64 cgroup_id, u32 *weight)
{
	u32 *found = cgroup_nearest_id(&weights, &cgroup_id, knob_read(default_level));

	*weight = found ? weight_in(found) : knob_read(default_weight);
	return cgroup_id;
}

static __always_inline u64 by_weight(u64 ns, u32 weight)
{
	return ns * 1000 / (weight ? weight : 1);
}

/* What the engine has still to do of these bytes, as if it were done. */
static __always_inline u64 pending_ns(s64 bytes, u32 weight)
{
	return bytes <= 0 ? 0 : by_weight(((u64)bytes >> 10) * ns_per_mib >> 10, weight);
}

/* A clock that was read before that of another CPU may be behind it. */
static __always_inline bool is_waiting(const struct account *account, u64 now, u64 idle_ns)
{
	return account->waited && (s64)(now - account->waited) <= (s64)idle_ns;
}

/*
 * Is it worth being waited for? So it is when lately it was seldom away for more than idle_ms.
 * The average from ask to ask would not tell: that of one that asks ten times in a
 * millisecond, once a second, is short.
 */
static __always_inline bool comes_back(const struct account *account)
{
	return account->near && account->near >= account->span - account->span / AWAY_PART;
}

/* Of where accounts stand, which wraps: by a weight of 1 within days. */
static __always_inline bool is_behind(u64 one, u64 other)
{
	return (s64)(one - other) < 0;
}

/* So long that nothing of it is pending, and that where it stood means nothing any more. */
static __always_inline bool has_rested(const struct account *account, u64 now)
{
	return (s64)(now - account->asked) >= (s64)RESTING_NS;
}

/* The least of the others who wait, if any does: with what is pending, and without. */
struct search {
	u64 me;
	u64 now;
	u64 idle_ns;
	u64 least;
	u64 standing;
	u64 found;
};

static long look_at(void *map, const u64 *id, struct account *account, struct search *search)
{
	u64 its;

	if (*id == search->me || !is_waiting(account, search->now, search->idle_ns))
		return 0;
	its = account->standing;
	if (!search->found || is_behind(its, search->standing))
		search->standing = its;
	its += pending_ns(account->pending, account->weight);
	if (!search->found || is_behind(its, search->least))
		search->least = its;
	search->found = 1;
	return 0;
}

static __always_inline void raise_floor(u64 to)
{
	u64 was = floor_ns;

	/* Who is slower than another CPU raises it the next time. */
	if (is_behind(was, to))
		__sync_val_compare_and_swap(&floor_ns, was, to);
}

static __always_inline struct account *account_at(u64 id)
{
	return bpf_map_lookup_elem(&accounts, &id);
}

/*
 * Who has rested begins where a new account does, so it loses nothing by making room. The
 * place is another one's as soon as it is free: who has just found it there sees that it is
 * claimed.
 */
static long make_room(void *map, const u64 *id, struct account *account, u64 *now)
{
	struct account *to = account_at(OTHERS);
	u64 key = *id, used = account->used;
	s64 pending = account->pending;

	if (!to || key == OTHERS || !has_rested(account, *now) || pending < -CLAIMED / 2 ||
	    bpf_map_lookup_elem(&weights, &key) ||
	    __sync_val_compare_and_swap(&account->pending, pending, -CLAIMED) != pending)
		return 0;
	if (account_at(key) == account && !bpf_map_delete_elem(&accounts, &key))
		count(to->used, used);
	else
		__sync_fetch_and_add(&account->pending, CLAIMED + pending);
	return 0;
}

/* The account of *@id, a new one if need be; where there is no room, that of the others. */
static __always_inline struct account *account_for(u64 *id, u32 *weight, u64 now)
{
	struct account *account = account_at(*id);
	struct account new = {
		.standing = floor_ns,
		.asked = now,
		.weight = *weight,
	};
	u64 was = swept;
	bool due = (s64)(now - was) >= (s64)SWEEP_NS;

	if (account)
		return account;
	/* With many CPUs it takes long to find no room. */
	if (due || full != was) {
		/* Another CPU may be first: whoever is, the account is there. */
		bpf_map_update_elem(&accounts, id, &new, BPF_NOEXIST);
		account = account_at(*id);
		if (account)
			return account;
		full = was;
	}
	if (due && __sync_val_compare_and_swap(&swept, was, now) == was)
		bpf_for_each_map_elem(&accounts, make_room, &now, 0);
	count(no_account, 1);
	*id = OTHERS;
	*weight = knob_read(default_weight);
	return account_at(*id);
}

/*
 * Where it stands now: with what it has had while it waits, else not behind those who wait.
 * @keep: remember that.
 */
static __always_inline u64 stand(struct account *account, const struct search *search, bool keep)
{
	u64 was = account->standing, its = was, low = floor_ns;
	bool waits = is_waiting(account, search->now, search->idle_ns);

	if (!waits && (is_behind(its, low) || has_rested(account, search->now)))
		its = low;
	if (!keep)
		return its;
	/* What ends meanwhile is added by done(): then the next time will do. */
	if (its != was)
		__sync_val_compare_and_swap(&account->standing, was, its);
	raise_floor(!search->found || (waits && is_behind(its, search->standing)) ?
		    its : search->standing);
	return its;
}

static __always_inline void note_ask(struct account *account, const struct search *search)
{
	u64 gap = account->asked ? search->now - account->asked : 0;
	u64 most = SPAN * search->idle_ns;

	/* Another CPU's clock may have been read later. */
	if ((s64)gap < 0)
		return;
	account->asked = search->now;
	if (account->span > most) {
		account->span /= 2;
		account->near /= 2;
	}
	account->span += gap < most ? gap : most;
	account->near += gap < search->idle_ns ? gap : search->idle_ns;
}

static __always_inline bool is_ahead(u64 its, u32 weight, const struct search *search)
{
	return search->found &&
	       (s64)(its - search->least) >
	       (s64)by_weight(knob_read(burst_ms) * 1000000ULL, weight);
}

/* The answer for a dry run, which leaves everything as it is. */
static __always_inline bool would_have_budget(struct search *search, u32 weight)
{
	struct account *account = account_at(search->me);
	u64 its = floor_ns;

	bpf_for_each_map_elem(&accounts, look_at, search, 0);
	if (account)
		its = stand(account, search, false) + pending_ns(account->pending, weight);
	return !is_ahead(its, weight, search);
}

/* May this cgroup have the engine now? Then what it asks for is pending. */
static __always_inline bool has_budget(const struct migrate_ext_group *group, u32 engine_id)
{
	struct migrator_state_buf state = {};
	struct flight flight = { .bytes = group->bytes };
	u64 key = (u64)group, its;
	struct search search = {
		.now = bpf_ktime_get_ns(),
		.idle_ns = knob_read(idle_ms) * 1000000ULL,
	};
	struct account *account;
	u32 weight;
	s64 before;

	search.me = account_of(group->cgroup_id, &weight);
	if (group->flags & MIGRATE_EXT_DRY_RUN)
		return would_have_budget(&search, weight);
	account = account_for(&search.me, &weight, search.now);
	if (!account)
		return false;
	flight.account = search.me;

	/* Who asks at the same time sees this one's bytes, or is seen. */
	before = __sync_fetch_and_add(&account->pending, flight.bytes);
	/* Who has asked lately makes no room; but this one may have done so just before. */
	if (before < -CLAIMED / 2 || account_at(search.me) != account) {
		__sync_fetch_and_sub(&account->pending, flight.bytes);
		count(no_flight, 1);
		return false;
	}
	account->weight = weight;
	bpf_for_each_map_elem(&accounts, look_at, &search, 0);
	its = stand(account, &search, true) + pending_ns(before, weight);
	note_ask(account, &search);
	/* There are always some of the others who ask. */
	if (search.me == OTHERS)
		account->near = 0;
	if (!migrator_state(engine_id, &state))
		flight.idle = state.state.idle;
	if (is_ahead(its, weight, &search)) {
		if (comes_back(account))
			account->waited = search.now;
		count(over_budget, 1);
	} else if (bpf_map_update_elem(&flights, &key, &flight, BPF_ANY)) {
		count(no_flight, 1);
	} else {
		if (!search.found)
			count(unopposed, 1);
		return true;
	}
	__sync_fetch_and_sub(&account->pending, flight.bytes);
	return false;
}

/* The engine's time for a group, whatever its cgroup is by now. */
static __always_inline void charge(struct account *account, const struct flight *flight,
				   const struct migrate_ext_result *result)
{
	u64 cost, was = ns_per_mib;

	if (result->bytes_taken == flight->bytes)
		account->refused = 0;
	else if (flight->idle && !result->busy_ns)
		account->refused++;
	/* No channel was idle, or not enough of them. */
	if (result->bytes_taken < flight->bytes && account->refused <= MAX_REFUSED &&
	    comes_back(account))
		account->waited = bpf_ktime_get_ns();
	if (!result->busy_ns)
		return;
	count(account->used, result->busy_ns);
	count(account->standing, by_weight(result->busy_ns, account->weight));
	/* What failed tells nothing of that, and one that was disturbed little. */
	if (result->failed || result->bytes_copied < 4096)
		return;
	cost = result->busy_ns * 1024 / (result->bytes_copied >> 10);
	if (was && cost > 2 * was)
		cost = 2 * was;
	ns_per_mib = was ? was - was / 8 + cost / 8 : cost;
}

s32 MIGRATE_EXT_SLEEPABLE(budget_init)
{
	const struct account new = {};
	u64 others = OTHERS;

	bpf_map_update_elem(&accounts, &others, &new, BPF_NOEXIST);
	return 0;
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
	return has_budget(group, id) ? id : MIGRATOR_CPU;
}

void MIGRATE_EXT_PROG(budget_done, const struct migrate_ext_group *group,
		      const struct migrate_ext_result *result)
{
	struct flight *found, flight;
	struct account *account;
	u64 key = (u64)group;

	found = bpf_map_lookup_elem(&flights, &key);
	if (!found)
		return;
	flight = *found;
	bpf_map_delete_elem(&flights, &key);
	account = account_at(flight.account);
	if (!account)
		return;
	/* The engine had gone: the CPU's time is not what is divided. */
	if (result->migrator != MIGRATOR_CPU)
		charge(account, &flight, result);
	/* The last: until then the account cannot make room. */
	__sync_fetch_and_sub(&account->pending, flight.bytes);
}

MIGRATE_EXT_OPS(cgroup_budget,
	.init = (void *)budget_init,
	.eligible = (void *)budget_eligible,
	.select = (void *)budget_select,
	.done = (void *)budget_done,
	.min_bytes = 8192);	/* one page alone is not worth a question */

MIGRATE_EXT_LICENSE;
