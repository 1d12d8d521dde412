// SPDX-License-Identifier: GPL-2.0
/* mgx tune: knobs of running policies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "attach.h"
#include "cgroup.h"
#include "cgroup_knobs.h"
#include "compare.h"
#include "error.h"
#include "kernel.h"
#include "lock.h"
#include "object.h"
#include "options.h"
#include "out.h"
#include "policy.h"
#include "sections.h"

#define MAX_WORDS	64

struct tune_options {
	char *words[MAX_WORDS];	/* the policy, then KNOB or KNOB=VALUE */
	size_t nr;
	const char *object;
};

enum { KEY_OBJECT = 256 };

static const struct argp_option option_table[] = {
	{ "object", KEY_OBJECT, "FILE", 0,
	  "What the policy was loaded from: all that is set changes together, by a new instance", 0 },
	{}
};

static const struct out_column knob_columns[] = {
	{ "policy", "POLICY" },
	{ "link_id", NULL },
	{ "knob", "KNOB" },
	{ NULL, "CGROUP", .sparse = true },
	{ "value", "VALUE" },
	{ "was", NULL },	/* where it was changed */
	{ "unit", "UNIT" },
	{ "min", "MIN" },
	{ "max", "MAX" },
	{ "type", "TYPE" },
	{ "write", NULL },
	{ "help", "HELP" },
	{ "cgroup_id", NULL },	/* of a knob that each cgroup has of its own */
	{ "cgroup_path", NULL },
};

static int take_word(int key, char *value, void *data)
{
	struct tune_options *options = data;

	if (key == KEY_OBJECT) {
		options->object = value;
		return 0;
	}
	if (key != ARGP_KEY_ARG || options->nr == MAX_WORDS)
		return ARGP_ERR_UNKNOWN;
	options->words[options->nr++] = value;
	return 0;
}

static int open_knobs(struct mgx *mgx, const char *what, const struct policy *policy,
		      struct policy_section *sec)
{
	int err = policy_section_open(policy, KNOBS_SECTION, sec);

	if (err)
		return mgx_fail(mgx, mgx_exit_of(err), NULL, "%s: knobs of %s: %s", what,
				policy->name, mgx_why(err));
	return 0;
}

static bool is_of_cgroups(const struct policy *policy, const char *name)
{
	struct cgroup_knobs knobs;
	bool is;

	if (cgroup_knobs_open(policy, &knobs))
		return false;
	is = cgroup_knobs_find(&knobs, name);
	cgroup_knobs_close(&knobs);
	return is;
}

/* One word, or the reason why it is none. 0 or the exit status. */
static int find_knob(struct mgx *mgx, const char *what, const struct policy *policy,
		     const struct policy_section *sec, const char *word,
		     struct knob **knob)
{
	char *name = mgx_printf("%.*s", (int)strcspn(word, "="), word), *next;
	int ret = 0;

	*knob = knobs_find(&sec->vars, name);
	if (!*knob && is_of_cgroups(policy, name)) {
		next = mgx_printf("write %s:CGROUP=VALUE, as %s:/web=1", name, name);
		ret = mgx_fail(mgx, MGX_NOT_FOUND, next, "%s: knob %s of %s: each cgroup has its own",
			       what, name, policy->name);
		free(next);
	} else if (!*knob) {
		next = mgx_printf("`mgx tune %s` lists those it has", policy->name);
		ret = mgx_fail(mgx, MGX_NOT_FOUND, sec->vars.nr ? next :
			       "leave it away: it has none at all",
			       "%s: knob %s: policy %s has no such knob", what, name,
			       policy->name);
		free(next);
	}
	free(name);
	return ret;
}

/* What a knob is: behind its value, and where it was changed what that was. */
static void out_about(struct mgx *mgx, const struct knob *knob, bool mapped)
{
	out_str(mgx->out, knob->unit);
	knob_out_limit(mgx, knob, false);
	knob_out_limit(mgx, knob, true);
	out_str(mgx->out, knob->type);
	/* How a change reaches the policy: one store, or the whole map's value. */
	out_str(mgx->out, mapped ? "store" : "map update");
	out_str(mgx->out, knob->help);
}

static void out_knob(struct mgx *mgx, const struct policy *policy,
		     const struct policy_section *sec, const void *was,
		     const struct knob *knob)
{
	out_str(mgx->out, policy->name);
	out_uint(mgx->out, policy->link_id);
	out_str(mgx->out, knob->name);
	out_none(mgx->out);
	knob_out_value(mgx, sec->base, knob);
	if (was)
		knob_out_value(mgx, was, knob);
	else
		out_none(mgx->out);
	out_about(mgx, knob, sec->mapped);
	out_none(mgx->out);
	out_none(mgx->out);
	out_row(mgx->out);
}

/* @cgroup_id: 0 where there is nothing to say but that there is such a knob. */
static void out_cgroup_knob(struct mgx *mgx, const struct policy *policy,
			    const struct cgroup_knob *knob, __u64 cgroup_id, const __u32 *was)
{
	char *path = cgroup_id ? cgroup_path(cgroup_id) : NULL;
	__u32 value;

	out_str(mgx->out, policy->name);
	out_uint(mgx->out, policy->link_id);
	out_str(mgx->out, knob->knob.name);
	if (cgroup_id && !path)
		path = mgx_printf("%llu (gone)", (unsigned long long)cgroup_id);
	out_str(mgx->out, path);
	if (cgroup_id && cgroup_knob_get(knob, cgroup_id, &value))
		knob_out_value(mgx, &value, &knob->knob);
	else
		out_none(mgx->out);
	if (was)
		knob_out_value(mgx, was, &knob->knob);
	else
		out_none(mgx->out);
	out_about(mgx, &knob->knob, false);
	if (cgroup_id)
		out_uint(mgx->out, cgroup_id);
	else
		out_none(mgx->out);
	out_str(mgx->out, path);
	out_row(mgx->out);
	free(path);
}

static void out_cgroup_knobs(struct mgx *mgx, const struct policy *policy,
			     const struct cgroup_knobs *knobs)
{
	size_t i, k, nr;
	__u64 *ids;

	for (i = 0; i < knobs->nr; i++) {
		nr = cgroup_knob_ids(&knobs->knobs[i], &ids);
		for (k = 0; k < nr; k++)
			out_cgroup_knob(mgx, policy, &knobs->knobs[i], ids[k], NULL);
		if (!nr)
			out_cgroup_knob(mgx, policy, &knobs->knobs[i], 0, NULL);
		free(ids);
	}
}

/* All values are checked before the first is written: all of them or none. */
static int check_knobs(struct mgx *mgx, const char *what, const struct policy *policy,
		       const struct policy_section *sec, char **words, size_t nr)
{
	union knob_value value;
	struct knob *knob;
	size_t i;
	int ret = 0;

	for (i = 0; i < nr && !ret; i++) {
		const char *equals = strchr(words[i], '=');

		if (cgroup_assignment_is(words[i]))
			continue;
		ret = find_knob(mgx, what, policy, sec, words[i], &knob);
		if (!ret && equals)
			ret = knob_parse_value(mgx, what, policy->name, knob, equals + 1, &value);
	}
	return ret;
}

static int set_knobs(struct mgx *mgx, const char *what, const struct policy *policy,
		     struct policy_section *sec, char **words, size_t nr)
{
	union knob_value value;
	bool changes = false;
	struct knob *knob;
	size_t i;
	int ret;

	for (i = 0; i < nr; i++) {
		const char *equals = strchr(words[i], '=');

		if (!equals || cgroup_assignment_is(words[i]))
			continue;
		ret = find_knob(mgx, what, policy, sec, words[i], &knob);
		ret = ret ?: knob_parse_value(mgx, what, policy->name, knob, equals + 1, &value);
		if (ret)
			return ret;
		knob_store(sec->base, knob, &value);
		changes = true;
	}
	if (changes && !sec->mapped) {
		/* Between our reading and writing another's change gets lost. */
		mgx_warn("%s: the knobs are no mappable map: all of them are written at once",
			 policy->name);
		ret = policy_section_flush(sec);
		if (ret)
			return mgx_fail(mgx, mgx_exit_of(ret), NULL,
					"%s: knobs of %s: %s", what, policy->name,
					mgx_why(ret));
	}
	return 0;
}

/* What runs now, but for what is set: into the object's own values. */
static int carry_over(struct mgx *mgx, const char *what, struct object *object,
		      const struct policy_section *sec, char **words, size_t nr)
{
	struct knobs knobs;
	char *base = object_knobs(object, &knobs);
	size_t i;
	int ret = 0;

	for (i = 0; base && i < knobs.nr; i++) {
		const struct knob *to = &knobs.knobs[i], *from = knobs_find(&sec->vars, to->name);

		if (from && from->size == to->size)
			memcpy(base + to->offset, (char *)sec->base + from->offset, to->size);
	}
	knobs_free(&knobs);
	for (i = 0; !ret && i < nr; i++)
		ret = object_set_knob(mgx, what, object, words[i]);
	return ret;
}

/* Loaded, and the same as what runs but for knobs? 0 or the exit status. */
static int load_same(struct mgx *mgx, const char *what, struct object *object,
		     const struct policy *policy)
{
	struct policy wanted = {};
	char *knob = NULL;
	int ret, how;

	ret = object_set_name(mgx, what, object, policy->name);
	ret = ret ?: object_set_cgroup(mgx, what, object, policy->cgroup_id);
	ret = ret ?: object_load(mgx, what, object);
	if (ret)
		return ret;
	how = policy_of_map(mgx, bpf_map__fd(object->ops), &wanted);
	how = how ?: compare_policies(policy, &wanted, &knob);
	if (how < 0)
		ret = mgx_fail(mgx, mgx_exit_of(how), NULL, "%s: %s: %s", what, policy->name,
			       mgx_why(how));
	else if (how == COMPARE_PROGRAMS)
		ret = mgx_fail(mgx, MGX_BAD_OBJECT, "use `mgx replace` for another policy",
			       "%s: %s: %s is not what it was loaded from: its programs differ", what,
			       object->path, policy->name);
	free(knob);
	policy_free(&wanted);
	return ret;
}

/*
 * All of them at once: a batch is decided with the old values or with the new ones.
 * What the policy remembers otherwise begins anew.
 */
static int tune_together(struct mgx *mgx, const char *what, const struct policy *policy,
			 const char *path, char **words, size_t nr)
{
	struct policies after = {};
	struct object object = {};
	struct policy_section sec;
	size_t i;
	int ret;

	if (!nr)
		return mgx_fail(mgx, MGX_USAGE, "write KNOB=VALUE",
				"tune: --object %s: nothing is to be set", path);
	for (i = 0; i < nr; i++)
		if (!strchr(words[i], '=') || cgroup_assignment_is(words[i]))
			return mgx_fail(mgx, MGX_USAGE, "write KNOB=VALUE",
					"tune: --object %s: %s %s", path, words[i],
					strchr(words[i], '=') ? "is of one cgroup: tune it without --object" :
								"sets nothing");
	ret = object_open_running(mgx, what, &object, path, policy->object);
	ret = ret ?: open_knobs(mgx, what, policy, &sec);
	if (!ret) {
		ret = carry_over(mgx, what, &object, &sec, words, nr);
		ret = ret ?: load_same(mgx, what, &object, policy);
		ret = ret ?: attach_update(mgx, what, &object, policy);
		policy_section_close(&sec);
	}
	if (!ret && !policies_read_link(mgx, policy->link_id, &after))
		ret = show_knobs(mgx, what, &after);
	policies_free(&after);
	object_close(&object);
	return ret;
}

static bool sets_something(const struct tune_options *options)
{
	size_t i;

	for (i = 1; i < options->nr; i++)
		if (strchr(options->words[i], '='))
			return true;
	return options->object;
}

/* Of the words that set something for a cgroup: checked, and then in their places. */
struct for_cgroups {
	struct cgroup_knobs knobs;
	struct cgroup_assignment assignments[MAX_WORDS];
	bool had[MAX_WORDS];
	__u32 was[MAX_WORDS];
	size_t nr;
};

static int open_for_cgroups(struct mgx *mgx, const char *what, const struct policy *policy,
			    struct for_cgroups *cgroups)
{
	int err = cgroup_knobs_open(policy, &cgroups->knobs);

	if (err)
		return mgx_fail(mgx, mgx_exit_of(err), "try again, or look with bpftool map",
				"%s: knobs for cgroups of %s: %s", what, policy->name, mgx_why(err));
	return 0;
}

static int check_for_cgroups(struct mgx *mgx, const char *what, const struct policy *policy,
			     struct for_cgroups *cgroups, char **words, size_t nr)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < nr && !ret; i++) {
		struct cgroup_assignment *assignment = &cgroups->assignments[cgroups->nr];

		if (!cgroup_assignment_is(words[i]))
			continue;
		cgroups->nr++;
		ret = cgroup_assignment_parse(mgx, what, policy, &cgroups->knobs, words[i], assignment);
		if (!ret)
			cgroups->had[cgroups->nr - 1] =
				cgroup_knob_get(assignment->knob, assignment->cgroup_id,
						&cgroups->was[cgroups->nr - 1]);
	}
	return ret;
}

static int put(const struct cgroup_assignment *assignment, bool has, __u32 value)
{
	return has ? cgroup_knob_set(assignment->knob, assignment->cgroup_id, value) :
		     cgroup_knob_take_away(assignment->knob, assignment->cgroup_id);
}

/* All of them, or none: the map may be full. */
static int set_for_cgroups(struct mgx *mgx, const char *what, const struct policy *policy,
			   struct for_cgroups *cgroups)
{
	size_t i;
	int err;

	for (i = 0; i < cgroups->nr; i++) {
		const struct cgroup_assignment *assignment = &cgroups->assignments[i];

		err = put(assignment, !assignment->take_away, assignment->value);
		if (!err)
			continue;
		while (i--)
			put(&cgroups->assignments[i], cgroups->had[i], cgroups->was[i]);
		return mgx_fail(mgx, mgx_exit_of(err), err == -E2BIG ?
				"take away those of others: KNOB:CGROUP=" : "nothing was changed, try again",
				"%s: knob %s of %s: %s: %s", what, assignment->knob->knob.name, policy->name,
				assignment->path, err == -E2BIG ? "there is no room for more cgroups" : mgx_why(err));
	}
	return 0;
}

static void close_for_cgroups(struct for_cgroups *cgroups)
{
	size_t i;

	for (i = 0; i < cgroups->nr; i++)
		free(cgroups->assignments[i].path);
	cgroup_knobs_close(&cgroups->knobs);
}

static int tune_one(struct mgx *mgx, const char *what, const struct policy *policy,
		    char **words, size_t nr)
{
	struct for_cgroups cgroups = {};
	struct policy_section sec;
	void *was = NULL;
	size_t i, k = 0;
	int ret;

	ret = open_knobs(mgx, what, policy, &sec);
	if (ret)
		return ret;
	if (sec.vars.nr) {
		was = mgx_alloc(sec.size);
		memcpy(was, sec.base, sec.size);
	}

	ret = open_for_cgroups(mgx, what, policy, &cgroups);
	ret = ret ?: check_for_cgroups(mgx, what, policy, &cgroups, words, nr);
	ret = ret ?: check_knobs(mgx, what, policy, &sec, words, nr);
	ret = ret ?: set_for_cgroups(mgx, what, policy, &cgroups);
	ret = ret ?: set_knobs(mgx, what, policy, &sec, words, nr);
	if (ret)
		goto out;

	out_table(mgx->out, "knobs", NULL, "the policy has no knobs", knob_columns,
		  MGX_ARRAY_SIZE(knob_columns));
	for (i = 0; i < nr; i++) {
		struct knob *knob;

		if (cgroup_assignment_is(words[i])) {
			out_cgroup_knob(mgx, policy, cgroups.assignments[k].knob,
					cgroups.assignments[k].cgroup_id,
					cgroups.had[k] ? &cgroups.was[k] : NULL);
			k++;
			continue;
		}
		find_knob(mgx, what, policy, &sec, words[i], &knob);
		out_knob(mgx, policy, &sec, strchr(words[i], '=') ? was : NULL, knob);
	}
	for (i = 0; !nr && i < sec.vars.nr; i++)
		out_knob(mgx, policy, &sec, NULL, &sec.vars.knobs[i]);
	if (!nr)
		out_cgroup_knobs(mgx, policy, &cgroups.knobs);
	out_end(mgx->out);
out:
	close_for_cgroups(&cgroups);
	free(was);
	policy_section_close(&sec);
	return ret;
}

int show_knobs(struct mgx *mgx, const char *what, const struct policies *policies)
{
	struct cgroup_knobs cgroups;
	struct policy_section sec;
	size_t i, k;
	int ret;

	out_table(mgx->out, "knobs", NULL, "no policy with knobs is loaded", knob_columns,
		  MGX_ARRAY_SIZE(knob_columns));
	for (i = 0; i < policies->nr; i++) {
		ret = open_knobs(mgx, what, &policies->policies[i], &sec);
		if (ret) {
			out_end(mgx->out);
			return ret;
		}
		for (k = 0; k < sec.vars.nr; k++)
			out_knob(mgx, &policies->policies[i], &sec, NULL,
				 &sec.vars.knobs[k]);
		policy_section_close(&sec);
		if (!cgroup_knobs_open(&policies->policies[i], &cgroups))
			out_cgroup_knobs(mgx, &policies->policies[i], &cgroups);
		cgroup_knobs_close(&cgroups);
	}
	out_end(mgx->out);
	return 0;
}

int cmd_tune(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot tune policy";
	struct tune_options options = {};
	struct policies policies;
	struct policy *policy;
	int ret;

	ret = options_parse(mgx, argc, argv, option_table, take_word, &options);
	if (ret)
		return ret;
	if (options.object && !options.nr)
		return mgx_fail(mgx, MGX_USAGE, "see `mgx tune --help`", "tune: no policy is given");

	ret = kernel_require_feature(mgx, what);
	if (!ret && sets_something(&options))
		ret = lock_take(mgx, what);
	if (ret)
		return ret;
	ret = policies_read(mgx, what, &policies);
	if (!ret && !options.nr) {
		ret = show_knobs(mgx, what, &policies);
	} else if (!ret) {
		policy = policies_find(mgx, what, &policies, options.words[0], &ret);
		if (policy && !policy->map_id)
			ret = mgx_fail(mgx, MGX_NOT_FOUND, "load it with `mgx load`",
				       "%s: %s: it is detached, only its pin is left", what,
				       policy->name);
		else if (policy && options.object)
			ret = tune_together(mgx, what, policy, options.object, options.words + 1,
					    options.nr - 1);
		else if (policy)
			ret = tune_one(mgx, what, policy, options.words + 1,
				       options.nr - 1);
	}
	policies_free(&policies);
	return ret;
}
