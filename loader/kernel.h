/* SPDX-License-Identifier: GPL-2.0 */
/* What this kernel is able to do, and what we are allowed to. */
#ifndef _MGX_KERNEL_H
#define _MGX_KERNEL_H

#include "mgx.h"

#define OPS_STRUCT	"migrate_ext_ops"
/* What the value of a struct_ops map is called in the kernel's BTF. */
#define OPS_VALUE	"bpf_struct_ops_" OPS_STRUCT

/* Both NULL or negative, and silent, when there is no such thing. */
const struct btf *kernel_btf(struct mgx *mgx);
int kernel_ops_type(struct mgx *mgx);		/* id of struct migrate_ext_ops */
int kernel_ops_value_type(struct mgx *mgx);	/* id of the map's value */

/* 0, or says what is missing and returns the exit status. */
int kernel_require_feature(struct mgx *mgx, const char *what);
int kernel_require_caps(struct mgx *mgx, const char *what);

/* Has this process the capability, or CAP_SYS_ADMIN, which BPF takes for it? */
bool kernel_have_cap(int cap);

#endif /* _MGX_KERNEL_H */
