// SPDX-License-Identifier: GPL-2.0
/* Errors: one line that says what, on what, why, and what to do. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "out.h"
#include "text.h"

/* Reasons come from libbpf, the verifier and file names: keep it to a line. */
static void one_line(char *str)
{
	size_t len = strlen(str);

	while (len && strchr("\n .", str[len - 1]))
		str[--len] = '\0';
	for (; *str; str++)
		if (*str == '\n' || *str == '\r' || *str == '\t')
			*str = ' ';
}

/* For those who know nothing better than what kind of error it is. */
static const char *next_of(enum mgx_exit code)
{
	switch (code) {
	case MGX_USAGE:
		return "see `mgx help`";
	case MGX_NO_FEATURE:
		return "`mgx features` shows what is missing here";
	case MGX_NO_PERM:
		return "run it as root";
	case MGX_NOT_FOUND:
		return "see that it is there, and spelled so";
	case MGX_EXISTS:
		return "try again when it is free";
	default:
		return "the kernel's log (dmesg) may tell more, and so may mgx -d";
	}
}

static void say(const char *kind, const char *message)
{
	char *text = text_for_terminal(message);

	fprintf(stderr, "mgx: %s%s\n", kind, text);
	free(text);
}

int mgx_fail(struct mgx *mgx, enum mgx_exit code, const char *next,
	     const char *fmt, ...)
{
	char *what, *message;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		abort();
	va_end(ap);

	one_line(what);
	/* Words that are passed on have their advice in them. */
	if (!next && !strstr(what, "; "))
		next = next_of(code);
	message = next ? mgx_printf("%s; %s", what, next) : mgx_strdup(what);
	one_line(message);
	free(what);
	if (mgx->caught) {
		free(*mgx->caught);
		*mgx->caught = message;
		return code;
	}
	fflush(stdout);
	say("", message);
	out_error(mgx->out, message, code);
	free(message);
	return code;
}

void mgx_warn(const char *fmt, ...)
{
	char *message;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		abort();
	va_end(ap);
	one_line(message);
	say("warning: ", message);
	free(message);
}

void *mgx_alloc(size_t size)
{
	void *mem = calloc(1, size ?: 1);

	if (!mem) {
		fputs("mgx: out of memory\n", stderr);
		exit(MGX_FAILED);
	}
	return mem;
}

char *mgx_strdup(const char *str)
{
	return mgx_printf("%s", str);
}

char *mgx_printf(const char *fmt, ...)
{
	va_list ap;
	char *str;
	int ret;

	va_start(ap, fmt);
	ret = vasprintf(&str, fmt, ap);
	va_end(ap);
	if (ret < 0) {
		fputs("mgx: out of memory\n", stderr);
		exit(MGX_FAILED);
	}
	return str;
}

enum mgx_exit mgx_exit_of(int err)
{
	switch (abs(err)) {
	case 0:
		return MGX_OK;
	case EPERM:
	case EACCES:
		return MGX_NO_PERM;
	case ENOENT:
	case ENODEV:
		return MGX_NOT_FOUND;
	case ENOSYS:
	case EOPNOTSUPP:
		return MGX_NO_FEATURE;
	case EEXIST:
	case EBUSY:
		return MGX_EXISTS;
	default:
		return MGX_FAILED;
	}
}

const char *mgx_why(int err)
{
	return strerror(abs(err));
}
