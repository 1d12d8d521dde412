/* SPDX-License-Identifier: GPL-2.0 */
/* What census.bpf.c and the tests share. */
#ifndef SELFTESTS_CENSUS_H
#define SELFTESTS_CENSUS_H

/* More than there are reasons, and a power of two. */
#define CENSUS_REASONS	16

/* reason: the one whose folios are copied ahead */
struct census_knobs {
	unsigned int reason;
};

/*
 * Of one reason. eligible, select, done: calls
 * by_tasks: of eligible(), those that no kernel thread made
 * by_other: of done(), those where another migrator worked than select() had chosen
 * orders: bit n was set when select() saw a folio of order n
 * offered and so on: sums of what done() was told
 */
#define CENSUS_COUNTS(X)						\
	X(eligible) X(by_tasks) X(select) X(done) X(by_other) X(orders)	\
	X(offered) X(taken) X(refused) X(copied) X(consumed)

struct census_of_reason {
#define X(x) unsigned long long x;
	CENSUS_COUNTS(X)
#undef X
};

struct census_counts {
	struct census_of_reason reason[CENSUS_REASONS];
};

#endif /* SELFTESTS_CENSUS_H */
