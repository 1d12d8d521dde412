/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One arena that goes from node 0 to node 1, copied by DCBM: what most tests of it are made
 * of. Whatever cannot be done ends the test case (see case.h).
 */
#ifndef SELFTESTS_DCBM_MOVE_H
#define SELFTESTS_DCBM_MOVE_H

#include <stddef.h>

#include "arena.h"
#include "offload.h"

/* The arena that moved last, until dcbm_move_end() or the next one. */
extern struct arena arena;

/* For case_setup(): batches as long as they come. */
void dcbm_move_begin(void);
/* For case_teardown(): memory, engine and modules go. */
void dcbm_move_end(void);
/* Moves it; it is not looked at. */
struct book dcbm_move(struct arena a);
/* A new one, every @every-th descriptor with that fault of dmasim (or NULL); its bytes are right. */
struct book dcbm_move_with(const char *fault, unsigned int every, enum arena_kind kind,
			   size_t bytes);

#endif /* SELFTESTS_DCBM_MOVE_H */
