// SPDX-License-Identifier: GPL-2.0
/* Writers by system calls: other processes', files', pipes'. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ground.h"

static unsigned int another(struct run *run, unsigned int *owner)
{
	*owner = ground_owner(run);
	return ground_pick(run, *owner, IS_PRIVATE);
}

/* Such pages may not be there, and waiting for them would be for ever. */
static bool is_reachable(unsigned int page)
{
	return !(regions[ground_region(page)].can & (CAN_FAULT | CAN_POISON));
}

static long vm_writev_step(struct run *run)
{
	struct iovec local, remote;
	struct strike strike;
	unsigned int owner, page = another(run, &owner);

	if (!is_reachable(page) || !strike_begin(run, &strike, owner, page, 1, PAGE_WORDS))
		return 0;
	local = (struct iovec){ strike.value, strike.words * 8 };
	remote = (struct iovec){ strike.address, strike.words * 8 };
	return strike_end_bytes(run, &strike, process_vm_writev(shared->pid[owner], &local, 1,
								&remote, 1, 0));
}

ACTOR(ADVERSARY, vm_writev, "process_vm_writev(2)", .place = OUTSIDE, .step = vm_writev_step,
      .pause_us = 1000)

/* The main thread of an owner, which only waits for the others, is stopped meanwhile. */
static long ptrace_step(struct run *run)
{
	unsigned int owner = ground_owner(run), i;
	pid_t pid = shared->pid[owner];
	long words = 0;
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0)) {
		atomic_store(&run->count->last_errno, errno);
		return 0;
	}
	if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) || waitpid(pid, &status, __WALL) != pid ||
	    !WIFSTOPPED(status)) {
		atomic_store(&run->count->last_errno, errno);
		ptrace(PTRACE_DETACH, pid, 0, 0);
		return 0;
	}
	for (i = 0; i < 32; i++) {
		unsigned int page = ground_pick(run, owner, 0);
		struct strike strike;

		if (!is_reachable(page) || !strike_begin(run, &strike, owner, page, 1, 1))
			continue;
		words += strike_end(run, &strike, !ptrace(PTRACE_POKEDATA, pid, strike.address,
							  strike.value[0]));
	}
	ptrace(PTRACE_DETACH, pid, 0, 0);
	return words;
}

ACTOR(ADVERSARY, ptrace, "PTRACE_POKEDATA", .place = OUTSIDE, .step = ptrace_step,
      .pause_us = 10000)

/* What the owner has mapped is written to by way of its file. */
static long write_step(struct run *run)
{
	unsigned int owner = ground_owner(run), page = ground_pick(run, owner, CAN_FILE);
	struct strike strike;

	if (!strike_begin(run, &strike, owner, page, 1, PAGE_WORDS))
		return 0;
	return strike_end_bytes(run, &strike,
				pwrite(ground_fd(owner, ground_region(page)), strike.value,
				       strike.words * 8,
				       ground_offset(page) + strike.word * 8));
}

ACTOR(ADVERSARY, write, "write(2) to a file that is mapped", .place = OUTSIDE,
      .step = write_step, .pause_us = 1000)

/* --- pipes --- */

struct pipe_ends {
	int read, write;
};

static const char *pipe_setup(struct run *run)
{
	struct pipe_ends *ends = malloc(sizeof(*ends));
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return missing(run, "pipe: %s", strerror(errno));
	ends->read = fds[0];
	ends->write = fds[1];
	run->own = ends;
	return NULL;
}

static long splice_step(struct run *run)
{
	unsigned int owner = ground_owner(run), page = ground_pick(run, owner, CAN_FILE);
	struct pipe_ends *ends = run->own;
	struct strike strike;
	ssize_t bytes = -1, n;
	loff_t to;

	if (!strike_begin(run, &strike, owner, page, 1, PAGE_WORDS))
		return 0;
	to = ground_offset(page) + strike.word * 8;
	n = write(ends->write, strike.value, strike.words * 8);
	if (n > 0)
		bytes = splice(ends->read, NULL, ground_fd(owner, ground_region(page)), &to, n, 0);
	if (bytes != n)
		failure("splice: %zd of %zd bytes: %s", bytes, n, strerror(errno));
	return strike_end_bytes(run, &strike, bytes);
}

ACTOR(ADVERSARY, splice, "splice(2) from a pipe into a file that is mapped", .place = OUTSIDE,
      .setup = pipe_setup, .step = splice_step, .pause_us = 3000)

/* Out of a pipe into memory; and the other way: the pipe then has a reference. */
static long vmsplice_step(struct run *run)
{
	unsigned int page = ground_pick(run, run->owner, CAN_GET);
	struct pipe_ends *ends = run->own;
	struct strike strike;
	struct iovec iov;
	uint64_t is[PAGE_WORDS];
	ssize_t n;

	if (!strike_begin(run, &strike, run->owner, page, 1, PAGE_WORDS))
		return 0;
	iov = (struct iovec){ strike.address, strike.words * 8 };
	if (chance(&run->dice, 2)) {
		n = write(ends->write, strike.value, strike.words * 8);
		return strike_end_bytes(run, &strike, vmsplice(ends->read, &iov, 1, 0) == n ?
					n : -1);
	}
	n = vmsplice(ends->write, &iov, 1, 0);
	pause_us(roll(&run->dice, 20000));
	if (n > 0 && read(ends->read, is, n) == n)
		ground_compare(run, run->owner, page, strike.word, n / 8, is,
			       "read from a pipe that has a reference");
	strike_end(run, &strike, 0);
	return n > 0 ? n / 8 : 0;
}

ACTOR(ADVERSARY, vmsplice, "vmsplice(2), both ways", .place = IN_OWNER, .setup = pipe_setup,
      .step = vmsplice_step, .pause_us = 3000)
