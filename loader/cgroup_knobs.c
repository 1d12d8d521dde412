// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "cgroup.h"
#include "cgroup_knobs.h"
#include "error.h"
#include "object.h"
#include "policy.h"

static void free_knob(struct knob *knob)
{
	free(knob->name);
	free(knob->type);
	free(knob->unit);
	free(knob->help);
}

/* Of the map @name, as its author has declared it: false when that is no knob. */
static bool declared(const struct btf *btf, const char *name, struct knob *knob)
{
	struct knobs vars;
	bool found = false;
	size_t i;

	knobs_parse(&vars, btf, ".maps");
	for (i = 0; i < vars.nr && !found; i++) {
		/* Only tags of knobs give it a help text. */
		if (!vars.knobs[i].help || strcmp(vars.knobs[i].name, name))
			continue;
		*knob = vars.knobs[i];
		memset(&vars.knobs[i], 0, sizeof(vars.knobs[i]));
		found = true;
	}
	knobs_free(&vars);
	if (!found)
		return false;
	free(knob->type);
	knob->type = mgx_strdup("u32");
	knob->kind = KNOB_UINT;
	knob->offset = 0;
	knob->size = sizeof(__u32);
	return true;
}

static bool add(struct cgroup_knobs *knobs, const struct btf *btf, const char *name, int fd)
{
	struct knob knob;

	if (cgroup_knobs_find(knobs, name) || !declared(btf, name, &knob))
		return false;
	knobs->knobs = realloc(knobs->knobs, (knobs->nr + 1) * sizeof(*knobs->knobs));
	if (!knobs->knobs)
		abort();
	knobs->knobs[knobs->nr++] = (struct cgroup_knob) { .knob = knob, .map_fd = fd };
	return true;
}

static bool has_shape(__u32 type, __u32 key_size, __u32 value_size)
{
	return type == BPF_MAP_TYPE_HASH && key_size == sizeof(__u64) && value_size == sizeof(__u32);
}

static int take_map(int fd, const struct bpf_map_info *map, void *arg)
{
	struct btf *btf;
	bool added;

	if (!has_shape(map->type, map->key_size, map->value_size) || !map->btf_id)
		return 0;
	btf = btf__load_from_kernel_by_id(map->btf_id);
	if (!btf)
		return -errno;
	added = add(arg, btf, map->name, fd);
	btf__free(btf);
	return added ? POLICY_MAP_TAKEN : 0;
}

int cgroup_knobs_open(const struct policy *policy, struct cgroup_knobs *knobs)
{
	memset(knobs, 0, sizeof(*knobs));
	return policy_each_map(policy, take_map, knobs);
}

int cgroup_knobs_of_object(const struct object *object, struct cgroup_knobs *knobs)
{
	struct bpf_map *map;
	int fd;

	memset(knobs, 0, sizeof(*knobs));
	bpf_object__for_each_map(map, object->bpf) {
		if (!has_shape(bpf_map__type(map), bpf_map__key_size(map), bpf_map__value_size(map)))
			continue;
		/* As those of what runs, it is closed by itself. */
		fd = dup(bpf_map__fd(map));
		if (fd < 0)
			return -errno;
		if (!add(knobs, bpf_object__btf(object->bpf), bpf_map__name(map), fd))
			close(fd);
	}
	return 0;
}

void cgroup_knobs_close(struct cgroup_knobs *knobs)
{
	size_t i;

	for (i = 0; i < knobs->nr; i++) {
		free_knob(&knobs->knobs[i].knob);
		close(knobs->knobs[i].map_fd);
	}
	free(knobs->knobs);
	memset(knobs, 0, sizeof(*knobs));
}

struct cgroup_knob *cgroup_knobs_find(const struct cgroup_knobs *knobs, const char *name)
{
	size_t i;

	for (i = 0; i < knobs->nr; i++)
		if (!strcmp(knobs->knobs[i].knob.name, name))
			return &knobs->knobs[i];
	return NULL;
}

static int compare_ids(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

size_t cgroup_knob_ids(const struct cgroup_knob *knob, __u64 **ids)
{
	return cgroup_ids_of_map(knob->map_fd, ids);
}

size_t cgroup_ids_of_map(int map_fd, __u64 **ids)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	__u64 id, *before = NULL;
	size_t nr = 0, i, once = 0;

	*ids = NULL;
	if (bpf_map_get_info_by_fd(map_fd, &info, &len))
		return 0;
	/* Where the one it goes on from was deleted meanwhile the kernel begins anew. */
	while (nr < 2 * (size_t)info.max_entries && !bpf_map_get_next_key(map_fd, before, &id)) {
		*ids = realloc(*ids, (nr + 1) * sizeof(**ids));
		if (!*ids)
			abort();
		(*ids)[nr] = id;
		before = &(*ids)[nr++];
	}
	if (nr)
		qsort(*ids, nr, sizeof(**ids), compare_ids);
	for (i = 0; i < nr; i++)
		if (!i || (*ids)[i] != (*ids)[once - 1])
			(*ids)[once++] = (*ids)[i];
	return once;
}

bool cgroup_knob_get(const struct cgroup_knob *knob, __u64 cgroup_id, __u32 *value)
{
	return !bpf_map_lookup_elem(knob->map_fd, &cgroup_id, value);
}

/* Ids do not come again: what has gone only takes a place. */
static bool make_room(const struct cgroup_knob *knob)
{
	size_t nr, i, made = 0;
	__u64 *ids;

	nr = cgroup_knob_ids(knob, &ids);
	for (i = 0; i < nr; i++)
		if (cgroup_is_gone(ids[i]) && !bpf_map_delete_elem(knob->map_fd, &ids[i]))
			made++;
	free(ids);
	return made;
}

int cgroup_knob_set(const struct cgroup_knob *knob, __u64 cgroup_id, __u32 value)
{
	bool again;
	int err;

	do {
		err = bpf_map_update_elem(knob->map_fd, &cgroup_id, &value, BPF_ANY) ? -errno : 0;
		again = err == -E2BIG && make_room(knob);
	} while (again);
	return err;
}

int cgroup_knob_take_away(const struct cgroup_knob *knob, __u64 cgroup_id)
{
	return bpf_map_delete_elem(knob->map_fd, &cgroup_id) && errno != ENOENT ? -errno : 0;
}

static int carry_over(const struct cgroup_knob *from, const struct cgroup_knob *to)
{
	__u64 *ids;
	size_t nr = cgroup_knob_ids(from, &ids), i;
	__u32 value;
	int err = 0;

	for (i = 0; i < nr && !err; i++) {
		char *path = cgroup_path(ids[i]);

		/* Ids do not come again: what has gone only takes a place. */
		if (path && cgroup_knob_get(from, ids[i], &value))
			err = cgroup_knob_set(to, ids[i], value);
		free(path);
	}
	free(ids);
	return err;
}

int cgroup_knobs_carry_over(const struct policy *policy, const struct object *object)
{
	struct cgroup_knobs from, to = {};
	const struct cgroup_knob *same;
	size_t i;
	int err;

	err = cgroup_knobs_open(policy, &from);
	err = err ?: cgroup_knobs_of_object(object, &to);
	for (i = 0; i < to.nr && !err; i++) {
		same = cgroup_knobs_find(&from, to.knobs[i].knob.name);
		if (same)
			err = carry_over(same, &to.knobs[i]);
	}
	cgroup_knobs_close(&from);
	cgroup_knobs_close(&to);
	return err;
}

int cgroup_knob_check(struct mgx *mgx, const char *what, const struct object *object,
		      const char *name, const char *text, __u32 *value)
{
	union knob_value parsed;
	struct knob knob;
	int ret;

	if (!declared(bpf_object__btf(object->bpf), name, &knob))
		return mgx_fail(mgx, MGX_NOT_FOUND, "`mgx check` lists its knobs",
				"%s: %s: it has no knob %s for single cgroups", what, object->path, name);
	ret = knob_parse_value(mgx, what, object->path, &knob, text, &parsed);
	if (!ret)
		*value = parsed.uint;
	free_knob(&knob);
	return ret;
}

bool cgroup_assignment_is(const char *word)
{
	size_t name = strcspn(word, ":=");

	return name && word[name] == ':';
}

int cgroup_assignment_parse(struct mgx *mgx, const char *what, const struct policy *policy,
			    const struct cgroup_knobs *knobs, const char *word,
			    struct cgroup_assignment *assignment)
{
	const char *colon = strchr(word, ':'), *equals = strrchr(word, '=');
	char *name = mgx_printf("%.*s", (int)(colon - word), word);
	union knob_value value;
	char *end;
	int ret = 0;

	memset(assignment, 0, sizeof(*assignment));
	assignment->knob = cgroup_knobs_find(knobs, name);
	if (!assignment->knob)
		ret = mgx_fail(mgx, MGX_NOT_FOUND,
			       knobs->nr ? "`mgx tune` with the policy alone lists those it has" :
			       "its knobs are the same for all cgroups: write KNOB=VALUE",
			       "%s: %s: policy %s has no knob of that name for cgroups", what, name,
			       policy->name);
	else if (!equals || equals <= colon + 1)
		ret = mgx_fail(mgx, MGX_USAGE, "write KNOB:CGROUP=VALUE, or KNOB:CGROUP= to take it away",
			       "%s: %s: it sets nothing", what, word);
	free(name);
	if (ret)
		return ret;
	assignment->path = mgx_printf("%.*s", (int)(equals - colon - 1), colon + 1);
	assignment->take_away = !equals[1];
	/* What has been removed has an id only, as the list shows it. */
	assignment->cgroup_id = strtoull(assignment->path, &end, 10);
	if (!assignment->take_away || *end || !cgroup_is_gone(assignment->cgroup_id))
		ret = cgroup_resolve(mgx, what, assignment->path, &assignment->cgroup_id);
	if (!ret && !assignment->take_away)
		ret = knob_parse_value(mgx, what, policy->name, &assignment->knob->knob, equals + 1, &value);
	if (!ret && !assignment->take_away)
		assignment->value = value.uint;
	return ret;
}
