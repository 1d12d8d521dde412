// SPDX-License-Identifier: GPL-2.0
/* The kernel's side, section by section, for mgx status, migrator and dump. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cgroup.h"
#include "cgroup_counters.h"
#include "error.h"
#include "incidents.h"
#include "module.h"
#include "out.h"
#include "policy.h"
#include "sections.h"
#include "sysfs.h"

/* The counters of a book, in the order of their column; see the ABI document. */
#define BOOK_FIRST_COUNTER	3
static const struct out_column book_columns[] = {
	{ "cgroup_id", NULL },
	{ "policy", "BOOKS OF" },
	{ "reason", "REASON" },
	{ "offered", "OFFERED" },
	{ "taken", "TAKEN" },
	{ "copied", "COPIED" },
	{ "consumed", "CONSUMED" },
	{ "discarded", "DISCARDED" },
	{ "failed", "FAILED" },
	{ "refused", "REFUSED" },
	{ "bytes_copied", "SIZE", OUT_BYTES },
	{ "ns", "TIME", OUT_NS },
	{ "busy_ns", "BUSY", OUT_NS },
	{ "refused_kind", NULL },
	{ "refused_policy", NULL },
	{ "refused_full", NULL },
	{ "refused_busy", NULL },
	{ "refused_poisoned", NULL },
	{ "refused_no_migrator", NULL },
	{ "refused_migrator", NULL },
	{ "failed_error", NULL },
	{ "failed_timeout", NULL },
	{ "failed_lost", NULL },
	{ NULL, "CAUSES" },	/* those that are not zero, for people */
};

#define NR_MIGRATOR_EVENTS	10
static const struct out_column migrator_columns[] = {
	{ "name", "MIGRATOR" },
	{ "id", "ID" },
	{ "state", "STATE" },
	{ "jobs", "JOBS" },
	{ "jobs_refused", "REFUSED" },
	{ "folios", "FOLIOS" },
	{ "bytes", "SIZE", OUT_BYTES },
	{ "refused", "FOLIOS REFUSED" },
	{ "failed", "FAILED" },
	{ "timed_out", "TIMED OUT" },
	{ "lost", "LOST" },
	{ "busy_ns", "BUSY", OUT_NS },
	{ "quarantines", "QUARANTINES" },
	{ "error_limit", NULL },
	{ "cost_page", NULL },
	{ "cost_small", NULL },
	{ "cost_large", NULL },
	{ "cost_pmd", NULL },
	{ NULL, "TIME FOR 1 MiB" },
};

static const struct out_column attachment_columns[] = {
	{ "cgroup_id", "CGROUP" },
	{ "cgroup_path", "PATH" },
	{ "name", "POLICY" },
	{ "map_id", "MAP" },
	{ "state", NULL },
	{ NULL, "STATE" },
	{ "eligible_batch", "BATCH" },
	{ "eligible_single", "SINGLE" },
	{ "eligible_none", "NO OPINION" },
	{ "select_migrator", "ENGINE" },
	{ "select_cpu", "CPU" },
	{ "select_none", "NO CHOICE" },
	{ "select_gone", "GONE" },
	{ "nonsense", "NONSENSE" },
	{ "done", "DONE" },
	{ "updates", "UPDATES" },
	{ "batch_pages_set", "BATCH PAGES" },
	{ "batch_pages_none", NULL },
	{ "clamped", "CLAMPED" },
	{ "ejections", "EJECTED" },
	{ NULL, "WHY", .sparse = true },
};
#define ATTACHMENT_FIRST_COUNTER	6

/* Cells from `name value` lines; a kernel that lacks one has no answer. */
static void out_counters(struct mgx *mgx, const struct sysfs_counters *counters,
			 const struct out_column *columns, size_t nr)
{
	__u64 value;
	size_t i;

	for (i = 0; i < nr; i++) {
		if (columns[i].key && sysfs_counter(counters, columns[i].key, &value))
			out_uint(mgx->out, value);
		else
			out_none(mgx->out);
	}
}

static __u64 to_uint(const char *text)
{
	return text ? strtoull(text, NULL, 10) : 0;
}

/* ns for 1 MiB, by folio size; for people those that have been measured. */
static void out_costs(struct mgx *mgx, const struct sysfs_counters *cost)
{
	static const char * const classes[] = { "page", "small", "large", "pmd" };
	char *text = mgx_strdup(""), *longer, *time;
	__u64 value;
	size_t i;

	for (i = 0; i < MGX_ARRAY_SIZE(classes); i++) {
		if (!sysfs_counter(cost, classes[i], &value)) {
			out_none(mgx->out);
			continue;
		}
		out_uint(mgx->out, value);
		if (!value)
			continue;
		time = out_ns_text(mgx->out, value);
		longer = mgx_printf("%s%s%s %s", text, *text ? ", " : "", classes[i], time);
		free(time);
		free(text);
		text = longer;
	}
	out_str(mgx->out, text);
	free(text);
}

void show_switches(struct mgx *mgx)
{
	static const struct out_column columns[] = {
		{ "default_migrator", "default_migrator" },
		{ "reason_mask", "reason_mask" },
		{ "min_bytes", "min_bytes", OUT_BYTES },
		{ "batch_pages", "batch_pages" },
		{ "policies_enabled", "policies_enabled" },
		{ "enable_seq", "enable_seq" },
		{ "batches", "batches" },
		{ "batches_small", "batches_small" },
		{ "batches_no_memory", "batches_no_memory" },
		{ "groups_full", "groups_full" },
	};
	struct sysfs_counters events;
	size_t i;

	out_record(mgx->out, "switches", NULL, columns, MGX_ARRAY_SIZE(columns));
	for (i = 0; i < 6; i++) {
		char *text = sysfs_read("%s", columns[i].key);

		if (text && i >= 2)
			out_uint(mgx->out, to_uint(text));
		else
			out_str(mgx->out, text);
		free(text);
	}
	sysfs_counters_read(&events, "events");
	out_counters(mgx, &events, columns + 6, MGX_ARRAY_SIZE(columns) - 6);
	sysfs_counters_free(&events);
	out_row(mgx->out);
	out_end(mgx->out);
}

void show_migrators(struct mgx *mgx, const char *only)
{
	char **names = sysfs_entries("migrators"), **name;

	out_table(mgx->out, "migrators", NULL, "no migrator was ever registered",
		  migrator_columns, MGX_ARRAY_SIZE(migrator_columns));
	for (name = names; *name; name++) {
		char *id, *state, *error_limit;
		struct sysfs_counters events, cost;

		if (only && strcmp(only, *name))
			continue;
		id = sysfs_read("migrators/%s/id", *name);
		state = sysfs_read("migrators/%s/state", *name);
		error_limit = sysfs_read("migrators/%s/error_limit", *name);
		sysfs_counters_read(&events, "migrators/%s/events", *name);
		sysfs_counters_read(&cost, "migrators/%s/cost", *name);
		out_str(mgx->out, *name);
		out_uint(mgx->out, to_uint(id));
		out_str(mgx->out, state);
		out_counters(mgx, &events, migrator_columns + 3, NR_MIGRATOR_EVENTS);
		if (error_limit)
			out_uint(mgx->out, to_uint(error_limit));
		else
			out_none(mgx->out);
		out_costs(mgx, &cost);
		out_row(mgx->out);
		sysfs_counters_free(&cost);
		sysfs_counters_free(&events);
		free(error_limit);
		free(state);
		free(id);
	}
	out_end(mgx->out);
	sysfs_entries_free(names);
}

static enum out_unit unit_of(const char *name)
{
	size_t len = strlen(name);

	if (!strcmp(name, "bytes"))
		return OUT_BYTES;
	return len > 3 && !strcmp(name + len - 3, "_ns") ? OUT_NS : OUT_PLAIN;
}

/* What stands in a file of lines of words, the first of which names the columns. */
static void show_words(struct mgx *mgx, const char *key, const char *title,
		       const char *empty, char *text)
{
	struct out_column columns[32] = {};
	char names[32][64], titles[32][64];
	char *line, *rest = text, *word;
	size_t nr = 0, i, c, len;

	line = strsep(&rest, "\n");
	while (line && nr < MGX_ARRAY_SIZE(columns) && (word = strsep(&line, " "))) {
		if (!*word)
			continue;
		snprintf(names[nr], sizeof(names[nr]), "%s", word);
		columns[nr].key = names[nr];
		columns[nr].title = titles[nr];
		columns[nr].unit = unit_of(names[nr]);
		/* What a person sees says its unit itself. */
		len = strlen(names[nr]) - (columns[nr].unit == OUT_NS && !mgx->raw ? strlen("_ns") : 0);
		for (c = 0; c < len; c++)
			titles[nr][c] = names[nr][c] == '_' ? ' ' : toupper((unsigned char)names[nr][c]);
		titles[nr][c] = '\0';
		nr++;
	}
	if (!nr)
		return;
	out_table(mgx->out, key, title, empty, columns, nr);
	while ((line = strsep(&rest, "\n"))) {
		if (!*line)
			continue;
		for (i = 0; i < nr; i++) {
			word = line ? strsep(&line, " ") : NULL;
			if (word && *word && !word[strspn(word, "0123456789")])
				out_uint(mgx->out, to_uint(word));
			else if (word && *word == '-' && word[1] && !word[1 + strspn(word + 1, "0123456789")])
				out_int(mgx->out, strtoll(word, NULL, 10));
			else
				out_str(mgx->out, word);
		}
		out_row(mgx->out);
	}
	out_end(mgx->out);
}

void show_channels(struct mgx *mgx)
{
	char *text = sysfs_read_path("/sys/kernel/debug/dcbm/channels");

	/* For root, with debugfs, and with dcbm. */
	if (text)
		show_words(mgx, "channels", "Channels of dcbm", "dcbm has no channels: it is off",
			   text);
	free(text);
}

bool show_dmabench(struct mgx *mgx)
{
	char *text = sysfs_read_path("/sys/kernel/debug/dmabench/results");
	bool there = text;

	if (text)
		show_words(mgx, "dmabench", "What the module dmabench has measured last", "it has measured nothing",
			   text);
	free(text);
	return there;
}

void show_parameters(struct mgx *mgx)
{
	static const struct out_column columns[] = {
		{ "module", "MODULE" },
		{ "parameter", "PARAMETER" },
		{ "value", "VALUE" },
	};
	char **modules = sysfs_entries("migrators"), **module, **files, **file;

	out_table(mgx->out, "parameters", "Parameters of the modules", NULL, columns,
		  MGX_ARRAY_SIZE(columns));
	for (module = modules; *module; module++) {
		files = sysfs_entries_path("/sys/module/%s/parameters", *module);
		for (file = files; *file; file++) {
			char *value = module_get(*module, *file);

			/* Counters are no parameters. */
			if (value && !strchr(value, '\n')) {
				out_str(mgx->out, *module);
				out_str(mgx->out, *file);
				out_str(mgx->out, value);
				out_row(mgx->out);
			}
			free(value);
		}
		sysfs_entries_free(files);
	}
	out_end(mgx->out);
	sysfs_entries_free(modules);
}

void show_module_counters(struct mgx *mgx)
{
	static const struct out_column columns[] = {
		{ "module", "MODULE" },
		{ "counter", "COUNTER" },
		{ "value", "VALUE" },
	};
	char **modules = sysfs_entries("migrators"), **module;
	struct sysfs_counters status;
	size_t i;

	out_table(mgx->out, "module_counters", "Counters of the modules", NULL, columns,
		  MGX_ARRAY_SIZE(columns));
	for (module = modules; *module; module++) {
		if (!sysfs_counters_parse(&status, module_get(*module, "status")))
			continue;
		for (i = 0; i < status.nr; i++) {
			out_str(mgx->out, *module);
			out_str(mgx->out, status.counters[i].name);
			out_uint(mgx->out, status.counters[i].value);
			out_row(mgx->out);
		}
		sysfs_counters_free(&status);
	}
	out_end(mgx->out);
	sysfs_entries_free(modules);
}

void show_incidents(struct mgx *mgx, const char *only, const char *empty)
{
	static const struct out_column columns[] = {
		{ "seq", "NR" },
		{ "time", NULL },
		{ NULL, "WHEN" },
		{ "what", "WHAT" },
		{ "name", "WHO" },
		{ "text", "WHAT HAPPENED" },
	};
	char *text = sysfs_read("incidents"), *rest = text, *line;
	struct incident incident;

	out_table(mgx->out, "incidents", "Ejections and quarantines", empty, columns,
		  MGX_ARRAY_SIZE(columns));
	while (text && (line = strsep(&rest, "\n"))) {
		char date[32] = "";
		time_t seconds;
		struct tm tm;

		if (!incident_parse(line, &incident) ||
		    (only && (!incident.name || strcmp(incident.name, only))))
			continue;
		seconds = incident.when;
		if (localtime_r(&seconds, &tm))
			strftime(date, sizeof(date), "%F %T", &tm);
		out_uint(mgx->out, incident.seq);
		out_uint(mgx->out, incident.when);
		out_str(mgx->out, date);
		out_str(mgx->out, incident.what);
		out_str(mgx->out, incident.name);
		out_str(mgx->out, incident.text);
		out_row(mgx->out);
	}
	out_end(mgx->out);
	free(text);
}

static void show_policy(struct mgx *mgx, const char *id)
{
	char *name = sysfs_read("policies/%s/name", id);
	char *map_id = sysfs_read("policies/%s/map_id", id);
	char *state = sysfs_read("policies/%s/state", id);
	char *path = cgroup_path(to_uint(id));
	char *why = state ? policy_ejected(state) : NULL;
	struct sysfs_counters events;

	sysfs_counters_read(&events, "policies/%s/events", id);
	out_uint(mgx->out, to_uint(id));
	out_str(mgx->out, path);
	out_str(mgx->out, name);
	if (map_id)
		out_uint(mgx->out, to_uint(map_id));
	else
		out_none(mgx->out);
	out_str(mgx->out, state);
	out_str(mgx->out, why ? "ejected" : state);
	out_counters(mgx, &events, attachment_columns + ATTACHMENT_FIRST_COUNTER,
		     MGX_ARRAY_SIZE(attachment_columns) - ATTACHMENT_FIRST_COUNTER - 1);
	out_str(mgx->out, why);
	out_row(mgx->out);
	sysfs_counters_free(&events);
	free(why);
	free(path);
	free(state);
	free(map_id);
	free(name);
}

void show_policies(struct mgx *mgx, char **ids)
{
	char **id;

	out_table(mgx->out, "policies", NULL, "no policy is attached", attachment_columns,
		  MGX_ARRAY_SIZE(attachment_columns));
	for (id = ids; *id; id++)
		show_policy(mgx, *id);
	out_end(mgx->out);
}

/* "busy 3, full 2" */
static char *causes(const struct sysfs_counters *book)
{
	char *text = mgx_strdup(""), *longer;
	size_t i;

	for (i = 0; i < book->nr; i++) {
		const struct sysfs_counter *counter = &book->counters[i];

		if (!counter->value || (strncmp(counter->name, "refused_", 8) &&
					strncmp(counter->name, "failed_", 7)))
			continue;
		longer = mgx_printf("%s%s%s %llu", text, *text ? ", " : "",
				    strchr(counter->name, '_') + 1,
				    (unsigned long long)counter->value);
		free(text);
		text = longer;
	}
	return text;
}

/* For people only what happened; for programs a row for every reason. */
static void show_books_of(struct mgx *mgx, const char *dir, __u64 cgroup_id,
		       const char *policy)
{
	char *path = mgx_printf("%sbooks", dir);
	char **reasons = sysfs_entries(path), **reason;

	for (reason = reasons; *reason; reason++) {
		struct sysfs_counters book;
		__u64 offered = 0;
		char *text;

		if (!sysfs_counters_read(&book, "%s/%s", path, *reason))
			continue;
		sysfs_counter(&book, "offered", &offered);
		if (mgx->json || offered) {
			if (cgroup_id)
				out_uint(mgx->out, cgroup_id);
			else
				out_none(mgx->out);
			out_str(mgx->out, policy);
			out_str(mgx->out, *reason);
			out_counters(mgx, &book, book_columns + BOOK_FIRST_COUNTER,
				     MGX_ARRAY_SIZE(book_columns) - BOOK_FIRST_COUNTER - 1);
			text = causes(&book);
			out_str(mgx->out, text);
			free(text);
			out_row(mgx->out);
		}
		sysfs_counters_free(&book);
	}
	sysfs_entries_free(reasons);
	free(path);
}

void show_books(struct mgx *mgx, char **ids, bool system)
{
	char **id;

	out_table(mgx->out, "books", NULL, "no folio has been in a batch yet",
		  book_columns, MGX_ARRAY_SIZE(book_columns));
	if (system)
		show_books_of(mgx, "", 0, mgx->json ? NULL : "the kernel");
	for (id = ids; *id; id++) {
		char *name = sysfs_read("policies/%s/name", *id);
		char *dir = mgx_printf("policies/%s/", *id);

		show_books_of(mgx, dir, to_uint(*id), name);
		free(dir);
		free(name);
	}
	out_end(mgx->out);
}

struct cgroup_rows {
	struct mgx *mgx;
	const struct policy *policy;
};

static void out_cgroup_counter(const struct cgroup_counter *counter, void *arg)
{
	const struct cgroup_rows *rows = arg;
	struct out *out = rows->mgx->out;
	char *path = counter->cgroup_id ? cgroup_path(counter->cgroup_id) : NULL;
	char *text = !strcmp(counter->unit, "ns") ? out_ns_text(out, counter->value) :
		     mgx_printf("%llu", (unsigned long long)counter->value);

	out_str(out, rows->policy->name);
	out_uint(out, rows->policy->link_id);
	out_str(out, path ? path : counter->cgroup_id ? "(gone)" : "(others)");
	out_uint(out, counter->cgroup_id);
	out_str(out, path);
	out_str(out, counter->name);
	out_str(out, text);
	out_uint(out, counter->value);
	out_str(out, counter->unit);
	out_str(out, counter->help);
	out_row(out);
	free(text);
	free(path);
}

/* The same for each cgroup, where a policy counts that, see CGROUP_COUNTER(). */
static int show_cgroup_counters(struct mgx *mgx, const char *what,
				const struct policies *policies, const char *only)
{
	static const struct out_column columns[] = {
		{ "policy", "POLICY" },
		{ "link_id", NULL },
		{ NULL, "CGROUP" },
		{ "cgroup_id", NULL },
		{ "cgroup_path", NULL },
		{ "counter", "COUNTER" },
		{ NULL, "VALUE" },
		{ "value", NULL },
		{ "unit", NULL },
		{ "help", "HELP" },
	};
	struct cgroup_rows rows = { .mgx = mgx };
	int err = 0;
	size_t i;

	out_table(mgx->out, "cgroup_counters", NULL, NULL, columns, MGX_ARRAY_SIZE(columns));
	for (i = 0; i < policies->nr && !err; i++) {
		rows.policy = &policies->policies[i];
		if (!only || !strcmp(rows.policy->name, only))
			err = cgroup_counters_each(rows.policy, out_cgroup_counter, &rows);
	}
	out_end(mgx->out);
	return !err ? 0 : mgx_fail(mgx, mgx_exit_of(err), "try again, or look with bpftool map",
				   "%s: counters for cgroups of %s: %s", what, rows.policy->name,
				   mgx_why(err));
}

/* Counters that policies keep themselves, see COUNTER() in common.bpf.h. */
int show_own_counters(struct mgx *mgx, const char *what,
		      const struct policies *policies, const char *only)
{
	static const struct out_column columns[] = {
		{ "policy", "POLICY" },
		{ "link_id", NULL },
		{ "counter", "COUNTER" },
		{ "value", "VALUE" },
		{ "help", "HELP" },
	};
	struct policy_section sec;
	size_t i, k;
	int err;

	out_table(mgx->out, "counters", NULL, NULL, columns, MGX_ARRAY_SIZE(columns));
	for (i = 0; i < policies->nr; i++) {
		const struct policy *policy = &policies->policies[i];

		if (only && strcmp(policy->name, only))
			continue;
		err = policy_section_open(policy, COUNTERS_SECTION, &sec);
		if (err) {
			out_end(mgx->out);
			return mgx_fail(mgx, mgx_exit_of(err), NULL,
					"%s: counters of %s: %s", what, policy->name,
					mgx_why(err));
		}
		for (k = 0; k < sec.vars.nr; k++) {
			const struct knob *counter = &sec.vars.knobs[k];

			out_str(mgx->out, policy->name);
			out_uint(mgx->out, policy->link_id);
			out_str(mgx->out, counter->name);
			out_uint(mgx->out, knob_load_uint(sec.base, counter));
			out_str(mgx->out, counter->help);
			out_row(mgx->out);
		}
		policy_section_close(&sec);
	}
	out_end(mgx->out);
	return show_cgroup_counters(mgx, what, policies, only);
}
