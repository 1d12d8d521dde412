// SPDX-License-Identifier: GPL-2.0
/*
 * Writers by references to pages: taken at one time, written through at a later one, from
 * long before the unmap to the last moment before the move, and given back at once then.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../modules/folio_pin.h"
#include "ground.h"

/* From mm/gup_test.h. */
struct pin_longterm_test {
	uint64_t addr;
	uint64_t size;
	uint32_t flags;
};

#define PIN_LONGTERM_TEST_START		_IOW('g', 7, struct pin_longterm_test)
#define PIN_LONGTERM_TEST_STOP		_IO('g', 8)
#define PIN_LONGTERM_TEST_FLAG_USE_WRITE	1

/* Of one chunk of pages of one region. */
#define HELD	16

struct reference {
	int fd;
	unsigned int can;
	unsigned int flags;
};

static unsigned int held_pages(unsigned int page)
{
	enum region region = ground_region(page);
	unsigned int left = ground_first(region) + regions[region].pages - page;

	return left < HELD ? left : HELD;
}

static long give_up(struct run *run)
{
	atomic_store(&run->count->last_errno, errno);
	return 0;
}

static const char *open_pins(struct run *run)
{
	int fd = open("/dev/folio_pin", O_RDWR | O_CLOEXEC);

	run->own = (void *)(long)fd;
	return fd < 0 ? missing(run, "/dev/folio_pin: %s", strerror(errno)) : NULL;
}

static int pin_fd(struct run *run)
{
	return (long)run->own;
}

/* One word of each page that can be had; the reference is all there is to them. */
static long write_through(struct run *run, unsigned int first, unsigned int pages)
{
	struct strike strike;
	unsigned int i;
	long words = 0;

	for (i = 0; i < pages; i++) {
		struct folio_pin_write write = { .index = i };
		long done = 0;

		if (!strike_begin(run, &strike, run->owner, first + i, 1, 1))
			continue;
		write.offset = strike.word * 8;
		write.value = strike.value[0];
		done = !ioctl(pin_fd(run), FOLIO_PIN_WRITE, &write);
		words += strike_end(run, &strike, done);
	}
	return words;
}

/*
 * Looking at what is about to be overwritten asks for the page, which waits until it has
 * been moved. So what is written in the window, is written with the page locked before:
 * the locks are taken, the old words looked at, then time passes, then all is written.
 */
static long write_late(struct run *run, unsigned int first, unsigned int pages)
{
	struct strike *strikes = calloc(pages, sizeof(*strikes));
	unsigned int i, nr = 0, at[HELD];
	long words = 0;

	if (!strikes)
		return 0;
	for (i = 0; i < pages; i++)
		if (strike_begin(run, &strikes[nr], run->owner, first + i, 1, 1))
			at[nr++] = i;
	ground_hold(run, run->owner, first, pages);
	/* On a busy machine move_pages(2) needs its time before it unmaps anything. */
	pause_us(roll(&run->dice, chance(&run->dice, 2) ? 30000 : 300000));
	for (i = 0; i < nr; i++) {
		struct folio_pin_write write = {
			.index = at[i], .offset = strikes[i].word * 8,
			.value = strikes[i].value[0],
		};

		if (ioctl(pin_fd(run), FOLIO_PIN_WRITE, &write)) {
			strike_end(run, &strikes[i], 0);
			continue;
		}
		words++;
	}
	/* Nobody looks before the references are gone. */
	ioctl(pin_fd(run), FOLIO_PIN_PUT);
	while (nr--)
		strike_end(run, &strikes[nr], 1);
	free(strikes);
	return words;
}

static long hold_and_write(struct run *run, unsigned int first, unsigned int pages)
{
	long words;

	if (chance(&run->dice, 3)) {
		pause_us(roll(&run->dice, 20000));
		words = write_through(run, first, pages);
		ioctl(pin_fd(run), FOLIO_PIN_PUT);
		return words;
	}
	return write_late(run, first, pages);
}

static long hold_range(struct run *run, unsigned int can, unsigned int flags)
{
	unsigned int first = ground_pick(run, run->owner, can);
	struct folio_pin_range range = {
		.addr = (uintptr_t)ground_address(run->owner, first),
		.nr = held_pages(first), .flags = flags,
	};

	if (ioctl(pin_fd(run), FOLIO_PIN_GET, &range))
		return give_up(run);
	return hold_and_write(run, first, range.nr);
}

static long get_step(struct run *run)
{
	return hold_range(run, CAN_GET, 0);
}

static long pin_step(struct run *run)
{
	return hold_range(run, CAN_PIN, FOLIO_PIN_DMA);
}

ACTOR(ADVERSARY, foll_get, "writes by FOLL_GET references", .place = IN_OWNER,
      .setup = open_pins, .step = get_step, .pause_us = 2000)
ACTOR(ADVERSARY, foll_pin, "writes by FOLL_PIN references", .place = IN_OWNER,
      .setup = open_pins, .step = pin_step, .pause_us = 2000)

static long memfd_step(struct run *run)
{
	unsigned int first = ground_first(R_SHMEM) + roll(&run->dice, regions[R_SHMEM].pages);
	struct folio_pin_memfd memfd = {
		.fd = ground_fd(run->owner, R_SHMEM),
		.first = ground_offset(first) / PAGE_BYTES,
		.nr = held_pages(first),
	};

	if (ioctl(pin_fd(run), FOLIO_PIN_MEMFD, &memfd))
		return give_up(run);
	return hold_and_write(run, first, memfd.nr);
}

ACTOR(ADVERSARY, memfd_pin, "writes by memfd_pin_folios()", .place = IN_OWNER,
      .setup = open_pins, .step = memfd_step, .pause_us = 5000)

/* --- long-term pins: they move the pages first where those must stay movable --- */

static const char *longterm_setup(struct run *run)
{
	int fd = open("/sys/kernel/debug/gup_test", O_RDWR | O_CLOEXEC);

	run->own = (void *)(long)fd;
	return fd < 0 ? missing(run, "no CONFIG_GUP_TEST") : NULL;
}

static long longterm_step(struct run *run)
{
	unsigned int first = ground_pick(run, run->owner, CAN_PIN_LONG);
	struct pin_longterm_test test = {
		.addr = (uintptr_t)ground_address(run->owner, first),
		.size = held_pages(first) * PAGE_BYTES,
		.flags = PIN_LONGTERM_TEST_FLAG_USE_WRITE,
	};

	if (ioctl(pin_fd(run), PIN_LONGTERM_TEST_START, &test))
		return give_up(run);
	pause_us(roll(&run->dice, 5000));
	ioctl(pin_fd(run), PIN_LONGTERM_TEST_STOP);
	return 1;
}

ACTOR(MOVER, longterm_pin, "long-term pins of movable memory", .place = IN_OWNER,
      .setup = longterm_setup, .step = longterm_step, .pause_us = 200000,
      .reason = "longterm_pin")
