// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 240
 *
 * The kernel's own test of DMA engines passes on the emulated one, for single copies and for
 * DMA_MEMCPY_SG, and fails when the engine is told to fail: so it would see an engine, or a
 * provider's memcpy_sg, that copies something else than it was given.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "dcbm.h"
#include "offload.h"

#define CHANNELS	2
#define TESTS		60
#define MEMCPY		0
#define MEMCPY_SG	2

void case_teardown(void)
{
	if (is_loaded("dmatest"))
		remove_module("dmatest");
	dcbm_stop();
}

struct results {
	unsigned int threads, tests, failures;
};

/* The kernel log, from here on */
static int open_log(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	REQUIRE(log >= 0, "/dev/kmsg: %m");
	lseek(log, 0, SEEK_END);
	return log;
}

/* Adds what a line says that dmatest writes at the end of a thread. False: no more lines. */
static bool read_result(int log, struct results *results)
{
	unsigned int tests, failures;
	char line[2048], *at;
	ssize_t size;

	size = read(log, line, sizeof(line) - 1);
	if (size < 0)
		return false;
	line[size] = '\0';
	at = strstr(line, "dmatest: ") ? strstr(line, ": summary ") : NULL;
	if (at && sscanf(at, ": summary %u tests, %u failures", &tests, &failures) == 2) {
		results->threads++;
		results->tests += tests;
		results->failures += failures;
	}
	return true;
}

static void read_results(int log, unsigned int threads, struct results *results)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	unsigned int tries = 3000;

	while (results->threads < threads) {
		if (read_result(log, results))
			continue;
		REQUIRE(tries--, "dmatest: %u of %u threads have ended", results->threads,
			threads);
		nanosleep(&pause, NULL);
	}
}

static struct results dmatest(int kind, unsigned int tests, const char *params)
{
	struct results results = {};
	int log = open_log();
	char all[256];

	snprintf(all, sizeof(all), "dmatest=%d iterations=%u timeout=10000 %s run=1", kind, tests,
		 params);
	probe("dmatest", all);
	read_results(log, CHANNELS, &results);
	close(log);
	remove_module("dmatest");
	return results;
}

/* Passes, and the engine has done what was asked for. */
static void passes(int kind, const char *engine, const char *params)
{
	struct results results;

	probe("dmasim", engine);
	results = dmatest(kind, TESTS, params);
	EXPECT_EQ(results.tests, CHANNELS * TESTS);
	EXPECT_EQ(results.failures, 0);
	EXPECT_EQ(dmasim_count("completed"), CHANNELS * TESTS);
	EXPECT_EQ(dmasim_count("prepared_sg"), kind == MEMCPY_SG ? CHANNELS * TESTS : 0);
}

CASE(memcpy, "single copies")
{
	passes(MEMCPY, "channels=2", "");
}

CASE(sg, "many copies with one descriptor")
{
	passes(MEMCPY_SG, "channels=2", "");
	/* Some are too short for eight entries. */
	EXPECT_GT(dmasim_count("entries_sg"), 7 * CHANNELS * TESTS);
	EXPECT_GE(8 * CHANNELS * TESTS, dmasim_count("entries_sg"));
}

CASE(sg_even, "copies of equal length, in order, with one descriptor")
{
	passes(MEMCPY_SG, "channels=2", "norandom=1 sg_entries=100");
	EXPECT_EQ(dmasim_count("entries_sg"), 100 * CHANNELS * TESTS);
	EXPECT_EQ(dmasim_count("bytes"), 16384LL * CHANNELS * TESTS);
}

CASE(sg_shuffled, "descriptors that complete out of order")
{
	passes(MEMCPY_SG, "channels=2 shuffle=1", "threads_per_chan=1");
}

CASE(sg_limit, "not more entries than the device can do")
{
	passes(MEMCPY_SG, "channels=2 sg_max=3", "norandom=1 sg_entries=100");
	EXPECT_EQ(dmasim_count("entries_sg"), 3 * CHANNELS * TESTS);
}

CASE(sg_none, "a device without the capability is not asked")
{
	struct results results = {};
	int log = open_log();

	probe("dmasim", "channels=2 sg_max=0");
	probe("dmatest", "dmatest=2 iterations=1 run=1");
	/* Waits for the threads that there are. */
	remove_module("dmatest");
	while (read_result(log, &results))
		;
	close(log);
	EXPECT_EQ(results.threads, 0);
	EXPECT_EQ(dmasim_count("prepared"), 0);
}

/* Each kind of fault, every time, and every third time. */
static void fails(const char *fault, const char *counter, unsigned int every)
{
	struct results results;

	probe("dmasim", "channels=2");
	dmasim_set(fault, every);
	results = dmatest(MEMCPY_SG, 6, "norandom=1 timeout=300");
	EXPECT_EQ(results.tests, CHANNELS * 6);
	EXPECT_EQ(results.failures, CHANNELS * 6 / every);
	EXPECT_EQ(dmasim_count(counter), CHANNELS * 6 / every);
	case_teardown();
}

CASE(sg_errors, "descriptors of which nothing is copied are failures")
{
	fails("error_every", "injected_errors", 1);
	fails("error_every", "injected_errors", 3);
}

CASE(sg_partial, "descriptors of which half is copied are failures")
{
	fails("partial_every", "injected_partial", 3);
}

CASE(sg_lies, "descriptors that are said to be copied, and are not")
{
	fails("lie_every", "injected_lies", 1);
	fails("lie_every", "injected_lies", 3);
}

CASE(sg_prep_null, "descriptors that cannot be had")
{
	fails("prep_null_every", "injected_prep_null", 3);
}

CASE(sg_submit, "descriptors that are not accepted")
{
	fails("submit_error_every", "injected_submit_errors", 3);
}

CASE(sg_hang, "descriptors that never end")
{
	struct results results;

	probe("dmasim", "channels=2");
	dmasim_set("hang_every", 1);
	results = dmatest(MEMCPY_SG, 2, "norandom=1 timeout=300");
	EXPECT_EQ(results.failures, CHANNELS * 2);
	EXPECT_EQ(dmasim_count("completed"), 0);
}

CASES_MAIN
