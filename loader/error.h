/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MGX_ERROR_H
#define _MGX_ERROR_H

#include "mgx.h"

/*
 * Say why the command fails: one line on stderr, "mgx: <what failed>: <object>:
 * <why>; <what to do next>", and {"error": ...} on stdout with -j. Without @next (NULL)
 * there is what @code alone allows to say. With mgx.caught set the words go there, and
 * nothing is said: something else may still work. Returns @code, for `return mgx_fail()`.
 */
int mgx_fail(struct mgx *mgx, enum mgx_exit code, const char *next,
	     const char *fmt, ...) __printf(4, 5);

/* The same for something that does not end the command; stderr only. */
void mgx_warn(const char *fmt, ...) __printf(1, 2);

/* Out of memory ends the program: nothing of it is worth unwinding. */
void *mgx_alloc(size_t size);
char *mgx_strdup(const char *str);
char *mgx_printf(const char *fmt, ...) __printf(1, 2);

/* The exit status and the words for an errno (positive or negative). */
enum mgx_exit mgx_exit_of(int err);
const char *mgx_why(int err);

#endif /* _MGX_ERROR_H */
