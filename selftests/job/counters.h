/* SPDX-License-Identifier: GPL-2.0 */
/* Files of the kernel: single values, and counters as "name value" lines. */
#ifndef JOB_COUNTERS_H
#define JOB_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OFFLOAD	"/sys/kernel/mm/migrate_offload"

struct counter {
	char name[48];
	uint64_t value;
};

struct counters {
	int nr;
	struct counter list[40];
};

/* In one read, so that it is of one moment. False with errno when there is no such file. */
bool counters_read(struct counters *counters, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* 0 when it has no such line. */
uint64_t counters_get(const struct counters *counters, const char *name);
bool counters_have(const struct counters *counters, const char *name);
/* Of every line what it has grown by. */
void counters_since(struct counters *counters, const struct counters *before);

/* The text without the newline at its end; false with errno. */
bool file_read(const char *path, char *text, size_t size);
/* 0 or -errno */
int file_write(const char *path, const char *text);
bool file_exists(const char *path);

#endif /* JOB_COUNTERS_H */
