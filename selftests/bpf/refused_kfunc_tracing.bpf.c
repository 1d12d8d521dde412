// SPDX-License-Identifier: GPL-2.0
/* Must be refused: the kfuncs are for policies, not for tracing programs. */
#include <migrate_ext/common.bpf.h>

static char name[] = "dcbm";
u32 id;

SEC("tp_btf/mm_migrate_pages")
int BPF_PROG(refused_tracing)
{
	id = bpf_migrate_migrator_id(name, sizeof(name));
	return 0;
}

MIGRATE_EXT_LICENSE;
