/* SPDX-License-Identifier: GPL-2.0 */
/* For a person at a terminal who waits for longer than two seconds. */
#ifndef _MGX_PROGRESS_H
#define _MGX_PROGRESS_H

#include "mgx.h"

void progress_show(const char *what, size_t done, size_t all);
void progress_end(void);

#endif /* _MGX_PROGRESS_H */
