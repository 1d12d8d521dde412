// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "config.h"
#include "error.h"
#include "targets.h"

static void add(struct targets *targets, const struct config_policy *policy, char *path, __u64 id)
{
	size_t i;

	/* What stands first in the file wins. */
	for (i = 0; i < targets->nr; i++) {
		if (targets->targets[i].cgroup_id == id) {
			free(path);
			return;
		}
	}
	targets->targets = realloc(targets->targets, (targets->nr + 1) * sizeof(*targets->targets));
	if (!targets->targets)
		abort();
	targets->targets[targets->nr++] = (struct target) {
		.policy = policy, .path = path, .cgroup_id = id,
	};
}

void targets_free(struct targets *targets)
{
	size_t i;

	for (i = 0; i < targets->nr; i++)
		free(targets->targets[i].path);
	free(targets->targets);
}

size_t targets_match(struct targets *targets, const struct config_policy *policy,
		     const char *pattern)
{
	char *mount = cgroup_mount(), *full;
	glob_t found = {};
	size_t i, nr = 0;
	__u64 id;

	if (!mount)
		return 0;
	if (!strcmp(pattern, "/")) {
		free(mount);
		add(targets, policy, mgx_strdup("/"), CGROUP_ROOT_ID);
		return 1;
	}
	full = mgx_printf("%s%s", mount, pattern);
	if (!glob(full, GLOB_ONLYDIR, NULL, &found)) {
		for (i = 0; i < found.gl_pathc; i++) {
			if (cgroup_id_of_path(found.gl_pathv[i], &id))
				continue;
			add(targets, policy, mgx_strdup(found.gl_pathv[i] + strlen(mount)), id);
			nr++;
		}
		globfree(&found);
	}
	free(full);
	free(mount);
	return nr;
}

void targets_find(const struct config *config, struct targets *targets,
		  void (*missing)(void *arg, const struct config_policy *policy,
				  const char *pattern), void *arg)
{
	char **pattern;
	size_t i;

	memset(targets, 0, sizeof(*targets));
	for (i = 0; i < config->nr_policies; i++) {
		const struct config_policy *policy = &config->policies[i];

		if (!policy->cgroups)
			add(targets, policy, mgx_strdup("/"), CGROUP_ROOT_ID);
		for (pattern = policy->cgroups; pattern && *pattern; pattern++)
			if (!targets_match(targets, policy, *pattern) && missing)
				missing(arg, policy, *pattern);
	}
}
