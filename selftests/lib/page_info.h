/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which page frames stand behind a range of this process's memory, and what the kernel
 * knows of them: /proc/self/pagemap, /proc/kpageflags. Pages that are not there count as
 * nothing. Whatever cannot be done ends the test case (see case.h).
 */
#ifndef SELFTESTS_PAGE_INFO_H
#define SELFTESTS_PAGE_INFO_H

#include <linux/kernel-page-flags.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the page at @addr; 0 when there is none. */
uint64_t page_frame(const void *addr);
/* Has the page frame the flag KPF_@flag? */
bool frame_has_flag(uint64_t frame, unsigned int flag);
/* How many pages of the range have the flag KPF_@flag. */
size_t pages_with_flag(const void *addr, size_t bytes, unsigned int flag);
/* How many folios they belong to. */
size_t folios_in_range(const void *addr, size_t bytes);
/* How many have a frame from @first on, up to but not including @end. */
size_t pages_in_frames(const void *addr, size_t bytes, uint64_t first, uint64_t end);

#endif /* SELFTESTS_PAGE_INFO_H */
