// SPDX-License-Identifier: GPL-2.0
/*
 * vm: --mem 768M
 * timeout: 600
 *
 * Two attachers, an updater and somebody who removes the cgroup race for the same place,
 * while memory that is charged to it moves. Whoever comes too late must get an error that
 * says so; nothing may be left over; and lockdep and KASAN look on.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "offload.h"
#include "policy.h"

#define RACE_SECONDS	180

#define CGROUP		"race"
#define PIN		"/sys/fs/bpf/race.%d"
#define NR_ATTACHERS	2

struct results {
	volatile unsigned long attached, busy, gone;
	volatile unsigned long updated, refused;
	unsigned long made, removed;
	unsigned long moved;
	unsigned long unexpected;
	int errnos[8];
};

static struct results *results;
static time_t end;

static void surprise(int error)
{
	unsigned long n = __sync_fetch_and_add(&results->unexpected, 1);

	if (n < 8)
		results->errnos[n] = error;
}

static void add(volatile unsigned long *counter)
{
	__sync_fetch_and_add(counter, 1);
}

static bool time_is_left(void)
{
	return time(NULL) < end;
}

static unsigned long attempts(void)
{
	return results->attached + results->busy + results->updated;
}

static void pause_a_bit(void)
{
	usleep(random() % 20000);
}

/* Somebody may be in it for a moment, and memory that is charged to it keeps nobody. */
static bool remove_cgroup(void)
{
	while (rmdir(CGROUP_ROOT "/" CGROUP)) {
		if (errno != EBUSY)
			return false;
		usleep(1000);
	}
	return true;
}

/* Each cgroup lives for some attempts to attach, however slow the machine is. */
static void remover(void)
{
	unsigned long until;

	while (time_is_left()) {
		if (!cgroup_make(CGROUP))
			add(&results->made);
		until = attempts() + random() % 8;
		while (attempts() < until && time_is_left())
			usleep(1000 + random() % 50000);
		if (remove_cgroup())
			add(&results->removed);
	}
}

/* Loads a policy for the cgroup as it is now; false when there is none. */
static bool load(struct policy *policy)
{
	uint64_t id = cgroup_id_of(CGROUP);
	int ret;

	if (!id)
		return false;
	ret = random() % 2 ? policy_load(policy, "steer", "empty", id) :
			     policy_load(policy, "whole", "whole", id);
	if (ret) {
		surprise(ret);
		return false;
	}
	return true;
}

static int attacher_nr;

static void attacher(void)
{
	struct policy policy;
	char pin[64];
	int ret;

	snprintf(pin, sizeof(pin), PIN, attacher_nr);
	while (time_is_left()) {
		if (!load(&policy)) {
			pause_a_bit();
			continue;
		}
		ret = policy_attach(&policy);
		switch (ret) {
		case 0:
			add(&results->attached);
			bpf_obj_pin(bpf_link__fd(policy.link), pin);
			usleep(random() % 200000);
			if (random() % 2)
				bpf_link__detach(policy.link);
			unlink(pin);
			break;
		case -EBUSY:
			add(&results->busy);
			break;
		case -ENOENT:
		case -ENODEV:
		/* Dying, and with no memory controller any more. */
		case -EOPNOTSUPP:
			add(&results->gone);
			break;
		default:
			surprise(ret);
		}
		policy_close(&policy);
	}
}

static void updater(void)
{
	struct policy policy;
	char pin[64];
	int link, ret;

	while (time_is_left()) {
		if (!load(&policy)) {
			pause_a_bit();
			continue;
		}
		snprintf(pin, sizeof(pin), PIN, (int)(random() % NR_ATTACHERS));
		link = bpf_obj_get(pin);
		if (link >= 0) {
			ret = bpf_link_update(link, bpf_map__fd(policy.map), NULL);
			switch (ret) {
			case 0:
				add(&results->updated);
				usleep(random() % 50000);
				break;
			case -ENOLINK:	/* detached */
			case -EINVAL:	/* another cgroup of that name */
				add(&results->refused);
				break;
			default:
				surprise(ret);
			}
			close(link);
		}
		policy_close(&policy);
	}
}

/* Memory that is charged to the cgroup, moved by somebody who is not in it. */
static void mover(void)
{
	struct arena arena;
	int i;

	while (time_is_left()) {
		if (try_write(CGROUP_ROOT "/" CGROUP "/cgroup.procs", "0")) {
			pause_a_bit();
			continue;
		}
		arena = arena_map_untouched(ARENA_ANON, MiB);
		arena_fill(&arena, random());
		try_write(CGROUP_ROOT "/cgroup.procs", "0");
		for (i = 0; i < 6; i++) {
			arena_move(&arena, i % 2);
			add(&results->moved);
			if (arena_wrong_pages(&arena))
				surprise(EILSEQ);
		}
		arena_unmap(&arena);
	}
}

static pid_t start(void (*body)(void))
{
	pid_t pid = fork();

	REQUIRE(pid >= 0, "fork: %m");
	if (pid)
		return pid;
	srandom(time(NULL) + 7 * getpid());
	body();
	_exit(0);
}

void case_setup(void)
{
	offload_reset();
	offload_use("cpu");
	results = mmap(NULL, sizeof(*results), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(results != MAP_FAILED, "mmap: %m");
}

void case_teardown(void)
{
	cgroup_remove(CGROUP);
	offload_reset();
}

CASE(races, "attach, update, detach and removal of one cgroup at the same time")
{
	pid_t pids[3 + NR_ATTACHERS];
	size_t i, nr = 0;
	int status;

	end = time(NULL) + RACE_SECONDS;
	pids[nr++] = start(remover);
	pids[nr++] = start(updater);
	pids[nr++] = start(mover);
	for (attacher_nr = 0; attacher_nr < NR_ATTACHERS; attacher_nr++)
		pids[nr++] = start(attacher);
	for (i = 0; i < nr; i++) {
		REQUIRE(waitpid(pids[i], &status, 0) == pids[i], "waitpid: %m");
		EXPECT_EQ(status, 0);
	}
	case_note("%lu attached, %lu busy, %lu too late; %lu updated, %lu refused; "
		  "%lu cgroups made, %lu removed; %lu moves", results->attached, results->busy,
		  results->gone, results->updated, results->refused, results->made,
		  results->removed, results->moved);
	for (i = 0; i < results->unexpected && i < 8; i++)
		case_note("unexpected: %s", strerror(abs(results->errnos[i])));
	EXPECT_EQ(results->unexpected, 0);
	EXPECT_GT(results->attached, 0);
	EXPECT_GT(results->removed, 0);
	EXPECT_GT(results->moved, 0);

	cgroup_remove(CGROUP);
	for (i = 0; i < 100; i++)
		if (!shell("test -z \"$(ls " OFFLOAD_DIR "/policies)\""))
			break;
	EXPECT_EQ(shell("test -z \"$(ls " OFFLOAD_DIR "/policies)\""), 0);
}

CASES_MAIN
