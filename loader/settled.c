// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "policy.h"
#include "settled.h"
#include "targets.h"

struct entry {
	__u64 cgroup_id;
	__u32 map_id;		/* that of an instance, and of no other one since boot */
	const struct config_policy *wanted;
	void *knobs;
	size_t size;
};

struct refused {
	char *parameter;
	int err;
};

struct settled {
	struct entry *entries;
	size_t nr;
	struct refused *refused;
	size_t nr_refused;
};

struct settled *settled_new(void)
{
	return mgx_alloc(sizeof(struct settled));
}

void settled_forget(struct settled *settled)
{
	while (settled->nr)
		free(settled->entries[--settled->nr].knobs);
	while (settled->nr_refused)
		free(settled->refused[--settled->nr_refused].parameter);
}

void settled_free(struct settled *settled)
{
	if (settled) {
		settled_forget(settled);
		free(settled->entries);
		free(settled->refused);
	}
	free(settled);
}

static struct entry *find(const struct settled *settled, __u64 cgroup_id)
{
	size_t i;

	for (i = 0; i < settled->nr; i++)
		if (settled->entries[i].cgroup_id == cgroup_id)
			return &settled->entries[i];
	return NULL;
}

void settled_keep(struct settled *settled, const struct targets *targets)
{
	size_t i, k, kept = 0;

	for (i = 0; i < settled->nr; i++) {
		for (k = 0; k < targets->nr; k++)
			if (targets->targets[k].cgroup_id == settled->entries[i].cgroup_id)
				break;
		if (k < targets->nr)
			settled->entries[kept++] = settled->entries[i];
		else
			free(settled->entries[i].knobs);
	}
	settled->nr = kept;
}

void settled_note(struct settled *settled, const struct policy *running,
		  const struct config_policy *wanted)
{
	struct entry *entry = find(settled, running->cgroup_id);
	struct policy_section knobs;

	if (policy_section_open(running, KNOBS_SECTION, &knobs))
		return;
	if (!entry) {
		settled->entries = realloc(settled->entries,
					   (settled->nr + 1) * sizeof(*settled->entries));
		if (!settled->entries)
			abort();
		entry = &settled->entries[settled->nr++];
		memset(entry, 0, sizeof(*entry));
	}
	free(entry->knobs);
	*entry = (struct entry) {
		.cgroup_id = running->cgroup_id, .map_id = running->map_id, .wanted = wanted,
		.knobs = mgx_alloc(knobs.size ?: 1), .size = knobs.size,
	};
	if (knobs.size)
		memcpy(entry->knobs, knobs.base, knobs.size);
	policy_section_close(&knobs);
}

bool settled_is(const struct settled *settled, const struct policy *running,
		const struct config_policy *wanted, bool tuned)
{
	const struct entry *entry = find(settled, running->cgroup_id);
	struct policy_section knobs;
	bool same;

	if (!entry || entry->map_id != running->map_id || entry->wanted != wanted || running->ejected)
		return false;
	if (tuned)
		return true;
	if (policy_section_open(running, KNOBS_SECTION, &knobs))
		return false;
	same = knobs.size == entry->size && (!knobs.size || !memcmp(knobs.base, entry->knobs, knobs.size));
	policy_section_close(&knobs);
	return same;
}

void settled_note_refused(struct settled *settled, const char *parameter, int err)
{
	settled->refused = realloc(settled->refused,
				   (settled->nr_refused + 1) * sizeof(*settled->refused));
	if (!settled->refused)
		abort();
	settled->refused[settled->nr_refused++] = (struct refused) {
		.parameter = mgx_strdup(parameter), .err = err,
	};
}

int settled_refused(const struct settled *settled, const char *parameter)
{
	size_t i;

	for (i = 0; i < settled->nr_refused; i++)
		if (!strcmp(settled->refused[i].parameter, parameter))
			return settled->refused[i].err;
	return 0;
}
