// SPDX-License-Identifier: GPL-2.0
/*
 * mgx status: what the kernel shows in sysfs, which anyone may read, its record of
 * ejections and quarantines with it, and the policies' own counters for those who may.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/capability.h>

#include "error.h"
#include "kernel.h"
#include "options.h"
#include "out.h"
#include "policy.h"
#include "sections.h"
#include "sysfs.h"

static int take_policy(int key, char *value, void *data)
{
	const char **policy = data;

	if (key != ARGP_KEY_ARG || *policy)
		return ARGP_ERR_UNKNOWN;
	*policy = value;
	return 0;
}

/* Leaves only those attachments whose policy is called so. */
static size_t keep_named(char **ids, const char *name)
{
	size_t kept = 0;
	char **id;

	for (id = ids; *id; id++) {
		char *policy = sysfs_read("policies/%s/name", *id);

		if (policy && !strcmp(policy, name))
			ids[kept++] = *id;
		else
			free(*id);
		free(policy);
	}
	ids[kept] = NULL;
	return kept;
}

static size_t keep_cgroup(char **ids, __u64 cgroup_id)
{
	size_t kept = 0;
	char **id;

	for (id = ids; *id; id++) {
		if (strtoull(*id, NULL, 10) == cgroup_id)
			ids[kept++] = *id;
		else
			free(*id);
	}
	ids[kept] = NULL;
	return kept;
}

/* By its link or its pin, which sysfs does not know: that takes privileges. */
static int keep_found(struct mgx *mgx, const char *what, char **ids, const char *name,
		      struct policies *policies, struct policy **found)
{
	int ret = policies_read(mgx, what, policies);

	if (ret)
		return ret;
	*found = policies_find(mgx, what, policies, name, &ret);
	if (!*found)
		return ret;
	if (!(*found)->map_id || !keep_cgroup(ids, (*found)->cgroup_id))
		return mgx_fail(mgx, MGX_NOT_FOUND, "load it with `mgx load`",
				"%s: %s: it is detached, only its pin is left", what, name);
	return 0;
}

int cmd_status(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot show the status";
	struct policies policies = {}, one = { .nr = 1 };
	bool privileged = kernel_have_cap(CAP_SYS_ADMIN);
	const char *only = NULL;
	char **ids;
	int ret;

	ret = options_parse(mgx, argc, argv, NULL, take_policy, &only);
	if (ret)
		return ret;
	ret = sysfs_require(mgx, what);
	if (ret)
		return ret;

	ids = sysfs_entries("policies");
	if (only && !keep_named(ids, only)) {
		if (!privileged && strncmp(only, "id:", 3)) {
			ret = mgx_fail(mgx, MGX_NOT_FOUND, "`mgx status` shows those there are",
				       "%s: policy %s: no policy of this name is attached", what,
				       only);
			goto out;
		}
		sysfs_entries_free(ids);
		ids = sysfs_entries("policies");
		ret = keep_found(mgx, what, ids, only, &policies, &one.policies);
		if (ret)
			goto out;
		only = one.policies->name;
	}

	if (!only) {
		show_switches(mgx);
		show_migrators(mgx, NULL);
	}
	show_policies(mgx, ids);
	show_incidents(mgx, only, NULL);
	show_books(mgx, ids, !only);

	/* Reading a policy's own memory takes privileges; the rest does not. */
	if (one.policies) {
		ret = show_own_counters(mgx, what, &one, NULL);
	} else if (*ids && privileged && kernel_ops_type(mgx) >= 0) {
		ret = policies_read(mgx, what, &policies);
		if (!ret)
			ret = show_own_counters(mgx, what, &policies, only);
	}
out:
	policies_free(&policies);
	sysfs_entries_free(ids);
	return ret;
}
