// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "counters.h"
#include "policies.h"
#include "policy_map.h"
#include "report.h"

/* The paths live as long as the process. */
static char *path(const char *build, const char *file, const char *suffix)
{
	char *text = NULL;

	if (asprintf(&text, "%s/%s%s", build, file, suffix) < 0)
		abort();
	return text;
}

static char *mgx(const struct policies *policies)
{
	return path(policies->build, "mgx", "");
}

static char *object(const struct policies *policies, const struct attached_policy *policy)
{
	char *dir = path(policies->build, "bpf", "/");
	char *file = path(dir, policy->object, ".bpf.o");

	free(dir);
	return file;
}

/* The instance that is in force now joins those that were. */
static bool remember_instance(struct attached_policy *policy)
{
	struct policy_instance *instance = &policy->instances[policy->nr_instances];
	char file[PATH_MAX], text[32];

	snprintf(file, sizeof(file), OFFLOAD "/policies/%" PRIu64 "/map_id",
		 policy->cgroup_id);
	if (!file_read(file, text, sizeof(text)))
		return check(false, "the policies' own counts", "%s: %m", file);
	instance->map_id = strtoul(text, NULL, 10);
	instance->results_fd = policy_results_fd(instance->map_id);
	if (instance->results_fd < 0)
		return check(false, "the policies' own counts", "%s: %s", policy->object,
			     policy_map_error);
	policy->nr_instances++;
	return true;
}

static bool load(struct policies *policies, struct attached_policy *policy)
{
	char *tool = mgx(policies), *file = object(policies, policy), *dir;
	struct command command;
	bool ok;

	policies->begun = true;
	policy->cgroup_id = cgroup_id_of(policy->cgroup ?: "");
	if (policy->cgroup) {
		dir = path(CGROUP_ROOT, policy->cgroup, "");
		ok = command_run(&command, tool, "load", "--cgroup", dir, file, NULL);
	} else {
		ok = command_run(&command, tool, "load", file, NULL);
	}
	if (!ok)
		return check(false, "mgx load", "%s: status %d: %s", policy->object,
			     command.status, command.text);
	policy->loaded = true;
	return remember_instance(policy);
}

bool policies_load(struct policies *policies)
{
	return load(policies, &policies->system) && load(policies, &policies->narrow) &&
	       check(true, "mgx load", "%s on the whole system, %s on cgroup %s",
		     policies->system.object, policies->narrow.object,
		     policies->narrow.cgroup);
}

bool policies_replace_begin(struct policies *policies)
{
	policies->replacing = command_start(&policies->replace, mgx(policies), "replace",
					    "--set", policies->system.set,
					    policies->system.object,
					    object(policies, &policies->system), NULL);
	return policies->replacing;
}

bool policies_replace_poll(struct policies *policies, bool *ok)
{
	if (!command_poll(&policies->replace))
		return false;
	policies->replacing = false;
	*ok = !policies->replace.status && remember_instance(&policies->system);
	return true;
}

static bool read_one(struct attached_policy *policy)
{
	int i, j;

	for (i = 0; i < policy->nr_instances; i++) {
		struct policy_instance *instance = &policy->instances[i];

		if (!policy_results_read(instance->results_fd, &instance->table))
			return check(false, "the policies' own counts", "%s: %s",
				     policy->object, policy_map_error);
		for (j = 0; j < instance->table.nr; j++)
			table_add(&policy->table, &instance->table.rows[j].key,
				  &instance->table.rows[j].sum);
	}
	table_sort(&policy->table);
	return true;
}

bool policies_read(struct policies *policies)
{
	return read_one(&policies->system) && read_one(&policies->narrow);
}

static bool unload(struct policies *policies, struct attached_policy *policy)
{
	struct command command;
	int i;

	for (i = 0; i < policy->nr_instances; i++)
		close(policy->instances[i].results_fd);
	if (!policy->loaded)
		return true;
	policy->loaded = false;
	if (command_run(&command, mgx(policies), "unload", policy->object, NULL))
		return true;
	return check(false, "the policies go", "mgx unload %s: status %d: %s", policy->object,
		     command.status, command.text);
}

/* How many attachments the kernel has, the first one's directory. */
static int attachments(char *first, size_t size)
{
	DIR *dir = opendir(OFFLOAD "/policies");
	struct dirent *entry;
	int nr = 0;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !nr++)
			snprintf(first, size, "%.60s", entry->d_name);
	closedir(dir);
	return nr;
}

bool policies_unload(struct policies *policies)
{
	char first[64] = "";
	bool ok;
	int nr;

	if (!policies->begun)
		return true;
	/* Waits for a replacement that is still under way. */
	if (policies->replacing)
		command_wait(&policies->replace);
	ok = unload(policies, &policies->narrow);
	ok &= unload(policies, &policies->system);
	nr = attachments(first, sizeof(first));
	if (nr < 0)
		return check(false, "the policies go", OFFLOAD "/policies: %m");
	if (nr)
		return check(false, "the policies go", "%d still there, first %s", nr, first);
	return ok && check(true, "the policies go", "mgx unload, %s is empty",
			   OFFLOAD "/policies");
}
