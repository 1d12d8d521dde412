// SPDX-License-Identifier: GPL-2.0
#include <glob.h>
#include <libgen.h>
#include <string.h>

#include "case.h"
#include "tables.h"

void expect_tables(const char *pattern, const char *const *tables, size_t nr)
{
	glob_t files;
	size_t i, k;

	REQUIRE(!glob(pattern, 0, NULL, &files), "%s: there is none", pattern);
	for (i = 0; i < files.gl_pathc; i++) {
		char *name = basename(files.gl_pathv[i]);

		name[strcspn(name, ".")] = '\0';
		for (k = 0; k < nr && strcmp(name, tables[k]); k++)
			;
		EXPECT(k < nr, "%s: nothing is known of it", name);
	}
	EXPECT_EQ(files.gl_pathc, nr);
	globfree(&files);
}
