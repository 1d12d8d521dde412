// SPDX-License-Identifier: GPL-2.0
/* mgx stats: the kernel's counters, once or every so many seconds. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/capability.h>

#include "error.h"
#include "every.h"
#include "kernel.h"
#include "options.h"
#include "out.h"
#include "policy.h"
#include "prometheus.h"
#include "sections.h"
#include "snapshot.h"
#include "sysfs.h"

struct stats_options {
	const char *interval;
	const char *count;
	const char *prometheus;
	bool delta;
};

static const struct argp_option option_table[] = {
	{ "interval", 'i', "SECONDS", 0, "Again and again; default: once", 0 },
	{ "count", 'n', "N", 0, "With --interval: so many times; default: until stopped", 0 },
	{ "delta", 'D', NULL, 0, "What has come since the line before", 0 },
	{ "prometheus", 'P', "FILE", 0,
	  "Put the text format of Prometheus there, by renaming; nothing on stdout", 0 },
	{}
};

static int take(int key, char *value, void *data)
{
	struct stats_options *options = data;

	switch (key) {
	case 'i':
		options->interval = value;
		return 0;
	case 'n':
		options->count = value;
		return 0;
	case 'P':
		options->prometheus = value;
		return 0;
	case 'D':
		options->delta = true;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* Lines only ever come after one another: their columns have to be known before. */
#define LINE_FIELDS(X)							\
	X(offered) X(taken) X(copied) X(consumed) X(refused) X(failed)	\
	X(bytes_copied) X(busy_ns)

struct line {
#define X(name) __u64 name;
	LINE_FIELDS(X)
#undef X
};

static void line_add(struct line *line, const struct sysfs_counters *counters)
{
	__u64 value;

#define X(name)								\
	if (sysfs_counter(counters, #name, &value))			\
		line->name += value;
	LINE_FIELDS(X)
#undef X
}

static struct line line_minus(struct line a, const struct line *b)
{
#define X(name) a.name -= b->name;
	LINE_FIELDS(X)
#undef X
	return a;
}

static void put_head(void)
{
	printf("%-19s %-18s %12s %12s %12s %12s %12s %8s %10s %10s\n", "TIME", "REASON",
	       "OFFERED", "TAKEN", "COPIED", "CONSUMED", "REFUSED", "FAILED", "MiB", "BUSY ms");
}

static void put_line(struct mgx *mgx, const char *date, const char *reason,
		     const struct line *line)
{
	printf("%-19s %-18s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64
	       " %8" PRIu64, date, reason, (uint64_t)line->offered, (uint64_t)line->taken,
	       (uint64_t)line->copied, (uint64_t)line->consumed, (uint64_t)line->refused,
	       (uint64_t)line->failed);
	if (mgx->raw)
		printf(" %10" PRIu64 " %10" PRIu64 "\n", (uint64_t)line->bytes_copied,
		       (uint64_t)line->busy_ns);
	else
		printf(" %10.1f %10.1f\n", line->bytes_copied / 1048576.0, line->busy_ns / 1e6);
}

/* A line for each reason that had something, and one for all. */
static void put_lines(struct mgx *mgx, const struct snapshot *snapshot,
		      const struct snapshot *before)
{
	struct line all = {}, all_before = {};
	time_t now = time(NULL);
	char date[32] = "";
	struct tm tm;
	size_t i;

	if (localtime_r(&now, &tm))
		strftime(date, sizeof(date), "%F %T", &tm);
	for (i = 0; i < snapshot->books.nr; i++) {
		const struct book *book = &snapshot->books.books[i];
		struct line line = {}, was = {};

		line_add(&line, &book->counters);
		line_add(&all, &book->counters);
		if (before && i < before->books.nr) {
			line_add(&was, &before->books.books[i].counters);
			line_add(&all_before, &before->books.books[i].counters);
		}
		line = line_minus(line, &was);
		if (line.offered || line.copied)
			put_line(mgx, date, book->reason, &line);
	}
	all = line_minus(all, &all_before);
	put_line(mgx, date, "total", &all);
}

/* The same sections as mgx status, as one line for each sample. */
static int put_json(struct mgx *mgx, const char *what, __u64 seq)
{
	static const struct out_column columns[] = {
		{ "seq" }, { "time_ns" }, { "boottime_ns" }, { "boot_id" },
	};
	struct timespec now, boot;
	struct policies policies = {};
	char **ids, *boot_id;
	int ret = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	boot_id = sysfs_read_path("/proc/sys/kernel/random/boot_id");
	out_record(mgx->out, "sample", NULL, columns, MGX_ARRAY_SIZE(columns));
	out_uint(mgx->out, seq);
	out_uint(mgx->out, now.tv_sec * 1000000000ULL + now.tv_nsec);
	out_uint(mgx->out, boot.tv_sec * 1000000000ULL + boot.tv_nsec);
	out_str(mgx->out, boot_id);
	out_row(mgx->out);
	out_end(mgx->out);
	free(boot_id);

	ids = sysfs_entries("policies");
	show_switches(mgx);
	show_migrators(mgx, NULL);
	show_policies(mgx, ids);
	show_books(mgx, ids, true);
	if (*ids && kernel_have_cap(CAP_SYS_ADMIN) && kernel_ops_type(mgx) >= 0) {
		ret = policies_read(mgx, what, &policies);
		ret = ret ?: show_own_counters(mgx, what, &policies, NULL);
		policies_free(&policies);
	}
	sysfs_entries_free(ids);
	if (!ret)
		out_next(mgx->out);
	return ret;
}

/* Not a wrong name, which is said at once. */
static bool may_pass(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EFBIG || err == -EIO;
}

/* @again: there will be another one, until which whoever reads has the old file and its date. */
static int put_prometheus(struct mgx *mgx, const char *what, const char *path,
			  const struct snapshot *snapshot, bool first, bool again)
{
	static bool failing;
	int err = prometheus_write(mgx, path, snapshot);

	if (!err) {
		if (failing)
			mgx_warn("stats: %s: it is written again", path);
		failing = false;
		return 0;
	}
	if (!again || (first && !may_pass(err)))
		return mgx_fail(mgx, mgx_exit_of(err), "name a file in a directory that can be written to",
				"%s: %s: %s", what, path, mgx_why(err));
	if (!failing)
		mgx_warn("stats: %s: %s; it stays as it is until it can be written", path, mgx_why(err));
	failing = true;
	return 0;
}

static int one_sample(struct mgx *mgx, const char *what, const struct stats_options *options,
		      __u64 seq, bool again)
{
	static struct snapshot before;
	struct snapshot snapshot;
	int ret = 0;

	if (mgx->json && !options->prometheus)
		return put_json(mgx, what, seq);

	snapshot_take(&snapshot);
	if (options->prometheus)
		ret = put_prometheus(mgx, what, options->prometheus, &snapshot, !seq, again);
	else
		put_lines(mgx, &snapshot, options->delta && seq ? &before : NULL);
	if (seq)
		snapshot_free(&before);
	before = snapshot;
	return ret;
}

int cmd_stats(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot show statistics";
	struct stats_options options = {};
	unsigned long count = 0, seq = 0;
	double seconds = 0;
	int ret;

	ret = options_parse(mgx, argc, argv, option_table, take, &options);
	if (ret)
		return ret;
	if (options.interval && !every_parse_seconds(options.interval, &seconds))
		return mgx_fail(mgx, MGX_BAD_VALUE, "give a number of seconds, 0.001 or more",
				"%s: --interval %s: no such time", what, options.interval);
	if (options.count && !every_parse_count(options.count, &count))
		return mgx_fail(mgx, MGX_BAD_VALUE, "give a number above 0",
				"%s: --count %s: no such number", what, options.count);
	if (options.count && !options.interval)
		return mgx_fail(mgx, MGX_USAGE, "give --interval as well",
				"stats: --count %s: how long in between is not said", options.count);
	if (options.delta && (mgx->json || options.prometheus))
		return mgx_fail(mgx, MGX_USAGE, "leave it away: counters for programs only grow",
				"stats: --delta: it is for people");
	ret = sysfs_require(mgx, what);
	if (ret)
		return ret;

	every_catch_signals();
	/* A limit of the size of files is an error like others. */
	signal(SIGXFSZ, SIG_IGN);
	if (!mgx->json && !options.prometheus)
		put_head();
	do {
		ret = one_sample(mgx, what, &options, seq, options.interval && seq + 1 != count);
		seq++;
		if (fflush(stdout))
			break;	/* nobody reads any more: said at the end */
	} while (!ret && options.interval && seq != count && every_wait(seconds));
	return ret;
}
