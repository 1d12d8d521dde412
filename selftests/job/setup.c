// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cgroup.h"
#include "command.h"
#include "counters.h"
#include "job.h"
#include "report.h"

#define DCBM_PARAMETERS	"/sys/module/dcbm/parameters"

static bool modprobe(const char *what, const char *a, const char *b)
{
	struct command command;

	if (command_run(&command, "/bin/sh", "-c", "exec modprobe $0 $1", a, b, NULL))
		return true;
	return check(false, what, "modprobe %s %s: status %d: %s", a, b, command.status,
		     command.text);
}

bool job_load_modules(struct job *job)
{
	static const char what[] = "the engine and its driver load";
	const struct options *o = &job->options;
	struct counters status;
	/* The time of an emulated engine is that of a machine that may have other work. */
	char params[64] = "timeout_ms=60000";
	uint64_t idle;
	int ret;

	if (o->channels)
		snprintf(params, sizeof(params), "timeout_ms=60000 channels=%u", o->channels);

	job->modules = true;
	if (!modprobe(what, o->module, o->engine) || !modprobe(what, "dcbm", params))
		return false;
	ret = file_write(DCBM_PARAMETERS "/enable", "Y");
	if (ret)
		return check(false, what, "dcbm enable <- Y: %s", strerror(-ret));
	if (!counters_read(&status, DCBM_PARAMETERS "/status"))
		return check(false, what, "no status of dcbm");
	idle = counters_get(&status, "channels_idle");
	return check(o->channels ? idle == o->channels : idle > 0, what,
		     "%s (%s), dcbm on, %" PRIu64 " channels", o->module, o->engine, idle);
}

void job_unload_modules(struct job *job)
{
	static const char what[] = "the engine and its driver go";

	const char *module = job->options.module;
	char path[256];

	if (!job->modules || !modprobe(what, "-r", "dcbm") || !modprobe(what, "-r", module))
		return;
	snprintf(path, sizeof(path), "/sys/module/%s", module);
	check(!file_exists("/sys/module/dcbm") && !file_exists(path), what,
	      "modprobe -r dcbm, %s", module);
}

static bool start_one(struct job *job, int i)
{
	struct process *p = &job->processes[i];
	char dir[256];
	struct live_options options = {
		.owner = i + 1,
		.bytes = job->options.mib << 20,
		.huge = p->huge,
		.cgroup = dir,
	};
	int ret;

	ret = cgroup_make(p->cgroup);
	p->cgroup_id = cgroup_id_of(p->cgroup);
	if (ret || !p->cgroup_id)
		return check(false, "live memory", "cgroup %s: %s", p->cgroup, strerror(-ret));
	snprintf(dir, sizeof(dir), CGROUP_ROOT "/%s", p->cgroup);
	if (!live_start(&p->live, &options) || !live_wait(&p->live, LIVE_RUNNING))
		return check(false, "live memory", "%s: %s", p->cgroup, p->live.error);
	return true;
}

/* What it is made of, before anything has moved. */
static bool right_folios(struct process *p)
{
	uint64_t huge = p->live.shared->huge_bytes, all = p->live.options.bytes;

	return check(huge == (p->huge ? all : 0), "live memory",
		     "%s: %" PRIu64 " MiB, %" PRIu64 " MiB of it in 2 MiB folios, pid %d",
		     p->cgroup, all >> 20, huge >> 20, p->live.pid);
}

bool job_start_processes(struct job *job)
{
	int i;

	for (i = 0; i < NR_PROCESSES; i++)
		if (!start_one(job, i) || !right_folios(&job->processes[i]))
			return false;
	return true;
}

void job_stop_processes(struct job *job)
{
	int i, ret;

	for (i = 0; i < NR_PROCESSES; i++) {
		struct process *p = &job->processes[i];

		live_stop(&p->live);
		ret = p->cgroup_id ? cgroup_remove(p->cgroup) : 0;
		if (ret)
			check(false, "cgroups removed", "%s: %s", p->cgroup, strerror(-ret));
	}
}

void job_free_processes(struct job *job)
{
	int i;

	for (i = 0; i < NR_PROCESSES; i++)
		live_free(&job->processes[i].live);
}
