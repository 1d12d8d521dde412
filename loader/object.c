// SPDX-License-Identifier: GPL-2.0
/* Opening, adjusting and loading a policy's object. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "bpflog.h"
#include "error.h"
#include "kernel.h"
#include "knobs.h"
#include "object.h"
#include "paths.h"

/* struct migrate_ext_ops as the object was compiled with: maybe of another kernel. */
static const struct btf_type *local_ops(const struct object *object)
{
	const struct btf *btf = bpf_object__btf(object->bpf);

	return btf__type_by_id(btf, bpf_map__btf_value_type_id(object->ops));
}

static bool is_policy(const struct bpf_object *bpf, const struct bpf_map *map)
{
	const struct btf *btf = bpf_object__btf(bpf);
	const struct btf_type *type;
	const char *name;
	size_t len = strlen(OPS_STRUCT);

	if (bpf_map__type(map) != BPF_MAP_TYPE_STRUCT_OPS)
		return false;
	type = btf__type_by_id(btf, bpf_map__btf_value_type_id(map));
	if (!type)
		return false;
	/* A flavour of it (migrate_ext_ops___v2) is the same to libbpf. */
	name = btf__name_by_offset(btf, type->name_off);
	return !strncmp(name, OPS_STRUCT, len) &&
	       (!name[len] || !strncmp(name + len, "___", 3));
}

/* The place and size of a member in the initial value of the ops. */
static void *ops_member(const struct object *object, const char *name, size_t *size)
{
	const struct btf *btf = bpf_object__btf(object->bpf);
	const struct btf_type *type = local_ops(object);
	const struct btf_member *member = btf_members(type);
	char *data = bpf_map__initial_value(object->ops, NULL);
	__u32 i;

	for (i = 0; i < btf_vlen(type); i++, member++) {
		if (strcmp(btf__name_by_offset(btf, member->name_off), name))
			continue;
		*size = btf__resolve_size(btf, member->type);
		return data + btf_member_bit_offset(type, i) / 8;
	}
	return NULL;
}

char *object_name(const struct object *object)
{
	size_t size = 0;
	char *name = ops_member(object, "name", &size);

	return mgx_printf("%.*s", (int)size, name ?: "");
}

static __u64 ops_number(const struct object *object, const char *name)
{
	size_t size = 0;
	void *place = ops_member(object, name, &size);
	__u64 number = 0;

	if (place && size == sizeof(number))
		memcpy(&number, place, size);
	return number;
}

__u64 object_cgroup(const struct object *object)
{
	return ops_number(object, "cgroup_id");
}

__u64 object_flags(const struct object *object)
{
	return ops_number(object, "flags");
}

bool object_has_init(const struct object *object)
{
	return ops_number(object, "init");
}

/* The names of all policies in it, for a message. */
static char *all_names(struct object *object)
{
	char *names = NULL, *name, *longer;
	struct bpf_map *map;

	bpf_object__for_each_map(map, object->bpf) {
		if (!is_policy(object->bpf, map))
			continue;
		object->ops = map;
		name = object_name(object);
		longer = mgx_printf("%s%s%s", names ?: "", names ? ", " : "", name);
		free(names);
		free(name);
		names = longer;
	}
	object->ops = NULL;
	return names;
}

static bool is_called(struct object *object, struct bpf_map *map, const char *name)
{
	char *own;
	bool is;

	object->ops = map;
	own = object_name(object);
	is = !strcmp(own, name);
	free(own);
	return is;
}

/* Does the kernel know the map by that name? It keeps but its beginning. */
static bool is_map_called(struct object *object, struct bpf_map *map, const char *name)
{
	(void)object;
	return !strncmp(bpf_map__name(map), name, BPF_OBJ_NAME_LEN - 1);
}

static int choose_ops(struct mgx *mgx, const char *what, struct object *object,
		      const char *wanted, const char *next,
		      bool (*is)(struct object *object, struct bpf_map *map, const char *name))
{
	struct bpf_map *map, *chosen = NULL;
	size_t nr = 0, nr_named = 0;
	char *names;
	int ret;

	bpf_object__for_each_map(map, object->bpf) {
		bool named;

		if (!is_policy(object->bpf, map))
			continue;
		nr++;
		named = wanted && is(object, map, wanted);
		if (!chosen || named)
			chosen = map;
		nr_named += named;
	}
	object->ops = chosen;

	if (!nr)
		return mgx_fail(mgx, MGX_BAD_OBJECT,
				"define a struct " OPS_STRUCT ", see <migrate_ext/common.bpf.h>",
				"%s: %s: there is no policy in it", what, object->path);
	if (nr > 1 && nr_named != 1) {
		names = all_names(object);
		ret = mgx_fail(mgx, wanted ? MGX_NOT_FOUND : MGX_USAGE,
			       next, wanted ?
			       "%s: %s: none of its %zu policies (%s) is called %s" :
			       "%s: %s: there are %zu policies in it (%s)%.0s",
			       what, object->path, nr, names, wanted ?: "");
		free(names);
		return ret;
	}
	if (!(bpf_map__map_flags(chosen) & BPF_F_LINK))
		return mgx_fail(mgx, MGX_BAD_OBJECT,
				"put it in SEC(\".struct_ops.link\")",
				"%s: %s: policy %s is not made for a link",
				what, object->path, bpf_map__name(chosen));

	/* The others, and programs that are only theirs, are not loaded. */
	bpf_object__for_each_map(map, object->bpf)
		if (map != chosen && bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
			bpf_map__set_autocreate(map, false);
	return 0;
}

static int open_file(struct mgx *mgx, const char *what, struct object *object, const char *path)
{
	const char *why;
	int err;

	memset(object, 0, sizeof(*object));
	path = object->path = path_of(path, OBJECT_SUFFIX);
	if (access(path, R_OK)) {
		err = errno;
		return mgx_fail(mgx, mgx_exit_of(err), mgx_exit_of(err) == MGX_NOT_FOUND ?
				"give the path of an object, or the name of an installed policy" :
				"give an object that can be read",
				"%s: %s: %s", what, path, mgx_why(err));
	}

	bpflog_clear();
	object->bpf = bpf_object__open_file(path, NULL);
	if (!object->bpf) {
		err = errno;
		/* What libbpf found first is nearest to the cause. */
		why = bpflog_warning("");
		return mgx_fail(mgx, MGX_BAD_OBJECT,
				"build it with clang -g -O2 -target bpf",
				"%s: %s: not a BPF object: %s", what, path,
				why ?: mgx_why(err));
	}
	if (!bpf_object__btf(object->bpf))
		return mgx_fail(mgx, MGX_BAD_OBJECT, "build it with clang -g",
				"%s: %s: there is no BTF in it", what, path);
	return 0;
}

int object_open(struct mgx *mgx, const char *what, struct object *object,
		const char *path, const char *name)
{
	return open_file(mgx, what, object, path) ?:
	       choose_ops(mgx, what, object, name, "choose one with --name", is_called);
}

int object_open_running(struct mgx *mgx, const char *what, struct object *object,
			const char *path, const char *map_name)
{
	return open_file(mgx, what, object, path) ?:
	       choose_ops(mgx, what, object, map_name, "give the object that it was loaded from",
			  is_map_called);
}

int object_set_cgroup(struct mgx *mgx, const char *what, struct object *object,
		      __u64 cgroup_id)
{
	size_t size = 0;
	void *place = ops_member(object, "cgroup_id", &size);

	if (!place || size != sizeof(cgroup_id))
		return mgx_fail(mgx, MGX_BAD_OBJECT, "build it against this kernel's vmlinux.h",
				"%s: %s: its struct " OPS_STRUCT " has no cgroup_id",
				what, object->path);
	memcpy(place, &cgroup_id, sizeof(cgroup_id));
	return 0;
}

int object_set_name(struct mgx *mgx, const char *what, struct object *object,
		    const char *name)
{
	size_t size = 0, i;
	char *place = ops_member(object, "name", &size);

	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			break;
	if (!place || !i || name[i] || strlen(name) >= size)
		return mgx_fail(mgx, MGX_BAD_VALUE,
				"use 1 to 15 letters, digits and underscores; see --name",
				"%s: name \"%s\": a policy cannot be called so", what, name);
	memset(place, 0, size);
	memcpy(place, name, i);
	return 0;
}

void *object_knobs(const struct object *object, struct knobs *knobs)
{
	struct bpf_map *map;
	void *base = NULL;
	size_t size = 0, i;

	knobs_parse(knobs, bpf_object__btf(object->bpf), KNOBS_SECTION);
	map = bpf_object__find_map_by_name(object->bpf, KNOBS_SECTION);
	if (map)
		base = bpf_map__initial_value(map, &size);
	for (i = 0; i < knobs->nr; i++)
		if (knobs->knobs[i].offset + knobs->knobs[i].size > size)
			return NULL;
	return base;
}

int object_set_knob(struct mgx *mgx, const char *what, struct object *object,
		    const char *assignment)
{
	const char *equals = strchr(assignment, '=');
	union knob_value value;
	struct knobs knobs;
	struct knob *knob;
	char *name, *next;
	void *base;
	int ret;

	if (!equals || equals == assignment)
		return mgx_fail(mgx, MGX_USAGE, "write --set KNOB=VALUE",
				"%s: --set %s: not an assignment", what, assignment);
	name = mgx_printf("%.*s", (int)(equals - assignment), assignment);

	base = object_knobs(object, &knobs);
	knob = knobs_find(&knobs, name);
	if (!knob || !base) {
		next = mgx_printf("`mgx check %s` lists those it has", object->path);
		ret = mgx_fail(mgx, MGX_NOT_FOUND,
			       knobs.nr ? next : "leave it away: it has none at all",
			       "%s: knob %s: %s has no such knob", what, name, object->path);
		free(next);
	} else {
		ret = knob_parse_value(mgx, what, object->path, knob, equals + 1, &value);
		if (!ret)
			knob_store(base, knob, &value);
	}
	knobs_free(&knobs);
	free(name);
	return ret;
}

static int load_failed(struct mgx *mgx, const char *what,
		       const struct object *object, int err)
{
	const struct bpflog_refusal *refusal = bpflog_refusal();
	const char *why;

	if (refusal->program && object->refused)
		object->refused(mgx, refusal);
	/* A verifier that speaks knows better than an errno. */
	if (refusal->program && refusal->reason)
		return mgx_fail(mgx, MGX_BAD_OBJECT, "mgx -d shows the verifier's whole log",
				"%s: %s: the verifier refused %s%s%s: %s", what,
				object->path, refusal->program,
				refusal->source ? " at " : "", refusal->source ?: "",
				refusal->reason);

	why = bpflog_warning("not found in kernel or module BTFs");
	if (!why)
		why = bpflog_warning("in kernel BTF");
	if (why)
		return mgx_fail(mgx, MGX_NO_FEATURE,
				"build the policy against this kernel's vmlinux.h",
				"%s: %s: it needs what this kernel does not have: %s",
				what, object->path, why);

	if (mgx_exit_of(err) == MGX_NO_PERM)
		return mgx_fail(mgx, MGX_NO_PERM, "run it as root (CAP_BPF, CAP_PERFMON)",
				"%s: %s: the kernel does not let us load it: %s",
				what, object->path, mgx_why(err));

	why = bpflog_warning("");
	return mgx_fail(mgx, MGX_BAD_OBJECT, "mgx -d shows what libbpf did",
			"%s: %s: %s", what, object->path, why ?: mgx_why(err));
}

/*
 * Give the struct_ops map its value, so that it is ready for a link to be
 * created or updated. libbpf does so only together with creating a link.
 */
static int publish(struct mgx *mgx, const struct object *object)
{
	const struct btf *btf = kernel_btf(mgx);
	const struct btf_type *value_type, *ops_type;
	int fd = bpf_map__fd(object->ops), data = -1;
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), zero = 0, i;
	char *value;
	int err;

	if (bpf_map_get_info_by_fd(fd, &info, &len))
		return -errno;
	value_type = btf__type_by_id(btf, kernel_ops_value_type(mgx));
	ops_type = btf__type_by_id(btf, kernel_ops_type(mgx));
	for (i = 0; i < btf_vlen(value_type); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(value_type)[i].name_off), "data"))
			data = btf_member_bit_offset(value_type, i) / 8;
	if (data < 0)
		return -EOPNOTSUPP;

	value = mgx_alloc(info.value_size);
	for (i = 0; i < btf_vlen(ops_type); i++) {
		const struct btf_member *member = &btf_members(ops_type)[i];
		char *place = value + data + btf_member_bit_offset(ops_type, i) / 8;
		const struct btf_type *type = btf__type_by_id(btf, member->type);
		size_t size = btf__resolve_size(btf, member->type), local_size = 0;
		void *from = ops_member(object, btf__name_by_offset(btf, member->name_off),
					&local_size);

		/* The object may be older than the kernel: zero is its default. */
		if (!from)
			continue;
		if (btf_is_ptr(type)) {
			struct bpf_program *prog = *(struct bpf_program **)from;

			if (prog)
				*(__u64 *)place = bpf_program__fd(prog);
		} else {
			memcpy(place, from, size < local_size ? size : local_size);
		}
	}
	err = bpf_map_update_elem(fd, &zero, value, 0) ? -errno : 0;
	free(value);
	return err;
}

int object_load(struct mgx *mgx, const char *what, struct object *object)
{
	int err;

	err = kernel_require_feature(mgx, what);
	if (err)
		return err;
	err = kernel_require_caps(mgx, what);
	if (err)
		return err;

	bpflog_clear();
	err = bpf_object__load(object->bpf);
	if (err)
		return load_failed(mgx, what, object, err);

	err = publish(mgx, object);
	if (err)
		return mgx_fail(mgx, err == -EINVAL ? MGX_BAD_OBJECT : mgx_exit_of(err),
				"check its name and members",
				"%s: %s: the kernel does not take its struct " OPS_STRUCT ": %s",
				what, object->path, mgx_why(err));
	return 0;
}

void object_close(struct object *object)
{
	bpf_object__close(object->bpf);
	free(object->path);
	memset(object, 0, sizeof(*object));
}
