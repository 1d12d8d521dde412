/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Knobs that each cgroup has of its own (CGROUP_KNOB in migrate_ext/knobs.bpf.h): maps of
 * a policy, cgroup id -> number, that people name cgroups by their paths in.
 */
#ifndef _MGX_CGROUP_KNOBS_H
#define _MGX_CGROUP_KNOBS_H

#include "knobs.h"
#include "mgx.h"

struct object;
struct policy;

struct cgroup_knob {
	struct knob knob;	/* a KNOB_UINT of four bytes at offset 0 */
	int map_fd;
};

struct cgroup_knobs {
	struct cgroup_knob *knobs;
	size_t nr;
};

/* Of what runs, or of an object that is loaded: 0 or -errno; to be closed in either case. */
int cgroup_knobs_open(const struct policy *policy, struct cgroup_knobs *knobs);
int cgroup_knobs_of_object(const struct object *object, struct cgroup_knobs *knobs);
void cgroup_knobs_close(struct cgroup_knobs *knobs);
struct cgroup_knob *cgroup_knobs_find(const struct cgroup_knobs *knobs, const char *name);

/* The ids that have a value, in ascending order; how many. To be freed. */
size_t cgroup_knob_ids(const struct cgroup_knob *knob, __u64 **ids);
size_t cgroup_ids_of_map(int map_fd, __u64 **ids);
/* False: that cgroup has none. */
bool cgroup_knob_get(const struct cgroup_knob *knob, __u64 cgroup_id, __u32 *value);
/* 0 or -errno; to take away what is not there is no error. */
int cgroup_knob_set(const struct cgroup_knob *knob, __u64 cgroup_id, __u32 value);
int cgroup_knob_take_away(const struct cgroup_knob *knob, __u64 cgroup_id);

/*
 * To @object, which is loaded, what the same knobs of @policy have, but for cgroups that
 * have gone: it begins where the other ends. 0 or -errno.
 */
int cgroup_knobs_carry_over(const struct policy *policy, const struct object *object);

/* KNOB:PATH=VALUE, or KNOB:PATH= to take the value away. */
struct cgroup_assignment {
	const struct cgroup_knob *knob;
	char *path;		/* as it was given */
	__u64 cgroup_id;
	bool take_away;
	__u32 value;
};

/*
 * Has @object, loaded or not, a knob of that name that takes the value? 0 and @value, or the
 * exit status after saying what is wrong.
 */
int cgroup_knob_check(struct mgx *mgx, const char *what, const struct object *object,
		      const char *name, const char *text, __u32 *value);

/* Does @word look like that? Paths have all kinds of characters, names of knobs have not. */
bool cgroup_assignment_is(const char *word);
/* 0, or the exit status after saying what is wrong. @path is to be freed. */
int cgroup_assignment_parse(struct mgx *mgx, const char *what, const struct policy *policy,
			    const struct cgroup_knobs *knobs, const char *word,
			    struct cgroup_assignment *assignment);

#endif /* _MGX_CGROUP_KNOBS_H */
