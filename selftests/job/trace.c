// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "counters.h"
#include "migrators.h"
#include "trace.h"

#define INSTANCE	"/sys/kernel/tracing/instances/migrate_job"
#define BUFFER_KIB	"16384"

static const char * const events[] = {
	"migrate_offload_batch", "migrate_offload_copy", "migrate_offload_fallback",
};

#define NR_EVENTS	((int)(sizeof(events) / sizeof(events[0])))

char trace_error[512];

static bool put(const char *file, const char *text)
{
	char path[256];
	int ret;

	snprintf(path, sizeof(path), INSTANCE "/%s", file);
	ret = file_write(path, text);
	if (ret)
		snprintf(trace_error, sizeof(trace_error), "%s <- %s: %s", path, text,
			 strerror(-ret));
	return !ret;
}

bool trace_begin(void)
{
	char path[128];
	int i;

	if (mkdir(INSTANCE, 0755) && errno != EEXIST) {
		snprintf(trace_error, sizeof(trace_error), INSTANCE ": %s", strerror(errno));
		return false;
	}
	if (!put("tracing_on", "0") || !put("trace", "") || !put("buffer_size_kb", BUFFER_KIB))
		return false;
	for (i = 0; i < NR_EVENTS; i++) {
		snprintf(path, sizeof(path), "events/migrate/%s/enable", events[i]);
		if (!put(path, "1"))
			return false;
	}
	return put("tracing_on", "1");
}

void trace_remove(void)
{
	put("tracing_on", "0");
	put("events/enable", "0");
	rmdir(INSTANCE);
}

/* The value of " KEY=" in the text of an event. */
static bool word(const char *text, const char *key, char *value, size_t size)
{
	char pattern[32];
	const char *at;
	size_t len;

	snprintf(pattern, sizeof(pattern), " %s=", key);
	at = strstr(text, pattern);
	if (!at)
		return false;
	at += strlen(pattern);
	len = strcspn(at, " \n");
	if (len >= size)
		return false;
	memcpy(value, at, len);
	value[len] = '\0';
	return true;
}

static bool number(const char *text, const char *key, uint64_t *value)
{
	char digits[32], *end;

	if (!word(text, key, digits, sizeof(digits)))
		return false;
	*value = strtoull(digits, &end, 0);
	return end != digits && !*end;
}

static bool reason_and_migrator(const char *text, uint32_t *reason, uint32_t *migrator)
{
	char name[32];
	int i, id;

	if (!word(text, "reason", name, sizeof(name)))
		return false;
	i = reason_by_name(name);
	if (i < 0 || !word(text, "migrator", name, sizeof(name)))
		return false;
	id = migrator_id(name);
	if (id < 0)
		return false;
	*reason = i;
	*migrator = id;
	return true;
}

static bool add_copy(struct trace_sums *sums, const char *text)
{
	struct migrate_ext_results sum = { .batches = 1 };
	struct migrate_ext_results_key key = {};
	uint64_t cgroup_id, orders, value;

	if (!reason_and_migrator(text, &key.reason, &key.migrator) ||
	    !number(text, "cgroup", &cgroup_id) || !number(text, "orders", &orders))
		return false;
	key.cgroup_id = cgroup_id;
	key.orders = orders;
#define X(field, name) if (!number(text, #field, &value)) return false; sum.field = value;
	RESULT_FIELDS(X)
#undef X
	return table_add(&sums->copies, &key, &sum);
}

static bool add_fallback(struct trace_sums *sums, const char *text)
{
	const int room = sizeof(sums->fallbacks) / sizeof(sums->fallbacks[0]);
	struct fallback f = {}, *to;

	if (!reason_and_migrator(text, &f.reason, &f.migrator) ||
	    !number(text, "cgroup", &f.cgroup_id) ||
	    !word(text, "cause", f.cause, sizeof(f.cause)) ||
	    !number(text, "folios", &f.folios))
		return false;
	for (to = sums->fallbacks; to < sums->fallbacks + sums->nr_fallbacks; to++)
		if (to->reason == f.reason && to->migrator == f.migrator &&
		    to->cgroup_id == f.cgroup_id && !strcmp(to->cause, f.cause))
			break;
	if (to == sums->fallbacks + room)
		return false;
	if (to == sums->fallbacks + sums->nr_fallbacks) {
		sums->nr_fallbacks++;
		*to = f;
	} else {
		to->folios += f.folios;
	}
	return true;
}

static bool add_event(struct trace_sums *sums, const char *line)
{
	const char *event = strstr(line, ": migrate_offload_");
	const char *text;

	if (!event)
		return false;
	event += strlen(": migrate_offload_");
	text = strchr(event, ':');
	if (!text)
		return false;
	sums->events++;
	text++;
	if (!strncmp(event, "copy:", 5))
		return add_copy(sums, text);
	if (!strncmp(event, "fallback:", 9))
		return add_fallback(sums, text);
	if (strncmp(event, "batch:", 6))
		return false;
	sums->batches++;
	return true;
}

static bool add_all(struct trace_sums *sums, const char *kept)
{
	FILE *file = fopen(INSTANCE "/trace", "re");
	FILE *copy = kept ? fopen(kept, "we") : NULL;
	char line[1024];
	bool ok = file;

	if (!file)
		snprintf(trace_error, sizeof(trace_error), INSTANCE "/trace: %s",
			 strerror(errno));
	while (ok && fgets(line, sizeof(line), file)) {
		if (copy)
			fputs(line, copy);
		if (line[0] == '#' || line[0] == '\n')
			continue;
		ok = add_event(sums, line);
		if (!ok)
			snprintf(trace_error, sizeof(trace_error), "not understood: %.200s",
				 line);
	}
	if (file)
		fclose(file);
	if (copy)
		fclose(copy);
	return ok;
}

/* "name: value" lines, with spaces in the names. */
static uint64_t stat_of(const char *text, const char *name)
{
	const char *at = text;

	while ((at = strstr(at, name)) && at != text && at[-1] != '\n')
		at++;
	return at ? strtoull(at + strlen(name), NULL, 10) : UINT64_MAX;
}

/* Of one CPU's buffer: how many events it has, and that none was lost. */
static bool one_buffer(const char *cpu, uint64_t *entries)
{
	static const char * const losses[] = { "overrun: ", "commit overrun: ", "dropped events: " };
	char path[512], text[1024];
	unsigned int i;

	snprintf(path, sizeof(path), INSTANCE "/per_cpu/%s/stats", cpu);
	if (!file_read(path, text, sizeof(text))) {
		snprintf(trace_error, sizeof(trace_error), "%.200s: %s", path, strerror(errno));
		return false;
	}
	*entries += stat_of(text, "entries: ");
	for (i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		if (!stat_of(text, losses[i]))
			continue;
		snprintf(trace_error, sizeof(trace_error), "%.16s lost events: %s%" PRIu64, cpu,
			 losses[i], stat_of(text, losses[i]));
		return false;
	}
	return true;
}

static bool buffers_complete(uint64_t *entries)
{
	DIR *dir = opendir(INSTANCE "/per_cpu");
	struct dirent *entry;
	bool ok = dir;

	while (ok && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			ok = one_buffer(entry->d_name, entries);
	if (dir)
		closedir(dir);
	return ok;
}

static int compare(const void *a, const void *b)
{
	const struct fallback *x = a, *y = b;

	if (x->reason != y->reason)
		return x->reason < y->reason ? -1 : 1;
	if (x->cgroup_id != y->cgroup_id)
		return x->cgroup_id < y->cgroup_id ? -1 : 1;
	if (x->migrator != y->migrator)
		return x->migrator < y->migrator ? -1 : 1;
	return strcmp(x->cause, y->cause);
}

bool trace_end(struct trace_sums *sums, const char *kept)
{
	uint64_t entries = 0;

	if (!put("tracing_on", "0") || !buffers_complete(&entries) || !add_all(sums, kept))
		return false;
	qsort(sums->fallbacks, sums->nr_fallbacks, sizeof(sums->fallbacks[0]), compare);
	if (entries != sums->events)
		snprintf(trace_error, sizeof(trace_error),
			 "%" PRIu64 " events recorded, %" PRIu64 " read", entries, sums->events);
	return entries == sums->events;
}

uint64_t trace_fallbacks(const struct trace_sums *sums, int reason, uint64_t cgroup_id,
			 const char *cause)
{
	uint64_t folios = 0;
	int i;

	for (i = 0; i < sums->nr_fallbacks; i++) {
		const struct fallback *f = &sums->fallbacks[i];

		if (f->reason == (uint32_t)reason && (!cgroup_id || f->cgroup_id == cgroup_id) &&
		    !strcmp(f->cause, cause))
			folios += f->folios;
	}
	return folios;
}
