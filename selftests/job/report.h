/* SPDX-License-Identifier: GPL-2.0 */
/* What the job says: its progress, its checks, one line each, and the verdict. */
#ifndef JOB_REPORT_H
#define JOB_REPORT_H

#include <stdbool.h>
#include <stdio.h>

void report_begin(bool tap);
/* What is being done now; with TAP a comment. */
void report_step(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A line of the tables; with TAP a comment. */
void report_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The detail says how it was seen to hold, or how not. Returns @ok. */
bool check(bool ok, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The list of checks. */
void report_checks(void);
/* The last line; whether all of it held. */
bool report_verdict(void);
bool report_all_held(void);

/* {"name":..., "ok":..., "detail":...}, ... */
void report_json(FILE *file);
void json_string(FILE *file, const char *text);

#endif /* JOB_REPORT_H */
