// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "case.h"
#include "copy_trace.h"
#include "offload.h"

#define INSTANCE	"/sys/kernel/tracing/instances/copy_trace"

void copy_trace_begin(void)
{
	copy_trace_end();
	REQUIRE(!mkdir(INSTANCE, 0755), INSTANCE ": %m");
	write_file(INSTANCE "/buffer_size_kb", "2048");
	write_file(INSTANCE "/events/migrate/migrate_offload_batch/enable", "1");
	write_file(INSTANCE "/events/migrate/migrate_offload_copy/enable", "1");
	write_file(INSTANCE "/events/migrate/migrate_offload_part/enable", "1");
}

void copy_trace_end(void)
{
	if (rmdir(INSTANCE) && errno != ENOENT)
		REQUIRE(false, INSTANCE ": %m");
}

/* The text of " name=" in an event, or NULL. */
static const char *field(const char *event, const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), " %s=", name);
	at = strstr(event, key);
	return at ? at + strlen(key) : NULL;
}

static bool field_is(const char *event, const char *name, const char *value)
{
	const char *at = field(event, name);

	return at && !strncmp(at, value, strlen(value)) &&
	       (at[strlen(value)] == ' ' || at[strlen(value)] == '\n');
}

static uint64_t number(const char *event, const char *name)
{
	const char *at = field(event, name);

	REQUIRE(at, "no field %s in %s", name, event);
	return strtoull(at, NULL, 0);
}

static void add_batch(struct copy_trace *trace, const char *event)
{
	uint64_t folios = number(event, "folios"), n;
	unsigned int bucket = 0;

	if (!folios)
		return;
	for (n = folios; n > 1 && bucket < COPY_TRACE_BUCKETS - 1; n /= 2)
		bucket++;
	trace->bucket[bucket]++;
	trace->batches++;
	if (folios > trace->most)
		trace->most = folios;
}

static void add_group(struct copy_trace *trace, const char *event, const char *migrator)
{
	uint64_t offered = number(event, "offered"), taken = number(event, "taken");
	uint64_t orders = number(event, "orders");

	trace->groups++;
	trace->offered += offered;
	trace->taken += taken;
	trace->refused += number(event, "refused");
	trace->copied += number(event, "copied");
	trace->consumed += number(event, "consumed");
	trace->orders |= orders;
	if (number(event, "src") < COPY_TRACE_NODES && number(event, "dst") < COPY_TRACE_NODES)
		trace->between[number(event, "src")][number(event, "dst")] +=
			number(event, "consumed");
	if (taken && !field_is(event, "migrator", migrator))
		trace->by_other++;
	if (orders == 1 && offered > trace->longest)
		trace->longest = offered;
}

/* Calls @each for each event of that reason. */
static void for_each_event(const char *reason, void (*each)(void *arg, const char *event),
			   void *arg)
{
	FILE *file = fopen(INSTANCE "/trace", "re");
	uint64_t left, written;
	bool complete = false;
	char line[1024];
	const char *event;

	REQUIRE(file, INSTANCE "/trace: %m");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "# entries-in-buffer/entries-written: %" SCNu64 "/%" SCNu64,
			   &left, &written) == 2)
			complete = left == written;
		event = strstr(line, ": migrate_offload_");
		if (event && field_is(event, "reason", reason))
			each(arg, event);
	}
	fclose(file);
	EXPECT(complete, "the trace is not complete");
}

struct sum {
	struct copy_trace trace;
	const char *migrator;
};

static void add_event(void *arg, const char *event)
{
	struct sum *sum = arg;

	if (strstr(event, ": migrate_offload_batch: "))
		add_batch(&sum->trace, event);
	else if (strstr(event, ": migrate_offload_copy: "))
		add_group(&sum->trace, event, sum->migrator);
}

struct copy_trace copy_trace_read(const char *reason, const char *migrator)
{
	struct sum sum = { .migrator = migrator };

	for_each_event(reason, add_event, &sum);
	return sum.trace;
}

struct parts {
	struct copy_trace_part *parts;
	unsigned int nr, most;
};

static void add_part(void *arg, const char *event)
{
	struct parts *all = arg;
	struct copy_trace_part *part = &all->parts[all->nr];
	const char *name;

	if (!strstr(event, ": migrate_offload_part: "))
		return;
	if (all->nr++ >= all->most)
		return;
	name = field(event, "migrator");
	REQUIRE(name, "no field migrator in %s", event);
	snprintf(part->migrator, sizeof(part->migrator), "%.*s", (int)strcspn(name, " \n"), name);
	part->copied = number(event, "copied");
	part->begin_ns = number(event, "begin_ns");
	part->ns = number(event, "ns");
}

unsigned int copy_trace_parts(const char *reason, struct copy_trace_part *parts,
			      unsigned int most)
{
	struct parts all = { .parts = parts, .most = most };

	for_each_event(reason, add_part, &all);
	return all.nr;
}

void copy_trace_print(const char *what, const struct copy_trace *trace)
{
	char text[256] = "";
	size_t used = 0;
	int i;

	for (i = 0; i < COPY_TRACE_BUCKETS; i++)
		if (trace->bucket[i])
			used += snprintf(text + used, sizeof(text) - used, " %d%s:%" PRIu64,
					 1 << i, i ? "+" : "", trace->bucket[i]);
	case_note("%s: %" PRIu64 " folios offered, %" PRIu64 " copied ahead; batches by length:%s",
		  what, trace->offered, trace->consumed, used ? text : " none");
}
