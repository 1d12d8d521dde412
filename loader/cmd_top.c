// SPDX-License-Identifier: GPL-2.0
/* mgx top: what is being copied, live. */
#define _GNU_SOURCE
#include <ctype.h>
#include <curses.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "every.h"
#include "options.h"
#include "out.h"
#include "rates.h"
#include "sysfs.h"

#define FILTER_LEN	64

struct top {
	struct mgx *mgx;
	const char *interval;
	const char *count;
	const char *sort;
	const char *filter_option;
	const char *by_option;
	bool batch;

	double seconds;
	unsigned long max;
	unsigned int by;
	enum rates_column column;
	bool reverse;
	char filter[FILTER_LEN];

	struct rates_source *source;
	/* the screen */
	bool paused;
	bool typing;		/* the filter */
};

static const struct {
	const char *name;	/* for --sort */
	const char *title;
	int width;
} table[RATES_NR_COLUMNS] = {
	[RATES_CGROUP]		= { "cgroup", "CGROUP", -24 },
	[RATES_REASON]		= { "reason", "REASON", -17 },
	[RATES_MIGRATOR]	= { "migrator", "MIGRATOR", -10 },
	[RATES_GROUPS]		= { "copies", "COPIES/s", 9 },
	[RATES_FOLIOS]		= { "folios", "FOLIOS/s", 9 },
	[RATES_BYTES]		= { "bytes", "MiB/s", 9 },
	[RATES_P50]		= { "p50", "P50", 9 },
	[RATES_P99]		= { "p99", "P99", 9 },
	[RATES_FALLBACKS]	= { "fallbacks", "FALLB./s", 9 },
	[RATES_BUSY]		= { "busy", "BUSY", 6 },
};

static const struct argp_option option_table[] = {
	{ "interval", 'i', "SECONDS", 0, "Between two looks; default: 1", 0 },
	{ "sort", 's', "COLUMN", 0, "cgroup, reason, migrator, copies, folios, bytes (the default), p50, p99, fallbacks or busy", 0 },
	{ "filter", 'f', "TEXT", 0, "Only rows in whose cgroup, reason or migrator it occurs", 0 },
	{ "by", 'g', "LIST", 0, "What has rows of its own: cgroup, reason, migrator, with commas; default: all three", 0 },
	{ "batch", 'b', NULL, 0, "No screen: one table after the other", 0 },
	{ "count", 'n', "N", 0, "So many looks; default: until stopped", 0 },
	{}
};

static int take(int key, char *value, void *data)
{
	struct top *top = data;

	switch (key) {
	case 'i':
		top->interval = value;
		return 0;
	case 's':
		top->sort = value;
		return 0;
	case 'f':
		top->filter_option = value;
		return 0;
	case 'g':
		top->by_option = value;
		return 0;
	case 'b':
		top->batch = true;
		return 0;
	case 'n':
		top->count = value;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static int parse(struct top *top, const char *what)
{
	struct mgx *mgx = top->mgx;
	char *copy, *rest, *word;
	int column, ret = 0;

	top->seconds = 1;
	top->by = BY_ALL;
	top->column = RATES_BYTES;
	if (top->interval && !every_parse_seconds(top->interval, &top->seconds))
		return mgx_fail(mgx, MGX_BAD_VALUE, "give a number of seconds, 0.001 or more",
				"%s: --interval %s: no such time", what, top->interval);
	if (top->count && !every_parse_count(top->count, &top->max))
		return mgx_fail(mgx, MGX_BAD_VALUE, "give a number above 0",
				"%s: --count %s: no such number", what, top->count);
	if (top->sort) {
		for (column = 0; column < RATES_NR_COLUMNS; column++)
			if (!strcmp(top->sort, table[column].name))
				break;
		if (column == RATES_NR_COLUMNS)
			return mgx_fail(mgx, MGX_BAD_VALUE, "see `mgx top --help`",
					"%s: --sort %s: there is no such column", what, top->sort);
		top->column = column;
	}
	if (top->filter_option && strlen(top->filter_option) >= FILTER_LEN)
		return mgx_fail(mgx, MGX_BAD_VALUE, "give at most 63 characters",
				"%s: --filter: it is too long", what);
	if (top->filter_option)
		strcpy(top->filter, top->filter_option);
	if (!top->by_option)
		return 0;
	top->by = 0;
	copy = rest = mgx_strdup(top->by_option);
	while (!ret && (word = strsep(&rest, ","))) {
		if (!strcmp(word, "cgroup"))
			top->by |= BY_CGROUP;
		else if (!strcmp(word, "reason"))
			top->by |= BY_REASON;
		else if (!strcmp(word, "migrator"))
			top->by |= BY_MIGRATOR;
		else
			ret = mgx_fail(mgx, MGX_BAD_VALUE, "there are: cgroup, reason, migrator",
				       "%s: --by %s: no such thing", what, word);
	}
	free(copy);
	return ret;
}

/* --- one table after the other ---------------------------------------------*/

static void out_rates(struct top *top, const struct rates *rates)
{
	static const struct out_column columns[] = {
		{ "cgroup", "CGROUP" },
		{ "cgroup_id", NULL },
		{ "reason", "REASON" },
		{ "migrator", "MIGRATOR" },
		{ "copies", "COPIES" },
		{ "folios", "FOLIOS" },
		{ "bytes", "SIZE", OUT_BYTES },
		{ "bytes_per_second", "SIZE/s", OUT_BYTES },
		{ "p50_ns", "P50", OUT_NS },
		{ "p99_ns", "P99", OUT_NS },
		{ "offered", NULL },
		{ "fallbacks", "FALLBACKS" },
		{ "busy_ns", NULL },
		{ "busy_per_mille", "BUSY", OUT_PER_MILLE },
	};
	static const struct out_column interval_columns[] = {
		{ "time_ns", NULL }, { "interval_ns", NULL }, { "lost", NULL },
	};
	struct out *out = top->mgx->out;
	struct timespec real;
	size_t i;

	if (top->mgx->json) {
		clock_gettime(CLOCK_REALTIME, &real);
		out_record(out, "interval", NULL, interval_columns, MGX_ARRAY_SIZE(interval_columns));
		out_uint(out, real.tv_sec * 1000000000ULL + real.tv_nsec);
		out_uint(out, rates->seconds * 1e9);
		out_uint(out, rates_lost(top->source));
		out_row(out);
		out_end(out);
	}
	out_table(out, "rows", NULL, "nothing was copied ahead, or fell back", columns,
		  MGX_ARRAY_SIZE(columns));
	for (i = 0; i < rates->nr; i++) {
		const struct rates_row *row = &rates->rows[i];

		out_str(out, row->cgroup);
		if (row->cgroup)
			out_uint(out, row->key.cgroup_id);
		else
			out_none(out);
		out_str(out, row->reason);
		out_str(out, row->migrator);
		out_uint(out, row->sum.groups);
		out_uint(out, row->sum.folios);
		out_uint(out, row->sum.bytes);
		out_uint(out, row->bytes);
		if (row->sum.groups) {
			out_uint(out, row->p50_ns);
			out_uint(out, row->p99_ns);
		} else {
			out_none(out);
			out_none(out);
		}
		out_uint(out, row->sum.offered);
		out_uint(out, row->sum.fallbacks);
		out_uint(out, row->sum.busy_ns);
		out_uint(out, row->busy * 1000 + 0.5);
		out_row(out);
	}
	out_end(out);
	if (top->mgx->json) {
		out_next(out);
	} else if (rates_lost(top->source)) {
		printf("since the start %llu copies are in no row\n",
		       (unsigned long long)rates_lost(top->source));
	}
}

static void run_batch(struct top *top)
{
	unsigned long done = 0;
	struct rates rates;

	/* The first wait only begins the interval. */
	every_wait(0);
	do {
		every_wait(top->seconds);
		/* What has come by the time that it is stopped is shown as well. */
		rates_take(top->source, top->by, top->filter, &rates);
		rates_sort(&rates, top->column, top->reverse);
		out_rates(top, &rates);
		rates_free(&rates);
	} while (!fflush(stdout) && ++done != top->max && !every_stopped());
}

/* --- the screen ------------------------------------------------------------*/

static char *human_ns(__u64 ns)
{
	if (!ns)
		return mgx_strdup("-");
	return ns < 1000000 ? mgx_printf("%.1f us", ns / 1e3) :
	       ns < 1000000000 ? mgx_printf("%.1f ms", ns / 1e6) : mgx_printf("%.2f s", ns / 1e9);
}

static bool is_shown(const struct top *top, int column)
{
	return column > RATES_MIGRATOR || top->by & 1 << column;
}

/* One cell, to be freed. */
static char *cell(const struct rates_row *row, int column)
{
	switch (column) {
	case RATES_CGROUP:
		return mgx_strdup(row->cgroup ?: "");
	case RATES_REASON:
		return mgx_strdup(row->reason ?: "");
	case RATES_MIGRATOR:
		return mgx_strdup(row->migrator ?: "");
	case RATES_GROUPS:
		return mgx_printf("%.1f", row->groups);
	case RATES_FOLIOS:
		return mgx_printf("%.1f", row->folios);
	case RATES_BYTES:
		return mgx_printf("%.2f", row->bytes / 1048576);
	case RATES_P50:
		return human_ns(row->p50_ns);
	case RATES_P99:
		return human_ns(row->p99_ns);
	case RATES_FALLBACKS:
		return mgx_printf("%.1f", row->fallbacks);
	default:
		return mgx_printf("%.1f%%", row->busy * 100);
	}
}

#define SHORT_NAME	8

/* On a narrow screen names give way to numbers. */
static int width_of(const struct top *top, int column)
{
	int all = 0, lack, width = table[column].width, i;

	for (i = 0; i < RATES_NR_COLUMNS; i++)
		if (is_shown(top, i))
			all += abs(table[i].width) + 1;
	lack = all - COLS;
	if (lack <= 0 || width >= 0)
		return width;
	for (i = 0; i < column; i++)
		if (is_shown(top, i) && table[i].width < 0)
			lack -= -table[i].width - SHORT_NAME;
	if (lack <= 0)
		return width;
	return -width - lack > SHORT_NAME ? width + lack : -SHORT_NAME;
}

static void put_cells(const struct top *top, const struct rates_row *row)
{
	int column, width, len;
	char *text;

	for (column = 0; column < RATES_NR_COLUMNS; column++) {
		if (!is_shown(top, column))
			continue;
		width = width_of(top, column);
		/* What does not fit would be wrapped, and written over by the next row. */
		if (getcurx(stdscr) + abs(width) >= COLS)
			break;
		text = row ? cell(row, column) :
		       mgx_printf("%s%s", table[column].title,
				  column == (int)top->column ? top->reverse ? "^" : "*" : "");
		len = strlen(text);
		/* Of a long path the end tells more than the beginning. */
		if (width < 0 && len > -width)
			printw("<%s ", text + len + width + 1);
		else
			printw("%*s ", width, text);
		free(text);
	}
}

/* Cut where the screen ends. */
static void __attribute__((format(printf, 2, 3))) put_line(int y, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	mvaddnstr(y, 0, text, COLS);
	free(text);
}

static void draw(const struct top *top, const struct rates *rates)
{
	char lost[64] = "";
	char date[16] = "";
	time_t now = time(NULL);
	int y, rows = LINES - 6;
	struct tm tm;
	size_t i;

	if (localtime_r(&now, &tm))
		strftime(date, sizeof(date), "%T", &tm);
	erase();
	put_line(0, "mgx top  %s  every %.3g s  sorted by %s%s%s", date, top->seconds,
		 table[top->column].name, top->reverse ? ", reversed" : "",
		 top->paused ? "  PAUSED" : "");
	if (rates_lost(top->source))
		snprintf(lost, sizeof(lost), "  %llu copies are in no row",
			 (unsigned long long)rates_lost(top->source));
	put_line(1, "total  %.1f copies/s  %.1f folios/s  %.2f MiB/s  %.1f fallbacks/s%s",
		 rates->total.groups, rates->total.folios, rates->total.bytes / 1048576,
		 rates->total.fallbacks, lost);
	if (top->typing)
		put_line(2, "filter: %s_  (Enter: done, Esc: none)", top->filter);
	else if (*top->filter)
		put_line(2, "filter: %s", top->filter);
	move(3, 0);
	attron(A_REVERSE);
	put_cells(top, NULL);
	attroff(A_REVERSE);
	for (i = 0, y = 4; i < rates->nr && (int)i < rows; i++, y++) {
		move(y, 0);
		put_cells(top, &rates->rows[i]);
	}
	if (!rates->nr)
		put_line(4, "nothing was copied ahead, or fell back, in the last interval");
	if ((int)rates->nr > rows)
		put_line(y, "and %d more rows", (int)rates->nr - rows);
	put_line(LINES - 1, "q quit  s sort  r reverse  g group  f filter  p pause  +/- interval");
	refresh();
}

static void type_filter(struct top *top, int key)
{
	size_t len = strlen(top->filter);

	if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		top->typing = false;
	} else if (key == 27) {
		top->typing = false;
		top->filter[0] = '\0';
	} else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && len) {
		top->filter[len - 1] = '\0';
	} else if (key >= 0 && key < 128 && isprint(key) && len + 1 < FILTER_LEN) {
		top->filter[len] = key;
		top->filter[len + 1] = '\0';
	}
}

static void next_column(struct top *top)
{
	do {
		top->column = (top->column + 1) % RATES_NR_COLUMNS;
	} while (!is_shown(top, top->column));
}

static void next_grouping(struct top *top)
{
	static const unsigned int order[] = { BY_ALL, BY_CGROUP, BY_REASON, BY_MIGRATOR };
	size_t i;

	for (i = 0; i < MGX_ARRAY_SIZE(order); i++)
		if (order[i] == top->by)
			break;
	top->by = order[(i + 1) % MGX_ARRAY_SIZE(order)];
	if (!is_shown(top, top->column))
		top->column = RATES_BYTES;
}

/* False: quit. */
static bool handle(struct top *top, int key)
{
	if (top->typing) {
		type_filter(top, key);
		return true;
	}
	switch (key) {
	case 'q':
	case 'Q':
	case 3:
		return false;
	case 's':
		next_column(top);
		break;
	case 'r':
		top->reverse = !top->reverse;
		break;
	case 'g':
		next_grouping(top);
		break;
	case 'f':
	case '/':
		top->typing = true;
		break;
	case 'p':
		top->paused = !top->paused;
		break;
	case '+':
		top->seconds *= 2;
		break;
	case '-':
		if (top->seconds > 0.1)
			top->seconds /= 2;
		break;
	}
	return true;
}

static double seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void run_screen(struct top *top)
{
	unsigned long done = 0;
	struct rates rates = {};
	double next = seconds_now();
	bool go_on = true;
	int key;

	while (go_on && !every_stopped()) {
		rates_sort(&rates, top->column, top->reverse);
		draw(top, &rates);
		timeout(top->paused || next - seconds_now() > 0.1 ? 100 : 10);
		key = getch();
		if (key != ERR) {
			unsigned int by = top->by;
			bool typing = top->typing;

			go_on = handle(top, key);
			/* The rows of another grouping are not known before the next look. */
			if (by != top->by || (typing && !top->typing))
				next = seconds_now();
		}
		if (top->paused || seconds_now() < next)
			continue;
		rates_free(&rates);
		rates_take(top->source, top->by, top->filter, &rates);
		next = seconds_now() + top->seconds;
		if (++done > top->max && top->max)
			break;
	}
	rates_free(&rates);
}

int cmd_top(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot show the top";
	struct top top = { .mgx = mgx };
	SCREEN *screen = NULL;
	int ret;

	ret = options_parse(mgx, argc, argv, option_table, take, &top);
	ret = ret ?: parse(&top, what);
	if (ret)
		return ret;
	top.batch |= mgx->json;
	if (!top.batch && (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)))
		return mgx_fail(mgx, MGX_USAGE, "use --batch, or --json",
				"top: this is no terminal: there is no place for a screen");
	ret = sysfs_require(mgx, what);
	if (ret)
		return ret;
	every_catch_signals();
	top.source = rates_open(mgx, what, &ret);
	if (!top.source)
		return ret;

	if (top.batch) {
		run_batch(&top);
	} else {
		screen = newterm(NULL, stdout, stdin);
		if (!screen) {
			rates_close(top.source);
			return mgx_fail(mgx, MGX_FAILED, "set TERM, or use --batch",
					"%s: TERM=%s: curses does not know this terminal", what,
					getenv("TERM") ?: "");
		}
		cbreak();
		noecho();
		keypad(stdscr, TRUE);
		set_escdelay(50);
		curs_set(0);
		run_screen(&top);
		endwin();
		delscreen(screen);
	}
	rates_close(top.source);
	return 0;
}
