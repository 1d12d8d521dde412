/* SPDX-License-Identifier: GPL-2.0 */
/* Cgroups and their ancestors. */
#ifndef _MIGRATE_EXT_CGROUPS_BPF_H
#define _MIGRATE_EXT_CGROUPS_BPF_H

#include <migrate_ext/types.bpf.h>

extern struct cgroup *bpf_cgroup_from_id(u64 cgid) __ksym;
extern struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym;

/*
 * The deepest level that is looked at. Whoever has a cgroup may make more below it, at no
 * price: what they are must not cost anybody else time.
 */
#define CGROUP_MAX_LEVEL	16

/*
 * What a CGROUP_KNOB has for the cgroup *@id, else for the nearest of its ancestors of the
 * levels 1 (below the root) to 16; *@id is whose it is. NULL: for none of them; then *@id is
 * the ancestor of level @lowest where it has one, and 0 when the cgroup has been removed.
 */
static __always_inline u32 *cgroup_nearest_id(void *map, u64 *id, int lowest)
{
	u32 *found = bpf_map_lookup_elem(map, id);
	struct cgroup *cgrp, *ancestor;
	u64 owner = *id, its;
	int level, i;

	if (found)
		return found;
	cgrp = bpf_cgroup_from_id(*id);
	if (!cgrp) {
		*id = 0;
		return NULL;
	}
	level = cgrp->level > CGROUP_MAX_LEVEL ? CGROUP_MAX_LEVEL + 1 : cgrp->level;
	bpf_for(i, 0, CGROUP_MAX_LEVEL) {
		if (--level <= 0)
			break;
		ancestor = bpf_cgroup_ancestor(cgrp, level);
		if (!ancestor)
			break;
		its = ancestor->kn->id;
		bpf_cgroup_release(ancestor);
		found = bpf_map_lookup_elem(map, &its);
		if (found || level == lowest)
			owner = its;
		if (found)
			break;
	}
	bpf_cgroup_release(cgrp);
	*id = owner;
	return found;
}

/*
 * The same for who asks for the value alone. On a machine with systemd pages belong to the
 * leaves (/web.slice/nginx.service), and operators name what is above them (/web.slice).
 */
static __always_inline u32 *cgroup_nearest(void *map, u64 cgroup_id)
{
	return cgroup_nearest_id(map, &cgroup_id, 0);
}

#endif /* _MIGRATE_EXT_CGROUPS_BPF_H */
