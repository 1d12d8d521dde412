/* SPDX-License-Identifier: GPL-2.0 */
/* The cgroups that paths and patterns of a file stand for, as they are now. */
#ifndef _MGX_TARGETS_H
#define _MGX_TARGETS_H

#include "mgx.h"

struct config;
struct config_policy;

/* A policy of the file, and one cgroup that it is for. */
struct target {
	const struct config_policy *policy;
	char *path;
	__u64 cgroup_id;
};

struct targets {
	struct target *targets;
	size_t nr;
	int err;	/* some could not be looked at: there may be more */
};

/* Of all policies of the file; @missing, unless NULL, is told what stands for none. */
void targets_find(const struct config *config, struct targets *targets,
		  void (*missing)(void *arg, const struct config_policy *policy,
				  const char *pattern), void *arg);
/*
 * Adds those of a path or pattern that are not there yet: what stands first in the file
 * wins. How many does it stand for? A name with characters of patterns stands for itself
 * where there is one, and a backslash is one: systemd has it in names.
 */
size_t targets_match(struct targets *targets, const struct config_policy *policy,
		     const char *pattern);
void targets_free(struct targets *targets);

#endif /* _MGX_TARGETS_H */
