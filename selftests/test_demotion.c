// SPDX-License-Identifier: GPL-2.0
/*
 * arch: x86_64
 * vm: --mem 448M --machine q35,hmat=on --qemu "-m 1344M -object memory-backend-ram,id=slow,size=448M -numa node,nodeid=2,memdev=slow,initiator=0 -numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency,latency=5 -numa hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-latency,latency=5 -numa hmat-lb,initiator=0,target=2,hierarchy=memory,data-type=access-latency,latency=500 -numa hmat-lb,initiator=1,target=0,hierarchy=memory,data-type=access-latency,latency=5 -numa hmat-lb,initiator=1,target=1,hierarchy=memory,data-type=access-latency,latency=5 -numa hmat-lb,initiator=1,target=2,hierarchy=memory,data-type=access-latency,latency=500 -numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-bandwidth,bandwidth=8G -numa hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-bandwidth,bandwidth=8G -numa hmat-lb,initiator=0,target=2,hierarchy=memory,data-type=access-bandwidth,bandwidth=100M -numa hmat-lb,initiator=1,target=0,hierarchy=memory,data-type=access-bandwidth,bandwidth=8G -numa hmat-lb,initiator=1,target=1,hierarchy=memory,data-type=access-bandwidth,bandwidth=8G -numa hmat-lb,initiator=1,target=2,hierarchy=memory,data-type=access-bandwidth,bandwidth=100M"
 * timeout: 240
 *
 * Copies inside reclaim, point 8 of the design, on a machine with a slow memory node: what
 * is reclaimed is demoted there, by kswapd, by a cgroup that is over its limit, and by a
 * task in the middle of a batch of its own that wants room for the next destination.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <inttypes.h>
#include <numaif.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#include "arena.h"
#include "case.h"
#include "copy_trace.h"
#include "offload.h"
#include "policy.h"
#include "shipped.h"
#include "watch.h"

#define SLOW	2

static struct arena arena, ballast, filler;

void case_setup(void)
{
	insert_once("migrator_test");
	mt_reset();
	offload_reset();
	offload_use("test");
	write_file("/sys/kernel/mm/numa/demotion_enabled", "1");
}

void case_teardown(void)
{
	watch_abandon();
	copy_trace_end();
	shipped_stop();
	mt_check_busy();
	mt_reset();
	offload_reset();
	cgroup_enter("");
	if (arena.addr)
		arena_unmap(&arena);
	if (filler.addr)
		arena_unmap(&filler);
	if (ballast.addr)
		ballast_drop(&ballast);
	cgroup_remove("demotion");
}

static struct book since(const struct book *before)
{
	struct book book = book_minus(book_read(NULL, "demotion"), *before);

	book_check(&book);
	return book;
}

/* --- where nothing is scarce yet --- */

/* Of each pair of nodes, how many pages of the arena are copied ahead by mbind(2). */
static struct copy_trace bind_arena(int mode, unsigned long nodes)
{
	struct copy_trace trace;

	copy_trace_begin();
	REQUIRE(!mbind(arena.addr, arena.bytes, mode, &nodes, 64, MPOL_MF_MOVE), "mbind: %m");
	trace = copy_trace_read("mempolicy_mbind", "test");
	case_note("%zu %zu %zu pages on nodes 0, 1, 2", arena_on_node(&arena, 0),
		  arena_on_node(&arena, 1), arena_on_node(&arena, SLOW));
	copy_trace_end();
	arena_verify(&arena);
	return trace;
}

CASE(several_nodes, "folios of one batch are grouped by node, wherever they come from and go")
{
	struct copy_trace trace;
	size_t half;

	arena = arena_map(ARENA_ANON, 2 * MiB, 0);
	half = arena.bytes / PAGE / 2;
	trace = bind_arena(MPOL_INTERLEAVE, 1 << 1 | 1 << SLOW);
	EXPECT_EQ(trace.between[0][1], half);
	EXPECT_EQ(trace.between[0][SLOW], half);
	trace = bind_arena(MPOL_BIND, 1 << 0);
	EXPECT_EQ(trace.between[1][0], half);
	EXPECT_EQ(trace.between[SLOW][0], half);
	EXPECT_EQ(arena_on_node(&arena, 0), 2 * half);
}

/* --- demotion --- */

CASE(reclaim, "what memory.reclaim demotes is copied ahead, for that reason, and right")
{
	struct seen seen;

	cgroup_of("demotion");
	cgroup_enter("demotion");
	arena = arena_map(ARENA_ANON, 16 * MiB, 0);
	watch_begin("demotion");
	try_write(CGROUP_ROOT "/demotion/memory.reclaim", "12M");
	seen = watch_end();
	case_note("%zu pages on node 2", arena_on_node(&arena, SLOW));
	EXPECT_GT(seen.book.consumed, 0);
	EXPECT_GT(arena_on_node(&arena, SLOW), 0);
	arena_verify(&arena);
}

/* What of the arena memory.reclaim demotes; the folios of it that were copied ahead. */
static uint64_t reclaim(const char *bytes)
{
	struct book before = book_read(NULL, "demotion");
	size_t there = arena_on_node(&arena, SLOW);

	try_write(CGROUP_ROOT "/demotion/memory.reclaim", bytes);
	EXPECT_GT(arena_on_node(&arena, SLOW), there);
	return since(&before).consumed;
}

CASE(latency, "the policy latency batches nothing for who reclaims, unless it is told to")
{
	uint64_t declined;

	offload_use("none");
	shipped_start("latency");
	shipped_set("min_order", 0);
	shipped_set("min_bytes", 0);
	shipped_set_text("engine", "test");
	cgroup_of("demotion");
	cgroup_enter("demotion");
	arena = arena_map(ARENA_ANON, 16 * MiB, 0);

	EXPECT_EQ(reclaim("4M"), 0);
	declined = shipped_count("declined_reclaim");
	EXPECT_GT(declined, 0);
	shipped_set("in_reclaim", 1);
	EXPECT_GT(reclaim("4M"), 0);
	EXPECT_EQ(shipped_count("declined_reclaim"), declined);
	arena_verify(&arena);
}

static pid_t find_task(const char *wanted)
{
	char path[300], comm[64];
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	pid_t pid = 0;
	FILE *file;

	REQUIRE(proc, "/proc: %m");
	while (!pid && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && !strcmp(strtok(comm, "\n"), wanted))
			pid = atoi(entry->d_name);
		fclose(file);
	}
	closedir(proc);
	REQUIRE(pid, "no task is called %s", wanted);
	return pid;
}

/*
 * Node 1's kswapd runs only when this task sleeps, so that it is this task that runs out
 * of room, and has to make some itself.
 */
static void hold_kswapd_back(void)
{
	struct sched_param idle = {};
	pid_t kswapd = find_task("kswapd1");
	cpu_set_t set;

	pin_to_cpu(0);
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	REQUIRE(!sched_setaffinity(kswapd, sizeof(set), &set), "affinity of kswapd1: %m");
	REQUIRE(!sched_setscheduler(kswapd, SCHED_IDLE, &idle), "SCHED_IDLE for kswapd1: %m");
}

static uint64_t demoted_by_tasks(void)
{
	/* The counters of the CPUs are else added up once a second. */
	write_file("/proc/sys/vm/stat_refresh", "1");
	return counter("/proc/vmstat", "pgdemote_direct");
}

#define TRIES	4

CASE(nested, "demotion in the middle of a batch")
{
	struct book before, inner, outer;
	uint64_t direct = 0;
	int i;

	hold_kswapd_back();
	for (i = 0; i < TRIES && !direct; i++) {
		arena = arena_map(ARENA_ANON, 32 * MiB, 0);
		ballast = ballast_take(1, 80 * MiB);
		filler = arena_fill_node(1, 24 * MiB);
		before = book_read(NULL, "demotion");
		direct = demoted_by_tasks();
		book_open();
		arena_move(&arena, 1);
		outer = book_close();
		inner = since(&before);
		direct = demoted_by_tasks() - direct;
		case_note("%" PRIu64 " folios copied ahead by the outer batches, %" PRIu64
			  " by demotion, %" PRIu64 " pages demoted by the task itself",
			  outer.consumed, inner.consumed, direct);
		arena_verify(&arena);
		arena_verify(&filler);
		EXPECT_GT(outer.consumed, 0);
		EXPECT_GT(inner.consumed, 0);
		arena_unmap(&arena);
		arena_unmap(&filler);
		ballast_drop(&ballast);
	}
	EXPECT_GT(direct, 0);
}

CASES_MAIN
