/* SPDX-License-Identifier: GPL-2.0 */
/* Pins: a policy outlives mgx because its link has a name in bpffs. */
#ifndef _MGX_BPFFS_H
#define _MGX_BPFFS_H

#include "mgx.h"

/* Where bpffs is mounted, NULL when nowhere. To be freed. */
char *bpffs_mount(void);

/* The path of the pin of @name, in our directory. NULL when there is no bpffs. */
char *bpffs_pin_path(const char *name);

/* Makes our directory. 0, or the exit status after saying what is wrong. */
int bpffs_prepare(struct mgx *mgx, const char *what);

/* Calls @each for every pin of ours, until one returns other than 0. */
int bpffs_for_each_pin(int (*each)(const char *path, const char *name, void *arg),
		       void *arg);

#endif /* _MGX_BPFFS_H */
