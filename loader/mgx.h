/* SPDX-License-Identifier: GPL-2.0 */
/* mgx: what all of its parts share. */
#ifndef _MGX_H
#define _MGX_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define MGX_VERSION "0.1.0"

#define MGX_ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define __printf(fmt, first)	__attribute__((format(printf, fmt, first)))

struct btf;
struct out;

/* Exit status: documented in mgx.8 and `mgx help`; scripts depend on it. */
enum mgx_exit {
	MGX_OK		= 0,
	MGX_FAILED	= 1,	/* something went wrong at run time */
	MGX_USAGE	= 2,	/* wrong command line */
	MGX_NO_FEATURE	= 3,	/* this kernel has not got it */
	MGX_NO_PERM	= 4,	/* not allowed */
	MGX_NOT_FOUND	= 5,	/* no such policy, cgroup, knob or file */
	MGX_BAD_VALUE	= 6,	/* value of the wrong type or out of its range */
	MGX_BAD_OBJECT	= 7,	/* not a policy, or refused by the verifier */
	MGX_EXISTS	= 8,	/* name or cgroup has a policy already */
};

/* One invocation. */
struct mgx {
	bool json;
	bool pretty;
	bool debug;
	bool raw;		/* numbers without units */
	struct out *out;
	char **caught;		/* where mgx_fail() is to put its words instead */
	struct btf *kernel_btf;	/* by kernel_btf(), loaded when first needed */
};

struct mgx_command {
	const char *name;
	const char *args;	/* for the usage line */
	const char *help;	/* one line */
	int (*run)(struct mgx *mgx, int argc, char **argv);
};

int cmd_apply(struct mgx *mgx, int argc, char **argv);
int cmd_bench(struct mgx *mgx, int argc, char **argv);
int cmd_check(struct mgx *mgx, int argc, char **argv);
int cmd_dump(struct mgx *mgx, int argc, char **argv);
int cmd_explain(struct mgx *mgx, int argc, char **argv);
int cmd_features(struct mgx *mgx, int argc, char **argv);
int cmd_help(struct mgx *mgx, int argc, char **argv);
int cmd_list(struct mgx *mgx, int argc, char **argv);
int cmd_load(struct mgx *mgx, int argc, char **argv);
int cmd_migrator(struct mgx *mgx, int argc, char **argv);
int cmd_off(struct mgx *mgx, int argc, char **argv);
int cmd_on(struct mgx *mgx, int argc, char **argv);
int cmd_replace(struct mgx *mgx, int argc, char **argv);
int cmd_stats(struct mgx *mgx, int argc, char **argv);
int cmd_status(struct mgx *mgx, int argc, char **argv);
int cmd_top(struct mgx *mgx, int argc, char **argv);
int cmd_trace(struct mgx *mgx, int argc, char **argv);
int cmd_tune(struct mgx *mgx, int argc, char **argv);
int cmd_unload(struct mgx *mgx, int argc, char **argv);
int cmd_version(struct mgx *mgx, int argc, char **argv);

#endif /* _MGX_H */
