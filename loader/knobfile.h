/* SPDX-License-Identifier: GPL-2.0 */
/* Files of knobs, as the presets are: KNOB=VALUE lines, and comments after '#'. */
#ifndef _MGX_KNOBFILE_H
#define _MGX_KNOBFILE_H

#include "mgx.h"

struct object;

struct knobfile {
	char *path;
	struct knobfile_line {
		char *name;
		char *value;
		int line;
	} *lines;
	size_t nr;
};

/*
 * Reads all of it; @name: a path, or the name of a preset (see path_of()). 0, or the exit
 * status after saying what is wrong, and in which line; knobfile_free() in either case.
 */
int knobfile_read(struct mgx *mgx, const char *what, const char *name, struct knobfile *file);
/* Gives an object that is not loaded yet these values. */
int knobfile_set(struct mgx *mgx, const char *what, const struct knobfile *file,
		 struct object *object);
void knobfile_free(struct knobfile *file);

#endif /* _MGX_KNOBFILE_H */
