// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 400
 *
 * What is to hold for every policy in bpf/, whichever there are: it loads and moves memory, a
 * dry run leaves no trace in it, and the verifier is through with each of its programs
 * within the budget that stands in bpf/budget.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "dry_run.h"
#include "mtcopy.h"
#include "offload.h"
#include "policy.h"

#define BUDGET		"bpf/budget"
#define MAX_MAPS	32
#define MAX_NAME	64

static struct policy policy;
static struct arena arena;

void case_setup(void)
{
	offload_reset();
	dcbm_start("channels=2");
	mtcopy_start("threads=2 min_chunk=65536");
}

void case_teardown(void)
{
	policy_close(&policy);
	if (arena.addr)
		arena_unmap(&arena);
	offload_reset();
	mtcopy_stop();
	dcbm_stop();
}

/* Calls @each with the name of every policy that has a source. */
static void for_each_policy(void (*each)(const char *name))
{
	glob_t files;
	size_t i;

	REQUIRE(!glob("bpf/*.bpf.c", 0, NULL, &files), "no policies");
	for (i = 0; i < files.gl_pathc; i++) {
		char *name = basename(files.gl_pathv[i]);

		name[strcspn(name, ".")] = '\0';
		each(name);
	}
	globfree(&files);
}

static void load(const char *name)
{
	char object[MAX_NAME + 8], map[MAX_NAME + 8];
	int ret;

	snprintf(object, sizeof(object), "../bpf/%s", name);
	snprintf(map, sizeof(map), "%s_ops", name);
	ret = policy_load(&policy, object, map, 0);
	REQUIRE(!ret, "%s: %s\n%s", name, strerror(-ret), policy_log());
}

/* --- dry runs --- */

static uint64_t hash_add(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *byte = data;

	while (size--)
		hash = (hash ^ *byte++) * 1099511628211ULL;
	return hash;
}

struct traces {
	uint64_t maps[MAX_MAPS];	/* a hash of each */
	uint64_t counts;		/* one of what the kernel counts */
};

static uint64_t hash_map(const struct bpf_map *map)
{
	static char value[65536];
	char key[64], next[64], *last = NULL;
	size_t size = bpf_map__value_size(map);
	uint64_t hash = 14695981039346656037ULL;

	REQUIRE(size <= sizeof(value) && bpf_map__key_size(map) <= sizeof(key), "%s is large",
		bpf_map__name(map));
	while (!bpf_map_get_next_key(bpf_map__fd(map), last, next)) {
		memcpy(key, next, sizeof(key));
		last = key;
		if (bpf_map_lookup_elem(bpf_map__fd(map), key, value))
			continue;
		hash = hash_add(hash_add(hash, key, bpf_map__key_size(map)), value, size);
	}
	return hash;
}

static uint64_t hash_files(const char *pattern, uint64_t hash)
{
	static char text[65536];
	glob_t files;
	size_t i;

	REQUIRE(!glob(pattern, 0, NULL, &files), "%s: nothing", pattern);
	for (i = 0; i < files.gl_pathc; i++) {
		int fd = open(files.gl_pathv[i], O_RDONLY | O_CLOEXEC);
		ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text));

		REQUIRE(len >= 0, "%s: %m", files.gl_pathv[i]);
		close(fd);
		hash = hash_add(hash, text, len);
	}
	globfree(&files);
	return hash;
}

static struct traces traces(void)
{
	struct traces traces = {};
	struct bpf_map *map;
	size_t i = 0;

	bpf_object__for_each_map(map, policy.object) {
		REQUIRE(i < MAX_MAPS, "more maps than %d", MAX_MAPS);
		if (bpf_map__type(map) != BPF_MAP_TYPE_STRUCT_OPS)
			traces.maps[i] = hash_map(map);
		i++;
	}
	traces.counts = hash_files(OFFLOAD_DIR "/policies/1/events",
				   hash_files(OFFLOAD_DIR "/books/*", 14695981039346656037ULL));
	return traces;
}

static void expect_same(const char *name, const char *question, const struct traces *before)
{
	struct traces now = traces();
	struct bpf_map *map;
	size_t i = 0;

	bpf_object__for_each_map(map, policy.object) {
		EXPECT(now.maps[i] == before->maps[i], "%s: %s: the dry run has changed map %s",
		       name, question, bpf_map__name(map));
		i++;
	}
	EXPECT(now.counts == before->counts, "%s: %s: the dry run was counted", name, question);
}

static void move(size_t bytes)
{
	arena = arena_map(ARENA_ANON, bytes, 0);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	book_close();
	arena_verify(&arena);
	arena_unmap(&arena);
}

static void ask(const char *name, const struct traces *before, const char *reason,
		unsigned int order, unsigned int count, const char *kind)
{
	char question[128];

	snprintf(question, sizeof(question), "reason=%s order=%u count=%u kind=%s", reason, order,
		 count, kind);
	EXPECT(strstr(dry_run(question), "verdict "), "%s: %s: no verdict", name, question);
	expect_same(name, question, before);
}

static void try_dry_runs(const char *name)
{
	static const char * const reasons[] = {
		"demotion", "syscall_or_cpuset", "numa_misplaced",
	};
	static const struct {
		unsigned int order, count;
	} sizes[] = { { 0, 2 }, { 0, 512 }, { 4, 64 }, { 9, 8 } };
	struct traces before;
	unsigned int i, k;
	int ret;

	load(name);
	ret = policy_attach(&policy);
	REQUIRE(!ret, "%s: attach: %s", name, strerror(-ret));
	/* A policy that remembers has something to remember by then. */
	for (i = 0; i < 2; i++)
		move(2 * MiB);
	before = traces();
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++)
			ask(name, &before, reasons[i], sizes[k].order, sizes[k].count,
			    k % 2 ? "shmem" : "anon");
	policy_close(&policy);
}

CASE(dry_run, "each loads, moves memory, and a dry run leaves no trace in it")
{
	offload_set("reason_mask", "all");
	offload_set("batch_pages", "4096");
	for_each_policy(try_dry_runs);
}

/* --- the budget --- */

struct line {
	char policy[MAX_NAME], program[MAX_NAME];
	unsigned int insns;
	bool used;
};

static struct line *lines;
static size_t nr_lines;

static void read_budget(void)
{
	char text[256];
	FILE *file = fopen(BUDGET, "re");
	unsigned int line_nr = 0;

	REQUIRE(file, BUDGET ": %m");
	nr_lines = 0;
	while (fgets(text, sizeof(text), file)) {
		struct line line = {};
		char rest;

		line_nr++;
		if (*text == '#' || *text == '\n')
			continue;
		REQUIRE(sscanf(text, "%63s %63s %u %c", line.policy, line.program, &line.insns,
			       &rest) == 3, BUDGET ":%u: not POLICY PROGRAM INSTRUCTIONS", line_nr);
		lines = realloc(lines, (nr_lines + 1) * sizeof(*lines));
		REQUIRE(lines, "%m");
		lines[nr_lines++] = line;
	}
	fclose(file);
}

static struct line *budget_of(const char *name, const char *program)
{
	size_t i;

	for (i = 0; i < nr_lines; i++)
		if (!strcmp(lines[i].policy, name) && !strcmp(lines[i].program, program))
			return &lines[i];
	return NULL;
}

static void try_budget(const char *name)
{
	struct bpf_program *program;

	load(name);
	bpf_object__for_each_program(program, policy.object) {
		const char *function = bpf_program__name(program);
		struct line *line = budget_of(name, function);
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		REQUIRE(!bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &len),
			"%s: %s: %m", name, function);
		case_note("%s: %s: %u of %u instructions", name, function, info.verified_insns,
			  line ? line->insns : 0);
		EXPECT_GT(info.verified_insns, 0);
		EXPECT(line, "%s: %s: there is no line of it in " BUDGET ", give it some more than %u",
		       name, function, info.verified_insns);
		if (!line)
			continue;
		line->used = true;
		EXPECT(info.verified_insns <= line->insns,
		       "%s: %s: the verifier had to look at %u instructions, and %u are allowed: make it simpler, or say in the commit why " BUDGET " grows",
		       name, function, info.verified_insns, line->insns);
	}
	policy_close(&policy);
}

CASE(budget, "the verifier is through with each program within its budget")
{
	size_t i;

	read_budget();
	for_each_policy(try_budget);
	for (i = 0; i < nr_lines; i++)
		EXPECT(lines[i].used, BUDGET ": %s %s: there is no such program any more",
		       lines[i].policy, lines[i].program);
}

CASES_MAIN
