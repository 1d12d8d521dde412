// SPDX-License-Identifier: GPL-2.0
/*
 * mgx trace: a line for each copy, batch or fallback, as it happens. The filters
 * are in the kernel (bpf/trace.bpf.c), and so are the histograms: they need no buffer.
 * Lines may find no room in the buffer, and events may be missed: then they are counted,
 * and that is said.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpflog.h"
#include "cgroup.h"
#include "error.h"
#include "every.h"
#include "histogram.h"
#include "missed.h"
#include "names.h"
#include "options.h"
#include "out.h"
#include "reasons.h"
#include "sysfs.h"
#include "text.h"
#include "watch.h"

#include "trace.skel.h"

#define DEFAULT_BUFFER_KIB	4096
#define MAX_BUFFER_KIB		(1024 * 1024)

struct trace {
	struct mgx *mgx;
	struct trace_bpf *bpf;
	const char *reason;
	const char *cgroup;
	const char *migrator;
	const char *slower;
	const char *events;
	const char *count;
	const char *seconds;
	const char *buffer;
	bool histogram;
	bool lines;		/* not of a histogram alone */

	unsigned long max;	/* lines; 0: any number */
	unsigned long printed;
	__s64 to_realtime;	/* what CLOCK_MONOTONIC is behind */
};

enum { KEY_SLOWER = 256, KEY_BUFFER };

static const struct argp_option option_table[] = {
	{ "events", 'e', "LIST", 0, "copy, batch, fallback, with commas; default: copy", 0 },
	{ "reason", 'R', "LIST", 0, "Only for these reasons, with commas", 0 },
	{ "cgroup", 'c', "PATH|ID", 0, "Only folios of that cgroup and its descendants", 0 },
	{ "migrator", 'M', "NAME", 0, "Only what that migrator was chosen for, or took part in", 0 },
	{ "slower", KEY_SLOWER, "TIME", 0, "Only copies that took so long, e.g. 500us", 0 },
	{ "histogram", 'H', NULL, 0, "At the end, how long copies took and how large they were; no lines", 0 },
	{ "count", 'n', "N", 0, "So many lines", 0 },
	{ "time", 't', "SECONDS", 0, "So long; default: until stopped", 0 },
	{ "buffer", KEY_BUFFER, "KIB", 0, "Of the buffer between the kernel and mgx; default: 4096", 0 },
	{}
};

static int take(int key, char *value, void *data)
{
	struct trace *trace = data;

	switch (key) {
	case 'e':
		trace->events = value;
		return 0;
	case 'R':
		trace->reason = value;
		return 0;
	case 'c':
		trace->cgroup = value;
		return 0;
	case 'M':
		trace->migrator = value;
		return 0;
	case KEY_SLOWER:
		trace->slower = value;
		return 0;
	case 'H':
		trace->histogram = true;
		return 0;
	case 'n':
		trace->count = value;
		return 0;
	case 't':
		trace->seconds = value;
		return 0;
	case KEY_BUFFER:
		trace->buffer = value;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* "500us", "2ms", "1s": nanoseconds. */
static bool parse_time(const char *str, __u64 *ns)
{
	static const struct {
		const char *suffix;
		double factor;
	} units[] = { { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 } };
	double value;
	char *end;
	size_t i;

	if (!isdigit((unsigned char)*str))
		return false;
	value = strtod(str, &end);
	for (i = 0; i < MGX_ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].suffix))
			continue;
		*ns = value * units[i].factor;
		return value * units[i].factor < 1e18;
	}
	return false;
}

static int choose_events(struct trace *trace, const char *what)
{
	struct trace_bpf *bpf = trace->bpf;
	struct {
		const char *name;
		struct bpf_program *prog;
		bool wanted;
	} events[] = {
		{ "copy", bpf->progs.on_copy },
		{ "batch", bpf->progs.on_batch },
		{ "fallback", bpf->progs.on_fallback },
	};
	char *copy = mgx_strdup(trace->events ?: "copy"), *rest = copy, *word;
	size_t i;
	int ret = 0;

	while (!ret && (word = strsep(&rest, ","))) {
		for (i = 0; i < MGX_ARRAY_SIZE(events); i++)
			if (!strcmp(word, events[i].name))
				break;
		if (i == MGX_ARRAY_SIZE(events))
			ret = mgx_fail(trace->mgx, MGX_BAD_VALUE, "there are: copy, batch, fallback",
				       "%s: --events %s: there is no such event", what, word);
		else
			events[i].wanted = true;
	}
	for (i = 0; i < MGX_ARRAY_SIZE(events); i++)
		bpf_program__set_autoload(events[i].prog, events[i].wanted);
	free(copy);
	return ret;
}

/* The level of a cgroup is the number of its ancestors. */
static int level_of(__u64 id)
{
	char *path = cgroup_path(id), *c;
	int level = 0;

	for (c = path; c && *c; c++)
		level += *c == '/' && c[1];
	free(path);
	return level;
}

static int choose_filters(struct trace *trace, const char *what)
{
	struct trace_bpf *bpf = trace->bpf;
	struct mgx *mgx = trace->mgx;
	char *reasons, *next;
	__u64 value = 0;
	int ret = 0;

	if (trace->reason && (!reasons_parse(mgx, trace->reason, &value) || !value)) {
		reasons = reasons_all();
		next = mgx_printf("there are: %s", reasons);
		ret = mgx_fail(mgx, MGX_BAD_VALUE, next, "%s: --reason %s: there is no such reason",
			       what, trace->reason);
		free(next);
		free(reasons);
		return ret;
	}
	bpf->rodata->reasons = value;

	if (trace->migrator) {
		bpf->rodata->migrator_id = migrator_of_name(trace->migrator);
		if (!bpf->rodata->migrator_id)
			return mgx_fail(mgx, MGX_NOT_FOUND, "`mgx migrator list` shows those there are",
					"%s: --migrator %s: there is no such migrator", what,
					trace->migrator);
	}
	value = 0;
	if (trace->slower && !parse_time(trace->slower, &value))
		return mgx_fail(mgx, MGX_BAD_VALUE, "give a number with ns, us, ms or s",
				"%s: --slower %s: no such time", what, trace->slower);
	bpf->rodata->slower_ns = value;

	if (trace->cgroup) {
		ret = cgroup_resolve(mgx, what, trace->cgroup, &value);
		if (ret)
			return ret;
		/* All are descendants of the root. */
		bpf->rodata->cgroup_id = value == CGROUP_ROOT_ID ? 0 : value;
		bpf->rodata->cgroup_level = level_of(value);
	}
	bpf->rodata->with_hist = trace->histogram;
	bpf->rodata->with_events = trace->lines;
	return 0;
}

static int choose_buffer(struct trace *trace, const char *what)
{
	unsigned long kib = DEFAULT_BUFFER_KIB;
	__u32 bytes = sysconf(_SC_PAGESIZE);

	if (trace->buffer && (!every_parse_count(trace->buffer, &kib) || kib > MAX_BUFFER_KIB))
		return mgx_fail(trace->mgx, MGX_BAD_VALUE, "give 1 to 1048576 (KiB)",
				"%s: --buffer %s: no number in its range", what, trace->buffer);
	/* A power of two, of pages. */
	while (bytes < kib * 1024)
		bytes *= 2;
	bpf_map__set_max_entries(trace->bpf->maps.events, bytes);
	return 0;
}

/* "0,9" */
static char *orders_text(__u64 orders)
{
	char *text = mgx_strdup(""), *longer;
	int order;

	for (order = 0; orders; order++, orders >>= 1) {
		if (!(orders & 1))
			continue;
		longer = mgx_printf("%s%s%d", text, *text ? "," : "", order);
		free(text);
		text = longer;
	}
	return text;
}

static const char *mode_name(__u32 mode)
{
	static const char * const names[] = { "async", "sync_light", "sync" };

	return mode < MGX_ARRAY_SIZE(names) ? names[mode] : "?";
}

static const char * const kind_names[] = {
	[WATCH_COPY] = "copy",
	[WATCH_BATCH] = "batch",
	[WATCH_FALLBACK] = "fallback",
};

static void put_json(struct trace *trace, const struct watch_event *event)
{
	static const struct out_column columns[] = {
		{ "event" }, { "time_ns" }, { "monotonic_ns" }, { "pid" }, { "comm" }, { "reason" },
		{ "mode" }, { "flags" }, { "cgroup_id" }, { "cgroup_path" }, { "src" }, { "dst" },
		{ "orders" }, { "migrator" }, { "offered" }, { "taken" }, { "refused" }, { "copied" },
		{ "failed" }, { "consumed" }, { "discarded" }, { "bytes" }, { "ns" }, { "busy_ns" },
		{ "folios" }, { "groups" }, { "policies" }, { "jobs" }, { "cause" },
	};
	static const struct out_column part_columns[] = {
		{ "migrator" }, { "copied" }, { "bytes" }, { "ns" },
	};
	struct out *out = trace->mgx->out;
	bool copy = event->kind == WATCH_COPY, batch = event->kind == WATCH_BATCH;
	const __u64 numbers[] = {
		event->offered, event->taken, event->refused, event->copied, event->failed,
		event->consumed, event->discarded, event->bytes, event->ns, event->busy_ns,
	};
	char *orders = orders_text(event->orders);
	__u32 i;

	out_record(out, "event", NULL, columns, MGX_ARRAY_SIZE(columns));
	out_str(out, kind_names[event->kind]);
	out_uint(out, event->time_ns + trace->to_realtime);
	out_uint(out, event->time_ns);
	out_uint(out, event->pid);
	out_str(out, event->comm);
	out_str(out, name_of_reason(trace->mgx, event->reason));
	out_str(out, mode_name(event->mode));
	out_uint(out, event->flags);
	if (batch) {
		for (i = 0; i < 6; i++)
			out_none(out);
	} else {
		out_uint(out, event->cgroup_id);
		out_str(out, name_of_cgroup(event->cgroup_id));
		out_int(out, event->src_nid);
		out_int(out, event->dst_nid);
		out_str(out, copy ? orders : NULL);
		out_str(out, name_of_migrator(event->migrator));
	}
	for (i = 0; i < MGX_ARRAY_SIZE(numbers); i++) {
		if (copy)
			out_uint(out, numbers[i]);
		else
			out_none(out);
	}
	if (copy)
		out_none(out);
	else
		out_uint(out, event->folios);
	if (batch) {
		out_uint(out, event->groups);
		out_uint(out, event->policies);
		out_uint(out, event->jobs);
	} else {
		for (i = 0; i < 3; i++)
			out_none(out);
	}
	out_str(out, event->kind == WATCH_FALLBACK ? event->cause : NULL);
	out_row(out);
	out_end(out);
	if (event->nr_parts > 1) {
		out_table(out, "parts", NULL, NULL, part_columns, MGX_ARRAY_SIZE(part_columns));
		for (i = 0; i < event->nr_parts && i < WATCH_PARTS; i++) {
			out_str(out, name_of_migrator(event->parts[i].migrator));
			out_uint(out, event->parts[i].copied);
			out_uint(out, event->parts[i].bytes);
			out_uint(out, event->parts[i].ns);
			out_row(out);
		}
		out_end(out);
	}
	out_next(out);
	free(orders);
}

static void put_head(void)
{
	printf("%-15s %-8s %-17s %-20s %-6s %-8s %-12s %8s %8s %8s %9s %10s  %s\n", "TIME", "EVENT",
	       "REASON", "CGROUP", "NODES", "ORDERS", "MIGRATOR", "OFFERED", "COPIED", "REFUSED",
	       "MiB", "us", "BY");
}

/* From here on nothing is missed: for who waits for that. */
static void put_start(struct trace *trace, struct timespec now)
{
	static const struct out_column columns[] = { { "time_ns" } };

	out_record(trace->mgx->out, "started", NULL, columns, MGX_ARRAY_SIZE(columns));
	out_uint(trace->mgx->out, now.tv_sec * 1000000000ULL + now.tv_nsec);
	out_row(trace->mgx->out);
	out_end(trace->mgx->out);
	out_next(trace->mgx->out);
}

/* Who copied; of several, how many folios each. */
static char *migrators_text(const struct watch_event *event)
{
	char *text, *longer;
	__u32 i;

	if (event->nr_parts < 2)
		return mgx_strdup(name_of_migrator(event->migrator));
	text = mgx_strdup("");
	for (i = 0; i < event->nr_parts && i < WATCH_PARTS; i++) {
		longer = mgx_printf("%s%s%s:%u", text, i ? "+" : "",
				    name_of_migrator(event->parts[i].migrator),
				    event->parts[i].copied);
		free(text);
		text = longer;
	}
	return text;
}

/* What follows the time, the kind and the reason. To be freed. */
static char *batch_text(const struct watch_event *event)
{
	return mgx_printf("%" PRIu64 " folios, %u groups, %u policies, %u jobs, %s  %s:%u",
			  (uint64_t)event->folios, event->groups, event->policies, event->jobs,
			  mode_name(event->mode), event->comm, event->pid);
}

static char *fallback_text(const struct watch_event *event, const char *nodes)
{
	return mgx_printf("%-20s %-6s %-8s %-12s %" PRIu64 " folios one by one: %s  %s:%u",
			  name_of_cgroup(event->cgroup_id), nodes, "-",
			  name_of_migrator(event->migrator), (uint64_t)event->folios, event->cause,
			  event->comm, event->pid);
}

static char *copy_text(const struct watch_event *event, const char *nodes)
{
	char *orders = orders_text(event->orders), *migrators = migrators_text(event), *text;

	text = mgx_printf("%-20s %-6s %-8s %-12s %8u %8u %8u %9.2f %10.1f  %s:%u%s",
			  name_of_cgroup(event->cgroup_id), nodes, *orders ? orders : "-", migrators,
			  event->offered, event->copied, event->refused, event->bytes / 1048576.0,
			  event->ns / 1e3, event->comm, event->pid, event->failed ? "  FAILED" : "");
	free(migrators);
	free(orders);
	return text;
}

static void put_text(struct trace *trace, const struct watch_event *event)
{
	__u64 real = event->time_ns + trace->to_realtime;
	time_t seconds = real / 1000000000;
	char date[16] = "", nodes[16], *text, *shown;
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(date, sizeof(date), "%T", &tm);
	snprintf(nodes, sizeof(nodes), "%d>%d", event->src_nid, event->dst_nid);
	text = event->kind == WATCH_BATCH ? batch_text(event) :
	       event->kind == WATCH_FALLBACK ? fallback_text(event, nodes) : copy_text(event, nodes);
	shown = text_for_terminal(text);
	printf("%s.%06u %-8s %-17s %s\n", date, (unsigned int)(real % 1000000000 / 1000),
	       kind_names[event->kind], name_of_reason(trace->mgx, event->reason), shown);
	free(shown);
	free(text);
}

static int on_event(void *ctx, void *data, size_t size)
{
	struct trace *trace = ctx;

	(void)size;
	if (trace->max && trace->printed == trace->max)
		return 0;
	names_trim();
	if (trace->mgx->json)
		put_json(trace, data);
	else
		put_text(trace, data);
	trace->printed++;
	return 0;
}

static void put_histogram(struct trace *trace, __u32 migrator, const char *what,
			  enum out_unit unit, const __u64 *slots)
{
	const struct out_column columns[] = {
		{ "migrator", "MIGRATOR" },
		{ "what", "WHAT" },
		{ "from", "FROM", unit },
		{ "below", "BELOW", unit },
		{ "copies", "COPIES" },
		{ NULL, "" },
	};
	struct out *out = trace->mgx->out;
	__u64 most = 0;
	char bar[41];
	int i, len;

	for (i = 0; i < WATCH_SLOTS; i++)
		most = slots[i] > most ? slots[i] : most;
	if (!most)
		return;
	out_table(out, unit == OUT_NS ? "latency" : "size", NULL, NULL, columns,
		  MGX_ARRAY_SIZE(columns));
	for (i = 0; i < WATCH_SLOTS; i++) {
		if (!slots[i])
			continue;
		len = (slots[i] * (sizeof(bar) - 1) + most - 1) / most;
		memset(bar, '#', len);
		bar[len] = '\0';
		out_str(out, name_of_migrator(migrator));
		out_str(out, what);
		out_uint(out, i ? 1ULL << i : 0);
		out_uint(out, 2ULL << i);
		out_uint(out, slots[i]);
		out_str(out, bar);
		out_row(out);
	}
	out_end(out);
	if (trace->mgx->json)
		out_next(out);
}

static void put_histograms(struct trace *trace)
{
	int fd = bpf_map__fd(trace->bpf->maps.hists);
	struct watch_hist hist;
	__u32 migrator;

	for (migrator = 0; migrator < WATCH_MIGRATORS; migrator++) {
		if (bpf_map_lookup_elem(fd, &migrator, &hist))
			continue;
		put_histogram(trace, migrator, "time of a copy", OUT_NS, hist.ns);
		put_histogram(trace, migrator, "bytes of a copy", OUT_BYTES, hist.bytes);
	}
}

/*
 * Nothing is lost in silence: matched + missed = shown + lost + not wanted any more. What
 * was missed no filter has seen.
 */
static void put_summary(struct trace *trace)
{
	static const struct out_column columns[] = {
		{ "seen" }, { "matched" }, { "shown" }, { "lost" }, { "missed" },
	};
	const struct watch_counts *counts = &trace->bpf->bss->counts;
	__u64 missed = missed_events(trace->bpf->obj), lost = counts->lost + missed;

	fflush(stdout);
	if (trace->mgx->json) {
		out_record(trace->mgx->out, "summary", NULL, columns, MGX_ARRAY_SIZE(columns));
		out_uint(trace->mgx->out, counts->seen);
		out_uint(trace->mgx->out, counts->matched);
		out_uint(trace->mgx->out, trace->printed);
		out_uint(trace->mgx->out, lost);
		out_uint(trace->mgx->out, missed);
		out_row(trace->mgx->out);
		out_end(trace->mgx->out);
		out_next(trace->mgx->out);
	} else {
		fprintf(stderr, "mgx: %" PRIu64 " events, %" PRIu64 " after filters, %lu shown, %" PRIu64 " lost%s",
			(uint64_t)counts->seen, (uint64_t)counts->matched, trace->printed,
			(uint64_t)lost, counts->lost ?
			": use filters, --histogram, or a larger --buffer" : "");
		if (missed)
			fprintf(stderr, "; %" PRIu64 " of them came while another was being taken",
				(uint64_t)missed);
		fputc('\n', stderr);
	}
}

static bool is_over(const struct trace *trace, double deadline)
{
	struct timespec now;

	if (every_stopped() || (trace->max && trace->printed == trace->max))
		return true;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return deadline && now.tv_sec + now.tv_nsec / 1e9 >= deadline;
}

#define CLOCK_WAS_SET	1000000		/* ns: less is how long reading two clocks takes */

/* Whoever sets the clock does so while one looks, too. */
static void follow_realtime(struct trace *trace)
{
	struct timespec real, mono;
	__s64 behind;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	behind = (real.tv_sec - mono.tv_sec) * 1000000000LL + real.tv_nsec - mono.tv_nsec;
	if (llabs(behind - trace->to_realtime) >= CLOCK_WAS_SET)
		trace->to_realtime = behind;
}

static int follow(struct trace *trace, const char *what, double seconds)
{
	struct ring_buffer *ring;
	struct timespec now;
	double deadline = 0;
	int n = 0;

	ring = ring_buffer__new(bpf_map__fd(trace->bpf->maps.events), on_event, trace, NULL);
	if (!ring)
		return mgx_fail(trace->mgx, MGX_FAILED, "try a smaller --buffer",
				"%s: the buffer: %s", what, mgx_why(errno));
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (seconds)
		deadline = now.tv_sec + now.tv_nsec / 1e9 + seconds;
	while (!is_over(trace, deadline)) {
		follow_realtime(trace);
		n = ring_buffer__poll(ring, 100);
		if (n < 0 && n != -EINTR)
			break;
		if (fflush(stdout))
			break;
		n = 0;
	}
	/* What was under way when it ended is shown, too; nothing more comes. */
	trace_bpf__detach(trace->bpf);
	ring_buffer__consume(ring);
	ring_buffer__free(ring);
	if (n < 0)
		return mgx_fail(trace->mgx, MGX_FAILED, NULL, "%s: the buffer: %s", what, mgx_why(n));
	return 0;
}

static int start(struct trace *trace, const char *what)
{
	const char *why;
	int ret, err;

	trace->bpf = trace_bpf__open();
	if (!trace->bpf)
		return mgx_fail(trace->mgx, MGX_FAILED, NULL, "%s: its BPF programs: %s", what,
				mgx_why(errno));
	ret = choose_events(trace, what);
	ret = ret ?: choose_filters(trace, what);
	ret = ret ?: choose_buffer(trace, what);
	ret = ret ?: names_require_events(trace->mgx, what);
	if (ret)
		return ret;
	bpflog_clear();
	err = trace_bpf__load(trace->bpf);
	err = err ?: trace_bpf__attach(trace->bpf);
	if (err) {
		why = bpflog_refusal()->reason ?: bpflog_warning("");
		return mgx_fail(trace->mgx, mgx_exit_of(err), "mgx -d shows what libbpf did",
				"%s: its BPF programs: %s", what, why ?: mgx_why(err));
	}
	return 0;
}

int cmd_trace(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot trace";
	struct trace trace = { .mgx = mgx };
	struct timespec real;
	double seconds = 0;
	int ret;

	ret = options_parse(mgx, argc, argv, option_table, take, &trace);
	if (ret)
		return ret;
	if (trace.count && !every_parse_count(trace.count, &trace.max))
		return mgx_fail(mgx, MGX_BAD_VALUE, "give a number above 0",
				"%s: --count %s: no such number", what, trace.count);
	if (trace.seconds && !every_parse_seconds(trace.seconds, &seconds))
		return mgx_fail(mgx, MGX_BAD_VALUE, "give a number of seconds, 0.001 or more",
				"%s: --time %s: no such time", what, trace.seconds);
	if (trace.histogram && (trace.count || trace.events))
		return mgx_fail(mgx, MGX_USAGE, "use --time",
				"trace: --histogram: it has no lines, and is of copies");
	trace.lines = !trace.histogram;
	ret = sysfs_require(mgx, what);
	if (ret)
		return ret;

	every_catch_signals();
	ret = start(&trace, what);
	if (!ret) {
		clock_gettime(CLOCK_REALTIME, &real);
		if (mgx->json)
			put_start(&trace, real);
		else if (trace.lines)
			put_head();
		fflush(stdout);
		ret = follow(&trace, what, seconds);
	}
	if (!ret) {
		if (trace.histogram)
			put_histograms(&trace);
		put_summary(&trace);
	}
	trace_bpf__destroy(trace.bpf);
	return ret;
}
