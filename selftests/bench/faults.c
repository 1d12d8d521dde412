// SPDX-License-Identifier: GPL-2.0
/*
 * How long a process waits for its own pages while another one moves them.
 *
 *	faults MIB N
 *
 * MIB of 4 KiB pages are moved to the other node and back, by a child, without a pause. Pages
 * are read at random meanwhile, and each read that had a page fault is timed, until there are
 * N of them: nanoseconds, one a line. Whether there was a fault is asked only where a read took
 * longer than any without: most have none, and the time goes into reading, not into asking.
 */
#define _GNU_SOURCE
#include <err.h>
#include <inttypes.h>
#include <numaif.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* No fault is as short, least of all in an emulator. */
#define FAULT_NS	500

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "sched_setaffinity: %d", cpu);
}

static void move(pid_t owner, char *memory, size_t nr)
{
	void **pages = calloc(nr, sizeof(*pages));
	int *nodes = calloc(nr, sizeof(*nodes)), *status = calloc(nr, sizeof(*status)), to = 1;
	size_t i, there = 0;

	if (!pages || !nodes || !status)
		err(1, "calloc");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run_on(1);
	for (i = 0; i < nr; i++)
		pages[i] = memory + i * 4096;
	for (;; to = !to) {
		for (i = 0; i < nr; i++)
			nodes[i] = to;
		if (move_pages(owner, nr, pages, nodes, status, MPOL_MF_MOVE) < 0)
			err(1, "move_pages");
		for (i = 0; i < nr; i++)
			there += status[i] == to;
		if (!there)
			errx(1, "no page has moved");
	}
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static long nr_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

int main(int argc, char **argv)
{
	size_t nr, i;
	long wanted, seen = 0, before, after;
	volatile char *memory;
	uint64_t random = 88172645463325252ULL, begin, took;
	unsigned long mask = 1;
	pid_t mover;

	if (argc != 3)
		errx(2, "usage: faults MIB N");
	nr = strtoul(argv[1], NULL, 10) * 256;
	wanted = atol(argv[2]);
	memory = mmap(NULL, nr * 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || madvise((void *)memory, nr * 4096, MADV_NOHUGEPAGE) ||
	    set_mempolicy(MPOL_BIND, &mask, 8 * sizeof(mask)))
		err(1, "memory");
	for (i = 0; i < nr; i++)
		memory[i * 4096] = i;
	if (set_mempolicy(MPOL_DEFAULT, NULL, 0))
		err(1, "set_mempolicy");
	/* What two processes map is not moved. */
	if (madvise((void *)memory, nr * 4096, MADV_DONTFORK))
		err(1, "madvise");
	mover = fork();
	if (mover < 0)
		err(1, "fork");
	if (!mover)
		move(getppid(), (char *)memory, nr);
	run_on(0);

	before = nr_faults();
	while (seen < wanted) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		i = random % nr;
		begin = now();
		if (memory[i * 4096] != (char)i)
			errx(1, "page %zu has lost its contents", i);
		took = now() - begin;
		if (took < FAULT_NS)
			continue;
		after = nr_faults();
		if (after == before)
			continue;
		before = after;
		printf("%" PRIu64 "\n", took);
		seen++;
	}
	kill(mover, SIGKILL);
	waitpid(mover, NULL, 0);
	return 0;
}
