/* SPDX-License-Identifier: GPL-2.0 */
/* The names of enum migrate_reason, as in the migrate trace events. */
#ifndef _MGX_REASONS_H
#define _MGX_REASONS_H

#include "mgx.h"

/* A number, or names with commas, "all" or "none". False when it is neither. */
bool reasons_parse(struct mgx *mgx, const char *str, __u64 *mask);

/* What reasons_parse() takes. To be freed. */
char *reasons_format(struct mgx *mgx, __u64 mask);

#endif /* _MGX_REASONS_H */
