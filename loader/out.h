/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Output: a command describes its columns once and writes cells in their
 * order; whether that becomes a table for people or JSON for programs is not
 * its business. A document is a list of sections, each a table or one record:
 *
 *	{"schema": 1, "migrators": [{...}, ...], "switches": {...}}
 *
 * JSON rows leave as soon as they are complete.
 */
#ifndef _MGX_OUT_H
#define _MGX_OUT_H

#include "mgx.h"

/* Grows when a key changes its meaning or goes; new keys do not count. */
#define OUT_SCHEMA	1

enum out_unit {
	OUT_PLAIN,
	OUT_BYTES,
	OUT_NS,
	OUT_PER_MILLE,		/* for people in percent */
};

struct out_column {
	const char *key;	/* in JSON; NULL: for people only */
	const char *title;	/* for people; NULL: in JSON only */
	enum out_unit unit;
	bool sparse;		/* for people only where there is something to say */
};

struct out *out_new(const struct mgx *mgx);
/* Ends the document, unless out_error() has done so. */
void out_free(struct out *out);

/* Ends the document; another one may follow, on a line of its own. */
void out_next(struct out *out);

/* @title, for people, may be NULL; an empty table says @empty instead. */
void out_table(struct out *out, const char *key, const char *title,
	       const char *empty, const struct out_column *columns,
	       size_t nr_columns);
void out_record(struct out *out, const char *key, const char *title,
		const struct out_column *columns, size_t nr_columns);
void out_end(struct out *out);

/* Cells of the current row, in the order of the columns. */
void out_str(struct out *out, const char *value);	/* NULL: none */
void out_uint(struct out *out, __u64 value);
void out_int(struct out *out, __s64 value);
void out_bool(struct out *out, bool value);
void out_none(struct out *out);
void out_row(struct out *out);

/* As a cell of OUT_NS has it. To be freed. */
char *out_ns_text(const struct out *out, __u64 ns);

void out_error(struct out *out, const char *message, int code);

#endif /* _MGX_OUT_H */
