/* SPDX-License-Identifier: GPL-2.0 */
/* What changes who decides. Each step is one: it is done, or nothing is. */
#ifndef _MGX_ATTACH_H
#define _MGX_ATTACH_H

#include "mgx.h"

struct object;
struct policy;

/*
 * All return 0, or the exit status after saying what is wrong.
 *
 * @object is loaded; @name is for messages, @pin_name that of the pin.
 */
int attach_and_pin(struct mgx *mgx, const char *what, const struct object *object,
		   const char *name, const char *pin_name, __u32 *link_id);
/*
 * @object in the place of what @policy was when it was read. It has for single cgroups what
 * the other one has.
 */
int attach_update(struct mgx *mgx, const char *what, const struct object *object,
		  const struct policy *policy);
/* Detaches it and removes its pin. */
int attach_remove(struct mgx *mgx, const char *what, struct policy *policy);

/* The record of a link. */
void attach_show(struct mgx *mgx, const char *name, __u32 link_id);

#endif /* _MGX_ATTACH_H */
