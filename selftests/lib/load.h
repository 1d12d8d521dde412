/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process whose memory moves between the nodes all the time while it writes to it: each
 * word that is written is looked at first, so that one lost write is noticed. For what has
 * to be done while pages move.
 */
#ifndef SELFTESTS_LOAD_H
#define SELFTESTS_LOAD_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

struct load_state {
	atomic_ullong moves;	/* of all the memory, to the other node */
	atomic_ullong passes;	/* of the writer over all pages */
	atomic_ullong lost;	/* words that were not as they had been left */
	atomic_int stop;
};

struct load {
	pid_t pid;
	struct load_state *state;
};

/*
 * Starts it, in a cgroup of that name when not NULL; with @leave it goes back to the root
 * cgroup once its memory is there, which stays charged to the cgroup.
 */
struct load load_start(const char *cgroup, int leave);
/* Waits until all the memory has moved @moves times more. */
void load_wait(const struct load *load, unsigned int moves);
/* Ends it; fails the case when it saw a wrong byte. */
void load_stop(struct load *load);

#endif /* SELFTESTS_LOAD_H */
