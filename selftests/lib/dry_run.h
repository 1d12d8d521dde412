/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's dry run: who would copy such folios, and who said so. */
#ifndef SELFTESTS_DRY_RUN_H
#define SELFTESTS_DRY_RUN_H

#include <stddef.h>

/* The answer to a question, or the case ends; valid until the next one. */
const char *dry_run(const char *question);
/* Fails the case where the verdict of the answer is another one; all its lines. */
void expect_verdict(const char *question, const char *verdict);
/* The same of any line of the answer. */
void expect_line(const char *question, const char *line);

/* A table: questions, and the verdict of each. */
struct verdict {
	const char *question;
	const char *verdict;
};

void expect_verdicts(const struct verdict *lines, size_t nr);

#define EXPECT_TABLE(lines)	expect_verdicts(lines, sizeof(lines) / sizeof((lines)[0]))

/* Verdicts that need no number. */
#define SINGLE			"verdict single: not eligible\n"
#define NOT_ASKED		"verdict single: nobody wants to be asked about so little\n"
#define NOT_IN_MASK		"verdict single: the reason is not in reason_mask\n"

#endif /* SELFTESTS_DRY_RUN_H */
