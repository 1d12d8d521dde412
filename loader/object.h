/* SPDX-License-Identifier: GPL-2.0 */
/* A policy in an object file, up to where it can be attached. */
#ifndef _MGX_OBJECT_H
#define _MGX_OBJECT_H

#include "knobs.h"
#include "mgx.h"

struct bpf_map;
struct bpf_object;
struct bpflog_refusal;

struct object {
	struct bpf_object *bpf;
	struct bpf_map *ops;	/* the struct_ops map chosen */
	char *path;		/* for messages */
	/* Called before it is said that the verifier refused it. May be NULL. */
	void (*refused)(struct mgx *mgx, const struct bpflog_refusal *refusal);
};

/*
 * Each returns 0, or the exit status after saying what is wrong; then, as at the
 * end, object_close(). Nothing is left in the kernel after that but what was
 * attached.
 *
 * @path: a path, or the name of an installed one, see path_of()
 * @name: chooses among several policies in the object; NULL: there is but one.
 */
int object_open(struct mgx *mgx, const char *what, struct object *object,
		const char *path, const char *name);
/* The one of its policies that runs already, by the name of its map in the kernel. */
int object_open_running(struct mgx *mgx, const char *what, struct object *object,
			const char *path, const char *map_name);
int object_set_cgroup(struct mgx *mgx, const char *what, struct object *object,
		      __u64 cgroup_id);
int object_set_name(struct mgx *mgx, const char *what, struct object *object,
		    const char *name);
int object_set_knob(struct mgx *mgx, const char *what, struct object *object,
		    const char *assignment);
/* Verified and ready to be the map of a link. */
int object_load(struct mgx *mgx, const char *what, struct object *object);
void object_close(struct object *object);

/* As the object has them, or as they were set. The name is to be freed. */
char *object_name(const struct object *object);
__u64 object_cgroup(const struct object *object);
__u64 object_flags(const struct object *object);
bool object_has_init(const struct object *object);
/* The values of its knobs, NULL without any; knobs_free() in either case. */
void *object_knobs(const struct object *object, struct knobs *knobs);

#endif /* _MGX_OBJECT_H */
