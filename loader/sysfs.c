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
	size_t len = 0, size = 0;
	char *text = NULL;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	do {
		if (len + 1 >= size) {
			size += 4096;	/* a file of sysfs has no more, others may */
			text = realloc(text, size + 1);
			if (!text)
				abort();
		}
		n = read(fd, text + len, size - len);
		len += n > 0 ? n : 0;
	} while (n > 0);
	if (n < 0) {
		int err = errno;

		close(fd);
		free(text);
		errno = err;
		return NULL;
	}
	close(fd);
	while (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	return text;
}

int sysfs_write_path(const char *path, const char *text)
{
	ssize_t len, n;
	int fd, err = 0;

	/* The kernel is not told of a write of nothing: nothing is an empty line. */
	if (!*text)
		text = "\n";
	len = strlen(text);

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* A store is one write: half of a value is none. */
	n = write(fd, text, len);
	if (n != len)
		err = n < 0 ? -errno : -EIO;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

int sysfs_write(const char *text, const char *fmt, ...)
{
	char *rel, *path;
	va_list ap;
	int err;

	va_start(ap, fmt);
	if (vasprintf(&rel, fmt, ap) < 0)
		abort();
	va_end(ap);
	path = mgx_printf(SYSFS_DIR "/%s", rel);
	err = sysfs_write_path(path, text);
	free(path);
	free(rel);
	return err;
}

int sysfs_require(struct mgx *mgx, const char *what)
{
	if (sysfs_present())
		return 0;
	return mgx_fail(mgx, MGX_NO_FEATURE,
			"boot a kernel with the migrate_ext patches and CONFIG_MIGRATE_OFFLOAD=y",
			"%s: " SYSFS_DIR ": this kernel does not have it", what);
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

bool sysfs_counters_parse(struct sysfs_counters *counters, char *text)
{
	char *line, *rest;

	memset(counters, 0, sizeof(*counters));
	counters->text = text;
	if (!text)
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

bool sysfs_counters_read(struct sysfs_counters *counters, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = vread(fmt, ap);
	va_end(ap);
	return sysfs_counters_parse(counters, text);
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

static char **read_entries(const char *path)
{
	struct dirent **found = NULL;
	char **entries;
	int i, n;

	n = scandir(path, &found, no_dots, versionsort);
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

char **sysfs_entries(const char *dir)
{
	char *path = mgx_printf(SYSFS_DIR "/%s", dir);
	char **entries = read_entries(path);

	free(path);
	return entries;
}

char **sysfs_entries_path(const char *fmt, ...)
{
	char **entries, *path;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&path, fmt, ap) < 0)
		abort();
	va_end(ap);
	entries = read_entries(path);
	free(path);
	return entries;
}

void sysfs_entries_free(char **entries)
{
	char **entry;

	for (entry = entries; *entry; entry++)
		free(*entry);
	free(entries);
}
