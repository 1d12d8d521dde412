// SPDX-License-Identifier: GPL-2.0
#include <bpf/libbpf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "policy.h"
#include "watch.h"

/* As the kernel counts them: enum migrate_reason. */
static const char * const reasons[] = {
	"compaction", "memory_failure", "memory_hotplug", "syscall_or_cpuset",
	"mempolicy_mbind", "numa_misplaced", "contig_range", "longterm_pin", "demotion",
	"damon",
};

#define NR_REASONS	(sizeof(reasons) / sizeof(reasons[0]))

/* Loaded once: that takes a second on the debug kernel. */
static struct policy policy;
static unsigned int watched;
static struct book before;

/* A reason that reaches nobody may have no book. */
static struct book book_if_any(const char *reason)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), OFFLOAD_DIR "/books/%s", reason);
	return exists(path) ? book_read(NULL, reason) : (struct book){};
}

static struct census_of_reason census_of(unsigned int reason)
{
	volatile struct census_counts *counts = (volatile void *)policy.counts;
	struct census_of_reason census;

#define X(x) census.x = counts->reason[reason].x;
	CENSUS_COUNTS(X)
#undef X
	return census;
}

static void copy_ahead(unsigned int reason)
{
	volatile struct census_knobs *knobs = (volatile void *)policy.knobs;

	knobs->reason = reason;
}

static void load_policy(void)
{
	int ret;

	if (policy.object)
		return;
	ret = policy_load(&policy, "census", "census", 0);
	REQUIRE(!ret, "census: load: %s\n%s", strerror(-ret), policy_log());
}

static void detach_policy(void)
{
	bpf_link__destroy(policy.link);
	policy.link = NULL;
}

static void forget_counts(void)
{
	volatile struct census_counts *counts = (volatile void *)policy.counts;
	unsigned int i;

	for (i = 0; i < CENSUS_REASONS; i++)
		counts->reason[i] = (struct census_of_reason){};
}

void watch_begin(const char *reason)
{
	int ret;

	for (watched = 0; watched < NR_REASONS; watched++)
		if (!strcmp(reasons[watched], reason))
			break;
	REQUIRE(watched < NR_REASONS, "no such reason: %s", reason);
	/* Nobody but the policy decides. */
	offload_use("none");
	load_policy();
	forget_counts();
	copy_ahead(watched);
	copy_trace_begin();
	before = book_if_any(reason);
	ret = policy_attach(&policy);
	REQUIRE(!ret, "census: attach: %s", strerror(-ret));
}

struct census_of_reason watch_policy(void)
{
	return census_of(watched);
}

static bool agree(const struct seen *seen)
{
	return seen->policy.done == seen->trace.groups &&
	       seen->policy.offered == seen->book.offered &&
	       seen->trace.offered == seen->book.offered &&
	       seen->policy.consumed == seen->book.consumed &&
	       seen->trace.consumed == seen->book.consumed;
}

static struct seen look(void)
{
	const char *reason = reasons[watched];
	struct seen seen;

	seen.book = book_minus(book_if_any(reason), before);
	seen.policy = census_of(watched);
	seen.trace = copy_trace_read(reason, "test");
	return seen;
}

struct seen watch_end(void)
{
	struct seen seen;
	unsigned int i;

	/*
	 * No batch begins from now on, but others than this task, kcompactd for one, may be
	 * in the middle of one.
	 */
	detach_policy();
	seen = look();
	for (i = 0; i < 100 && !agree(&seen); i++) {
		usleep(10000);
		seen = look();
	}
	copy_trace_print(reasons[watched], &seen.trace);

	book_check(&seen.book);
	EXPECT_EQ(seen.policy.done, seen.trace.groups);
#define SAME(x) do {							\
	EXPECT_EQ(seen.policy.x, seen.book.x);				\
	EXPECT_EQ(seen.trace.x, seen.book.x);				\
} while (0)
	SAME(offered);
	SAME(taken);
	SAME(refused);
	SAME(copied);
	SAME(consumed);
	EXPECT_EQ(seen.trace.orders & ~seen.policy.orders, 0);
	EXPECT_EQ(seen.policy.by_other, 0);
	EXPECT_EQ(seen.trace.by_other, 0);
	for (i = 0; i < CENSUS_REASONS; i++)
		if (i != watched)
			EXPECT(!census_of(i).taken, "folios of reason %u were copied ahead", i);
	watch_abandon();
	return seen;
}

void watch_abandon(void)
{
	detach_policy();
	copy_trace_end();
}
