/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a policy writes down about its batches: the layout of the map
 * `results`, for the policy that fills it and for whoever reads it.
 */
#ifndef _MIGRATE_EXT_RESULTS_H
#define _MIGRATE_EXT_RESULTS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/**
 * struct migrate_ext_results_key - folios that are counted together
 * @cgroup_id: cgroup that they are charged to; 0 for those that found no row of
 *	their own: then @orders is 0, too
 * @orders: bit n is set when a folio of order n was among them; 0 when none
 *	was left to copy ahead
 * @reason: an &enum migrate_reason
 * @migrator: who copied; 0 nobody, 1 the CPU, else the id of a migrator
 *
 * No padding: the map hashes every byte.
 */
struct migrate_ext_results_key {
	__u64 cgroup_id;
	__u64 orders;
	__u32 reason;
	__u32 migrator;
};

/**
 * struct migrate_ext_results - their sums since the policy was loaded
 * @batches: groups, each from one batch
 * @offered: folios unmapped in a batch, eligible or not
 * @taken: folios that the migrator took
 * @refused: folios that it did not take; @offered = @taken + @refused
 * @copied: folios copied ahead
 * @failed: folios whose copy failed; @taken = @copied + @failed
 * @consumed: folios that moved with the copy made ahead
 * @discarded: folios that could not be moved, copy thrown away;
 *	@copied = @consumed + @discarded
 * @bytes: size of the folios in @copied, in bytes
 * @ns: wall time of the copies, nanoseconds
 * @busy_ns: time that engines were busy with them, nanoseconds, over all
 */
struct migrate_ext_results {
	__u64 batches;
	__u64 offered;
	__u64 taken;
	__u64 refused;
	__u64 copied;
	__u64 failed;
	__u64 consumed;
	__u64 discarded;
	__u64 bytes;
	__u64 ns;
	__u64 busy_ns;
};

#endif /* _MIGRATE_EXT_RESULTS_H */
