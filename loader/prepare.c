// SPDX-License-Identifier: GPL-2.0
/* What mgx load and mgx check have in common. */
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "cgroup.h"
#include "error.h"
#include "kernel.h"
#include "knobfile.h"
#include "object.h"
#include "prepare.h"

const struct argp_option load_option_table[] = {
	{ "cgroup", 'c', "PATH|ID", 0,
	  "The cgroup and its descendants; default: the whole system", 0 },
	{ "name", 'n', "NAME", 0,
	  "What to call it; of several policies in OBJECT, which one", 0 },
	{ "knobs", 'k', "FILE", 0, "Values of knobs: a file, or the name of a preset", 0 },
	{ "set", 's', "KNOB=VALUE", 0, "Value of a knob from the first moment on", 0 },
	{}
};

int take_load_option(int key, char *value, void *data)
{
	struct load_options *options = data;

	switch (key) {
	case 'c':
		options->cgroup = value;
		return 0;
	case 'n':
		options->name = value;
		return 0;
	case 'k':
		if (options->knobs)
			return ARGP_ERR_UNKNOWN;
		options->knobs = value;
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

int prepare_knobs(struct mgx *mgx, const char *what, struct object *object,
		  const struct load_options *options)
{
	struct knobfile file = {};
	size_t i;
	int ret = 0;

	if (options->knobs) {
		ret = knobfile_read(mgx, what, options->knobs, &file);
		ret = ret ?: knobfile_set(mgx, what, &file, object);
		knobfile_free(&file);
	}
	for (i = 0; !ret && i < options->nr_sets; i++)
		ret = object_set_knob(mgx, what, object, options->sets[i]);
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

int prepare_object(struct mgx *mgx, const char *what, const struct load_options *options,
		   struct object *object, char **name)
{
	__u64 cgroup_id;
	int ret;

	ret = object_open(mgx, what, object, options->object, options->name);
	if (ret)
		return ret;

	*name = options->name ? mgx_strdup(options->name) : object_name(object);
	if (!has_several(object) || !options->name)
		ret = object_set_name(mgx, what, object, *name);
	if (!ret)
		ret = prepare_knobs(mgx, what, object, options);
	if (!ret)
		ret = kernel_require_feature(mgx, what);
	if (!ret && options->cgroup)
		ret = cgroup_resolve(mgx, what, options->cgroup, &cgroup_id);
	if (!ret && options->cgroup)
		ret = object_set_cgroup(mgx, what, object, cgroup_id);
	return ret;
}
