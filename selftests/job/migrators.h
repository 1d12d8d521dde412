/* SPDX-License-Identifier: GPL-2.0 */
/* The migrators that the kernel knows, by id and by name, and their counters. */
#ifndef JOB_MIGRATORS_H
#define JOB_MIGRATORS_H

#include "counters.h"

struct migrator_info {
	uint32_t id;
	char name[16];
	struct counters before;
	struct counters since;
};

#define MAX_MIGRATORS	32

extern struct migrator_info migrators[MAX_MIGRATORS];
extern int nr_migrators;

/* Finds them and remembers their counters. */
bool migrators_begin(void);
/* What the counters have grown by. */
bool migrators_end(void);
/* "none" for 0, "?" for one that is not known. */
const char *migrator_name(uint32_t id);
/* -1 when there is none of that name. */
int migrator_id(const char *name);

#endif /* JOB_MIGRATORS_H */
