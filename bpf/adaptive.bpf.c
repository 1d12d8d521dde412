// SPDX-License-Identifier: GPL-2.0
/*
 * adaptive: learns who copies what fastest, and keeps learning.
 *
 * For a machine of which nobody has measured anything, or whose engines are now fast and
 * now slow. For every kind of group (reason, size of the folios, size of the group) it
 * remembers what a MiB has cost by each choice: the CPU, the engine, several CPUs, and the
 * engine and the CPU together, with the group divided by how fast each of them is. The
 * cheapest so far is chosen; one group of `explore` goes to another choice by chance, so
 * that one that has become faster, or slower, is noticed. What was measured long ago
 * counts less with each new measurement.
 *
 * Where it is bad: a kind of group that comes seldom is never learned. While it explores
 * some groups are copied by the slower ones. What it measures is the time until the copy
 * is there, with whatever else the machine does: with much noise it changes its mind for
 * nothing. And it looks at time only, not at who has the CPU or the engine otherwise.
 */
#include <migrate_ext/common.bpf.h>

KNOB_STR(engine, 16, "dcbm", "the engine");
KNOB_STR(cpus, 16, "mtcopy", "the migrator of several CPUs");
KNOB(u64, min_bytes, 65536, "bytes", 0, 1073741824, "smaller groups are left to the CPU");
KNOB(u32, explore, 32, "groups", 2, 1048576, "one group of so many is used to learn");
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

/* What is known of a kind of group; costs in ns a MiB, 0: nothing yet. */
struct kind {
	u64 cost[NR_CHOICES];
	/* Of BY_BOTH: what each of the two took, alone, for its part. */
	u64 engine_part;
	u64 cpu_part;
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

static __always_inline u32 ready(const char *name, size_t size)
{
	u32 id = bpf_migrate_migrator_id(name, size);

	return id && bpf_migrate_migrator_ready(id) ? id : 0;
}

/* How many of the group's folios the engine gets when both copy: so that both end at once. */
static __always_inline u32 engine_share(const struct kind *kind, u32 folios)
{
	u64 engine = kind->engine_part ? kind->engine_part : kind->cost[BY_ENGINE];
	u64 cpu = kind->cpu_part ? kind->cpu_part : kind->cost[BY_CPU];

	if (!engine || !cpu)
		return folios / 2;
	/* The faster one of the two gets more: parts by speed, which is 1 / cost. */
	return folios * cpu / (engine + cpu);
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

s32 MIGRATE_EXT_PROG(adaptive_eligible, const struct migrate_ext_call *call)
{
	return MIGRATE_EXT_BATCH;
}

u32 MIGRATE_EXT_PROG(adaptive_select, const struct migrate_ext_group *group)
{
	bool dry_run = group->flags & MIGRATE_EXT_DRY_RUN;
	struct choices choices = {};
	struct kind *kind;
	u32 choice, nr;

	if (group->bytes < knob_read(min_bytes))
		return MIGRATOR_CPU;
	kind = kind_of(group);
	if (!kind)
		return MIGRATOR_CPU;
	choices.engine = ready(knob_str(engine));
	choices.cpus = ready(knob_str(cpus));
	choices.both = choices.engine && together && group->folios > 1;
	if (!dry_run) {
		engine_id = choices.engine;
		cpus_id = choices.cpus;
	}

	choice = best(kind, &choices);
	/* A dry run tells what it would do, not what it would try. */
	if (!dry_run && !(bpf_get_prandom_u32() % knob_read(explore))) {
		u32 other = bpf_get_prandom_u32() % NR_CHOICES;

		if (other != choice && can(&choices, other)) {
			choice = other;
			count(explored, 1);
		}
	}

	switch (choice) {
	case BY_ENGINE:
		return choices.engine;
	case BY_CPUS:
		return choices.cpus;
	case BY_BOTH:
		nr = engine_share(kind, group->folios);
		if (!nr || nr >= group->folios)
			return nr ? choices.engine : MIGRATOR_CPU;
		if (!bpf_migrate_assign(group, 0, nr, choices.engine) && !dry_run)
			count(divided, 1);
		return MIGRATOR_CPU;
	}
	return MIGRATOR_CPU;
}

static __always_inline void learn(u64 *cost, u64 ns, u64 bytes)
{
	u64 now = ns * 1024 / (bytes / 1024), parts = knob_read(memory), old = *cost;

	/* Two CPUs may learn at once: one of the two measurements is lost then. */
	*cost = old ? old - old / parts + now / parts : now;
	if (!*cost)
		*cost = 1;
}

/* Only what went well says how long it takes. */
static __always_inline bool is_clean(const struct migrate_ext_result *result)
{
	return result->decided && result->copied && result->copied == result->taken &&
	       result->bytes_copied >= 4096 && result->nr_parts;
}

void MIGRATE_EXT_PROG(adaptive_done, const struct migrate_ext_group *group,
		      const struct migrate_ext_result *result)
{
	const struct migrate_ext_part *one = &result->parts[0], *two = &result->parts[1];
	struct kind *kind = kind_of(group);
	u64 begin, end;

	results_add(group, result);
	if (!kind || !is_clean(result) || group->bytes < knob_read(min_bytes))
		return;
	if (result->nr_parts == 1) {
		if (one->migrator == MIGRATOR_CPU)
			learn(&kind->cost[BY_CPU], one->ns, one->bytes_copied);
		else if (one->migrator == engine_id)
			learn(&kind->cost[BY_ENGINE], one->ns, one->bytes_copied);
		else if (one->migrator == cpus_id)
			learn(&kind->cost[BY_CPUS], one->ns, one->bytes_copied);
		return;
	}
	if (result->nr_parts != 2 || !one->bytes_copied || !two->bytes_copied ||
	    one->bytes_copied < 4096 || two->bytes_copied < 4096)
		return;
	begin = one->begin_ns < two->begin_ns ? one->begin_ns : two->begin_ns;
	end = one->begin_ns + one->ns > two->begin_ns + two->ns ? one->begin_ns + one->ns :
								 two->begin_ns + two->ns;
	learn(&kind->cost[BY_BOTH], end - begin, result->bytes_copied);
	if (one->migrator == MIGRATOR_CPU) {
		learn(&kind->cpu_part, one->ns, one->bytes_copied);
		learn(&kind->engine_part, two->ns, two->bytes_copied);
	} else {
		learn(&kind->engine_part, one->ns, one->bytes_copied);
		learn(&kind->cpu_part, two->ns, two->bytes_copied);
	}
}

MIGRATE_EXT_OPS(adaptive,
	.eligible = (void *)adaptive_eligible,
	.select = (void *)adaptive_select,
	.done = (void *)adaptive_done,
	.min_bytes = 8192);	/* one page alone is not worth a question */

MIGRATE_EXT_LICENSE;
