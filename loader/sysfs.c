// SPDX-License-Identifier: GPL-2.0
/* Reading the kernel's switches and counters. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "sysfs.h"

bool sysfs_present(void)
{
	return !access(SYSFS_DIR, F_OK);
}

char *sysfs_read_path(const char *path)
{
	char text[4096];	/* a sysfs file has at most a page */
	size_t len = 0;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	if (n < 0) {
		int err = errno;

		close(fd);
		errno = err;
		return NULL;
	}
	close(fd);
	while (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	return mgx_strdup(text);
}

static char *vread(const char *fmt, va_list ap)
{
	char *rel, *path, *text;
	int err;

	if (vasprintf(&rel, fmt, ap) < 0)
		abort();
	path = mgx_printf(SYSFS_DIR "/%s", rel);
	text = sysfs_read_path(path);
	err = errno;
	free(path);
	free(rel);
	errno = err;
	return text;
}

char *sysfs_read(const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = vread(fmt, ap);
	va_end(ap);
	return text;
}

bool sysfs_counters_read(struct sysfs_counters *counters, const char *fmt, ...)
{
	char *line, *rest;
	va_list ap;

	memset(counters, 0, sizeof(*counters));
	va_start(ap, fmt);
	counters->text = vread(fmt, ap);
	va_end(ap);
	if (!counters->text)
		return false;

	/* No more counters than bytes: one array, no growing. */
	counters->counters = mgx_alloc((strlen(counters->text) + 1) *
				       sizeof(*counters->counters));
	for (rest = counters->text; (line = strsep(&rest, "\n"));) {
		struct sysfs_counter *counter = &counters->counters[counters->nr];
		char *value = strchr(line, ' ');

		if (!value)
			continue;
		*value++ = '\0';
		counter->name = line;
		counter->value = strtoull(value, NULL, 10);
		counters->nr++;
	}
	return true;
}

void sysfs_counters_free(struct sysfs_counters *counters)
{
	free(counters->counters);
	free(counters->text);
	memset(counters, 0, sizeof(*counters));
}

bool sysfs_counter(const struct sysfs_counters *counters, const char *name,
		   __u64 *value)
{
	size_t i;

	for (i = 0; i < counters->nr; i++) {
		if (!strcmp(counters->counters[i].name, name)) {
			*value = counters->counters[i].value;
			return true;
		}
	}
	return false;
}

static int no_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

char **sysfs_entries(const char *dir)
{
	char *path = mgx_printf(SYSFS_DIR "/%s", dir);
	struct dirent **found = NULL;
	char **entries;
	int i, n;

	n = scandir(path, &found, no_dots, versionsort);
	free(path);
	if (n < 0)
		n = 0;
	entries = mgx_alloc((n + 1) * sizeof(*entries));
	for (i = 0; i < n; i++) {
		entries[i] = mgx_strdup(found[i]->d_name);
		free(found[i]);
	}
	free(found);
	return entries;
}

void sysfs_entries_free(char **entries)
{
	char **entry;

	for (entry = entries; *entry; entry++)
		free(*entry);
	free(entries);
}
