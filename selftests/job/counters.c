// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "counters.h"

bool file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;
	ssize_t len;

	text[0] = '\0';
	if (fd < 0)
		return false;
	len = read(fd, text, size - 1);
	error = errno;
	close(fd);
	errno = error;
	if (len < 0)
		return false;
	text[len] = '\0';
	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	return true;
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		ret = errno ? -errno : -EIO;
	close(fd);
	return ret;
}

bool file_exists(const char *path)
{
	return !access(path, F_OK);
}

bool counters_read(struct counters *counters, const char *fmt, ...)
{
	char path[PATH_MAX], text[4096], *line, *save;
	va_list args;

	counters->nr = 0;
	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	if (!file_read(path, text, sizeof(text)))
		return false;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct counter *c = &counters->list[counters->nr];

		if (counters->nr < (int)(sizeof(counters->list) / sizeof(*c)) &&
		    sscanf(line, "%47s %" SCNu64, c->name, &c->value) == 2)
			counters->nr++;
	}
	return true;
}

static const struct counter *find(const struct counters *counters, const char *name)
{
	int i;

	for (i = 0; i < counters->nr; i++)
		if (!strcmp(counters->list[i].name, name))
			return &counters->list[i];
	return NULL;
}

bool counters_have(const struct counters *counters, const char *name)
{
	return find(counters, name);
}

uint64_t counters_get(const struct counters *counters, const char *name)
{
	const struct counter *c = find(counters, name);

	return c ? c->value : 0;
}

void counters_since(struct counters *counters, const struct counters *before)
{
	int i;

	for (i = 0; i < counters->nr; i++)
		counters->list[i].value -= counters_get(before, counters->list[i].name);
}
