// SPDX-License-Identifier: GPL-2.0
/* mgx load, mgx replace, mgx unload: what changes who decides. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpffs.h"
#include "cgroup.h"
#include "error.h"
#include "kernel.h"
#include "object.h"
#include "options.h"
#include "out.h"
#include "policy.h"
#include "sysfs.h"

#define MAX_SETS	64

struct load_options {
	const char *policy;	/* of replace and unload */
	const char *object;
	const char *cgroup;
	const char *name;
	const char *sets[MAX_SETS];
	size_t nr_sets;
	bool wants_policy;
	bool wants_object;
};

static const struct argp_option load_option_table[] = {
	{ "cgroup", 'c', "PATH|ID", 0,
	  "The cgroup and its descendants; default: the whole system", 0 },
	{ "name", 'n', "NAME", 0,
	  "What to call it; of several policies in OBJECT, which one", 0 },
	{ "set", 's', "KNOB=VALUE", 0, "Value of a knob from the first moment on", 0 },
	{}
};

static const struct argp_option replace_option_table[] = {
	{ "name", 'n', "NAME", 0, "Of several policies in OBJECT, which one", 0 },
	{ "set", 's', "KNOB=VALUE", 0, "Value of a knob from the first moment on", 0 },
	{}
};

static int take_load_option(int key, char *value, void *data)
{
	struct load_options *options = data;

	switch (key) {
	case 'c':
		options->cgroup = value;
		return 0;
	case 'n':
		options->name = value;
		return 0;
	case 's':
		if (options->nr_sets == MAX_SETS)
			return ARGP_ERR_UNKNOWN;
		options->sets[options->nr_sets++] = value;
		return 0;
	case ARGP_KEY_ARG:
		if (options->wants_policy && !options->policy)
			options->policy = value;
		else if (options->wants_object && !options->object)
			options->object = value;
		else
			return ARGP_ERR_UNKNOWN;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static int set_knobs(struct mgx *mgx, const char *what, struct object *object,
		     const struct load_options *options)
{
	size_t i;
	int ret;

	for (i = 0; i < options->nr_sets; i++) {
		ret = object_set_knob(mgx, what, object, options->sets[i]);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * What has come of it, read back from the kernel. It is done by now: that it
 * cannot be read, or that somebody has taken it away already, is no failure.
 */
static void show_link(struct mgx *mgx, const char *name, __u32 link_id)
{
	struct policies policies;
	int err;

	err = policies_read_link(mgx, link_id, &policies);
	if (err) {
		mgx_warn("%s: loaded, but its link %u cannot be read back: %s", name,
			 link_id, mgx_why(err));
	} else {
		policy_out_begin(mgx, true);
		policy_out(mgx, &policies.policies[0]);
		out_end(mgx->out);
	}
	policies_free(&policies);
}

static int attach_failed(struct mgx *mgx, const char *what, const char *name,
			 __u64 cgroup_id, int err)
{
	__u64 id = cgroup_id ?: CGROUP_ROOT_ID;
	char *path = cgroup_path(id), *other = NULL, *where;
	int ret;

	where = id == CGROUP_ROOT_ID ? mgx_strdup("the whole system") :
		path ? mgx_printf("cgroup %s", path) :
		       mgx_printf("cgroup %llu", (unsigned long long)id);
	switch (err) {
	case -EBUSY:
		other = sysfs_read("policies/%llu/name", (unsigned long long)id);
		ret = mgx_fail(mgx, MGX_EXISTS,
			       "use `mgx replace`, or `mgx unload` it first",
			       "%s: %s: %s has a policy already: %s", what, name, where,
			       other ?: "?");
		break;
	case -EOPNOTSUPP:
		ret = mgx_fail(mgx, MGX_NO_FEATURE,
			       "turn it on in cgroup.subtree_control of the cgroup above (cgroup2 only)",
			       "%s: %s: %s has no memory controller", what, name, where);
		break;
	case -ENOENT:
	case -ENODEV:
		ret = mgx_fail(mgx, MGX_NOT_FOUND, "choose another cgroup",
			       "%s: %s: %s has gone", what, name, where);
		break;
	default:
		ret = mgx_fail(mgx, mgx_exit_of(err), NULL, "%s: %s: cannot attach it to %s: %s",
			       what, name, where, mgx_why(err));
	}
	free(other);
	free(where);
	free(path);
	return ret;
}

/* A pin that nobody stands behind any more may be taken over. */
static bool pin_is_stale(const char *path)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(path);
	bool stale;

	if (fd < 0)
		return false;
	stale = !bpf_link_get_info_by_fd(fd, &info, &len) &&
		info.type == BPF_LINK_TYPE_STRUCT_OPS && !info.struct_ops.map_id;
	close(fd);
	return stale;
}

/*
 * The order makes that nothing is left behind: the link lives by our descriptor
 * until it is pinned, and all the rest lives by the link.
 */
static int attach_and_pin(struct mgx *mgx, const char *what, struct object *object,
			  const char *name)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	char *pin;
	int fd, ret;

	ret = bpffs_prepare(mgx, what);
	if (ret)
		return ret;
	pin = bpffs_pin_path(name);
	if (!pin)
		return mgx_fail(mgx, MGX_FAILED, NULL, "%s: bpffs: it has gone", what);
	if (!access(pin, F_OK)) {
		if (!pin_is_stale(pin)) {
			ret = mgx_fail(mgx, MGX_EXISTS,
				       "choose another name with --name, or use `mgx replace`",
				       "%s: %s: a policy of this name is loaded: %s",
				       what, name, pin);
			free(pin);
			return ret;
		}
		unlink(pin);
	}

	fd = bpf_link_create(bpf_map__fd(object->ops), 0, BPF_STRUCT_OPS, NULL);
	if (fd < 0) {
		ret = attach_failed(mgx, what, name, object_cgroup(object), -errno);
	} else if (bpf_obj_pin(fd, pin)) {
		ret = mgx_fail(mgx, errno == EEXIST ? MGX_EXISTS : mgx_exit_of(errno),
			       "it is not loaded", "%s: %s: cannot pin it: %s", what, pin,
			       mgx_why(errno));
	} else if (bpf_link_get_info_by_fd(fd, &info, &len)) {
		ret = mgx_fail(mgx, MGX_FAILED, NULL, "%s: %s: %s", what, pin,
			       mgx_why(errno));
		unlink(pin);
	}
	if (fd >= 0)
		close(fd);
	free(pin);
	if (!ret)
		show_link(mgx, name, info.id);
	return ret;
}

static bool has_several(const struct object *object)
{
	struct bpf_map *map;
	int nr = 0;

	bpf_object__for_each_map(map, object->bpf)
		nr += bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS;
	return nr > 1;
}

int cmd_load(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot load policy";
	struct load_options options = { .wants_object = true };
	struct object object = {};
	__u64 cgroup_id;
	char *name = NULL;
	int ret;

	ret = options_parse(mgx, argc, argv, load_option_table, take_load_option, &options);
	if (ret)
		return ret;
	if (!options.object)
		return mgx_fail(mgx, MGX_USAGE, "see `mgx load --help`",
				"load: no object file is given");

	ret = object_open(mgx, what, &object, options.object, options.name);
	if (ret)
		goto out;

	name = options.name ? mgx_strdup(options.name) : object_name(&object);
	if (!has_several(&object) || !options.name)
		ret = object_set_name(mgx, what, &object, name);
	if (!ret)
		ret = set_knobs(mgx, what, &object, &options);
	if (!ret)
		ret = kernel_require_feature(mgx, what);
	if (!ret && options.cgroup)
		ret = cgroup_resolve(mgx, what, options.cgroup, &cgroup_id);
	if (!ret && options.cgroup)
		ret = object_set_cgroup(mgx, what, &object, cgroup_id);
	if (!ret)
		ret = object_load(mgx, what, &object);
	if (!ret)
		ret = attach_and_pin(mgx, what, &object, name);
out:
	free(name);
	object_close(&object);
	return ret;
}

static int update_link(struct mgx *mgx, const char *what, const struct object *object,
		       const struct policy *policy)
{
	int fd, err;

	fd = bpf_link_get_fd_by_id(policy->link_id);
	if (fd < 0)
		return mgx_fail(mgx, mgx_exit_of(errno), "`mgx list` shows those there are",
				"%s: %s: it has gone: %s", what, policy->name,
				mgx_why(errno));
	err = bpf_link_update(fd, bpf_map__fd(object->ops), NULL) ? -errno : 0;
	close(fd);
	if (err == -ENOLINK)
		return mgx_fail(mgx, MGX_NOT_FOUND, "load it with `mgx load`",
				"%s: %s: it was detached meanwhile", what, policy->name);
	if (err)
		return mgx_fail(mgx, mgx_exit_of(err), "the old one goes on",
				"%s: %s: the kernel refused the update: %s", what,
				policy->name, mgx_why(err));
	return 0;
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
		ret = set_knobs(mgx, what, &object, &options);
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
		ret = update_link(mgx, what, &object, policy);
	if (!ret)
		show_link(mgx, policy->name, policy->link_id);
out:
	policies_free(&policies);
	object_close(&object);
	return ret;
}

int cmd_unload(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot unload policy";
	struct load_options options = { .wants_policy = true };
	struct policies policies;
	struct policy *policy;
	int fd = -1, ret;

	ret = options_parse(mgx, argc, argv, NULL, take_load_option, &options);
	if (ret)
		return ret;
	if (!options.policy)
		return mgx_fail(mgx, MGX_USAGE, "see `mgx unload --help`",
				"unload: no policy is given");

	ret = policies_read(mgx, what, &policies);
	if (ret)
		goto out;
	policy = policies_find(mgx, what, &policies, options.policy, &ret);
	if (!policy)
		goto out;

	if (policy->map_id) {
		fd = bpf_link_get_fd_by_id(policy->link_id);
		/* Detached meanwhile (-ENOLINK), or gone: what we wanted. */
		if ((fd < 0 && errno != ENOENT) ||
		    (fd >= 0 && bpf_link_detach(fd) && errno != ENOLINK)) {
			ret = mgx_fail(mgx, mgx_exit_of(errno), NULL, "%s: %s: %s", what,
				       policy->name, mgx_why(errno));
			goto out;
		}
	}
	if (policy->pin && unlink(policy->pin) && errno != ENOENT) {
		ret = mgx_fail(mgx, mgx_exit_of(errno), "remove it (rm)",
			       "%s: %s: it is detached, but its pin stays: %s", what,
			       policy->pin, mgx_why(errno));
		goto out;
	}
	policy->map_id = 0;
	free(policy->pin);
	policy->pin = NULL;
	policy_out_begin(mgx, true);
	policy_out(mgx, policy);
	out_end(mgx->out);
out:
	if (fd >= 0)
		close(fd);
	policies_free(&policies);
	return ret;
}
