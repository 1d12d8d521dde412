/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policy of bpf/ that a case is about, for the whole system: its knobs, its maps, and
 * what it remembers beside them.
 */
#ifndef SELFTESTS_SHIPPED_H
#define SELFTESTS_SHIPPED_H

#include <stddef.h>
#include <stdint.h>

#include "policy.h"

extern struct policy shipped;

/* Loads and attaches it, or the case ends. Until shipped_stop(). */
void shipped_start(const char *name);
void shipped_stop(void);
/* Its map whose name ends like that. */
int shipped_map(const char *suffix);
void shipped_set(const char *knob, uint64_t value);
void shipped_set_text(const char *knob, const char *value);
/* A variable of eight bytes, and one of its counters. */
uint64_t *shipped_memory(const char *name);
uint64_t shipped_count(const char *counter);

#endif /* SELFTESTS_SHIPPED_H */
