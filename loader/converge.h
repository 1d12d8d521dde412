/* SPDX-License-Identifier: GPL-2.0 */
/* Making the kernel as a file wants it. */
#ifndef _MGX_CONVERGE_H
#define _MGX_CONVERGE_H

#include "mgx.h"

struct config;
struct settled;

struct converge {
	struct mgx *mgx;
	const char *what;
	const struct config *config;
	bool dry_run;
	bool force;		/* replace what others have loaded */
	const char *told;	/* what the last pass left unfinished: not said again; or NULL */
	struct settled *settled;	/* from pass to pass; or NULL */
	bool retry;			/* nothing has changed: leave what was tuned by hand */

	/* what came of it */
	size_t changed;
	size_t pending;		/* waits for what is not there yet */
	size_t failed;
	enum mgx_exit code;	/* of the first that failed */
	char *first;		/* its words */
	char *unfinished;	/* what is pending or failed: for the next pass */
	bool news;		/* something failed that @told has not */
};

/*
 * One pass: a row for each difference, and what was done about it. Each change is
 * one step, so wherever it ends the next pass goes on from there.
 */
void converge_pass(struct converge *converge);
void converge_free(struct converge *converge);

/* What of the kernel a pass depends on, as text: while it is the same there is nothing to do. */
char *converge_state(const struct config *config);

#endif /* _MGX_CONVERGE_H */
