// SPDX-License-Identifier: GPL-2.0
/* What goes between two reads is left out: a directory that has gone has no counters. */
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "error.h"
#include "snapshot.h"

static void take_books(struct books *books, const char *dir)
{
	char *path = mgx_printf("%sbooks", dir);
	char **reasons = sysfs_entries(path);
	size_t i, nr = 0;

	while (reasons[nr])
		nr++;
	books->nr = 0;
	books->books = mgx_alloc(nr * sizeof(*books->books));
	for (i = 0; i < nr; i++) {
		struct book *book = &books->books[books->nr];

		if (!sysfs_counters_read(&book->counters, "%s/%s", path, reasons[i]))
			continue;
		book->reason = mgx_strdup(reasons[i]);
		books->nr++;
	}
	sysfs_entries_free(reasons);
	free(path);
}

static void free_books(struct books *books)
{
	size_t i;

	for (i = 0; i < books->nr; i++) {
		sysfs_counters_free(&books->books[i].counters);
		free(books->books[i].reason);
	}
	free(books->books);
}

static void take_policies(struct snapshot *snapshot)
{
	char **ids = sysfs_entries("policies");
	size_t i, nr = 0;

	while (ids[nr])
		nr++;
	snapshot->policies = mgx_alloc(nr * sizeof(*snapshot->policies));
	for (i = 0; i < nr; i++) {
		struct snapshot_policy *policy = &snapshot->policies[snapshot->nr_policies];
		char *state, *dir;

		policy->name = sysfs_read("policies/%s/name", ids[i]);
		if (!policy->name)
			continue;
		sysfs_counters_read(&policy->events, "policies/%s/events", ids[i]);
		state = sysfs_read("policies/%s/state", ids[i]);
		policy->enabled = state && !strcmp(state, "enabled");
		free(state);
		policy->id = mgx_strdup(ids[i]);
		policy->path = cgroup_path(strtoull(ids[i], NULL, 10));
		dir = mgx_printf("policies/%s/", ids[i]);
		take_books(&policy->books, dir);
		free(dir);
		snapshot->nr_policies++;
	}
	sysfs_entries_free(ids);
}

static void take_migrators(struct snapshot *snapshot)
{
	char **names = sysfs_entries("migrators");
	size_t i, nr = 0;

	while (names[nr])
		nr++;
	snapshot->nr_migrators = nr;
	snapshot->migrators = mgx_alloc(nr * sizeof(*snapshot->migrators));
	for (i = 0; i < nr; i++) {
		struct snapshot_migrator *migrator = &snapshot->migrators[i];

		migrator->name = mgx_strdup(names[i]);
		migrator->state = sysfs_read("migrators/%s/state", names[i]);
		sysfs_counters_read(&migrator->events, "migrators/%s/events", names[i]);
	}
	sysfs_entries_free(names);
}

/* The number that begins the last line. */
static __u64 last_incident(void)
{
	char *text = sysfs_read("incidents"), *line;
	__u64 seq = 0;

	if (text) {
		line = strrchr(text, '\n');
		seq = strtoull(line ? line + 1 : text, NULL, 10);
	}
	free(text);
	return seq;
}

void snapshot_take(struct snapshot *snapshot)
{
	char *enabled = sysfs_read("policies_enabled");

	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->policies_enabled = enabled && strcmp(enabled, "0");
	free(enabled);
	snapshot->incidents = last_incident();
	sysfs_counters_read(&snapshot->events, "events");
	take_books(&snapshot->books, "");
	take_policies(snapshot);
	take_migrators(snapshot);
}

void snapshot_free(struct snapshot *snapshot)
{
	size_t i;

	sysfs_counters_free(&snapshot->events);
	free_books(&snapshot->books);
	for (i = 0; i < snapshot->nr_policies; i++) {
		struct snapshot_policy *policy = &snapshot->policies[i];

		sysfs_counters_free(&policy->events);
		free_books(&policy->books);
		free(policy->id);
		free(policy->path);
		free(policy->name);
	}
	free(snapshot->policies);
	for (i = 0; i < snapshot->nr_migrators; i++) {
		sysfs_counters_free(&snapshot->migrators[i].events);
		free(snapshot->migrators[i].name);
		free(snapshot->migrators[i].state);
	}
	free(snapshot->migrators);
}
