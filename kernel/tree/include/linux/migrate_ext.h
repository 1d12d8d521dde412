/* SPDX-License-Identifier: GPL-2.0 */
/*
 * migrate_ext: policies for page migration, written in BPF.
 *
 * What this file declares is what a policy sees. There is no stability
 * guarantee: like kfuncs, members may change with the kernel.
 */
#ifndef _LINUX_MIGRATE_EXT_H
#define _LINUX_MIGRATE_EXT_H

#include <linux/types.h>

/* Longest name of a policy, with the terminating NUL. */
#define MIGRATE_EXT_NAME_LEN	16

/* Longest message of bpf_migrate_exit(), with the terminating NUL. */
#define MIGRATE_EXT_MSG_LEN	128

/* Migrators that can work on one group at the same time. */
#define MIGRATE_EXT_PARTS	4

/* What &migrate_ext_ops.error_limit means when it is 0, and at most. */
#define MIGRATE_EXT_ERROR_LIMIT		64
#define MIGRATE_EXT_MAX_ERROR_LIMIT	1048576

/* Largest &migrate_ext_ops.min_bytes. */
#define MIGRATE_EXT_MAX_MIN_BYTES	1073741824

/**
 * enum migrate_ext_eligibility - answers of &migrate_ext_ops.eligible
 * @MIGRATE_EXT_NO_OPINION: ask the policy of the nearest ancestor cgroup that
 *	has one, at last the built-in default
 * @MIGRATE_EXT_BATCH: such folios may be copied as a batch
 * @MIGRATE_EXT_SINGLE: such folios are copied one by one, by the CPU, as they
 *	are moved. The answer of any ancestor that says so stands.
 */
enum migrate_ext_eligibility {
	MIGRATE_EXT_NO_OPINION	= 0,
	MIGRATE_EXT_BATCH	= 1,
	MIGRATE_EXT_SINGLE	= 2,
};

/**
 * enum migrate_ext_kind - what a folio belongs to
 * @MIGRATE_EXT_ANON: anonymous memory, the swap cache included
 * @MIGRATE_EXT_SHMEM: tmpfs and shared memory
 * @MIGRATE_EXT_FILE: page cache of files, see CONFIG_MIGRATE_OFFLOAD_FILE
 * @MIGRATE_EXT_NR_KINDS: how many there are
 */
enum migrate_ext_kind {
	MIGRATE_EXT_ANON	= 0,
	MIGRATE_EXT_SHMEM	= 1,
	MIGRATE_EXT_FILE	= 2,
	MIGRATE_EXT_NR_KINDS,
};

/**
 * enum migrate_ext_call_flags - circumstances of a migration
 * @MIGRATE_EXT_IN_RECLAIM: the caller is reclaiming or compacting to satisfy
 *	an allocation, or works for such a caller; somebody waits for memory
 * @MIGRATE_EXT_KTHREAD: the caller is a kernel thread
 * @MIGRATE_EXT_DRY_RUN: nothing is migrated, somebody only wants to know what
 *	the answer would be: a policy must not change what it remembers, nor
 *	call bpf_migrate_exit(), which counts as ever
 */
enum migrate_ext_call_flags {
	MIGRATE_EXT_IN_RECLAIM	= 1 << 0,
	MIGRATE_EXT_KTHREAD	= 1 << 1,
	MIGRATE_EXT_DRY_RUN	= 1 << 2,
};

/**
 * enum migrate_ext_ops_flags - &migrate_ext_ops.flags
 * @MIGRATE_EXT_OPS_NO_DEFAULT: for the folios of this policy's cgroup, and of
 *	its descendants, the built-in default is not asked: where no policy has
 *	an opinion they are copied one by one by the CPU, as if copy offload
 *	were off. Not together with min_bytes: it is to hold for all batches
 * @MIGRATE_EXT_OPS_ALL_FLAGS: all of them
 */
enum migrate_ext_ops_flags {
	MIGRATE_EXT_OPS_NO_DEFAULT	= 1 << 0,
	MIGRATE_EXT_OPS_ALL_FLAGS	= MIGRATE_EXT_OPS_NO_DEFAULT,
};

/**
 * enum migrate_ext_exit_kind - why a policy has ended
 * @MIGRATE_EXT_EXIT_NONE: it has not
 * @MIGRATE_EXT_EXIT_DETACHED: its link was detached or is gone
 * @MIGRATE_EXT_EXIT_REPLACED: its link was updated
 * @MIGRATE_EXT_EXIT_CGROUP: its cgroup was removed
 * @MIGRATE_EXT_EXIT_ATTACH: it was initialised, but could not be attached
 * @MIGRATE_EXT_EXIT_NONSENSE: it answered nonsense too often
 * @MIGRATE_EXT_EXIT_BPF: it called bpf_migrate_exit()
 * @MIGRATE_EXT_NR_EXITS: how many kinds there are
 *
 * The last two are ejections: the link stays, and does nothing until it is
 * updated.
 */
enum migrate_ext_exit_kind {
	MIGRATE_EXT_EXIT_NONE		= 0,
	MIGRATE_EXT_EXIT_DETACHED	= 1,
	MIGRATE_EXT_EXIT_REPLACED	= 2,
	MIGRATE_EXT_EXIT_CGROUP		= 3,
	MIGRATE_EXT_EXIT_ATTACH		= 4,
	MIGRATE_EXT_EXIT_NONSENSE	= 5,
	MIGRATE_EXT_EXIT_BPF		= 6,
	MIGRATE_EXT_NR_EXITS,
};

/**
 * struct migrate_ext_exit_info - why a policy has ended
 * @code: for %MIGRATE_EXT_EXIT_BPF the policy's own code, for
 *	%MIGRATE_EXT_EXIT_NONSENSE the last nonsense that it answered, for
 *	%MIGRATE_EXT_EXIT_ATTACH a negative errno, else 0
 * @kind: an &enum migrate_ext_exit_kind
 * @reason: the kind in words
 * @msg: for %MIGRATE_EXT_EXIT_BPF the policy's own message, else what there
 *	is to say, perhaps nothing
 */
struct migrate_ext_exit_info {
	s64 code;
	u32 kind;
	char reason[32];
	char msg[MIGRATE_EXT_MSG_LEN];
};

/**
 * struct migrate_ext_call - a kind of folios about to be migrated
 * @cgroup_id: id of the cgroup that the folios are charged to; 1, the root's,
 *	for folios charged to nobody
 * @reason: an &enum migrate_reason
 * @mode: an &enum migrate_mode, that of the call of migrate_pages()
 * @flags: &enum migrate_ext_call_flags
 * @src_nid: memory node that they leave, -1 for batch_pages()
 * @dst_nid: memory node that they go to, -1 for batch_pages()
 * @order: folio order, a folio has 2^order pages; 0 for batch_pages()
 * @kind: an &enum migrate_ext_kind; 0 for batch_pages()
 */
struct migrate_ext_call {
	u64 cgroup_id;
	u32 reason;
	u32 mode;
	u32 flags;
	s32 src_nid;
	s32 dst_nid;
	u32 order;
	u32 kind;
};

/**
 * struct migrate_ext_group - folios of one batch that are decided together
 * @cgroup_id: as in &struct migrate_ext_call
 * @bytes: size of all the folios, in bytes
 * @orders: bit n is set when a folio of order n is among them
 * @folios: how many folios
 * @reason: an &enum migrate_reason
 * @mode: an &enum migrate_mode, that of the call of migrate_pages()
 * @flags: &enum migrate_ext_call_flags
 * @src_nid: memory node that they leave
 * @dst_nid: memory node that they go to
 */
struct migrate_ext_group {
	u64 cgroup_id;
	u64 bytes;
	u64 orders;
	u32 folios;
	u32 reason;
	u32 mode;
	u32 flags;
	s32 src_nid;
	s32 dst_nid;

	/*
	 * Always NULL. For a kfunc's argument, the verifier takes any memory of
	 * the right size for a struct of scalars alone; what
	 * bpf_migrate_assign() is given must be what select() was given.
	 */
	/* private: */
	const void *not_scalar;
};

/**
 * struct migrate_ext_part - what one migrator did of a group
 * @migrator: its id
 * @taken: folios that it took
 * @copied: folios that it copied
 * @bytes_copied: size of the folios in @copied, in bytes
 * @begin_ns: when its job was submitted, in nanoseconds of CLOCK_MONOTONIC; 0
 *	when the CPU copied and nobody else
 * @ns: wall time of its job, in nanoseconds; a job that served several groups
 *	is divided among them by bytes
 * @busy_ns: time that its engines were busy, in nanoseconds, added up over all
 *	of them and divided likewise
 */
struct migrate_ext_part {
	u32 migrator;
	u32 taken;
	u32 copied;
	u64 bytes_copied;
	u64 begin_ns;
	u64 ns;
	u64 busy_ns;
};

/**
 * struct migrate_ext_result - what became of a group
 * @migrator: id of the migrator that was chosen, for what was not assigned to
 *	others; 0 when none was, because no folio was left to copy ahead
 * @chosen: id that was answered; @migrator is the CPU instead when that one had
 *	gone or was in quarantine by then, else they are the same
 * @decided: 1 when the choice was this policy's, 0 when another policy or the
 *	built-in default made it
 * @offered: folios of this group, eligible or not; those of groups that the
 *	batch had no room for stand in the books of the machine alone
 * @taken: folios that the migrator took
 * @refused: folios that it did not take, or that were not given to it;
 *	@offered = @taken + @refused
 * @copied: folios that were copied ahead
 * @failed: folios whose copy failed; @taken = @copied + @failed
 * @consumed: folios that moved with the copy made ahead
 * @discarded: folios whose copy was thrown away because they could not be
 *	moved; @copied = @consumed + @discarded
 * @bytes_taken: size of the folios in @taken, in bytes
 * @bytes_copied: size of the folios in @copied, in bytes
 * @ns: wall time from the submission to the end of the jobs, in nanoseconds,
 *	added up; a job that served several groups is divided among them by
 *	bytes
 * @busy_ns: time that the migrators' engines were busy, in nanoseconds, added
 *	up over all of them and divided likewise
 * @nr_parts: how many migrators took part
 * @parts: what each of them did, the first @nr_parts are valid
 */
struct migrate_ext_result {
	u32 migrator;
	u32 chosen;
	u32 decided;
	u32 offered;
	u32 taken;
	u32 refused;
	u32 copied;
	u32 failed;
	u32 consumed;
	u32 discarded;
	u64 bytes_taken;
	u64 bytes_copied;
	u64 ns;
	u64 busy_ns;
	u32 nr_parts;
	struct migrate_ext_part parts[MIGRATE_EXT_PARTS];
};

/* Classes of folio order that costs are measured for. */
#define MIGRATE_EXT_SIZE_CLASSES	4

/**
 * struct migrate_ext_migrator_state - a migrator at this moment
 * @bytes_in_flight: size of the folios that it is copying, in bytes
 * @folios: folios that it has copied since its name was registered first
 * @failed: folios whose copy failed, since then
 * @cost: time that it takes for 1 MiB, in nanoseconds, measured, a moving
 *	average; 0 when not measured yet. By folio size: one page, at most 16
 *	pages, less than a PMD, a PMD and more
 * @channels: engines, or CPUs, that it has
 * @idle: how many of them have nothing to do
 * @registered: 1 if it is registered, 0 if it has gone
 * @quarantined: 1 if it is not given jobs because it kept failing
 */
struct migrate_ext_migrator_state {
	u64 bytes_in_flight;
	u64 folios;
	u64 failed;
	u64 cost[MIGRATE_EXT_SIZE_CLASSES];
	u32 channels;
	u32 idle;
	u32 registered;
	u32 quarantined;
};

/**
 * struct migrate_ext_ops - a policy
 *
 * All callbacks are optional. init() and exit() may sleep, the others must not:
 * they are called by the task that migrates, with folios locked and perhaps from
 * within reclaim; what they are given is read-only. They can make migration do
 * nothing that it does not do by itself: an answer outside of what is documented
 * is counted as nonsense and means "no opinion".
 *
 * A policy whose @cgroup_id is 0 or the id of the root cgroup is asked about
 * the whole system, any other about its cgroup and the descendants of that
 * cgroup. A folio counts for the cgroup that it is charged to, whoever moves
 * it. Each batch uses, from its begin to its end, the policies that were
 * attached when it first met their cgroup.
 */
struct migrate_ext_ops {
	/**
	 * @batch_pages: how many pages may be unmapped at once?
	 * @call: the call of migrate_pages(); nodes, order and kind are not
	 *	known yet
	 *
	 * Asked once per migrate_pages(), of the policy of the whole system
	 * only, because one call may move the folios of many cgroups. While
	 * a folio is unmapped whoever wants it waits: many suit an engine,
	 * few suit those who wait. No batch has more than 512 folios.
	 *
	 * Return: 0 for no opinion, or a number of pages; above the admin's
	 * ceiling, batch_pages in sysfs, it is counted as clamped, and is the
	 * ceiling. Not implemented: the ceiling.
	 */
	u32 (*batch_pages)(const struct migrate_ext_call *call);

	/**
	 * @eligible: may such folios be copied as a batch?
	 * @call: the kind of folios
	 *
	 * Asked once per batch, cgroup, pair of nodes, folio order and kind,
	 * when the first such folio has been unmapped; the answer holds for
	 * the batch.
	 *
	 * Return: an &enum migrate_ext_eligibility. Not implemented: no
	 * opinion.
	 */
	s32 (*eligible)(const struct migrate_ext_call *call);

	/**
	 * @select: who copies this group?
	 * @group: the group
	 *
	 * Asked once per group, after the TLBs have been flushed.
	 *
	 * Return: 0 for no opinion, %MIGRATOR_CPU, or the id of a migrator
	 * from bpf_migrate_migrator_id(), for all that was not given to others
	 * by bpf_migrate_assign(). With 0, that is forgotten again. A migrator
	 * that has gone since, or is quarantined, is counted, and the CPU
	 * copies. Not implemented: no opinion.
	 */
	u32 (*select)(const struct migrate_ext_group *group);

	/**
	 * @done: the batch is over.
	 * @group: the one of @select, at the same address, with what was left
	 *	of the group after folios that somebody else uses had been
	 *	taken out
	 * @result: what became of it
	 *
	 * Called once per group for each policy that governs the group's
	 * cgroup, from the nearest to the root's, also when nothing of the
	 * group was eligible.
	 */
	void (*done)(const struct migrate_ext_group *group,
		     const struct migrate_ext_result *result);

	/**
	 * @init: the policy is about to be attached. May sleep.
	 *
	 * Called once per attachment and update, before any other callback,
	 * with a lock of BPF held that other links wait for: not to be long.
	 *
	 * Return: 0, or a negative errno: the attachment or update fails with
	 * it and everything stays as it was. Not implemented: 0.
	 */
	s32 (*init)(void);

	/**
	 * @exit: the policy has ended. May sleep.
	 * @info: why
	 *
	 * Called once for each init() that succeeded, when the last batch
	 * that used the policy has ended, after all other callbacks.
	 */
	void (*exit)(const struct migrate_ext_exit_info *info);

	/** @cgroup_id: whose pages; 0 or the root's id: the whole system's */
	u64 cgroup_id;

	/** @flags: &enum migrate_ext_ops_flags; cannot be changed by an update */
	u64 flags;

	/**
	 * @min_bytes: about smaller batches it is not asked, as if it were not
	 * attached; in bytes, of all the folios that are to be unmapped at
	 * once, at most %MIGRATE_EXT_MAX_MIN_BYTES. When nobody wants to be
	 * asked, neither another policy nor the built-in default, there is no
	 * batch: who has no use for single pages says so here, and not in
	 * eligible()
	 */
	u64 min_bytes;

	/**
	 * @error_limit: how much nonsense it may answer until it is ejected;
	 * 0: %MIGRATE_EXT_ERROR_LIMIT, at most %MIGRATE_EXT_MAX_ERROR_LIMIT
	 */
	u32 error_limit;

	/** @name: not empty, a valid BPF object name */
	char name[MIGRATE_EXT_NAME_LEN];

	/* private: the instance that is attached, for the kernel */
	void __rcu *priv;
};

#endif /* _LINUX_MIGRATE_EXT_H */
