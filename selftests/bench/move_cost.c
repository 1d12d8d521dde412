// SPDX-License-Identifier: GPL-2.0
/*
 * CPU time of move_pages(2) per folio, by the size of the folios and of their batches, and
 * the time that it takes. Under QEMU's -icount one nanosecond is one instruction.
 *
 * move_pages() hands over what it has gathered whenever the node changes that the next page
 * is to go to. So blocks of @batch folios begin on alternate nodes, and change sides in each
 * pass: one system call moves all folios, each migrate_pages() of it one block. What a call
 * costs whatever it moves (it waits for RCU, twice) does not hide what a small batch costs.
 *
 * Prints nanoseconds a folio, of the calling thread's CPU time and of the clock, means over
 * the passes. Where the kernel counts what it copies ahead, the figures stand for what was
 * asked for, or there are none. sched_get_priority_max(2), which nobody else calls, stands
 * before and behind each pass, for who counts from outside.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <numaif.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THP	"/sys/kernel/mm/transparent_hugepage"
#define OFFLOAD	"/sys/kernel/mm/migrate_offload"
#define PMD	((size_t)2 << 20)

struct plan {
	size_t folio;		/* bytes */
	long folios, batch;
	int warm, passes;	/* passes before those that count, and those */
	bool ahead;		/* each folio is to be copied ahead, in such batches */
};

struct list {
	void **pages;
	int *nodes;
	int *status;
};

/* What the kernel has copied ahead so far. */
struct ahead {
	uint64_t batches, offered, copied, consumed;
};

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (!file || fputs(text, file) < 0 || fclose(file))
		err(1, "%s <- %s", path, text);
}

static uint64_t line_of(const char *path, const char *wanted)
{
	char name[64];
	uint64_t value;
	FILE *file = fopen(path, "re");

	if (!file)
		err(1, "%s", path);
	while (fscanf(file, "%63s %" SCNu64, name, &value) == 2) {
		if (!strcmp(name, wanted)) {
			fclose(file);
			return value;
		}
	}
	errx(1, "%s: no line %s", path, wanted);
}

static struct ahead ahead_so_far(void)
{
	const char *book = OFFLOAD "/books/syscall_or_cpuset";
	struct ahead ahead = {};

	if (!access(OFFLOAD, F_OK)) {
		ahead.batches = line_of(OFFLOAD "/events", "batches");
		ahead.offered = line_of(book, "offered");
		ahead.copied = line_of(book, "copied");
		ahead.consumed = line_of(book, "consumed");
	}
	return ahead;
}

static void expect(const char *what, uint64_t got, uint64_t wanted)
{
	if (got != wanted)
		errx(1, "%s: %" PRIu64 " instead of %" PRIu64, what, got, wanted);
}

static void expect_ahead(const struct plan *plan, struct ahead before)
{
	uint64_t folios = plan->ahead ? plan->folios * (plan->warm + plan->passes) : 0;
	struct ahead now = ahead_so_far();

	expect("batches", now.batches - before.batches, folios / plan->batch);
	expect("folios offered", now.offered - before.offered, folios);
	expect("folios copied ahead", now.copied - before.copied, folios);
	expect("folios moved with that copy", now.consumed - before.consumed, folios);
}

/* What the kernel counts of folios of that size: given out, split. */
static uint64_t thp_count(const struct plan *plan, const char *what)
{
	char path[128];
	FILE *file;
	uint64_t value;

	snprintf(path, sizeof(path), THP "/hugepages-%zukB/stats/%s", plan->folio >> 10, what);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%" SCNu64, &value) != 1)
		err(1, "%s", path);
	fclose(file);
	return value;
}

/* 0: none. Then khugepaged, too, is at rest. */
static void allow_only(size_t folio)
{
	static const int sizes[] = { 16, 32, 64, 128, 256, 512, 1024, 2048 };
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		snprintf(path, sizeof(path), THP "/hugepages-%dkB/enabled", sizes[i]);
		put(path, sizes[i] == (int)(folio >> 10) ? "madvise" : "never");
	}
}

/* Node of the folio before the first pass. */
static int first_node(const struct plan *plan, long folio)
{
	return folio / plan->batch % 2;
}

static bool is_large(const struct plan *plan)
{
	return plan->folio > (size_t)sysconf(_SC_PAGESIZE);
}

static char *reserve(const struct plan *plan)
{
	char *memory = mmap(NULL, plan->folios * plan->folio + PMD, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "mmap");
	return (char *)(((uintptr_t)memory + PMD - 1) & ~(PMD - 1));
}

/* Each page of a folio has something of its own, so that one that is not copied shows. */
static char page_byte(long folio, size_t page)
{
	return 1 + folio * 7 + page;
}

static size_t pages_of(const struct plan *plan)
{
	return plan->folio / sysconf(_SC_PAGESIZE);
}

/* New folios in the place of what was there. */
static void fill(const struct plan *plan, char *memory)
{
	size_t size = plan->folios * plan->folio;
	bool huge = is_large(plan);
	uint64_t given = 0;
	size_t page;
	int node;
	long i;

	if (mmap(memory, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		err(1, "mmap");
	if (huge) {
		allow_only(plan->folio);
		given = thp_count(plan, "anon_fault_alloc");
	}
	if (madvise(memory, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		err(1, "madvise");
	for (node = 0; node < 2; node++) {
		unsigned long mask = 1UL << node;

		if (set_mempolicy(MPOL_BIND, &mask, 8 * sizeof(mask)))
			err(1, "set_mempolicy: node %d", node);
		for (i = 0; i < plan->folios; i++)
			for (page = 0; first_node(plan, i) == node && page < pages_of(plan); page++)
				memset(memory + i * plan->folio + page * sysconf(_SC_PAGESIZE),
				       page_byte(i, page), 64);
	}
	if (set_mempolicy(MPOL_DEFAULT, NULL, 0))
		err(1, "set_mempolicy");
	if (huge) {
		expect("folios of the size", thp_count(plan, "anon_fault_alloc") - given,
		       plan->folios);
		allow_only(0);
	}
}

static struct list make_list(const struct plan *plan, char *memory)
{
	struct list list = {
		.pages = calloc(plan->folios, sizeof(*list.pages)),
		.nodes = calloc(plan->folios, sizeof(*list.nodes)),
		.status = calloc(plan->folios, sizeof(*list.status)),
	};
	long i;

	if (!list.pages || !list.nodes || !list.status)
		err(1, "calloc");
	for (i = 0; i < plan->folios; i++)
		list.pages[i] = memory + i * plan->folio;
	return list;
}

static void start_over(const struct plan *plan, struct list *list)
{
	long i;

	for (i = 0; i < plan->folios; i++)
		list->nodes[i] = first_node(plan, i);
}

/*
 * Vanilla 7.3 unmaps the pages of a large folio one by one, takes it for partly mapped
 * because of that, passes this on to the destination, and so splits it when it is to move
 * for the second time. So those that are mapped by PTEs can be moved once.
 */
static bool moves_once(const struct plan *plan)
{
	return is_large(plan) && plan->folio < PMD;
}

struct took {
	uint64_t cpu, clock;	/* ns */
};

static uint64_t ns_of(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		err(1, "clock_gettime");
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Moves each folio to the other node; what that took is added. */
static void pass(const struct plan *plan, struct list *list, struct took *took)
{
	struct took begin, end;
	long i;

	for (i = 0; i < plan->folios; i++)
		list->nodes[i] = !list->nodes[i];

	sched_get_priority_max(-1);
	begin.clock = ns_of(CLOCK_MONOTONIC);
	begin.cpu = ns_of(CLOCK_THREAD_CPUTIME_ID);
	if (move_pages(0, plan->folios, list->pages, list->nodes, list->status, MPOL_MF_MOVE))
		err(1, "move_pages");
	end.cpu = ns_of(CLOCK_THREAD_CPUTIME_ID);
	end.clock = ns_of(CLOCK_MONOTONIC);
	sched_get_priority_max(-1);

	for (i = 0; i < plan->folios; i++)
		if (list->status[i] != list->nodes[i])
			errx(1, "folio %ld: status %d, not on node %d", i, list->status[i],
			     list->nodes[i]);
	took->cpu += end.cpu - begin.cpu;
	took->clock += end.clock - begin.clock;
}

static void check_contents(const struct plan *plan, const char *memory)
{
	size_t page;
	long i;

	for (i = 0; i < plan->folios; i++)
		for (page = 0; page < pages_of(plan); page++)
			if (memory[i * plan->folio + page * sysconf(_SC_PAGESIZE)] !=
			    page_byte(i, page))
				errx(1, "folio %ld, page %zu: lost its contents", i, page);
}

int main(int argc, char **argv)
{
	struct plan plan;
	struct ahead before;
	struct list list;
	struct took warm = {}, took = {};
	uint64_t split = 0;
	char *memory;
	int i;

	if (argc != 7)
		errx(2, "usage: move_cost KIB FOLIOS BATCH WARM-PASSES PASSES plain|ahead");
	plan = (struct plan) {
		.folio = strtoul(argv[1], NULL, 10) << 10,
		.folios = atol(argv[2]),
		.batch = atol(argv[3]),
		.warm = atoi(argv[4]),
		.passes = atoi(argv[5]),
		.ahead = !strcmp(argv[6], "ahead"),
	};
	if (!plan.folio || plan.batch <= 0 || plan.folios <= 0 ||
	    plan.folios % plan.batch || plan.passes <= 0)
		errx(2, "a number is missing, or the batches do not divide the folios");

	memory = reserve(&plan);
	list = make_list(&plan, memory);
	before = ahead_so_far();
	if (is_large(&plan))
		split = thp_count(&plan, "split");
	for (i = 0; i < plan.warm + plan.passes; i++) {
		if (!i || moves_once(&plan)) {
			fill(&plan, memory);
			start_over(&plan, &list);
		}
		pass(&plan, &list, i < plan.warm ? &warm : &took);
	}
	check_contents(&plan, memory);
	expect_ahead(&plan, before);
	if (is_large(&plan))
		expect("folios split", thp_count(&plan, "split") - split, 0);
	printf("%.2f %.2f\n", (double)took.cpu / plan.passes / plan.folios,
	       (double)took.clock / plan.passes / plan.folios);
	return 0;
}
