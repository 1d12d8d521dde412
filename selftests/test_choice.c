// SPDX-License-Identifier: GPL-2.0
/*
 * What a policy can choose beyond a migrator: how much is unmapped at once, and which folios
 * of a group go to whom; and what the kernel tells it before. The dry run must say what the
 * real one does, and leave no trace.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dry_run.h"
#include "offload.h"
#include "policy.h"

#define CPU	1
#define DRY_RUN	"/sys/kernel/debug/migrate_offload/dry_run"

/* enum migrate_mode */
enum { ASYNC, SYNC_LIGHT, SYNC };

static struct policy policy;
static struct whole_memory *memory;
static struct arena arena;
static unsigned int test_id;

void case_setup(void)
{
	int ret;

	insert_once("migrator_test");
	mt_reset();
	offload_reset();
	test_id = read_number(OFFLOAD_DIR "/migrators/test/id");
	policy_whole(&policy, &memory, 0);
	ret = policy_attach(&policy);
	REQUIRE(!ret, "attach: %s", strerror(-ret));
	memory->eligible = 1;
	memory->select = CPU;
}

void case_teardown(void)
{
	mt_check_busy();
	mt_reset();
	policy_close(&policy);
	if (arena.addr)
		arena_unmap(&arena);
	offload_reset();
}

static struct book move(enum arena_kind kind, size_t bytes)
{
	struct book book;

	if (!arena.addr)
		arena = arena_map(kind, bytes, 0);
	memory->max_folios = 0;
	book_open();
	arena_move(&arena, arena_on_node(&arena, 0) ? 1 : 0);
	book = book_close();
	arena_verify(&arena);
	return book;
}

static int dry_run_error(const char *question)
{
	int fd = open(DRY_RUN, O_RDWR | O_CLOEXEC), ret = 0;

	REQUIRE(fd >= 0, DRY_RUN ": %m");
	if (write(fd, question, strlen(question)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static void expect_answer(const char *question, const char *words)
{
	const char *answer = dry_run(question);

	EXPECT(strstr(answer, words), "%s: not \"%s\" but:\n%s", question, words, answer);
}

CASE(batch_pages, "no batch is larger than batch_pages() says")
{
	struct book book;

	move(ARENA_ANON, 4 * MiB);
	EXPECT_EQ(memory->max_folios, 512);
	arena_unmap(&arena);
	memory->batch_pages = 8;
	book = move(ARENA_ANON, MiB);
	EXPECT_EQ(memory->max_folios, 8);
	EXPECT_EQ(book.consumed, arena_pages(&arena));
	memory->batch_pages = 1;
	move(ARENA_ANON, MiB);
	EXPECT_EQ(memory->max_folios, 1);
	EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "clamped"), 0);
	EXPECT_GT(policy_event(ROOT_CGROUP_ID, "batch_pages_set"), 0);
}

CASE(ceiling, "batch_pages() above the admin's ceiling is clamped, and counted")
{
	memory->batch_pages = 1 << 30;
	move(ARENA_ANON, 4 * MiB);
	EXPECT_EQ(memory->max_folios, 512);
	EXPECT_GT(policy_event(ROOT_CGROUP_ID, "clamped"), 0);
	offload_set("batch_pages", "64");
	move(ARENA_ANON, 4 * MiB);
	EXPECT_EQ(memory->max_folios, 64);
	EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "nonsense"), 0);
}

CASE(many_huge, "one batch of many 2 MiB folios, where policy and admin want it")
{
	struct book book;

	offload_set("batch_pages", "16384");
	memory->batch_pages = 8 * 512;
	book = move(ARENA_ANON_HUGE, 32 * MiB);
	EXPECT_EQ(memory->max_folios, 8);
	EXPECT_EQ(book.consumed, 16);
	memory->batch_pages = 512;
	move(ARENA_ANON_HUGE, 32 * MiB);
	EXPECT_EQ(memory->max_folios, 1);
}

CASE(mode, "the mode is that of the call of migrate_pages()")
{
	unsigned long node0 = 1, node1 = 2;

	memory->mode = 99;
	move(ARENA_ANON, MiB);
	EXPECT_EQ(memory->mode, SYNC);
	EXPECT_EQ(memory->mode_batch_pages, SYNC);
	memory->mode = 99;
	syscall(SYS_migrate_pages, 0, 64, &node0, &node1);
	syscall(SYS_migrate_pages, 0, 64, &node1, &node0);
	EXPECT_EQ(memory->mode, SYNC);
	arena_verify(&arena);
}

/* The policy that case_setup() has attached makes room for one with a floor. */
static void whole_with_floor(uint64_t bytes)
{
	int ret;

	policy_close(&policy);
	policy_settings.min_bytes = bytes;
	policy_whole(&policy, &memory, 0);
	policy_settings.min_bytes = 0;
	ret = policy_attach(&policy);
	REQUIRE(!ret, "attach: %s", strerror(-ret));
	memory->eligible = 1;
	memory->select = CPU;
}

CASE(floor, "about batches below its min_bytes a policy is not asked, nor is there a batch")
{
	uint64_t small, batches;
	struct book book;

	whole_with_floor(64 * 1024);
	small = counter(OFFLOAD_DIR "/events", "batches_small");
	batches = counter(OFFLOAD_DIR "/events", "batches");
	book = move(ARENA_ANON, 15 * PAGE);
	EXPECT_EQ(memory->calls, 0);
	EXPECT_EQ(book.offered, 0);
	EXPECT_GT(counter(OFFLOAD_DIR "/events", "batches_small"), small);
	EXPECT_EQ(counter(OFFLOAD_DIR "/events", "batches"), batches);
	expect_answer("count=15", "nobody wants to be asked about so little");

	arena_unmap(&arena);
	expect_answer("count=16", "verdict ahead migrator=cpu folios=16");
	book = move(ARENA_ANON, 16 * PAGE);
	EXPECT_EQ(book.consumed, 16);

	/* One 2 MiB folio is much. */
	arena_unmap(&arena);
	book = move(ARENA_ANON_HUGE, HUGE_PAGE);
	EXPECT_EQ(book.consumed, 1);
}

CASE(floor_of_one, "who wants to be asked is asked, whatever others want")
{
	struct book book;

	whole_with_floor(64 * 1024);
	/* The built-in default wants every page, and has one copied ahead. */
	offload_set("default_migrator", "test");
	book = move(ARENA_ANON, PAGE);
	EXPECT_EQ(book.consumed, 1);
	EXPECT_EQ(mt_get("copied"), 1);
	EXPECT_EQ(memory->calls, 0);

	/* Now neither does. */
	offload_set("min_bytes", "8192");
	book = move(ARENA_ANON, PAGE);
	EXPECT_EQ(book.offered, 0);
	EXPECT_EQ(memory->calls, 0);
}

static void range(unsigned int i, unsigned int first, unsigned int nr, unsigned int migrator)
{
	memory->ranges[i].first = first;
	memory->ranges[i].nr = nr;
	memory->ranges[i].migrator = migrator;
	memory->ranges[i].result = -1;
	memory->nr_ranges = i + 1;
}

static const struct whole_part *part_of(unsigned int migrator)
{
	unsigned int i;

	for (i = 0; i < memory->nr_parts; i++)
		if (memory->parts[i].migrator == migrator)
			return &memory->parts[i];
	REQUIRE(false, "migrator %u took no part", migrator);
	return NULL;
}

CASE(copied_in_wait, "what a migrator copies in wait() is there before it is moved")
{
	memory->select = test_id;
	mt_set("copy_in_wait", 1);
	EXPECT_EQ(move(ARENA_ANON, 2 * MiB).consumed, 512);
	EXPECT_EQ(mt_get("pairs"), 512);
}

CASE(assign, "a group is split: what is assigned goes there, the rest where select() says")
{
	struct book book;

	range(0, 0, 100, test_id);
	range(1, 400, 56, test_id);
	book = move(ARENA_ANON, 2 * MiB);
	EXPECT_EQ(memory->ranges[0].result, 0);
	EXPECT_EQ(memory->ranges[1].result, 0);
	EXPECT_EQ(book.consumed, 512);
	EXPECT_EQ(mt_get("pairs"), 156);
	EXPECT_EQ(memory->nr_parts, 2);
	EXPECT_EQ(part_of(test_id)->copied, 156);
	EXPECT_EQ(part_of(test_id)->bytes_copied, 156 * PAGE);
	EXPECT_EQ(part_of(CPU)->copied, 356);
	EXPECT_EQ(part_of(CPU)->taken, 356);
}

CASE(assign_fails, "the assigned folios that the migrator fails are copied by the CPU, and no others")
{
	struct book book;

	range(0, 256, 256, test_id);
	mt_set("fault_every", 2);
	mt_set("fault_status", 2);
	mt_set("fault_garbage", 1);
	book = move(ARENA_ANON, 2 * MiB);
	EXPECT_EQ(book.failed, 128);
	EXPECT_EQ(part_of(test_id)->taken, 256);
	EXPECT_EQ(part_of(test_id)->copied, 128);
	EXPECT_EQ(part_of(CPU)->copied, 256);
}

CASE(assign_wrong, "ranges that are none are refused, and change nothing")
{
	range(0, 0, 513, test_id);
	move(ARENA_ANON, 2 * MiB);
	EXPECT_EQ(memory->ranges[0].result, -EINVAL);
	range(0, 512, 1, test_id);
	move(ARENA_ANON, 2 * MiB);
	EXPECT_EQ(memory->ranges[0].result, -EINVAL);
	range(0, 5, 0, test_id);
	move(ARENA_ANON, 2 * MiB);
	EXPECT_EQ(memory->ranges[0].result, -EINVAL);
	range(0, 5, 4294967295U, test_id);
	move(ARENA_ANON, 2 * MiB);
	EXPECT_EQ(memory->ranges[0].result, -EINVAL);
	range(0, 0, 1, 4711);
	move(ARENA_ANON, 2 * MiB);
	EXPECT_EQ(memory->ranges[0].result, -ENOENT);
	EXPECT_EQ(mt_get("pairs"), 0);

	range(0, 0, 10, test_id);
	range(1, 9, 10, test_id);
	move(ARENA_ANON, 2 * MiB);
	EXPECT_EQ(memory->ranges[0].result, 0);
	EXPECT_EQ(memory->ranges[1].result, -EINVAL);
	EXPECT_EQ(mt_get("pairs"), 10);
}

CASE(assign_no_opinion, "when select() has no opinion, what it assigned is forgotten")
{
	offload_use("cpu");
	memory->select = 0;
	range(0, 0, 100, test_id);
	move(ARENA_ANON, 2 * MiB);
	EXPECT_EQ(memory->ranges[0].result, 0);
	EXPECT_EQ(mt_get("pairs"), 0);
}

CASE(cost, "the cost of a migrator is measured, and told")
{
	memory->ask_id = test_id;
	memory->ask_bytes = 2 * MiB;
	memory->ask_folios = 512;
	memory->select = test_id;
	mt_set("delay_ms", 20);
	move(ARENA_ANON, 2 * MiB);
	/* Asked before that batch was copied, unless an earlier test had measured. */
	move(ARENA_ANON, 2 * MiB);
	case_note("%llu ns for 2 MiB of 4 KiB folios", memory->answer_cost_ns);
	EXPECT_GT(memory->answer_cost_ns, 0);
	EXPECT_GT(memory->state_cost, 0);
	EXPECT_GT(memory->state_folios, 0);
	EXPECT_EQ(memory->answer_state, 0);
	EXPECT_EQ(memory->state_registered, 1);
	EXPECT_EQ(memory->state_quarantined, 0);
	/* Nobody has measured these, and one of them does not exist. */
	memory->ask_bytes = 512;
	move(ARENA_ANON, 2 * MiB);
	EXPECT_EQ(memory->answer_cost_ns, 0);
	memory->ask_bytes = ~0ULL;
	memory->ask_folios = 1;
	move(ARENA_ANON, 2 * MiB);
	EXPECT_EQ(memory->answer_cost_ns, 0);
	memory->ask_id = 4711;
	memory->ask_bytes = 2 * MiB;
	move(ARENA_ANON, 2 * MiB);
	EXPECT_EQ(memory->answer_cost_ns, 0);
	EXPECT_EQ(memory->answer_state, -ENOENT);
}

CASE(quarantine, "a migrator that keeps failing is not used until it is rearmed")
{
	uint64_t before = migrator_event("test", "quarantines");
	char state[64];
	int i;

	write_file(OFFLOAD_DIR "/migrators/test/error_limit", "4");
	memory->select = test_id;
	mt_set("fault_every", 1);
	mt_set("fault_status", 2);
	mt_set("fault_garbage", 1);
	for (i = 0; i < 3; i++)
		move(ARENA_ANON, MiB);
	read_line(OFFLOAD_DIR "/migrators/test/state", state, sizeof(state));
	EXPECT(!strcmp(state, "registered"), "state: %s", state);
	move(ARENA_ANON, MiB);
	read_line(OFFLOAD_DIR "/migrators/test/state", state, sizeof(state));
	EXPECT(!strcmp(state, "quarantined"), "state: %s", state);
	EXPECT_EQ(migrator_event("test", "quarantines"), before + 1);
	EXPECT_EQ(shell("tail -n 1 " OFFLOAD_DIR "/incidents | grep -q ' quarantined test '"), 0);

	/* The policy still chooses it; the CPU copies. */
	mt_set("fault_every", 0);
	before = mt_get("pairs");
	move(ARENA_ANON, MiB);
	EXPECT_EQ(mt_get("pairs"), before);
	EXPECT_GT(policy_event(ROOT_CGROUP_ID, "select_gone"), 0);

	EXPECT_EQ(try_write(OFFLOAD_DIR "/migrators/test/state", "registered"), -EINVAL);
	write_file(OFFLOAD_DIR "/migrators/test/state", "rearm");
	move(ARENA_ANON, MiB);
	EXPECT_GT(mt_get("pairs"), before);

	/* Good jobs in between make up for bad ones. */
	for (i = 0; i < 8; i++) {
		mt_set("fault_every", i % 2);
		move(ARENA_ANON, MiB);
	}
	mt_set("fault_every", 0);
	read_line(OFFLOAD_DIR "/migrators/test/state", state, sizeof(state));
	EXPECT(!strcmp(state, "registered"), "state: %s", state);
	write_file(OFFLOAD_DIR "/migrators/test/error_limit", "16");
}

CASE(dry_run, "the dry run says what would be done, and leaves no trace")
{
	unsigned long long calls = memory->calls;
	uint64_t nonsense;

	range(0, 0, 100, test_id);
	memory->select = CPU;
	expect_answer("reason=demotion order=0 count=300", "verdict ahead migrator=test folios=100\n"
		      "verdict ahead migrator=cpu folios=200\n");
	memory->batch_pages = 48;
	expect_answer("reason=demotion count=300", "batch_pages policy=whole answer=48\n"
		      "batch_pages 48: batches of 48 folios\n");
	expect_answer("reason=demotion kind=file", "verdict single: file folios are not copied ahead\n");
	expect_answer("reason=demotion", "eligible cgroup=1 policy=whole answer=batch\n");
	offload_set("reason_mask", "demotion damon");
	expect_answer("reason=compaction", "not in reason_mask");
	memory->eligible = 2;
	expect_answer("reason=demotion count=8 order=9 kind=shmem mode=sync", "verdict single");
	memory->eligible = 0;
	expect_answer("reason=damon", "eligible default answer=single\n");
	EXPECT_GT(memory->calls, calls);
	EXPECT_EQ(memory->dry_calls, memory->calls - calls);
	EXPECT_EQ(memory->dones, 0);

	/* Nonsense does not count, not even as often as would eject it. */
	nonsense = policy_event(ROOT_CGROUP_ID, "nonsense");
	memory->eligible = 77;
	for (int i = 0; i < 70; i++)
		dry_run("reason=damon");
	EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "nonsense"), nonsense);
	EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "eligible_batch"), 0);
	EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "eligible_none"), 0);
}

CASE(dry_run_wrong, "questions that make no sense are refused")
{
	EXPECT_EQ(dry_run_error("reason=because"), -EINVAL);
	EXPECT_EQ(dry_run_error("order=11"), -EINVAL);
	EXPECT_EQ(dry_run_error("count=0"), -EINVAL);
	EXPECT_EQ(dry_run_error("count=513"), -EINVAL);
	EXPECT_EQ(dry_run_error("src=-1"), -EINVAL);
	EXPECT_EQ(dry_run_error("dst=100000"), -EINVAL);
	EXPECT_EQ(dry_run_error("kind=text"), -EINVAL);
	EXPECT_EQ(dry_run_error("folios"), -EINVAL);
	EXPECT_EQ(dry_run_error("folios=3"), -EINVAL);
	EXPECT_EQ(dry_run_error("cgroup=99999999999"), -ENOENT);
}

CASES_MAIN
