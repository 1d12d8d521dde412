/* SPDX-License-Identifier: GPL-2.0 */
/* Whatever a directory has, a test has to have a table for it. */
#ifndef SELFTESTS_TABLES_H
#define SELFTESTS_TABLES_H

#include <stddef.h>

/* @tables: names, without what stands behind the first dot, of all files that @pattern means. */
void expect_tables(const char *pattern, const char *const *tables, size_t nr);

#endif /* SELFTESTS_TABLES_H */
