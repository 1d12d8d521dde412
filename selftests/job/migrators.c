// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migrators.h"

#define MIGRATORS	OFFLOAD "/migrators"

struct migrator_info migrators[MAX_MIGRATORS];
int nr_migrators;

static bool add(const char *name)
{
	struct migrator_info *m = &migrators[nr_migrators];
	char path[512], text[32];

	if (nr_migrators == MAX_MIGRATORS || strlen(name) >= sizeof(m->name))
		return false;
	snprintf(path, sizeof(path), MIGRATORS "/%s/id", name);
	if (!file_read(path, text, sizeof(text)))
		return false;
	m->id = strtoul(text, NULL, 10);
	memcpy(m->name, name, strlen(name) + 1);
	nr_migrators++;
	return counters_read(&m->before, MIGRATORS "/%s/events", name);
}

bool migrators_begin(void)
{
	DIR *dir = opendir(MIGRATORS);
	struct dirent *entry;
	bool ok = dir;

	nr_migrators = 0;
	while (ok && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			ok = add(entry->d_name);
	if (dir)
		closedir(dir);
	return ok;
}

bool migrators_end(void)
{
	bool ok = true;
	int i;

	for (i = 0; i < nr_migrators; i++) {
		struct migrator_info *m = &migrators[i];

		ok &= counters_read(&m->since, MIGRATORS "/%s/events", m->name);
		counters_since(&m->since, &m->before);
	}
	return ok;
}

const char *migrator_name(uint32_t id)
{
	int i;

	for (i = 0; i < nr_migrators; i++)
		if (migrators[i].id == id)
			return migrators[i].name;
	return id ? "?" : "none";
}

int migrator_id(const char *name)
{
	int i;

	if (!strcmp(name, "none"))
		return 0;
	for (i = 0; i < nr_migrators; i++)
		if (!strcmp(migrators[i].name, name))
			return migrators[i].id;
	return -1;
}
