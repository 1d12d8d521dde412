// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "policy.h"

/* As the kernel lays it out: struct migrate_ext_ops. */
struct ops {
	void *callbacks[6];
	uint64_t cgroup_id;
	uint64_t flags;
	uint64_t min_bytes;
	uint32_t error_limit;
	char name[16];
	void *priv;
};

struct policy_settings policy_settings;

static char log_text[65536];

static int print_to_log(enum libbpf_print_level level, const char *fmt, va_list args)
{
	size_t used = strlen(log_text);

	if (level == LIBBPF_DEBUG)
		return 0;
	return vsnprintf(log_text + used, sizeof(log_text) - used, fmt, args);
}

const char *policy_log(void)
{
	return log_text;
}

/* Only the wanted struct_ops map, and the programs that it names, are loaded. */
static int choose(struct bpf_object *object, const char *name)
{
	struct bpf_map *map;
	int ret = -ENOENT;

	bpf_object__for_each_map(map, object) {
		if (bpf_map__type(map) != BPF_MAP_TYPE_STRUCT_OPS)
			continue;
		if (!strcmp(bpf_map__name(map), name))
			ret = 0;
		else
			bpf_map__set_autocreate(map, false);
	}
	return ret;
}

static void *map_memory(struct bpf_object *object, const char *suffix)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		const char *name = bpf_map__name(map);
		size_t size;

		if (strlen(name) >= strlen(suffix) &&
		    !strcmp(name + strlen(name) - strlen(suffix), suffix))
			return bpf_map__initial_value(map, &size);
	}
	return NULL;
}

int policy_load(struct policy *policy, const char *name, const char *map, uint64_t cgroup_id)
{
	char path[PATH_MAX];
	struct ops *ops;
	size_t size;
	int ret;

	memset(policy, 0, sizeof(*policy));
	log_text[0] = '\0';
	libbpf_set_print(print_to_log);
	snprintf(path, sizeof(path), "build/selftests/%s.bpf.o", name);
	policy->object = bpf_object__open_file(path, NULL);
	REQUIRE(policy->object, "%s: %m", path);

	if (map) {
		ret = choose(policy->object, map);
		REQUIRE(!ret, "%s: no map %s", path, map);
		policy->map = bpf_object__find_map_by_name(policy->object, map);
		ops = bpf_map__initial_value(policy->map, &size);
		REQUIRE(ops && size == sizeof(*ops), "%s: struct migrate_ext_ops has %zu bytes",
			path, size);
		ops->cgroup_id = cgroup_id;
		ops->flags |= policy_settings.flags;
		if (policy_settings.min_bytes)
			ops->min_bytes = policy_settings.min_bytes;
		if (policy_settings.error_limit)
			ops->error_limit = policy_settings.error_limit;
	}
	policy->cgroup_id = cgroup_id ?: ROOT_CGROUP_ID;
	ret = bpf_object__load(policy->object);
	if (ret) {
		bpf_object__close(policy->object);
		memset(policy, 0, sizeof(*policy));
		return ret;
	}
	policy->knobs = map_memory(policy->object, ".data.knobs");
	policy->counts = map_memory(policy->object, ".bss");
	return 0;
}

int policy_attach(struct policy *policy)
{
	policy->link = bpf_map__attach_struct_ops(policy->map);
	return policy->link ? 0 : -errno;
}

int policy_replace(struct policy *old, struct policy *policy)
{
	int ret = bpf_link__update_map(old->link, policy->map);

	if (!ret && old != policy) {
		policy->link = old->link;
		old->link = NULL;
	}
	return ret;
}

void policy_close(struct policy *policy)
{
	bpf_link__destroy(policy->link);
	bpf_object__close(policy->object);
	memset(policy, 0, sizeof(*policy));
}

void steer(struct policy *policy, uint64_t cgroup_id)
{
	int ret = policy_load(policy, "steer", "steer", cgroup_id);

	REQUIRE(!ret, "steer: load: %s\n%s", strerror(-ret), policy_log());
	REQUIRE(policy->knobs && policy->counts, "steer: no knobs");
	ret = policy_attach(policy);
	REQUIRE(!ret, "steer: attach to %" PRIu64 ": %s", cgroup_id, strerror(-ret));
}

void policy_whole(struct policy *policy, struct whole_memory **memory, uint64_t cgroup_id)
{
	int ret = policy_load(policy, "whole", "whole", cgroup_id);

	REQUIRE(!ret, "whole: load: %s\n%s", strerror(-ret), policy_log());
	*memory = map_memory(policy->object, ".bss");
	REQUIRE(*memory, "whole: no memory");
}

static void attachment_path(char *path, uint64_t cgroup_id, const char *file)
{
	snprintf(path, PATH_MAX, OFFLOAD_DIR "/policies/%" PRIu64 "%s%s", cgroup_id,
		 file ? "/" : "", file ?: "");
}

void policy_state(uint64_t cgroup_id, char *state, size_t size)
{
	char path[PATH_MAX];

	attachment_path(path, cgroup_id, "state");
	read_line(path, state, size);
}

uint64_t policy_event(uint64_t cgroup_id, const char *name)
{
	char path[PATH_MAX];

	attachment_path(path, cgroup_id, "events");
	return counter(path, name);
}

struct book policy_book(uint64_t cgroup_id)
{
	char path[PATH_MAX];

	attachment_path(path, cgroup_id, NULL);
	return book_read(path, SYSCALL);
}

bool policy_is_attached(uint64_t cgroup_id)
{
	char path[PATH_MAX];

	attachment_path(path, cgroup_id, NULL);
	return exists(path);
}

uint64_t cgroup_of(const char *name)
{
	int ret = cgroup_make(name);

	REQUIRE(!ret, "cgroup %s: %s", name, strerror(-ret));
	return cgroup_id_of(name);
}

void cgroup_enter(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), CGROUP_ROOT "/%s/cgroup.procs", name);
	write_file(path, "0");
}
