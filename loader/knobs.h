/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Knobs and counters of a policy: variables in its sections .data.knobs and
 * .bss.counters, which BTF describes. Of an object before it is loaded and of a
 * running policy alike.
 */
#ifndef _MGX_KNOBS_H
#define _MGX_KNOBS_H

#include "mgx.h"

struct btf;

#define KNOBS_SECTION		".data.knobs"
#define COUNTERS_SECTION	".bss.counters"

enum knob_kind {
	KNOB_UINT,
	KNOB_INT,
	KNOB_BOOL,
	KNOB_STR,
	KNOB_OPAQUE,		/* of a type that we cannot parse: not settable */
};

struct knob {
	char *name;
	char *type;		/* as in C */
	char *unit;		/* NULL: none */
	char *help;		/* NULL: none */
	enum knob_kind kind;
	__u32 offset;
	__u32 size;
	bool has_min, has_max;
	__s64 min, max;		/* of a KNOB_UINT: as __u64 */
};

struct knobs {
	size_t nr;
	struct knob *knobs;
};

union knob_value {
	__u64 uint;
	__s64 sint;
	const char *str;
};

/* All variables of a section; none when the BTF has no such section. */
void knobs_parse(struct knobs *knobs, const struct btf *btf, const char *section);
void knobs_free(struct knobs *knobs);
struct knob *knobs_find(const struct knobs *knobs, const char *name);

/*
 * Brings @str, of the assignment of a knob of @owner, to a value. 0, or the exit
 * status after saying what is wrong with it.
 */
int knob_parse_value(struct mgx *mgx, const char *what, const char *owner,
		     const struct knob *knob, const char *str,
		     union knob_value *value);

/*
 * Puts the value in its place at @base: a number in one aligned store, for it
 * may be read at the same time. A string cannot be: it is empty first and gets
 * its first character last, so that nobody reads half of one and half of
 * another.
 */
void knob_store(void *base, const struct knob *knob, const union knob_value *value);

/* For people and for knob_parse_value(). To be freed. */
char *knob_format(struct mgx *mgx, const void *base, const struct knob *knob,
		  bool raw);
char *knob_format_limit(const struct knob *knob, bool max, bool raw);
/* The cell of the current row. */
void knob_out_value(struct mgx *mgx, const void *base, const struct knob *knob);
void knob_out_limit(struct mgx *mgx, const struct knob *knob, bool max);

__u64 knob_load_uint(const void *base, const struct knob *knob);

#endif /* _MGX_KNOBS_H */
