// SPDX-License-Identifier: GPL-2.0
/*
 * adaptive: learns who copies what fastest, and keeps learning.
 *
 * For a machine of which nobody has measured anything, or whose engines are now fast and
 * now slow. For every kind of group (reason, size of the folios, size of the group) it
 * remembers what a MiB has cost by each choice: the CPU, the engine, several CPUs, and the
 * engine and the CPU together, with the group divided by how fast each of them is. The
 * cheapest so far is chosen. When that one becomes slower its own cost tells, within some
 * groups. That another one has become faster only trying can tell: one is tried when so much
 * has been copied since the last time that what it costs more than the cheapest, by what is
 * known, is less than one part of `explore` of that. So one that is little slower is tried
 * often, one that is much slower seldom, and all the trying costs one part of `explore` of
 * the time at most, once all are known. A try of the engine that is divided gives it only
 * what it can do while the CPU does the rest: an engine that was slow is found again by those.
 *
 * Where it is bad: a kind of group that comes seldom is never learned. Nodes are no part of
 * the kind: where the engine reaches one of them faster than another, that is mixed. A choice
 * that was k times as slow as the cheapest is tried again after 3 (k - 1) `explore` groups
 * only: each of the three others has a third of what may be spent. What it measures is the
 * time until the copy is there, with whatever else the machine does: a measurement that is
 * more than twice what it was counts as twice, so that one that was disturbed does not change
 * its mind; it takes some more to believe that a choice has become much slower. Of the first
 * two, which are made soon whatever they cost, the lower one counts. An engine that has no
 * channel for a group counts as slow as the CPU, which copies it then; one that leaves or
 * fails a part of it, as slow as both one after the other. And it looks at time only, not at
 * who has the CPU or the engine otherwise.
 */
#include <migrate_ext/common.bpf.h>

KNOB_STR(engine, 16, "dcbm", "the engine");
KNOB_STR(cpus, 16, "mtcopy", "the migrator of several CPUs");
KNOB(u64, min_bytes, 65536, "bytes", 0, 1073741824, "smaller groups are left to the CPU");
KNOB(u32, explore, 32, "parts", 2, 1048576,
     "one part of so many of the time may be spent on trying slower ones");
KNOB(u32, memory, 4, "measurements", 1, 1024,
     "a new measurement counts for one part of so many of what is known");
KNOB_BOOL(together, true, "divide groups over the engine and the CPU where that is faster");

COUNTER(explored, "groups that went to a choice to learn about it");
COUNTER(divided, "groups that were divided");

MIGRATE_EXT_RESULTS(4096);

/* Choices */
enum {
	BY_CPU,
	BY_ENGINE,
	BY_CPUS,
	BY_BOTH,	/* the engine and the CPU */
	NR_CHOICES,
};

#define REASONS		16
#define FOLIO_CLASSES	4
#define GROUP_CLASSES	8

/* Groups from one try to the next at least, of a kind; then it is the next choice's turn. */
#define PAUSE		(2 * NR_CHOICES + 1)
/* What was measured so many groups ago does not count beside what is measured now. */
#define STALE		16
/* And what is measured beside another choice says nothing of that one so many groups later. */
#define FORGOTTEN	1024
/* A first measurement can be far off, by what else the machine did: one more, at any price. */
#define SURE		2

/* What is known of a kind of group; costs in ns a MiB, 0: nothing yet. */
struct kind {
	u64 cost[NR_CHOICES];
	/* Of BY_BOTH: what each of the two took for its part, from the begin of the first. */
	u64 engine_part;
	u64 cpu_part;
	/* Until the first channel has been given its share. */
	u64 submit;
	/* Which group it was when it was measured last. */
	u64 measured[NR_CHOICES];
	/* What all groups had taken when it was tried or measured last, in ns. */
	u64 tried[NR_CHOICES];
	u64 spent;
	u64 groups;
	u64 last_try;
	/* How often it was measured, up to SURE. */
	u32 times[NR_CHOICES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, REASONS * FOLIO_CLASSES * GROUP_CLASSES);
	__type(key, u32);
	__type(value, struct kind);
} kinds SEC(".maps");

/* One page; at most 16; less than a PMD; a PMD and more: as the kernel measures costs. */
static __always_inline u32 folio_class(u64 orders)
{
	if (orders & ~((1ULL << 9) - 1))
		return 3;
	if (orders & ~((1ULL << 5) - 1))
		return 2;
	return orders & ~1ULL ? 1 : 0;
}

/* Below 128 KiB, 512 KiB, 2 MiB, 8 MiB ... */
static __always_inline u32 group_class(u64 bytes)
{
	u32 class;

	for (class = 0; class < GROUP_CLASSES - 1; class++)
		if (bytes < 131072ULL << 2 * class)
			break;
	return class;
}

static __always_inline struct kind *kind_of(const struct migrate_ext_group *group)
{
	u32 index = ((group->reason & (REASONS - 1)) * FOLIO_CLASSES +
		     folio_class(group->orders)) * GROUP_CLASSES + group_class(group->bytes);

	return bpf_map_lookup_elem(&kinds, &index);
}

/* Who was chosen last, for done(), which may not ask; ids are the same until the next boot. */
u32 engine_id, cpus_id;
/* How many channels the engine has, asked now and then. */
u32 channels;

/* Another CPU may have counted on since: then it is less than nothing. */
static __always_inline s64 since(u64 now, u64 then)
{
	return now - then;
}

static __always_inline bool is_stale(const struct kind *kind, u32 choice)
{
	return since(kind->groups, kind->measured[choice]) > STALE;
}

static __always_inline u64 larger(u64 one, u64 two)
{
	return one > two ? one : two;
}

/*
 * How many of the group's folios the engine gets when both copy: so that both end at once.
 * Each gets one at least, though one alone may be faster: what both cost is known only so.
 */
static __always_inline u32 engine_share(const struct kind *kind, u32 folios)
{
	u64 engine = kind->engine_part, cpu = kind->cpu_part, nr;

	/* What it does alone is newer. */
	if (!engine || !cpu || (is_stale(kind, BY_BOTH) && !is_stale(kind, BY_ENGINE))) {
		engine = kind->cost[BY_ENGINE];
		cpu = kind->cost[BY_CPU];
	}
	if (!engine || !cpu)
		return folios / 2;
	/* The faster one of the two gets more: parts by speed, which is 1 / cost. */
	nr = folios * cpu / (engine + cpu);
	/* With few folios a whole one more is a difference. */
	if (engine * (nr + 1) < cpu * (folios - nr))
		nr++;
	if (!nr)
		return 1;
	return nr < folios ? nr : folios - 1;
}

static __always_inline u32 channels_of(u32 id)
{
	struct migrator_state_buf buf = {};

	return id && !migrator_state(id, &buf) ? buf.state.channels : 1;
}

/* A second name for a choice would never be measured: done() knows them by who copied. */
static __always_inline u32 other_than(u32 known, u32 id)
{
	return id == known ? 0 : id;
}

struct choices {
	u32 engine;
	u32 cpus;
	bool both;
};

static __always_inline bool can(const struct choices *choices, u32 choice)
{
	switch (choice) {
	case BY_CPU:
		return true;
	case BY_ENGINE:
		return choices->engine;
	case BY_CPUS:
		return choices->cpus;
	default:
		return choices->both;
	}
}

/* The cheapest; of those that nothing is known of, the first. */
static __always_inline u32 best(const struct kind *kind, const struct choices *choices)
{
	u32 choice, found = BY_CPU;
	u64 least = ~0ULL;

	for (choice = 0; choice < NR_CHOICES; choice++) {
		if (!can(choices, choice))
			continue;
		if (!kind->cost[choice])
			return choice;
		if (kind->cost[choice] < least) {
			least = kind->cost[choice];
			found = choice;
		}
	}
	return found;
}

/* What a MiB costs more by that choice than by the cheapest one, as far as is known. */
static __always_inline u64 loss_of(const struct kind *kind, u32 choice, u64 least, u32 folios)
{
	u64 cost = kind->cost[choice], part;

	if (choice == BY_BOTH) {
		/* With one folio at least: that may take the engine longer than all else. */
		part = kind->engine_part ? kind->engine_part : kind->cost[BY_ENGINE];
		part = part * engine_share(kind, folios) / (folios ?: 1);
		if (part > cost)
			cost = part;
	}
	return cost > least ? cost - least : 0;
}

/* Another one than the cheapest whose turn it is to be tried, or that one. */
static __always_inline u32 try_other(struct kind *kind, const struct choices *choices,
				     u32 cheapest, const struct migrate_ext_group *group)
{
	s64 parts = (s64)knob_read(explore) * (NR_CHOICES - 1), loss;
	/* With each group another one is looked at. */
	u32 choice = kind->groups % NR_CHOICES;

	if (choice == cheapest || since(kind->groups, kind->last_try) < PAUSE ||
	    !can(choices, choice))
		return cheapest;
	loss = loss_of(kind, choice, kind->cost[cheapest], group->folios) *
	       (group->bytes >> 10) >> 10;
	if (kind->times[choice] >= SURE && since(kind->spent, kind->tried[choice]) < loss * parts)
		return cheapest;
	kind->tried[choice] = kind->spent;
	kind->last_try = kind->groups;
	count(explored, 1);
	return choice;
}

s32 MIGRATE_EXT_PROG(adaptive_eligible, const struct migrate_ext_call *call)
{
	return MIGRATE_EXT_BATCH;
}

u32 MIGRATE_EXT_PROG(adaptive_select, const struct migrate_ext_group *group)
{
	bool dry_run = group->flags & MIGRATE_EXT_DRY_RUN;
	struct choices choices = {};
	struct kind *kind;
	u32 choice, tried, nr;

	if (group->bytes < knob_read(min_bytes))
		return MIGRATOR_CPU;
	kind = kind_of(group);
	if (!kind)
		return MIGRATOR_CPU;
	choices.engine = other_than(MIGRATOR_CPU, migrator_ready(knob_str(engine)));
	choices.cpus = other_than(MIGRATOR_CPU, migrator_ready(knob_str(cpus)));
	choices.cpus = other_than(choices.engine, choices.cpus);
	choices.both = choices.engine && together && group->folios > 1;

	choice = tried = best(kind, &choices);
	/* A dry run tells what it would do, not what it would try. */
	if (!dry_run) {
		engine_id = choices.engine;
		cpus_id = choices.cpus;
		if (!(kind->groups % 32))
			channels = channels_of(choices.engine);
		count(kind->groups, 1);
		if (kind->cost[choice])
			tried = try_other(kind, &choices, choice, group);
	}

	switch (tried) {
	case BY_ENGINE:
		return choices.engine;
	case BY_CPUS:
		return choices.cpus;
	case BY_BOTH:
		nr = engine_share(kind, group->folios);
		if (!bpf_migrate_assign(group, 0, nr, choices.engine) && !dry_run)
			count(divided, 1);
		return MIGRATOR_CPU;
	}
	return MIGRATOR_CPU;
}

/*
 * One of the costs that are measured with that choice. Two CPUs may learn at once: one of the
 * two measurements is lost then.
 */
static __always_inline void learn(struct kind *kind, u32 choice, u64 *cost, u64 ns, u64 bytes)
{
	u64 now = ns * 1024 / (bytes / 1024), parts = knob_read(memory), old = *cost;

	if (old && now > 2 * old)
		now = 2 * old;
	/* The lower one of the first two. */
	if (old && kind->times[choice] == 1)
		now = now < old ? now : old;
	else if (old && !is_stale(kind, choice))
		now = old - old / parts + now / parts;
	*cost = now ?: 1;
}

static __always_inline void learn_cost(struct kind *kind, u32 choice, u64 ns, u64 bytes)
{
	learn(kind, choice, &kind->cost[choice], ns, bytes);
	kind->measured[choice] = kind->groups;
	if (kind->times[choice] < SURE)
		kind->times[choice]++;
}

static __always_inline void learn_choice(struct kind *kind, u32 choice, u64 ns, u64 bytes)
{
	learn_cost(kind, choice, ns, bytes);
	count(kind->spent, ns);
	kind->tried[choice] = kind->spent;
}

/*
 * An engine's time begins with its first descriptor: what was to be done before that is known
 * only when the CPU copied a part, which begins when the last channel has its share. No more
 * than the copy itself takes: a task that had to wait for a CPU between the two is no sign.
 */
static __always_inline void learn_engine(struct kind *kind, u64 ns, u64 bytes)
{
	u64 submit = kind->submit * (bytes >> 10) >> 10;

	if (since(kind->groups, kind->measured[BY_BOTH]) > FORGOTTEN)
		submit = 0;
	learn_choice(kind, BY_ENGINE, ns + (submit < ns ? submit : ns), bytes);
}

static __always_inline void learn_parts(struct kind *kind, const struct migrate_ext_part *engine,
					const struct migrate_ext_part *cpu)
{
	u64 submit = cpu->begin_ns - engine->begin_ns, cpu_ns = submit + cpu->ns;
	u64 engine_ns = engine->ns + submit / (channels ?: 1);

	learn(kind, BY_BOTH, &kind->submit, submit / (channels ?: 1), engine->bytes_copied);
	learn(kind, BY_BOTH, &kind->engine_part, engine_ns, engine->bytes_copied);
	learn(kind, BY_BOTH, &kind->cpu_part, cpu_ns, cpu->bytes_copied);
	learn_choice(kind, BY_BOTH, larger(engine_ns, cpu_ns),
		     engine->bytes_copied + cpu->bytes_copied);

	/* How fast the CPU is that says, too. */
	learn_cost(kind, BY_CPU, cpu->ns, cpu->bytes_copied);
	kind->tried[BY_CPU] = kind->spent;
	/* And an engine that took much less for a part will do so for all of it. */
	if (kind->engine_part < kind->cost[BY_ENGINE] / 2)
		kind->cost[BY_ENGINE] = kind->engine_part;
}

/*
 * An engine that has no channel for a group, as when all of them are busy, leaves it to the
 * CPU: so that is what choosing it has cost. The average of those that are refused and those
 * that are not is what choosing it costs altogether.
 */
static __always_inline void learn_refusal(struct kind *kind, u32 choice, u64 bytes)
{
	u64 cost = larger(kind->cost[choice], kind->cost[BY_CPU]);

	if (kind->cost[BY_CPU])
		learn_choice(kind, choice, cost * (bytes >> 10) >> 10, bytes);
}

/*
 * A part of the group is left to the CPU. One that never copies all of a group would not be
 * known otherwise, and be the first to be chosen for ever.
 */
static __always_inline void learn_part(struct kind *kind, u32 choice, u64 ns, u64 left, u64 bytes)
{
	if (kind->cost[BY_CPU])
		learn_choice(kind, choice, ns + (kind->cost[BY_CPU] * (left >> 10) >> 10), bytes);
}

static __always_inline u32 choice_of(const struct migrate_ext_result *result)
{
	u32 migrator = result->parts[0].migrator;

	if (result->nr_parts > 1)
		return BY_BOTH;
	return migrator == engine_id ? BY_ENGINE : migrator == cpus_id ? BY_CPUS : BY_CPU;
}

static __always_inline bool has_refused(const struct migrate_ext_part *part)
{
	return part->migrator == engine_id && !part->taken;
}

/* Only what went well, and all of it, says how long it takes. */
static __always_inline bool is_clean(const struct migrate_ext_group *group,
				     const struct migrate_ext_result *result)
{
	return result->bytes_copied >= 4096 && result->bytes_copied == group->bytes &&
	       result->copied == result->taken;
}

void MIGRATE_EXT_PROG(adaptive_done, const struct migrate_ext_group *group,
		      const struct migrate_ext_result *result)
{
	const struct migrate_ext_part *one = &result->parts[0], *two = &result->parts[1];
	struct kind *kind = kind_of(group);

	results_add(group, result);
	if (!kind || !result->decided || group->bytes < knob_read(min_bytes))
		return;
	if (result->nr_parts == 1 && has_refused(one))
		learn_refusal(kind, BY_ENGINE, group->bytes);
	else if (result->nr_parts == 2 && (has_refused(one) || has_refused(two)))
		learn_refusal(kind, BY_BOTH, group->bytes);
	else if (result->taken && result->bytes_copied < group->bytes && choice_of(result) != BY_CPU)
		learn_part(kind, choice_of(result), result->ns, group->bytes - result->bytes_copied,
			   group->bytes);
	if (!is_clean(group, result))
		return;
	if (result->nr_parts == 1) {
		if (one->migrator == MIGRATOR_CPU)
			learn_choice(kind, BY_CPU, one->ns, one->bytes_copied);
		else if (one->migrator == engine_id)
			learn_engine(kind, one->ns, one->bytes_copied);
		else if (one->migrator == cpus_id)
			learn_choice(kind, BY_CPUS, one->ns, one->bytes_copied);
		return;
	}
	if (result->nr_parts != 2 || one->bytes_copied < 4096 || two->bytes_copied < 4096)
		return;
	if (one->migrator == MIGRATOR_CPU)
		learn_parts(kind, two, one);
	else
		learn_parts(kind, one, two);
}

MIGRATE_EXT_OPS(adaptive,
	.eligible = (void *)adaptive_eligible,
	.select = (void *)adaptive_select,
	.done = (void *)adaptive_done,
	.min_bytes = 8192);	/* one page alone is not worth a question */

MIGRATE_EXT_LICENSE;
