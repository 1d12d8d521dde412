// SPDX-License-Identifier: GPL-2.0
/*
 * vm: --smp 4
 * timeout: 600
 *
 * What of the policies of bpf/ shows only when they are at work: what they learn from what
 * copying takes, and how an engine's time is divided under contention, measured in that time.
 * Their decisions are held against tables in test_decisions.c.
 */
#include <bpf/bpf.h>
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
#include <unistd.h>

#include <migrate_ext/results.h>

#include "arena.h"
#include "budget.h"
#include "case.h"
#include "cgroup.h"
#include "cgroup.h"
#include "dcbm.h"
#include "dry_run.h"
#include "kinds.h"
#include "load.h"
#include "mtcopy.h"
#include "offload.h"
#include "policy.h"
#include "shipped.h"

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
	shipped_stop();
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

	shipped_start("rules");
	shipped_set("rule0_measured", 1);
	shipped_set("explore", 2);
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

	shipped_start("rules");
	shipped_set("rule0_measured", 1);
	shipped_set("explore", 2);
	shipped_set_text("rule0_engine", "test");
	expect_verdict(question, "verdict ahead migrator=cpu folios=16\n");
	mt_set("ns", 1);
	for (i = 0; i < 1000 && !strstr(dry_run(question), "ahead migrator=test"); i++)
		move(ARENA_ANON, 64 * 1024);
	case_note("after %u groups", i);
	expect_verdict(question, "verdict ahead migrator=test folios=16\n");
}

/* Of each job of the engine "test" every fourth folio fails: no group is all its own. */
static void fail_in_part(void)
{
	insert_once("migrator_test");
	mt_reset();
	mt_set("fault_status", 2);
	mt_set("fault_garbage", 1);
	mt_set("fault_every", 4);
}

CASE(rules_partial, "an engine that never copies all of a group is not preferred for ever")
{
	uint64_t before;
	unsigned int i;

	fail_in_part();
	offload_use("cpu");
	for (i = 0; i < 4; i++)
		move(ARENA_ANON, 64 * 1024);
	offload_set("default_migrator", "none");
	shipped_start("rules");
	shipped_set("rule0_measured", 1);
	shipped_set_text("rule0_engine", "test");
	before = migrator_event("cpu", "folios");
	for (i = 0; i < 100; i++)
		move(ARENA_ANON, 64 * 1024);
	/* The CPU copies what the engine leaves, one by one, which does not count here. */
	case_note("%" PRIu64 " of 100 by the CPU", (migrator_event("cpu", "folios") - before) / 16);
	EXPECT_GE((migrator_event("cpu", "folios") - before) / 16, 75);
}

CASE(mixed, "a group of several sizes of folios matches by its largest one")
{
	void *pages[5];
	int nodes[5] = { 1, 1, 1, 1, 1 }, status[5];
	struct arena huge;
	uint64_t before;
	unsigned int i;

	shipped_start("rules");
	shipped_set("rule0_reasons", 1 << 3);	/* syscall_or_cpuset */
	shipped_set("rule0_min_order", 9);
	shipped_set("rule1_verdict", 1);
	shipped_set("rule1_max_order", 8);
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

CASE(borrowed, "what was borrowed while nobody waited is owed to nobody")
{
	uint64_t id = cgroup_of("budget"), other, unopposed;
	struct account borrower, late;

	shipped_start("cgroup_budget");
	shipped_set("min_bytes", 4096);
	unopposed = *shipped_memory("floor_ns");
	EXPECT_EQ(unopposed, 0);
	budget_weight(id, 100);
	load = load_start("budget", 0);
	load_wait(&load, 5);
	load_stop(&load);
	borrower = budget_read(id);
	EXPECT_GT(borrower.used, 0);
	EXPECT_EQ(borrower.standing, borrower.used * 1000 / 100);
	EXPECT_EQ(borrower.pending, 0);

	/* Who comes then begins where that one was when it asked last: at most a batch less. */
	other = cgroup_of("late");
	budget_weight(other, 400);
	load = load_start("late", 0);
	load_wait(&load, 5);
	load_stop(&load);
	late = budget_read(other);
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
	select = bpf_object__find_program_by_name(shipped.object, "budget_select");
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

	shipped_start("cgroup_budget");
	shipped_set("min_bytes", 4096);
	budget_weight(id, 100);
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
	EXPECT_GT(budget_read(id).used, 0);
	EXPECT_EQ(budget_read(id).pending, 0);
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

/* As fork(): the child goes with the case. */
static pid_t fork_mover(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0, "fork: %m");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* Moves memory of a cgroup until it is told to end; then all of it has to be right. */
static pid_t mover(const char *cgroup)
{
	struct arena memory;
	pid_t pid;
	int to;

	pid = fork_mover();
	if (pid)
		return pid;
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
	return *shipped_memory("ns_per_mib") / (MiB / BATCH);
}

static unsigned int waiting(const uint64_t *id)
{
	unsigned int i, nr = 0;

	for (i = 0; i < CONTENDERS; i++) {
		uint64_t waited = budget_read(id[i]).waited, now = budget_now();

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
	shipped_start("cgroup_budget");
	shipped_set("idle_ms", IDLE_MS);
	shipped_set("burst_ms", 5);
	shipped_set("min_bytes", 4096);
	for (i = 0; i < CONTENDERS; i++) {
		id[i] = cgroup_of(cgroups[i]);
		budget_weight(id[i], weight[i]);
	}
	for (i = 0; i < CONTENDERS * MOVERS; i++)
		movers[i] = mover(cgroups[i / MOVERS]);
	/* From when each of them wants more than it gets, and as long as that is so. */
	while (waiting(id) < CONTENDERS)
		usleep(10000);
	for (i = 0; i < CONTENDERS; i++)
		begin[i] = budget_read(id[i]).used;
	for (turn = 0; turn < 2500 && (all < ENOUGH || all < BATCHES * batch_ns()); turn++) {
		usleep(100000);
		EXPECT_EQ(waiting(id), CONTENDERS);
		for (i = 0, all = 0; i < CONTENDERS; i++) {
			end[i] = budget_read(id[i]).used - begin[i];
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
		  *shipped_memory("ns_per_mib") / 1000);
	end_movers();
	for (i = 0; i < CONTENDERS; i++)
		cgroup_remove(cgroups[i]);
}

/* The time of all accounts together. */
static uint64_t used_by_all(void)
{
	int fd = shipped_map("accounts");
	uint64_t key, *last = NULL, sum = 0;

	for (; !bpf_map_get_next_key(fd, last, &key); last = &key)
		sum += budget_read(key).used;
	return sum;
}

static uint64_t used_in_ms(unsigned int ms)
{
	uint64_t begin = used_by_all(), from = budget_now();

	usleep(ms * 1000);
	return (used_by_all() - begin) * MS / (budget_now() - from);
}

/* Memory of many cgroups, of which in turn each moves some each second. */
static pid_t light_movers(void)
{
	struct arena memory[MANY];
	char name[32];
	unsigned int i;
	pid_t pid;
	int to;

	pid = fork_mover();
	if (pid)
		return pid;
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
	shipped_start("cgroup_budget");
	shipped_set("min_bytes", 4096);
	shipped_set("burst_ms", 5);
	light = cgroup_of("light0");
	cgroup_of("share0");
	movers[0] = mover("share0");
	movers[1] = mover("share0");
	usleep(500000);
	alone = used_in_ms(4000);
	movers[2] = light_movers();
	while (!budget_read(light).used)
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

	shipped_start("cgroup_budget");
	shipped_set("min_bytes", 4096);
	budget_weight(id, 100);
	write_file(CGROUP_ROOT "/budget/cgroup.subtree_control", "+memory");
	dawdle_after_select();
	for (turn = 0; turn < 3; turn++) {
		uint64_t before = budget_read(id).used;

		cgroup_of("budget/inner");
		/* The memory stays there, who moves it does not. */
		load = load_start("budget/inner", 1);
		load_wait(&load, 1);
		while (!budget_read(id).pending)
			usleep(100);
		REQUIRE(!cgroup_remove("budget/inner"), "budget/inner: %m");
		load_wait(&load, 2);
		load_stop(&load);
		EXPECT_EQ(budget_read(id).pending, 0);
		EXPECT_GT(budget_read(id).used, before);
	}
	EXPECT_EQ(used_by_all(), policy_book(ROOT_CGROUP_ID).busy_ns);
	end_dawdling();
}

CASE(reweighed, "what is pending when a cgroup gets a weight, or loses it, stays its owner's")
{
	uint64_t id = cgroup_of("budget"), inner;
	unsigned int turn;

	shipped_start("cgroup_budget");
	shipped_set("min_bytes", 4096);
	write_file(CGROUP_ROOT "/budget/cgroup.subtree_control", "+memory");
	inner = cgroup_of("budget/inner");
	dawdle_after_select();
	load = load_start("budget/inner", 0);
	for (turn = 0; turn < 6; turn++) {
		uint64_t owner = turn % 2 ? id : inner;

		load_wait(&load, 1);
		while (!budget_read(owner).pending)
			usleep(100);
		if (turn % 2)
			bpf_map_delete_elem(shipped_map("weights"), &id);
		else
			budget_weight(id, 200);
	}
	load_stop(&load);
	end_dawdling();
	EXPECT_GT(budget_read(id).used, 0);
	EXPECT_EQ(budget_read(id).pending, 0);
	EXPECT_GT(budget_read(inner).used, 0);
	EXPECT_EQ(budget_read(inner).pending, 0);
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

/* How many there can be in a map. */
static unsigned int places_of(const char *map)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	REQUIRE(!bpf_map_get_info_by_fd(shipped_map(map), &info, &len), "%s: %m", map);
	return info.max_entries;
}

CASE(many, "who finds no account is counted and uses a common one, until another makes room")
{
	struct account account = { .used = MS, .weight = 100, .asked = budget_now() };
	uint64_t id, none = 0, old[4], common;
	unsigned int i, nr;

	shipped_start("cgroup_budget");
	shipped_set("min_bytes", 4096);
	/* Nine places are left, and the one of cgroup 0. */
	nr = places_of("accounts") - 10;
	for (i = 0; i < nr; i++)
		budget_write(((uint64_t)1 << 40) + i, account);
	move_of_each(MANY);
	EXPECT_GE(shipped_count("no_account"), MANY - 9);
	common = budget_read(none).used;
	EXPECT_GT(common, 0);
	EXPECT_EQ(budget_read(none).pending, 0);
	EXPECT_EQ(used_by_all(), nr * MS + policy_book(ROOT_CGROUP_ID).busy_ns);

	/*
	 * Four that have rested: one is ahead, one has lost track of what is pending, and one
	 * has a weight, without which nobody waits for it.
	 */
	account.asked = budget_now() - 61000 * MS;
	for (i = 0; i < 4; i++)
		old[i] = ((uint64_t)1 << 40) + i;
	budget_write(old[3], account);
	budget_weight(old[3], 100);
	budget_write(old[0], account);
	account.standing = *shipped_memory("floor_ns") + 3600000 * MS;
	budget_write(old[1], account);
	account.standing = 0;
	account.pending = MiB;
	budget_write(old[2], account);
	/* Room is looked for once a second at most; who looks for it has it the next time. */
	usleep(1100000);
	move_of_each(MANY);
	EXPECT_EQ(budget_read(old[0]).used, 0);
	EXPECT_EQ(budget_read(old[1]).used, 0);
	EXPECT_EQ(budget_read(old[2]).used, 0);
	EXPECT_GT(budget_read(old[3]).used, 0);
	EXPECT_GE(budget_read(none).used, common + 3 * MS);
	EXPECT_EQ(used_by_all(), nr * MS + policy_book(ROOT_CGROUP_ID).busy_ns);
	for (i = 0, nr = 0; i < MANY; i++) {
		char name[32];

		snprintf(name, sizeof(name), "light%u", i);
		id = cgroup_id_of(name);
		nr += !!budget_read(id).used;
	}
	case_note("%u of %u have an account", nr, MANY);
	EXPECT_GE(nr, 12);
}

CASE(wraps, "where accounts stand wraps, and who comes then begins where the others are")
{
	uint64_t id = cgroup_of("budget");

	shipped_start("cgroup_budget");
	shipped_set("min_bytes", 4096);
	*shipped_memory("floor_ns") = UINT64_MAX - 1000;
	cgroup_enter("budget");
	move(ARENA_ANON, MiB);
	move(ARENA_ANON, MiB);
	cgroup_enter("");
	EXPECT_GT(budget_read(id).used, 0);
	/* Which are compared with their signs. */
	EXPECT_GT(budget_read(id).standing, 0);
	EXPECT_GT(*shipped_memory("floor_ns"), 0);
}

#define DEEP	18

CASE(deep, "who makes cgroups below the sixteenth level has one account with all of them")
{
	uint64_t id = cgroup_of("budget"), sixteenth = 0;
	char name[256] = "budget", file[sizeof(CGROUP_ROOT) + sizeof(name) + 32];
	unsigned int i;

	shipped_start("cgroup_budget");
	shipped_set("min_bytes", 4096);
	for (i = 2; i <= DEEP; i++) {
		snprintf(file, sizeof(file), CGROUP_ROOT "/%s/cgroup.subtree_control", name);
		write_file(file, "+memory");
		strcat(name, "/d");
		cgroup_of(name);
		if (i == 16)
			sixteenth = cgroup_id_of(name);
	}
	cgroup_enter(name);
	move(ARENA_ANON, MiB);
	EXPECT_GT(budget_read(sixteenth).used, 0);
	EXPECT_EQ(budget_read(cgroup_id_of(name)).used, 0);
	budget_weight(id, 300);
	move(ARENA_ANON, MiB);
	EXPECT_GT(budget_read(id).used, 0);
	EXPECT_EQ(budget_read(id).weight, 300);
	cgroup_enter("");
	for (; strchr(name, '/'); *strrchr(name, '/') = '\0')
		cgroup_remove(name);
}

CASE(refused, "who is refused by an engine that is idle is not waited for in the end")
{
	uint64_t id = cgroup_of("budget");
	unsigned int i;

	shipped_start("cgroup_budget");
	shipped_set("min_bytes", 4096);
	shipped_set("idle_ms", 60000);
	cgroup_enter("budget");
	move(ARENA_ANON, MiB);
	dmasim_set("prep_null_every", 1);
	for (i = 1; i <= 3; i++) {
		move(ARENA_ANON, MiB);
		EXPECT_EQ(budget_read(id).refused, i);
		EXPECT_GT(budget_read(id).waited, 0);
	}
	/* Another one may have been faster some times, but not so often. */
	budget_write(id, (struct account){ .weight = 100, .refused = 64, .asked = budget_now(),
					   .span = 1000, .near = 1000 });
	move(ARENA_ANON, MiB);
	EXPECT_EQ(budget_read(id).refused, 65);
	EXPECT_EQ(budget_read(id).waited, 0);
	dmasim_set("prep_null_every", 0);
	cgroup_enter("");
}

CASE(level, "cgroups without a weight have accounts of their own, or share one by their level")
{
	uint64_t id = cgroup_of("budget"), inner;

	shipped_start("cgroup_budget");
	shipped_set("min_bytes", 4096);
	write_file(CGROUP_ROOT "/budget/cgroup.subtree_control", "+memory");
	inner = cgroup_of("budget/inner");
	cgroup_enter("budget/inner");
	move(ARENA_ANON, MiB);
	EXPECT_GT(budget_read(inner).used, 0);
	EXPECT_EQ(budget_read(id).used, 0);
	shipped_set("default_level", 1);
	move(ARENA_ANON, MiB);
	EXPECT_GT(budget_read(id).used, 0);
	cgroup_enter("");
}

CASE(floor, "what is only estimated moves the place of nobody, and what is odd the estimate little")
{
	uint64_t id = cgroup_of("budget"), other = ROOT_CGROUP_ID, later = budget_now() + 3600000 * MS;
	uint64_t standing = 5000 * MS;

	shipped_start("cgroup_budget");
	shipped_set("min_bytes", 4096);
	*shipped_memory("ns_per_mib") = 16000 * MS;
	budget_write(other, (struct account){ .standing = standing, .pending = 16 * MiB,
					       .waited = later, .weight = 100 });
	cgroup_enter("budget");
	move(ARENA_ANON, MiB);
	EXPECT_GT(budget_read(id).used, 0);
	EXPECT_GE(standing, *shipped_memory("floor_ns"));
	/* At most twice as much as was known. */
	*shipped_memory("ns_per_mib") = 1000;
	move(ARENA_ANON, MiB);
	EXPECT_GT(*shipped_memory("ns_per_mib"), 1000);
	EXPECT_GE(2000, *shipped_memory("ns_per_mib"));
	cgroup_enter("");
}

/* --- results --- */

CASE(results, "the sums of a map of results that is full are those of the books")
{
	struct migrate_ext_results_key key = {}, *last = NULL;
	struct migrate_ext_results row = {};
	uint64_t *rows, nr = 4096, i, offered = 0, bytes = 0, rest = 0;
	struct book book;
	int fd;

	shipped_start("by_reason");
	fd = shipped_map("results");
	for (i = 0; i < nr; i++) {
		key.cgroup_id = ((uint64_t)1 << 40) + i;
		REQUIRE(!bpf_map_update_elem(fd, &key, &row, BPF_NOEXIST), "row %" PRIu64 ": %m", i);
	}
	rows = shipped_memory("results_rows");
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
	EXPECT_EQ(shipped_count("results_merged"), rest);
	EXPECT_EQ(shipped_count("results_lost"), 0);
	EXPECT_EQ(*rows, nr);
}

/* --- adaptive --- */

/* A kind of group of move_pages(2). */
struct sort {
	enum arena_kind kind;
	size_t bytes;
	uint32_t index;
};

/* What is known of such groups, after as many more of them. */
static struct kind learned(const struct sort *sort, unsigned int moves)
{
	while (moves--)
		move(sort->kind, sort->bytes);
	return kind_read(sort->index);
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
	static const struct sort sort = { ARENA_ANON, 256 * 1024, KIND_INDEX(3, 0, 1) };

	shipped_start("adaptive");
	shipped_set("explore", 2);
	shipped_set("together", 0);
	learn_and_find(&sort, 200000, 600);
}

CASE(adaptive_divides, "the same by giving it a part of each group only")
{
	static const struct sort sort = { ARENA_ANON_HUGE, 16 * MiB, KIND_INDEX(3, 3, 4) };

	shipped_start("adaptive");
	learn_and_find(&sort, 100000000, 300);
}

/* Costs of which none is like what it takes here, in ns a MiB: 1, 2 and 4 s. */
#define SECOND		(1000 * MS)

CASE(adaptive_refused, "an engine without a channel is left for who has been slower than it")
{
	static const struct sort sort = { ARENA_ANON, 256 * 1024, KIND_INDEX(3, 0, 1) };
	static const uint64_t cost[4] = { 4 * SECOND, SECOND, 2 * SECOND, 4 * SECOND };
	struct dcbm_channel only;
	unsigned int i, both;
	uint64_t before;

	shipped_start("adaptive");
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
		kind_write(sort.index, kind);
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

CASE(adaptive_partial, "an engine that never copies all of a group is known all the same")
{
	static const struct sort sort = { ARENA_ANON, 256 * 1024, KIND_INDEX(3, 0, 1) };
	struct kind kind;

	fail_in_part();
	shipped_start("adaptive");
	shipped_set_text("engine", "test");
	shipped_set("together", 0);
	kind = learned(&sort, 40);
	EXPECT_GT(kind.cost[0], 0);
	EXPECT_GT(kind.cost[1], 0);
	EXPECT_EQ(kind.times[1], 2);
}

CASE(adaptive_submit, "what it took to submit long ago is not added to what the engine takes")
{
	static const struct sort sort = { ARENA_ANON, 256 * 1024, KIND_INDEX(3, 0, 1) };
	struct kind kind = { .cost = { 8 * SECOND, 4 * SECOND, 8 * SECOND, 8 * SECOND },
			     .submit = 3600 * SECOND, .spent = 1000 * SECOND, .groups = 5000,
			     .times = { 2, 2, 2, 2 } };
	unsigned int i;

	shipped_start("adaptive");
	for (i = 0; i < 4; i++)
		kind.tried[i] = kind.spent;
	kind_write(sort.index, kind);
	kind = learned(&sort, 1);
	EXPECT_EQ(kind.measured[1], 5001);
	EXPECT_GT(4 * SECOND, kind.cost[1]);
	/* Not long ago it counts, but not for more than the copy. */
	kind.measured[3] = kind.groups;
	kind.cost[1] = 4 * SECOND;
	kind_write(sort.index, kind);
	kind = learned(&sort, 1);
	EXPECT_EQ(kind.measured[1], 5002);
	EXPECT_GT(4 * SECOND, kind.cost[1]);
}

CASE(adaptive_first, "an engine whose first group was disturbed is measured again soon")
{
	static const struct sort sort = { ARENA_ANON_HUGE, 2 * MiB, KIND_INDEX(3, 3, 3) };
	struct kind kind;
	uint64_t first;
	unsigned int i;

	dcbm_set("timeout_ms", "20000");
	shipped_start("adaptive");
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
	static const struct sort sort = { ARENA_ANON, 256 * 1024, KIND_INDEX(3, 0, 1) };
	struct kind kind;

	shipped_start("adaptive");
	/* The CPU's cost may grow to twice with each group, and by a quarter of it then. */
	kind_write(sort.index, (struct kind){
		.cost = { 1, 4 * SECOND, 4 * SECOND, 4 * SECOND },
		.tried = { 0, UINT64_MAX / 4, UINT64_MAX / 4, UINT64_MAX / 4 },
		.spent = SECOND, .groups = 100, .times = { 2, 2, 2, 2 } });
	kind = learned(&sort, 40);
	EXPECT_EQ(kind.groups, 140);
	EXPECT_EQ(kind.last_try, 0);
}

CASES_MAIN
