// SPDX-License-Identifier: GPL-2.0
/* The engine and its driver: faults, reloads, unbinding. One of these at a time. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../lib/dcbm.h"
#include "../lib/offload.h"
#include "torture.h"

#define DRIVER	"/sys/bus/platform/drivers/dmasim"
#define FAULTS	"/sys/kernel/debug/dmasim"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static long note_errno(struct run *run, int ret)
{
	if (ret)
		atomic_store(&run->count->last_errno, -ret);
	return !ret;
}

/* Starting modprobe takes as long as everything else together. */
static int load_dcbm(void)
{
	struct utsname names;
	char path[PATH_MAX];
	int fd, ret;

	uname(&names);
	snprintf(path, sizeof(path), "/lib/modules/%s/kernel/drivers/migrate_offload/dcbm.ko",
		 names.release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "enable=Y timeout_ms=500", 0) ? -errno : 0;
	close(fd);
	return ret;
}

static void engine_back(void)
{
	dcbm_enable(0);
	dcbm_enable(1);
	try_write(OFFLOAD_DIR "/default_migrator", "dcbm");
}

/* --- faults: none, one, or all of them --- */

static void set_fault(const char *dir, const char *file, unsigned int value)
{
	char path[PATH_MAX], text[16];

	snprintf(path, sizeof(path), FAULTS "/%s/%s", dir, file);
	snprintf(text, sizeof(text), "%d", (int)value);
	try_write(path, text);
}

/* A lie is what no client can know of: it is not among them. */
static const struct {
	const char *dir;
	unsigned int most;		/* per cent */
} faults[] = {
	{ "fail_copy", 20 }, { "fail_partial", 20 }, { "fail_prep", 20 }, { "fail_submit", 20 },
	{ "fail_hang", 2 },
};

#define NR_FAULTS	(sizeof(faults) / sizeof(faults[0]))

static const char *faults_setup(struct run *run)
{
	unsigned int i;

	if (!exists(FAULTS "/fail_copy"))
		return missing(run, "dmasim without fault injection in debugfs");
	for (i = 0; i < NR_FAULTS; i++) {
		set_fault(faults[i].dir, "times", -1);
		set_fault(faults[i].dir, "verbose", 0);
	}
	return NULL;
}

static long faults_step(struct run *run)
{
	unsigned int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < NR_FAULTS; i++)
		set_fault(faults[i].dir, "probability", chance(&run->dice, 3) ?
			  1 + roll(&run->dice, faults[i].most) : 0);
	dmasim_set("latency_ns", 500000 + roll(&run->dice, 2000000));
	/* A descriptor for many folios, or one for each. */
	dcbm_try_set("sg", chance(&run->dice, 2) ? "Y" : "N");
	/* Channels that hung are in quarantine until then. */
	engine_back();
	pthread_mutex_unlock(&lock);
	return 1;
}

static void faults_teardown(struct run *run)
{
	unsigned int i;

	(void)run;
	for (i = 0; i < NR_FAULTS; i++)
		set_fault(faults[i].dir, "probability", 0);
}

ACTOR(DISTURBER, engine_faults, "faults of the engine", .place = DISTURBING,
      .setup = faults_setup, .step = faults_step, .teardown = faults_teardown,
      .pause_us = 2000000)

/* --- dcbm goes and comes --- */

static long reload_step(struct run *run)
{
	long done;

	pthread_mutex_lock(&lock);
	done = note_errno(run, try_remove("dcbm"));
	pause_us(roll(&run->dice, 50000));
	if (done && !note_errno(run, load_dcbm()))
		failure("dcbm does not load any more: %s",
			strerror(atomic_load(&run->count->last_errno)));
	try_write(OFFLOAD_DIR "/default_migrator", "dcbm");
	pthread_mutex_unlock(&lock);
	return done;
}

ACTOR(DISTURBER, dcbm_reload, "dcbm unloaded and loaded", .place = DISTURBING,
      .step = reload_step, .pause_us = 4000000)

/* --- the provider goes and comes --- */

static long unbind_step(struct run *run)
{
	long done;

	pthread_mutex_lock(&lock);
	done = note_errno(run, try_write(DRIVER "/unbind", "dmasim.0"));
	pause_us(roll(&run->dice, 50000));
	if (done && try_write(DRIVER "/bind", "dmasim.0"))
		failure("dmasim.0 cannot be bound again");
	engine_back();
	pthread_mutex_unlock(&lock);
	return done;
}

ACTOR(DISTURBER, unbind, "the engine unbound and bound", .place = DISTURBING,
      .step = unbind_step, .pause_us = 4000000)
