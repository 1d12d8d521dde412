/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who can copy: the kfuncs that tell, and give folios away.
 */
#ifndef _MIGRATE_EXT_MIGRATORS_BPF_H
#define _MIGRATE_EXT_MIGRATORS_BPF_H

#include <migrate_ext/types.bpf.h>

/*
 * Where nothing else is said, they are allowed from batch_pages(), eligible(),
 * select() and init().
 */

/*
 * The id of the migrator of that name, for select() to return; 0 when there
 * was none of that name since boot.
 */
extern u32 bpf_migrate_migrator_id(const char *name, size_t name__sz) __ksym;

/*
 * Would the migrator of that id be given a job at this moment? It may go at any
 * time; choosing one that has gone does no harm.
 */
extern bool bpf_migrate_migrator_ready(u32 id) __ksym;

/*
 * What the migrator is doing at this moment, and what its copies have cost so
 * far. 0; -ENOENT: there was none of that id since boot; -EINVAL: another size.
 */
extern int bpf_migrate_migrator_state(u32 id, struct migrate_ext_migrator_state *state,
				      size_t state__sz) __ksym;

/*
 * How long the migrator will take for a job of so many bytes in so many folios, in
 * nanoseconds, by what such jobs have taken it; 0: not known.
 */
extern u64 bpf_migrate_cost_ns(u32 id, u64 bytes, u32 folios) __ksym;

/*
 * Gives the @nr folios from position @first of the group on to a migrator; the
 * answer of select(), which must not be 0 then, is for all others. 0; -EINVAL: no
 * such folios, or assigned before; -ENOENT: no such migrator now; -ENOSPC: more
 * than 8 times for one group. Allowed from select() alone.
 */
extern int bpf_migrate_assign(const struct migrate_ext_group *group, u32 first, u32 nr,
			      u32 id) __ksym;

/* The id of the migrator of that name if it would be given a job now, else 0. */
static __always_inline u32 migrator_ready(const char *name, size_t size)
{
	u32 id = bpf_migrate_migrator_id(name, size);

	return id && bpf_migrate_migrator_ready(id) ? id : 0;
}

/*
 * bpf_migrate_migrator_state() wants the size that the running kernel has for the
 * struct. It is asked for by migrator_state(), into memory that has room for what
 * later kernels add:
 *
 *	struct migrator_state_buf buf = {};
 *
 *	if (!migrator_state(id, &buf) && buf.state.idle)
 */
struct migrator_state_buf {
	struct migrate_ext_migrator_state state;
	u64 later[8];
};

static __always_inline int migrator_state(u32 id, struct migrator_state_buf *buf)
{
	const u32 size = bpf_core_type_size(struct migrate_ext_migrator_state);

	if (size > sizeof(*buf))
		return -7;	/* E2BIG: a kernel much younger than this policy */
	return bpf_migrate_migrator_state(id, &buf->state, size);
}

#endif /* _MIGRATE_EXT_MIGRATORS_BPF_H */
