/* SPDX-License-Identifier: GPL-2.0 */
/* What numbers in events are called; asked once, for there are many events. */
#ifndef _MGX_NAMES_H
#define _MGX_NAMES_H

#include "mgx.h"

/* They stay, but for cgroups; what has no name (any more) is called by its number. */
const char *name_of_migrator(__u32 id);	/* 0: "none" */
const char *name_of_cgroup(__u64 id);	/* until names_trim() */
const char *name_of_reason(struct mgx *mgx, __u32 reason);

/* Cgroups come and go for as long as one looks: too many names are forgotten. */
void names_trim(void);

/* The id of a migrator's name, 0 when there is none. */
__u32 migrator_of_name(const char *name);

/* Can BPF programs see the events of copy offload? 0, or the exit status. */
int names_require_events(struct mgx *mgx, const char *what);

#endif /* _MGX_NAMES_H */
