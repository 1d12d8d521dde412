/* SPDX-License-Identifier: GPL-2.0 */
/* mtcopy, and the module that stops its workers, as a test sees them. */
#ifndef SELFTESTS_MTCOPY_H
#define SELFTESTS_MTCOPY_H

#include <stdint.h>

/* The module fresh, with these parameters. */
void mtcopy_start(const char *params);
void mtcopy_stop(void);
/* 0 or -errno */
int mtcopy_try_set(const char *parameter, const char *value);
uint64_t mtcopy_get(const char *parameter);
/* A line of its status. */
uint64_t mtcopy_status(const char *name);

/* copy_gate for this process, fresh; mtcopy is loaded. */
void gate_start(void);
void gate_stop(void);
void gate_set(const char *parameter, unsigned int value);
uint64_t gate_get(const char *parameter);

#endif /* SELFTESTS_MTCOPY_H */
