// SPDX-License-Identifier: GPL-2.0
/*
 * vm: --smp 4
 * timeout: 400
 *
 * The policies of bpf/ that compute are held against tables: what they know is written into
 * their maps, and the kernel's dry run is asked what they make of it. What only shows under
 * contention, the division of an engine's time among cgroups, is measured in that time. What
 * is to hold for all policies is in test_policies.c.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "dry_run.h"
#include "load.h"
#include "mtcopy.h"
#include "offload.h"
#include "policy.h"

#define MS		1000000ULL

static struct policy policy;
static struct arena arena;
static struct load loads[4];

void case_setup(void)
{
	offload_reset();
	offload_set("batch_pages", "4096");
	dcbm_start("channels=1");
	mtcopy_start("threads=2 min_chunk=65536");
}

void case_teardown(void)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (loads[i].pid)
			load_stop(&loads[i]);
	policy_close(&policy);
	if (arena.addr)
		arena_unmap(&arena);
	offload_reset();
	mtcopy_stop();
	dcbm_stop();
	cgroup_remove("budget/inner");
	cgroup_remove("budget");
}

static void start(const char *name)
{
	char object[64], map[64];
	int ret;

	snprintf(object, sizeof(object), "../bpf/%s", name);
	snprintf(map, sizeof(map), "%s_ops", name);
	ret = policy_load(&policy, object, map, 0);
	REQUIRE(!ret, "%s: %s\n%s", name, strerror(-ret), policy_log());
	ret = policy_attach(&policy);
	REQUIRE(!ret, "%s: attach: %s", name, strerror(-ret));
}

static struct bpf_map *map_of(const char *suffix)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, policy.object) {
		const char *name = bpf_map__name(map), *end = name + strlen(name);

		if (strlen(name) >= strlen(suffix) && !strcmp(end - strlen(suffix), suffix))
			return map;
	}
	REQUIRE(false, "no map %s", suffix);
	return NULL;
}

/* Where the variable of that name stands in the knobs' section. */
static void *knob(const char *name, size_t *size)
{
	const struct btf *btf = bpf_object__btf(policy.object);
	int section = btf__find_by_name_kind(btf, ".data.knobs", BTF_KIND_DATASEC);
	const struct btf_var_secinfo *info;
	const struct btf_type *type;
	char *memory;
	unsigned int i;
	size_t all;

	REQUIRE(section > 0, "no knobs");
	type = btf__type_by_id(btf, section);
	info = btf_var_secinfos(type);
	memory = bpf_map__initial_value(map_of(".data.knobs"), &all);
	for (i = 0; i < btf_vlen(type); i++, info++) {
		const struct btf_type *variable = btf__type_by_id(btf, info->type);

		if (strcmp(btf__name_by_offset(btf, variable->name_off), name))
			continue;
		*size = info->size;
		return memory + info->offset;
	}
	REQUIRE(false, "no knob %s", name);
	return NULL;
}

static void set_number(const char *name, uint64_t value)
{
	size_t size;
	void *at = knob(name, &size);

	memcpy(at, &value, size);
}

static void set_text(const char *name, const char *value)
{
	size_t size;
	char *at = knob(name, &size);

	snprintf(at, size, "%s", value);
}

static void move(size_t bytes)
{
	arena = arena_map(ARENA_ANON, bytes, 0);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	book_close();
	arena_verify(&arena);
	arena_unmap(&arena);
}

/* --- rules --- */

CASE(rules, "the first rule that matches decides")
{
	offload_set("reason_mask", "all");
	start("rules");
	set_number("rule0_reasons", 1 << 8);	/* demotion */
	set_number("rule0_min_bytes", MiB);
	set_number("rule0_max_bytes", 8 * MiB);
	set_text("rule0_engine", "dcbm");
	set_number("rule1_verdict", 1);
	set_number("rule1_reasons", 1 << 8);
	set_number("rule1_min_order", 9);
	set_text("rule1_engine", "mtcopy");
	set_number("rule2_verdict", 1);
	set_number("rule2_reasons", 1 << 8 | 1 << 3);
	set_text("rule2_engine", "");
	set_number("rule3_verdict", 2);

	expect_verdict("reason=demotion count=256", "verdict ahead migrator=dcbm folios=256\n");
	expect_verdict("reason=demotion count=255", "verdict ahead migrator=cpu folios=255\n");
	expect_verdict("reason=demotion order=9 count=4", "verdict ahead migrator=dcbm folios=4\n");
	expect_verdict("reason=demotion order=9 count=5", "verdict ahead migrator=mtcopy folios=5\n");
	expect_verdict("reason=syscall_or_cpuset count=512",
		       "verdict ahead migrator=cpu folios=512\n");
	expect_verdict("reason=compaction count=512", "verdict single: not eligible\n");
	/* A rule that is not looked at any more. */
	set_number("rule3_verdict", 0);
	set_number("rule2_verdict", 0);
	set_number("rule0_reasons", 1 << 9);
	set_number("rule1_reasons", 1 << 9);
	offload_use("cpu");
	expect_verdict("reason=demotion count=512", "verdict ahead migrator=cpu folios=512\n");
}

CASE(classes, "a rule holds for a class of cgroups")
{
	uint64_t id = cgroup_of("budget");
	uint32_t class = 3;
	char question[96];

	start("rules");
	set_number("rule0_classes", 1 << 3);
	set_number("rule1_verdict", 2);
	REQUIRE(!bpf_map_update_elem(bpf_map__fd(map_of("classes")), &id, &class, BPF_ANY),
		"classes: %m");
	snprintf(question, sizeof(question), "reason=demotion count=512 cgroup=%" PRIu64, id);
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	expect_verdict("reason=demotion count=512", "verdict single: not eligible\n");
}

/* --- cgroup_budget --- */

struct account {
	uint64_t used, head_start, asked;
	uint32_t weight, unused;
};

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 * MS + time.tv_nsec;
}

static void write_account(uint64_t id, uint64_t used, uint32_t weight, uint64_t asked)
{
	struct account account = { .used = used, .weight = weight, .asked = asked };

	REQUIRE(!bpf_map_update_elem(bpf_map__fd(map_of("accounts")), &id, &account, BPF_ANY),
		"accounts: %m");
}

static void write_weight(uint64_t id, uint32_t weight)
{
	REQUIRE(!bpf_map_update_elem(bpf_map__fd(map_of("weights")), &id, &weight, BPF_ANY),
		"weights: %m");
}

CASE(budget, "who is ahead of one that waits is copied by the CPU")
{
	uint64_t id = cgroup_of("budget"), other = ROOT_CGROUP_ID, later = now_ns() + 3600000 * MS;
	char question[96], inner[96];

	write_file(CGROUP_ROOT "/budget/cgroup.subtree_control", "+memory");
	start("cgroup_budget");
	set_number("burst_ms", 10);
	snprintf(question, sizeof(question), "reason=demotion count=512 cgroup=%" PRIu64, id);
	snprintf(inner, sizeof(inner), "reason=demotion count=512 cgroup=%" PRIu64,
		 cgroup_of("budget/inner"));

	/* Alone it may have all of it. */
	write_account(id, 1000 * MS, 100, later);
	write_weight(id, 100);
	write_weight(other, 100);
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	/* The other one is active from here on; within the burst, beyond it, by weight. */
	write_account(other, 991 * MS, 100, later);
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	write_account(other, 989 * MS, 100, later);
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	write_account(other, 494 * MS, 50, later);
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	write_account(other, 496 * MS, 50, later);
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	/* A descendant uses the account of its ancestor. */
	expect_verdict(inner, "verdict ahead migrator=dcbm folios=512\n");
	write_account(other, 0, 50, later);
	expect_verdict(inner, "verdict ahead migrator=cpu folios=512\n");
	/* Who has not asked for long is not waited for. */
	write_account(other, 0, 50, 1);
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	expect_verdict("reason=demotion count=2 ", "verdict ahead migrator=cpu folios=2\n");
}

#define CONTENDERS	4
#define ENOUGH		(10000 * MS)	/* of engine time, for a few ms not to count */

static uint64_t used(uint64_t id)
{
	struct account account;

	if (bpf_map_lookup_elem(bpf_map__fd(map_of("accounts")), &id, &account))
		return 0;
	return account.used;
}

CASE(contention, "four cgroups share the engine's time by their weights")
{
	static const char * const cgroups[CONTENDERS] = { "share1", "share2", "share3", "share4" };
	static const uint32_t weight[CONTENDERS] = { 100, 200, 300, 400 };	/* of 1000 */
	uint64_t id[CONTENDERS], begin[CONTENDERS] = {}, end[CONTENDERS], all = 0;
	unsigned int i, turn, there = 0;

	/* One channel, and slow: all four want more of it than there is. */
	dcbm_stop();
	dcbm_start("channels=1 bandwidth_mbps=400");
	start("cgroup_budget");
	set_number("idle_ms", 60000);
	set_number("burst_ms", 5);
	set_number("min_bytes", 4096);
	for (i = 0; i < CONTENDERS; i++) {
		id[i] = cgroup_of(cgroups[i]);
		write_weight(id[i], weight[i]);
		loads[i] = load_start(cgroups[i], 0);
	}
	/* What the first ones had before the last one came is theirs. */
	while (there < CONTENDERS) {
		usleep(10000);
		for (i = 0, there = 0; i < CONTENDERS; i++)
			there += used(id[i]) > 0;
	}
	for (i = 0; i < CONTENDERS; i++)
		begin[i] = used(id[i]);
	for (turn = 0; turn < 2500 && all < ENOUGH; turn++) {
		usleep(100000);
		for (i = 0, all = 0; i < CONTENDERS; i++) {
			end[i] = used(id[i]) - begin[i];
			all += end[i];
		}
	}
	EXPECT_GE(all, ENOUGH);
	for (i = 0; i < CONTENDERS; i++) {
		uint64_t share = end[i] * 1000 / all;

		case_note("weight %u: %" PRIu64 " ms of the engine, %" PRIu64 " of 1000", weight[i],
			  (uint64_t)(end[i] / MS), share);
		EXPECT_GE(share, weight[i] * 95 / 100);
		EXPECT_GE(weight[i] * 105 / 100, share);
	}
	for (i = 0; i < CONTENDERS; i++)
		load_stop(&loads[i]);
	for (i = 0; i < CONTENDERS; i++)
		cgroup_remove(cgroups[i]);
}

/* --- adaptive --- */

struct kind {
	uint64_t cost[4], engine_part, cpu_part;
};

/* Of groups of 2 MiB in 4 KiB folios that are demoted: see kind_of() in adaptive.bpf.c. */
#define DEMOTED_2M	((8 * 4 + 0) * 8 + 3)

static void write_kind(struct kind kind)
{
	uint32_t index = DEMOTED_2M;

	REQUIRE(!bpf_map_update_elem(bpf_map__fd(map_of("kinds")), &index, &kind, BPF_ANY),
		"kinds: %m");
}

CASE(adaptive, "the cheapest choice is taken, and groups are divided by speed")
{
	static const char question[] = "reason=demotion count=512";

	start("adaptive");
	/* What nothing is known of comes first. */
	write_kind((struct kind){});
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	write_kind((struct kind){ .cost = { 100 } });
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	write_kind((struct kind){ .cost = { 100, 100 } });
	expect_verdict(question, "verdict ahead migrator=mtcopy folios=512\n");
	write_kind((struct kind){ .cost = { 300, 100, 100 } });
	expect_verdict(question, "verdict ahead migrator=dcbm folios=384\n"
		       "verdict ahead migrator=cpu folios=128\n");
	/* Then it is the cheapest. */
	write_kind((struct kind){ .cost = { 90, 100, 110, 120 } });
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	write_kind((struct kind){ .cost = { 100, 90, 110, 120 } });
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	write_kind((struct kind){ .cost = { 100, 120, 90, 110 } });
	expect_verdict(question, "verdict ahead migrator=mtcopy folios=512\n");
	write_kind((struct kind){ .cost = { 100, 120, 110, 90 }, .engine_part = 700,
				  .cpu_part = 100 });
	expect_verdict(question, "verdict ahead migrator=dcbm folios=64\n"
		       "verdict ahead migrator=cpu folios=448\n");
	/* An engine that has gone is no choice, whatever it cost. */
	dcbm_enable(0);
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
}

CASE(adaptive_learns, "an engine that becomes slow is left, and one that becomes fast is found")
{
	uint32_t index;
	struct kind kind;
	unsigned int i;
	uint64_t before;

	start("adaptive");
	set_number("explore", 8);
	set_number("together", 0);
	dmasim_set("latency_ns", 50000000);
	for (i = 0; i < 40; i++)
		move(256 * 1024);
	/* move_pages(2), 4 KiB, 256 KiB */
	index = (3 * 4 + 0) * 8 + 1;
	REQUIRE(!bpf_map_lookup_elem(bpf_map__fd(map_of("kinds")), &index, &kind), "kinds: %m");
	EXPECT_GT(kind.cost[0], 0);
	EXPECT_GT(kind.cost[1], kind.cost[0]);
	EXPECT_GT(kind.cost[2], 0);
	EXPECT(!strstr(dry_run("reason=syscall_or_cpuset count=64"), "verdict ahead migrator=dcbm"),
	       "the slow engine is chosen");
	/* It is 50 ms faster for each descriptor now: only trying it again can show that. */
	before = kind.cost[1];
	dmasim_set("latency_ns", 0);
	for (i = 0; i < 200 && kind.cost[1] >= before / 2; i++) {
		move(256 * 1024);
		bpf_map_lookup_elem(bpf_map__fd(map_of("kinds")), &index, &kind);
	}
	EXPECT_GT(before / 2, kind.cost[1]);
}

CASES_MAIN
