/* SPDX-License-Identifier: GPL-2.0 */
/* There and back: memory moves by a migrator, and every byte and every folio is accounted for. */
#ifndef SELFTESTS_ROUND_TRIP_H
#define SELFTESTS_ROUND_TRIP_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"

/*
 * To node 1, rewritten there, and back, each time all of it copied ahead by @migrator: had
 * it fallen back to the CPU, the books would say so. A copy that was left from the first
 * move would be seen in the second one. Wants batch_pages for all of @bytes in 2 MiB folios.
 */
extern bool round_trip_may_refuse;	/* an engine may have had no descriptor for some */
void round_trip(const char *migrator, enum arena_kind kind, size_t bytes);
/* Pages that several processes map; all of them look at every byte after the move. */
void round_trip_forked(const char *migrator, enum arena_kind kind, size_t bytes);
/* For case_teardown(): the memory of a case that ended early. */
void round_trip_clean_up(void);

#endif /* SELFTESTS_ROUND_TRIP_H */
