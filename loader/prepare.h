/* SPDX-License-Identifier: GPL-2.0 */
/* From the words of a command line to an object that could be attached. */
#ifndef _MGX_PREPARE_H
#define _MGX_PREPARE_H

#include <argp.h>

#include "mgx.h"

#define MAX_SETS	64

struct object;

struct load_options {
	const char *policy;	/* of replace and unload */
	const char *object;
	const char *cgroup;
	const char *name;
	const char *knobs;
	const char *sets[MAX_SETS];
	size_t nr_sets;
	bool wants_policy;
	bool wants_object;
};

extern const struct argp_option load_option_table[];
int take_load_option(int key, char *value, void *data);

/* Those of the file first, so that --set wins. */
int prepare_knobs(struct mgx *mgx, const char *what, struct object *object,
		  const struct load_options *options);
/*
 * Opened, adjusted and named, for the cgroup that is wanted; not loaded yet.
 * 0, or the exit status; in either case object_close(), and @name is to be freed.
 */
int prepare_object(struct mgx *mgx, const char *what, const struct load_options *options,
		   struct object *object, char **name);

#endif /* _MGX_PREPARE_H */
