/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MGX_PROGRAM_H
#define _MGX_PROGRAM_H

#include "mgx.h"

/*
 * Do two programs do the same, on this kernel: instructions, what they read in which maps,
 * constants? 1, 0, or -errno. Where the kernel has blinded constants (bpf_jit_harden is 2),
 * or shows no instructions, their tags alone are compared. What variables begin with that
 * are no constants is not looked at: they have had other values since.
 */
int program_same(__u32 one_id, __u32 other_id);

#endif /* _MGX_PROGRAM_H */
