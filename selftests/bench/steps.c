// SPDX-License-Identifier: GPL-2.0
/*
 * How long batches of folios take, one after the other: a move_pages(2) for each, to the
 * other node and back. For who wants to see a policy learn; move_cost.c is for what a folio
 * costs in a steady state.
 *
 *	steps KIB FOLIOS BATCHES WINDOW [AT COMMAND]
 *
 * FOLIOS of KIB are a batch. Before batch AT the shell runs COMMAND. Prints a line for each
 * WINDOW batches, "FIRST COPY MOVE CPU": the number of its first batch, and means in ns a
 * batch: of the jobs that copied ahead by the kernel's books (added up where two worked at
 * once, 0 where nothing is copied ahead), of the call by the clock and by the caller's CPU
 * time. The last two are without what a call takes that has nothing to move.
 */
#include <err.h>
#include <inttypes.h>
#include <numaif.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define THP	"/sys/kernel/mm/transparent_hugepage"
#define BOOK	"/sys/kernel/mm/migrate_offload/books/syscall_or_cpuset"
#define PMD	((size_t)2 << 20)
#define NULLS	512

struct times {
	uint64_t copy, move, cpu;
};

static size_t folio, nr;
static char *memory;
static void **pages;
static int *nodes, *status;

static uint64_t ns_of(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		err(1, "clock_gettime");
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static uint64_t copy_so_far(void)
{
	FILE *file = fopen(BOOK, "re");
	uint64_t value, ns = 0;
	char name[64];

	if (!file)
		err(1, BOOK);
	while (fscanf(file, "%63s %" SCNu64, name, &value) == 2)
		if (!strcmp(name, "ns"))
			ns = value;
	fclose(file);
	return ns;
}

/* Only folios of that size come where it is asked for huge ones. */
static void allow_only(size_t kib)
{
	static const int sizes[] = { 16, 32, 64, 128, 256, 512, 1024, 2048 };
	char path[128];
	size_t i;
	FILE *file;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		snprintf(path, sizeof(path), THP "/hugepages-%dkB/enabled", sizes[i]);
		file = fopen(path, "we");
		if (!file || fputs(sizes[i] == (int)kib ? "madvise" : "never", file) < 0 ||
		    fclose(file))
			err(1, "%s", path);
	}
}

/* New folios, on node 0. */
static void fill(void)
{
	unsigned long mask = 1;
	size_t size = folio * nr, i;

	if (mmap(memory, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		err(1, "mmap");
	if (madvise(memory, size, folio > 4096 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) ||
	    set_mempolicy(MPOL_BIND, &mask, 8 * sizeof(mask)))
		err(1, "madvise, set_mempolicy");
	for (i = 0; i < size; i += 4096)
		memory[i] = 1 + i / 4096;
	if (set_mempolicy(MPOL_DEFAULT, NULL, 0))
		err(1, "set_mempolicy");
}

static void check(void)
{
	size_t i;

	for (i = 0; i < folio * nr; i += 4096)
		if (memory[i] != (char)(1 + i / 4096))
			errx(1, "page %zu has lost its contents", i / 4096);
}

/* False when one did not arrive. */
static bool move(size_t many, int node, struct times *took)
{
	uint64_t clock, cpu;
	bool all = true;
	size_t i;

	for (i = 0; i < many; i++)
		nodes[i] = node;
	cpu = ns_of(CLOCK_THREAD_CPUTIME_ID);
	clock = ns_of(CLOCK_MONOTONIC);
	if (move_pages(0, many, pages, nodes, status, MPOL_MF_MOVE) < 0)
		err(1, "move_pages");
	took->move = ns_of(CLOCK_MONOTONIC) - clock;
	took->cpu = ns_of(CLOCK_THREAD_CPUTIME_ID) - cpu;
	for (i = 0; i < many; i++)
		all &= status[i] == node;
	return all;
}

/*
 * What a call takes that finds its page where it is to go, of the CPU. It waits, too, for RCU:
 * now 5 us, now 12, by chance, where a call that moves pages always waits for 4 or so, which
 * are in its time.
 */
static uint64_t call_alone(void)
{
	struct times took;
	uint64_t sum = 0;
	int i;

	for (i = 0; i <= NULLS; i++) {
		if (!move(1, 0, &took))
			errx(1, "a page is not where it was put");
		if (i)
			sum += took.cpu;
	}
	return sum / NULLS;
}

static int64_t less(uint64_t sum, uint64_t each, long many)
{
	return (int64_t)(sum / many) - (int64_t)each;
}

int main(int argc, char **argv)
{
	struct times took, sum = {};
	long batches, window, at = -1, i, first = 0;
	int node = 0;
	uint64_t alone, before;

	if (argc != 5 && argc != 7)
		errx(2, "usage: steps KIB FOLIOS BATCHES WINDOW [AT COMMAND]");
	folio = strtoul(argv[1], NULL, 10) << 10;
	nr = strtoul(argv[2], NULL, 10);
	batches = atol(argv[3]);
	window = atol(argv[4]);
	if (argc == 7)
		at = atol(argv[5]);
	if (!folio || !nr || batches <= 0 || window <= 0)
		errx(2, "a number is missing");
	memory = mmap(NULL, folio * nr + PMD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pages = calloc(nr, sizeof(*pages));
	nodes = calloc(nr, sizeof(*nodes));
	status = calloc(nr, sizeof(*status));
	if (memory == MAP_FAILED || !pages || !nodes || !status)
		err(1, "memory");
	memory = (char *)(((uintptr_t)memory + PMD - 1) & ~(PMD - 1));
	for (i = 0; i < (long)nr; i++)
		pages[i] = memory + i * folio;
	allow_only(folio > 4096 ? folio >> 10 : 0);
	fill();
	alone = call_alone();

	for (i = 0; i < batches; i++) {
		bool fresh;

		if (i == at && system(argv[6]))
			errx(1, "%s: failed", argv[6]);
		before = copy_so_far();
		/* What a dead engine holds does not move any more; nor does 7.3 move mTHP twice. */
		node = !node;
		fresh = !move(nr, node, &took) || (folio > 4096 && folio < PMD);
		sum.copy += copy_so_far() - before;
		sum.move += took.move;
		sum.cpu += took.cpu;
		if (fresh) {
			check();
			fill();
			node = 0;
		}
		if (i + 1 - first == window) {
			printf("%ld %" PRIu64 " %" PRId64 " %" PRId64 "\n", first, sum.copy / window,
			       less(sum.move, alone, window), less(sum.cpu, alone, window));
			memset(&sum, 0, sizeof(sum));
			first = i + 1;
		}
	}
	check();
	return 0;
}
