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
 * @MIGRATE_EXT_NR_KINDS: how many there are
 */
enum migrate_ext_kind {
	MIGRATE_EXT_ANON	= 0,
	MIGRATE_EXT_SHMEM	= 1,
	MIGRATE_EXT_NR_KINDS,
};

/**
 * enum migrate_ext_call_flags - circumstances of a migration
 * @MIGRATE_EXT_IN_RECLAIM: the caller is reclaiming or compacting to satisfy
 *	an allocation, or works for such a caller; somebody waits for memory
 * @MIGRATE_EXT_KTHREAD: the caller is a kernel thread
 */
enum migrate_ext_call_flags {
	MIGRATE_EXT_IN_RECLAIM	= 1 << 0,
	MIGRATE_EXT_KTHREAD	= 1 << 1,
};

/**
 * struct migrate_ext_call - a kind of folios about to be migrated
 * @cgroup_id: id of the cgroup that the folios are charged to; 1, the root's,
 *	for folios charged to nobody
 * @reason: an &enum migrate_reason
 * @flags: &enum migrate_ext_call_flags
 * @src_nid: memory node that they leave
 * @dst_nid: memory node that they go to
 * @order: folio order, a folio has 2^order pages
 * @kind: an &enum migrate_ext_kind
 */
struct migrate_ext_call {
	u64 cgroup_id;
	u32 reason;
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
	u32 flags;
	s32 src_nid;
	s32 dst_nid;
};

/**
 * struct migrate_ext_result - what became of a group
 * @migrator: id of the migrator that was chosen; 0 when none was, because no
 *	folio was left to copy ahead
 * @decided: 1 when the choice was this policy's, 0 when another policy or the
 *	built-in default made it
 * @offered: folios of this cgroup in the batch, eligible or not
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
 * @ns: wall time from the submission to the end of the job, in nanoseconds;
 *	a job that served several groups is divided among them by bytes
 * @busy_ns: time that the migrator's engines were busy, in nanoseconds, added
 *	up over all of them and divided likewise
 */
struct migrate_ext_result {
	u32 migrator;
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
};

/**
 * struct migrate_ext_ops - a policy
 *
 * All callbacks are optional and must not sleep. They are called by the task
 * that migrates, with folios locked and perhaps from within reclaim; what they
 * are given is read-only. They can make migration do nothing that it does not
 * do by itself: an answer outside of what is documented is counted as
 * nonsense and means "no opinion".
 *
 * A policy whose @cgroup_id is 0 or the id of the root cgroup is asked about
 * the whole system, any other about its cgroup and the descendants of that
 * cgroup. A folio counts for the cgroup that it is charged to, whoever moves
 * it. Each batch uses, from its begin to its end, the policies that were
 * attached when it first met their cgroup.
 */
struct migrate_ext_ops {
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
	 * from bpf_migrate_migrator_id(). A migrator that has gone since is
	 * counted, and the CPU copies. Not implemented: no opinion.
	 */
	u32 (*select)(const struct migrate_ext_group *group);

	/**
	 * @done: the batch is over.
	 * @group: as in @select, with what was left of the group after
	 *	folios that somebody else uses had been taken out
	 * @result: what became of it
	 *
	 * Called once per group for each policy that governs the group's
	 * cgroup, from the nearest to the root's, also when nothing of the
	 * group was eligible.
	 */
	void (*done)(const struct migrate_ext_group *group,
		     const struct migrate_ext_result *result);

	/** @cgroup_id: whose pages; 0 or the root's id: the whole system's */
	u64 cgroup_id;

	/** @name: not empty, a valid BPF object name */
	char name[MIGRATE_EXT_NAME_LEN];
};

#endif /* _LINUX_MIGRATE_EXT_H */
