/* SPDX-License-Identifier: GPL-2.0 */
/* Running policies: all struct_ops links of migrate_ext, whoever made them. */
#ifndef _MGX_POLICY_H
#define _MGX_POLICY_H

#include "knobs.h"
#include "mgx.h"
#include "out.h"

#define POLICY_MAX_PROGS	16

struct bpf_map_info;

struct policy {
	__u32 link_id;
	__u32 map_id;		/* 0: detached, and only its pin is left */
	char *name;		/* ops.name; of a detached one, that of its pin */
	char *object;		/* name of the map: the variable in the object */
	char *pin;		/* path of our pin, NULL: none of ours */
	char *ejected;		/* why it is not asked any more; NULL: it is */
	__u64 cgroup_id;	/* 1: the whole system */
	__u64 flags;
	char *cgroup_path;	/* NULL: gone */
	__u32 prog_ids[POLICY_MAX_PROGS];
	__u32 nr_progs;
	__u64 shape;		/* hash of which callbacks there are, and of the numbers */
};

struct policies {
	struct policy *policies;
	size_t nr;
};

/* 0, or the exit status after saying what is wrong. To be freed in either case. */
int policies_read(struct mgx *mgx, const char *what, struct policies *policies);
void policies_free(struct policies *policies);
/* Only that of one link: 0, or -errno in silence. */
int policies_read_link(struct mgx *mgx, __u32 link_id, struct policies *policies);

/* What a struct_ops map has, attached or not: 0 or -errno; policy_free(). */
int policy_of_map(struct mgx *mgx, int map_fd, struct policy *policy);
void policy_free(struct policy *policy);

/* The one called @name (or "id:LINK"), NULL after saying what is wrong. */
struct policy *policies_find(struct mgx *mgx, const char *what,
			     struct policies *policies, const char *name, int *exit);

/* Of the state of an attachment in sysfs: why it was ejected, or NULL. To be freed. */
char *policy_ejected(const char *state);

extern const struct out_column policy_columns[];
extern const size_t policy_nr_columns;

/* Table or record of policies, for `list` and for what changes them. */
void policy_out_begin(struct mgx *mgx, bool record);
void policy_out(struct mgx *mgx, const struct policy *policy);

/*
 * Each map of a policy's programs; one that several have comes as often. @each: negative
 * ends it; 0: the next one; else it has taken the descriptor over, and that is the last one
 * where it says so.
 */
enum { POLICY_MAP_TAKEN = 1, POLICY_MAP_TAKEN_LAST };
typedef int (*policy_map_fn)(int fd, const struct bpf_map_info *map, void *arg);
/* 0 or -errno */
int policy_each_map(const struct policy *policy, policy_map_fn each, void *arg);

/* Variables of a running policy: one of its data sections, found by BTF. */
struct policy_section {
	int map_fd;
	void *base;		/* the values */
	size_t size;
	bool mapped;		/* base is the map itself, else a copy of it */
	struct knobs vars;
};

/* 0, with no variables when there is no such section; or -errno. */
int policy_section_open(const struct policy *policy, const char *section,
			struct policy_section *sec);
/* After a change to a copy: the whole value goes back. 0 or -errno. */
int policy_section_flush(struct policy_section *sec);
void policy_section_close(struct policy_section *sec);

#endif /* _MGX_POLICY_H */
