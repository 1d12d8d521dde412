// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 300
 *
 * Every parameter of dcbm: a value at each end of its range is taken, one beyond is refused
 * with EINVAL and leaves the old one; what is documented is there, and the other way round.
 * And what poll_us is about: whether the end of a job is polled or slept for.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "offload.h"

#define PARAMETERS	"/sys/module/dcbm/parameters"

static const struct parameter {
	const char *name;
	const char *by_default;	/* NULL: cannot be read */
	const char *good[4];
	const char *bad[12];
} parameters[] = {
	{ "enable", "N", {}, { "", "2", "x", "maybe" } },
	{ "verify", "N", { "Y", "0", "1", "n" }, { "", "2", "x", "maybe" } },
	{ "channels", "16", { "1", "64" }, { "", "0", "65", "-1", "x", "4x", "4294967297" } },
	{ "min_chunk", "65536", { "4096", "1073741824", "0x10000" },
	  { "", "0", "4095", "4097", "65537", "1073745920", "4294967296", "-4096", "64k" } },
	{ "max_chunk", "0", { "0", "4096", "1073741824" },
	  { "", "1", "4097", "1073745920", "4294967296", "-1", "64k" } },
	{ "timeout_ms", "2000", { "10", "60000" }, { "", "0", "9", "60001", "-1", "1s" } },
	{ "poll_us", "100", { "0", "10000" }, { "", "10001", "-1", "1.5", "x" } },
	{ "window", "Y", { "N", "Y" }, { "", "2", "x" } },
	{ "sg", "Y", { "N", "Y" }, { "", "2", "x" } },
	{ "trust", "", { "a", "ptdma,ae4dma", "x-y_z.1:2" },
	  { ",", "a,,b", "a,", ",a", "a b", "a/b",
	    "0123456789012345678901234567890123456789012345678901234567890123456789"
	    "0123456789012345678901234567890123456789012345678901234567" } },
	{ "rearm", NULL, {}, { "", "0123456789012345678901234567890123456789" } },
	{ "release", NULL, {}, { "", "0123456789012345678901234567890123456789" } },
	{ "status", NULL, {}, {} },
};

#define NR_PARAMETERS	(sizeof(parameters) / sizeof(*parameters))

static struct arena arena;

void case_setup(void)
{
	offload_reset();
	dcbm_stop();
}

void case_teardown(void)
{
	offload_reset();
	if (arena.addr)
		arena_unmap(&arena);
	dcbm_stop();
}

static void value_of(const char *name, char *value, size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), PARAMETERS "/%s", name);
	read_line(path, value, size);
}

static void try_all(const struct parameter *p)
{
	char before[256], after[256], text[16];
	size_t i;

	for (i = 0; i < 4 && p->good[i]; i++)
		EXPECT(!dcbm_try_set(p->name, p->good[i]), "%s <- %s is refused", p->name,
		       p->good[i]);
	if (p->by_default)
		value_of(p->name, before, sizeof(before));
	for (i = 0; i < 12 && p->bad[i]; i++) {
		/* An empty write does not get there, but an empty line does. */
		snprintf(text, sizeof(text), "%s", *p->bad[i] ? "" : "\n");
		if (!*p->bad[i] && !strcmp(p->name, "trust"))
			continue;
		EXPECT_EQ(dcbm_try_set(p->name, *p->bad[i] ? p->bad[i] : text), -EINVAL);
		if (!p->by_default)
			continue;
		value_of(p->name, after, sizeof(after));
		EXPECT(!strcmp(before, after), "%s <- %s: was %s, is %s", p->name, p->bad[i],
		       before, after);
	}
}

CASE(ranges, "good values are taken, bad ones refused with EINVAL and without a trace")
{
	char value[256];
	size_t i;

	probe("dcbm", NULL);
	for (i = 0; i < NR_PARAMETERS; i++) {
		if (parameters[i].by_default) {
			value_of(parameters[i].name, value, sizeof(value));
			EXPECT(!strcmp(value, parameters[i].by_default), "%s is %s at first",
			       parameters[i].name, value);
		}
		try_all(&parameters[i]);
	}
}

CASE(at_load, "a bad value given to modprobe fails the load, a good one is there then")
{
	char value[256];
	size_t i;

	for (i = 0; i < NR_PARAMETERS; i++) {
		const struct parameter *p = &parameters[i];

		/* The first one is empty, and one is enough: each takes a second. */
		if (!p->bad[0])
			continue;
		EXPECT(shell("modprobe -q dcbm '%s=%s'", p->name, p->bad[1]) != 0,
		       "loaded with %s=%s", p->name, p->bad[1]);
		REQUIRE(!is_loaded("dcbm"), "it is loaded");
	}
	probe("dcbm", "channels=3 min_chunk=8192 poll_us=7 timeout_ms=11 verify trust=a,b");
	value_of("channels", value, sizeof(value));
	EXPECT(!strcmp(value, "3"), "%s", value);
	value_of("trust", value, sizeof(value));
	EXPECT(!strcmp(value, "a,b"), "%s", value);
	value_of("verify", value, sizeof(value));
	EXPECT(!strcmp(value, "Y"), "%s", value);
}

static bool is_documented(const char *name)
{
	return !shell("grep -qF '``%s``' kernel/tree/Documentation/admin-guide/mm/dcbm.rst", name);
}

CASE(documented, "every parameter and counter is documented, and every documented one is there")
{
	char line[256], name[64], path[PATH_MAX];
	struct dirent *entry;
	FILE *file;
	size_t i;
	DIR *dir;

	probe("dcbm", NULL);
	dir = opendir(PARAMETERS);
	REQUIRE(dir, PARAMETERS ": %m");
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		for (i = 0; i < NR_PARAMETERS; i++)
			if (!strcmp(parameters[i].name, entry->d_name))
				break;
		EXPECT(i < NR_PARAMETERS, "%s is not tested here", entry->d_name);
		EXPECT(is_documented(entry->d_name), "%s is not documented", entry->d_name);
		EXPECT(!shell("grep -qx 'What:\t\t" PARAMETERS "/%s' "
			      "kernel/tree/Documentation/ABI/testing/sysfs-module-dcbm",
			      entry->d_name), "%s is not in the ABI", entry->d_name);
	}
	closedir(dir);
	for (i = 0; i < NR_PARAMETERS; i++) {
		snprintf(path, sizeof(path), PARAMETERS "/%s", parameters[i].name);
		EXPECT(exists(path), "there is no %s", path);
	}

	file = fopen(PARAMETERS "/status", "re");
	REQUIRE(file, PARAMETERS "/status: %m");
	while (fgets(line, sizeof(line), file)) {
		REQUIRE(sscanf(line, "%63s", name) == 1, "%s", line);
		EXPECT(is_documented(name), "%s is not documented", name);
	}
	fclose(file);
}

static void jobs(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		EXPECT_EQ(arena_move(&arena, 1 - i % 2), 16);
}

static void jobs_back(void)
{
	EXPECT_EQ(arena_move(&arena, 0), 16);
}

/* A descriptor takes 20 ms at least, which is more than the limit can be. */
CASE(sleeps, "the end of a job that is expected to take longer than poll_us is slept for")
{
	uint64_t polled;

	dcbm_start("channels=1 latency_ns=20000000");
	dcbm_set("poll_us", "10000");
	arena = arena_map(ARENA_ANON, 16 * PAGE, 0);
	offload_use("dcbm");
	/* Nothing is known at first. */
	jobs(2);
	polled = dcbm_status("jobs_polled");
	EXPECT_EQ(polled, 1);
	jobs(10);
	EXPECT_EQ(dcbm_status("jobs_polled"), polled);
	EXPECT_EQ(dcbm_status("jobs_slept"), 12);
}

/* What 16 pages on one channel are expected to take, in ns. */
static uint64_t expected(void)
{
	uint64_t ns = 0, bytes, value;
	char line[128], device[64];
	FILE *file;

	file = fopen("/sys/kernel/debug/dcbm/costs", "re");
	REQUIRE(file, "costs: %m");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %" SCNu64 " %" SCNu64, device, &bytes, &value) == 3 &&
		    bytes == 16 * PAGE)
			ns = value;
	fclose(file);
	return ns;
}

static void set_poll_us(uint64_t us)
{
	char value[24];

	snprintf(value, sizeof(value), "%" PRIu64, us);
	dcbm_set("poll_us", value);
}

/* Whatever this machine takes, the limit is put right above it, and right below. */
CASE(polls, "what is polled for is what has taken less than poll_us, by the device's costs")
{
	uint64_t polled, us;
	int i;

	dcbm_start("channels=1");
	arena = arena_map(ARENA_ANON, 16 * PAGE, 0);
	offload_use("dcbm");
	jobs(2);
	for (i = 0; i < 10; i++) {
		EXPECT_GT(expected(), 0);
		us = expected() / 1000 + 1;
		if (us > 10000)
			case_skip("a job takes more than 10 ms here, which is never polled for");
		set_poll_us(us);
		polled = dcbm_status("jobs_polled");
		jobs(1);
		EXPECT_EQ(dcbm_status("jobs_polled"), polled + 1);
		jobs_back();
		us = expected() / 1000;
		set_poll_us(us > 10000 ? 10000 : us ? us - 1 : 0);
		polled = dcbm_status("jobs_polled");
		jobs(1);
		EXPECT_EQ(dcbm_status("jobs_polled"), polled);
		jobs_back();
	}
}

CASE(never_polls, "with poll_us=0 nothing is polled for")
{
	dcbm_start("channels=1");
	arena = arena_map(ARENA_ANON, 16 * PAGE, 0);
	offload_use("dcbm");
	dcbm_set("poll_us", "0");
	jobs(20);
	EXPECT_EQ(dcbm_status("jobs"), 20);
	EXPECT_EQ(dcbm_status("jobs_polled"), 0);
}

CASES_MAIN
