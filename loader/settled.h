/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Policies that a pass of mgx apply has found as they are wanted. To find that out their
 * object has to be loaded, and verified; while nothing has changed once is enough. And what
 * a module has refused: to find that out its engine is switched off and on.
 */
#ifndef _MGX_SETTLED_H
#define _MGX_SETTLED_H

#include "mgx.h"

struct config_policy;
struct policy;
struct settled;
struct targets;

struct settled *settled_new(void);
void settled_free(struct settled *settled);
/* The file, or what it names, is another one. */
void settled_forget(struct settled *settled);

/* Forget those of cgroups that are none of @targets. */
void settled_keep(struct settled *settled, const struct targets *targets);

/* @running is what @wanted wants: its program, and its knobs as they are now. */
void settled_note(struct settled *settled, const struct policy *running,
		  const struct config_policy *wanted);
/* Is that so still? With @tuned also when its knobs have been tuned since. */
bool settled_is(const struct settled *settled, const struct policy *running,
		const struct config_policy *wanted, bool tuned);

/* A parameter ("dcbm channels") whose value the file has is refused: with -errno, or 0. */
void settled_note_refused(struct settled *settled, const char *parameter, int err);
int settled_refused(const struct settled *settled, const char *parameter);

#endif /* _MGX_SETTLED_H */
