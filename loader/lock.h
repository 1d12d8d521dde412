/* SPDX-License-Identifier: GPL-2.0 */
/* One mgx at a time changes things: what two do does not mix. */
#ifndef _MGX_LOCK_H
#define _MGX_LOCK_H

#include "mgx.h"

/*
 * Held until lock_release(), or the end of the process; a process takes one of
 * them. Both return 0, or the exit status after saying what is wrong.
 *
 * Waits for another that changes something, and says so; a signal that ends
 * (every_catch_signals()) ends the waiting.
 */
int lock_take(struct mgx *mgx, const char *what);
/* Of who measures, and changes nothing that is another's: refused while another does. */
int lock_take_bench(struct mgx *mgx, const char *what);
void lock_release(void);

#endif /* _MGX_LOCK_H */
