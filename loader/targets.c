// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
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

/* There is none of that name, which is no error. */
static bool is_nothing(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -ENAMETOOLONG;
}

/* Of a directory that glob() cannot read. */
static int is_an_error(const char *path, int err)
{
	(void)path;
	return !is_nothing(-err) && err != ENODEV;
}

size_t targets_match(struct targets *targets, const struct config_policy *policy,
		     const char *pattern)
{
	char *mount, *full;
	glob_t found = {};
	size_t i, nr = 0;
	__u64 id;
	int err;

	if (!strcmp(pattern, "/")) {
		add(targets, policy, mgx_strdup("/"), CGROUP_ROOT_ID);
		return 1;
	}
	mount = cgroup_mount();
	if (!mount) {
		targets->err = -ENODEV;
		return 0;
	}
	full = mgx_printf("%s%s", mount, pattern);
	err = cgroup_id_of_path(full, &id);
	if (!err) {
		add(targets, policy, mgx_strdup(pattern), id);
		nr++;
		goto out;
	}
	if (!is_nothing(err))
		targets->err = err;
	err = glob(full, GLOB_ONLYDIR | GLOB_NOESCAPE, is_an_error, &found);
	if (err && err != GLOB_NOMATCH)
		targets->err = err == GLOB_NOSPACE ? -ENOMEM : -EIO;
	for (i = 0; !err && i < found.gl_pathc; i++) {
		int gone = cgroup_id_of_path(found.gl_pathv[i], &id);

		if (!gone) {
			add(targets, policy, mgx_strdup(found.gl_pathv[i] + strlen(mount)), id);
			nr++;
		} else if (!is_nothing(gone)) {
			targets->err = gone;
		}
	}
	if (!err)
		globfree(&found);
out:
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
			if (!targets_match(targets, policy, *pattern) && !targets->err && missing)
				missing(arg, policy, *pattern);
	}
}
