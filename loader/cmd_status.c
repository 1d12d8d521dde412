// SPDX-License-Identifier: GPL-2.0
/*
 * mgx status: what the kernel shows in sysfs, which anyone may read, and the
 * policies' own counters for those who may.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/capability.h>

#include "cgroup.h"
#include "error.h"
#include "kernel.h"
#include "options.h"
#include "out.h"
#include "policy.h"
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
};

static const struct out_column policy_columns[] = {
	{ "cgroup_id", "CGROUP" },
	{ "cgroup_path", "PATH" },
	{ "name", "POLICY" },
	{ "map_id", "MAP" },
	{ "state", "STATE" },
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
};

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

static void show_switches(struct mgx *mgx)
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

static void show_migrators(struct mgx *mgx)
{
	char **names = sysfs_entries("migrators"), **name;

	out_table(mgx->out, "migrators", NULL, "no migrator was ever registered",
		  migrator_columns, MGX_ARRAY_SIZE(migrator_columns));
	for (name = names; *name; name++) {
		char *id = sysfs_read("migrators/%s/id", *name);
		char *state = sysfs_read("migrators/%s/state", *name);
		struct sysfs_counters events;

		sysfs_counters_read(&events, "migrators/%s/events", *name);
		out_str(mgx->out, *name);
		out_uint(mgx->out, to_uint(id));
		out_str(mgx->out, state);
		out_counters(mgx, &events, migrator_columns + 3,
			     MGX_ARRAY_SIZE(migrator_columns) - 3);
		out_row(mgx->out);
		sysfs_counters_free(&events);
		free(state);
		free(id);
	}
	out_end(mgx->out);
	sysfs_entries_free(names);
}

static void show_policy(struct mgx *mgx, const char *id)
{
	char *name = sysfs_read("policies/%s/name", id);
	char *map_id = sysfs_read("policies/%s/map_id", id);
	char *state = sysfs_read("policies/%s/state", id);
	char *path = cgroup_path(to_uint(id));
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
	out_counters(mgx, &events, policy_columns + 5, MGX_ARRAY_SIZE(policy_columns) - 5);
	out_row(mgx->out);
	sysfs_counters_free(&events);
	free(path);
	free(state);
	free(map_id);
	free(name);
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
static void show_books(struct mgx *mgx, const char *dir, __u64 cgroup_id,
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

static void show_all_books(struct mgx *mgx, char **ids, bool system)
{
	char **id;

	out_table(mgx->out, "books", NULL, "no folio has been in a batch yet",
		  book_columns, MGX_ARRAY_SIZE(book_columns));
	if (system)
		show_books(mgx, "", 0, mgx->json ? NULL : "the kernel");
	for (id = ids; *id; id++) {
		char *name = sysfs_read("policies/%s/name", *id);
		char *dir = mgx_printf("policies/%s/", *id);

		show_books(mgx, dir, to_uint(*id), name);
		free(dir);
		free(name);
	}
	out_end(mgx->out);
}

/* Counters that policies keep themselves, see COUNTER() in common.bpf.h. */
static int show_own_counters(struct mgx *mgx, const char *what,
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
		if (err)
			return mgx_fail(mgx, mgx_exit_of(err), NULL,
					"%s: counters of %s: %s", what, policy->name,
					mgx_why(err));
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
	return 0;
}

static int take_policy(int key, char *value, void *data)
{
	const char **policy = data;

	if (key != ARGP_KEY_ARG || *policy)
		return ARGP_ERR_UNKNOWN;
	*policy = value;
	return 0;
}

/* Leaves only those attachments whose policy is called so. */
static size_t keep_named(char **ids, const char *name)
{
	size_t kept = 0;
	char **id;

	for (id = ids; *id; id++) {
		char *policy = sysfs_read("policies/%s/name", *id);

		if (policy && !strcmp(policy, name))
			ids[kept++] = *id;
		else
			free(*id);
		free(policy);
	}
	ids[kept] = NULL;
	return kept;
}

int cmd_status(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot show the status";
	struct policies policies = {};
	const char *only = NULL;
	char **ids, **id;
	int ret;

	ret = options_parse(mgx, argc, argv, NULL, take_policy, &only);
	if (ret)
		return ret;
	if (!sysfs_present())
		return mgx_fail(mgx, MGX_NO_FEATURE,
				"boot a kernel with the migrate_ext patches and CONFIG_MIGRATE_OFFLOAD=y",
				"%s: " SYSFS_DIR ": this kernel does not have it", what);

	ids = sysfs_entries("policies");
	if (only && !keep_named(ids, only)) {
		ret = mgx_fail(mgx, MGX_NOT_FOUND, "`mgx status` shows those there are",
			       "%s: policy %s: no policy of this name is attached", what,
			       only);
		goto out;
	}

	if (!only) {
		show_switches(mgx);
		show_migrators(mgx);
	}
	out_table(mgx->out, "policies", NULL, "no policy is attached", policy_columns,
		  MGX_ARRAY_SIZE(policy_columns));
	for (id = ids; *id; id++)
		show_policy(mgx, *id);
	out_end(mgx->out);
	show_all_books(mgx, ids, !only);

	/* Reading a policy's own memory takes privileges; the rest does not. */
	if (*ids && kernel_have_cap(CAP_SYS_ADMIN) && kernel_ops_type(mgx) >= 0) {
		ret = policies_read(mgx, what, &policies);
		if (!ret)
			ret = show_own_counters(mgx, what, &policies, only);
	}
out:
	policies_free(&policies);
	sysfs_entries_free(ids);
	return ret;
}
