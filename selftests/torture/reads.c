// SPDX-License-Identifier: GPL-2.0
/*
 * Reads from files and devices that go into memory by references to its pages: O_DIRECT
 * (pinned), io_uring's fixed buffers (pinned for long), 9p (referenced only).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ground.h"

#define SECTOR_WORDS	64

struct source {
	int fd;
	off_t offset;
	char *bounce;		/* page-aligned */
	struct ring *ring;
};

static struct source *source_make(int fd, off_t offset)
{
	struct source *source = calloc(1, sizeof(*source));

	source->fd = fd;
	source->offset = offset;
	source->bounce = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(source->bounce, PAGE_BYTES, MADV_DONTFORK);
	return source;
}

/* The words first stand in the source, then they are read into the page. */
static bool prepare(struct source *source, const struct strike *strike)
{
	memcpy(source->bounce, strike->value, strike->words * 8);
	return pwrite(source->fd, source->bounce, strike->words * 8, source->offset) ==
	       strike->words * 8;
}

static long read_in(struct run *run, unsigned int can, unsigned int unit)
{
	struct source *source = run->own;
	struct strike strike;
	ssize_t bytes = -1;

	if (!strike_begin(run, &strike, run->owner, ground_pick(run, run->owner, can), unit,
			  PAGE_WORDS))
		return 0;
	if (prepare(source, &strike))
		bytes = pread(source->fd, strike.address, strike.words * 8, source->offset);
	return strike_end_bytes(run, &strike, bytes);
}

static const char *direct_setup(struct run *run)
{
	int fd = open(loop_device(), O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		return missing(run, "%s with O_DIRECT: %s", loop_device(), strerror(errno));
	run->own = source_make(fd, (off_t)run->owner << 20);
	return NULL;
}

static long direct_step(struct run *run)
{
	return read_in(run, CAN_READ, SECTOR_WORDS);
}

ACTOR(ADVERSARY, o_direct, "O_DIRECT reads from a block device", .place = IN_OWNER,
      .setup = direct_setup, .step = direct_step, .pause_us = 2000)

/* The share with the host is mounted without a cache: its server writes to our pages. */
static const char *p9_setup(struct run *run)
{
	const char *dir = getenv("VM_RESULTS");
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/torture.owner%u", dir ?: "", run->owner);
	fd = dir ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
	if (fd < 0)
		return missing(run, "no file on a 9p mount");
	unlink(path);
	run->own = source_make(fd, 0);
	return NULL;
}

/*
 * 9p does not call the pages dirty when it has written to them: if they were swapped out
 * meanwhile, they may be forgotten. That is not what is looked for here, so that one of the
 * words is stored again, once all of them have been found to be right.
 */
static long p9_step(struct run *run)
{
	unsigned int page = ground_pick(run, run->owner, CAN_GET);
	struct source *source = run->own;
	struct strike strike;
	ssize_t bytes = -1;

	if (!strike_begin(run, &strike, run->owner, page, 1, PAGE_WORDS))
		return 0;
	if (prepare(source, &strike))
		bytes = pread(source->fd, strike.address, strike.words * 8, source->offset);
	if (bytes == strike.words * 8)
		strike_again(run, &strike);
	return strike_end_bytes(run, &strike, bytes);
}

ACTOR(ADVERSARY, p9_read, "reads from 9p, by FOLL_GET", .place = IN_OWNER,
      .setup = p9_setup, .step = p9_step, .pause_us = 10000)

/* --- io_uring, by hand --- */

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static void *ring_map(int fd, size_t bytes, off_t what)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
			 what);

	return map == MAP_FAILED ? NULL : map;
}

static struct ring *ring_make(void)
{
	struct ring *ring = calloc(1, sizeof(*ring));
	struct io_uring_params p = {};
	char *sq, *cq;

	ring->fd = syscall(SYS_io_uring_setup, 4, &p);
	if (ring->fd < 0)
		return NULL;
	sq = ring_map(ring->fd, p.sq_off.array + p.sq_entries * 4, IORING_OFF_SQ_RING);
	cq = ring_map(ring->fd, p.cq_off.cqes + p.cq_entries * sizeof(*ring->cqes),
		      IORING_OFF_CQ_RING);
	ring->sqes = ring_map(ring->fd, p.sq_entries * sizeof(*ring->sqes), IORING_OFF_SQES);
	if (!sq || !cq || !ring->sqes)
		return NULL;
	ring->sq_tail = (void *)(sq + p.sq_off.tail);
	ring->sq_mask = (void *)(sq + p.sq_off.ring_mask);
	ring->sq_array = (void *)(sq + p.sq_off.array);
	ring->cq_head = (void *)(cq + p.cq_off.head);
	ring->cq_tail = (void *)(cq + p.cq_off.tail);
	ring->cq_mask = (void *)(cq + p.cq_off.ring_mask);
	ring->cqes = (void *)(cq + p.cq_off.cqes);
	return ring;
}

/* One request and its end. */
static int ring_read_fixed(struct ring *ring, int fd, void *to, unsigned int bytes, off_t offset)
{
	unsigned int tail = *ring->sq_tail, at = tail & *ring->sq_mask, head = *ring->cq_head;
	int ret;

	memset(&ring->sqes[at], 0, sizeof(ring->sqes[at]));
	ring->sqes[at].opcode = IORING_OP_READ_FIXED;
	ring->sqes[at].fd = fd;
	ring->sqes[at].addr = (uintptr_t)to;
	ring->sqes[at].len = bytes;
	ring->sqes[at].off = offset;
	ring->sq_array[at] = at;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
	do {
		ret = syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	while (__atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) == head)
		usleep(100);
	ret = ring->cqes[head & *ring->cq_mask].res;
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return ret;
}

static const char *uring_setup(struct run *run)
{
	struct ring *ring = ring_make();
	int fd;

	if (!ring)
		return missing(run, "io_uring: %s", strerror(errno));
	fd = memfd_create("torture.uring", MFD_CLOEXEC);
	run->own = source_make(fd, 0);
	((struct source *)run->own)->ring = ring;
	return NULL;
}

#define BUFFER_PAGES	8

static long uring_step(struct run *run)
{
	struct source *source = run->own;
	unsigned int page = ground_pick(run, run->owner, CAN_PIN_LONG | CAN_FILE);
	enum region region = ground_region(page);
	unsigned int last = ground_first(region) + regions[region].pages - BUFFER_PAGES, i;
	struct strike strike;
	struct iovec buffer;
	long words = 0;

	if (page > last)
		page = last;
	buffer.iov_base = ground_address(run->owner, page);
	buffer.iov_len = BUFFER_PAGES * PAGE_BYTES;
	if (syscall(SYS_io_uring_register, source->ring->fd, IORING_REGISTER_BUFFERS, &buffer, 1)) {
		atomic_store(&run->count->last_errno, errno);
		return 0;
	}
	for (i = 0; i < BUFFER_PAGES; i++) {
		ssize_t bytes = -1;

		if (!strike_begin(run, &strike, run->owner, page + i, 1, PAGE_WORDS))
			continue;
		pause_us(roll(&run->dice, 3000));
		if (prepare(source, &strike))
			bytes = ring_read_fixed(source->ring, source->fd, strike.address,
						strike.words * 8, 0);
		words += strike_end_bytes(run, &strike, bytes);
	}
	syscall(SYS_io_uring_register, source->ring->fd, IORING_UNREGISTER_BUFFERS, NULL, 0);
	return words;
}

ACTOR(ADVERSARY, io_uring, "io_uring reads into fixed buffers of shared memory",
      .place = IN_OWNER, .setup = uring_setup, .step = uring_step, .pause_us = 20000)
