/* SPDX-License-Identifier: GPL-2.0 */
/* One mgx at a time changes things: what two do does not mix. */
#ifndef _MGX_LOCK_H
#define _MGX_LOCK_H

#include "mgx.h"

/*
 * Held until lock_release(), or the end of the process. Waits for another, and
 * says so. 0, or the exit status after saying what is wrong.
 */
int lock_take(struct mgx *mgx, const char *what);
void lock_release(void);

#endif /* _MGX_LOCK_H */
