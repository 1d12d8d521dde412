// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpflog.h"
#include "error.h"
#include "histogram.h"
#include "missed.h"
#include "module.h"
#include "names.h"
#include "rates.h"
#include "sysfs.h"

#include "top.skel.h"

struct sample {
	struct watch_key key;
	struct watch_sum sum;
};

struct rates_source {
	struct mgx *mgx;
	struct top_bpf *bpf;
	double last;
	struct sample *before;
	size_t nr_before;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

struct rates_source *rates_open(struct mgx *mgx, const char *what, int *exit)
{
	struct rates_source *source;
	const char *why;
	int err;

	*exit = names_require_events(mgx, what);
	if (*exit)
		return NULL;
	source = mgx_alloc(sizeof(*source));
	source->mgx = mgx;
	bpflog_clear();
	source->bpf = top_bpf__open_and_load();
	err = source->bpf ? top_bpf__attach(source->bpf) : -errno;
	if (err) {
		why = bpflog_refusal()->reason ?: bpflog_warning("");
		*exit = mgx_fail(mgx, mgx_exit_of(err), "mgx -d shows what libbpf did",
				 "%s: its BPF programs: %s", what, why ?: mgx_why(err));
		rates_close(source);
		return NULL;
	}
	source->last = now();
	return source;
}

void rates_close(struct rates_source *source)
{
	top_bpf__destroy(source->bpf);
	free(source->before);
	free(source);
}

__u64 rates_lost(const struct rates_source *source)
{
	return source->bpf->bss->no_room + missed_events(source->bpf->obj);
}

static int compare_keys(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->key.cgroup_id != y->key.cgroup_id)
		return x->key.cgroup_id < y->key.cgroup_id ? -1 : 1;
	if (x->key.reason != y->key.reason)
		return x->key.reason < y->key.reason ? -1 : 1;
	return x->key.migrator < y->key.migrator ? -1 : x->key.migrator > y->key.migrator;
}

/* All sums of the kernel, sorted by key. */
static struct sample *read_all(struct rates_source *source, size_t *nr)
{
	int fd = bpf_map__fd(source->bpf->maps.sums);
	struct watch_key key, *last = NULL;
	struct sample *samples = NULL;
	size_t room = 0;

	*nr = 0;
	while (!bpf_map_get_next_key(fd, last, &key)) {
		if (*nr == room) {
			room = room ? 2 * room : 64;
			samples = realloc(samples, room * sizeof(*samples));
			if (!samples)
				abort();
		}
		samples[*nr].key = key;
		if (!bpf_map_lookup_elem(fd, &key, &samples[*nr].sum))
			(*nr)++;
		last = &key;
	}
	if (*nr)
		qsort(samples, *nr, sizeof(*samples), compare_keys);
	return samples;
}

static void sum_minus(struct watch_sum *sum, const struct watch_sum *before)
{
	__u64 *a = (__u64 *)sum;
	const __u64 *b = (const __u64 *)before;
	size_t i;

	for (i = 0; i < sizeof(*sum) / sizeof(*a); i++)
		a[i] -= b[i];
}

static void sum_add(struct watch_sum *sum, const struct watch_sum *more)
{
	__u64 *a = (__u64 *)sum;
	const __u64 *b = (const __u64 *)more;
	size_t i;

	for (i = 0; i < sizeof(*sum) / sizeof(*a); i++)
		a[i] += b[i];
}

/* How many can be busy at once: its channels, else the CPUs. */
static double engines(const char *migrator)
{
	struct sysfs_counters status;
	__u64 idle = 0, busy = 0;

	if (migrator && module_name_ok(migrator) &&
	    sysfs_counters_parse(&status, module_get(migrator, "status"))) {
		sysfs_counter(&status, "channels_idle", &idle);
		sysfs_counter(&status, "channels_busy", &busy);
		sysfs_counters_free(&status);
	}
	return idle + busy ? idle + busy : (double)sysconf(_SC_NPROCESSORS_ONLN);
}

static void finish(struct rates_row *row, double seconds)
{
	const struct watch_sum *sum = &row->sum;

	row->groups = sum->groups / seconds;
	row->folios = sum->folios / seconds;
	row->bytes = sum->bytes / seconds;
	row->fallbacks = sum->fallbacks / seconds;
	row->busy = sum->busy_ns / 1e9 / seconds / engines(row->migrator);
	row->p50_ns = histogram_percentile(sum->slots, WATCH_SLOTS, 50);
	row->p99_ns = histogram_percentile(sum->slots, WATCH_SLOTS, 99);
}

static bool passes(const struct rates_row *row, const char *filter)
{
	return !filter || !*filter || (row->cgroup && strstr(row->cgroup, filter)) ||
	       (row->reason && strstr(row->reason, filter)) ||
	       (row->migrator && strstr(row->migrator, filter));
}

static void add_row(struct rates *rates, const struct watch_key *key,
		    const struct watch_sum *sum)
{
	size_t i;

	for (i = 0; i < rates->nr; i++)
		if (!memcmp(&rates->rows[i].key, key, sizeof(*key)))
			break;
	if (i == rates->nr) {
		rates->rows = realloc(rates->rows, (i + 1) * sizeof(*rates->rows));
		if (!rates->rows)
			abort();
		memset(&rates->rows[i], 0, sizeof(rates->rows[i]));
		rates->rows[i].key = *key;
		rates->nr++;
	}
	sum_add(&rates->rows[i].sum, sum);
}

static void count_row(struct rates *rates, unsigned int by, struct watch_key key,
		      const struct watch_sum *sum)
{
	key.cgroup_id = by & BY_CGROUP ? key.cgroup_id : 0;
	key.reason = by & BY_REASON ? key.reason : 0;
	key.migrator = by & BY_MIGRATOR ? key.migrator : 0;
	add_row(rates, &key, sum);
}

static bool is_nothing(const struct watch_sum *sum)
{
	return !sum->groups && !sum->offered;
}

/*
 * Cgroups come and go: before the kernel has no room for new ones, sums that had nothing in
 * this interval go. A copy that is just being added to one is lost to it.
 */
static bool was_removed(struct rates_source *source, struct rates *rates, unsigned int by,
			const struct sample *sample)
{
	struct watch_sum last;

	if (bpf_map_lookup_and_delete_elem(bpf_map__fd(source->bpf->maps.sums), &sample->key, &last))
		return false;
	sum_minus(&last, &sample->sum);
	if (!is_nothing(&last))
		count_row(rates, by, sample->key, &last);
	return true;
}

void rates_take(struct rates_source *source, unsigned int by, const char *filter,
		struct rates *rates)
{
	struct sample *samples, *before;
	double at = now();
	size_t nr, i, left = 0, kept = 0;
	bool full;

	memset(rates, 0, sizeof(*rates));
	rates->seconds = at - source->last;
	if (rates->seconds < 1e-6)
		rates->seconds = 1e-6;
	source->last = at;

	names_trim();
	samples = read_all(source, &nr);
	full = nr > bpf_map__max_entries(source->bpf->maps.sums) / 4 * 3;
	for (i = 0; i < nr; i++) {
		struct watch_sum sum = samples[i].sum;

		before = source->nr_before ? bsearch(&samples[i], source->before, source->nr_before,
						     sizeof(*samples), compare_keys) : NULL;
		if (before)
			sum_minus(&sum, &before->sum);
		if (!is_nothing(&sum))
			count_row(rates, by, samples[i].key, &sum);
		else if (full && was_removed(source, rates, by, &samples[i]))
			continue;
		samples[left++] = samples[i];
	}
	free(source->before);
	source->before = samples;
	source->nr_before = left;

	for (i = 0; i < rates->nr; i++) {
		struct rates_row *row = &rates->rows[i];

		if (by & BY_CGROUP)
			row->cgroup = name_of_cgroup(row->key.cgroup_id);
		if (by & BY_REASON)
			row->reason = name_of_reason(source->mgx, row->key.reason);
		if (by & BY_MIGRATOR)
			row->migrator = name_of_migrator(row->key.migrator);
		if (!passes(row, filter))
			continue;
		finish(row, rates->seconds);
		sum_add(&rates->total.sum, &row->sum);
		rates->rows[kept++] = *row;
	}
	rates->nr = kept;
	finish(&rates->total, rates->seconds);
}

void rates_free(struct rates *rates)
{
	free(rates->rows);
	rates->rows = NULL;
	rates->nr = 0;
}

static int compare_numbers(double a, double b)
{
	return a < b ? 1 : a > b ? -1 : 0;	/* the largest first */
}

static int compare_words(const char *a, const char *b)
{
	return strcmp(a ?: "", b ?: "");
}

static int compare_by(const struct rates_row *a, const struct rates_row *b,
		      enum rates_column column)
{
	switch (column) {
	case RATES_CGROUP:
		return compare_words(a->cgroup, b->cgroup);
	case RATES_REASON:
		return compare_words(a->reason, b->reason);
	case RATES_MIGRATOR:
		return compare_words(a->migrator, b->migrator);
	case RATES_GROUPS:
		return compare_numbers(a->groups, b->groups);
	case RATES_FOLIOS:
		return compare_numbers(a->folios, b->folios);
	case RATES_BYTES:
		return compare_numbers(a->bytes, b->bytes);
	case RATES_P50:
		return compare_numbers(a->p50_ns, b->p50_ns);
	case RATES_P99:
		return compare_numbers(a->p99_ns, b->p99_ns);
	case RATES_FALLBACKS:
		return compare_numbers(a->fallbacks, b->fallbacks);
	case RATES_BUSY:
		return compare_numbers(a->busy, b->busy);
	case RATES_NR_COLUMNS:
		break;
	}
	return 0;
}

static int compare_rows(const void *a, const void *b, void *arg)
{
	const int *how = arg;
	int order = compare_by(a, b, how[0]);
	enum rates_column column;

	if (how[1])
		order = -order;
	/* Rows that are alike keep their places from one screen to the next. */
	for (column = RATES_CGROUP; !order && column <= RATES_MIGRATOR; column++)
		order = compare_by(a, b, column);
	return order;
}

void rates_sort(struct rates *rates, enum rates_column column, bool reverse)
{
	int how[2] = { column, reverse };

	if (rates->nr)
		qsort_r(rates->rows, rates->nr, sizeof(*rates->rows), compare_rows, how);
}
