// SPDX-License-Identifier: GPL-2.0
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "case.h"
#include "mtcopy.h"
#include "offload.h"

#define MTCOPY_PARAMETERS	"/sys/module/mtcopy/parameters"
#define GATE_PARAMETERS		"/sys/module/copy_gate/parameters"

void mtcopy_start(const char *params)
{
	mtcopy_stop();
	probe("mtcopy", params);
}

void mtcopy_stop(void)
{
	if (is_loaded("mtcopy"))
		remove_module("mtcopy");
}

int mtcopy_try_set(const char *parameter, const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), MTCOPY_PARAMETERS "/%s", parameter);
	return try_write(path, value);
}

uint64_t mtcopy_get(const char *parameter)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), MTCOPY_PARAMETERS "/%s", parameter);
	return read_number(path);
}

uint64_t mtcopy_status(const char *name)
{
	return counter(MTCOPY_PARAMETERS "/status", name);
}

void gate_start(void)
{
	char params[32];

	gate_stop();
	snprintf(params, sizeof(params), "pid=%d", getpid());
	insert("copy_gate", params);
}

void gate_stop(void)
{
	if (is_loaded("copy_gate"))
		remove_module("copy_gate");
}

void gate_set(const char *parameter, unsigned int value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), GATE_PARAMETERS "/%s", parameter);
	write_number(path, value);
}

uint64_t gate_get(const char *parameter)
{
	char path[PATH_MAX], line[64];

	snprintf(path, sizeof(path), GATE_PARAMETERS "/%s", parameter);
	read_line(path, line, sizeof(line));
	return line[0] == 'Y' ? 1 : line[0] == 'N' ? 0 : read_number(path);
}
