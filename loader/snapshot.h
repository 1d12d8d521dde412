/* SPDX-License-Identifier: GPL-2.0 */
/* All counters of the kernel, read at one moment. */
#ifndef _MGX_SNAPSHOT_H
#define _MGX_SNAPSHOT_H

#include "mgx.h"
#include "sysfs.h"

struct book {
	char *reason;
	struct sysfs_counters counters;
};

struct books {
	struct book *books;
	size_t nr;
};

struct snapshot_policy {
	char *id;		/* of its cgroup */
	char *path;		/* of its cgroup; NULL: gone */
	char *name;
	bool enabled;		/* false: ejected */
	struct sysfs_counters events;
	struct books books;
};

struct snapshot_migrator {
	char *name;
	char *state;
	struct sysfs_counters events;
};

struct snapshot {
	bool policies_enabled;
	__u64 incidents;	/* the number of the last one */
	struct sysfs_counters events;
	struct books books;
	struct snapshot_policy *policies;
	size_t nr_policies;
	struct snapshot_migrator *migrators;
	size_t nr_migrators;
};

void snapshot_take(struct snapshot *snapshot);
void snapshot_free(struct snapshot *snapshot);

#endif /* _MGX_SNAPSHOT_H */
