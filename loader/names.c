// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "cgroup.h"
#include "error.h"
#include "kernel.h"
#include "names.h"
#include "reasons.h"
#include "sysfs.h"

#define MAX_MIGRATORS	64
#define MAX_CGROUPS	16384

struct cgroup_name {
	__u64 id;
	char *path;
};

static void *cgroups;		/* a tree of tsearch() */
static size_t nr_cgroups;

static int compare_cgroups(const void *a, const void *b)
{
	__u64 x = ((const struct cgroup_name *)a)->id, y = ((const struct cgroup_name *)b)->id;

	return x < y ? -1 : x > y;
}

static void free_cgroup(void *node)
{
	struct cgroup_name *cgroup = node;

	free(cgroup->path);
	free(cgroup);
}

const char *name_of_cgroup(__u64 id)
{
	struct cgroup_name key = { .id = id }, *cgroup, **found;

	found = tfind(&key, &cgroups, compare_cgroups);
	if (found)
		return (*found)->path;
	cgroup = mgx_alloc(sizeof(*cgroup));
	cgroup->id = id;
	cgroup->path = cgroup_path(id) ?: mgx_printf("%llu", (unsigned long long)id);
	if (!tsearch(cgroup, &cgroups, compare_cgroups))
		abort();
	nr_cgroups++;
	return cgroup->path;
}

void names_trim(void)
{
	if (nr_cgroups < MAX_CGROUPS)
		return;
	tdestroy(cgroups, free_cgroup);
	cgroups = NULL;
	nr_cgroups = 0;
}

__u32 migrator_of_name(const char *name)
{
	char *text = strchr(name, '/') ? NULL : sysfs_read("migrators/%s/id", name);
	__u32 id = text ? strtoul(text, NULL, 10) : 0;

	free(text);
	return id;
}

const char *name_of_migrator(__u32 id)
{
	static char *names[MAX_MIGRATORS];
	char **entries, **entry;

	if (!id)
		return "none";
	if (id >= MAX_MIGRATORS)
		return "?";
	if (!names[id]) {
		entries = sysfs_entries("migrators");
		for (entry = entries; *entry && !names[id]; entry++)
			if (migrator_of_name(*entry) == id)
				names[id] = mgx_strdup(*entry);
		sysfs_entries_free(entries);
		if (!names[id])
			names[id] = mgx_printf("%u", id);
	}
	return names[id];
}

const char *name_of_reason(struct mgx *mgx, __u32 reason)
{
	static const char *names[64];

	if (reason >= MGX_ARRAY_SIZE(names))
		return "?";
	if (!names[reason])
		names[reason] = reasons_name(mgx, reason) ?: mgx_printf("%u", reason);
	return names[reason];
}

int names_require_events(struct mgx *mgx, const char *what)
{
	int ret = kernel_require_feature(mgx, what);

	if (ret)
		return ret;
	if (btf__find_by_name_kind(kernel_btf(mgx), "btf_trace_migrate_offload_copy",
				   BTF_KIND_TYPEDEF) < 0)
		return mgx_fail(mgx, MGX_NO_FEATURE,
				"boot a kernel with the migrate_ext patches and CONFIG_BPF_EVENTS=y",
				"%s: trace event migrate_offload_copy: this kernel does not have it",
				what);
	return kernel_require_caps(mgx, what);
}
