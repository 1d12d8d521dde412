// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "cgroup_knobs.h"
#include "config.h"
#include "converge.h"
#include "converge_cgroup_knobs.h"
#include "converge_rows.h"
#include "error.h"
#include "targets.h"

/* What one knob is to have: of cgroup n the value of values[n]. */
struct wanted {
	struct targets cgroups;
	__u32 *values;
};

/* @missing: called for each pattern that stands for no cgroup; may be NULL. */
static void find_wanted(const struct config_policy *policy, const char *knob, struct wanted *wanted,
			void (*missing)(void *arg, const char *pattern), void *arg)
{
	size_t i, before;
	char **pattern;

	memset(wanted, 0, sizeof(*wanted));
	for (i = 0; i < policy->nr_cgroup_knobs; i++) {
		const struct config_cgroup_knob *entry = &policy->cgroup_knobs[i];

		if (strcmp(entry->knob, knob))
			continue;
		for (pattern = entry->cgroups; *pattern; pattern++) {
			before = wanted->cgroups.nr;
			if (!targets_match(&wanted->cgroups, policy, *pattern) &&
			    !wanted->cgroups.err && missing)
				missing(arg, *pattern);
			wanted->values = realloc(wanted->values, (wanted->cgroups.nr + 1) *
						 sizeof(*wanted->values));
			if (!wanted->values)
				abort();
			for (; before < wanted->cgroups.nr; before++)
				wanted->values[before] = entry->number;
		}
	}
}

static void free_wanted(struct wanted *wanted)
{
	targets_free(&wanted->cgroups);
	free(wanted->values);
}

static bool is_wanted(const struct wanted *wanted, __u64 cgroup_id)
{
	size_t i;

	for (i = 0; i < wanted->cgroups.nr; i++)
		if (wanted->cgroups.targets[i].cgroup_id == cgroup_id)
			return true;
	return false;
}

/* Is this the first entry about its knob? All of a knob is done at once. */
static bool is_first(const struct config_policy *policy, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(policy->cgroup_knobs[i].knob, policy->cgroup_knobs[n].knob))
			return false;
	return true;
}

struct pass {
	struct converge *converge;
	const char *title;
	const struct cgroup_knob *knob;
};

static void say_missing(void *arg, const char *pattern)
{
	const struct pass *pass = arg;
	char *title = mgx_printf("%s: %s:%s", pass->title, pass->knob->knob.name, pattern);

	converge_pending(pass->converge, "knob", title, "there is no such cgroup yet");
	free(title);
}

static char *text_of(const struct cgroup_knob *knob, __u64 cgroup_id)
{
	__u32 value;

	return cgroup_knob_get(knob, cgroup_id, &value) ? mgx_printf("%u", value) : NULL;
}

/* @path: NULL of a cgroup that has gone; @value: NULL to take it away */
static void make_one(const struct pass *pass, const char *path, __u64 cgroup_id, const __u32 *value)
{
	char *title = mgx_printf("%s: %s:%s", pass->title, pass->knob->knob.name, path ?: "(gone)");
	char *was = text_of(pass->knob, cgroup_id), *to = value ? mgx_printf("%u", *value) : NULL;
	int err = 0;

	if (!pass->converge->dry_run)
		err = value ? cgroup_knob_set(pass->knob, cgroup_id, *value) :
			      cgroup_knob_take_away(pass->knob, cgroup_id);
	if (err)
		converge_failed(pass->converge, "knob", title, mgx_exit_of(err),
				mgx_printf("%s: %s", title, err == -E2BIG ?
					   "there is no room for more cgroups" : mgx_why(err)));
	else
		converge_changed(pass->converge, "knob", title, value ? "tune" : "take away", was, to);
	free(was);
	free(to);
	free(title);
}

/* First those that are in the way: there may be room for just as many as are wanted. */
static void take_others_away(const struct pass *pass, const struct wanted *wanted)
{
	size_t i, nr;
	__u64 *ids;

	nr = cgroup_knob_ids(pass->knob, &ids);
	for (i = 0; i < nr; i++) {
		char *path = is_wanted(wanted, ids[i]) ? NULL : cgroup_path(ids[i]);

		if (!is_wanted(wanted, ids[i]))
			make_one(pass, path, ids[i], NULL);
		free(path);
	}
	free(ids);
}

static void make_all(struct pass *pass, const struct config_policy *policy)
{
	struct wanted wanted;
	size_t i;
	__u32 now;

	find_wanted(policy, pass->knob->knob.name, &wanted, say_missing, pass);
	/* What cannot be looked at may be there. */
	if (wanted.cgroups.err)
		converge_failed(pass->converge, "knob", pass->title, mgx_exit_of(wanted.cgroups.err),
				mgx_printf("%s: cgroups of %s: %s: none is taken away meanwhile", pass->title,
					   pass->knob->knob.name, mgx_why(wanted.cgroups.err)));
	else
		take_others_away(pass, &wanted);
	for (i = 0; i < wanted.cgroups.nr; i++)
		if (!cgroup_knob_get(pass->knob, wanted.cgroups.targets[i].cgroup_id, &now) ||
		    now != wanted.values[i])
			make_one(pass, wanted.cgroups.targets[i].path,
				 wanted.cgroups.targets[i].cgroup_id, &wanted.values[i]);
	free_wanted(&wanted);
}

void converge_cgroup_knobs(struct converge *converge, const char *title,
			   const struct config_policy *policy, const struct cgroup_knobs *knobs)
{
	struct pass pass = { .converge = converge, .title = title };
	size_t i;

	for (i = 0; i < policy->nr_cgroup_knobs; i++) {
		if (!is_first(policy, i))
			continue;
		pass.knob = cgroup_knobs_find(knobs, policy->cgroup_knobs[i].knob);
		/* What runs may be another program still, which could not be replaced. */
		if (pass.knob)
			make_all(&pass, policy);
	}
}

int converge_cgroup_knobs_fill(const struct config_policy *policy, const struct cgroup_knobs *knobs)
{
	const struct cgroup_knob *knob;
	struct wanted wanted;
	size_t i, k;
	int err = 0;

	for (i = 0; i < policy->nr_cgroup_knobs && !err; i++) {
		knob = cgroup_knobs_find(knobs, policy->cgroup_knobs[i].knob);
		if (!knob || !is_first(policy, i))
			continue;
		find_wanted(policy, knob->knob.name, &wanted, NULL, NULL);
		err = wanted.cgroups.err;
		for (k = 0; k < wanted.cgroups.nr && !err; k++)
			err = cgroup_knob_set(knob, wanted.cgroups.targets[k].cgroup_id, wanted.values[k]);
		free_wanted(&wanted);
	}
	return err;
}
