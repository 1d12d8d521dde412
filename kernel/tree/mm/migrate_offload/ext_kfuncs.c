// SPDX-License-Identifier: GPL-2.0
/* The kfuncs that policies may call. */

#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/string.h>

#include "ext.h"
#include "internal.h"

__bpf_kfunc_start_defs();

/**
 * bpf_migrate_migrator_id() - the id of a migrator
 * @name: its name, ending with a NUL
 * @name__sz: size of the memory at @name, in bytes
 *
 * To be called from eligible() and select(). Ids do not change until the next
 * boot, and this is a search among a few names: no need to keep them.
 *
 * Return: the id; 0 when no migrator of that name was registered since boot.
 */
__bpf_kfunc u32 bpf_migrate_migrator_id(const char *name, size_t name__sz)
{
	char copy[MIGRATOR_NAME_LEN];
	size_t len = min(name__sz, sizeof(copy));

	/* A map's memory may change while it is read: look at a copy of it. */
	memcpy(copy, name, len);
	if (!memchr(copy, '\0', len))
		return MIGRATOR_NONE;
	return migrator_id_by_name(copy);
}

/**
 * bpf_migrate_migrator_ready() - is a migrator registered at this moment?
 * @id: its id
 *
 * To be called from eligible() and select(). It may be gone when it is needed,
 * or refuse the job: then the CPU copies.
 *
 * Return: true when it is.
 */
__bpf_kfunc bool bpf_migrate_migrator_ready(u32 id)
{
	return migrator_is_registered(id);
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(migrate_ext_kfunc_ids)
BTF_ID_FLAGS(func, bpf_migrate_migrator_id)
BTF_ID_FLAGS(func, bpf_migrate_migrator_ready)
BTF_KFUNCS_END(migrate_ext_kfunc_ids)

/* Choices are made in eligible() and select(): nothing else needs to know. */
static int migrate_ext_kfunc_filter(const struct bpf_prog *prog, u32 kfunc_id)
{
	if (!btf_id_set8_contains(&migrate_ext_kfunc_ids, kfunc_id))
		return 0;
	if (prog->type != BPF_PROG_TYPE_STRUCT_OPS)
		return -EACCES;
	/* ->st_ops is not set yet in the first pass; there is a second one. */
	if (!prog->aux->st_ops)
		return 0;
	if (!migrate_ext_owns_prog(prog))
		return -EACCES;

	switch (prog->aux->attach_st_ops_member_off) {
	case offsetof(struct migrate_ext_ops, eligible):
	case offsetof(struct migrate_ext_ops, select):
		return 0;
	}
	return -EACCES;
}

static const struct btf_kfunc_id_set migrate_ext_kfunc_set = {
	.owner	= THIS_MODULE,
	.set	= &migrate_ext_kfunc_ids,
	.filter	= migrate_ext_kfunc_filter,
};

int migrate_ext_kfuncs_init(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_STRUCT_OPS,
					 &migrate_ext_kfunc_set);
}
