// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel_log.h"

#define LEVEL_WARNING	4

static int kmsg = -1;

bool kernel_log_begin(void)
{
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return kmsg >= 0 && lseek(kmsg, 0, SEEK_END) >= 0;
}

/* A record: "priority,sequence,time,flags;text", priority = 8 * facility + level. */
int kernel_log_complaints(char *first, size_t size)
{
	char record[8192], *text;
	unsigned long priority;
	ssize_t len;
	int nr = 0;

	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0) {
		record[len] = '\0';
		priority = strtoul(record, NULL, 10);
		/* Not what user space wrote into the log. */
		if (priority / 8 || priority % 8 > LEVEL_WARNING)
			continue;
		text = strchr(record, ';');
		if (!nr++ && text) {
			text[strcspn(text, "\n")] = '\0';
			snprintf(first, size, "%s", text + 1);
		}
	}
	if (len < 0 && errno != EAGAIN) {
		snprintf(first, size, "/dev/kmsg: %s", errno == EPIPE ?
			 "records were lost" : strerror(errno));
		return -1;
	}
	return nr;
}
