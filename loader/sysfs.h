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
/* 0, or the exit status after saying that this kernel has none of it. */
int sysfs_require(struct mgx *mgx, const char *what);

/* What a file has, without the newline at its end; NULL and errno. To be freed. */
char *sysfs_read(const char *fmt, ...) __printf(1, 2);
char *sysfs_read_path(const char *path);

/* One store. 0 or -errno. */
int sysfs_write_path(const char *path, const char *text);
int sysfs_write(const char *text, const char *fmt, ...) __printf(2, 3);

/* Reads the counters of a file; false and errno when it cannot. */
bool sysfs_counters_read(struct sysfs_counters *counters, const char *fmt, ...)
	__printf(2, 3);
/* Those of a text, which it takes over; false when that is NULL. */
bool sysfs_counters_parse(struct sysfs_counters *counters, char *text);
void sysfs_counters_free(struct sysfs_counters *counters);
/* False when there is no counter of that name. */
bool sysfs_counter(const struct sysfs_counters *counters, const char *name,
		   __u64 *value);

/* The entries of a directory, sorted, without dots; NULL-terminated. */
char **sysfs_entries(const char *dir);
/* Of any directory, by its whole path. */
char **sysfs_entries_path(const char *fmt, ...) __printf(1, 2);
void sysfs_entries_free(char **entries);

#endif /* _MGX_SYSFS_H */
