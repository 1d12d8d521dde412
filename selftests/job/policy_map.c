// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy_map.h"

#define VALUE_TYPE	"bpf_struct_ops_migrate_ext_ops"
#define MAX_MAPS	32

char policy_map_error[256];

static int __attribute__((format(printf, 1, 2))) fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(policy_map_error, sizeof(policy_map_error), fmt, args);
	va_end(args);
	return -1;
}

static const struct btf_member *member(const struct btf *btf, const struct btf_type *type,
				       const char *name)
{
	const struct btf_member *m = btf_members(type);
	unsigned int i;

	for (i = 0; i < btf_vlen(type); i++, m++)
		if (!strcmp(btf__name_by_offset(btf, m->name_off), name))
			return m;
	return NULL;
}

/*
 * Where in the value of a struct_ops map the callback stands: read from user space, it is
 * the id of its program. Negative when the kernel has no such thing.
 */
static int callback_offset(const char *callback)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_member *data, *m;
	const struct btf_type *type;
	int id, offset = -1;

	if (!btf)
		return -1;
	id = btf__find_by_name_kind(btf, VALUE_TYPE, BTF_KIND_STRUCT);
	if (id > 0) {
		type = btf__type_by_id(btf, id);
		data = member(btf, type, "data");
		type = data ? btf__type_by_id(btf, data->type) : NULL;
		m = type ? member(btf, type, callback) : NULL;
		if (m)
			offset = (data->offset + m->offset) / 8;
	}
	btf__free(btf);
	return offset;
}

/* The id of the program behind that callback of a struct_ops map, 0 when there is none. */
static uint32_t callback_program(int fd, const char *callback)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info), key = 0;
	int offset = callback_offset(callback);
	uint64_t id = 0;
	char *value;

	if (offset < 0 || bpf_map_get_info_by_fd(fd, &info, &len))
		return 0;
	value = calloc(1, info.value_size);
	if (value && offset + sizeof(id) <= info.value_size &&
	    !bpf_map_lookup_elem(fd, &key, value))
		memcpy(&id, value + offset, sizeof(id));
	free(value);
	return id;
}

/* A descriptor of the program's map of that name. */
static int map_of_program(uint32_t program, const char *name)
{
	uint32_t ids[MAX_MAPS], len, i;
	struct bpf_prog_info info = { .nr_map_ids = MAX_MAPS, .map_ids = (uintptr_t)ids };
	struct bpf_map_info map;
	int fd = bpf_prog_get_fd_by_id(program), ret;

	if (fd < 0)
		return fail("program %u: %s", program, strerror(errno));
	len = sizeof(info);
	ret = bpf_prog_get_info_by_fd(fd, &info, &len);
	close(fd);
	if (ret)
		return fail("program %u: %s", program, strerror(errno));
	for (i = 0; i < info.nr_map_ids && i < MAX_MAPS; i++) {
		fd = bpf_map_get_fd_by_id(ids[i]);
		if (fd < 0)
			continue;
		memset(&map, 0, sizeof(map));
		len = sizeof(map);
		if (!bpf_map_get_info_by_fd(fd, &map, &len) && !strcmp(map.name, name))
			return fd;
		close(fd);
	}
	return fail("program %u has no map %s", program, name);
}

int policy_results_fd(uint32_t struct_ops_map_id)
{
	int fd = bpf_map_get_fd_by_id(struct_ops_map_id);
	uint32_t program;

	if (fd < 0)
		return fail("struct_ops map %u: %s", struct_ops_map_id, strerror(errno));
	program = callback_program(fd, "done");
	close(fd);
	if (!program)
		return fail("struct_ops map %u names no program for done()", struct_ops_map_id);
	return map_of_program(program, "results");
}

bool policy_results_read(int fd, struct table *table)
{
	struct migrate_ext_results_key key, *last = NULL;
	struct migrate_ext_results value;

	while (!bpf_map_get_next_key(fd, last, &key)) {
		if (bpf_map_lookup_elem(fd, &key, &value)) {
			fail("the map results: %s", strerror(errno));
			return false;
		}
		if (!table_add(table, &key, &value)) {
			fail("the map results has too many entries");
			return false;
		}
		last = &key;
	}
	if (errno != ENOENT)
		fail("the map results: %s", strerror(errno));
	return errno == ENOENT;
}
