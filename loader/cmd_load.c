// SPDX-License-Identifier: GPL-2.0
/* mgx load, mgx replace, mgx unload: what changes who decides. */
#include <stdlib.h>

#include "attach.h"
#include "error.h"
#include "kernel.h"
#include "lock.h"
#include "object.h"
#include "options.h"
#include "out.h"
#include "policy.h"
#include "prepare.h"

static const struct argp_option replace_option_table[] = {
	{ "name", 'n', "NAME", 0, "Of several policies in OBJECT, which one", 0 },
	{ "knobs", 'k', "FILE", 0, "Values of knobs: a file, or the name of a preset", 0 },
	{ "set", 's', "KNOB=VALUE", 0, "Value of a knob from the first moment on", 0 },
	{}
};

int cmd_load(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot load policy";
	struct load_options options = { .wants_object = true };
	struct object object = {};
	char *name = NULL;
	__u32 link_id;
	int ret;

	ret = options_parse(mgx, argc, argv, load_option_table, take_load_option, &options);
	if (ret)
		return ret;
	if (!options.object)
		return mgx_fail(mgx, MGX_USAGE, "see `mgx load --help`",
				"load: no object file is given");

	ret = prepare_object(mgx, what, &options, &object, &name);
	if (!ret)
		ret = object_load(mgx, what, &object);
	if (!ret)
		ret = lock_take(mgx, what);
	if (!ret)
		ret = attach_and_pin(mgx, what, &object, name, name, &link_id);
	if (!ret)
		attach_show(mgx, name, link_id);
	free(name);
	object_close(&object);
	return ret;
}

int cmd_replace(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot replace policy";
	struct load_options options = { .wants_policy = true, .wants_object = true };
	struct policies policies = {};
	struct object object = {};
	struct policy *policy;
	int ret;

	ret = options_parse(mgx, argc, argv, replace_option_table, take_load_option, &options);
	if (ret)
		return ret;
	if (!options.object)
		return mgx_fail(mgx, MGX_USAGE, "see `mgx replace --help`",
				"replace: %s", options.policy ?
				"no object file is given" : "no policy is given");

	ret = object_open(mgx, what, &object, options.object, options.name);
	if (!ret)
		ret = prepare_knobs(mgx, what, &object, &options);
	if (!ret)
		ret = kernel_require_feature(mgx, what);
	if (!ret)
		ret = lock_take(mgx, what);
	if (!ret)
		ret = policies_read(mgx, what, &policies);
	if (ret)
		goto out;

	policy = policies_find(mgx, what, &policies, options.policy, &ret);
	if (!policy)
		goto out;
	if (!policy->map_id) {
		ret = mgx_fail(mgx, MGX_NOT_FOUND, "load the new one with `mgx load`",
			       "%s: %s: it is detached, only its pin is left", what,
			       policy->name);
		goto out;
	}

	/* It takes over name and place, so that others find it where it was. */
	ret = object_set_name(mgx, what, &object, policy->name);
	if (!ret)
		ret = object_set_cgroup(mgx, what, &object, policy->cgroup_id);
	if (!ret)
		ret = object_load(mgx, what, &object);
	if (!ret)
		ret = attach_update(mgx, what, &object, policy);
	if (!ret)
		attach_show(mgx, policy->name, policy->link_id);
out:
	policies_free(&policies);
	object_close(&object);
	return ret;
}

int cmd_unload(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot unload policy";
	struct load_options options = { .wants_policy = true };
	struct policies policies = {};
	struct policy *policy;
	int ret;

	ret = options_parse(mgx, argc, argv, NULL, take_load_option, &options);
	if (ret)
		return ret;
	if (!options.policy)
		return mgx_fail(mgx, MGX_USAGE, "see `mgx unload --help`",
				"unload: no policy is given");

	ret = kernel_require_feature(mgx, what);
	if (!ret)
		ret = lock_take(mgx, what);
	if (!ret)
		ret = policies_read(mgx, what, &policies);
	if (ret)
		goto out;
	policy = policies_find(mgx, what, &policies, options.policy, &ret);
	if (!policy)
		goto out;

	ret = attach_remove(mgx, what, policy);
	if (ret)
		goto out;
	policy_out_begin(mgx, true);
	policy_out(mgx, policy);
	out_end(mgx->out);
out:
	policies_free(&policies);
	return ret;
}
