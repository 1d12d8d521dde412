/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MGX_MISSED_H
#define _MGX_MISSED_H

#include "mgx.h"

struct bpf_object;

/*
 * Events that the programs of @bpf were not called for, since they were loaded: a program
 * that is at work already on a CPU, and was preempted there, is left out by the kernel.
 */
__u64 missed_events(const struct bpf_object *bpf);

#endif /* _MGX_MISSED_H */
