// SPDX-License-Identifier: GPL-2.0
/*
 * Running policies, found from outside: link -> struct_ops map -> ids of the
 * programs, which the kernel shows where the callbacks are -> their maps. So it
 * makes no difference whether mgx, bpftool or another loader brought them.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "bpffs.h"
#include "cgroup.h"
#include "error.h"
#include "kernel.h"
#include "out.h"
#include "policy.h"
#include "sysfs.h"

void policy_free(struct policy *policy)
{
	free(policy->name);
	free(policy->object);
	free(policy->pin);
	free(policy->ejected);
	free(policy->cgroup_path);
}

void policies_free(struct policies *policies)
{
	size_t i;

	for (i = 0; i < policies->nr; i++)
		policy_free(&policies->policies[i]);
	free(policies->policies);
	memset(policies, 0, sizeof(*policies));
}

static struct policy *policies_add(struct policies *policies)
{
	policies->policies = realloc(policies->policies,
				     (policies->nr + 1) * sizeof(struct policy));
	if (!policies->policies) {
		fputs("mgx: out of memory\n", stderr);
		exit(MGX_FAILED);
	}
	memset(&policies->policies[policies->nr], 0, sizeof(struct policy));
	return &policies->policies[policies->nr++];
}

/* Offset of a member of the map's value, which embeds the ops as `data`. */
static int ops_offset(const struct btf *btf, int value_type)
{
	const struct btf_type *type = btf__type_by_id(btf, value_type);
	const struct btf_member *member = btf_members(type);
	__u32 i;

	for (i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, member[i].name_off), "data"))
			return btf_member_bit_offset(type, i) / 8;
	return -ENOENT;
}

/* FNV-1a, over what a member has; where it stands counts, too. */
static void add_to_shape(struct policy *policy, __u32 member, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	__u64 hash = policy->shape ?: 0xcbf29ce484222325ULL;

	hash = (hash ^ (member + 1)) * 0x100000001b3ULL;
	while (size--)
		hash = (hash ^ *bytes++) * 0x100000001b3ULL;
	policy->shape = hash;
}

/* What the policy's ops say: name, cgroup and, for each callback, a program id. */
static int read_ops(struct mgx *mgx, int map_fd, __u32 value_size,
		    struct policy *policy)
{
	const struct btf *btf = kernel_btf(mgx);
	const struct btf_type *ops_type = btf__type_by_id(btf, kernel_ops_type(mgx));
	int data = ops_offset(btf, kernel_ops_value_type(mgx));
	const struct btf_member *member = btf_members(ops_type);
	char *value = mgx_alloc(value_size);
	__u32 zero = 0, i;

	if (data < 0 || bpf_map_lookup_elem(map_fd, &zero, value)) {
		free(value);
		return -errno;
	}

	for (i = 0; i < btf_vlen(ops_type); i++, member++) {
		const char *name = btf__name_by_offset(btf, member->name_off);
		const struct btf_type *type = btf__type_by_id(btf, member->type);
		char *place = value + data + btf_member_bit_offset(ops_type, i) / 8;

		if (btf_is_ptr(type)) {
			__u64 id = *(__u64 *)place;

			if (id && policy->nr_progs < POLICY_MAX_PROGS) {
				policy->prog_ids[policy->nr_progs++] = id;
				add_to_shape(policy, i, NULL, 0);
			}
		} else if (!strcmp(name, "name")) {
			policy->name = mgx_printf("%.*s", (int)btf__resolve_size(btf, member->type),
						  place);
		} else if (!strcmp(name, "cgroup_id")) {
			policy->cgroup_id = *(__u64 *)place;
		} else {
			size_t size = btf__resolve_size(btf, member->type);

			if (!strcmp(name, "flags") && size == sizeof(policy->flags))
				memcpy(&policy->flags, place, size);
			add_to_shape(policy, i, place, size);
		}
	}
	free(value);

	if (!policy->name)
		policy->name = mgx_strdup("");
	if (!policy->cgroup_id)
		policy->cgroup_id = CGROUP_ROOT_ID;
	policy->cgroup_path = cgroup_path(policy->cgroup_id);
	return 0;
}

/* What the kernel says of the attachment, when that is of this very map. */
static char *read_ejected(const struct policy *policy)
{
	char *map_id = sysfs_read("policies/%llu/map_id", (unsigned long long)policy->cgroup_id);
	char *state = sysfs_read("policies/%llu/state", (unsigned long long)policy->cgroup_id);
	char *why = NULL;

	if (map_id && state && strtoul(map_id, NULL, 10) == policy->map_id)
		why = policy_ejected(state);
	free(state);
	free(map_id);
	return why;
}

/* A module's struct_ops has its own BTF, where the ids of vmlinux mean nothing. */
static bool is_vmlinux(__u32 btf_id)
{
	char name[16] = "";
	struct bpf_btf_info info = {
		.name = (__u64)(unsigned long)name,
		.name_len = sizeof(name),
	};
	__u32 len = sizeof(info);
	bool is;
	int fd;

	fd = bpf_btf_get_fd_by_id(btf_id);
	if (fd < 0)
		return false;
	/* ENOSPC: a name too long to be that. */
	is = !bpf_btf_get_info_by_fd(fd, &info, &len) && !strcmp(name, "vmlinux");
	close(fd);
	return is;
}

static int read_link(struct mgx *mgx, __u32 link_id, struct policies *policies)
{
	struct bpf_link_info link = {};
	struct bpf_map_info map = {};
	__u32 len = sizeof(link);
	struct policy *policy;
	int fd, err;

	fd = bpf_link_get_fd_by_id(link_id);
	/* Gone meanwhile; or somebody, anybody, is about to make it, and it is none yet. */
	if (fd < 0)
		return errno == ENOENT || errno == EAGAIN ? 0 : -errno;
	err = bpf_link_get_info_by_fd(fd, &link, &len);
	close(fd);
	if (err)
		return -errno;
	if (link.type != BPF_LINK_TYPE_STRUCT_OPS || !link.struct_ops.map_id)
		return 0;

	fd = bpf_map_get_fd_by_id(link.struct_ops.map_id);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	len = sizeof(map);
	err = bpf_map_get_info_by_fd(fd, &map, &len) ? -errno : 0;
	if (!err && (int)map.btf_vmlinux_value_type_id == kernel_ops_value_type(mgx) &&
	    is_vmlinux(map.btf_vmlinux_id)) {
		policy = policies_add(policies);
		policy->link_id = link_id;
		policy->map_id = map.id;
		policy->object = mgx_strdup(map.name);
		err = read_ops(mgx, fd, map.value_size, policy);
		if (err) {
			policy_free(policy);
			policies->nr--;
		} else {
			policy->ejected = read_ejected(policy);
		}
	}
	close(fd);
	return err;
}

/* Gives the policy its pin; a link that is detached has nothing but its pin. */
static int read_pin(const char *path, const char *name, void *arg)
{
	struct policies *policies = arg;
	struct bpf_link_info link = {};
	__u32 len = sizeof(link);
	struct policy *policy;
	int fd, err;
	size_t i;

	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	err = bpf_link_get_info_by_fd(fd, &link, &len);
	close(fd);
	if (err || link.type != BPF_LINK_TYPE_STRUCT_OPS)
		return 0;

	for (i = 0; i < policies->nr; i++) {
		policy = &policies->policies[i];
		if (policy->link_id == link.id) {
			if (!policy->pin)
				policy->pin = mgx_strdup(path);
			return 0;
		}
	}
	if (link.struct_ops.map_id)
		return 0;
	policy = policies_add(policies);
	policy->link_id = link.id;
	policy->name = mgx_strdup(name);
	policy->pin = mgx_strdup(path);
	return 0;
}

int policies_read(struct mgx *mgx, const char *what, struct policies *policies)
{
	__u32 id = 0;
	int err;

	memset(policies, 0, sizeof(*policies));
	err = kernel_require_feature(mgx, what);
	if (err)
		return err;

	while (!(err = bpf_link_get_next_id(id, &id) ? -errno : 0)) {
		err = read_link(mgx, id, policies);
		if (err)
			break;
	}
	if (err != -ENOENT)
		return mgx_fail(mgx, mgx_exit_of(err), mgx_exit_of(err) == MGX_NO_PERM ?
				"run it as root (CAP_SYS_ADMIN)" : NULL,
				"%s: BPF links: cannot read them: %s", what, mgx_why(err));
	bpffs_for_each_pin(read_pin, policies);
	return 0;
}

int policies_read_link(struct mgx *mgx, __u32 link_id, struct policies *policies)
{
	int err;

	memset(policies, 0, sizeof(*policies));
	err = read_link(mgx, link_id, policies);
	if (err)
		return err;
	bpffs_for_each_pin(read_pin, policies);
	return policies->nr && policies->policies[0].link_id == link_id ? 0 : -ENOENT;
}

int policy_of_map(struct mgx *mgx, int map_fd, struct policy *policy)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	memset(policy, 0, sizeof(*policy));
	if (bpf_map_get_info_by_fd(map_fd, &info, &len))
		return -errno;
	policy->map_id = info.id;
	policy->object = mgx_strdup(info.name);
	return read_ops(mgx, map_fd, info.value_size, policy);
}

static const char *pin_name(const struct policy *policy)
{
	return policy->pin ? strrchr(policy->pin, '/') + 1 : NULL;
}

struct policy *policies_find(struct mgx *mgx, const char *what,
			     struct policies *policies, const char *name, int *exit)
{
	struct policy *found = NULL;
	size_t i, nr = 0;
	char *end;

	if (!strncmp(name, "id:", 3)) {
		unsigned long long id = strtoull(name + 3, &end, 10);

		for (i = 0; i < policies->nr; i++)
			if (isdigit((unsigned char)name[3]) && !*end && policies->policies[i].link_id == id)
				return &policies->policies[i];
		*exit = mgx_fail(mgx, MGX_NOT_FOUND, "`mgx list` shows those there are",
				 "%s: policy %s: no policy has a link of this id",
				 what, name);
		return NULL;
	}

	/* A pin's name is unique; what ops call themselves need not be. */
	for (i = 0; i < policies->nr; i++)
		if (policies->policies[i].pin &&
		    !strcmp(pin_name(&policies->policies[i]), name))
			return &policies->policies[i];
	for (i = 0; i < policies->nr; i++) {
		if (!strcmp(policies->policies[i].name, name)) {
			found = &policies->policies[i];
			nr++;
		}
	}
	if (nr == 1)
		return found;
	if (nr)
		*exit = mgx_fail(mgx, MGX_USAGE, "name it id:LINK, with the link of `mgx list`",
				 "%s: policy %s: %zu policies are called so",
				 what, name, nr);
	else
		*exit = mgx_fail(mgx, MGX_NOT_FOUND, "`mgx list` shows those there are",
				 "%s: policy %s: no policy of this name is loaded",
				 what, name);
	return NULL;
}

char *policy_ejected(const char *state)
{
	static const char ejected[] = "ejected: ";

	return strncmp(state, ejected, strlen(ejected)) ? NULL : mgx_strdup(state + strlen(ejected));
}

const struct out_column policy_columns[] = {
	{ "name", "NAME" },
	{ "object", "OBJECT" },
	{ "cgroup_id", "CGROUP" },
	{ "cgroup_path", "PATH" },
	{ "state", "STATE" },
	{ "link_id", "LINK" },
	{ "map_id", "MAP" },
	{ "pin", "PIN" },
	{ "why", "WHY", .sparse = true },
};

const size_t policy_nr_columns = MGX_ARRAY_SIZE(policy_columns);

void policy_out_begin(struct mgx *mgx, bool record)
{
	if (record)
		out_record(mgx->out, "policy", NULL, policy_columns,
			   MGX_ARRAY_SIZE(policy_columns));
	else
		out_table(mgx->out, "policies", NULL, "no policies are loaded",
			  policy_columns, MGX_ARRAY_SIZE(policy_columns));
}

void policy_out(struct mgx *mgx, const struct policy *policy)
{
	struct out *out = mgx->out;

	out_str(out, policy->name);
	out_str(out, policy->object);
	if (policy->cgroup_id)
		out_uint(out, policy->cgroup_id);
	else
		out_none(out);
	out_str(out, policy->cgroup_path);
	out_str(out, !policy->map_id ? "detached" : policy->ejected ? "ejected" : "attached");
	out_uint(out, policy->link_id);
	if (policy->map_id)
		out_uint(out, policy->map_id);
	else
		out_none(out);
	out_str(out, policy->pin);
	out_str(out, policy->ejected);
	out_row(out);
}

/* Is the value of this map that section? Opens its variables if it is. */
static int open_map(int fd, const struct bpf_map_info *info, const char *section,
		    struct policy_section *sec)
{
	const struct btf_type *type;
	size_t page = sysconf(_SC_PAGESIZE);
	__u32 zero = 0;
	struct btf *btf;

	if (info->type != BPF_MAP_TYPE_ARRAY || !info->btf_id ||
	    !info->btf_value_type_id)
		return 0;
	btf = btf__load_from_kernel_by_id(info->btf_id);
	if (!btf)
		return -errno;
	type = btf__type_by_id(btf, info->btf_value_type_id);
	if (!type || !btf_is_datasec(type) ||
	    strcmp(btf__name_by_offset(btf, type->name_off), section)) {
		btf__free(btf);
		return 0;
	}
	knobs_parse(&sec->vars, btf, section);
	btf__free(btf);

	sec->size = info->value_size;
	if (info->map_flags & BPF_F_MMAPABLE) {
		sec->size = (sec->size + page - 1) / page * page;
		sec->base = mmap(NULL, sec->size, PROT_READ | PROT_WRITE,
				 MAP_SHARED, fd, 0);
		if (sec->base != MAP_FAILED) {
			sec->mapped = true;
			return 1;
		}
		sec->size = info->value_size;
	}
	sec->base = mgx_alloc(sec->size);
	return bpf_map_lookup_elem(fd, &zero, sec->base) ? -errno : 1;
}

int policy_each_map(const struct policy *policy, policy_map_fn each, void *arg)
{
	__u32 map_ids[64], i, m, len;
	int fd, ret;

	for (i = 0; i < policy->nr_progs; i++) {
		struct bpf_prog_info prog = {
			.map_ids = (__u64)(unsigned long)map_ids,
			.nr_map_ids = MGX_ARRAY_SIZE(map_ids),
		};

		fd = bpf_prog_get_fd_by_id(policy->prog_ids[i]);
		if (fd < 0) {
			if (errno == ENOENT)
				continue;
			return -errno;
		}
		len = sizeof(prog);
		ret = bpf_prog_get_info_by_fd(fd, &prog, &len) ? -errno : 0;
		close(fd);
		if (ret)
			return ret;

		for (m = 0; m < prog.nr_map_ids && m < MGX_ARRAY_SIZE(map_ids); m++) {
			struct bpf_map_info map = {};

			fd = bpf_map_get_fd_by_id(map_ids[m]);
			if (fd < 0) {
				if (errno == ENOENT)
					continue;
				return -errno;
			}
			len = sizeof(map);
			ret = bpf_map_get_info_by_fd(fd, &map, &len) ? -errno : 0;
			ret = ret ?: each(fd, &map, arg);
			if (ret <= 0)
				close(fd);
			if (ret < 0)
				return ret;
			if (ret == POLICY_MAP_TAKEN_LAST)
				return 0;
		}
	}
	return 0;
}

struct wanted_section {
	const char *name;
	struct policy_section *sec;
};

static int take_section(int fd, const struct bpf_map_info *map, void *arg)
{
	struct wanted_section *wanted = arg;
	int ret = open_map(fd, map, wanted->name, wanted->sec);

	if (ret <= 0)
		return ret;
	wanted->sec->map_fd = fd;
	return POLICY_MAP_TAKEN_LAST;
}

int policy_section_open(const struct policy *policy, const char *section,
			struct policy_section *sec)
{
	struct wanted_section wanted = { .name = section, .sec = sec };
	int err;

	memset(sec, 0, sizeof(*sec));
	sec->map_fd = -1;
	err = policy_each_map(policy, take_section, &wanted);
	if (err)
		policy_section_close(sec);
	return err;
}

int policy_section_flush(struct policy_section *sec)
{
	__u32 zero = 0;

	if (sec->mapped)
		return 0;
	return bpf_map_update_elem(sec->map_fd, &zero, sec->base, BPF_EXIST) ? -errno : 0;
}

void policy_section_close(struct policy_section *sec)
{
	if (sec->mapped)
		munmap(sec->base, sec->size);
	else
		free(sec->base);
	if (sec->map_fd >= 0)
		close(sec->map_fd);
	knobs_free(&sec->vars);
	memset(sec, 0, sizeof(*sec));
	sec->map_fd = -1;
}
