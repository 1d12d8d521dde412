/* SPDX-License-Identifier: GPL-2.0 */
/* What the policies and their kfuncs know of each other. */
#ifndef _MM_MIGRATE_OFFLOAD_EXT_H
#define _MM_MIGRATE_OFFLOAD_EXT_H

struct bpf_prog;

bool migrate_ext_owns_prog(const struct bpf_prog *prog);
int migrate_ext_kfuncs_init(void);

#endif /* _MM_MIGRATE_OFFLOAD_EXT_H */
