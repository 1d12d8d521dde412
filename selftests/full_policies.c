// SPDX-License-Identifier: GPL-2.0
/*
 * vm: --smp 4
 * timeout: 600
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
#include <numaif.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <migrate_ext/results.h>

#include "arena.h"
#include "case.h"
#include "cgroup.h"
#include "dcbm.h"
#include "dry_run.h"
#include "load.h"
#include "mtcopy.h"
#include "offload.h"
#include "policy.h"

#define MS		1000000ULL

static struct policy policy;
static struct arena arena;
static struct load load;
static void end_movers(void);
static void end_dawdling(void);

#define CONTENDERS	4
#define MANY		50

static void remove_numbered(const char *name, unsigned int nr)
{
	char cgroup[32];

	while (nr--) {
		snprintf(cgroup, sizeof(cgroup), "%s%u", name, nr);
		cgroup_remove(cgroup);
	}
}

void case_setup(void)
{
	offload_reset();
	offload_set("batch_pages", "4096");
	dcbm_start("channels=1");
	mtcopy_start("threads=2 min_chunk=65536");
}

void case_teardown(void)
{
	if (load.pid)
		load_stop(&load);
	end_movers();
	end_dawdling();
	policy_close(&policy);
	if (arena.addr)
		arena_unmap(&arena);
	offload_reset();
	if (is_loaded("migrator_test"))
		remove_module("migrator_test");
	mtcopy_stop();
	dcbm_stop();
	cgroup_remove("budget/inner");
	cgroup_remove("budget");
	remove_numbered("share", CONTENDERS);
	remove_numbered("light", MANY);
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

/* Where the variable of that name stands in that section. */
static void *variable(const char *in, const char *name, size_t *size)
{
	const struct btf *btf = bpf_object__btf(policy.object);
	int section = btf__find_by_name_kind(btf, in, BTF_KIND_DATASEC);
	const struct btf_var_secinfo *info;
	const struct btf_type *type;
	char *memory;
	unsigned int i;
	size_t all;

	REQUIRE(section > 0, "no %s", in);
	type = btf__type_by_id(btf, section);
	info = btf_var_secinfos(type);
	memory = bpf_map__initial_value(map_of(in), &all);
	for (i = 0; i < btf_vlen(type); i++, info++) {
		const struct btf_type *variable = btf__type_by_id(btf, info->type);

		if (strcmp(btf__name_by_offset(btf, variable->name_off), name))
			continue;
		*size = info->size;
		return memory + info->offset;
	}
	REQUIRE(false, "no variable %s", name);
	return NULL;
}

static void *knob(const char *name, size_t *size)
{
	return variable(".data.knobs", name, size);
}

static void set_number(const char *name, uint64_t value)
{
	size_t size;
	void *at = knob(name, &size);

	memcpy(at, &value, size);
}

/* What the policy remembers beside its maps. */
static uint64_t *memory_of(const char *name)
{
	size_t size;
	uint64_t *at = variable(".bss", name, &size);

	REQUIRE(size == sizeof(*at), "%s: %zu bytes", name, size);
	return at;
}

static void set_text(const char *name, const char *value)
{
	size_t size;
	char *at = knob(name, &size);

	snprintf(at, size, "%s", value);
}

static void move(enum arena_kind kind, size_t bytes)
{
	arena = arena_map(kind, bytes, 0);
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

CASE(explore, "the slower one is tried more rarely the slower it is")
{
	uint64_t before, tried, by_cpu;
	unsigned int i;

	/* Each of the two has copied such groups; the engine takes 1 ms for each folio. */
	offload_use("cpu");
	for (i = 0; i < 4; i++)
		move(ARENA_ANON, 64 * 1024);
	dmasim_set("latency_ns", 1000000);
	offload_use("dcbm");
	for (i = 0; i < 4; i++)
		move(ARENA_ANON, 64 * 1024);
	offload_set("default_migrator", "none");

	start("rules");
	set_number("rule0_measured", 1);
	set_number("explore", 2);
	before = dcbm_status("folios_copied");
	by_cpu = migrator_event("cpu", "folios");
	for (i = 0; i < 200; i++)
		move(ARENA_ANON, 64 * 1024);
	tried = (dcbm_status("folios_copied") - before) / 16;
	EXPECT_EQ(migrator_event("cpu", "folios") - by_cpu, (200 - tried) * 16);
	case_note("the engine was tried %" PRIu64 " times of 200", tried);
	EXPECT_GE(200 / 8, tried);
	dmasim_set("latency_ns", 0);
}

CASE(disturbed, "one copy that took very long does not rule an engine out for long")
{
	static const char question[] = "reason=syscall_or_cpuset count=16";
	unsigned int i;

	insert_once("migrator_test");
	mt_reset();
	offload_use("cpu");
	for (i = 0; i < 4; i++)
		move(ARENA_ANON, 64 * 1024);
	offload_use("test");
	mt_set("ns", 4 * 1000 * MS);
	move(ARENA_ANON, 64 * 1024);
	offload_set("default_migrator", "none");

	start("rules");
	set_number("rule0_measured", 1);
	set_number("explore", 2);
	set_text("rule0_engine", "test");
	expect_verdict(question, "verdict ahead migrator=cpu folios=16\n");
	mt_set("ns", 1);
	for (i = 0; i < 1000 && !strstr(dry_run(question), "ahead migrator=test"); i++)
		move(ARENA_ANON, 64 * 1024);
	case_note("after %u groups", i);
	expect_verdict(question, "verdict ahead migrator=test folios=16\n");
}

CASE(mixed, "a group of several sizes of folios matches by its largest one")
{
	void *pages[5];
	int nodes[5] = { 1, 1, 1, 1, 1 }, status[5];
	struct arena huge;
	uint64_t before;
	unsigned int i;

	start("rules");
	set_number("rule0_reasons", 1 << 3);	/* syscall_or_cpuset */
	set_number("rule0_min_order", 9);
	set_number("rule1_verdict", 1);
	set_number("rule1_max_order", 8);
	arena = arena_map(ARENA_ANON, PAGE, 0);
	huge = arena_map(ARENA_ANON_HUGE, 4 * HUGE_PAGE, 0);
	pages[0] = arena.addr;
	for (i = 0; i < 4; i++)
		pages[i + 1] = huge.addr + i * HUGE_PAGE;
	before = dcbm_status("folios_copied");
	EXPECT_EQ(move_pages(0, 5, pages, nodes, status, MPOL_MF_MOVE), 0);
	EXPECT_EQ(dcbm_status("folios_copied") - before, 5);
	EXPECT_EQ(arena_on_node(&arena, 1), 1);
	EXPECT_EQ(arena_on_node(&huge, 1), arena_pages(&huge));
	arena_verify(&arena);
	arena_verify(&huge);
	arena_unmap(&huge);
}

/* --- cgroup_budget --- */

struct account {
	uint64_t used, standing, pending, waited, asked, span, near;
	uint32_t weight, unused;
};

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 * MS + time.tv_nsec;
}

static void write_account(uint64_t id, struct account account)
{
	REQUIRE(!bpf_map_update_elem(bpf_map__fd(map_of("accounts")), &id, &account, BPF_ANY),
		"accounts: %m");
}

/* What it has had, and when it asked in vain last. */
static void write_used(uint64_t id, uint64_t used, uint32_t weight, uint64_t waited)
{
	write_account(id, (struct account){ .used = used, .standing = used * 1000 / weight,
					    .waited = waited, .weight = weight });
}

static void write_weight(uint64_t id, uint32_t weight)
{
	REQUIRE(!bpf_map_update_elem(bpf_map__fd(map_of("weights")), &id, &weight, BPF_ANY),
		"weights: %m");
}

static struct account read_account(uint64_t id)
{
	struct account account = {};

	if (bpf_map_lookup_elem(bpf_map__fd(map_of("accounts")), &id, &account))
		memset(&account, 0, sizeof(account));
	return account;
}

/* The policy, a cgroup, and the question about 2 MiB of it. */
static uint64_t start_budget(char *question, size_t size)
{
	uint64_t id = cgroup_of("budget");

	start("cgroup_budget");
	set_number("burst_ms", 10);
	snprintf(question, size, "reason=demotion count=512 cgroup=%" PRIu64, id);
	return id;
}

CASE(budget, "who is ahead of one that waits is copied by the CPU")
{
	static const char engine[] = "verdict ahead migrator=dcbm folios=512\n";
	static const char cpu[] = "verdict ahead migrator=cpu folios=512\n";
	char question[96], inner[96];
	uint64_t id = start_budget(question, sizeof(question));
	uint64_t other = ROOT_CGROUP_ID, later = now_ns() + 3600000 * MS;

	write_file(CGROUP_ROOT "/budget/cgroup.subtree_control", "+memory");
	snprintf(inner, sizeof(inner), "reason=demotion count=512 cgroup=%" PRIu64,
		 cgroup_of("budget/inner"));

	/* Alone it may have all of it. */
	write_used(id, 1000 * MS, 100, later);
	write_weight(id, 100);
	write_weight(other, 100);
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
	set_number("idle_ms", 1);
	usleep(2000);
	write_used(other, 0, 50, 1);
	expect_verdict(question, engine);
	write_used(other, 0, 50, 0);
	expect_verdict(question, engine);
	/* Longer than the machine has been up, which is when this case begins a run. */
	set_number("idle_ms", 60000);
	expect_verdict(question, engine);
	write_used(other, 0, 50, now_ns());
	expect_verdict(question, cpu);
	expect_verdict("reason=demotion count=2 ", "verdict ahead migrator=cpu folios=2\n");
}

CASE(pending, "what the engine is still at counts by what such bytes have cost")
{
	char question[96];
	uint64_t id = start_budget(question, sizeof(question));
	uint64_t other = ROOT_CGROUP_ID, later = now_ns() + 3600000 * MS;

	write_weight(id, 100);
	*memory_of("ns_per_mib") = 2 * MS;
	write_used(other, 0, 100, later);
	write_account(id, (struct account){ .pending = 4 * MiB, .waited = later, .weight = 100 });
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	write_account(id, (struct account){ .pending = 6 * MiB, .waited = later, .weight = 100 });
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	/* Of the other one, too. */
	write_account(other, (struct account){ .pending = 2 * MiB, .waited = later, .weight = 100 });
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
}

CASE(credit, "who has not waited has no credit for that")
{
	char question[96];
	uint64_t id = start_budget(question, sizeof(question));
	uint64_t other = ROOT_CGROUP_ID, later = now_ns() + 3600000 * MS;

	write_weight(id, 100);
	*memory_of("floor_ns") = 1000 * MS * 1000 / 100;
	write_used(other, 989 * MS, 100, later);
	/* Not behind the floor, for the first time here or not; unless it waits already. */
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	write_used(id, 0, 100, 0);
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	write_used(id, 0, 100, later);
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
}

CASE(borrowed, "what was borrowed while nobody waited is owed to nobody")
{
	uint64_t id = cgroup_of("budget"), other, unopposed;
	struct account borrower, late;

	start("cgroup_budget");
	set_number("min_bytes", 4096);
	unopposed = *memory_of("floor_ns");
	EXPECT_EQ(unopposed, 0);
	write_weight(id, 100);
	load = load_start("budget", 0);
	load_wait(&load, 5);
	load_stop(&load);
	borrower = read_account(id);
	EXPECT_GT(borrower.used, 0);
	EXPECT_EQ(borrower.standing, borrower.used * 1000 / 100);
	EXPECT_EQ(borrower.pending, 0);

	/* Who comes then begins where that one was when it asked last: at most a batch less. */
	other = cgroup_of("late");
	write_weight(other, 400);
	load = load_start("late", 0);
	load_wait(&load, 5);
	load_stop(&load);
	late = read_account(other);
	EXPECT_GT(late.used, 0);
	EXPECT_GE(late.standing, borrower.standing * 9 / 10 + late.used * 1000 / 400);
	cgroup_remove("late");
}

static struct bpf_object *dawdler;
static struct bpf_link *dawdling;

/* From each answer of select() to the kernel's look at it 20 ms pass. */
static void dawdle_after_select(void)
{
	struct bpf_program *prog, *select;

	dawdler = bpf_object__open_file("build/selftests/dawdle.bpf.o", NULL);
	REQUIRE(dawdler, "dawdle.bpf.o: %m");
	select = bpf_object__find_program_by_name(policy.object, "budget_select");
	prog = bpf_object__find_program_by_name(dawdler, "dawdle");
	REQUIRE(select && prog, "no such program");
	REQUIRE(!bpf_program__set_attach_target(prog, bpf_program__fd(select), "budget_select"),
		"attach target: %m");
	REQUIRE(!bpf_object__load(dawdler), "dawdle: %m");
	dawdling = bpf_program__attach(prog);
	REQUIRE(dawdling, "dawdle: attach: %m");
}

static void end_dawdling(void)
{
	bpf_link__destroy(dawdling);
	bpf_object__close(dawdler);
	dawdling = NULL;
	dawdler = NULL;
}

CASE(gone, "an engine that goes before it is given what was decided for it has nothing pending")
{
	uint64_t id = cgroup_of("budget");
	int i;

	start("cgroup_budget");
	set_number("min_bytes", 4096);
	write_weight(id, 100);
	dawdle_after_select();
	load = load_start("budget", 0);
	for (i = 0; i < 100 && policy_event(ROOT_CGROUP_ID, "select_gone") < 3; i++) {
		load_wait(&load, 1);
		usleep(random() % 40000);
		EXPECT_EQ(dcbm_enable(0), 0);
		EXPECT_EQ(dcbm_enable(1), 0);
	}
	load_stop(&load);
	end_dawdling();
	EXPECT_GE(policy_event(ROOT_CGROUP_ID, "select_gone"), 3);
	EXPECT_GT(read_account(id).used, 0);
	EXPECT_EQ(read_account(id).pending, 0);
}

#define MOVERS		2		/* of each */
#define ENOUGH		(10000 * MS)	/* of engine time, for a few ms not to count */
#define BATCHES		600		/* and batches, of which a few are begun or due */
#define BATCH		(32 * PAGE)
#define IDLE_MS		10000

static volatile sig_atomic_t ended;

static void told_to_end(int unused)
{
	(void)unused;
	ended = 1;
}

static pid_t movers[CONTENDERS * MOVERS];

/* Moves memory of a cgroup until it is told to end; then all of it has to be right. */
static pid_t mover(const char *cgroup)
{
	struct arena memory;
	pid_t pid;
	int to;

	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0, "fork: %m");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cgroup_enter(cgroup);
	memory = arena_map(ARENA_ANON, 4 * MiB, 0);
	signal(SIGTERM, told_to_end);
	for (to = 1; !ended; to = !to)
		arena_move(&memory, to);
	_exit(arena_wrong_pages(&memory) != 0);
}

static void end_movers(void)
{
	int status;
	size_t i;

	for (i = 0; i < CONTENDERS * MOVERS; i++) {
		if (!movers[i])
			continue;
		kill(movers[i], SIGTERM);
		REQUIRE(waitpid(movers[i], &status, 0) == movers[i], "waitpid: %m");
		EXPECT(WIFEXITED(status) && !WEXITSTATUS(status), "wrong bytes (status %#x)",
		       status);
		movers[i] = 0;
	}
}

/* On a machine that is busy the engine's thread waits for a CPU, and a batch takes long. */
static uint64_t batch_ns(void)
{
	return *memory_of("ns_per_mib") / (MiB / BATCH);
}

static unsigned int waiting(const uint64_t *id)
{
	unsigned int i, nr = 0;

	for (i = 0; i < CONTENDERS; i++) {
		uint64_t waited = read_account(id[i]).waited, now = now_ns();

		nr += waited && (now < waited || now - waited < IDLE_MS * MS);
	}
	return nr;
}

CASE(contention, "four cgroups share the engine's time by their weights")
{
	static const char * const cgroups[CONTENDERS] = { "share0", "share1", "share2", "share3" };
	static const uint32_t weight[CONTENDERS] = { 100, 200, 300, 400 };	/* of 1000 */
	uint64_t id[CONTENDERS], begin[CONTENDERS], end[CONTENDERS], all = 0;
	unsigned int i, turn;

	/* One channel, and slow; and batches that are small beside what is measured. */
	dcbm_stop();
	dcbm_start("channels=1 bandwidth_mbps=100");
	offload_set("batch_pages", "32");
	start("cgroup_budget");
	set_number("idle_ms", IDLE_MS);
	set_number("burst_ms", 5);
	set_number("min_bytes", 4096);
	for (i = 0; i < CONTENDERS; i++) {
		id[i] = cgroup_of(cgroups[i]);
		write_weight(id[i], weight[i]);
	}
	for (i = 0; i < CONTENDERS * MOVERS; i++)
		movers[i] = mover(cgroups[i / MOVERS]);
	/* From when each of them wants more than it gets, and as long as that is so. */
	while (waiting(id) < CONTENDERS)
		usleep(10000);
	for (i = 0; i < CONTENDERS; i++)
		begin[i] = read_account(id[i]).used;
	for (turn = 0; turn < 2500 && (all < ENOUGH || all < BATCHES * batch_ns()); turn++) {
		usleep(100000);
		EXPECT_EQ(waiting(id), CONTENDERS);
		for (i = 0, all = 0; i < CONTENDERS; i++) {
			end[i] = read_account(id[i]).used - begin[i];
			all += end[i];
		}
	}
	EXPECT_GE(all, ENOUGH);
	EXPECT_GE(all, BATCHES * batch_ns());
	for (i = 0; i < CONTENDERS; i++) {
		uint64_t share = end[i] * 1000 / all;

		case_note("weight %u: %" PRIu64 " ms of the engine, %" PRIu64 " of 1000", weight[i],
			  (uint64_t)(end[i] / MS), share);
		EXPECT_GE(share, weight[i] * 95 / 100);
		EXPECT_GE(weight[i] * 105 / 100, share);
	}
	case_note("%u turns of 100 ms, a MiB takes %" PRIu64 " us", turn,
		  *memory_of("ns_per_mib") / 1000);
	end_movers();
	for (i = 0; i < CONTENDERS; i++)
		cgroup_remove(cgroups[i]);
}

/* The time of all accounts together. */
static uint64_t used_by_all(void)
{
	int fd = bpf_map__fd(map_of("accounts"));
	uint64_t key, *last = NULL, sum = 0;

	for (; !bpf_map_get_next_key(fd, last, &key); last = &key)
		sum += read_account(key).used;
	return sum;
}

static uint64_t used_in_ms(unsigned int ms)
{
	uint64_t begin = used_by_all(), from = now_ns();

	usleep(ms * 1000);
	return (used_by_all() - begin) * MS / (now_ns() - from);
}

/* Memory of many cgroups, of which in turn each moves some each second. */
static pid_t light_movers(void)
{
	struct arena memory[MANY];
	char name[32];
	unsigned int i;
	pid_t pid;
	int to;

	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0, "fork: %m");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "light%u", i);
		cgroup_of(name);
		cgroup_enter(name);
		memory[i] = arena_map(ARENA_ANON, BATCH, 0);
	}
	cgroup_enter("");
	signal(SIGTERM, told_to_end);
	for (to = 1; !ended; to = !to) {
		for (i = 0; i < MANY && !ended; i++) {
			arena_move(&memory[i], to);
			usleep(1000000 / MANY);
		}
	}
	_exit(0);
}

CASE(light, "many who ask for the engine once a second do not keep it idle")
{
	uint64_t alone, beside, light, before;

	dcbm_stop();
	dcbm_start("channels=1 bandwidth_mbps=100");
	offload_set("batch_pages", "32");
	start("cgroup_budget");
	set_number("min_bytes", 4096);
	set_number("burst_ms", 5);
	light = cgroup_of("light0");
	cgroup_of("share0");
	movers[0] = mover("share0");
	movers[1] = mover("share0");
	usleep(500000);
	alone = used_in_ms(4000);
	movers[2] = light_movers();
	while (!read_account(light).used)
		usleep(10000);
	usleep(2000000);
	before = policy_event(ROOT_CGROUP_ID, "done");
	beside = used_in_ms(8000);
	EXPECT_GT(policy_event(ROOT_CGROUP_ID, "done") - before, MANY);
	case_note("the engine was busy for %" PRIu64 " of 1000, beside %u light ones for %" PRIu64,
		  alone / 1000, MANY, beside / 1000);
	EXPECT_GE(beside, alone * 80 / 100);
	end_movers();
}

CASE(removed, "what a cgroup has pending when it is removed stays that of its owner")
{
	uint64_t id = cgroup_of("budget");
	unsigned int turn;

	start("cgroup_budget");
	set_number("min_bytes", 4096);
	write_weight(id, 100);
	write_file(CGROUP_ROOT "/budget/cgroup.subtree_control", "+memory");
	dawdle_after_select();
	for (turn = 0; turn < 3; turn++) {
		uint64_t before = read_account(id).used;

		cgroup_of("budget/inner");
		/* The memory stays there, who moves it does not. */
		load = load_start("budget/inner", 1);
		load_wait(&load, 1);
		while (!read_account(id).pending)
			usleep(100);
		REQUIRE(!cgroup_remove("budget/inner"), "budget/inner: %m");
		load_wait(&load, 2);
		load_stop(&load);
		EXPECT_EQ(read_account(id).pending, 0);
		EXPECT_GT(read_account(id).used, before);
	}
	EXPECT_EQ(used_by_all(), policy_book(ROOT_CGROUP_ID).busy_ns);
	end_dawdling();
}

CASE(reweighed, "what is pending when a cgroup gets a weight, or loses it, stays its owner's")
{
	uint64_t id = cgroup_of("budget"), inner;
	unsigned int turn;

	start("cgroup_budget");
	set_number("min_bytes", 4096);
	write_file(CGROUP_ROOT "/budget/cgroup.subtree_control", "+memory");
	inner = cgroup_of("budget/inner");
	dawdle_after_select();
	load = load_start("budget/inner", 0);
	for (turn = 0; turn < 6; turn++) {
		uint64_t owner = turn % 2 ? id : inner;

		load_wait(&load, 1);
		while (!read_account(owner).pending)
			usleep(100);
		if (turn % 2)
			bpf_map_delete_elem(bpf_map__fd(map_of("weights")), &id);
		else
			write_weight(id, 200);
	}
	load_stop(&load);
	end_dawdling();
	EXPECT_GT(read_account(id).used, 0);
	EXPECT_EQ(read_account(id).pending, 0);
	EXPECT_GT(read_account(inner).used, 0);
	EXPECT_EQ(read_account(inner).pending, 0);
	EXPECT_EQ(used_by_all(), policy_book(ROOT_CGROUP_ID).busy_ns);
}

/* Moves memory of as many cgroups, of each one batch. */
static void move_of_each(unsigned int nr)
{
	struct arena memory[MANY];
	char name[32];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "light%u", i);
		cgroup_of(name);
		cgroup_enter(name);
		memory[i] = arena_map(ARENA_ANON, BATCH, 0);
	}
	cgroup_enter("");
	for (i = 0; i < nr; i++) {
		arena_move(&memory[i], 1);
		arena_verify(&memory[i]);
		arena_unmap(&memory[i]);
	}
}

CASE(many, "who finds no account is counted and uses a common one, until another makes room")
{
	struct account account = { .used = MS, .weight = 100, .asked = now_ns() };
	uint64_t id, none = 0, old[3], common;
	unsigned int i, nr;
	size_t size;

	start("cgroup_budget");
	set_number("min_bytes", 4096);
	/* Nine places are left, and the one of cgroup 0. */
	nr = bpf_map__max_entries(map_of("accounts")) - 10;
	for (i = 0; i < nr; i++)
		write_account(((uint64_t)1 << 40) + i, account);
	move_of_each(MANY);
	EXPECT_GE(*(uint64_t *)variable(".bss.counters", "no_account", &size), MANY - 9);
	common = read_account(none).used;
	EXPECT_GT(common, 0);
	EXPECT_EQ(read_account(none).pending, 0);
	EXPECT_EQ(used_by_all(), nr * MS + policy_book(ROOT_CGROUP_ID).busy_ns);

	/* Three that have rested: one is ahead still, one has something pending. */
	account.asked = now_ns() - 61000 * MS;
	for (i = 0; i < 3; i++)
		old[i] = ((uint64_t)1 << 40) + i;
	write_account(old[0], account);
	account.standing = *memory_of("floor_ns") + 3600000 * MS;
	write_account(old[1], account);
	account.standing = 0;
	account.pending = MiB;
	write_account(old[2], account);
	/* Room is looked for once a second at most; who looks for it has it the next time. */
	usleep(1100000);
	move_of_each(MANY);
	EXPECT_EQ(read_account(old[0]).used, 0);
	EXPECT_GT(read_account(old[1]).used, 0);
	EXPECT_GT(read_account(old[2]).used, 0);
	EXPECT_GE(read_account(none).used, common + MS);
	EXPECT_EQ(used_by_all(), nr * MS + policy_book(ROOT_CGROUP_ID).busy_ns);
	for (i = 0, nr = 0; i < MANY; i++) {
		char name[32];

		snprintf(name, sizeof(name), "light%u", i);
		id = cgroup_id_of(name);
		nr += !!read_account(id).used;
	}
	case_note("%u of %u have an account", nr, MANY);
	EXPECT_GE(nr, 10);
}

CASE(level, "cgroups without a weight have accounts of their own, or share one by their level")
{
	uint64_t id = cgroup_of("budget"), inner;

	start("cgroup_budget");
	set_number("min_bytes", 4096);
	write_file(CGROUP_ROOT "/budget/cgroup.subtree_control", "+memory");
	inner = cgroup_of("budget/inner");
	cgroup_enter("budget/inner");
	move(ARENA_ANON, MiB);
	EXPECT_GT(read_account(inner).used, 0);
	EXPECT_EQ(read_account(id).used, 0);
	set_number("default_level", 1);
	move(ARENA_ANON, MiB);
	EXPECT_GT(read_account(id).used, 0);
	cgroup_enter("");
}

CASE(floor, "what is only estimated moves the place of nobody, and what is odd the estimate little")
{
	uint64_t id = cgroup_of("budget"), other = ROOT_CGROUP_ID, later = now_ns() + 3600000 * MS;
	uint64_t standing = 5000 * MS;

	start("cgroup_budget");
	set_number("min_bytes", 4096);
	*memory_of("ns_per_mib") = 16000 * MS;
	write_account(other, (struct account){ .standing = standing, .pending = 16 * MiB,
					       .waited = later, .weight = 100 });
	cgroup_enter("budget");
	move(ARENA_ANON, MiB);
	EXPECT_GT(read_account(id).used, 0);
	EXPECT_GE(standing, *memory_of("floor_ns"));
	/* At most twice as much as was known. */
	*memory_of("ns_per_mib") = 1000;
	move(ARENA_ANON, MiB);
	EXPECT_GT(*memory_of("ns_per_mib"), 1000);
	EXPECT_GE(2000, *memory_of("ns_per_mib"));
	cgroup_enter("");
}

/* --- results --- */

CASE(results, "the sums of a map of results that is full are those of the books")
{
	struct migrate_ext_results_key key = {}, *last = NULL;
	struct migrate_ext_results row = {};
	uint64_t *rows, nr = 4096, i, offered = 0, bytes = 0, rest = 0;
	struct book book;
	size_t size;
	int fd;

	start("by_reason");
	fd = bpf_map__fd(map_of("results"));
	for (i = 0; i < nr; i++) {
		key.cgroup_id = ((uint64_t)1 << 40) + i;
		REQUIRE(!bpf_map_update_elem(fd, &key, &row, BPF_NOEXIST), "row %" PRIu64 ": %m", i);
	}
	rows = memory_of("results_rows");
	*rows = nr;
	move(ARENA_ANON, 4 * MiB);
	move(ARENA_SHMEM, 4 * MiB);
	book = policy_book(ROOT_CGROUP_ID);
	for (; !bpf_map_get_next_key(fd, last, &key); last = &key) {
		REQUIRE(!bpf_map_lookup_elem(fd, &key, &row), "row: %m");
		offered += row.offered;
		bytes += row.bytes;
		rest += key.cgroup_id ? 0 : row.batches;
	}
	EXPECT_GT(book.offered, 0);
	EXPECT_EQ(offered, book.offered);
	EXPECT_EQ(bytes, book.bytes_copied);
	EXPECT_GT(rest, 0);
	EXPECT_EQ(*(uint64_t *)variable(".bss.counters", "results_merged", &size), rest);
	EXPECT_EQ(*(uint64_t *)variable(".bss.counters", "results_lost", &size), 0);
	EXPECT_EQ(*rows, nr);
}

/* --- adaptive --- */

struct kind {
	uint64_t cost[4], engine_part, cpu_part, submit, measured[4], tried[4], spent, groups,
		 last_try;
	uint32_t times[4];
};

/* Of groups of 2 MiB in 4 KiB folios that are demoted: see kind_of() in adaptive.bpf.c. */
#define DEMOTED_2M	((8 * 4 + 0) * 8 + 3)
/* The same of two folios of 2 MiB, or of a few more. */
#define DEMOTED_HUGE	((8 * 4 + 3) * 8 + 3)

static void write_kind_of(uint32_t index, struct kind kind)
{
	REQUIRE(!bpf_map_update_elem(bpf_map__fd(map_of("kinds")), &index, &kind, BPF_ANY),
		"kinds: %m");
}

static void write_kind(struct kind kind)
{
	write_kind_of(DEMOTED_2M, kind);
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

CASE(adaptive_names, "a migrator has one choice, whatever number of knobs name it")
{
	static const char question[] = "reason=demotion count=512";

	start("adaptive");
	set_number("together", 0);
	/* Two are known, and there is no third. */
	write_kind((struct kind){ .cost = { 100, 120 } });
	expect_verdict(question, "verdict ahead migrator=mtcopy folios=512\n");
	set_text("cpus", "dcbm");
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	write_kind((struct kind){ .cost = { 120, 100 } });
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	/* The CPU is known. */
	set_text("engine", "cpu");
	set_text("cpus", "mtcopy");
	write_kind((struct kind){ .cost = { 100 } });
	expect_verdict(question, "verdict ahead migrator=mtcopy folios=512\n");
}

/* A kind of group of move_pages(2), as kind_of() in adaptive.bpf.c has it. */
struct sort {
	enum arena_kind kind;
	size_t bytes;
	uint32_t index;
};

/* What is known of such groups, after as many more of them. */
static struct kind learned(const struct sort *sort, unsigned int moves)
{
	struct kind kind;

	while (moves--)
		move(sort->kind, sort->bytes);
	REQUIRE(!bpf_map_lookup_elem(bpf_map__fd(map_of("kinds")), &sort->index, &kind),
		"kinds: %m");
	return kind;
}

/* The engine is as slow as that for 40 groups; then it is not, and only trying shows that. */
static void learn_and_find(const struct sort *sort, unsigned int latency_ns, unsigned int tries)
{
	struct kind kind;
	uint64_t before;
	unsigned int i;

	dmasim_set("latency_ns", latency_ns);
	kind = learned(sort, 40);
	EXPECT_GT(kind.cost[0], 0);
	EXPECT_GT(kind.cost[1], kind.cost[0]);
	EXPECT_GT(kind.cost[2], 0);
	before = kind.cost[1];
	dmasim_set("latency_ns", 0);
	for (i = 0; i < tries && kind.cost[1] >= before / 2; i++)
		kind = learned(sort, 1);
	case_note("cpu %" PRIu64 " ns a MiB, engine %" PRIu64 ", %" PRIu64 " after %u groups",
		  kind.cost[0], before, kind.cost[1], i);
	EXPECT_GT(before / 2, kind.cost[1]);
}

CASE(adaptive_learns, "an engine that becomes slow is left, and one that becomes fast is found")
{
	static const struct sort sort = { ARENA_ANON, 256 * 1024, (3 * 4 + 0) * 8 + 1 };

	start("adaptive");
	set_number("explore", 2);
	set_number("together", 0);
	learn_and_find(&sort, 200000, 600);
}

CASE(adaptive_divides, "the same by giving it a part of each group only")
{
	static const struct sort sort = { ARENA_ANON_HUGE, 16 * MiB, (3 * 4 + 3) * 8 + 4 };

	start("adaptive");
	learn_and_find(&sort, 100000000, 100);
}

CASE(adaptive_two, "of two folios each of the two gets one, whoever is faster")
{
	static const char question[] = "reason=demotion order=9 count=2";
	static const char divided[] = "verdict ahead migrator=dcbm folios=1\n"
				      "verdict ahead migrator=cpu folios=1\n";

	start("adaptive");
	/* To know what both take: the engine has both folios before the CPU has one. */
	write_kind_of(DEMOTED_HUGE, (struct kind){ .cost = { 300, 100, 50 } });
	expect_verdict(question, divided);
	write_kind_of(DEMOTED_HUGE, (struct kind){ .cost = { 100, 300, 50 } });
	expect_verdict(question, divided);
	/* It is known, and found out again when the CPU has become slow since. */
	write_kind_of(DEMOTED_HUGE, (struct kind){ .cost = { 300, 100, 90, 80 } });
	expect_verdict(question, divided);
	write_kind_of(DEMOTED_HUGE, (struct kind){ .cost = { 300, 100, 50, 80 } });
	expect_verdict(question, "verdict ahead migrator=mtcopy folios=2\n");
}

/* Costs of which none is like what it takes here, in ns a MiB: 1, 2 and 4 s. */
#define SECOND		(1000 * MS)

CASE(adaptive_refused, "an engine without a channel is left for who has been slower than it")
{
	static const struct sort sort = { ARENA_ANON, 256 * 1024, (3 * 4 + 0) * 8 + 1 };
	static const uint64_t cost[4] = { 4 * SECOND, SECOND, 2 * SECOND, 4 * SECOND };
	struct dcbm_channel only;
	unsigned int i, both;
	uint64_t before;

	start("adaptive");
	EXPECT_EQ(dcbm_channels(&only, 1), 1);
	EXPECT_EQ(dcbm_try_set("release", only.name), 0);
	for (both = 0; both < 2; both++) {
		struct kind kind = { .spent = 1000 * SECOND, .times = { 2, 2, 2, 2 } };

		memcpy(kind.cost, cost, sizeof(cost));
		/* The same for the engine with the CPU. */
		if (both) {
			kind.cost[3] = cost[1];
			kind.cost[1] = cost[3];
		}
		for (i = 0; i < 4; i++)
			kind.tried[i] = kind.spent;
		write_kind_of(sort.index, kind);
		before = migrator_event("mtcopy", "folios");
		for (i = 0; i < 100 && migrator_event("mtcopy", "folios") == before; i++)
			kind = learned(&sort, 1);
		case_note("both %u: after %u groups", both, i);
		EXPECT_GT(migrator_event("mtcopy", "folios"), before);
		/* No slower than who copies then. */
		EXPECT_GE(cost[0], kind.cost[1]);
		EXPECT_GE(cost[0], kind.cost[3]);
	}
}

CASE(adaptive_submit, "what it took to submit long ago is not added to what the engine takes")
{
	static const struct sort sort = { ARENA_ANON, 256 * 1024, (3 * 4 + 0) * 8 + 1 };
	struct kind kind = { .cost = { 8 * SECOND, 4 * SECOND, 8 * SECOND, 8 * SECOND },
			     .submit = 3600 * SECOND, .spent = 1000 * SECOND, .groups = 5000,
			     .times = { 2, 2, 2, 2 } };
	unsigned int i;

	start("adaptive");
	for (i = 0; i < 4; i++)
		kind.tried[i] = kind.spent;
	write_kind_of(sort.index, kind);
	kind = learned(&sort, 1);
	EXPECT_EQ(kind.measured[1], 5001);
	EXPECT_GT(4 * SECOND, kind.cost[1]);
	/* Not long ago it counts, but not for more than the copy. */
	kind.measured[3] = kind.groups;
	kind.cost[1] = 4 * SECOND;
	write_kind_of(sort.index, kind);
	kind = learned(&sort, 1);
	EXPECT_EQ(kind.measured[1], 5002);
	EXPECT_GT(4 * SECOND, kind.cost[1]);
}

CASE(adaptive_first, "an engine whose first group was disturbed is measured again soon")
{
	static const struct sort sort = { ARENA_ANON_HUGE, 2 * MiB, (3 * 4 + 3) * 8 + 3 };
	struct kind kind;
	uint64_t first;
	unsigned int i;

	dcbm_set("timeout_ms", "20000");
	start("adaptive");
	kind = learned(&sort, 1);
	EXPECT_GT(kind.cost[0], 0);
	EXPECT_EQ(kind.cost[1], 0);
	dmasim_set("latency_ns", 1000000000);
	kind = learned(&sort, 1);
	first = kind.cost[1];
	EXPECT_GT(first, 400 * MS);
	dmasim_set("latency_ns", 0);
	for (i = 0; i < 200 && kind.cost[1] >= first / 2; i++)
		kind = learned(&sort, 1);
	case_note("cpu %" PRIu64 " ns a MiB, engine %" PRIu64 ", %" PRIu64 " after %u groups",
		  kind.cost[0], first, kind.cost[1], i);
	EXPECT_GT(first / 2, kind.cost[1]);
}

CASE(adaptive_race, "who counted on meanwhile does not make it time to try")
{
	static const struct sort sort = { ARENA_ANON, 256 * 1024, (3 * 4 + 0) * 8 + 1 };
	struct kind kind;

	start("adaptive");
	/* The CPU's cost may grow to twice with each group, and by a quarter of it then. */
	write_kind_of(sort.index, (struct kind){
		.cost = { 1, 4 * SECOND, 4 * SECOND, 4 * SECOND },
		.tried = { 0, UINT64_MAX / 4, UINT64_MAX / 4, UINT64_MAX / 4 },
		.spent = SECOND, .groups = 100, .times = { 2, 2, 2, 2 } });
	kind = learned(&sort, 40);
	EXPECT_EQ(kind.groups, 140);
	EXPECT_EQ(kind.last_try, 0);
}

CASES_MAIN
