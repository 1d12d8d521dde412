// SPDX-License-Identifier: GPL-2.0
/*
 * arch: x86_64
 * vm: --smp 4
 * timeout: 240
 *
 * Engine, several CPUs and the calling CPU copy one group at the same time, as
 * bpf_migrate_assign() divided it. That nobody is through before all have begun is made
 * certain: a descriptor of the engine takes a second, and mtcopy's workers wait for the
 * caller, which comes to them when it has done its own share. What is asserted are the
 * times of the trace point migrate_offload_part.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "case.h"
#include "copy_trace.h"
#include "dcbm.h"
#include "mtcopy.h"
#include "offload.h"
#include "policy.h"

#define CPU		1
#define PAGES		512
/* One for each channel; then as many as make mtcopy divide them. */
#define OF_DCBM		4
#define OF_MTCOPY	256

static struct policy policy;
static struct whole_memory *memory;
static struct arena arena;

void case_setup(void)
{
	int ret;

	offload_reset();
	dcbm_start("channels=4 latency_ns=1000000000");
	dcbm_set("min_chunk", "4096");
	dcbm_set("timeout_ms", "60000");
	mtcopy_start("threads=4 min_chunk=65536");
	gate_start();
	gate_set("caller_waits", 1);
	gate_set("worker_waits", 1);
	policy_whole(&policy, &memory, 0);
	ret = policy_attach(&policy);
	REQUIRE(!ret, "attach: %s", strerror(-ret));
	memory->eligible = 1;
}

void case_teardown(void)
{
	copy_trace_end();
	policy_close(&policy);
	offload_reset();
	gate_stop();
	if (arena.addr)
		arena_unmap(&arena);
	mtcopy_stop();
	dcbm_stop();
}

static void assign(unsigned int first, unsigned int nr, const char *migrator)
{
	char path[128];

	snprintf(path, sizeof(path), OFFLOAD_DIR "/migrators/%s/id", migrator);
	memory->ranges[memory->nr_ranges++] = (struct whole_range){
		.first = first, .nr = nr, .migrator = read_number(path), .result = -1,
	};
}

static const struct copy_trace_part *part_of(const struct copy_trace_part *parts,
					     unsigned int nr, const char *migrator)
{
	while (nr--)
		if (!strcmp(parts[nr].migrator, migrator))
			return &parts[nr];
	REQUIRE(false, "%s took no part", migrator);
	return NULL;
}

static void expect_overlap(const struct copy_trace_part *one, const struct copy_trace_part *other)
{
	EXPECT(one->begin_ns < other->begin_ns + other->ns &&
	       other->begin_ns < one->begin_ns + one->ns,
	       "%s from %" PRIu64 " for %" PRIu64 " ns, %s from %" PRIu64 " for %" PRIu64 " ns",
	       one->migrator, one->begin_ns, one->ns,
	       other->migrator, other->begin_ns, other->ns);
}

CASE(overlap, "dcbm, mtcopy and the CPU copy their parts of a group at the same time")
{
	const struct copy_trace_part *dcbm, *mtcopy, *cpu;
	struct copy_trace_part parts[4];
	struct book book;
	unsigned int nr;

	assign(0, OF_DCBM, "dcbm");
	assign(OF_DCBM, OF_MTCOPY, "mtcopy");
	memory->select = CPU;
	arena = arena_map(ARENA_ANON, PAGES * PAGE, 0);
	copy_trace_begin();
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), PAGES);
	book = book_close();
	arena_verify(&arena);
	EXPECT_EQ(book.consumed, PAGES);
	EXPECT_EQ(memory->ranges[0].result, 0);
	EXPECT_EQ(memory->ranges[1].result, 0);

	nr = copy_trace_parts("syscall_or_cpuset", parts, 4);
	REQUIRE(nr == 3, "%u parts", nr);
	dcbm = part_of(parts, nr, "dcbm");
	mtcopy = part_of(parts, nr, "mtcopy");
	cpu = part_of(parts, nr, "cpu");
	EXPECT_EQ(dcbm->copied, OF_DCBM);
	EXPECT_EQ(mtcopy->copied, OF_MTCOPY);
	EXPECT_EQ(cpu->copied, PAGES - OF_DCBM - OF_MTCOPY);
	expect_overlap(dcbm, mtcopy);
	expect_overlap(dcbm, cpu);
	expect_overlap(mtcopy, cpu);
	/* Somebody else than the caller had a part in mtcopy's. */
	EXPECT_GT(mtcopy_status("bytes_workers"), 0);
}

CASES_MAIN
