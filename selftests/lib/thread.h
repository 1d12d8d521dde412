/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_THREAD_H
#define SELFTESTS_THREAD_H

#include <stdbool.h>
#include <sys/types.h>

/* Is that thread of this process asleep in the kernel, uninterruptibly, or has it ended? */
bool thread_is_blocked(pid_t tid);

#endif /* SELFTESTS_THREAD_H */
