// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <numaif.h>
#include <stdlib.h>

#include "numa_move.h"

#define HUGE_PAGES	(NUMA_MOVE_HUGE / NUMA_MOVE_PAGE)

struct list {
	size_t nr;
	void **pages;
	int *nodes;
	int *status;
};

static bool list_alloc(struct list *list, size_t nr)
{
	list->nr = 0;
	list->pages = calloc(nr, sizeof(*list->pages));
	list->nodes = calloc(nr, sizeof(*list->nodes));
	list->status = calloc(nr, sizeof(*list->status));
	return list->pages && list->nodes && list->status;
}

static void list_free(struct list *list)
{
	free(list->pages);
	free(list->nodes);
	free(list->status);
}

static void list_add(struct list *list, uintptr_t address, int nid)
{
	list->pages[list->nr] = (void *)address;
	list->nodes[list->nr++] = nid;
}

/* A positive return value says that some pages stayed: numa_stragglers() tells. */
static bool list_move(pid_t pid, struct list *list)
{
	if (!list->nr)
		return true;
	return move_pages(pid, list->nr, list->pages, list->nodes, list->status,
			  MPOL_MF_MOVE_ALL) >= 0;
}

/* Fills the list with every page of the range and the status with its node. */
static bool list_ask(const struct numa_range *range, struct list *list, int nid)
{
	size_t i;

	for (i = 0; i < range->bytes; i += NUMA_MOVE_PAGE)
		list_add(list, range->address + i, nid);
	return !move_pages(range->pid, list->nr, list->pages, NULL, list->status, 0);
}

bool numa_move_pages(const struct numa_range *range, int nid)
{
	size_t step = range->huge ? NUMA_MOVE_HUGE : NUMA_MOVE_PAGE, i;
	struct list list;
	bool ok = list_alloc(&list, range->bytes / step);

	if (ok) {
		for (i = 0; i < range->bytes; i += step)
			list_add(&list, range->address + i, nid);
		ok = list_move(range->pid, &list);
	}
	list_free(&list);
	return ok;
}

long numa_stragglers(const struct numa_range *range, int nid)
{
	struct list list;
	long nr = -1;
	size_t i;

	if (list_alloc(&list, range->bytes / NUMA_MOVE_PAGE) &&
	    list_ask(range, &list, nid))
		for (nr = 0, i = 0; i < list.nr; i++)
			nr += list.status[i] != nid;
	list_free(&list);
	return nr;
}

/*
 * How many entries of the list from @i on belong together: a second page of a huge folio
 * in a list makes the kernel give up on it, so name the folio by its first page as long as
 * nothing of it has moved. One that was split shows by what is left of it then.
 */
static size_t stragglers_together(const struct numa_range *range, const struct list *all,
				  size_t i, int nid)
{
	size_t n;

	if (!range->huge || i % HUGE_PAGES || i + HUGE_PAGES > all->nr)
		return 1;
	for (n = 0; n < HUGE_PAGES && all->status[i + n] != nid; n++)
		;
	return n == HUGE_PAGES ? HUGE_PAGES : 1;
}

bool numa_move_stragglers(const struct numa_range *range, int nid)
{
	size_t nr = range->bytes / NUMA_MOVE_PAGE, i;
	struct list all, some = {};
	bool ok = list_alloc(&all, nr) && list_alloc(&some, nr) &&
		  list_ask(range, &all, nid);

	for (i = 0; ok && i < nr; i += stragglers_together(range, &all, i, nid))
		if (all.status[i] != nid)
			list_add(&some, (uintptr_t)all.pages[i], nid);
	ok = ok && list_move(range->pid, &some);
	list_free(&all);
	list_free(&some);
	return ok;
}

bool numa_migrate_pages(pid_t pid, int from, int to)
{
	unsigned long old = 1UL << from, new = 1UL << to;

	/* Counts what it could not move as well: file pages, pages of the kernel. */
	return migrate_pages(pid, 8 * sizeof(old), &old, &new) >= 0;
}
