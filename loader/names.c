// SPDX-License-Identifier: GPL-2.0
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

struct cgroup_name {
	__u64 id;
	char *path;
};

static struct cgroup_name *cgroups;
static size_t nr_cgroups;

const char *name_of_cgroup(__u64 id)
{
	size_t i;

	for (i = 0; i < nr_cgroups; i++)
		if (cgroups[i].id == id)
			return cgroups[i].path;
	cgroups = realloc(cgroups, (nr_cgroups + 1) * sizeof(*cgroups));
	if (!cgroups)
		abort();
	cgroups[nr_cgroups].id = id;
	cgroups[nr_cgroups].path = cgroup_path(id) ?:
				   mgx_printf("%llu", (unsigned long long)id);
	return cgroups[nr_cgroups++].path;
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
