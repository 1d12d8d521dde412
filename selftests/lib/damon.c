// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "damon.h"
#include "offload.h"

#define KDAMONDS	"/sys/kernel/mm/damon/admin/kdamonds"
#define CONTEXT		KDAMONDS "/0/contexts/0"
#define SCHEME		CONTEXT "/schemes/0"

/* Nothing is too small, too rare or too new. */
static void all_patterns(void)
{
	static const char * const patterns[] = { "sz", "nr_accesses", "age" };
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		snprintf(path, sizeof(path), SCHEME "/access_pattern/%s/max", patterns[i]);
		write_number(path, INT_MAX);
	}
}

void damon_start(const char *ops, pid_t pid, uint64_t start, uint64_t end, const char *action,
		 int nid)
{
	write_file(KDAMONDS "/nr_kdamonds", "1");
	write_file(KDAMONDS "/0/contexts/nr_contexts", "1");
	write_file(CONTEXT "/operations", ops);
	write_file(CONTEXT "/monitoring_attrs/intervals/sample_us", "5000");
	write_file(CONTEXT "/monitoring_attrs/intervals/aggr_us", "20000");
	write_file(CONTEXT "/targets/nr_targets", "1");
	if (strcmp(ops, "paddr"))
		write_number(CONTEXT "/targets/0/pid_target", pid);
	write_file(CONTEXT "/targets/0/regions/nr_regions", "1");
	write_number(CONTEXT "/targets/0/regions/0/start", start);
	write_number(CONTEXT "/targets/0/regions/0/end", end);
	write_file(CONTEXT "/schemes/nr_schemes", "1");
	write_file(SCHEME "/action", action);
	write_number(SCHEME "/target_nid", nid);
	all_patterns();
	write_file(KDAMONDS "/0/state", "on");
}

void damon_stop(void)
{
	if (!read_number(KDAMONDS "/nr_kdamonds"))
		return;
	/* Refused when it does not run. */
	try_write(KDAMONDS "/0/state", "off");
	write_file(KDAMONDS "/nr_kdamonds", "0");
}
