// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

#define PATIENCE	2	/* seconds */

static time_t begun;
static bool shown;

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

void progress_show(const char *what, size_t done, size_t all)
{
	if (!begun)
		begun = now();
	if (!isatty(STDERR_FILENO) || now() - begun < PATIENCE)
		return;
	fprintf(stderr, "\r%s: %zu of %zu ", what, done, all);
	shown = true;
}

void progress_end(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
	begun = 0;
}
