// SPDX-License-Identifier: GPL-2.0
/*
 * The decisions of the policies of bpf/ against tables, by the kernel's dry run: what a
 * policy knows is written into its knobs and maps, and then it is asked. The presets of rules
 * are in test_presets.c, what has to be measured is in full_policies.c, and what is to hold
 * for every policy in test_policies.c. A policy without a table fails.
 */
#include <bpf/bpf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "budget.h"
#include "case.h"
#include "cgroup.h"
#include "dcbm.h"
#include "dry_run.h"
#include "kinds.h"
#include "mtcopy.h"
#include "offload.h"
#include "shipped.h"
#include "tables.h"

/* Nothing here fails that has no case to fail. */
static void unload(void)
{
	try_remove("mtcopy");
	try_remove("dcbm");
	try_remove("dmasim");
}

/* Only asked, the engines need not be fresh: loading them takes longer than a case. */
void case_setup(void)
{
	static bool loaded;

	offload_reset();
	offload_set("batch_pages", "4096");
	if (!loaded) {
		REQUIRE(!atexit(unload), "atexit");
		dcbm_start("channels=1");
		mtcopy_start("threads=2 min_chunk=65536");
		loaded = true;
	}
	REQUIRE(!dcbm_enable(1), "dcbm: enable");
}

void case_teardown(void)
{
	shipped_stop();
	offload_reset();
	cgroup_remove("budget/inner");
	cgroup_remove("budget");
}

/* --- default --- */

/* From 64 KiB on, and below 8 KiB. */
static const struct verdict alike[] = {
	{ "reason=demotion count=16", "verdict ahead migrator=dcbm folios=16\n" },
	{ "reason=demotion count=17", "verdict ahead migrator=dcbm folios=17\n" },
	{ "reason=demotion count=512", "verdict ahead migrator=dcbm folios=512\n" },
	{ "reason=demotion order=2 count=4", "verdict ahead migrator=dcbm folios=4\n" },
	{ "reason=demotion order=3 count=2", "verdict ahead migrator=dcbm folios=2\n" },
	{ "reason=demotion order=4 count=1", "verdict ahead migrator=dcbm folios=1\n" },
	{ "reason=demotion order=9 count=8", "verdict ahead migrator=dcbm folios=8\n" },
	{ "reason=demotion order=9 count=9", "verdict ahead migrator=dcbm folios=8\n" },
	{ "reason=memory_hotplug count=16 kind=shmem", "verdict ahead migrator=dcbm folios=16\n" },
	{ "reason=syscall_or_cpuset count=16 mode=sync src=1 dst=0",
	  "verdict ahead migrator=dcbm folios=16\n" },
	{ "reason=damon order=9 count=1", "verdict ahead migrator=dcbm folios=1\n" },
	{ "reason=compaction order=9 count=1", NOT_IN_MASK },
	{ "reason=numa_misplaced order=9 count=8", NOT_IN_MASK },
	{ "reason=mempolicy_mbind count=512", NOT_IN_MASK },
	{ "reason=demotion count=512 kind=file",
	  "verdict single: file folios are not copied ahead\n" },
	{ "reason=demotion count=1", NOT_ASKED },
	{ "reason=compaction count=1", NOT_IN_MASK },
};

/* The same when the engine is no more there. */
static const struct verdict alike_gone[] = {
	{ "reason=demotion count=16", "verdict ahead migrator=cpu folios=16\n" },
	{ "reason=demotion order=9 count=8", "verdict ahead migrator=cpu folios=8\n" },
	{ "reason=syscall_or_cpuset order=4 count=1", "verdict ahead migrator=cpu folios=1\n" },
	{ "reason=compaction order=9 count=1", NOT_IN_MASK },
	{ "reason=demotion count=1", NOT_ASKED },
};

/* From 1 MiB on. */
static const struct verdict alike_large[] = {
	{ "reason=demotion count=256", "verdict ahead migrator=dcbm folios=256\n" },
	{ "reason=demotion order=9 count=1", "verdict ahead migrator=dcbm folios=1\n" },
	{ "reason=demotion order=8 count=1", "verdict ahead migrator=dcbm folios=1\n" },
	{ "reason=demotion count=1", NOT_ASKED },
};

/* Here they differ: no policy is told before a batch is made how large it will be. */
static const char * const smaller[] = {
	"reason=demotion count=15", "reason=demotion count=2", "reason=demotion order=1 count=1",
	"reason=demotion order=3 count=1", "reason=syscall_or_cpuset order=2 count=3",
};

static const char * const smaller_large[] = {
	"reason=demotion count=255", "reason=demotion order=7 count=1",
	"reason=syscall_or_cpuset order=4 count=15", "reason=demotion count=16",
};

static void expect_all(const char * const *questions, size_t nr, const char *verdict)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		const char *answer = dry_run(questions[i]), *from = strstr(answer, "verdict ");

		EXPECT(from && !strncmp(from, verdict, strlen(verdict)), "%s: not \"%s\" but:\n%s",
		       questions[i], verdict, answer);
	}
}

#define EXPECT_ALL(questions, verdict)					\
	expect_all(questions, sizeof(questions) / sizeof((questions)[0]), verdict)

/* Whoever decides does so by min_bytes 64 KiB, and that is raised to 1 MiB. */
static void expect_built_in_rule(const char *small, void (*raise)(void))
{
	EXPECT_TABLE(alike);
	EXPECT_ALL(smaller, small);
	EXPECT_EQ(dcbm_enable(0), 0);
	EXPECT_TABLE(alike_gone);
	EXPECT_ALL(smaller, small);
	EXPECT_EQ(dcbm_enable(1), 0);
	raise();
	EXPECT_TABLE(alike_large);
	EXPECT_ALL(smaller_large, small);
}

static void raise_built_in(void)
{
	offload_set("min_bytes", "1048576");
}

static void raise_policy(void)
{
	shipped_set("min_bytes", MiB);
}

CASE(default, "default answers what the kernel's built-in default does")
{
	offload_set("reason_mask", "demotion,memory_hotplug,syscall_or_cpuset,damon");
	offload_set("min_bytes", "65536");
	offload_use("dcbm");
	expect_built_in_rule("verdict single", raise_built_in);

	offload_use("none");
	shipped_start("default");
	expect_built_in_rule("verdict ahead migrator=cpu", raise_policy);
}

CASE(default_engine, "default: any migrator is its engine, without one the built-in default decides")
{
	shipped_start("default");
	shipped_set_text("engine", "mtcopy");
	expect_verdict("reason=demotion count=16", "verdict ahead migrator=mtcopy folios=16\n");
	shipped_set_text("engine", "cpu");
	expect_verdict("reason=demotion count=16", "verdict ahead migrator=cpu folios=16\n");
	shipped_set_text("engine", "nosuch");
	expect_verdict("reason=demotion count=16", SINGLE);
	shipped_set_text("engine", "");
	expect_verdict("reason=demotion count=16", SINGLE);
	offload_use("mtcopy");
	expect_verdict("reason=demotion count=16", "verdict ahead migrator=mtcopy folios=16\n");
	expect_verdict("reason=demotion count=15", "verdict ahead migrator=mtcopy folios=15\n");
}

static void move(size_t bytes)
{
	struct arena arena = arena_map(ARENA_ANON, bytes, 0);

	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	arena_unmap(&arena);
}

CASE(default_counter, "default: what moves in small groups is counted, and nothing that is only asked")
{
	shipped_start("default");
	move(8 * PAGE);
	EXPECT_EQ(shipped_count("small_bytes"), 8 * PAGE);
	move(16 * PAGE);
	expect_verdict("reason=demotion count=8", "verdict ahead migrator=cpu folios=8\n");
	EXPECT_EQ(shipped_count("small_bytes"), 8 * PAGE);
}

/* --- by_reason --- */

CASE(by_reason, "by_reason: what nobody waits for goes to the engine from a size on, the rest is single")
{
	static const struct verdict table[] = {
		{ "reason=demotion count=16", "verdict ahead migrator=dcbm folios=16\n" },
		{ "reason=demotion count=15", "verdict ahead migrator=cpu folios=15\n" },
		{ "reason=demotion count=1", "verdict ahead migrator=cpu folios=1\n" },
		{ "reason=demotion order=4 count=1", "verdict ahead migrator=dcbm folios=1\n" },
		{ "reason=memory_hotplug count=512", "verdict ahead migrator=dcbm folios=512\n" },
		{ "reason=syscall_or_cpuset count=16", "verdict ahead migrator=dcbm folios=16\n" },
		{ "reason=mempolicy_mbind count=16", "verdict ahead migrator=dcbm folios=16\n" },
		{ "reason=contig_range count=16", "verdict ahead migrator=dcbm folios=16\n" },
		{ "reason=damon order=9 count=1", "verdict ahead migrator=dcbm folios=1\n" },
		{ "reason=compaction count=512", SINGLE },
		{ "reason=numa_misplaced order=9 count=1", SINGLE },
		{ "reason=longterm_pin count=512", SINGLE },
	};
	static const struct verdict orders[] = {
		{ "reason=demotion order=3 count=64", SINGLE },
		{ "reason=demotion order=4 count=32", "verdict ahead migrator=dcbm folios=32\n" },
		{ "reason=demotion order=5 count=16", "verdict ahead migrator=dcbm folios=16\n" },
	};
	static const struct verdict sizes[] = {
		{ "reason=demotion count=256", "verdict ahead migrator=dcbm folios=256\n" },
		{ "reason=demotion count=255", "verdict ahead migrator=cpu folios=255\n" },
		{ "reason=demotion order=8 count=1", "verdict ahead migrator=dcbm folios=1\n" },
		{ "reason=demotion order=7 count=1", "verdict ahead migrator=cpu folios=1\n" },
	};
	static const struct verdict reasons[] = {
		{ "reason=compaction count=512", "verdict ahead migrator=dcbm folios=512\n" },
		{ "reason=numa_misplaced order=9 count=1", "verdict ahead migrator=dcbm folios=1\n" },
		{ "reason=demotion count=512", SINGLE },
		{ "reason=memory_hotplug count=512", SINGLE },
	};

	shipped_start("by_reason");
	EXPECT_TABLE(table);
	shipped_set("min_order", 4);
	EXPECT_TABLE(orders);
	shipped_set("min_order", 0);
	shipped_set("min_bytes", MiB);
	EXPECT_TABLE(sizes);
	shipped_set("reasons", 1 << 0 | 1 << 5);	/* compaction, numa_misplaced */
	EXPECT_TABLE(reasons);
}

/* A question about one folio, which the policy gives to its engine. */
static void expect_engines(const char *question)
{
	shipped_set_text("engine", "mtcopy");
	expect_verdict(question, "verdict ahead migrator=mtcopy folios=1\n");
	shipped_set_text("engine", "");
	expect_verdict(question, "verdict ahead migrator=cpu folios=1\n");
	shipped_set_text("engine", "nosuch");
	expect_verdict(question, "verdict ahead migrator=cpu folios=1\n");
	shipped_set_text("engine", "dcbm");
	expect_verdict(question, "verdict ahead migrator=dcbm folios=1\n");
	EXPECT_EQ(dcbm_enable(0), 0);
	expect_verdict(question, "verdict ahead migrator=cpu folios=1\n");
	EXPECT_EQ(dcbm_enable(1), 0);
	expect_verdict(question, "verdict ahead migrator=dcbm folios=1\n");
}

CASE(by_reason_engine, "by_reason: the CPU copies while the engine is away, or none is named")
{
	shipped_start("by_reason");
	expect_engines("reason=demotion order=9 count=1");
}

/* --- latency --- */

CASE(latency, "latency: large folios are batched for the engine, small ones not at all")
{
	static const struct verdict table[] = {
		{ "reason=demotion order=9 count=1", "verdict ahead migrator=dcbm folios=1\n" },
		{ "reason=demotion order=9 count=8", "verdict ahead migrator=dcbm folios=8\n" },
		{ "reason=demotion order=8 count=8", SINGLE },
		{ "reason=demotion order=4 count=128", SINGLE },
		{ "reason=demotion count=512", SINGLE },
		{ "reason=demotion count=1", SINGLE },
		/* Whatever the reason. */
		{ "reason=compaction order=9 count=1", "verdict ahead migrator=dcbm folios=1\n" },
		{ "reason=numa_misplaced order=9 count=1", "verdict ahead migrator=dcbm folios=1\n" },
		{ "reason=syscall_or_cpuset order=9 count=1", "verdict ahead migrator=dcbm folios=1\n" },
		{ "reason=compaction count=512", SINGLE },
	};
	static const struct verdict sizes[] = {
		{ "reason=demotion order=9 count=1", "verdict ahead migrator=cpu folios=1\n" },
		{ "reason=demotion order=9 count=2", "verdict ahead migrator=dcbm folios=2\n" },
		{ "reason=demotion order=10 count=1", "verdict ahead migrator=dcbm folios=1\n" },
	};
	static const struct verdict orders[] = {
		{ "reason=demotion order=3 count=128", SINGLE },
		{ "reason=demotion order=4 count=64", "verdict ahead migrator=dcbm folios=64\n" },
		{ "reason=demotion order=4 count=63", "verdict ahead migrator=cpu folios=63\n" },
		{ "reason=demotion order=5 count=32", "verdict ahead migrator=dcbm folios=32\n" },
	};

	shipped_start("latency");
	EXPECT_TABLE(table);
	shipped_set("min_bytes", 4 * MiB);
	EXPECT_TABLE(sizes);
	shipped_set("min_order", 4);
	EXPECT_TABLE(orders);
}

CASE(latency_engine, "latency: the CPU copies while the engine is away, or none is named")
{
	shipped_start("latency");
	expect_engines("reason=demotion order=9 count=1");
}

/* --- rules --- */

CASE(rules, "the first rule that matches decides")
{
	offload_set("reason_mask", "all");
	shipped_start("rules");
	shipped_set("rule0_reasons", 1 << 8);	/* demotion */
	shipped_set("rule0_min_bytes", MiB);
	shipped_set("rule0_max_bytes", 8 * MiB);
	shipped_set_text("rule0_engine", "dcbm");
	shipped_set("rule1_verdict", 1);
	shipped_set("rule1_reasons", 1 << 8);
	shipped_set("rule1_min_order", 9);
	shipped_set_text("rule1_engine", "mtcopy");
	shipped_set("rule2_verdict", 1);
	shipped_set("rule2_reasons", 1 << 8 | 1 << 3);
	shipped_set_text("rule2_engine", "");
	shipped_set("rule3_verdict", 2);

	expect_verdict("reason=demotion count=256", "verdict ahead migrator=dcbm folios=256\n");
	expect_verdict("reason=demotion count=255", "verdict ahead migrator=cpu folios=255\n");
	expect_verdict("reason=demotion order=9 count=4", "verdict ahead migrator=dcbm folios=4\n");
	expect_verdict("reason=demotion order=9 count=5", "verdict ahead migrator=mtcopy folios=5\n");
	expect_verdict("reason=syscall_or_cpuset count=512",
		       "verdict ahead migrator=cpu folios=512\n");
	expect_verdict("reason=compaction count=512", SINGLE);
	/* A rule that is not looked at any more. */
	shipped_set("rule3_verdict", 0);
	shipped_set("rule2_verdict", 0);
	shipped_set("rule0_reasons", 1 << 9);
	shipped_set("rule1_reasons", 1 << 9);
	offload_use("cpu");
	expect_verdict("reason=demotion count=512", "verdict ahead migrator=cpu folios=512\n");
}

CASE(classes, "a rule holds for a class of cgroups")
{
	uint64_t id = cgroup_of("budget");
	uint32_t class = 3;
	char question[96];

	shipped_start("rules");
	shipped_set("rule0_classes", 1 << 3);
	shipped_set("rule1_verdict", 2);
	REQUIRE(!bpf_map_update_elem(shipped_map("classes"), &id, &class, BPF_ANY),
		"classes: %m");
	snprintf(question, sizeof(question), "reason=demotion count=512 cgroup=%" PRIu64, id);
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	expect_verdict("reason=demotion count=512", SINGLE);
}

CASE(classes_below, "a cgroup without a class has that of the nearest ancestor that has one")
{
	uint64_t id = cgroup_of("budget"), inner, leaf;
	uint32_t class = 3, other = 4;
	char question[96];

	shipped_start("rules");
	shipped_set("rule0_classes", 1 << 3);
	shipped_set("rule1_verdict", 2);
	write_file(CGROUP_ROOT "/budget/cgroup.subtree_control", "+memory");
	inner = cgroup_of("budget/inner");
	write_file(CGROUP_ROOT "/budget/inner/cgroup.subtree_control", "+memory");
	leaf = cgroup_of("budget/inner/leaf");
	REQUIRE(!bpf_map_update_elem(shipped_map("classes"), &id, &class, BPF_ANY), "classes: %m");
	snprintf(question, sizeof(question), "reason=demotion count=512 cgroup=%" PRIu64, leaf);
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	REQUIRE(!bpf_map_update_elem(shipped_map("classes"), &inner, &other, BPF_ANY), "classes: %m");
	expect_verdict(question, SINGLE);
	REQUIRE(!bpf_map_update_elem(shipped_map("classes"), &leaf, &class, BPF_ANY), "classes: %m");
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	cgroup_remove("budget/inner/leaf");
	cgroup_remove("budget/inner");
}

/* --- cgroup_budget --- */

/* What it has had, and when it asked in vain last. */
static void write_used(uint64_t id, uint64_t used, uint32_t weight, uint64_t waited)
{
	budget_write(id, (struct account){ .used = used, .standing = used * 1000 / weight,
					   .waited = waited, .weight = weight });
}

/* The policy, a cgroup, and the question about 2 MiB of it. */
static uint64_t start_budget(char *question, size_t size)
{
	uint64_t id = cgroup_of("budget");

	shipped_start("cgroup_budget");
	shipped_set("burst_ms", 10);
	snprintf(question, size, "reason=demotion count=512 cgroup=%" PRIu64, id);
	return id;
}

CASE(budget, "who is ahead of one that waits is copied by the CPU")
{
	static const char engine[] = "verdict ahead migrator=dcbm folios=512\n";
	static const char cpu[] = "verdict ahead migrator=cpu folios=512\n";
	char question[96], inner[96];
	uint64_t id = start_budget(question, sizeof(question));
	uint64_t other = ROOT_CGROUP_ID, later = budget_now() + 3600000 * MS;

	write_file(CGROUP_ROOT "/budget/cgroup.subtree_control", "+memory");
	snprintf(inner, sizeof(inner), "reason=demotion count=512 cgroup=%" PRIu64,
		 cgroup_of("budget/inner"));

	/* Alone it may have all of it. */
	write_used(id, 1000 * MS, 100, later);
	budget_weight(id, 100);
	budget_weight(other, 100);
	expect_verdict(question, engine);
	/* The other one waits from here on; within the burst, beyond it, by weight. */
	write_used(other, 991 * MS, 100, later);
	expect_verdict(question, engine);
	write_used(other, 989 * MS, 100, later);
	expect_verdict(question, cpu);
	write_used(other, 494 * MS, 50, later);
	expect_verdict(question, cpu);
	write_used(other, 496 * MS, 50, later);
	expect_verdict(question, engine);
	/* A descendant uses the account of its ancestor. */
	expect_verdict(inner, engine);
	write_used(other, 0, 50, later);
	expect_verdict(inner, cpu);
	/* Who has not asked in vain for long, or never, is not waited for. */
	shipped_set("idle_ms", 1);
	usleep(2000);
	write_used(other, 0, 50, 1);
	expect_verdict(question, engine);
	write_used(other, 0, 50, 0);
	expect_verdict(question, engine);
	/* Longer than the machine has been up, which is when this case begins a run. */
	shipped_set("idle_ms", 60000);
	expect_verdict(question, engine);
	write_used(other, 0, 50, budget_now());
	expect_verdict(question, cpu);
	expect_verdict("reason=demotion count=2 ", "verdict ahead migrator=cpu folios=2\n");
}

CASE(budget_engine, "cgroup_budget: from a size on, and the CPU copies while the engine is away")
{
	shipped_start("cgroup_budget");
	expect_verdict("reason=demotion count=16", "verdict ahead migrator=dcbm folios=16\n");
	expect_verdict("reason=demotion count=15", "verdict ahead migrator=cpu folios=15\n");
	expect_engines("reason=demotion order=9 count=1");
}

CASE(pending, "what the engine is still at counts by what such bytes have cost")
{
	char question[96];
	uint64_t id = start_budget(question, sizeof(question));
	uint64_t other = ROOT_CGROUP_ID, later = budget_now() + 3600000 * MS;

	budget_weight(id, 100);
	*shipped_memory("ns_per_mib") = 2 * MS;
	write_used(other, 0, 100, later);
	budget_write(id, (struct account){ .pending = 4 * MiB, .waited = later, .weight = 100 });
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	budget_write(id, (struct account){ .pending = 6 * MiB, .waited = later, .weight = 100 });
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	/* Of the other one, too. */
	budget_write(other, (struct account){ .pending = 2 * MiB, .waited = later, .weight = 100 });
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
}

CASE(credit, "who has not waited has no credit for that")
{
	char question[96];
	uint64_t id = start_budget(question, sizeof(question));
	uint64_t other = ROOT_CGROUP_ID, later = budget_now() + 3600000 * MS;

	budget_weight(id, 100);
	*shipped_memory("floor_ns") = 1000 * MS * 1000 / 100;
	write_used(other, 989 * MS, 100, later);
	/* Not behind the floor, for the first time here or not; unless it waits already. */
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	write_used(id, 0, 100, 0);
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	write_used(id, 0, 100, later);
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
}

/* --- adaptive --- */

/* Groups of 2 MiB in 4 KiB folios that are demoted. */
#define DEMOTED_2M	KIND_INDEX(8, 0, 3)
/* The same of two folios of 2 MiB, or of a few more. */
#define DEMOTED_HUGE	KIND_INDEX(8, 3, 3)

CASE(adaptive, "the cheapest choice is taken, and groups are divided by speed")
{
	static const char question[] = "reason=demotion count=512";

	shipped_start("adaptive");
	/* What nothing is known of comes first. */
	kind_write(DEMOTED_2M, (struct kind){});
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	kind_write(DEMOTED_2M, (struct kind){ .cost = { 100 } });
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	kind_write(DEMOTED_2M, (struct kind){ .cost = { 100, 100 } });
	expect_verdict(question, "verdict ahead migrator=mtcopy folios=512\n");
	kind_write(DEMOTED_2M, (struct kind){ .cost = { 300, 100, 100 } });
	expect_verdict(question, "verdict ahead migrator=dcbm folios=384\n"
		       "verdict ahead migrator=cpu folios=128\n");
	/* Then it is the cheapest. */
	kind_write(DEMOTED_2M, (struct kind){ .cost = { 90, 100, 110, 120 } });
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	kind_write(DEMOTED_2M, (struct kind){ .cost = { 100, 90, 110, 120 } });
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	kind_write(DEMOTED_2M, (struct kind){ .cost = { 100, 120, 90, 110 } });
	expect_verdict(question, "verdict ahead migrator=mtcopy folios=512\n");
	kind_write(DEMOTED_2M, (struct kind){ .cost = { 100, 120, 110, 90 }, .engine_part = 700,
				  .cpu_part = 100 });
	expect_verdict(question, "verdict ahead migrator=dcbm folios=64\n"
		       "verdict ahead migrator=cpu folios=448\n");
	shipped_set("together", 0);
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	shipped_set("together", 1);
	/* Small groups are the CPU's, whatever it costs. */
	kind_write(KIND_INDEX(8, 0, 0), (struct kind){ .cost = { 100, 90, 110, 120 } });
	expect_verdict("reason=demotion count=16", "verdict ahead migrator=dcbm folios=16\n");
	expect_verdict("reason=demotion count=15", "verdict ahead migrator=cpu folios=15\n");
	/* An engine that has gone is no choice, whatever it cost. */
	kind_write(DEMOTED_2M, (struct kind){ .cost = { 100, 90, 110, 95 } });
	dcbm_enable(0);
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
}

CASE(adaptive_names, "a migrator has one choice, whatever number of knobs name it")
{
	static const char question[] = "reason=demotion count=512";

	shipped_start("adaptive");
	shipped_set("together", 0);
	/* Two are known, and there is no third. */
	kind_write(DEMOTED_2M, (struct kind){ .cost = { 100, 120 } });
	expect_verdict(question, "verdict ahead migrator=mtcopy folios=512\n");
	shipped_set_text("cpus", "dcbm");
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	kind_write(DEMOTED_2M, (struct kind){ .cost = { 120, 100 } });
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	/* The CPU is known. */
	shipped_set_text("engine", "cpu");
	shipped_set_text("cpus", "mtcopy");
	kind_write(DEMOTED_2M, (struct kind){ .cost = { 100 } });
	expect_verdict(question, "verdict ahead migrator=mtcopy folios=512\n");
}

CASE(adaptive_two, "of two folios each of the two gets one, whoever is faster")
{
	static const char question[] = "reason=demotion order=9 count=2";
	static const char divided[] = "verdict ahead migrator=dcbm folios=1\n"
				      "verdict ahead migrator=cpu folios=1\n";

	shipped_start("adaptive");
	/* To know what both take: the engine has both folios before the CPU has one. */
	kind_write(DEMOTED_HUGE, (struct kind){ .cost = { 300, 100, 50 } });
	expect_verdict(question, divided);
	kind_write(DEMOTED_HUGE, (struct kind){ .cost = { 100, 300, 50 } });
	expect_verdict(question, divided);
	/* It is known, and found out again when the CPU has become slow since. */
	kind_write(DEMOTED_HUGE, (struct kind){ .cost = { 300, 100, 90, 80 } });
	expect_verdict(question, divided);
	kind_write(DEMOTED_HUGE, (struct kind){ .cost = { 300, 100, 50, 80 } });
	expect_verdict(question, "verdict ahead migrator=mtcopy folios=2\n");
}

CASE(table, "there is a table for every policy")
{
	static const char * const tables[] = {
		"adaptive", "by_reason", "cgroup_budget", "default", "latency", "rules",
	};

	expect_tables("bpf/*.bpf.c", tables, sizeof(tables) / sizeof(tables[0]));
}

CASES_MAIN
