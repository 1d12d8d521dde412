/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's dry run: who would copy such folios, and who said so. */
#ifndef SELFTESTS_DRY_RUN_H
#define SELFTESTS_DRY_RUN_H

/* The answer to a question, or the case ends; valid until the next one. */
const char *dry_run(const char *question);
/* Fails the case where the verdict of the answer is another one; all its lines. */
void expect_verdict(const char *question, const char *verdict);
/* The same of any line of the answer. */
void expect_line(const char *question, const char *line);

#endif /* SELFTESTS_DRY_RUN_H */
