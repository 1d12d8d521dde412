// SPDX-License-Identifier: GPL-2.0
/*
 * How a policy begins and ends: init() and exit(), flags and limits, nonsense, its own wish
 * to go, the admin's switch. A policy that is off must not be asked, and whoever wonders
 * why must find it written.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "offload.h"
#include "policy.h"

#define MIGRATE_EXT_SINGLE	2
#define NONSENSE		77

/* enum migrate_ext_exit_kind */
enum { DETACHED = 1, REPLACED, CGROUP, ATTACH, EXIT_NONSENSE, EXIT_BPF };

static struct policy one, two;
static struct whole_memory *memory, *memory2;
static struct arena arena;

void case_setup(void)
{
	offload_reset();
}

void case_teardown(void)
{
	policy_settings = (struct policy_settings){ };
	policy_close(&one);
	policy_close(&two);
	if (arena.addr)
		arena_unmap(&arena);
	offload_reset();
	write_file(OFFLOAD_DIR "/policies_enabled", "1");
	cgroup_enter("");
	cgroup_remove("policy");
}

/* exit() runs from a work item. */
static void wait_for_exit(struct whole_memory *of, unsigned long long nr)
{
	int i;

	for (i = 0; i < 5000 && __atomic_load_n(&of->exits, __ATOMIC_SEQ_CST) < nr; i++)
		usleep(2000);
	EXPECT_EQ(of->exits, nr);
}

static void attach(struct policy *policy)
{
	int ret = policy_attach(policy);

	REQUIRE(!ret, "attach: %s", strerror(-ret));
}

/* What has just been detached is not gone until a work item has run. */
static int attach_again(struct policy *policy)
{
	int ret;

	while ((ret = policy_attach(policy)) == -EAGAIN)
		usleep(10000);
	return ret;
}

/* Fills 1 MiB on node 0 and moves it to node 1. */
static void move_some(void)
{
	if (!arena.addr)
		arena = arena_map(ARENA_ANON, MiB, 0);
	arena_move(&arena, arena_on_node(&arena, 0) ? 1 : 0);
	arena_verify(&arena);
}

static int replace_one(void)
{
	int ret = policy_replace(&one, &two);

	return ret;
}

CASE(init_and_exit, "init() before anything else, exit() after everything, once each")
{
	policy_whole(&one, &memory, 0);
	EXPECT_EQ(memory->inits, 0);
	attach(&one);
	EXPECT_EQ(memory->inits, 1);
	move_some();
	EXPECT_GT(memory->calls, 0);
	EXPECT_EQ(memory->exits, 0);
	bpf_link__destroy(one.link);
	one.link = NULL;
	wait_for_exit(memory, 1);
	EXPECT_EQ(memory->exit_kind, DETACHED);
	EXPECT(!strcmp(memory->exit_reason, "detached"), "reason: %s", memory->exit_reason);
	EXPECT_EQ(memory->inits, 1);
}

CASE(init_fails, "what init() returns is why the attachment fails, and exit() is not called")
{
	policy_whole(&one, &memory, 0);
	memory->init = -EDOM;
	EXPECT_EQ(policy_attach(&one), -EDOM);
	memory->init = 3;
	EXPECT_EQ(attach_again(&one), -EINVAL);
	EXPECT_EQ(memory->inits, 2);
	EXPECT_EQ(memory->exits, 0);
	EXPECT(!policy_is_attached(ROOT_CGROUP_ID), "it is attached");
}

CASE(init_exits, "a policy that calls bpf_migrate_exit() from init() is not attached")
{
	policy_whole(&one, &memory, 0);
	memory->exit_from = WHOLE_EXIT_INIT;
	EXPECT_EQ(policy_attach(&one), -ECANCELED);
	EXPECT_EQ(memory->exit_result, 0);
	usleep(100000);
	EXPECT_EQ(memory->exits, 0);
	EXPECT(!policy_is_attached(ROOT_CGROUP_ID), "it is attached");
}

CASE(second_in_place, "init() is not called where a policy is attached already")
{
	steer(&two, 0);
	policy_whole(&one, &memory, 0);
	EXPECT_EQ(policy_attach(&one), -EBUSY);
	EXPECT_EQ(memory->inits, 0);
	EXPECT_EQ(memory->exits, 0);
}

CASE(update, "an update ends the old one and begins the new one; a failing init() changes nothing")
{
	int ret;

	policy_whole(&one, &memory, 0);
	attach(&one);
	policy_whole(&two, &memory2, 0);
	memory2->init = -EDOM;
	EXPECT_EQ(replace_one(), -EDOM);
	EXPECT_EQ(memory->exits, 0);
	move_some();
	EXPECT_GT(memory->calls, 0);
	EXPECT_EQ(memory2->calls, 0);

	memory2->init = 0;
	while ((ret = replace_one()) == -EAGAIN)
		usleep(10000);
	EXPECT_EQ(ret, 0);
	wait_for_exit(memory, 1);
	EXPECT_EQ(memory->exit_kind, REPLACED);
	memory->calls = 0;
	move_some();
	EXPECT_EQ(memory->calls, 0);
	EXPECT_GT(memory2->calls, 0);
	EXPECT_EQ(memory2->inits, 2);
}

CASE(update_flags, "an update to other flags is refused")
{
	policy_whole(&one, &memory, 0);
	attach(&one);
	policy_settings.flags = 1;
	policy_whole(&two, &memory2, 0);
	EXPECT_EQ(replace_one(), -EINVAL);
	EXPECT_EQ(memory2->inits, 0);
}

static int load_and_attach(void)
{
	int ret;

	policy_close(&one);
	ret = policy_load(&one, "steer", "empty", 0);
	REQUIRE(!ret, "load: %s", strerror(-ret));
	return policy_attach(&one);
}

CASE(limits, "flags that do not exist and limits out of range are refused")
{
	policy_settings.flags = 1ULL << 40;
	EXPECT_EQ(load_and_attach(), -EINVAL);
	policy_settings.flags = 0;
	policy_settings.error_limit = (1 << 20) + 1;
	EXPECT_EQ(load_and_attach(), -EINVAL);
	policy_settings.error_limit = 1 << 20;
	policy_settings.min_bytes = (1ULL << 30) + 1;
	EXPECT_EQ(load_and_attach(), -EINVAL);
	policy_settings.min_bytes = 1ULL << 30;
	EXPECT_EQ(load_and_attach(), 0);
	policy_settings.flags = 1;
	EXPECT_EQ(load_and_attach(), -EINVAL);
}

CASE(cgroup_removed, "when its cgroup goes, exit() is told so")
{
	uint64_t id = cgroup_of("policy");

	policy_whole(&one, &memory, id);
	attach(&one);
	EXPECT_EQ(cgroup_remove("policy"), 0);
	wait_for_exit(memory, 1);
	EXPECT_EQ(memory->exit_kind, CGROUP);
}

/* The last line of the kernel's record. */
static void last_incident(char *line, size_t size)
{
	FILE *file = fopen(OFFLOAD_DIR "/incidents", "re");
	char *rest;

	line[0] = '\0';
	REQUIRE(file, "incidents: %m");
	while (fgets(line, size, file))
		;
	fclose(file);
	rest = strchr(line, '\n');
	if (rest)
		*rest = '\0';
}

static void expect_ejected(const char *words)
{
	char state[256], incident[256];

	policy_state(ROOT_CGROUP_ID, state, sizeof(state));
	EXPECT(!strncmp(state, "ejected: ", 9) && strstr(state, words), "state: %s", state);
	last_incident(incident, sizeof(incident));
	EXPECT(strstr(incident, " ejected whole ") && strstr(incident, words),
	       "incidents: %s", incident);
	EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "ejections"), 1);
}

CASE(nonsense, "a policy that answers nonsense as often as its limit is ejected, and not asked any more")
{
	unsigned long long calls;
	int i;

	policy_settings.error_limit = 3;
	policy_whole(&one, &memory, 0);
	attach(&one);
	memory->eligible = NONSENSE;
	for (i = 0; i < 6; i++)
		move_some();
	wait_for_exit(memory, 1);
	EXPECT_EQ(memory->exit_kind, EXIT_NONSENSE);
	EXPECT_EQ(memory->exit_code, NONSENSE);
	expect_ejected("eligible() = 77");
	EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "nonsense"), 3);

	calls = memory->calls;
	move_some();
	EXPECT_EQ(memory->calls, calls);

	/* Its place is taken until the link has been updated or has gone. */
	policy_settings.error_limit = 0;
	policy_whole(&two, &memory2, 0);
	EXPECT_EQ(policy_attach(&two), -EBUSY);
	EXPECT_EQ(replace_one(), 0);
	move_some();
	EXPECT_GT(memory2->calls, 0);
}

CASE(nonsense_select, "the same for nonsense from select()")
{
	int i;

	policy_settings.error_limit = 2;
	policy_whole(&one, &memory, 0);
	attach(&one);
	memory->eligible = 1;
	memory->select = 12345;
	for (i = 0; i < 4; i++)
		move_some();
	wait_for_exit(memory, 1);
	EXPECT_EQ(memory->exit_kind, EXIT_NONSENSE);
	EXPECT_EQ(memory->exit_code, 12345);
	expect_ejected("select() = 12345");
}

static void expect_exit_from(unsigned int from)
{
	policy_whole(&one, &memory, 0);
	attach(&one);
	memory->eligible = 1;
	memory->select = 1;
	memory->exit_from = from;
	move_some();
	wait_for_exit(memory, 1);
	/* Many batches may have met it before it was gone: all but one too late. */
	EXPECT(memory->exit_result == 0 || memory->exit_result == -EALREADY,
	       "bpf_migrate_exit() = %d", memory->exit_result);
	EXPECT_EQ(memory->exit_kind, EXIT_BPF);
	EXPECT_EQ(memory->exit_code, -42);
	EXPECT(!strcmp(memory->exit_msg, "the test said so"), "message: %s", memory->exit_msg);
	expect_ejected("the test said so");
	policy_close(&one);
}

CASE(bpf_exit, "bpf_migrate_exit() from each callback, with code and message")
{
	expect_exit_from(WHOLE_EXIT_BATCH_PAGES);
	expect_exit_from(WHOLE_EXIT_ELIGIBLE);
	expect_exit_from(WHOLE_EXIT_SELECT);
	expect_exit_from(WHOLE_EXIT_DONE);
}

CASE(rearm, "an update with the same map gives an ejected policy another chance")
{
	char state[256];
	int i, ret = 0;

	policy_whole(&one, &memory, 0);
	attach(&one);
	memory->exit_from = WHOLE_EXIT_ELIGIBLE;
	move_some();
	wait_for_exit(memory, 1);
	memory->exit_from = 0;
	/* The old instance is there until its exit() has returned, and a bit longer. */
	for (i = 0; i < 1000 && (ret = policy_replace(&one, &one)) == -EAGAIN; i++)
		usleep(10000);
	EXPECT_EQ(ret, 0);
	EXPECT_EQ(memory->inits, 2);
	policy_state(ROOT_CGROUP_ID, state, sizeof(state));
	EXPECT(!strcmp(state, "enabled"), "state: %s", state);
	memory->calls = 0;
	move_some();
	EXPECT_GT(memory->calls, 0);
	/* And one that is not ejected is left alone. */
	EXPECT_EQ(policy_replace(&one, &one), 0);
	EXPECT_EQ(memory->inits, 2);
}

CASE(enable_seq, "every attachment and every update counts")
{
	uint64_t before = read_number(OFFLOAD_DIR "/enable_seq");

	policy_whole(&one, &memory, 0);
	attach(&one);
	EXPECT_EQ(read_number(OFFLOAD_DIR "/enable_seq"), before + 1);
	policy_whole(&two, &memory2, 0);
	EXPECT_EQ(replace_one(), 0);
	EXPECT_EQ(read_number(OFFLOAD_DIR "/enable_seq"), before + 2);
}

CASE(admin_off, "the admin's switch: no policy is asked, and all stay attached")
{
	/* There are batches, whether policies want to be asked about them or not. */
	offload_use("cpu");
	policy_whole(&one, &memory, 0);
	attach(&one);
	write_file(OFFLOAD_DIR "/policies_enabled", "0");
	move_some();
	EXPECT_EQ(memory->calls, 0);
	EXPECT(policy_is_attached(ROOT_CGROUP_ID), "it is not attached any more");
	write_file(OFFLOAD_DIR "/policies_enabled", "1");
	move_some();
	EXPECT_GT(memory->calls, 0);
	EXPECT_EQ(try_write(OFFLOAD_DIR "/policies_enabled", "perhaps"), -EINVAL);
}

static void *move_in_thread(void *result)
{
	move_some();
	return result;
}

CASE(exit_waits, "exit() comes after the last batch that uses the policy, detaching does not wait for it")
{
	pthread_t mover;

	insert_once("migrator_test");
	mt_reset();
	arena = arena_map(ARENA_ANON, MiB, 0);
	policy_whole(&one, &memory, 0);
	attach(&one);
	memory->eligible = 1;
	memory->select = read_number(OFFLOAD_DIR "/migrators/test/id");
	mt_set("hold", 1);
	REQUIRE(!pthread_create(&mover, NULL, move_in_thread, NULL), "pthread_create");
	mt_wait_held(1);
	bpf_link__destroy(one.link);
	one.link = NULL;
	EXPECT(!policy_is_attached(ROOT_CGROUP_ID), "it is attached");
	usleep(200000);
	EXPECT_EQ(memory->exits, 0);
	EXPECT_EQ(memory->dones, 0);
	mt_set("hold", 0);
	pthread_join(mover, NULL);
	EXPECT_EQ(memory->dones, 1);
	wait_for_exit(memory, 1);
	mt_check_busy();
}

CASE(no_default, "MIGRATE_EXT_OPS_NO_DEFAULT: without an opinion, folios are not copied ahead")
{
	struct book book;

	offload_use("cpu");
	policy_whole(&one, &memory, 0);
	attach(&one);
	book_open();
	move_some();
	book = book_close();
	EXPECT_EQ(book.consumed, arena_pages(&arena));
	policy_close(&one);

	policy_settings.flags = 1;
	policy_whole(&one, &memory, 0);
	attach(&one);
	book_open();
	move_some();
	book = book_close();
	EXPECT_EQ(book.consumed, 0);
	EXPECT_EQ(book.refused_policy, arena_pages(&arena));
	/* An opinion counts as ever. */
	memory->eligible = 1;
	book_open();
	move_some();
	book = book_close();
	EXPECT_EQ(book.consumed, arena_pages(&arena));
}

CASES_MAIN
