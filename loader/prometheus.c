// SPDX-License-Identifier: GPL-2.0
/*
 * Names follow the rules of Prometheus: _total for what only grows, base units
 * (bytes, seconds), one family after the other. Labels tell apart what would be
 * added up.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/capability.h>

#include "error.h"
#include "kernel.h"
#include "module.h"
#include "out.h"
#include "policy.h"
#include "prometheus.h"
#include "sections.h"
#include "snapshot.h"
#include "text.h"

/* A family's samples: which counters, and what they are called in its last label. */
enum scale {
	ONE,
	SECONDS,		/* of nanoseconds */
};

struct family {
	const char *name;
	const char *help;
	const char *label;	/* of the counter */
	enum scale scale;
	const char *counters[24];
};

#define FOLIO_COUNTERS							\
	"offered", "taken", "copied", "consumed", "discarded",		\
	"refused_kind", "refused_policy", "refused_full", "refused_busy",	\
	"refused_poisoned", "refused_no_migrator", "refused_migrator",	\
	"failed_error", "failed_timeout", "failed_lost"

static const struct family machine_families[] = {
	{ "migrate_offload_folios_total", "Folios of batches, by what became of them", "state",
	  ONE, { FOLIO_COUNTERS } },
	{ "migrate_offload_bytes_total", "Size of folios of batches", "state", ONE,
	  { "bytes_taken", "bytes_copied" } },
	{ "migrate_offload_seconds_total", "Time of copies (ns), and of the engines that made them (busy_ns)",
	  "clock", SECONDS, { "ns", "busy_ns" } },
};

static const struct family policy_families[] = {
	{ "migrate_ext_policy_folios_total", "Folios of a policy's cgroup, by what became of them",
	  "state", ONE, { FOLIO_COUNTERS } },
	{ "migrate_ext_policy_bytes_total", "Size of folios of a policy's cgroup", "state", ONE,
	  { "bytes_taken", "bytes_copied" } },
	{ "migrate_ext_policy_seconds_total", "Time of copies (ns), and of the engines that made them (busy_ns)",
	  "clock", SECONDS, { "ns", "busy_ns" } },
};

static const struct family event_families[] = {
	{ "migrate_ext_policy_events_total", "What a policy answered, and what became of it", "event",
	  ONE, { "batch_pages_none", "batch_pages_set", "eligible_none", "eligible_batch",
		 "eligible_single", "select_none", "select_cpu", "select_migrator",
		 "select_gone", "clamped", "nonsense", "done", "updates", "ejections" } },
};

static const struct family migrator_families[] = {
	{ "migrate_offload_migrator_events_total", "Jobs and folios of a migrator", "event", ONE,
	  { "jobs", "jobs_refused", "folios", "refused", "failed", "timed_out", "lost",
	    "quarantines" } },
	{ "migrate_offload_migrator_bytes_total", "Bytes copied by a migrator", NULL, ONE,
	  { "bytes" } },
	{ "migrate_offload_migrator_busy_seconds_total", "Time that a migrator's engines were busy",
	  NULL, SECONDS, { "busy_ns" } },
};

static const struct family batch_family = {
	"migrate_offload_batches_total", "Batches offered, and those that took the old path", "event",
	ONE, { "batches", "batches_small", "batches_no_memory", "groups_full" },
};

static void head(FILE *file, const char *name, const char *type, const char *help)
{
	fprintf(file, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The value of a label, as it has to be written. */
static void put_escaped(FILE *file, const char *label)
{
	char *text = text_utf8(label), *value;

	for (value = text; *value; value++) {
		if (*value == '\n') {
			fputs("\\n", file);
			continue;
		}
		if (*value == '\\' || *value == '"')
			fputc('\\', file);
		fputc(*value, file);
	}
	free(text);
}

static const char *comma(const char *at)
{
	return *at ? "," : "";
}

/* @labels: those of the object, with "name=" and the value quoted by the caller. */
static void put_counters(FILE *file, const struct family *family, const char *labels,
			 const struct sysfs_counters *counters)
{
	const char * const *name;
	__u64 value;

	for (name = family->counters; *name; name++) {
		if (!sysfs_counter(counters, *name, &value))
			continue;
		fprintf(file, "%s{%s", family->name, labels);
		if (family->label)
			fprintf(file, "%s%s=\"%s\"", comma(labels), family->label, *name);
		if (family->scale == SECONDS)
			fprintf(file, "} %llu.%09llu\n", (unsigned long long)value / 1000000000,
				(unsigned long long)value % 1000000000);
		else
			fprintf(file, "} %llu\n", (unsigned long long)value);
	}
}

static char *label(const char *before, const char *name, const char *value)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		abort();
	fprintf(file, "%s%s%s=\"", before, comma(before), name);
	put_escaped(file, value);
	fputc('"', file);
	fclose(file);
	return text;
}

static void put_books(FILE *file, const struct family *family, const char *labels,
		      const struct books *books)
{
	size_t i;

	for (i = 0; i < books->nr; i++) {
		char *all = label(labels, "reason", books->books[i].reason);

		put_counters(file, family, all, &books->books[i].counters);
		free(all);
	}
}

/* An id tells two lives of a cgroup apart, the path says which it is. */
static char *labels_of(const char *cgroup_id, const char *cgroup_path, const char *policy)
{
	char *id = label("", "cgroup_id", cgroup_id);
	char *path = label(id, "cgroup", cgroup_path ?: "");
	char *all = label(path, "policy", policy);

	free(path);
	free(id);
	return all;
}

static char *policy_labels(const struct snapshot_policy *policy)
{
	return labels_of(policy->id, policy->path, policy->name);
}

static void put_section(FILE *file, const struct policy *policy,
			const struct policy_section *section)
{
	char *id = mgx_printf("%llu", (unsigned long long)policy->cgroup_id);
	char *labels = labels_of(id, policy->cgroup_path, policy->name);
	size_t i;

	for (i = 0; i < section->vars.nr; i++) {
		const struct knob *counter = &section->vars.knobs[i];

		fprintf(file, "migrate_ext_policy_counter_total{%s,counter=\"%s\"} %llu\n", labels,
			counter->name, (unsigned long long)knob_load_uint(section->base, counter));
	}
	free(labels);
	free(id);
}

/* Is it what the cgroup has? Twice the same labels, and no metric of the file is taken. */
static bool is_attached(const struct policy *policy)
{
	char *map_id = sysfs_read("policies/%llu/map_id", (unsigned long long)policy->cgroup_id);
	bool is = policy->map_id && map_id && strtoul(map_id, NULL, 10) == policy->map_id;

	free(map_id);
	return is;
}

/* What policies count themselves, for those who may read their memory. */
static void put_own_counters(FILE *file, struct mgx *mgx, const struct snapshot *snapshot)
{
	struct policies policies = {};
	struct policy_section section;
	char **outer = mgx->caught, *said = NULL;
	size_t i;

	head(file, "migrate_ext_policy_counter_total", "counter",
	     "What a policy counts itself; see its source");
	if (!snapshot->nr_policies || !kernel_have_cap(CAP_SYS_ADMIN) || kernel_ops_type(mgx) < 0)
		return;
	/* All else is worth writing without them. */
	mgx->caught = &said;
	if (!policies_read(mgx, "", &policies)) {
		for (i = 0; i < policies.nr; i++) {
			const struct policy *policy = &policies.policies[i];

			if (!is_attached(policy) ||
			    policy_section_open(policy, COUNTERS_SECTION, &section))
				continue;
			put_section(file, policy, &section);
			policy_section_close(&section);
		}
	}
	mgx->caught = outer;
	free(said);
	policies_free(&policies);
}

static void put_policies(FILE *file, struct mgx *mgx, const struct snapshot *snapshot)
{
	size_t f, i;

	for (f = 0; f < MGX_ARRAY_SIZE(policy_families); f++) {
		head(file, policy_families[f].name, "counter", policy_families[f].help);
		for (i = 0; i < snapshot->nr_policies; i++) {
			char *labels = policy_labels(&snapshot->policies[i]);

			put_books(file, &policy_families[f], labels, &snapshot->policies[i].books);
			free(labels);
		}
	}
	for (f = 0; f < MGX_ARRAY_SIZE(event_families); f++) {
		head(file, event_families[f].name, "counter", event_families[f].help);
		for (i = 0; i < snapshot->nr_policies; i++) {
			char *labels = policy_labels(&snapshot->policies[i]);

			put_counters(file, &event_families[f], labels,
				     &snapshot->policies[i].events);
			free(labels);
		}
	}
	put_own_counters(file, mgx, snapshot);
	head(file, "migrate_ext_policy_enabled", "gauge", "1: asked; 0: ejected");
	for (i = 0; i < snapshot->nr_policies; i++) {
		char *labels = policy_labels(&snapshot->policies[i]);

		fprintf(file, "migrate_ext_policy_enabled{%s} %d\n", labels,
			snapshot->policies[i].enabled);
		free(labels);
	}
}

/* What the modules that migrators come from say of themselves: see status of dcbm. */
static const struct module_family {
	const char *name;
	const char *type;
	const char *help;
	const char *counter;
	const char *label;	/* of what follows in the counter's name; NULL: nothing may */
} module_families[] = {
	{ "migrate_offload_migrator_channels", "gauge",
	  "Channels of a migrator, by the state that they are in", "channels_", "state" },
	{ "migrate_offload_migrator_folios_buried", "gauge",
	  "Folios that are kept because an engine may still access them", "folios_buried", NULL },
	{ "migrate_offload_migrator_mismatches_total", "counter",
	  "Parts of folios that an engine called copied and that were not (verify=Y)",
	  "mismatches", NULL },
};

static void put_module(FILE *file, const struct module_family *family, const char *migrator,
		       const struct sysfs_counters *status)
{
	size_t i, len = strlen(family->counter);

	for (i = 0; i < status->nr; i++) {
		const struct sysfs_counter *counter = &status->counters[i];
		char *labels, *all;

		if (family->label ? strncmp(counter->name, family->counter, len) :
				    strcmp(counter->name, family->counter))
			continue;
		labels = label("", "migrator", migrator);
		all = family->label ? label(labels, family->label, counter->name + len) :
				      mgx_strdup(labels);
		fprintf(file, "%s{%s} %llu\n", family->name, all,
			(unsigned long long)counter->value);
		free(all);
		free(labels);
	}
}

static void put_modules(FILE *file, const struct snapshot *snapshot)
{
	struct sysfs_counters *modules = mgx_alloc(snapshot->nr_migrators * sizeof(*modules));
	size_t f, i;

	for (i = 0; i < snapshot->nr_migrators; i++)
		sysfs_counters_parse(&modules[i], module_get(snapshot->migrators[i].name, "status"));
	for (f = 0; f < MGX_ARRAY_SIZE(module_families); f++) {
		const struct module_family *family = &module_families[f];

		head(file, family->name, family->type, family->help);
		for (i = 0; i < snapshot->nr_migrators; i++)
			put_module(file, family, snapshot->migrators[i].name, &modules[i]);
	}
	for (i = 0; i < snapshot->nr_migrators; i++)
		sysfs_counters_free(&modules[i]);
	free(modules);
}

static void put_migrators(FILE *file, const struct snapshot *snapshot)
{
	static const char * const states[] = { "registered", "quarantined", "gone" };
	size_t f, i, s;

	for (f = 0; f < MGX_ARRAY_SIZE(migrator_families); f++) {
		head(file, migrator_families[f].name, "counter", migrator_families[f].help);
		for (i = 0; i < snapshot->nr_migrators; i++) {
			char *labels = label("", "migrator", snapshot->migrators[i].name);

			put_counters(file, &migrator_families[f], labels,
				     &snapshot->migrators[i].events);
			free(labels);
		}
	}
	head(file, "migrate_offload_migrator_state", "gauge", "1 for the state that a migrator is in");
	for (i = 0; i < snapshot->nr_migrators; i++) {
		const char *state = snapshot->migrators[i].state ?: "";
		char *labels = label("", "migrator", snapshot->migrators[i].name);

		for (s = 0; s < MGX_ARRAY_SIZE(states); s++)
			fprintf(file, "migrate_offload_migrator_state{%s,state=\"%s\"} %d\n", labels,
				states[s], !strcmp(state, states[s]));
		free(labels);
	}
}

static void put_all(FILE *file, struct mgx *mgx, const struct snapshot *snapshot)
{
	size_t f;

	head(file, "mgx_info", "gauge", "The schema of these metrics grows when one changes its meaning");
	fprintf(file, "mgx_info{schema=\"%d\",version=\"%s\"} 1\n", OUT_SCHEMA, MGX_VERSION);
	head(file, "migrate_ext_policies_enabled", "gauge", "The admin's switch for all policies");
	fprintf(file, "migrate_ext_policies_enabled %d\n", snapshot->policies_enabled);
	head(file, "migrate_offload_incidents_total", "counter", "Ejections and quarantines since boot");
	fprintf(file, "migrate_offload_incidents_total %llu\n",
		(unsigned long long)snapshot->incidents);
	head(file, batch_family.name, "counter", batch_family.help);
	put_counters(file, &batch_family, "", &snapshot->events);
	for (f = 0; f < MGX_ARRAY_SIZE(machine_families); f++) {
		head(file, machine_families[f].name, "counter", machine_families[f].help);
		put_books(file, &machine_families[f], "", &snapshot->books);
	}
	put_migrators(file, snapshot);
	put_modules(file, snapshot);
	put_policies(file, mgx, snapshot);
}

static bool write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t n = write(fd, text, size);

		if (n < 0)
			return false;
		text += n;
		size -= n;
	}
	return true;
}

int prometheus_write(struct mgx *mgx, const char *path, const struct snapshot *snapshot)
{
	/* An exporter reads *.prom: this is none, wherever it is killed. */
	char *temporary = mgx_printf("%s.XXXXXX", path), *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	int fd, err = 0;

	if (!file)
		abort();
	put_all(file, mgx, snapshot);
	if (fclose(file))
		abort();

	fd = mkstemp(temporary);
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	if (!write_all(fd, text, size) || fchmod(fd, 0644))
		err = -errno;
	/* Some file systems say only now that there was no room. */
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(temporary, path))
		err = -errno;
	if (err)
		unlink(temporary);
out:
	free(text);
	free(temporary);
	return err;
}
