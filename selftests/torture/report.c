// SPDX-License-Identifier: GPL-2.0
/* What came of it: a table of counts, and the verdict. */
#define _GNU_SOURCE
#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/case.h"
#include "../lib/dcbm.h"
#include "../lib/offload.h"
#include "ground.h"
#include "torture.h"

static const char * const reasons[] = {
	"syscall_or_cpuset", "mempolicy_mbind", "numa_misplaced", "compaction",
	"memory_hotplug", "contig_range", "longterm_pin", "demotion", "damon",
};

#define NR_REASONS	(sizeof(reasons) / sizeof(reasons[0]))

static struct book before[NR_REASONS], books[NR_REASONS];
static uint64_t vmstat_before[MAX_ACTORS];
static int number, bad;

static uint64_t vmstat(const char *name)
{
	return counter("/proc/vmstat", name);
}

void report_begin(void)
{
	struct actor *actor;
	unsigned int i;

	for (i = 0; i < NR_REASONS; i++)
		before[i] = book_read(NULL, reasons[i]);
	for (actor = actors_first(); actor; actor = actor->next)
		if (actor->vmstat)
			vmstat_before[actor->number] = vmstat(actor->vmstat);
}

static void point(bool ok, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void point(bool ok, const char *fmt, ...)
{
	va_list args;

	printf("%s %d ", ok ? "ok" : "not ok", ++number);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	bad += !ok;
}

static const struct book *book_of(const char *reason)
{
	unsigned int i;

	for (i = 0; i < NR_REASONS; i++)
		if (!strcmp(reasons[i], reason))
			return &books[i];
	return NULL;
}

/* By the kernel's count where there is one: what an actor tried is not what it did. */
static uint64_t effect(const struct actor *actor)
{
	if (actor->vmstat)
		return vmstat(actor->vmstat) - vmstat_before[actor->number];
	if (actor->reason && strcmp(actor->reason, SYSCALL))
		return book_of(actor->reason)->offered;
	return atomic_load(&shared->counts[actor->number].effect);
}

static bool ran(const struct actor *actor)
{
	return !atomic_load(&shared->counts[actor->number].skipped);
}

static int print_actors(enum actor_class class, const char *heading)
{
	struct actor *actor;
	int without = 0;

	note(" ");
	note("%-16s %9s %9s %10s  %s", heading, "steps", "in vain", "effect", "");
	for (actor = actors_first(); actor; actor = actor->next) {
		struct count *count = &shared->counts[actor->number];
		int error = atomic_load(&count->last_errno);

		if (actor->class != class)
			continue;
		if (!ran(actor)) {
			note("%-16s %9s %9s %10s  skipped: %s", actor->name, "-", "-", "-",
			     count->why);
			continue;
		}
		note("%-16s %9llu %9llu %10" PRIu64 "  %s%s%s%s", actor->name,
		     atomic_load(&count->steps), atomic_load(&count->idle), effect(actor),
		     actor->what, effect(actor) ? "" : ", NO EFFECT", error ? "; last error: " : "",
		     error ? strerror(error) : "");
		without += !effect(actor);
	}
	return without;
}

static void print_reasons(void)
{
	unsigned int i;

	note(" ");
	note("%-18s %9s %9s %9s %9s", "folios", "offered", "taken", "consumed", "discarded");
	for (i = 0; i < NR_REASONS; i++)
		note("%-18s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64, reasons[i],
		     books[i].offered, books[i].taken, books[i].consumed, books[i].discarded);
}

static void print_causes(void)
{
	struct book sum = {};
	unsigned int i;

	for (i = 0; i < NR_REASONS; i++) {
#define X(x) sum.x += books[i].x;
		BOOK_FIELDS(X)
#undef X
	}
	note(" ");
	note("not copied ahead, or in vain, by cause:");
#define CAUSE(x) note("  %-22s %9" PRIu64, #x, sum.x)
	CAUSE(refused_kind);
	CAUSE(refused_policy);
	CAUSE(refused_full);
	CAUSE(refused_busy);
	CAUSE(refused_poisoned);
	CAUSE(refused_no_migrator);
	CAUSE(refused_migrator);
	CAUSE(failed_error);
	CAUSE(failed_timeout);
	CAUSE(failed_lost);
	CAUSE(discarded);
#undef CAUSE
}

static void read_books(void)
{
	unsigned int i;

	for (i = 0; i < NR_REASONS; i++) {
		books[i] = book_minus(book_read(NULL, reasons[i]), before[i]);
		book_check(&books[i]);
	}
}

static bool no_policies(void)
{
	DIR *dir = opendir(OFFLOAD_DIR "/policies");
	struct dirent *entry;
	bool none = true;

	/* An attachment that its cgroup has left behind goes by a work item. */
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.') {
			note("policy of cgroup %s is still there", entry->d_name);
			none = false;
		}
	if (dir)
		closedir(dir);
	return none;
}

static bool engine_quiet(void)
{
	bool quiet;

	dcbm_enable(0);
	dcbm_enable(1);
	quiet = !dcbm_status("channels_busy") && !dcbm_status("channels_lost") &&
		!dcbm_status("folios_lost") && dcbm_status("channels_idle");
	return quiet && !try_remove("dcbm") && !try_remove("dmasim");
}

int report_end(const struct options *options)
{
	uint64_t late = atomic_load(&shared->late_words), counted;
	int movers, adversaries, disturbers;
	unsigned int expected = options->owners * ground_pages();
	unsigned int wrongs = atomic_load(&shared->wrongs);
	bool balanced;

	read_books();
	balanced = !case_failed();
	movers = print_actors(MOVER, "movers");
	adversaries = print_actors(ADVERSARY, "adversaries");
	disturbers = print_actors(DISTURBER, "disturbers");
	print_reasons();
	print_causes();
	note(" ");
	note("%llu whole pages compared meanwhile, %llu of %u at the end",
	     atomic_load(&shared->checked), atomic_load(&shared->verified), expected);

	counted = counter(TEST_MIGRATOR "/events", "late_counts");
	point(!wrongs && atomic_load(&shared->verified) == expected,
	      "every word is what was written last");
	point(late == counted, "late writes: %" PRIu64 " made, %" PRIu64 " there", counted, late);
	point(!atomic_load(&shared->failed), "nothing else went wrong");
	point(balanced, "the books balance");
	mt_check_busy();
	point(case_failed() == !balanced, "the core kept its promises to the test migrator");
	point(no_policies(), "no policy is left");
	point(engine_quiet(), "the engine is quiet, dcbm and dmasim can go");
	point(!options->strict || !movers, "%d movers without effect", movers);
	point(!options->strict || !adversaries, "%d adversaries without effect", adversaries);
	point(!options->strict || !disturbers, "%d disturbers without effect", disturbers);
	printf("1..%d\n", number);
	note("SEED=%" PRIu64, options->seed);
	offload_reset();
	return bad ? 1 : 0;
}
