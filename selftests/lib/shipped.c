// SPDX-License-Identifier: GPL-2.0
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "shipped.h"

struct policy shipped;

void shipped_start(const char *name)
{
	char object[64], map[64];
	int ret;

	snprintf(object, sizeof(object), "../bpf/%s", name);
	snprintf(map, sizeof(map), "%s_ops", name);
	ret = policy_load(&shipped, object, map, 0);
	REQUIRE(!ret, "%s: %s\n%s", name, strerror(-ret), policy_log());
	ret = policy_attach(&shipped);
	REQUIRE(!ret, "%s: attach: %s", name, strerror(-ret));
}

void shipped_stop(void)
{
	policy_close(&shipped);
}

static struct bpf_map *map_of(const char *suffix)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, shipped.object) {
		const char *name = bpf_map__name(map), *end = name + strlen(name);

		if (strlen(name) >= strlen(suffix) && !strcmp(end - strlen(suffix), suffix))
			return map;
	}
	REQUIRE(false, "no map %s", suffix);
	return NULL;
}

int shipped_map(const char *suffix)
{
	return bpf_map__fd(map_of(suffix));
}

/* Where the variable of that name stands in that section. */
static void *variable(const char *in, const char *name, size_t *size)
{
	const struct btf *btf = bpf_object__btf(shipped.object);
	int section = btf__find_by_name_kind(btf, in, BTF_KIND_DATASEC);
	const struct btf_var_secinfo *info;
	const struct btf_type *type;
	char *memory;
	unsigned int i;
	size_t all;

	REQUIRE(section > 0, "no %s", in);
	type = btf__type_by_id(btf, section);
	info = btf_var_secinfos(type);
	memory = bpf_map__initial_value(map_of(in), &all);
	for (i = 0; i < btf_vlen(type); i++, info++) {
		const struct btf_type *variable = btf__type_by_id(btf, info->type);

		if (strcmp(btf__name_by_offset(btf, variable->name_off), name))
			continue;
		*size = info->size;
		return memory + info->offset;
	}
	REQUIRE(false, "no variable %s", name);
	return NULL;
}

void shipped_set(const char *knob, uint64_t value)
{
	size_t size;
	void *at = variable(".data.knobs", knob, &size);

	memcpy(at, &value, size);
}

void shipped_set_text(const char *knob, const char *value)
{
	size_t size;
	char *at = variable(".data.knobs", knob, &size);

	snprintf(at, size, "%s", value);
}

static uint64_t *number(const char *in, const char *name)
{
	size_t size;
	uint64_t *at = variable(in, name, &size);

	REQUIRE(size == sizeof(*at), "%s: %zu bytes", name, size);
	return at;
}

uint64_t *shipped_memory(const char *name)
{
	return number(".bss", name);
}

uint64_t shipped_count(const char *counter)
{
	return *(volatile uint64_t *)number(".bss.counters", counter);
}
