// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "cgroup_counters.h"
#include "cgroup_knobs.h"
#include "error.h"
#include "policy.h"

struct visit {
	void (*each)(const struct cgroup_counter *counter, void *arg);
	void *arg;
	/* A map comes once for each program that has it. */
	__u32 *map_ids;
	size_t nr_maps;
};

static bool is_seen(struct visit *visit, __u32 map_id)
{
	size_t i;

	for (i = 0; i < visit->nr_maps; i++)
		if (visit->map_ids[i] == map_id)
			return true;
	visit->map_ids = realloc(visit->map_ids, (visit->nr_maps + 1) * sizeof(*visit->map_ids));
	if (!visit->map_ids)
		abort();
	visit->map_ids[visit->nr_maps++] = map_id;
	return false;
}

/* What the tag @what of a member says, or NULL. */
static const char *tag_of(const struct btf *btf, __u32 struct_id, __u32 member, const char *what)
{
	__u32 id;

	for (id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const char *tag;

		if (!btf_is_decl_tag(type) || type->type != struct_id ||
		    (__u32)btf_decl_tag(type)->component_idx != member)
			continue;
		tag = btf__name_by_offset(btf, type->name_off);
		if (!strncmp(tag, what, strlen(what)))
			return tag + strlen(what);
	}
	return NULL;
}

static void visit_member(struct visit *visit, const struct btf *btf, __u32 struct_id, __u32 member,
			 int map_fd, __u32 value_size)
{
	const struct btf_type *type = btf__type_by_id(btf, struct_id);
	__u32 offset = btf_member_bit_offset(type, member) / 8;
	struct cgroup_counter counter = {
		.name = btf__name_by_offset(btf, btf_members(type)[member].name_off),
		.unit = tag_of(btf, struct_id, member, "counter:unit=") ?: "",
		.help = tag_of(btf, struct_id, member, "counter:help="),
	};
	size_t nr, i;
	char *value;
	__u64 *ids;

	if (!counter.help || btf__resolve_size(btf, btf_members(type)[member].type) != sizeof(__u64))
		return;
	value = mgx_alloc(value_size);
	nr = cgroup_ids_of_map(map_fd, &ids);
	for (i = 0; i < nr; i++) {
		if (bpf_map_lookup_elem(map_fd, &ids[i], value))
			continue;
		counter.cgroup_id = ids[i];
		memcpy(&counter.value, value + offset, sizeof(counter.value));
		visit->each(&counter, visit->arg);
	}
	free(ids);
	free(value);
}

static int visit_map(int fd, const struct bpf_map_info *map, void *arg)
{
	struct visit *visit = arg;
	const struct btf_type *type;
	__u32 struct_id;
	struct btf *btf;
	__u32 member;

	if ((map->type != BPF_MAP_TYPE_HASH && map->type != BPF_MAP_TYPE_LRU_HASH) ||
	    map->key_size != sizeof(__u64) || !map->btf_id || is_seen(visit, map->id))
		return 0;
	btf = btf__load_from_kernel_by_id(map->btf_id);
	if (!btf)
		return -errno;
	struct_id = map->btf_value_type_id;
	type = btf__type_by_id(btf, struct_id);
	if (type && btf_is_struct(type))
		for (member = 0; member < btf_vlen(type); member++)
			visit_member(visit, btf, struct_id, member, fd, map->value_size);
	btf__free(btf);
	return 0;
}

int cgroup_counters_each(const struct policy *policy,
			 void (*each)(const struct cgroup_counter *counter, void *arg), void *arg)
{
	struct visit visit = { .each = each, .arg = arg };
	int err = policy_each_map(policy, visit_map, &visit);

	free(visit.map_ids);
	return err;
}
