// SPDX-License-Identifier: GPL-2.0
/* Output: tables through libsmartcols, JSON through json-c. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <libsmartcols.h>

#include "error.h"
#include "out.h"
#include "text.h"

struct out {
	const struct mgx *mgx;	/* options may be read after this was made */
	bool begun;		/* something was printed */
	bool ended;

	/* the current section */
	const struct out_column *columns;
	size_t nr_columns;
	size_t cell;
	size_t rows;
	__u64 filled;		/* which text columns have something in them */
	bool record;
	const char *title;
	const char *empty;
	struct json_object *row;
	struct libscols_table *table;
	struct libscols_line *line;
};

struct out *out_new(const struct mgx *mgx)
{
	struct out *out = mgx_alloc(sizeof(*out));

	out->mgx = mgx;
	return out;
}

static void newline(struct out *out, int depth)
{
	if (out->mgx->pretty)
		printf("\n%*s", depth * 2, "");
}

/* A complete value; json-c indents from column 0, so move it to its place. */
static void print_json(struct out *out, struct json_object *value, int depth)
{
	const char *str = json_object_to_json_string_ext(value,
		JSON_C_TO_STRING_NOSLASHESCAPE |
		(out->mgx->pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED :
			       JSON_C_TO_STRING_PLAIN));

	for (; *str; str++) {
		putchar(*str);
		if (*str == '\n')
			printf("%*s", depth * 2, "");
	}
}

static void print_key(struct out *out, const char *key)
{
	printf(out->mgx->pretty ? "\"%s\": " : "\"%s\":", key);
}

/* The next member of the document. */
static void begin_member(struct out *out, const char *key)
{
	if (!out->begun) {
		putchar('{');
		newline(out, 1);
		print_key(out, "schema");
		printf("%d", OUT_SCHEMA);
		out->begun = true;
	}
	putchar(',');
	newline(out, 1);
	print_key(out, key);
}

static void end_document(struct out *out)
{
	if (out->mgx->json && out->begun) {
		newline(out, 0);
		fputs("}\n", stdout);
	}
	out->ended = true;
	fflush(stdout);
}

void out_next(struct out *out)
{
	assert(!out->columns);
	end_document(out);
	out->begun = false;
	out->ended = false;
}

void out_free(struct out *out)
{
	if (!out->ended)
		end_document(out);
	free(out);
}

static void begin_section(struct out *out, const char *key, const char *title,
			  const struct out_column *columns, size_t nr_columns)
{
	assert(!out->columns);
	out->columns = columns;
	out->nr_columns = nr_columns;
	out->cell = 0;
	out->rows = 0;
	out->filled = 0;
	out->title = title;

	if (out->mgx->json)
		begin_member(out, key);
}

static struct libscols_table *new_table(void)
{
	struct libscols_table *table = scols_new_table();

	if (!table) {
		fputs("mgx: out of memory\n", stderr);
		exit(MGX_FAILED);
	}
	return table;
}

void out_table(struct out *out, const char *key, const char *title,
	       const char *empty, const struct out_column *columns,
	       size_t nr_columns)
{
	size_t i;

	begin_section(out, key, title, columns, nr_columns);
	out->record = false;
	out->empty = empty;
	if (out->mgx->json) {
		putchar('[');
		return;
	}

	out->table = new_table();
	for (i = 0; i < nr_columns; i++)
		if (columns[i].title)
			scols_table_new_column(out->table, columns[i].title, 0, 0);
}

void out_record(struct out *out, const char *key, const char *title,
		const struct out_column *columns, size_t nr_columns)
{
	begin_section(out, key, title, columns, nr_columns);
	out->record = true;
	out->empty = NULL;
	if (out->mgx->json)
		return;

	out->table = new_table();
	scols_table_enable_noheadings(out->table, 1);
	scols_table_new_column(out->table, "KEY", 0, 0);
	scols_table_new_column(out->table, "VALUE", 0, 0);
}

static void hide_empty(struct out *out)
{
	size_t i, n = 0;

	for (i = 0; i < out->nr_columns; i++) {
		if (!out->columns[i].title)
			continue;
		if (out->columns[i].sparse && !(out->filled & (1ULL << n)))
			scols_column_set_flags(scols_table_get_column(out->table, n), SCOLS_FL_HIDDEN);
		n++;
	}
}

void out_end(struct out *out)
{
	assert(out->columns && !out->cell);
	if (!out->mgx->json && !out->record)
		hide_empty(out);
	out->columns = NULL;

	if (out->mgx->json) {
		if (!out->record) {
			if (out->rows)
				newline(out, 1);
			putchar(']');
		}
		return;
	}

	if (out->rows || out->empty) {
		if (out->begun)
			putchar('\n');
		out->begun = true;
		if (out->title)
			printf("%s:\n", out->title);
		if (out->rows)
			scols_print_table(out->table);
		else
			puts(out->empty);
	}
	scols_unref_table(out->table);
	out->table = NULL;
}

/* The text column that a cell goes to: those for JSON only have none. */
static size_t text_column(const struct out *out)
{
	size_t i, n = 0;

	for (i = 0; i < out->cell; i++)
		n += !!out->columns[i].title;
	return n;
}

/* @text: NULL where there is nothing to say */
static void text_cell(struct out *out, const char *text, bool number)
{
	const struct out_column *column = &out->columns[out->cell];

	if (!column->title || (out->record && column->sparse && !text))
		return;
	if (text)
		out->filled |= 1ULL << text_column(out);
	else
		text = "-";
	if (out->record) {
		out->line = scols_table_new_line(out->table, NULL);
		scols_line_set_data(out->line, 0, column->title);
		scols_line_set_data(out->line, 1, text);
		return;
	}
	if (!out->line)
		out->line = scols_table_new_line(out->table, NULL);
	scols_line_set_data(out->line, text_column(out), text);
	if (number)
		scols_column_set_flags(scols_table_get_column(out->table,
							      text_column(out)),
				       SCOLS_FL_RIGHT);
}

static void json_cell(struct out *out, struct json_object *value)
{
	const struct out_column *column = &out->columns[out->cell];

	if (!column->key) {
		json_object_put(value);
		return;
	}
	if (!out->row)
		out->row = json_object_new_object();
	json_object_object_add(out->row, column->key, value);
}

static struct json_object *json_string(const char *value)
{
	char *text = text_utf8(value);
	struct json_object *object = json_object_new_string(text);

	free(text);
	return object;
}

static const struct out_column *next_cell(struct out *out)
{
	assert(out->columns && out->cell < out->nr_columns);
	return &out->columns[out->cell];
}

void out_str(struct out *out, const char *value)
{
	next_cell(out);
	if (out->mgx->json)
		json_cell(out, value ? json_string(value) : NULL);
	else
		text_cell(out, value && *value ? value : NULL, false);
	out->cell++;
}

void out_none(struct out *out)
{
	out_str(out, NULL);
}

static char *human_bytes(__u64 value)
{
	static const char units[] = "KMGTPE";
	double scaled = value;
	int unit = -1;

	if (value < 1024)
		return mgx_printf("%" PRIu64 " B", (uint64_t)value);
	for (; scaled >= 1024; scaled /= 1024)
		unit++;
	/* What comes out even is shown so: 64 KiB, not 64.0 KiB. */
	return mgx_printf(scaled == (__u64)scaled ? "%.0f %ciB" : "%.1f %ciB",
			  scaled, units[unit]);
}

static char *human_ns(__u64 value)
{
	if (value < 1000)
		return mgx_printf("%" PRIu64 " ns", (uint64_t)value);
	if (value < 1000000)
		return mgx_printf("%.1f us", value / 1e3);
	if (value < 1000000000)
		return mgx_printf("%.1f ms", value / 1e6);
	return mgx_printf("%.2f s", value / 1e9);
}

char *out_ns_text(const struct out *out, __u64 ns)
{
	return out->mgx->raw ? mgx_printf("%" PRIu64, (uint64_t)ns) : human_ns(ns);
}

void out_uint(struct out *out, __u64 value)
{
	const struct out_column *column = next_cell(out);
	char *text;

	if (out->mgx->json) {
		json_cell(out, json_object_new_uint64(value));
		out->cell++;
		return;
	}
	if (column->unit == OUT_BYTES && !out->mgx->raw)
		text = human_bytes(value);
	else if (column->unit == OUT_NS && !out->mgx->raw)
		text = human_ns(value);
	else if (column->unit == OUT_PER_MILLE && !out->mgx->raw)
		text = mgx_printf("%.1f%%", value / 10.0);
	else
		text = mgx_printf("%" PRIu64, (uint64_t)value);
	text_cell(out, text, true);
	free(text);
	out->cell++;
}

void out_int(struct out *out, __s64 value)
{
	char *text;

	next_cell(out);
	if (out->mgx->json) {
		json_cell(out, json_object_new_int64(value));
	} else {
		text = mgx_printf("%" PRId64, (int64_t)value);
		text_cell(out, text, true);
		free(text);
	}
	out->cell++;
}

void out_bool(struct out *out, bool value)
{
	next_cell(out);
	if (out->mgx->json)
		json_cell(out, json_object_new_boolean(value));
	else
		text_cell(out, value ? "yes" : "no", false);
	out->cell++;
}

void out_row(struct out *out)
{
	assert(out->columns && out->cell == out->nr_columns);
	assert(!out->record || !out->rows);

	if (out->mgx->json) {
		if (!out->row)
			out->row = json_object_new_object();
		if (!out->record) {
			if (out->rows)
				putchar(',');
			newline(out, 2);
		}
		print_json(out, out->row, out->record ? 1 : 2);
		json_object_put(out->row);
		out->row = NULL;
	}
	out->line = NULL;
	out->cell = 0;
	out->rows++;
}

/*
 * What has begun is ended properly: a reader finds valid JSON with the member
 * "error" whatever else is in it.
 */
void out_error(struct out *out, const char *message, int code)
{
	struct json_object *str;

	if (!out || !out->mgx->json || out->ended)
		return;

	if (out->columns) {
		json_object_put(out->row);
		out->row = NULL;
		out->cell = 0;
		if (out->record && !out->rows)
			fputs("{}", stdout);
		out_end(out);
	}

	str = json_string(message);
	if (out->begun) {
		begin_member(out, "error");
		print_json(out, str, 1);
		begin_member(out, "exit");
		printf("%d", code);
		end_document(out);
	} else {
		/* As bpftool does: the error and nothing else. */
		putchar('{');
		newline(out, 1);
		print_key(out, "error");
		print_json(out, str, 1);
		putchar(',');
		newline(out, 1);
		print_key(out, "exit");
		printf("%d", code);
		newline(out, 0);
		fputs("}\n", stdout);
		out->ended = true;
		fflush(stdout);
	}
	json_object_put(str);
}
