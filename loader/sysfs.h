/* SPDX-License-Identifier: GPL-2.0 */
/* /sys/kernel/mm/migrate_offload, see Documentation/ABI. */
#ifndef _MGX_SYSFS_H
#define _MGX_SYSFS_H

#include "mgx.h"

#define SYSFS_DIR	"/sys/kernel/mm/migrate_offload"

/* `name value` lines, as of one read. */
struct sysfs_counters {
	char *text;		/* the names stand in here */
	size_t nr;
	struct sysfs_counter {
		const char *name;
		__u64 value;
	} *counters;
};

bool sysfs_present(void);

/* What a file has, without the newline at its end; NULL and errno. To be freed. */
char *sysfs_read(const char *fmt, ...) __printf(1, 2);
char *sysfs_read_path(const char *path);

/* Reads the counters of a file; false and errno when it cannot. */
bool sysfs_counters_read(struct sysfs_counters *counters, const char *fmt, ...)
	__printf(2, 3);
void sysfs_counters_free(struct sysfs_counters *counters);
/* False when there is no counter of that name. */
bool sysfs_counter(const struct sysfs_counters *counters, const char *name,
		   __u64 *value);

/* The entries of a directory, sorted, without dots; NULL-terminated. */
char **sysfs_entries(const char *dir);
void sysfs_entries_free(char **entries);

#endif /* _MGX_SYSFS_H */
