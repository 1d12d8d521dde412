// SPDX-License-Identifier: GPL-2.0
/* mgx features: line by line, what is there and what to do about the rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <linux/capability.h>

#include "bpffs.h"
#include "cgroup.h"
#include "error.h"
#include "kernel.h"
#include "options.h"
#include "out.h"
#include "sections.h"
#include "sysfs.h"

enum need {
	NEEDED,			/* no policy can be loaded without it */
	USEFUL,			/* it can, but it will not do much */
};

struct features {
	struct mgx *mgx;
	enum mgx_exit worst;	/* of the needed ones */
};

static const struct out_column columns[] = {
	{ "feature", "FEATURE" },
	{ "present", "PRESENT" },
	{ "needed", "NEEDED" },
	{ "detail", "WHAT IS THERE" },
	{ "todo", "WHAT TO DO" },
};

/* @detail is freed. */
static void feature(struct features *features, const char *name, bool present,
		    enum need need, enum mgx_exit code, char *detail, const char *todo)
{
	struct out *out = features->mgx->out;

	out_str(out, name);
	out_bool(out, present);
	out_bool(out, need == NEEDED);
	out_str(out, detail);
	out_str(out, present ? NULL : todo);
	out_row(out);
	free(detail);
	if (!present && need == NEEDED && !features->worst)
		features->worst = code;
}

static const char boot_ours[] = "boot a kernel with the migrate_ext patches and CONFIG_MIGRATE_EXT=y";

static void check_kernel(struct features *features)
{
	struct mgx *mgx = features->mgx;
	const struct btf *btf = kernel_btf(mgx);
	bool kfuncs = btf && btf__find_by_name_kind(btf, "bpf_migrate_migrator_id",
						    BTF_KIND_FUNC) > 0;
	struct utsname uts;
	char *jit;

	uname(&uts);
	feature(features, "kernel BTF", btf, NEEDED, MGX_NO_FEATURE,
		mgx_printf("Linux %s", uts.release),
		"boot a kernel built with CONFIG_DEBUG_INFO_BTF=y");
	feature(features, "struct " OPS_STRUCT, kernel_ops_type(mgx) > 0 &&
		kernel_ops_value_type(mgx) > 0, NEEDED, MGX_NO_FEATURE, NULL, boot_ours);
	feature(features, "kfuncs for policies", kfuncs, NEEDED, MGX_NO_FEATURE, NULL, boot_ours);

	jit = sysfs_read_path("/proc/sys/net/core/bpf_jit_enable");
	feature(features, "BPF JIT", !jit || strcmp(jit, "0"), NEEDED, MGX_NO_FEATURE,
		mgx_strdup(jit ? jit : "always on"), "sysctl net.core.bpf_jit_enable=1");
	free(jit);

	feature(features, "sysfs", sysfs_present(), NEEDED, MGX_NO_FEATURE,
		sysfs_present() ? mgx_strdup(SYSFS_DIR) : NULL,
		"boot a kernel with CONFIG_MIGRATE_OFFLOAD=y, and mount sysfs");
}

static void check_mounts(struct features *features)
{
	char *mount = bpffs_mount(), *path, *controllers;
	bool memory;

	feature(features, "bpffs", mount, NEEDED, MGX_FAILED, mount,
		"mount -t bpf bpf /sys/fs/bpf");

	mount = cgroup_mount();
	path = mount ? mgx_printf("%s/cgroup.controllers", mount) : NULL;
	controllers = path ? sysfs_read_path(path) : NULL;
	memory = controllers && strstr(controllers, "memory");
	feature(features, "cgroup2", mount, USEFUL, MGX_NO_FEATURE, mount,
		"mount -t cgroup2 none /sys/fs/cgroup, for policies of single cgroups");
	feature(features, "memory controller", memory, USEFUL, MGX_NO_FEATURE,
		controllers,
		"give it to cgroup2 (boot with cgroup_no_v1=memory), for policies of single cgroups");
	free(path);
}

static void check_watching(struct features *features)
{
	const struct btf *btf = kernel_btf(features->mgx);
	static const char path[] = "/sys/kernel/debug/migrate_offload/dry_run";
	char *enabled = sysfs_read("policies_enabled");
	bool on = enabled && strcmp(enabled, "0");
	bool dry_run = kernel_have_cap(CAP_SYS_ADMIN) && !access(path, F_OK);

	/* A kernel without that switch has no policies. */
	feature(features, "policies are asked", on, USEFUL, MGX_FAILED,
		enabled ? mgx_strdup(on ? "the switch is on" : "the switch is off") : NULL,
		enabled ? "mgx on" : boot_ours);
	feature(features, "trace events with BTF", btf &&
		btf__find_by_name_kind(btf, "btf_trace_migrate_offload_copy",
				       BTF_KIND_TYPEDEF) > 0, USEFUL, MGX_NO_FEATURE, NULL,
		"boot a kernel with the migrate_ext patches and CONFIG_BPF_EVENTS=y, for mgx trace and top");
	feature(features, "dry run", dry_run, USEFUL, MGX_NO_FEATURE, dry_run ? mgx_strdup(path) : NULL,
		enabled ? "be root, and mount -t debugfs debugfs /sys/kernel/debug, for mgx explain" :
			  boot_ours);
	free(enabled);
}

static void check_migrators(struct features *features)
{
	char **names = sysfs_entries("migrators"), **name;
	char *engines = mgx_strdup(""), *longer;

	for (name = names; *name; name++) {
		char *state = sysfs_read("migrators/%s/state", *name);

		if (strcmp(*name, "cpu") && state && !strcmp(state, "registered")) {
			longer = mgx_printf("%s%s%s", engines, *engines ? " " : "", *name);
			free(engines);
			engines = longer;
		}
		free(state);
	}
	feature(features, "migrator besides the CPU", *engines, USEFUL, MGX_FAILED,
		engines, "mgx migrator enable dcbm, with a DMA engine that copies memory, or mgx migrator enable mtcopy");
	sysfs_entries_free(names);
}

/* "0-1,3": how many numbers are that? */
static unsigned long list_length(const char *list)
{
	unsigned long n = 0, first, last;
	char *end;

	while (list && *list) {
		first = last = strtoul(list, &end, 10);
		if (end == list)
			break;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		n += last - first + 1;
		list = *end == ',' ? end + 1 : end;
	}
	return n;
}

static void check_machine(struct features *features)
{
	char *nodes = sysfs_read_path("/sys/devices/system/node/has_memory");

	feature(features, "two memory nodes", list_length(nodes) >= 2, USEFUL, MGX_FAILED,
		nodes ? mgx_printf("nodes %s", nodes) : NULL,
		"nothing moves between nodes here; boot with numa=fake=2 to try things out");
	free(nodes);
}

static void check_permission(struct features *features)
{
	static const struct {
		int cap;
		const char *name;
	} caps[] = {
		{ CAP_BPF, "CAP_BPF" },
		{ CAP_PERFMON, "CAP_PERFMON" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	};
	bool all = true;
	char *missing = mgx_strdup(""), *longer;
	size_t i;

	for (i = 0; i < MGX_ARRAY_SIZE(caps); i++) {
		if (kernel_have_cap(caps[i].cap))
			continue;
		all = false;
		longer = mgx_printf("%s%s%s", missing, *missing ? ", " : "no ",
				    caps[i].name);
		free(missing);
		missing = longer;
	}
	feature(features, "permission", all, NEEDED, MGX_NO_PERM, missing,
		"run mgx as root");
}

enum mgx_exit show_features(struct mgx *mgx)
{
	struct features features = { .mgx = mgx };

	out_table(mgx->out, "features", NULL, NULL, columns, MGX_ARRAY_SIZE(columns));
	check_kernel(&features);
	check_mounts(&features);
	check_watching(&features);
	check_migrators(&features);
	check_machine(&features);
	check_permission(&features);
	out_end(mgx->out);
	return features.worst;
}

int cmd_features(struct mgx *mgx, int argc, char **argv)
{
	int ret;

	ret = options_parse(mgx, argc, argv, NULL, NULL, NULL);
	return ret ?: (int)show_features(mgx);
}
