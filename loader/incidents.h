/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's record of ejections and quarantines, see incidents in Documentation/ABI. */
#ifndef _MGX_INCIDENTS_H
#define _MGX_INCIDENTS_H

#include "mgx.h"

struct incident {
	__u64 seq;		/* from 1 on */
	__u64 when;		/* seconds since 1970 */
	const char *what;
	const char *name;	/* of the policy or migrator */
	const char *text;
};

/* Takes a line apart, in its place; false when it is none. */
bool incident_parse(char *line, struct incident *incident);

/* The number of the last one, 0: there is none. */
__u64 incidents_last(void);
/* What the last ejection of that policy says that came after @seq. NULL or to be freed. */
char *incidents_ejected(__u64 seq, const char *name, __u64 cgroup_id);

#endif /* _MGX_INCIDENTS_H */
