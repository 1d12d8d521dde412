/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A test program of several cases, each one TAP test point.
 *
 *	CASE(name, "what it shows")
 *	{
 *		REQUIRE(fd >= 0, "open: %m");
 *		EXPECT_EQ(moved, 16);
 *	}
 *	CASES_MAIN
 *
 * EXPECT goes on after a failure, REQUIRE ends the case. Each case runs between
 * case_setup() and case_teardown(), which a program may define. With arguments only
 * the cases that are named run.
 */
#ifndef SELFTESTS_CASE_H
#define SELFTESTS_CASE_H

#include <stdbool.h>

struct test_case {
	const char *name;
	const char *what;
	void (*run)(void);
	struct test_case *next;
};

void case_register(struct test_case *test);
int cases_main(int argc, char **argv);

void case_setup(void);
void case_teardown(void);

void case_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void case_end(void) __attribute__((noreturn));
void case_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void case_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool case_failed(void);

#define CASE(_name, _what)						\
	static void case_##_name(void);					\
	static struct test_case test_case_##_name = {			\
		.name = #_name, .what = _what, .run = case_##_name,	\
	};								\
	static void __attribute__((constructor)) register_##_name(void)	\
	{								\
		case_register(&test_case_##_name);			\
	}								\
	static void case_##_name(void)

#define CASES_MAIN							\
	int main(int argc, char **argv)					\
	{								\
		return cases_main(argc, argv);				\
	}

#define EXPECT(cond, ...) do {						\
	if (!(cond))							\
		case_fail(__FILE__, __LINE__, __VA_ARGS__);		\
} while (0)

#define REQUIRE(cond, ...) do {						\
	if (!(cond)) {							\
		case_fail(__FILE__, __LINE__, __VA_ARGS__);		\
		case_end();						\
	}								\
} while (0)

#define EXPECT_CMP(a, op, b) do {					\
	long long _a = (a), _b = (b);					\
	EXPECT(_a op _b, "%s %s %s: %lld, %lld", #a, #op, #b, _a, _b);	\
} while (0)

#define EXPECT_EQ(a, b) EXPECT_CMP(a, ==, b)
#define EXPECT_GT(a, b) EXPECT_CMP(a, >, b)
#define EXPECT_GE(a, b) EXPECT_CMP(a, >=, b)

#endif /* SELFTESTS_CASE_H */
