/* SPDX-License-Identifier: GPL-2.0 */
/* What libbpf and the verifier say, kept for one readable line of it. */
#ifndef _MGX_BPFLOG_H
#define _MGX_BPFLOG_H

#include "mgx.h"

struct bpflog_refusal {
	char *program;		/* refused by the verifier; NULL: none was */
	char *source;		/* "file.bpf.c:12", NULL when not known */
	char *reason;
	char *log;		/* all of it */
};

/* From now on: keep what matters, or print everything (@debug). */
void bpflog_start(bool debug);
void bpflog_clear(void);

const struct bpflog_refusal *bpflog_refusal(void);
/* The first warning that has @text in it, NULL when there is none. */
const char *bpflog_warning(const char *text);

/* Exposed for its test: condense one verifier log. */
void bpflog_condense(struct bpflog_refusal *refusal, const char *log);

/* A log as a list of source lines (with @where) and of what was said (without). */
void bpflog_steps(const char *log, void (*step)(const char *where, const char *text, void *arg),
		  void *arg);

#endif /* _MGX_BPFLOG_H */
