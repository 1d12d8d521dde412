// SPDX-License-Identifier: GPL-2.0
/*
 * vm: --mem 1024M
 *
 * The presets of the policy rules, as mgx loads them: what each decides, against a table, by
 * the kernel's dry run. A preset without a table fails. In a VM of its own, because what
 * other tests have copied is measured, too.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "dry_run.h"
#include "offload.h"
#include "policy.h"
#include "tables.h"

#define CLASSES	"classes"
#define PIN	"/sys/fs/bpf/mgx/preset"

static bool loaded;

void case_setup(void)
{
	offload_reset();
	/* What a preset leaves out is the admin's to forbid, not to allow. */
	offload_set("reason_mask", "all");
	dcbm_start("channels=1");
}

void case_teardown(void)
{
	/* What mgx unload does, in less time. */
	if (loaded && unlink(PIN))
		EXPECT(false, PIN ": %m");
	loaded = false;
	offload_reset();
	dcbm_stop();
	cgroup_remove("service");
}

/* A preset, an object, and more options. */
static void load(const char *words)
{
	int ret = shell("build/mgx load --name preset --knobs %s >/dev/null", words);

	REQUIRE(!ret, "mgx load --knobs %s: status %d", words, ret);
	loaded = true;
}

/* The newest map of that name: those of policies that were unloaded may be there still. */
static int map_fd(const char *name)
{
	struct bpf_map_info info;
	__u32 id = 0, len;
	int fd, found = -1;

	while (!bpf_map_get_next_id(id, &id)) {
		fd = bpf_map_get_fd_by_id(id);
		len = sizeof(info);
		memset(&info, 0, sizeof(info));
		if (fd >= 0 && !bpf_map_get_info_by_fd(fd, &info, &len) && !strcmp(info.name, name)) {
			if (found >= 0)
				close(found);
			found = fd;
		} else if (fd >= 0) {
			close(fd);
		}
	}
	REQUIRE(found >= 0, "no map %s", name);
	return found;
}

CASE(by_reason, "bulk moves go to the engine when they are large, what is waited for is not batched")
{
	static const struct verdict table[] = {
		{ "reason=demotion count=16", "verdict ahead migrator=dcbm folios=16\n" },
		{ "reason=demotion count=15", "verdict ahead migrator=cpu folios=15\n" },
		{ "reason=memory_hotplug count=512", "verdict ahead migrator=dcbm folios=512\n" },
		{ "reason=syscall_or_cpuset order=9 count=1", "verdict ahead migrator=dcbm folios=1\n" },
		{ "reason=mempolicy_mbind count=64", "verdict ahead migrator=dcbm folios=64\n" },
		{ "reason=contig_range count=2", "verdict ahead migrator=cpu folios=2\n" },
		{ "reason=damon order=4 count=1", "verdict ahead migrator=dcbm folios=1\n" },
		{ "reason=numa_misplaced order=9 count=1", SINGLE },
		{ "reason=compaction count=32", SINGLE },
		{ "reason=longterm_pin count=64", SINGLE },
	};

	load("by_reason rules");
	EXPECT_TABLE(table);
	/* An engine that has gone. */
	dcbm_enable(0);
	expect_verdict("reason=demotion count=512", "verdict ahead migrator=cpu folios=512\n");
}

CASE(tiering, "promotion and demotion may use the engine, and nobody else at all")
{
	static const struct verdict table[] = {
		{ "reason=demotion count=32", "verdict ahead migrator=dcbm folios=32\n" },
		{ "reason=demotion order=9 count=1", "verdict ahead migrator=dcbm folios=1\n" },
		{ "reason=damon count=2", "verdict ahead migrator=dcbm folios=2\n" },
		{ "reason=numa_misplaced order=9 count=1", "verdict ahead migrator=dcbm folios=1\n" },
		{ "reason=syscall_or_cpuset count=512", SINGLE },
		{ "reason=syscall_or_cpuset order=9 count=1", SINGLE },
		{ "reason=mempolicy_mbind count=512", SINGLE },
		{ "reason=memory_hotplug count=512", SINGLE },
		{ "reason=contig_range count=512", SINGLE },
		{ "reason=longterm_pin count=512", SINGLE },
		{ "reason=compaction count=512", SINGLE },
	};
	struct policy below;
	char question[96];
	int ret;

	load("tiering rules");
	EXPECT_TABLE(table);
	/* A cgroup's own policy cannot take that back. */
	ret = policy_load(&below, "../bpf/default", "default_ops", cgroup_of("service"));
	REQUIRE(!ret, "default: %s", strerror(-ret));
	ret = policy_attach(&below);
	EXPECT(!ret, "attach: %s", strerror(-ret));
	snprintf(question, sizeof(question), "reason=syscall_or_cpuset count=512 cgroup=%" PRIu64,
		 below.cgroup_id);
	expect_verdict(question, SINGLE);
	snprintf(question, sizeof(question), "reason=demotion count=512 cgroup=%" PRIu64,
		 below.cgroup_id);
	expect_verdict(question, "verdict ahead migrator=dcbm folios=512\n");
	policy_close(&below);
}

CASE(latency, "cgroups of class 1 keep the CPU, and nobody has more than small batches unmapped")
{
	static const struct verdict others[] = {
		{ "reason=demotion count=512", "verdict ahead migrator=dcbm folios=32\n" },
		{ "reason=syscall_or_cpuset count=16", "verdict ahead migrator=dcbm folios=16\n" },
		{ "reason=syscall_or_cpuset count=15", "verdict ahead migrator=cpu folios=15\n" },
		{ "reason=compaction order=9 count=1", "verdict ahead migrator=dcbm folios=1\n" },
	};
	static const char * const questions[] = {
		"reason=demotion count=512", "reason=syscall_or_cpuset order=9 count=8",
		"reason=compaction count=32", "reason=numa_misplaced order=4 count=2",
		"reason=memory_hotplug count=512", "reason=mempolicy_mbind count=512",
		"reason=contig_range count=32", "reason=longterm_pin count=2",
		"reason=damon order=9 count=1",
	};
	uint64_t id = cgroup_of("service");
	uint32_t class = 1;
	char question[128];
	size_t i;
	int fd;

	load("latency rules");
	EXPECT_TABLE(others);
	expect_line("reason=demotion count=512", "batch_pages 32: batches of 32 folios");
	snprintf(question, sizeof(question), "reason=demotion count=512 cgroup=%" PRIu64, id);
	expect_verdict(question, "verdict ahead migrator=dcbm folios=32\n");

	fd = map_fd(CLASSES);
	REQUIRE(!bpf_map_update_elem(fd, &id, &class, BPF_ANY), "classes: %m");
	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		snprintf(question, sizeof(question), "%s cgroup=%" PRIu64, questions[i], id);
		expect_verdict(question, SINGLE);
	}
	snprintf(question, sizeof(question), "reason=demotion count=512 cgroup=%" PRIu64, id);
	expect_line(question, "batch_pages 32: batches of 32 folios");
	/* Another class is nothing special. */
	class = 2;
	REQUIRE(!bpf_map_update_elem(fd, &id, &class, BPF_ANY), "classes: %m");
	expect_verdict(question, "verdict ahead migrator=dcbm folios=32\n");
	close(fd);
}

/* Moves 2 MiB of 4 KiB folios, so that whoever copies them has a cost. */
static void move(unsigned int times)
{
	struct arena arena = arena_map(ARENA_ANON, 2 * MiB, 0);
	unsigned int i;

	for (i = 0; i < times; i++)
		EXPECT_EQ(arena_move(&arena, !(i & 1)), arena_pages(&arena));
	arena_verify(&arena);
	arena_unmap(&arena);
}

CASE(by_size, "the engine where it has been the faster one, the CPU for the rest")
{
	static const char question[] = "reason=syscall_or_cpuset count=512";
	static const char * const reasons[] = {
		"compaction", "memory_hotplug", "mempolicy_mbind", "numa_misplaced",
		"contig_range", "longterm_pin", "demotion", "damon",
	};
	char any[96];
	size_t i;

	/* Each of the two has copied such groups; the engine takes 1 ms for each folio. */
	offload_use("cpu");
	move(4);
	dmasim_set("latency_ns", 1000000);
	offload_use("dcbm");
	move(2);
	offload_set("default_migrator", "none");
	load("by_size rules");
	expect_verdict(question, "verdict ahead migrator=cpu folios=512\n");
	expect_verdict("reason=syscall_or_cpuset count=15", "verdict ahead migrator=cpu folios=15\n");
	/* Of folios of 2 MiB nothing is known yet: the engine is tried. */
	expect_verdict("reason=syscall_or_cpuset order=9 count=1",
		       "verdict ahead migrator=dcbm folios=1\n");
	/* From 64 KiB on. */
	expect_verdict("reason=demotion order=4 count=1",
		       "verdict ahead migrator=dcbm folios=1\n");
	expect_verdict("reason=demotion order=3 count=1",
		       "verdict ahead migrator=cpu folios=1\n");
	/* Whatever the reason, for sizes are what counts here. */
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		snprintf(any, sizeof(any), "reason=%s order=9 count=1", reasons[i]);
		expect_verdict(any, "verdict ahead migrator=dcbm folios=1\n");
	}
}

CASE(set, "what is set on the command line wins over the preset, wherever it stands")
{
	load("by_reason --set rule0_min_bytes=1M rules");
	expect_verdict("reason=demotion count=256", "verdict ahead migrator=dcbm folios=256\n");
	expect_verdict("reason=demotion count=255", "verdict ahead migrator=cpu folios=255\n");
	expect_verdict("reason=compaction count=512", SINGLE);
}

CASE(table, "there is a table for every preset")
{
	static const char * const tables[] = { "by_reason", "tiering", "latency", "by_size" };

	expect_tables("bpf/presets/*.knobs", tables, sizeof(tables) / sizeof(tables[0]));
}

CASES_MAIN
