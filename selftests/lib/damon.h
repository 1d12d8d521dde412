/* SPDX-License-Identifier: GPL-2.0 */
/* DAMON with one scheme that moves all of a range, by its files in sysfs. */
#ifndef SELFTESTS_DAMON_H
#define SELFTESTS_DAMON_H

#include <stdint.h>
#include <sys/types.h>

/*
 * From now on, every few milliseconds, @action ("migrate_hot" or "migrate_cold") for all
 * memory from @start to @end, however often it is used. @ops: "fvaddr", addresses of
 * process @pid, or "paddr", physical addresses.
 */
void damon_start(const char *ops, pid_t pid, uint64_t start, uint64_t end, const char *action,
		 int nid);
/* It may not have been started. */
void damon_stop(void);

#endif /* SELFTESTS_DAMON_H */
