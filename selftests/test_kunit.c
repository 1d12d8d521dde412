// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's unit tests: what they said at boot, or when the module that they are part of
 * was loaded.
 */
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "offload.h"

#define RESULTS	"/sys/kernel/debug/kunit/%s/results"

static void suite_passed(const char *name, int least)
{
	bool suite = false;
	char line[256];
	int cases = 0;
	FILE *file;

	snprintf(line, sizeof(line), RESULTS, name);
	file = fopen(line, "re");
	REQUIRE(file, "%s: %m", line);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, "not ok "))
			EXPECT(false, "%s", line);
		else if (!strncmp(line, "    ok ", 7))
			cases++;
		else if (!strncmp(line, "ok ", 3))
			suite = true;
	}
	fclose(file);
	case_note("%d unit tests", cases);
	EXPECT(suite, "the suite has no result");
	EXPECT_GE(cases, least);
}

CASE(results, "the suite migrate_offload has passed, every case of it")
{
	suite_passed("migrate_offload", 5);
}

/* A PCI device */
#ifndef __aarch64__
CASE(ptdma, "the suite ptdma has passed: results, terminate, DMA_MEMCPY_SG")
{
	probe("ptdma", NULL);
	suite_passed("ptdma", 19);
	remove_module("ptdma");
}
#endif

CASE(zynqmp_dma, "the suite zynqmp_dma has passed: results, a channel that does not stop")
{
	insert("zynqmp_kunit", NULL);
	suite_passed("zynqmp_dma", 9);
	remove_module("zynqmp_kunit");
}

CASES_MAIN
