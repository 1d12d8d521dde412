// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "report.h"

#define MAX_CHECKS	64

struct one_check {
	bool ok;
	char what[96];
	char detail[512];
};

static struct one_check checks[MAX_CHECKS];
static int nr_checks, nr_failed;
static bool with_tap;

void report_begin(bool tap)
{
	with_tap = tap;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (tap)
		puts("TAP version 13");
}

void report_step(const char *fmt, ...)
{
	va_list args;

	printf(with_tap ? "# " : "  %-8s ", "JOB");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

void report_line(const char *fmt, ...)
{
	va_list args;

	if (with_tap)
		printf("# ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

bool check(bool ok, const char *what, const char *fmt, ...)
{
	struct one_check *c = &checks[nr_checks];
	va_list args;

	nr_failed += !ok;
	if (nr_checks == MAX_CHECKS)
		return ok;
	nr_checks++;
	c->ok = ok;
	snprintf(c->what, sizeof(c->what), "%s", what);
	va_start(args, fmt);
	vsnprintf(c->detail, sizeof(c->detail), fmt, args);
	va_end(args);
	/* One line each, also when a program had more to say. */
	c->detail[strcspn(c->detail, "\n")] = '\0';
	if (!ok)
		report_step("FAILED: %s: %s", c->what, c->detail);
	return ok;
}

void report_checks(void)
{
	int i;

	if (!with_tap)
		printf("\nChecks\n");
	for (i = 0; i < nr_checks; i++) {
		const struct one_check *c = &checks[i];

		if (with_tap)
			printf("%s %d - %s: %s\n", c->ok ? "ok" : "not ok", i + 1, c->what,
			       c->detail);
		else
			printf("  %-6s  %s: %s\n", c->ok ? "ok" : "FAILED", c->what,
			       c->detail);
	}
	if (with_tap)
		printf("1..%d\n", nr_checks);
}

bool report_all_held(void)
{
	return nr_checks && !nr_failed;
}

bool report_verdict(void)
{
	if (with_tap)
		return report_all_held();
	if (report_all_held())
		printf("\nPASSED: all %d checks held\n", nr_checks);
	else
		printf("\nFAILED: %d of %d checks did not hold\n", nr_failed, nr_checks);
	return report_all_held();
}

void json_string(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(file, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			fprintf(file, "\\u%04x", *text);
		else
			fputc(*text, file);
	}
	fputc('"', file);
}

void report_json(FILE *file)
{
	int i;

	for (i = 0; i < nr_checks; i++) {
		fprintf(file, "%s\n    {\"what\": ", i ? "," : "");
		json_string(file, checks[i].what);
		fprintf(file, ", \"ok\": %s, \"detail\": ", checks[i].ok ? "true" : "false");
		json_string(file, checks[i].detail);
		fputc('}', file);
	}
}
