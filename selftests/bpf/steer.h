/* SPDX-License-Identifier: GPL-2.0 */
/* What steer.bpf.c and the tests share. */
#ifndef SELFTESTS_STEER_H
#define SELFTESTS_STEER_H

enum {
	STEER_TEST = 1,
	STEER_DCBM = 2,
};

/*
 * eligible, select: the answers
 * random: any answer instead, half of them nonsense
 * by_name: select() answers the id of this migrator instead
 */
struct steer_knobs {
	int eligible;
	unsigned int select;
	unsigned int random;
	unsigned int by_name;
};

/* Calls, sums of what done() was told, and what was seen last. */
#define STEER_COUNTS(X)							\
	X(eligible) X(select) X(select_folios) X(select_bytes) X(done)	\
	X(decided) X(offered) X(taken) X(refused) X(copied) X(failed)	\
	X(consumed) X(discarded) X(bytes_taken) X(bytes_copied) X(ns)	\
	X(busy_ns) X(last_cgroup_id) X(last_order) X(last_kind)		\
	X(last_reason) X(last_src_nid) X(last_dst_nid) X(last_orders)	\
	X(last_migrator) X(last_chosen)

struct steer_counts {
#define X(x) unsigned long long x;
	STEER_COUNTS(X)
#undef X
};

#endif /* SELFTESTS_STEER_H */
