/* SPDX-License-Identifier: GPL-2.0 */
/* The machine's settings for the time of the job: background movers off. */
#ifndef JOB_SETTINGS_H
#define JOB_SETTINGS_H

#include <stdbool.h>

/* Each returns whether all of it worked; why not is a failed check. */
bool settings_quiet(void);
/* As they were. */
bool settings_restore(void);

#endif /* JOB_SETTINGS_H */
