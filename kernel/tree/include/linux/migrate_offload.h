/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copy offload for page migration: what a migrator has to provide.
 *
 * The folios of a batch that may be copied ahead of their move are handed to
 * migrators as jobs. A migrator reports, pair by pair, what became of each
 * copy; whatever it refuses or fails is copied by the CPU when the folio is
 * moved. See Documentation/mm/migrate_offload.rst.
 */
#ifndef _LINUX_MIGRATE_OFFLOAD_H
#define _LINUX_MIGRATE_OFFLOAD_H

#include <linux/migrate_mode.h>
#include <linux/mm_types.h>
#include <linux/types.h>

struct migrator_slot;

/* Longest migrator name, with the terminating NUL. */
#define MIGRATOR_NAME_LEN	16

/**
 * enum migrator_id - ids of the migrators that are always there
 * @MIGRATOR_NONE: no migrator, or no opinion
 * @MIGRATOR_CPU: the calling CPU
 *
 * Every other migrator gets its id when its name is registered for the first
 * time, and keeps it until the next boot.
 */
enum migrator_id {
	MIGRATOR_NONE = 0,
	MIGRATOR_CPU = 1,
};

/**
 * enum migrate_pair_status - what became of one copy
 * @MIGRATE_PAIR_REFUSED: not attempted; what every pair starts as
 * @MIGRATE_PAIR_COPIED: the destination holds the source's bytes, all of them
 * @MIGRATE_PAIR_FAILED: attempted, and nobody will touch the pair any more
 * @MIGRATE_PAIR_TIMED_OUT: as @MIGRATE_PAIR_FAILED, after the time-out
 * @MIGRATE_PAIR_LOST: attempted, and an engine may still read the source or
 *	write the destination at any time from now on
 * @MIGRATE_PAIR_POISONED: the CPU found the source poisoned; nobody will touch
 *	the pair any more, and this pass must not copy it again
 */
enum migrate_pair_status {
	MIGRATE_PAIR_REFUSED,
	MIGRATE_PAIR_COPIED,
	MIGRATE_PAIR_FAILED,
	MIGRATE_PAIR_TIMED_OUT,
	MIGRATE_PAIR_LOST,
	MIGRATE_PAIR_POISONED,
};

/**
 * struct migrate_pair - one folio to be copied
 * @src: source, locked, unmapped from every page table, TLBs flushed
 * @dst: destination of the same size, locked, nobody else knows it
 * @bytes: size of the folio
 * @status: an &enum migrate_pair_status, written by the migrator
 * @group: for the core: index of the group that the pair belongs to
 * @job: for the core: index of the job that the pair belongs to
 * @plain: for the core: a page of anonymous memory outside of the swap cache
 *
 * The folios stay valid, locked and in place from submit() until wait()
 * returns, not longer.
 */
struct migrate_pair {
	struct folio *src;
	struct folio *dst;
	u32 bytes;
	u8 status;
	u8 group;
	u8 job;
	bool plain;
};

/**
 * struct migrate_job - the pairs that one migrator is to copy
 * @pairs: the pairs of the whole batch
 * @index: positions in @pairs of this job's pairs; NULL: all of them, in order
 * @nr: how many pairs this job has
 * @bytes: their size in bytes, all together
 * @reason: why the folios move
 * @src_nid: memory node of the first source folio
 * @dst_nid: memory node of the first destination folio
 * @busy_ns: set by wait(): time that engines or CPUs were busy with this job,
 *	in nanoseconds, added up over all of them; 0 when not known
 * @ns: set by wait(): time from the submission until the last copy was over,
 *	in nanoseconds; 0 when not known: the core takes the time at which
 *	wait() returned, when it may have been busy with another job meanwhile
 * @private: for the migrator, NULL at submit()
 */
struct migrate_job {
	struct migrate_pair *pairs;
	const u16 *index;
	u32 nr;
	u64 bytes;
	enum migrate_reason reason;
	int src_nid;
	int dst_nid;
	u64 busy_ns;
	u64 ns;
	void *private;
};

/**
 * migrate_job_pair() - the @i-th pair of a job
 * @job: the job
 * @i: 0 to job->nr - 1
 *
 * Return: the pair.
 */
static inline struct migrate_pair *migrate_job_pair(struct migrate_job *job,
						    unsigned int i)
{
	return &job->pairs[job->index ? job->index[i] : i];
}

/**
 * struct migrator - somebody who can copy folios
 * @name: unique, at most %MIGRATOR_NAME_LEN - 1 characters of [a-z0-9_-]
 * @submit: begin to copy the pairs of a job and return without waiting for
 *	them. Returns 0, or a negative error when nothing was begun; wait() is
 *	not called then and all the pairs count as refused.
 * @wait: wait until the job is over and set the status of each pair. It
 *	always returns, in bounded time. When it has returned, nobody reads
 *	the source or writes the destination of any pair that it did not
 *	report as %MIGRATE_PAIR_LOST, nothing of a pair is mapped for DMA any
 *	more, and the migrator does not look at the job again.
 * @channels: optional: how many engines it has, and how many of them are idle
 *	at this moment. Called for policies, with RCU held, and perhaps with
 *	interrupts off: must not sleep, nor turn them on.
 * @slot: for the core
 *
 * submit() and wait() are called by the task that migrates, with all the folios of the batch
 * locked, and perhaps from within reclaim or with an mmap lock held. They may
 * sleep, but wait only for hardware, interrupts, and kthreads or
 * %WQ_MEM_RECLAIM work that take no folio, mmap or filesystem lock and
 * allocate nothing; they must not allocate with %GFP_KERNEL themselves. Many
 * tasks call them at the same time. Engines are never given folios of
 * %MR_MEMORY_FAILURE.
 */
struct migrator {
	const char *name;
	int (*submit)(struct migrator *migrator, struct migrate_job *job);
	void (*wait)(struct migrator *migrator, struct migrate_job *job);
	void (*channels)(struct migrator *migrator, u32 *nr, u32 *idle);
	struct migrator_slot *slot;
};

int migrator_register(struct migrator *migrator);
void migrator_unregister(struct migrator *migrator);
void migrate_pair_found(struct folio *src, struct folio *dst);

#endif /* _LINUX_MIGRATE_OFFLOAD_H */
