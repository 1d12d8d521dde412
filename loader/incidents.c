// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "incidents.h"
#include "sysfs.h"

/* "3 1790000000 ejected NAME what happened" */
bool incident_parse(char *line, struct incident *incident)
{
	char *seq = strsep(&line, " "), *when = line ? strsep(&line, " ") : NULL;

	incident->what = line ? strsep(&line, " ") : NULL;
	incident->name = line ? strsep(&line, " ") : NULL;
	incident->text = line;
	incident->seq = strtoull(seq, NULL, 10);
	incident->when = when ? strtoull(when, NULL, 10) : 0;
	return *seq;
}

static void for_each(void (*each)(const struct incident *incident, void *arg), void *arg)
{
	char *text = sysfs_read("incidents"), *rest = text, *line;
	struct incident incident;

	while (text && (line = strsep(&rest, "\n")))
		if (incident_parse(line, &incident))
			each(&incident, arg);
	free(text);
}

static void keep_seq(const struct incident *incident, void *arg)
{
	*(__u64 *)arg = incident->seq;
}

__u64 incidents_last(void)
{
	__u64 seq = 0;

	for_each(keep_seq, &seq);
	return seq;
}

struct wanted {
	__u64 seq;
	const char *name;
	char *place;		/* what its text begins with */
	char *found;
};

static void keep_text(const struct incident *incident, void *arg)
{
	struct wanted *wanted = arg;
	size_t len = strlen(wanted->place);

	if (incident->seq <= wanted->seq || !incident->text || strcmp(incident->what, "ejected") ||
	    strcmp(incident->name, wanted->name) || strncmp(incident->text, wanted->place, len))
		return;
	free(wanted->found);
	wanted->found = mgx_strdup(incident->text + len);
}

char *incidents_ejected(__u64 seq, const char *name, __u64 cgroup_id)
{
	struct wanted wanted = {
		.seq = seq,
		.name = name,
		.place = mgx_printf("cgroup %llu: ", (unsigned long long)cgroup_id),
	};

	for_each(keep_text, &wanted);
	free(wanted.place);
	return wanted.found;
}
