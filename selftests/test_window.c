// SPDX-License-Identifier: GPL-2.0
/*
 * Point 8 of the design: while folios are unmapped nobody of ours allocates memory that has
 * to be reclaimed first, perhaps by moving or writing out these very folios. That would hang
 * only when memory is short; the tracepoints of the allocators show it at any time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "mtcopy.h"
#include "offload.h"

#define INSTANCE	"/sys/kernel/tracing/instances/window"

static struct arena arena;

void case_setup(void)
{
	offload_reset();
	REQUIRE(!mkdir(INSTANCE, 0755), INSTANCE ": %m");
	write_number(INSTANCE "/set_event_pid", getpid());
	write_file(INSTANCE "/buffer_size_kb", "8192");
}

void case_teardown(void)
{
	offload_reset();
	if (arena.addr)
		arena_unmap(&arena);
	REQUIRE(!rmdir(INSTANCE) || errno == ENOENT, INSTANCE ": %m");
	dcbm_stop();
	mtcopy_stop();
}

/* The function, of mm/migrate_offload, DCBM or mtcopy, that an event's allocation is made by. */
static bool is_ours(const char *event)
{
	static const char * const ours[] = {
		"migrate_batch", "__migrate_batch", "migrate_group", "migrate_polic",
		"migrator_", "batch_", "group_", "job_", "pair_", "cpu_submit", "dcbm_",
		"mtcopy_",
	};
	const char *site = strstr(event, "call_site=");
	size_t i;

	if (!site)
		return false;
	site += strlen("call_site=");
	for (i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (!strncmp(site, ours[i], strlen(ours[i])))
			return true;
	return false;
}

/* Of what reclaims: GFP_KERNEL, GFP_NOFS and so on, by themselves or with more flags. */
static bool may_reclaim(const char *event)
{
	static const char * const kinds[] = {
		"GFP_KERNEL", "GFP_NOFS", "GFP_NOIO", "GFP_USER", "__GFP_DIRECT_RECLAIM",
		"__GFP_RECLAIM",
	};
	const char *flags = strstr(event, "gfp_flags=");
	size_t i;

	for (i = 0; flags && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strstr(flags, kinds[i]))
			return true;
	return false;
}

static void moves_without_reclaim(const char *migrator, enum arena_kind kind, size_t bytes)
{
	size_t events = 0, batches = 0;
	char line[1024];
	FILE *file;

	arena = arena_map(kind, bytes, 0);
	offload_use(migrator);
	write_file(INSTANCE "/events/kmem/kmalloc/enable", "1");
	write_file(INSTANCE "/events/kmem/kmem_cache_alloc/enable", "1");
	write_file(INSTANCE "/events/migrate/migrate_offload_copy/enable", "1");
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	write_file(INSTANCE "/events/enable", "0");

	file = fopen(INSTANCE "/trace", "re");
	REQUIRE(file, INSTANCE "/trace: %m");
	while (fgets(line, sizeof(line), file)) {
		events += !!strstr(line, "call_site=");
		batches += !!strstr(line, "migrate_offload_copy:");
		EXPECT(!is_ours(line) || !may_reclaim(line), "it allocates: %s", line);
	}
	fclose(file);
	/* The memory of a batch at least was seen. */
	EXPECT_GT(batches, 0);
	EXPECT_GE(events, batches);
	arena_verify(&arena);
}

CASE(cpu, "a batch that the CPU copies allocates nothing that has to be reclaimed")
{
	moves_without_reclaim("cpu", ARENA_ANON, 4 * MiB);
}

CASE(dcbm, "a batch that an engine copies allocates nothing that has to be reclaimed")
{
	dcbm_start("channels=4");
	moves_without_reclaim("dcbm", ARENA_ANON, 4 * MiB);
}

CASE(dcbm_huge, "the same of 2 MiB folios")
{
	offload_set("batch_pages", "4096");
	dcbm_start("channels=4");
	moves_without_reclaim("dcbm", ARENA_ANON_HUGE, 8 * MiB);
}

CASE(mtcopy, "a batch that several CPUs copy allocates nothing that has to be reclaimed")
{
	mtcopy_start("threads=4 min_chunk=65536");
	moves_without_reclaim("mtcopy", ARENA_ANON, 4 * MiB);
}

CASE(mtcopy_huge, "the same of 2 MiB folios")
{
	offload_set("batch_pages", "4096");
	mtcopy_start("threads=4 min_chunk=65536");
	moves_without_reclaim("mtcopy", ARENA_ANON_HUGE, 8 * MiB);
}

CASES_MAIN
