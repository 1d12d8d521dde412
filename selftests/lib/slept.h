/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether this thread sleeps in a function of the kernel, by a kprobe at its beginning and
 * its end, and the scheduler's trace events in between. Being preempted is not sleeping.
 * Whatever cannot be done ends the test case.
 */
#ifndef SELFTESTS_SLEPT_H
#define SELFTESTS_SLEPT_H

void slept_begin(const char *function);
/* How often; fails the case when the function was not called. */
unsigned int slept_end(void);

#endif /* SELFTESTS_SLEPT_H */
