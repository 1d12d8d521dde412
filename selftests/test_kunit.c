// SPDX-License-Identifier: GPL-2.0
/* The kernel's unit tests have run at boot: what they said. */
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "offload.h"

#define RESULTS	"/sys/kernel/debug/kunit/migrate_offload/results"

CASE(results, "the suite migrate_offload has passed, every case of it")
{
	FILE *file = fopen(RESULTS, "re");
	bool suite = false;
	char line[256];
	int cases = 0;

	REQUIRE(file, RESULTS ": %m");
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
	EXPECT_GE(cases, 4);
}

CASES_MAIN
