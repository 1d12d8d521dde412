/* SPDX-License-Identifier: GPL-2.0 */
/* Sections of output (see out.h): each reads what it shows when it is called. */
#ifndef _MGX_SECTIONS_H
#define _MGX_SECTIONS_H

#include "mgx.h"

struct policies;

/* Line by line, what is there; the worst of what is missing (see mgx features). */
enum mgx_exit show_features(struct mgx *mgx);
void show_switches(struct mgx *mgx);
/* @only: of one migrator; NULL: of all. */
void show_migrators(struct mgx *mgx, const char *only);
/* Of the modules that migrators come from. */
void show_channels(struct mgx *mgx);
/* Of the module dmabench; false when it is not there. */
bool show_dmabench(struct mgx *mgx);
void show_parameters(struct mgx *mgx);
void show_module_counters(struct mgx *mgx);
/* @ids: entries of policies/; @system: the kernel's own books as well. */
void show_policies(struct mgx *mgx, char **ids);
void show_books(struct mgx *mgx, char **ids, bool system);
/* @only: of that policy or migrator; @empty: what to say when there is none, or NULL */
void show_incidents(struct mgx *mgx, const char *only, const char *empty);
/*
 * For each cgroup, too, where they do. @only: of the policy of that name. 0, or the exit
 * status after saying why not.
 */
int show_own_counters(struct mgx *mgx, const char *what, const struct policies *policies,
		      const char *only);

/* The knobs of all policies: 0, or the exit status after saying why not. */
int show_knobs(struct mgx *mgx, const char *what, const struct policies *policies);

#endif /* _MGX_SECTIONS_H */
