/* SPDX-License-Identifier: GPL-2.0 */
/* The file of mgx apply: what is wanted, before anything is looked at. */
#ifndef _MGX_CONFIG_H
#define _MGX_CONFIG_H

#include "knobfile.h"
#include "mgx.h"

/* NAME = VALUE, as text; @line is where it stands. */
struct config_value {
	char *name;
	char *value;
	int line;
};

struct config_values {
	struct config_value *values;
	size_t nr;
};

struct config_migrator {
	char *name;
	bool has_enable, enable;
	struct config_values parameters;
	char *error_limit;	/* NULL: as it is */
	int line;
};

/* What a policy's knob of that name has for some cgroups: for others it has nothing. */
struct config_cgroup_knob {
	char *knob;
	char *value;
	__u32 number;		/* what that is, when it has been checked */
	char **cgroups;		/* paths and patterns, ends with NULL */
	int line;
};

struct config_policy {
	char *object;		/* path */
	char *name;		/* NULL: as the object has it */
	char **cgroups;		/* paths and patterns, ends with NULL; none: the system */
	struct knobfile preset;	/* of which @knobs are set after it */
	struct config_values knobs;
	struct config_cgroup_knob *cgroup_knobs;
	size_t nr_cgroup_knobs;
	int line;
};

struct config {
	char *path;
	char **files;		/* it, and what it includes */
	char *read_as;		/* the state of these when they were read */
	char *pins;		/* how the pins of its policies begin: which file it is */
	struct config_values settings;	/* files of the kernel's directory */
	struct config_migrator *migrators;
	size_t nr_migrators;
	struct config_policy *policies;
	size_t nr_policies;
};

/*
 * Reads and checks all of it, the objects and their knobs included. 0, or the exit
 * status after saying what is wrong, and where; config_free() in either case.
 */
int config_load(struct mgx *mgx, const char *what, const char *path, struct config *config);
void config_free(struct config *config);

/* Of the file and what it names, as text: while it is the same it is the same configuration. */
char *config_state(const struct config *config);

#endif /* _MGX_CONFIG_H */
