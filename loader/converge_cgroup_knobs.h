/* SPDX-License-Identifier: GPL-2.0 */
/* What a file says of single cgroups: members cgroup_knobs of a policy. */
#ifndef _MGX_CONVERGE_CGROUP_KNOBS_H
#define _MGX_CONVERGE_CGROUP_KNOBS_H

#include "mgx.h"

struct cgroup_knobs;
struct config_policy;
struct converge;

/*
 * Makes @knobs, of what runs, as @policy wants them: those that it names have the cgroups
 * that it names and no others. A row for each difference.
 */
void converge_cgroup_knobs(struct converge *converge, const char *title,
			   const struct config_policy *policy, const struct cgroup_knobs *knobs);
/* The same for what is not attached yet, in silence: 0 or -errno. */
int converge_cgroup_knobs_fill(const struct config_policy *policy, const struct cgroup_knobs *knobs);

#endif /* _MGX_CONVERGE_CGROUP_KNOBS_H */
