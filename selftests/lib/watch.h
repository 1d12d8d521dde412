/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Watching folios that move for one reason: bpf/census.bpf.c decides that those, and no
 * others, are copied ahead by the migrator "test", and the policy, the tracepoints and the
 * books are asked what they saw. They have to agree.
 */
#ifndef SELFTESTS_WATCH_H
#define SELFTESTS_WATCH_H

#include "../bpf/census.h"
#include "copy_trace.h"
#include "offload.h"

struct seen {
	struct book book;
	struct census_of_reason policy;
	struct copy_trace trace;
};

/* @reason: as a file of the books is called */
void watch_begin(const char *reason);
/* What the policy has seen so far, of that reason. */
struct census_of_reason watch_policy(void);
/*
 * Ends it, prints how long the batches were, and fails the case when the three do not
 * agree, or when folios that moved for another reason were copied ahead.
 */
struct seen watch_end(void);
/* For case_teardown(): whatever the case left. */
void watch_abandon(void);

#endif /* SELFTESTS_WATCH_H */
