/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of mgx trace and mgx top share with mgx itself. */
#ifndef _MGX_WATCH_H
#define _MGX_WATCH_H

#define WATCH_PARTS	4	/* MIGRATE_EXT_PARTS */
#define WATCH_MIGRATORS	33	/* ids of a kernel, from 0 (none) on */
#define WATCH_SLOTS	48	/* of a histogram: [2^n, 2^(n+1)) */
#define WATCH_COMM	16
#define WATCH_CAUSE	24

enum watch_kind {
	WATCH_COPY,
	WATCH_BATCH,
	WATCH_FALLBACK,
};

struct watch_part {
	__u32 migrator;
	__u32 copied;
	__u64 bytes;
	__u64 ns;
};

/* One event of mgx trace; what the kind has not got is 0. */
struct watch_event {
	__u64 time_ns;		/* CLOCK_MONOTONIC */
	__u64 cgroup_id;
	__u64 orders;
	__u64 bytes;
	__u64 ns;
	__u64 busy_ns;
	__u64 folios;		/* of a batch, of a fallback */
	__u32 kind;
	__u32 pid;
	__u32 reason;
	__u32 mode;
	__u32 flags;
	__s32 src_nid;
	__s32 dst_nid;
	__u32 migrator;
	__u32 offered;
	__u32 taken;
	__u32 refused;
	__u32 copied;
	__u32 failed;
	__u32 consumed;
	__u32 discarded;
	__u32 groups;
	__u32 policies;
	__u32 jobs;
	__u32 nr_parts;
	__u32 pad;
	struct watch_part parts[WATCH_PARTS];
	char comm[WATCH_COMM];
	char cause[WATCH_CAUSE];
};

/* Read with atomic adds, so that their sums hold whatever happens. */
struct watch_counts {
	__u64 seen;		/* events of the kinds that are asked for */
	__u64 matched;		/* of them, those that the filters let pass */
	__u64 lost;		/* of them, those that found no room */
};

struct watch_hist {
	__u64 ns[WATCH_SLOTS];
	__u64 bytes[WATCH_SLOTS];
};

/* mgx top */
struct watch_key {
	__u64 cgroup_id;
	__u32 reason;
	__u32 migrator;
};

struct watch_sum {
	__u64 groups;
	__u64 offered;
	__u64 folios;		/* copied ahead */
	__u64 bytes;
	__u64 ns;
	__u64 busy_ns;
	__u64 fallbacks;	/* folios that the CPU copies one by one after all */
	__u64 slots[WATCH_SLOTS];	/* groups by the ns of their copy */
};

#endif /* _MGX_WATCH_H */
