// SPDX-License-Identifier: GPL-2.0
/*
 * CPU time of move_pages(2) per 4 KiB folio, there and back between two nodes.
 * Under QEMU's -icount one nanosecond is one instruction.
 *
 * Prints one line for each there-and-back after the first: nanoseconds a folio.
 */
#include <err.h>
#include <errno.h>
#include <numaif.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static uint64_t thread_ns(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts))
		err(1, "clock_gettime");
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void move_all(void **pages, int *nodes, int *status, long nr, int node)
{
	long i;

	for (i = 0; i < nr; i++)
		nodes[i] = node;
	if (move_pages(0, nr, pages, nodes, status, MPOL_MF_MOVE))
		err(1, "move_pages to node %d", node);
	for (i = 0; i < nr; i++)
		if (status[i] != node)
			errx(1, "page %ld is at %d, not on node %d: %s", i, status[i],
			     node, strerror(status[i] < 0 ? -status[i] : 0));
}

int main(int argc, char **argv)
{
	long nr = argc > 1 ? atol(argv[1]) : 4096;
	int rounds = argc > 2 ? atoi(argv[2]) : 4;
	long size = sysconf(_SC_PAGESIZE);
	void **pages = calloc(nr, sizeof(*pages));
	int *nodes = calloc(nr, sizeof(*nodes));
	int *status = calloc(nr, sizeof(*status));
	unsigned long node0 = 1;
	char *memory;
	int round;
	long i;

	if (nr <= 0 || rounds <= 0 || !pages || !nodes || !status)
		errx(2, "usage: move_cost [pages [rounds]]");

	memory = mmap(NULL, nr * size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		err(1, "mmap");
	if (madvise(memory, nr * size, MADV_NOHUGEPAGE) && errno != EINVAL)
		err(1, "madvise");
	if (mbind(memory, nr * size, MPOL_BIND, &node0, 2, 0))
		err(1, "mbind");
	for (i = 0; i < nr; i++) {
		pages[i] = memory + i * size;
		memset(pages[i], i, size);
	}
	if (mbind(memory, nr * size, MPOL_DEFAULT, NULL, 0, 0))
		err(1, "mbind");

	for (round = 0; round <= rounds; round++) {
		uint64_t begin = thread_ns();

		move_all(pages, nodes, status, nr, 1);
		move_all(pages, nodes, status, nr, 0);
		if (round)
			printf("%.2f\n", (double)(thread_ns() - begin) / (2 * nr));
	}
	return 0;
}
