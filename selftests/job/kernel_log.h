/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel complains about from now on. */
#ifndef JOB_KERNEL_LOG_H
#define JOB_KERNEL_LOG_H

#include <stdbool.h>
#include <stddef.h>

bool kernel_log_begin(void);
/* Messages of level warning or worse since then; -1 when that cannot be told. */
int kernel_log_complaints(char *first, size_t size);

#endif /* JOB_KERNEL_LOG_H */
