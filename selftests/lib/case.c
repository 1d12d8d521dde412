// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "case.h"

static struct test_case *cases, **last = &cases;
static jmp_buf end;
static int fails;
static char skipped[256];
static pid_t main_pid;

void __attribute__((weak)) case_setup(void)
{
}

void __attribute__((weak)) case_teardown(void)
{
}

void case_register(struct test_case *test)
{
	*last = test;
	last = &test->next;
}

void case_fail(const char *file, int line, const char *fmt, ...)
{
	int error = errno;
	va_list args;

	fails++;
	printf("# %s:%d: ", file, line);
	va_start(args, fmt);
	errno = error;
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

void case_note(const char *fmt, ...)
{
	va_list args;

	printf("# ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

bool case_failed(void)
{
	return fails;
}

void case_end(void)
{
	/* A child must not go on as if it were the test. */
	if (getpid() != main_pid) {
		fflush(NULL);
		_exit(99);
	}
	longjmp(end, 1);
}

void case_skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(skipped, sizeof(skipped), fmt, args);
	va_end(args);
	case_end();
}

static bool wanted(const struct test_case *test, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], test->name))
			return true;
	return argc < 2;
}

/* Not in cases_main(): what lives across a longjmp() must not be in registers. */
static void run_case(const struct test_case *test)
{
	fails = 0;
	skipped[0] = '\0';
	if (!setjmp(end)) {
		case_setup();
		test->run();
	}
	if (!setjmp(end))
		case_teardown();
}

int cases_main(int argc, char **argv)
{
	struct test_case *test;
	int nr = 0, failed = 0;

	main_pid = getpid();
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (test = cases; test; test = test->next)
		nr += wanted(test, argc, argv);
	printf("TAP version 13\n1..%d\n", nr);
	if (!nr) {
		fprintf(stderr, "no such case; there are:\n");
		for (test = cases; test; test = test->next)
			fprintf(stderr, "  %s: %s\n", test->name, test->what);
		return 1;
	}

	nr = 0;
	for (test = cases; test; test = test->next) {
		if (!wanted(test, argc, argv))
			continue;
		run_case(test);
		failed += !!fails;
		printf("%s %d %s: %s%s%s\n", fails ? "not ok" : "ok", ++nr, test->name,
		       test->what, skipped[0] && !fails ? " # SKIP " : "",
		       skipped[0] && !fails ? skipped : "");
	}
	return failed ? 1 : 0;
}
