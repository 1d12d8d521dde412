// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "offload.h"
#include "slept.h"

#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/slept"

static void filter(const char *event, const char *format)
{
	char path[PATH_MAX], text[64];

	snprintf(path, sizeof(path), INSTANCE "/events/%s/filter", event);
	snprintf(text, sizeof(text), format, gettid());
	write_file(path, text);
	snprintf(path, sizeof(path), INSTANCE "/events/%s/enable", event);
	write_file(path, "1");
}

void slept_begin(const char *function)
{
	char text[128];

	snprintf(text, sizeof(text), "p:slept/enter %s\nr:slept/leave %s\n", function, function);
	write_file(TRACING "/kprobe_events", text);
	REQUIRE(!shell("mkdir -p " INSTANCE), "mkdir " INSTANCE);
	filter("slept/enter", "common_pid == %d");
	filter("slept/leave", "common_pid == %d");
	filter("sched/sched_switch", "prev_pid == %d");
}

unsigned int slept_end(void)
{
	unsigned int calls = 0, slept = 0;
	bool inside = false;
	char line[1024];
	FILE *file;

	write_file(INSTANCE "/tracing_on", "0");
	file = fopen(INSTANCE "/trace", "re");
	REQUIRE(file, INSTANCE "/trace: %m");
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#')
			continue;
		if (strstr(line, "enter: (")) {
			inside = true;
			calls++;
		} else if (strstr(line, "leave: (")) {
			inside = false;
		} else if (inside && strstr(line, "sched_switch:") &&
			   !strstr(line, "prev_state=R")) {
			slept++;
		}
	}
	fclose(file);
	REQUIRE(!shell("rmdir " INSTANCE), "rmdir " INSTANCE);
	write_file(TRACING "/kprobe_events", "-:slept/enter\n-:slept/leave\n");
	EXPECT_GT(calls, 0);
	return slept;
}
