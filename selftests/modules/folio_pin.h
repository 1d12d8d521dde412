/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/folio_pin: hold references on one's own pages and write through them.
 */
#ifndef FOLIO_PIN_H
#define FOLIO_PIN_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define FOLIO_PIN_MAX	4096

/* struct folio_pin_range.flags: FOLL_PIN instead of FOLL_GET */
#define FOLIO_PIN_DMA	1
/* ... which may stay for ever (FOLL_LONGTERM): such pages must not be movable */
#define FOLIO_PIN_LONGTERM	2

/**
 * struct folio_pin_range - pages to take a reference on
 * @addr: first address, a multiple of the page size
 * @nr: how many pages, at most FOLIO_PIN_MAX
 * @flags: 0, FOLIO_PIN_DMA, or FOLIO_PIN_DMA and FOLIO_PIN_LONGTERM
 */
struct folio_pin_range {
	__u64 addr;
	__u32 nr;
	__u32 flags;
};

/**
 * struct folio_pin_write - a write through a reference
 * @index: page of the range
 * @offset: where in the page, a multiple of 8
 * @value: what to write
 */
struct folio_pin_write {
	__u32 index;
	__u32 offset;
	__u64 value;
};

/* One range per open file; the references are dropped by PUT or at close. */
#define FOLIO_PIN_GET		_IOW('f', 1, struct folio_pin_range)
#define FOLIO_PIN_WRITE		_IOW('f', 2, struct folio_pin_write)
#define FOLIO_PIN_PUT		_IO('f', 3)
/* Set and clear the hwpoison flag of a page of the range, and nothing else. */
#define FOLIO_PIN_POISON	_IOW('f', 4, __u32)
#define FOLIO_PIN_CURE		_IOW('f', 5, __u32)
/* The page frame number of a page of the range. */
#define FOLIO_PIN_PFN		_IOWR('f', 6, __u64)

/**
 * struct folio_pin_memfd - pages to pin by way of their file
 * @fd: of a memfd
 * @first: first page of the file
 * @nr: how many pages, of folios of one page each
 * @flags: 0
 */
struct folio_pin_memfd {
	__u32 fd;
	__u32 first;
	__u32 nr;
	__u32 flags;
};

/* As GET with FOLIO_PIN_DMA, with no page table in between. */
#define FOLIO_PIN_MEMFD		_IOW('f', 7, struct folio_pin_memfd)

#endif /* FOLIO_PIN_H */
