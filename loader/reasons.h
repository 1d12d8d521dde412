/* SPDX-License-Identifier: GPL-2.0 */
/* The names of enum migrate_reason, as in the migrate trace events. */
#ifndef _MGX_REASONS_H
#define _MGX_REASONS_H

#include "mgx.h"

/* A number, or names with commas, "all" or "none". False when it is neither. */
bool reasons_parse(struct mgx *mgx, const char *str, __u64 *mask);

/* What reasons_parse() takes. To be freed. */
char *reasons_format(struct mgx *mgx, __u64 mask);

/* The name of a number, NULL when it has none. */
const char *reasons_name(struct mgx *mgx, __u32 reason);
/* The number of one name, -1 when there is none. */
int reasons_number(struct mgx *mgx, const char *name);
/* All names, for a message. To be freed. */
char *reasons_all(void);

#endif /* _MGX_REASONS_H */
