// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "every.h"

static volatile sig_atomic_t stopped, hung_up;

static void stop(int signo)
{
	(void)signo;
	stopped = 1;
}

/* What was ignored, by nohup or by a shell for what runs behind, stays so. */
static void stop_at(int signo)
{
	struct sigaction action = { .sa_handler = stop }, before;	/* no SA_RESTART */

	if (!sigaction(signo, NULL, &before) && before.sa_handler != SIG_IGN)
		sigaction(signo, &action, NULL);
}

void every_catch_signals(void)
{
	stop_at(SIGINT);
	stop_at(SIGTERM);
	stop_at(SIGHUP);
}

static void hang_up(int signo)
{
	(void)signo;
	hung_up = 1;
}

/* Of somebody's terminal that has gone it means what it always does. */
void every_catch_hangup(void)
{
	struct sigaction action = { .sa_handler = hang_up };

	if (!isatty(STDIN_FILENO) && !isatty(STDOUT_FILENO))
		sigaction(SIGHUP, &action, NULL);
}

bool every_hung_up(void)
{
	bool was = hung_up;

	hung_up = 0;
	return was;
}

bool every_stopped(void)
{
	return stopped;
}

bool every_wait(double seconds)
{
	static struct timespec next;
	struct timespec now;
	long ns = (seconds - (long)seconds) * 1e9;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!next.tv_sec)
		next = now;
	next.tv_sec += (long)seconds;
	next.tv_nsec += ns;
	if (next.tv_nsec >= 1000000000) {
		next.tv_nsec -= 1000000000;
		next.tv_sec++;
	}
	/* After a long stop (SIGSTOP, suspend) not everything at once. */
	if (next.tv_sec < now.tv_sec)
		next = now;
	while (!stopped && !hung_up && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR)
		;
	/* Woken early: the next wait is as long as ever. */
	if (hung_up)
		next.tv_sec = 0;
	return !stopped;
}

bool every_parse_seconds(const char *str, double *seconds)
{
	char *end;

	if (!isdigit((unsigned char)*str))
		return false;
	*seconds = strtod(str, &end);
	return !*end && *seconds >= 0.001 && *seconds <= 86400 * 365.0;
}

bool every_parse_count(const char *str, unsigned long *count)
{
	char *end;

	if (!isdigit((unsigned char)*str))
		return false;
	errno = 0;
	*count = strtoul(str, &end, 10);
	return !*end && !errno && *count;
}
