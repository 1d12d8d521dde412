/* SPDX-License-Identifier: GPL-2.0 */
/* cgroups of the unified hierarchy, with the memory controller. */
#ifndef SELFTESTS_CGROUP_H
#define SELFTESTS_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#define CGROUP_ROOT	"/sys/fs/cgroup"

/* Makes CGROUP_ROOT/NAME, memory accounted; 0 or -errno. */
int cgroup_make(const char *name);
/* Kills what is in it and removes it; 0 or -errno. */
int cgroup_remove(const char *name);
/* The id that the kernel knows it by; 0 when there is none. "" is the root. */
uint64_t cgroup_id_of(const char *name);

#endif /* SELFTESTS_CGROUP_H */
