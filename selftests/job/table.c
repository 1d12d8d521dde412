// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

const char * const reason_names[NR_REASONS] = {
	"compaction", "memory_failure", "memory_hotplug", "syscall_or_cpuset",
	"mempolicy_mbind", "numa_misplaced", "contig_range", "longterm_pin", "demotion",
	"damon",
};

int reason_by_name(const char *name)
{
	int i;

	for (i = 0; i < NR_REASONS; i++)
		if (!strcmp(reason_names[i], name))
			return i;
	return -1;
}

void results_add_up(struct migrate_ext_results *to, const struct migrate_ext_results *sum)
{
	to->batches += sum->batches;
#define X(field, name) to->field += sum->field;
	RESULT_FIELDS(X)
#undef X
}

bool table_add(struct table *table, const struct migrate_ext_results_key *key,
	       const struct migrate_ext_results *sum)
{
	const int room = sizeof(table->rows) / sizeof(table->rows[0]);
	int i;

	for (i = 0; i < table->nr; i++)
		if (!memcmp(&table->rows[i].key, key, sizeof(*key)))
			break;
	if (i == room)
		return false;
	if (i == table->nr)
		table->rows[table->nr++] = (struct row){ .key = *key };
	results_add_up(&table->rows[i].sum, sum);
	return true;
}

struct migrate_ext_results table_sum(const struct table *table, int reason,
				     uint64_t cgroup_id, int migrator)
{
	struct migrate_ext_results sum = {};
	int i;

	for (i = 0; i < table->nr; i++) {
		const struct row *row = &table->rows[i];

		if ((reason < 0 || row->key.reason == (uint32_t)reason) &&
		    (!cgroup_id || row->key.cgroup_id == cgroup_id) &&
		    (migrator < 0 || row->key.migrator == (uint32_t)migrator))
			results_add_up(&sum, &row->sum);
	}
	return sum;
}

static int compare(const void *a, const void *b)
{
	const struct migrate_ext_results_key *x = &((const struct row *)a)->key;
	const struct migrate_ext_results_key *y = &((const struct row *)b)->key;

#define BY(field) if (x->field != y->field) return x->field < y->field ? -1 : 1
	BY(reason);
	BY(cgroup_id);
	BY(orders);
	BY(migrator);
#undef BY
	return 0;
}

void table_sort(struct table *table)
{
	qsort(table->rows, table->nr, sizeof(table->rows[0]), compare);
}

static bool row_equal(const struct row *a, const struct row *b, char *text, size_t size)
{
	const char *field = NULL;
	uint64_t x = 0, y = 0;

	if (memcmp(&a->key, &b->key, sizeof(a->key))) {
		snprintf(text, size, "cgroup %llu orders %#llx reason %u migrator %u, and cgroup %llu orders %#llx reason %u migrator %u",
			 a->key.cgroup_id, a->key.orders, a->key.reason, a->key.migrator,
			 b->key.cgroup_id, b->key.orders, b->key.reason, b->key.migrator);
		return false;
	}
	if (a->sum.batches != b->sum.batches) {
		field = "batches";
		x = a->sum.batches;
		y = b->sum.batches;
	}
#define X(f, name) if (!field && a->sum.f != b->sum.f) { field = #f; x = a->sum.f; y = b->sum.f; }
	RESULT_FIELDS(X)
#undef X
	if (field)
		snprintf(text, size, "cgroup %llu orders %#llx reason %u migrator %u: %s %" PRIu64 " and %" PRIu64,
			 a->key.cgroup_id, a->key.orders, a->key.reason, a->key.migrator,
			 field, x, y);
	return !field;
}

bool table_equal(const struct table *a, const struct table *b, char *text, size_t size)
{
	struct table x = *a, y = *b;
	int i;

	table_sort(&x);
	table_sort(&y);
	for (i = 0; i < x.nr && i < y.nr; i++)
		if (!row_equal(&x.rows[i], &y.rows[i], text, size))
			return false;
	if (x.nr != y.nr)
		snprintf(text, size, "%d and %d rows", x.nr, y.nr);
	return x.nr == y.nr;
}
