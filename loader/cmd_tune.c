// SPDX-License-Identifier: GPL-2.0
/* mgx tune: knobs of running policies. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "options.h"
#include "out.h"
#include "policy.h"
#include "sections.h"

#define MAX_WORDS	64

struct tune_options {
	char *words[MAX_WORDS];	/* the policy, then KNOB or KNOB=VALUE */
	size_t nr;
};

static const struct out_column knob_columns[] = {
	{ "policy", "POLICY" },
	{ "link_id", NULL },
	{ "knob", "KNOB" },
	{ "value", "VALUE" },
	{ "was", NULL },	/* where it was changed */
	{ "unit", "UNIT" },
	{ "min", "MIN" },
	{ "max", "MAX" },
	{ "type", "TYPE" },
	{ "write", NULL },
	{ "help", "HELP" },
};

static int take_word(int key, char *value, void *data)
{
	struct tune_options *options = data;

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

/* One word, or the reason why it is none. 0 or the exit status. */
static int find_knob(struct mgx *mgx, const char *what, const struct policy *policy,
		     const struct policy_section *sec, const char *word,
		     struct knob **knob)
{
	char *name = mgx_printf("%.*s", (int)strcspn(word, "="), word), *next;
	int ret = 0;

	*knob = knobs_find(&sec->vars, name);
	if (!*knob) {
		next = mgx_printf("`mgx tune %s` lists those it has", policy->name);
		ret = mgx_fail(mgx, MGX_NOT_FOUND, sec->vars.nr ? next : "it has none at all",
			       "%s: knob %s: policy %s has no such knob", what, name,
			       policy->name);
		free(next);
	}
	free(name);
	return ret;
}

static void out_knob(struct mgx *mgx, const struct policy *policy,
		     const struct policy_section *sec, const void *was,
		     const struct knob *knob)
{
	out_str(mgx->out, policy->name);
	out_uint(mgx->out, policy->link_id);
	out_str(mgx->out, knob->name);
	knob_out_value(mgx, sec->base, knob);
	if (was)
		knob_out_value(mgx, was, knob);
	else
		out_none(mgx->out);
	out_str(mgx->out, knob->unit);
	knob_out_limit(mgx, knob, false);
	knob_out_limit(mgx, knob, true);
	out_str(mgx->out, knob->type);
	/* How a change reaches the policy: one store, or the whole map's value. */
	out_str(mgx->out, sec->mapped ? "store" : "map update");
	out_str(mgx->out, knob->help);
	out_row(mgx->out);
}

/* All values are checked before the first is written: all of them or none. */
static int set_knobs(struct mgx *mgx, const char *what, const struct policy *policy,
		     struct policy_section *sec, char **words, size_t nr)
{
	union knob_value values[MAX_WORDS];
	struct knob *knobs[MAX_WORDS];
	bool changes = false;
	size_t i;
	int ret;

	for (i = 0; i < nr; i++) {
		const char *equals = strchr(words[i], '=');

		ret = find_knob(mgx, what, policy, sec, words[i], &knobs[i]);
		if (!ret && equals)
			ret = knob_parse_value(mgx, what, policy->name, knobs[i],
					       equals + 1, &values[i]);
		if (ret)
			return ret;
	}
	for (i = 0; i < nr; i++) {
		if (strchr(words[i], '=')) {
			knob_store(sec->base, knobs[i], &values[i]);
			changes = true;
		}
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

static int tune_one(struct mgx *mgx, const char *what, const struct policy *policy,
		    char **words, size_t nr)
{
	struct policy_section sec;
	void *was = NULL;
	size_t i;
	int ret;

	ret = open_knobs(mgx, what, policy, &sec);
	if (ret)
		return ret;
	if (sec.vars.nr) {
		was = mgx_alloc(sec.size);
		memcpy(was, sec.base, sec.size);
	}

	ret = set_knobs(mgx, what, policy, &sec, words, nr);
	if (ret)
		goto out;

	out_table(mgx->out, "knobs", NULL, "the policy has no knobs", knob_columns,
		  MGX_ARRAY_SIZE(knob_columns));
	for (i = 0; i < nr; i++) {
		struct knob *knob;

		find_knob(mgx, what, policy, &sec, words[i], &knob);
		out_knob(mgx, policy, &sec, strchr(words[i], '=') ? was : NULL, knob);
	}
	for (i = 0; !nr && i < sec.vars.nr; i++)
		out_knob(mgx, policy, &sec, NULL, &sec.vars.knobs[i]);
	out_end(mgx->out);
out:
	free(was);
	policy_section_close(&sec);
	return ret;
}

int show_knobs(struct mgx *mgx, const char *what, const struct policies *policies)
{
	struct policy_section sec;
	size_t i, k;
	int ret;

	out_table(mgx->out, "knobs", NULL, "no policy with knobs is loaded", knob_columns,
		  MGX_ARRAY_SIZE(knob_columns));
	for (i = 0; i < policies->nr; i++) {
		ret = open_knobs(mgx, what, &policies->policies[i], &sec);
		if (ret)
			return ret;
		for (k = 0; k < sec.vars.nr; k++)
			out_knob(mgx, &policies->policies[i], &sec, NULL,
				 &sec.vars.knobs[k]);
		policy_section_close(&sec);
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

	ret = options_parse(mgx, argc, argv, NULL, take_word, &options);
	if (ret)
		return ret;

	ret = policies_read(mgx, what, &policies);
	if (!ret && !options.nr) {
		ret = show_knobs(mgx, what, &policies);
	} else if (!ret) {
		policy = policies_find(mgx, what, &policies, options.words[0], &ret);
		if (policy)
			ret = tune_one(mgx, what, policy, options.words + 1,
				       options.nr - 1);
	}
	policies_free(&policies);
	return ret;
}
