/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an admin has switched off by hand stays off until an admin switches it on,
 * whatever a file says that mgx apply reads: it is the way to stop something at
 * night. Until the next boot.
 */
#ifndef _MGX_HOLD_H
#define _MGX_HOLD_H

#include <stdbool.h>

#define HOLD_POLICIES	"policies"	/* besides the names of migrators */

/*
 * hold_set() comes before it is switched off: who looks then sees why. It is not said
 * that it failed until hold_end(), which comes when the switch has been turned: @held is
 * whether it is off by hand now.
 */
void hold_set(const char *name);
void hold_end(const char *name, bool held);
bool hold_is_set(const char *name);

#endif /* _MGX_HOLD_H */
