// SPDX-License-Identifier: GPL-2.0
/* What asks for moves by a system call: move_pages, migrate_pages, mbind, cpuset. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <numaif.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/cgroup.h"
#include "../lib/offload.h"
#include "ground.h"
#include "nodes.h"

#define MOST	512

/* Of a large folio only the first page is named: a second one would end the list. */
static unsigned int list(unsigned int owner, unsigned int first, unsigned int pages,
			 void **address, unsigned int *page)
{
	unsigned int step = regions[ground_region(first)].folio, i, nr = 0;

	for (i = 0; i < pages; i += step) {
		page[nr] = first + i;
		address[nr++] = ground_address(owner, first + i);
	}
	return nr;
}

/* Without a node, to another one than the first page is on. */
static long move_range(struct run *run, unsigned int owner, unsigned int first,
		       unsigned int pages, int nid)
{
	int was[MOST], nodes[MOST], status[MOST];
	unsigned int page[MOST], nr, i, moved = 0;
	bool another = nid < 0;
	pid_t pid = shared->pid[owner];
	void *address[MOST];

	if (regions[ground_region(first)].can & CAN_PIN_LONG)
		pages = 1;
	nr = list(owner, first, pages, address, page);
	if (move_pages(pid, nr, address, NULL, was, 0))
		return 0;
	while (nid < 0 || (nid == was[0] && another))
		nid = any_node(run);
	for (i = 0; i < nr; i++) {
		nodes[i] = nid;
		status[i] = -EAGAIN;
	}
	ground_heat(run, owner, first, pages);
	if (move_pages(pid, nr, address, nodes, status, MPOL_MF_MOVE_ALL) < 0)
		atomic_store(&run->count->last_errno, errno);
	for (i = 0; i < nr; i++) {
		if (was[i] < 0 || was[i] == nid || status[i] != nid)
			continue;
		ground_moved(run, owner, page[i], nid);
		moved += regions[ground_region(page[i])].folio;
	}
	return moved;
}

/* What somebody has hold of, in whole folios. */
static long move_held(struct run *run)
{
	unsigned int owner, page, pages, folio, skip;

	if (!ground_held(run, &owner, &page, &pages))
		return 0;
	folio = regions[ground_region(page)].folio;
	skip = (page - ground_first(ground_region(page))) % folio;
	pages = (pages + skip + folio - 1) / folio * folio;
	return move_range(run, owner, page - skip, pages, -1);
}

static long move_pages_step(struct run *run)
{
	unsigned int owner = ground_owner(run), region = roll(&run->dice, NR_REGIONS);
	unsigned int all = regions[region].pages, folio = regions[region].folio;
	unsigned int pages, first;

	if (chance(&run->dice, 2))
		return move_held(run);
	/* Mostly some; now and then all, for large batches. */
	pages = chance(&run->dice, 4) ? all : 1 + roll(&run->dice, 64);
	pages = (pages + folio - 1) / folio * folio;
	if (pages > MOST)
		pages = MOST;
	first = roll(&run->dice, (all - pages) / folio + 1) * folio;
	return move_range(run, owner, ground_first(region) + first, pages, any_node(run));
}

ACTOR(MOVER, move_pages, "move_pages(2) of a range", .place = OUTSIDE,
      .step = move_pages_step, .pause_us = 1000, .reason = SYSCALL)
/* Twice, so that batches of the same memory meet. */
ACTOR(MOVER, move_pages_too, "move_pages(2), another thread", .place = OUTSIDE,
      .step = move_pages_step, .pause_us = 5000, .reason = SYSCALL)

static long migrate_pages_step(struct run *run)
{
	unsigned int owner = ground_owner(run);
	unsigned long from = 1UL << any_node(run), to = 1UL << any_node(run);
	long left;

	if (from == to)
		return 0;
	left = syscall(SYS_migrate_pages, shared->pid[owner], 64, &from, &to);
	if (left < 0)
		atomic_store(&run->count->last_errno, errno);
	/* It does not say how many it moved, only how many it could not. */
	return left >= 0;
}

ACTOR(MOVER, migrate_pages, "migrate_pages(2) of a process (effect: calls that worked)",
      .place = OUTSIDE, .step = migrate_pages_step, .pause_us = 400000, .reason = SYSCALL)

/* The policy goes again, so that NUMA balancing may have the memory, too. */
static long mbind_step(struct run *run)
{
	unsigned int page = ground_pick(run, run->owner, CAN_MOVE_BY);
	enum region region = ground_region(page);
	unsigned int folio = regions[region].folio;
	unsigned int first = ground_first(region), pages = regions[region].pages;
	char *address = ground_address(run->owner, first);
	unsigned long node = 1UL << any_node(run);
	long ret;

	if (pages > 256 && folio == 1)
		pages = 256;
	ground_heat(run, run->owner, first, pages);
	ret = mbind(address, pages * PAGE_BYTES, MPOL_BIND, &node, 64, MPOL_MF_MOVE_ALL);
	if (ret)
		atomic_store(&run->count->last_errno, errno);
	mbind(address, pages * PAGE_BYTES, MPOL_DEFAULT, NULL, 0, 0);
	return !ret;
}

ACTOR(MOVER, mbind, "mbind(2) with MPOL_MF_MOVE_ALL", .place = IN_OWNER, .step = mbind_step,
      .pause_us = 300000, .reason = "mempolicy_mbind")

static const char *cpuset_setup(struct run *run)
{
	char path[PATH_MAX];

	if (cgroup_make("torture.cpuset"))
		return missing(run, "no cgroup");
	snprintf(path, sizeof(path), CGROUP_ROOT "/torture.cpuset/cpuset.mems");
	return exists(path) ? NULL : missing(run, "no cpuset controller");
}

/* In it for a while, on one node after the other. */
static long cpuset_step(struct run *run)
{
	unsigned int owner = ground_owner(run);
	char text[32];
	int i;

	snprintf(text, sizeof(text), "%d", shared->pid[owner]);
	if (try_write(CGROUP_ROOT "/torture.cpuset/cgroup.procs", text))
		return 0;
	for (i = 0; i < 3 && !stopped(); i++) {
		snprintf(text, sizeof(text), "%d", any_node(run));
		try_write(CGROUP_ROOT "/torture.cpuset/cpuset.mems", text);
		pause_us(50000);
	}
	snprintf(text, sizeof(text), "%d", shared->pid[owner]);
	try_write(CGROUP_ROOT "/cgroup.procs", text);
	return i;
}

static void cpuset_teardown(struct run *run)
{
	(void)run;
	rmdir(CGROUP_ROOT "/torture.cpuset");
}

ACTOR(MOVER, cpuset, "cpuset.mems of a cgroup (effect: changes)", .place = DISTURBING,
      .setup = cpuset_setup, .step = cpuset_step, .teardown = cpuset_teardown,
      .pause_us = 500000, .reason = SYSCALL)

/* The owner's threads go from node to node; scanning and faults do the rest. */
static const char *balancing_setup(struct run *run)
{
	const char *dir = "/sys/kernel/debug/sched/numa_balancing";
	char path[PATH_MAX];

	if (try_write("/proc/sys/kernel/numa_balancing", "1"))
		return missing(run, "no NUMA balancing");
	snprintf(path, sizeof(path), "%s/scan_delay_ms", dir);
	try_write(path, "10");
	snprintf(path, sizeof(path), "%s/scan_period_min_ms", dir);
	try_write(path, "100");
	snprintf(path, sizeof(path), "%s/scan_period_max_ms", dir);
	try_write(path, "200");
	snprintf(path, sizeof(path), "%s/scan_size_mb", dir);
	try_write(path, "4");
	return NULL;
}

static long balancing_step(struct run *run)
{
	unsigned int i;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(roll(&run->dice, 2), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return 0;
	/* Loads of memory that may be elsewhere now. */
	for (i = 0; i < 64; i++) {
		unsigned int page = ground_pick(run, run->owner, 0);

		if (!ground_trylock(run->owner, page))
			continue;
		(void)*(volatile uint64_t *)ground_address(run->owner, page);
		ground_unlock(run->owner, page);
	}
	return 0;
}

static void balancing_teardown(struct run *run)
{
	(void)run;
	try_write("/proc/sys/kernel/numa_balancing", "0");
}

ACTOR(MOVER, numa_balancing, "NUMA balancing, threads that change nodes", .place = IN_OWNER,
      .setup = balancing_setup, .step = balancing_step, .teardown = balancing_teardown,
      .pause_us = 20000, .reason = "numa_misplaced")
