// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 240
 *
 * Each reason that can be had in the VM of most tests, by the kernel's own way: the policy,
 * the tracepoints and the books see that reason, whom the policy chose for it copies, no
 * folio of another reason is copied ahead (all of this in watch_end()), batches are as long
 * as that way makes them, and the bytes are right. The migrator looks at each pair and
 * complains about every one that it should not have been given.
 *
 * Ranges of memory that are emptied are in full_ranges.c, demotion is in test_demotion.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <numaif.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "cgroup.h"
#include "damon.h"
#include "offload.h"
#include "page_info.h"
#include "policy.h"
#include "watch.h"

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define BYTES	(4 * MiB)

/* What one batch can hold, and what one call of compaction can isolate: a pageblock. */
#define LONGEST_BATCH	512

#define NUMA_BALANCING	"/proc/sys/kernel/numa_balancing"
#define NUMA_DEBUG	"/sys/kernel/debug/sched/numa_balancing"

#define NR_ARENAS	16

static struct arena arenas[NR_ARENAS];

void case_setup(void)
{
	insert_once("migrator_test");
	mt_reset();
	offload_reset();
}

void case_teardown(void)
{
	size_t i;

	damon_stop();
	write_file(NUMA_BALANCING, "0");
	watch_abandon();
	mt_check_busy();
	mt_reset();
	offload_reset();
	for (i = 0; i < NR_ARENAS; i++)
		if (arenas[i].addr)
			arena_unmap(&arenas[i]);
	cgroup_enter("");
	cgroup_remove("reasons");
}

static void expect_moved(const struct arena *arena, const struct seen *seen)
{
	size_t folios = arena->bytes / (PAGE << arena->order);

	EXPECT_EQ(arena_on_node(arena, 1), arena_pages(arena));
	EXPECT_GE(seen->book.consumed, folios);
	EXPECT_GE(LONGEST_BATCH, seen->trace.most);
	arena_verify(arena);
}

CASE(move_pages, "move_pages(2)")
{
	struct seen seen;

	arenas[0] = arena_map(ARENA_ANON, BYTES, 0);
	watch_begin(SYSCALL);
	arena_move(&arenas[0], 1);
	seen = watch_end();
	expect_moved(&arenas[0], &seen);
	EXPECT_EQ(seen.book.consumed, arena_pages(&arenas[0]));
	EXPECT_EQ(seen.trace.most, LONGEST_BATCH);
	EXPECT_EQ(seen.trace.batches, arena_pages(&arenas[0]) / LONGEST_BATCH);
}

CASE(migrate_pages, "migrate_pages(2)")
{
	unsigned long node0 = 1, node1 = 2;
	struct seen seen;
	long ret;

	arenas[0] = arena_map(ARENA_ANON, BYTES, 0);
	arenas[1] = arena_map(ARENA_SHMEM, BYTES, 0);
	watch_begin(SYSCALL);
	ret = syscall(SYS_migrate_pages, 0, 64, &node0, &node1);
	seen = watch_end();
	EXPECT(ret >= 0, "migrate_pages: %m");
	expect_moved(&arenas[0], &seen);
	expect_moved(&arenas[1], &seen);
	EXPECT_GE(seen.book.consumed, 2 * arena_pages(&arenas[0]));
	/* The rest of this process as well. */
	syscall(SYS_migrate_pages, 0, 64, &node1, &node0);
	arena_verify(&arenas[0]);
}

CASE(cpuset, "cpuset.mems of the cgroup that the task is in")
{
	struct seen seen;

	cgroup_of("reasons");
	write_file(CGROUP_ROOT "/reasons/cpuset.mems", "0");
	cgroup_enter("reasons");
	arenas[0] = arena_map(ARENA_ANON, BYTES, 0);
	watch_begin(SYSCALL);
	write_file(CGROUP_ROOT "/reasons/cpuset.mems", "1");
	/* A work item moves it. */
	while (arena_on_node(&arenas[0], 1) != arena_pages(&arenas[0]))
		usleep(1000);
	seen = watch_end();
	expect_moved(&arenas[0], &seen);
}

CASE(mbind, "mbind(2)")
{
	unsigned long node1 = 2;
	struct seen seen;

	arenas[0] = arena_map(ARENA_ANON, BYTES, 0);
	watch_begin("mempolicy_mbind");
	REQUIRE(!mbind(arenas[0].addr, BYTES, MPOL_BIND, &node1, 64, MPOL_MF_MOVE),
		"mbind: %m");
	seen = watch_end();
	expect_moved(&arenas[0], &seen);
	EXPECT_EQ(seen.book.consumed, arena_pages(&arenas[0]));
}

CASE(numa_balancing, "NUMA balancing, one folio at a time")
{
	uint64_t delay = read_number(NUMA_DEBUG "/scan_delay_ms");
	uint64_t period = read_number(NUMA_DEBUG "/scan_period_min_ms");
	struct seen seen;
	unsigned int here;

	/* The memory is at one node, who uses it at the other. */
	pin_to_cpu(1);
	REQUIRE(!getcpu(NULL, &here), "getcpu: %m");
	arenas[0] = arena_map(ARENA_ANON, BYTES / 8, !here);
	write_file(NUMA_DEBUG "/scan_delay_ms", "1");
	write_file(NUMA_DEBUG "/scan_period_min_ms", "10");
	watch_begin("numa_misplaced");
	write_file(NUMA_BALANCING, "1");
	while (!arena_on_node(&arenas[0], here) && !case_failed())
		arena_verify(&arenas[0]);
	write_file(NUMA_BALANCING, "0");
	seen = watch_end();
	write_number(NUMA_DEBUG "/scan_delay_ms", delay);
	write_number(NUMA_DEBUG "/scan_period_min_ms", period);
	EXPECT_GT(seen.book.consumed, 0);
	EXPECT_EQ(seen.trace.most, 1);
	arena_verify(&arenas[0]);
}

CASE(compaction, "/proc/sys/vm/compact_memory")
{
	struct book before = book_read(NULL, "compaction");
	struct seen seen;
	size_t i;

	watch_begin("compaction");
	/* There must be enough holes that it finds one; see test_lost.c. */
	for (i = 0; i < NR_ARENAS && book_read(NULL, "compaction").consumed == before.consumed; i++) {
		arenas[i] = arena_map(i % 2 ? ARENA_SHMEM : ARENA_ANON, 2 * BYTES, 0);
		arena_perforate(&arenas[i]);
		write_file("/proc/sys/vm/compact_memory", "1");
	}
	seen = watch_end();
	EXPECT_GT(seen.book.consumed, 0);
	/* 32 pages, or the rest of a pageblock that it comes back to. */
	EXPECT_GE(LONGEST_BATCH, seen.trace.most);
	while (i--)
		arena_verify_perforated(&arenas[i]);
}

static void damon(const char *action)
{
	struct seen seen;

	arenas[0] = arena_map(ARENA_ANON, BYTES, 0);
	/* The last pages wait in a batch of this CPU, where DAMON does not find them. */
	arena_move(&arenas[0], 0);
	watch_begin("damon");
	damon_start("fvaddr", getpid(), (uintptr_t)arenas[0].addr,
		    (uintptr_t)arenas[0].addr + BYTES, action, 1);
	while (arena_on_node(&arenas[0], 1) != arena_pages(&arenas[0]))
		usleep(10000);
	damon_stop();
	seen = watch_end();
	expect_moved(&arenas[0], &seen);
}

CASE(damon_hot, "DAMON, migrate_hot of a range of a process")
{
	damon("migrate_hot");
}

CASE(damon_cold, "DAMON, migrate_cold of a range of a process")
{
	damon("migrate_cold");
}

CASE(damon_paddr, "DAMON, migrate_cold of a physical range")
{
	uint64_t start;
	struct seen seen;

	arenas[0] = arena_map(ARENA_ANON_HUGE, HUGE_PAGE, 0);
	start = page_frame(arenas[0].addr) * PAGE;
	watch_begin("damon");
	damon_start("paddr", 0, start, start + HUGE_PAGE, "migrate_cold", 1);
	while (!arena_on_node(&arenas[0], 1))
		usleep(10000);
	damon_stop();
	seen = watch_end();
	expect_moved(&arenas[0], &seen);
	EXPECT_EQ(arena_huge_pages(&arenas[0]), 1);
	EXPECT(seen.policy.orders & 1 << 9, "orders %#llx", seen.policy.orders);
}

CASE(soft_offline, "memory failure asks no policy and no migrator")
{
	struct census_of_reason asked;
	struct seen seen;
	uint64_t frame;
	int i;

	EXPECT_EQ(try_write(OFFLOAD_DIR "/reason_mask", "memory_failure"), -EINVAL);
	arenas[0] = arena_map(ARENA_ANON, BYTES, 0);
	watch_begin("memory_failure");
	for (i = 0; i < 4; i++) {
		frame = page_frame(arenas[0].addr + i * PAGE);
		REQUIRE(!madvise(arenas[0].addr + i * PAGE, PAGE, MADV_SOFT_OFFLINE),
			"MADV_SOFT_OFFLINE: %m");
		EXPECT(page_frame(arenas[0].addr + i * PAGE) != frame, "it did not move");
	}
	asked = watch_policy();
	seen = watch_end();
	EXPECT_EQ(asked.eligible + asked.select + asked.done, 0);
	EXPECT_EQ(seen.trace.groups + seen.trace.batches, 0);
	EXPECT_EQ(seen.book.offered, 0);
	EXPECT_EQ(mt_get("jobs") + mt_get("jobs_refused"), 0);
	arena_verify(&arenas[0]);
}

CASES_MAIN
