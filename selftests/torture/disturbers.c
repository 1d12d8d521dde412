// SPDX-License-Identifier: GPL-2.0
/* What comes and goes while pages move: cgroups, CPUs, policies. See engine.c, too. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/cgroup.h"
#include "../lib/offload.h"
#include "../lib/policy.h"
#include "ground.h"

static long note_errno(struct run *run, int ret)
{
	if (ret)
		atomic_store(&run->count->last_errno, -ret);
	return !ret;
}

/* --- cgroups: the memory stays with the one that it was charged to --- */

static int put_owner(unsigned int owner, const char *cgroup)
{
	char path[PATH_MAX], text[16];

	snprintf(path, sizeof(path), CGROUP_ROOT "/%s/cgroup.procs", cgroup);
	snprintf(text, sizeof(text), "%d", shared->pid[owner]);
	return try_write(path, text);
}

/* Into a new one, out of it again a little later, and then it goes, charges and all. */
static long cgroups_step(struct run *run)
{
	unsigned int owner = ground_owner(run);
	char name[64];
	long done;

	snprintf(name, sizeof(name), "torture.%llu", atomic_load(&run->count->steps));
	if (!note_errno(run, cgroup_make(name)))
		return 0;
	done = note_errno(run, put_owner(owner, name));
	pause_us(roll(&run->dice, 500000));
	put_owner(owner, "");
	snprintf(name, sizeof(name), CGROUP_ROOT "/torture.%llu", atomic_load(&run->count->steps));
	while (rmdir(name) && errno == EBUSY && !stopped())
		usleep(10000);
	rmdir(name);
	return done;
}

ACTOR(DISTURBER, cgroups, "cgroups made, moved into, and removed", .place = DISTURBING,
      .step = cgroups_step, .pause_us = 300000)

/* --- CPUs --- */

#define CPU	"/sys/devices/system/cpu/cpu1/online"

static const char *cpu_setup(struct run *run)
{
	return exists(CPU) ? NULL : missing(run, "no CPU that can go");
}

static long cpu_step(struct run *run)
{
	long done = note_errno(run, try_write(CPU, "0"));

	pause_us(roll(&run->dice, 500000));
	if (try_write(CPU, "1"))
		failure("CPU 1 does not come back");
	return done;
}

ACTOR(DISTURBER, cpu_hotplug, "a CPU offline and online", .place = DISTURBING,
      .setup = cpu_setup, .step = cpu_step, .pause_us = 10000000)

/* --- policies --- */

struct choice {
	const char *object, *map;
	unsigned int by_name, random;
};

/* The repository's own, by their path from the tests' directory; and steered ones. */
static const struct choice choices[] = {
	{ "steer", "steer", .by_name = STEER_DCBM },
	{ "steer", "steer", .random = 1 },
	{ "steer", "steer", .by_name = STEER_TEST },
	{ .object = "../bpf/default", .map = "default_ops" },
	{ .object = "../bpf/by_reason", .map = "by_reason_ops" },
	{ .object = "../bpf/latency", .map = "latency_ops" },
};

#define CHOICES	(sizeof(choices) / sizeof(choices[0]))

static bool load_any(struct run *run, struct policy *policy, uint64_t cgroup_id)
{
	const struct choice *choice = &choices[roll(&run->dice, CHOICES)];
	int ret = policy_load(policy, choice->object, choice->map, cgroup_id);

	if (ret) {
		failure("policy %s: %s\n%s", choice->object, strerror(-ret), policy_log());
		return false;
	}
	/* Of the others this is somebody else's memory. */
	if (!strcmp(choice->object, "steer")) {
		policy->knobs->eligible = 1;
		policy->knobs->by_name = choice->by_name;
		policy->knobs->random = choice->random;
	}
	return true;
}

/* One for the whole system or a cgroup: attached, updated some times, detached. */
static long policies_step(struct run *run)
{
	struct policy now, next;
	uint64_t cgroup_id = 0;
	unsigned int updates = roll(&run->dice, 5);
	long done = 0;

	if (chance(&run->dice, 3) && !cgroup_make("torture.policy")) {
		cgroup_id = cgroup_id_of("torture.policy");
		put_owner(ground_owner(run), "torture.policy");
	}
	if (!load_any(run, &now, cgroup_id))
		return 0;
	done += note_errno(run, policy_attach(&now));
	while (done && updates-- && !stopped()) {
		pause_us(roll(&run->dice, 500000));
		if (!load_any(run, &next, cgroup_id))
			break;
		if (!note_errno(run, policy_replace(&now, &next))) {
			policy_close(&next);
			break;
		}
		policy_close(&now);
		now = next;
		done++;
	}
	pause_us(roll(&run->dice, 500000));
	/* Detached by closing it; or its cgroup goes first. */
	if (cgroup_id) {
		unsigned int owner;

		for (owner = 0; owner < shared->owners; owner++)
			put_owner(owner, "");
		rmdir(CGROUP_ROOT "/torture.policy");
	}
	policy_close(&now);
	return done;
}

ACTOR(DISTURBER, policies, "policies attached, updated, detached", .place = DISTURBING,
      .step = policies_step, .pause_us = 300000)

/* --- the admin's switches --- */

static long switches_step(struct run *run)
{
	static const char * const migrators[] = { "dcbm", "test", "cpu", "test" };
	static const char * const pages[] = { "512", "4096", "0", "32" };

	/* dcbm is not always there. */
	note_errno(run, try_write(OFFLOAD_DIR "/default_migrator",
				  migrators[roll(&run->dice, 4)]));
	note_errno(run, try_write(OFFLOAD_DIR "/batch_pages", pages[roll(&run->dice, 4)]));
	return 1;
}

ACTOR(DISTURBER, switches, "default migrator and length of batches", .place = DISTURBING,
      .step = switches_step, .pause_us = 1000000)
