// SPDX-License-Identifier: GPL-2.0
/*
 * rules: a table of eight rules, of which the first that matches decides.
 *
 * For whoever wants a policy without writing one. A rule matches by reason, by class of
 * the cgroup, by folio order and by how many bytes there are, and says whether such
 * folios are batched, by whom they are copied, and how much is unmapped at once. Only
 * promotion and demotion may use the engine, and nobody can crowd them out:
 *
 *	mgx load rules.bpf.o --set rule0_verdict=1 --set rule0_reasons=numa_misplaced,demotion \
 *		--set rule1_verdict=2
 *
 * The engine for whatever it has been the faster one for, the CPU for the rest:
 *
 *	mgx load rules.bpf.o --set rule0_reasons=0x7ff --set rule0_min_bytes=65536 \
 *		--set rule0_measured=1 --set rule1_verdict=1
 *
 * Every rule is a knob for each column: rule0_reasons, rule0_verdict and so on. A rule
 * whose verdict is 0 is not looked at; where no rule matches there is no opinion. What
 * class a cgroup has says the knob `classes`, a number from 0 to 31 (mgx tune rules
 * classes:/web.slice=1); who has none has that of the nearest ancestor that has, of the levels
 * 1 (below the root) to 16, else 0.
 *
 * Of a group of several sizes of folios the largest one is its order: it has the most bytes,
 * as a rule. Which folio of the group has which size nobody tells, so that it is not divided.
 *
 * How much there is comes to be known when a batch is complete, and until then it has
 * to be decided whether a folio is part of one. So a rule with a limit of bytes that
 * says "single" means: batched, but copied by the CPU.
 *
 * Where it is bad: changing several columns that must agree, while it runs, takes a new
 * instance (mgx replace), for each knob is stored alone. And it does not learn: what was
 * right in the morning is done in the evening, but for the costs that the kernel
 * measures (rule..._measured). There, trying the slower one takes one part of `explore` of
 * the time at most, by default 1.6 %, but more where it is more than 32 times slower: 3 %
 * where it is 64 times slower, 5 % at 100 times.
 */
#include <migrate_ext/common.bpf.h>

#define ALL_REASONS	0x7ff
#define ALL_CLASSES	0xffffffff
#define MAX_ORDER	MIGRATE_EXT_MAX_ORDER
#define MAX_BYTES	1125899906842624		/* 1 PiB: no limit */

#define RULE(n, dflt_reasons, dflt_verdict, dflt_engine)					\
KNOB(u32, rule##n##_verdict, dflt_verdict, "verdict", 0, 2,					\
     "0: skip this rule; 1: batch such folios; 2: copy them one by one");			\
KNOB(u32, rule##n##_reasons, dflt_reasons, "reasons", 0, 0x7ff, "why the pages move");		\
KNOB(u32, rule##n##_classes, ALL_CLASSES, "mask", 0, 0xffffffff, "classes of cgroups");		\
KNOB(u32, rule##n##_min_order, 0, "order", 0, 20, "smallest folio");				\
KNOB(u32, rule##n##_max_order, MAX_ORDER, "order", 0, 20, "largest folio");			\
KNOB(u64, rule##n##_min_bytes, 0, "bytes", 0, 1125899906842624, "smallest group");		\
KNOB(u64, rule##n##_max_bytes, MAX_BYTES, "bytes", 0, 1125899906842624, "largest group");	\
KNOB_STR(rule##n##_engine, 16, dflt_engine, "migrator that copies; empty: the CPU");		\
KNOB_BOOL(rule##n##_measured, false, "the engine only where it has been the faster one");	\
KNOB(u32, rule##n##_batch_pages, 0, "pages", 0, 1048576,					\
     "unmap at most so many at once, whatever the cgroup; 0: no opinion");			\
COUNTER(rule##n##_groups, "groups that the rule decided");					\
												\
/* @order: of the largest folio; what is asked has @bytes, or bytes unknown. */			\
static __always_inline bool									\
rule##n##_matches(u32 reason, u32 class_bit, u32 order, u64 bytes)				\
{												\
	if (!knob_read(rule##n##_verdict) ||							\
	    !(knob_read(rule##n##_reasons) & 1U << (reason & 31)) ||				\
	    !(knob_read(rule##n##_classes) & class_bit) ||					\
	    order < knob_read(rule##n##_min_order) ||						\
	    order > knob_read(rule##n##_max_order))						\
		return false;									\
	return bytes == BYTES_UNKNOWN ||							\
	       (bytes >= knob_read(rule##n##_min_bytes) &&					\
		bytes <= knob_read(rule##n##_max_bytes));					\
}												\
												\
static __always_inline s32 rule##n##_eligible(void)						\
{												\
	if (knob_read(rule##n##_verdict) == MIGRATE_EXT_SINGLE &&				\
	    !knob_read(rule##n##_min_bytes) &&							\
	    knob_read(rule##n##_max_bytes) == MAX_BYTES)					\
		return MIGRATE_EXT_SINGLE;							\
	return MIGRATE_EXT_BATCH;								\
}												\
												\
static __always_inline u32 rule##n##_select(const struct migrate_ext_group *group,		\
					    bool *measured)					\
{												\
	u32 id;											\
												\
	if (!(group->flags & MIGRATE_EXT_DRY_RUN))						\
		count(rule##n##_groups, 1);							\
	if (knob_read(rule##n##_verdict) == MIGRATE_EXT_SINGLE)					\
		return MIGRATOR_CPU;								\
	id = bpf_migrate_migrator_id(knob_str(rule##n##_engine));				\
	if (!id || !bpf_migrate_migrator_ready(id))						\
		return MIGRATOR_CPU;								\
	*measured = rule##n##_measured;								\
	return id;										\
}												\
extern int rule##n##_ends_here

#define BYTES_UNKNOWN	(~0ULL)

KNOB(u32, explore, 64, "groups", 2, 1048576,
     "where costs decide, one group of so many measures the slower one again, rarer the slower it is");

/* Which cgroup is of which class. */
CGROUP_KNOB(classes, 4096, "class", 0, 31, "class of the cgroup and its descendants; of others: 0");

MIGRATE_EXT_RESULTS(4096);

/* What has come of trying the slower one, for such groups as the kernel has one cost of. */
struct attempt {
	u32 slower;
	/* It was not, the last time. */
	u32 again;
	/* What the other one takes for a MiB, in ns. */
	u64 other;
	/* Groups in a row that the engine has not copied all of. */
	u32 in_part;
	u32 unused;
};

#define FOLIO_CLASSES	4
#define JOB_CLASSES	8

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FOLIO_CLASSES * JOB_CLASSES);
	__type(key, u32);
	__type(value, struct attempt);
} attempts SEC(".maps");

static __always_inline struct attempt *attempt_of(const struct migrate_ext_group *group)
{
	u64 pages = group->bytes / (group->folios ?: 1) >> 12;
	u32 index = pages <= 1 ? 0 : pages <= 16 ? 1 : pages < 512 ? 2 : 3;
	u32 class;

	for (class = 0; class < JOB_CLASSES - 1; class++)
		if (group->bytes <= 16384ULL << 2 * class)
			break;
	index = index * JOB_CLASSES + class;
	return bpf_map_lookup_elem(&attempts, &index);
}

static __always_inline u64 ns_per_mib(u64 ns, u64 bytes)
{
	return ns * 1024 / (bytes >> 10 ?: 1);
}

/* So many times more rarely than one group of `explore` the slower one is tried at most. */
#define MAX_SLOWER	32
/* Who has left something of so many groups in a row is the slower one, whatever it costs. */
#define MAX_IN_PART	16

/* What the kernel knows of an engine's cost is of groups that it has copied all of. */
static __always_inline bool leaves_parts(const struct attempt *attempt)
{
	return attempt && attempt->in_part >= MAX_IN_PART;
}

/*
 * Who has copied such groups faster, the engine or the CPU? One that has not copied any
 * yet is tried, and now and then the slower one, lest it remain slower for ever: as many
 * times more rarely as it is slower, so that what is lost by trying is one part of
 * `explore` of the time at most. But no more rarely than MAX_SLOWER times: a cost can be
 * far too high because of one copy that was disturbed. It is an average of several copies,
 * so one that was faster this time is tried again with the next group.
 */
static __always_inline u32 faster_of(u32 id, const struct migrate_ext_group *group)
{
	u64 engine = bpf_migrate_cost_ns(id, group->bytes, group->folios);
	u64 cpu = bpf_migrate_cost_ns(MIGRATOR_CPU, group->bytes, group->folios);
	struct attempt *attempt = attempt_of(group);
	u64 slower;
	bool use_engine;

	if (leaves_parts(attempt))
		return group->flags & MIGRATE_EXT_DRY_RUN ||
		       bpf_get_prandom_u32() % knob_read(explore) ? MIGRATOR_CPU : id;
	if (!engine || !cpu)
		return engine ? MIGRATOR_CPU : id;
	use_engine = engine < cpu;
	slower = use_engine ? cpu / engine : engine / cpu;
	if (slower > MAX_SLOWER)
		slower = MAX_SLOWER;
	/* A dry run tells the rule, not the exception. */
	if (attempt && !(group->flags & MIGRATE_EXT_DRY_RUN)) {
		attempt->slower = use_engine ? MIGRATOR_CPU : id;
		attempt->other = ns_per_mib(use_engine ? engine : cpu, group->bytes);
		if (attempt->again == attempt->slower ||
		    !(bpf_get_prandom_u32() % (knob_read(explore) * slower)))
			use_engine = !use_engine;
		attempt->again = 0;
	}
	return use_engine ? id : MIGRATOR_CPU;
}

static __always_inline void see_attempt(const struct migrate_ext_group *group,
					const struct migrate_ext_result *result)
{
	const struct migrate_ext_part *part = &result->parts[0];
	struct attempt *attempt = attempt_of(group);

	if (!attempt || !result->decided || result->nr_parts != 1)
		return;
	if (part->migrator != MIGRATOR_CPU)
		attempt->in_part = part->bytes_copied == group->bytes ? 0 : attempt->in_part + 1;
	if (part->migrator == attempt->slower && part->bytes_copied == group->bytes &&
	    ns_per_mib(part->ns, group->bytes) < attempt->other)
		attempt->again = part->migrator;
}

/* memory_hotplug, syscall_or_cpuset, mempolicy_mbind, contig_range, demotion, damon */
RULE(0, 0x35c, 1, "dcbm");
RULE(1, ALL_REASONS, 0, "");
RULE(2, ALL_REASONS, 0, "");
RULE(3, ALL_REASONS, 0, "");
RULE(4, ALL_REASONS, 0, "");
RULE(5, ALL_REASONS, 0, "");
RULE(6, ALL_REASONS, 0, "");
RULE(7, ALL_REASONS, 0, "");

#define FOR_EACH_RULE(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)

/* Where no rule asks for it, which is mostly so, nobody's class is looked for. */
static __always_inline u32 class_bit_of(u64 cgroup_id)
{
	u32 asked = ALL_CLASSES, *class = NULL;

#define AND_CLASSES(n)									\
	asked &= knob_read(rule##n##_verdict) ? knob_read(rule##n##_classes) : ALL_CLASSES;
	FOR_EACH_RULE(AND_CLASSES)
	if (asked != ALL_CLASSES)
		class = cgroup_nearest(&classes, cgroup_id);
	return 1U << (class ? *class & 31 : 0);
}

/* Neither cgroup nor folios are known: the first rule that has something to say. */
u32 MIGRATE_EXT_PROG(rules_batch_pages, const struct migrate_ext_call *call)
{
#define BATCH_PAGES(n)									\
	if (knob_read(rule##n##_batch_pages) && knob_read(rule##n##_verdict) &&		\
	    knob_read(rule##n##_reasons) & 1U << (call->reason & 31))			\
		return knob_read(rule##n##_batch_pages);
	FOR_EACH_RULE(BATCH_PAGES)
	return 0;
}

s32 MIGRATE_EXT_PROG(rules_eligible, const struct migrate_ext_call *call)
{
	u32 class_bit = class_bit_of(call->cgroup_id);

#define ELIGIBLE(n)									\
	if (rule##n##_matches(call->reason, class_bit, call->order, BYTES_UNKNOWN))	\
		return rule##n##_eligible();
	FOR_EACH_RULE(ELIGIBLE)
	return MIGRATE_EXT_NO_OPINION;
}

u32 MIGRATE_EXT_PROG(rules_select, const struct migrate_ext_group *group)
{
	u32 class_bit = class_bit_of(group->cgroup_id);
	u32 order = orders_highest(group->orders), id;
	bool measured = false;

#define SELECT(n)									\
	if (rule##n##_matches(group->reason, class_bit, order, group->bytes)) {	\
		id = rule##n##_select(group, &measured);				\
		goto matched;								\
	}
	FOR_EACH_RULE(SELECT)
	return 0;
matched:
	return measured ? faster_of(id, group) : id;
}

void MIGRATE_EXT_PROG(rules_done, const struct migrate_ext_group *group,
		      const struct migrate_ext_result *result)
{
	results_add(group, result);
	see_attempt(group, result);
}

MIGRATE_EXT_OPS(rules,
	.batch_pages = (void *)rules_batch_pages,
	.eligible = (void *)rules_eligible,
	.select = (void *)rules_select,
	.done = (void *)rules_done,
	.min_bytes = 8192);	/* one page alone is not worth a question */

MIGRATE_EXT_LICENSE;
