// SPDX-License-Identifier: GPL-2.0
/*
 * What moves pages for the kernel's own ends: compaction, memory taken offline, contiguous
 * allocations, demotion, DAMON, soft offline. How much it moved is what the books say.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../lib/cgroup.h"
#include "../lib/offload.h"
#include "ground.h"
#include "nodes.h"

static long note_errno(struct run *run, int ret)
{
	if (ret)
		atomic_store(&run->count->last_errno, -ret);
	return !ret;
}

/* Holes, so that there is something to compact. */
static long compaction_step(struct run *run)
{
	size_t bytes = 16 << 20, i;
	char *holes = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	long ret;

	if (holes == MAP_FAILED)
		return 0;
	madvise(holes, bytes, MADV_NOHUGEPAGE);
	for (i = 0; i < bytes && !stopped(); i += PAGE_BYTES)
		holes[i] = 1;
	for (i = 0; i < bytes && !stopped(); i += 2 * PAGE_BYTES)
		madvise(holes + i, PAGE_BYTES, MADV_DONTNEED);
	ret = note_errno(run, try_write("/proc/sys/vm/compact_memory", "1"));
	munmap(holes, bytes);
	return ret;
}

ACTOR(MOVER, compaction, "compaction of all nodes", .place = OUTSIDE, .step = compaction_step,
      .pause_us = 1500000, .reason = "compaction")

/* --- memory blocks, off and on again --- */

#define MAX_BLOCKS	64

struct blocks {
	unsigned int nr;
	unsigned int block[MAX_BLOCKS];
	timer_t patience;
};

static bool is_movable(unsigned int block)
{
	char path[PATH_MAX], zones[64];

	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%u/valid_zones", block);
	if (!exists(path))
		return false;
	read_line(path, zones, sizeof(zones));
	return !strncmp(zones, "Movable", 7);
}

static void wake_up(int signal)
{
	(void)signal;
}

/* A block with a page that cannot move would be tried for ever, but for a signal. */
static bool make_patience(struct blocks *blocks)
{
	struct sigaction action = { .sa_handler = wake_up };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1,
		._sigev_un._tid = gettid(),
	};

	return !sigaction(SIGUSR1, &action, NULL) &&
	       !timer_create(CLOCK_MONOTONIC, &event, &blocks->patience);
}

/* Not the last one of a node, where the boot allocator's own pages are. */
static const char *hotplug_setup(struct run *run)
{
	struct blocks *blocks = calloc(1, sizeof(*blocks));
	unsigned int i;

	run->own = blocks;
	for (i = 0; i < 4096 && blocks->nr < MAX_BLOCKS; i++)
		if (is_movable(i) && is_movable(i + 1))
			blocks->block[blocks->nr++] = i;
	if (!make_patience(blocks))
		return missing(run, "no timer: %s", strerror(errno));
	return blocks->nr ? NULL : missing(run, "no block is all movable: movablecore=?");
}

static long hotplug_step(struct run *run)
{
	struct blocks *blocks = run->own;
	char path[PATH_MAX];
	struct itimerspec seconds = { .it_value.tv_sec = 10 }, never = {};
	unsigned int at;
	int ret, back;

	if (!blocks->nr || atomic_flag_test_and_set(&shared->blocks))
		return 0;
	at = roll(&run->dice, blocks->nr);
	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%u/state",
		 blocks->block[at]);
	timer_settime(blocks->patience, 0, &seconds, NULL);
	ret = try_write(path, "offline");
	timer_settime(blocks->patience, 0, &never, NULL);
	if (!ret) {
		pause_us(roll(&run->dice, 100000));
		back = try_write(path, "online_movable");
		/* A poisoned page that had moved before it was poisoned: see poison.c. */
		if (back == -EHWPOISON)
			blocks->block[at] = blocks->block[--blocks->nr];
		else if (back)
			failure("%s does not go online again: %s", path, strerror(-back));
	}
	atomic_flag_clear(&shared->blocks);
	return note_errno(run, ret);
}

ACTOR(MOVER, memory_offline, "memory blocks taken offline", .place = OUTSIDE,
      .setup = hotplug_setup, .step = hotplug_step, .pause_us = 1000000,
      .reason = "memory_hotplug")

/* --- contiguous memory --- */

static const char *cma_setup(struct run *run)
{
	glob_t files;

	if (glob("/sys/kernel/debug/cma/*/alloc", 0, NULL, &files))
		return missing(run, "no CMA area in debugfs: CONFIG_CMA_DEBUGFS, cma=");
	run->own = strdup(files.gl_pathv[0]);
	globfree(&files);
	return NULL;
}

static long cma_step(struct run *run)
{
	const char *alloc = run->own;
	char path[PATH_MAX], pages[16];
	long ret;

	snprintf(pages, sizeof(pages), "%u", 256 << roll(&run->dice, 4));
	ret = note_errno(run, try_write(alloc, pages));
	pause_us(roll(&run->dice, 100000));
	snprintf(path, sizeof(path), "%.*s/free", (int)(strrchr(alloc, '/') - alloc), alloc);
	try_write(path, pages);
	return ret;
}

ACTOR(MOVER, cma, "allocations from the CMA area", .place = OUTSIDE, .setup = cma_setup,
      .step = cma_step, .pause_us = 500000, .reason = "contig_range")

/* --- demotion --- */

static const char *demotion_setup(struct run *run)
{
	if (slow_node() < 0)
		return missing(run, "no slow memory node");
	if (try_write("/sys/kernel/mm/numa/demotion_enabled", "1"))
		return missing(run, "no demotion");
	return NULL;
}

/* By reclaim from all cgroups. */
static long demotion_step(struct run *run)
{
	int ret = try_write(CGROUP_ROOT "/memory.reclaim", "2M");

	return note_errno(run, ret == -EAGAIN ? 0 : ret);
}

static void demotion_teardown(struct run *run)
{
	(void)run;
	try_write("/sys/kernel/mm/numa/demotion_enabled", "0");
}

ACTOR(MOVER, demotion, "reclaim that demotes", .place = OUTSIDE, .setup = demotion_setup,
      .step = demotion_step, .teardown = demotion_teardown, .pause_us = 500000,
      .reason = "demotion")

/* --- DAMON: the hot pages of an owner to a node of its choice --- */

#define DAMON	"/sys/kernel/mm/damon/admin/kdamonds"
#define CONTEXT	DAMON "/0/contexts/0"
#define SCHEME	CONTEXT "/schemes/0"

struct setting {
	const char *path;
	const char *value;
};

static int set_all(const struct setting *settings, unsigned int nr)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < nr && !ret; i++)
		ret = try_write(settings[i].path, settings[i].value);
	return ret;
}

#define SET_ALL(settings) set_all(settings, sizeof(settings) / sizeof(settings[0]))

static const char *damon_setup(struct run *run)
{
	return exists(DAMON) ? NULL : missing(run, "no DAMON in sysfs");
}

static int damon_start(pid_t pid, int nid)
{
	char target[16], node[16];
	const struct setting settings[] = {
		{ DAMON "/nr_kdamonds", "1" },
		{ DAMON "/0/contexts/nr_contexts", "1" },
		{ CONTEXT "/operations", "vaddr" },
		{ CONTEXT "/monitoring_attrs/intervals/sample_us", "20000" },
		{ CONTEXT "/monitoring_attrs/intervals/aggr_us", "100000" },
		{ CONTEXT "/targets/nr_targets", "1" },
		{ CONTEXT "/targets/0/pid_target", target },
		{ CONTEXT "/schemes/nr_schemes", "1" },
		{ SCHEME "/action", "migrate_hot" },
		{ SCHEME "/target_nid", node },
		{ SCHEME "/access_pattern/sz/min", "4096" },
		{ SCHEME "/access_pattern/sz/max", "18446744073709551615" },
		{ SCHEME "/access_pattern/nr_accesses/min", "0" },
		{ SCHEME "/access_pattern/nr_accesses/max", "4294967295" },
		{ SCHEME "/access_pattern/age/min", "0" },
		{ SCHEME "/access_pattern/age/max", "4294967295" },
		{ DAMON "/0/state", "on" },
	};

	snprintf(target, sizeof(target), "%d", pid);
	snprintf(node, sizeof(node), "%d", nid);
	return SET_ALL(settings);
}

/* Until it has moved something: on a busy machine it needs its time to be scheduled. */
static long damon_step(struct run *run)
{
	uint64_t before = book_read(NULL, "damon").offered;
	int ret = damon_start(shared->pid[ground_owner(run)], any_node(run));
	unsigned int patience = 20;

	do {
		pause_us(500000);
	} while (--patience && !stopped() && book_read(NULL, "damon").offered == before);
	try_write(DAMON "/0/state", "off");
	try_write(DAMON "/nr_kdamonds", "0");
	return note_errno(run, ret);
}

ACTOR(MOVER, damon, "DAMON's migrate_hot", .place = OUTSIDE, .setup = damon_setup,
      .step = damon_step, .pause_us = 1500000, .reason = "damon")
