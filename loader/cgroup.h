/* SPDX-License-Identifier: GPL-2.0 */
/* Cgroups of the unified hierarchy: paths to ids and back. */
#ifndef _MGX_CGROUP_H
#define _MGX_CGROUP_H

#include "mgx.h"

#define CGROUP_ROOT_ID	1

/* Where cgroup2 is mounted, NULL when nowhere. To be freed. */
char *cgroup_mount(void);

/*
 * The cgroup that @arg names: an id, a path in the file system, or a path from
 * the root of the hierarchy. 0, or the exit status after saying what is wrong.
 */
int cgroup_resolve(struct mgx *mgx, const char *what, const char *arg, __u64 *id);

/* Its path from the root of the hierarchy, NULL when it has gone. To be freed. */
char *cgroup_path(__u64 id);
/* Was it removed? False, too, where nobody can say. */
bool cgroup_is_gone(__u64 id);

/* Has the cgroup of that path (from cgroup_path()) a memory controller? */
bool cgroup_has_memory(const char *path);

/* The id of a directory: 0 or -errno, in silence. */
int cgroup_id_of_path(const char *path, __u64 *id);

#endif /* _MGX_CGROUP_H */
