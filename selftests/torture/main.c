// SPDX-License-Identifier: GPL-2.0
/*
 * torture [--seconds N] [--seed N] [--owners N] [--only NAME,...] [--without NAME,...]
 *
 * See torture.h for what it is. Prints TAP; --list prints the actors.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ground.h"
#include "torture.h"

#define DEFAULT_SECONDS	300

static struct options options = { .seconds = DEFAULT_SECONDS, .owners = 2 };

static void say(const char *fmt, va_list args)
{
	char line[1024];

	/* In one piece: many processes have the same output. */
	vsnprintf(line, sizeof(line), fmt, args);
	printf("# %s\n", line);
	fflush(stdout);
}

void note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void failure(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	atomic_fetch_add(&shared->failed, 1);
	atomic_store(&shared->stop, 1);
}

static void list(void)
{
	static const char * const classes[] = { "mover", "adversary", "disturber" };
	struct actor *actor;

	for (actor = actors_first(); actor; actor = actor->next)
		printf("%-18s %-10s %s\n", actor->name, classes[actor->class], actor->what);
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seconds", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 's' },
		{ "owners", required_argument, NULL, 'o' },
		{ "only", required_argument, NULL, 'y' },
		{ "without", required_argument, NULL, 'n' },
		{ "list", no_argument, NULL, 'l' },
		{}
	};
	bool chosen = false;
	int c;

	options.seed = time(NULL);
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 't':
			options.seconds = atoi(optarg);
			break;
		case 's':
			options.seed = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			options.owners = atoi(optarg);
			break;
		case 'y':
		case 'n':
			actors_choose(optarg, c == 'n');
			chosen = true;
			break;
		case 'l':
			list();
			exit(0);
		default:
			exit(2);
		}
	}
	if (!options.seconds || !options.owners || options.owners > MAX_OWNERS) {
		fprintf(stderr, "torture: --seconds from 1, --owners 1 to %u\n", MAX_OWNERS);
		exit(2);
	}
	options.strict = options.seconds >= DEFAULT_SECONDS && !chosen;
}

static pid_t start(enum actor_place place, unsigned int owner)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (place == IN_OWNER)
		owner_main(owner);
	else
		actors_run(place, 0);
	fflush(NULL);
	_exit(0);
}

struct process {
	pid_t pid;
	const char *what;
};

static struct process processes[MAX_OWNERS + 2];
static unsigned int nr_processes, nr_alive;

static void keep(pid_t pid, const char *what)
{
	processes[nr_processes++] = (struct process){ pid, what };
	nr_alive++;
}

/* Any that has ended; how it ended is its verdict. */
static void reap(int flags)
{
	unsigned int i;
	int status;
	pid_t pid;

	pid = waitpid(-1, &status, flags);
	for (i = 0; pid > 0 && i < nr_processes; i++) {
		if (processes[i].pid != pid)
			continue;
		nr_alive--;
		if (status)
			failure("%s ended with status %#x", processes[i].what, status);
	}
}

int main(int argc, char **argv)
{
	unsigned int i;
	uint64_t end;

	parse(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n");
	surroundings_make();
	ground_make(options.owners);
	shared->seed = options.seed;
	shared->begin_ns = now_ns();
	note("SEED=%" PRIu64 " TIME=%u, %u owners with %zu MiB each", options.seed,
	     options.seconds, options.owners, ground_pages() * PAGE_BYTES >> 20);
	report_begin();

	for (i = 0; i < options.owners; i++) {
		shared->pid[i] = start(IN_OWNER, i);
		keep(shared->pid[i], "an owner");
	}
	while (atomic_load(&shared->ready) < (int)options.owners && !stopped()) {
		reap(WNOHANG);
		usleep(10000);
	}
	note("the owners' memory is filled after %.1f s", (now_ns() - shared->begin_ns) / 1e9);
	shared->begin_ns = now_ns();
	keep(start(OUTSIDE, 0), "the process of the outside actors");
	keep(start(DISTURBING, 0), "the process of the disturbers");

	end = now_ns() + options.seconds * 1000000000ULL;
	while (!stopped() && now_ns() < end) {
		reap(WNOHANG);
		usleep(20000);
	}
	atomic_store(&shared->stop, 1);
	note("over after %.1f s", (now_ns() - shared->begin_ns) / 1e9);
	while (nr_alive > options.owners)
		reap(0);
	atomic_store(&shared->quiet, 1);
	while (nr_alive)
		reap(0);
	surroundings_remove();
	return report_end(&options);
}
