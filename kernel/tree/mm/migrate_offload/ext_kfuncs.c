// SPDX-License-Identifier: GPL-2.0
/* The kfuncs that policies may call. */

#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "batch.h"
#include "ext.h"

__bpf_kfunc_start_defs();

/**
 * bpf_migrate_migrator_id() - the id of a migrator
 * @name: its name, ending with a NUL
 * @name__sz: size of the memory at @name, in bytes
 *
 * To be called from any callback but done() and exit(). Ids do not change until
 * the next boot, and this is a search among a few names: no need to keep them.
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
 * bpf_migrate_migrator_ready() - would a migrator be given a job at this moment?
 * @id: its id
 *
 * To be called from any callback but done() and exit(). It may be gone when it
 * is needed, or refuse the job: then the CPU copies.
 *
 * Return: true when it is registered and not in quarantine.
 */
__bpf_kfunc bool bpf_migrate_migrator_ready(u32 id)
{
	return migrator_is_ready(id);
}

/**
 * bpf_migrate_migrator_state() - what a migrator is doing at this moment
 * @id: its id
 * @state: where to put it
 * @state__sz: size of @state, in bytes: that of the struct
 *
 * To be called from any callback but done() and exit().
 *
 * Return: 0; -ENOENT: no migrator of that id was registered since boot;
 * -EINVAL: the size is another one.
 */
__bpf_kfunc int bpf_migrate_migrator_state(u32 id,
					   struct migrate_ext_migrator_state *state,
					   size_t state__sz)
{
	if (state__sz != sizeof(*state))
		return -EINVAL;
	return migrator_state(id, state);
}

/**
 * bpf_migrate_cost_ns() - how long a migrator will take for a job
 * @id: its id
 * @bytes: size of the job's folios, in bytes, all together
 * @folios: how many folios
 *
 * To be called from any callback but done() and exit(). A moving average of what
 * jobs of about this size, of folios of about this size, have taken it.
 *
 * Return: nanoseconds; 0: not known, or no such job or migrator.
 */
__bpf_kfunc u64 bpf_migrate_cost_ns(u32 id, u64 bytes, u32 folios)
{
	return migrator_cost_ns(id, bytes, folios);
}

/**
 * bpf_migrate_assign() - give some folios of a group to a migrator
 * @group: what select() was given
 * @first: position in the group of the first of them, from 0 on
 * @nr: how many
 * @id: id of the migrator
 *
 * To be called from select(), whose answer is for the folios that are not
 * assigned, and must not be 0 for the others to remain so. At most
 * %MIGRATE_EXT_PARTS migrators can work on one batch: the folios of one more
 * are not copied ahead.
 *
 * Return: 0; -EINVAL: no such folios, or some of them have been assigned;
 * -ENOENT: the migrator is not there, or in quarantine; -ENOSPC: assigned too
 * often, 8 times is the limit.
 */
__bpf_kfunc int bpf_migrate_assign(const struct migrate_ext_group *group,
				   u32 first, u32 nr, u32 id)
{
	/* The context of select() is never anything else; const for BPF alone. */
	struct migrate_batch_group *of =
		container_of((struct migrate_ext_group *)group,
			     struct migrate_batch_group, ctx);

	return migrate_group_assign(of, first, nr, id);
}

/**
 * bpf_migrate_exit() - the policy wants to be switched off
 * @code: for the operator
 * @msg: for the operator, ends with a NUL
 * @msg__sz: size of the memory at @msg, in bytes
 * @aux: of the program, given by the verifier
 *
 * To be called from any callback but exit(). The policy is ejected: batches that
 * begin from now on do not ask it. From init(), attaching fails with -ECANCELED.
 *
 * Return: 0; -EALREADY: it is ending already; -EOPNOTSUPP: the program is part of
 * several policies, and it is not known which of them called.
 */
__bpf_kfunc int bpf_migrate_exit(s64 code, const char *msg, size_t msg__sz,
				 const struct bpf_prog_aux *aux)
{
	char copy[MIGRATE_EXT_MSG_LEN];
	size_t len = min(msg__sz, sizeof(copy) - 1);
	struct migrate_policy *policy;
	struct migrate_ext_ops *ops;
	bool ejected;

	/* A map's memory may change while it is read: look at a copy of it. */
	memcpy(copy, msg, len);
	copy[len] = '\0';

	scoped_guard(rcu) {
		ops = bpf_prog_get_assoc_struct_ops(aux);
		if (!ops)
			return -EOPNOTSUPP;
		policy = rcu_dereference(ops->priv);
		if (!policy || !refcount_inc_not_zero(&policy->refs))
			return -EALREADY;
	}

	ejected = migrate_policy_eject(policy, MIGRATE_EXT_EXIT_BPF, code, copy);
	migrate_policy_put(policy);
	return ejected ? 0 : -EALREADY;
}

__bpf_kfunc_end_defs();

/* To know before choosing: all but done(), which is too late, and exit(). */
BTF_KFUNCS_START(migrate_ext_kfunc_ids)
BTF_ID_FLAGS(func, bpf_migrate_migrator_id)
BTF_ID_FLAGS(func, bpf_migrate_migrator_ready)
BTF_ID_FLAGS(func, bpf_migrate_migrator_state)
BTF_ID_FLAGS(func, bpf_migrate_cost_ns)
BTF_ID_FLAGS(func, bpf_migrate_assign)
BTF_ID_FLAGS(func, bpf_migrate_exit, KF_IMPLICIT_ARGS)
BTF_KFUNCS_END(migrate_ext_kfunc_ids)

BTF_ID_LIST_SINGLE(bpf_migrate_assign_id, func, bpf_migrate_assign)
BTF_ID_LIST_SINGLE(bpf_migrate_exit_id, func, bpf_migrate_exit)

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
	case offsetof(struct migrate_ext_ops, select):
		return 0;
	case offsetof(struct migrate_ext_ops, batch_pages):
	case offsetof(struct migrate_ext_ops, eligible):
	case offsetof(struct migrate_ext_ops, init):
		return kfunc_id == bpf_migrate_assign_id[0] ? -EACCES : 0;
	case offsetof(struct migrate_ext_ops, done):
		return kfunc_id == bpf_migrate_exit_id[0] ? 0 : -EACCES;
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
