/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BPF policies as a test uses them, through libbpf: load one of an object's struct_ops
 * maps for a cgroup, attach it, steer it (bpf/steer.bpf.c), replace it.
 */
#ifndef SELFTESTS_POLICY_H
#define SELFTESTS_POLICY_H

#include <stdint.h>

#include "../bpf/steer.h"
#include "../bpf/whole.h"
#include "cgroup.h"
#include "offload.h"

struct bpf_link;
struct bpf_map;
struct bpf_object;

struct policy {
	struct bpf_object *object;
	struct bpf_map *map;
	struct bpf_link *link;
	uint64_t cgroup_id;
	/* Of steer.bpf.c: shared with the program, to be written and read at any time. */
	volatile struct steer_knobs *knobs;
	volatile struct steer_counts *counts;
};

/*
 * Loads map @map of build/selftests/@object.bpf.o, for the cgroup of that id (0: the whole
 * system). The verifier's refusal, or another error, is -errno; its words are in
 * policy_log().
 */
int policy_load(struct policy *policy, const char *object, const char *map, uint64_t cgroup_id);
const char *policy_log(void);
/* 0 or -errno */
int policy_attach(struct policy *policy);
/* @policy takes the place of @old, whose link it takes over. */
int policy_replace(struct policy *old, struct policy *policy);
/* Detaches, too, when the link is the last reference. */
void policy_close(struct policy *policy);

/* What policies loaded from now on are given, beside a cgroup id; 0: what they ask for. */
struct policy_settings {
	uint64_t flags;
	uint64_t min_bytes;
	uint32_t error_limit;
};

extern struct policy_settings policy_settings;

/* Loads whole.bpf.c, with its memory shared with the program, or the case ends. */
void policy_whole(struct policy *policy, struct whole_memory **memory, uint64_t cgroup_id);

/* All three, of steer.bpf.c, or the case ends. */
void steer(struct policy *policy, uint64_t cgroup_id);

/* Of the attachment: "enabled", or why it was ejected. */
void policy_state(uint64_t cgroup_id, char *state, size_t size);
/* Of the attachment: a counter of its events, and its books for move_pages(2). */
uint64_t policy_event(uint64_t cgroup_id, const char *name);
struct book policy_book(uint64_t cgroup_id);
bool policy_is_attached(uint64_t cgroup_id);

/* --- cgroups, see cgroup.h --- */

#define ROOT_CGROUP_ID	1

/* Makes it when it is not there yet; its id. */
uint64_t cgroup_of(const char *name);
/* Moves the calling process there; "" is the root. */
void cgroup_enter(const char *name);

#endif /* SELFTESTS_POLICY_H */
