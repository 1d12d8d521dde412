// SPDX-License-Identifier: GPL-2.0
/* The kernel's BTF and our capabilities. */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <linux/capability.h>

#include "error.h"
#include "kernel.h"

#define KERNEL_BTF	"/sys/kernel/btf/vmlinux"

const struct btf *kernel_btf(struct mgx *mgx)
{
	if (!mgx->kernel_btf) {
		/* That of the running kernel only: libbpf would take one from disk. */
		mgx->kernel_btf = btf__parse(KERNEL_BTF, NULL);
		if (!mgx->kernel_btf)
			return NULL;
	}
	return mgx->kernel_btf;
}

static int find_struct(struct mgx *mgx, const char *name)
{
	const struct btf *btf = kernel_btf(mgx);

	return btf ? btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT) : -ENOENT;
}

int kernel_ops_type(struct mgx *mgx)
{
	return find_struct(mgx, OPS_STRUCT);
}

int kernel_ops_value_type(struct mgx *mgx)
{
	return find_struct(mgx, OPS_VALUE);
}

int kernel_require_feature(struct mgx *mgx, const char *what)
{
	if (!kernel_btf(mgx))
		return mgx_fail(mgx, MGX_NO_FEATURE,
				"boot a kernel built with CONFIG_DEBUG_INFO_BTF=y",
				"%s: " KERNEL_BTF ": this kernel has no usable BTF",
				what);
	if (kernel_ops_type(mgx) < 0 || kernel_ops_value_type(mgx) < 0)
		return mgx_fail(mgx, MGX_NO_FEATURE,
				"boot a kernel with the migrate_ext patches and CONFIG_MIGRATE_EXT=y",
				"%s: struct " OPS_STRUCT ": this kernel does not have it",
				what);
	return 0;
}

bool kernel_have_cap(int cap)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap) ||
	       data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN);
}

int kernel_require_caps(struct mgx *mgx, const char *what)
{
	static const struct {
		int cap;
		const char *name;
	} caps[] = {
		{ CAP_BPF, "CAP_BPF" },
		{ CAP_PERFMON, "CAP_PERFMON" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	};
	size_t i;

	for (i = 0; i < MGX_ARRAY_SIZE(caps); i++)
		if (!kernel_have_cap(caps[i].cap))
			return mgx_fail(mgx, MGX_NO_PERM, "run it as root",
					"%s: %s is missing", what, caps[i].name);
	return 0;
}
