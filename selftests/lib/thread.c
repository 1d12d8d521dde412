// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "offload.h"
#include "thread.h"

bool thread_is_blocked(pid_t tid)
{
	char path[64], line[512];
	const char *state;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	if (!exists(path))
		return true;
	read_line(path, line, sizeof(line));
	state = strrchr(line, ')');
	return state && state[2] == 'D';
}
