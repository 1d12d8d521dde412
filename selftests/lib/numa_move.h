/* SPDX-License-Identifier: GPL-2.0 */
/* Moving another process's memory between nodes, and asking where it is. */
#ifndef SELFTESTS_NUMA_MOVE_H
#define SELFTESTS_NUMA_MOVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NUMA_MOVE_PAGE	((size_t)4096)
#define NUMA_MOVE_HUGE	((size_t)2 << 20)

struct numa_range {
	pid_t pid;
	uintptr_t address;
	size_t bytes;
	bool huge;		/* name each 2 MiB folio once, by its first page */
};

/* Returns false, with errno, when move_pages(2) itself failed. */
bool numa_move_pages(const struct numa_range *range, int nid);
/* Pages that are not on that node, 4 KiB each; -1, with errno, when nobody can say. */
long numa_stragglers(const struct numa_range *range, int nid);
/* Once more for those alone. */
bool numa_move_stragglers(const struct numa_range *range, int nid);
/* migrate_pages(2) of everything that the process has. */
bool numa_migrate_pages(pid_t pid, int from, int to);

#endif /* SELFTESTS_NUMA_MOVE_H */
