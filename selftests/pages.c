// SPDX-License-Identifier: GPL-2.0
/*
 * Not a test: what the tests of mgx move. A process that has memory and moves it between
 * nodes 0 and 1, by calls of move_pages(2) of so many pages each.
 *
 *	pages [-c CGROUP [-g N]] [-m MIB] [-k PAGES] [-H] [-n CALLS] [-w MS]
 *
 * After CALLS calls it prints how many folios it has asked to move; without -n it goes on
 * until SIGTERM. -H: huge folios. -w: so long a rest after each call, for a load that
 * leaves room for others. -g: one page after the other is charged to the cgroups
 * CGROUP/0 to CGROUP/N-1, so that a batch has many groups.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE	4096UL
#define HUGE	(512 * PAGE)
#define MAX	4096

static volatile sig_atomic_t stopped;

static void stop(int signo)
{
	(void)signo;
	stopped = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "pages: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(const char *cgroup, int number)
{
	char path[512];
	FILE *file;

	if (number < 0)
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cgroup.procs", cgroup);
	else
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%d/cgroup.procs", cgroup, number);
	file = fopen(path, "w");
	if (!file || fprintf(file, "%d", getpid()) < 0 || fclose(file))
		die(path);
}

/* All of it is on node 0, so that the first move is one. */
static void touch(char *memory, unsigned long nr, unsigned long unit, const char *cgroup,
		  int groups)
{
	unsigned long node_0 = 1, i;
	int group;

	if (syscall(SYS_set_mempolicy, MPOL_BIND, &node_0, 64))
		die("set_mempolicy");
	for (group = 0; group < groups; group++) {
		if (groups > 1)
			enter(cgroup, group);
		for (i = group; i < nr; i += groups)
			memset(memory + i * unit, 1, unit);
	}
	if (syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0))
		die("set_mempolicy");
}

int main(int argc, char **argv)
{
	unsigned long rest = 0, mib = 4, per_call = 64, calls = 0, done = 0, asked = 0, arrived = 0;
	unsigned long at = 0, nr, i, unit = PAGE;
	int nodes[MAX], status[MAX], to = 1, option, groups = 1;
	void *addresses[MAX];
	struct sigaction action = { .sa_handler = stop };
	const char *cgroup = NULL;
	char *memory;

	while ((option = getopt(argc, argv, "c:g:m:k:n:w:H")) != -1) {
		switch (option) {
		case 'c':
			cgroup = optarg;
			break;
		case 'g':
			groups = atoi(optarg);
			break;
		case 'm':
			mib = strtoul(optarg, NULL, 0);
			break;
		case 'k':
			per_call = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			calls = strtoul(optarg, NULL, 0);
			break;
		case 'w':
			rest = strtoul(optarg, NULL, 0);
			break;
		case 'H':
			unit = HUGE;
			break;
		default:
			return 2;
		}
	}
	nr = (mib << 20) / unit;
	if (!nr || !per_call || per_call > MAX || per_call > nr)
		return 2;
	if (groups < 1 || (groups > 1 && !cgroup))
		return 2;
	if (cgroup && groups == 1)
		enter(cgroup, -1);
	sigaction(SIGTERM, &action, NULL);
	memory = mmap(NULL, (mib << 20) + HUGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("mmap");
	memory = (char *)(((uintptr_t)memory + HUGE - 1) & ~(HUGE - 1));
	madvise(memory, mib << 20, unit == HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	touch(memory, nr, unit, cgroup, groups);

	while (!stopped && (!calls || done < calls)) {
		for (i = 0; i < per_call; i++) {
			addresses[i] = memory + (at + i) % nr * unit;
			nodes[i] = to;
		}
		if (syscall(SYS_move_pages, 0, per_call, addresses, nodes, status, 2) < 0)
			die("move_pages");
		for (i = 0; i < per_call; i++)
			arrived += status[i] == to;
		if (rest)
			usleep(rest * 1000);
		asked += per_call;
		done++;
		at += per_call;
		if (at + per_call > nr) {
			at = 0;
			to = !to;
		}
	}
	printf("calls %lu\nasked %lu\narrived %lu\n", done, asked, arrived);
	return 0;
}
