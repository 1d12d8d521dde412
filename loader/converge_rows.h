/* SPDX-License-Identifier: GPL-2.0 */
/* What a pass of mgx apply says: a row for each difference. */
#ifndef _MGX_CONVERGE_ROWS_H
#define _MGX_CONVERGE_ROWS_H

#include "mgx.h"

struct converge;

/* It was done. */
void converge_changed(struct converge *converge, const char *kind, const char *object,
		      const char *action, const char *from, const char *to);
/* It waits for something, and is tried again; not said again while the words are the same. */
void converge_pending(struct converge *converge, const char *kind, const char *object,
		      const char *why);
/* It could not be done. Takes @words over. */
void converge_failed(struct converge *converge, const char *kind, const char *object,
		     enum mgx_exit code, char *words);

#endif /* _MGX_CONVERGE_ROWS_H */
