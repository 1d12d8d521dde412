/* SPDX-License-Identifier: GPL-2.0 */
/* What whole.bpf.c and the tests share. */
#ifndef SELFTESTS_WHOLE_H
#define SELFTESTS_WHOLE_H

#define WHOLE_RANGES	3
#define WHOLE_PARTS	4
#define WHOLE_MSG	128

/* Callbacks from which to call bpf_migrate_exit(). */
enum {
	WHOLE_EXIT_INIT		= 1 << 0,
	WHOLE_EXIT_BATCH_PAGES	= 1 << 1,
	WHOLE_EXIT_ELIGIBLE	= 1 << 2,
	WHOLE_EXIT_SELECT	= 1 << 3,
	WHOLE_EXIT_DONE		= 1 << 4,
};

struct whole_range {
	unsigned int first;
	unsigned int nr;
	unsigned int migrator;
	int result;		/* of bpf_migrate_assign() */
};

struct whole_part {
	unsigned int migrator;
	unsigned int taken;
	unsigned int copied;
	unsigned long long bytes_copied;
	unsigned long long ns;
};

struct whole_memory {
	/* answers */
	int init;
	unsigned int batch_pages;
	int eligible;
	unsigned int select;
	unsigned int exit_from;
	struct whole_range ranges[WHOLE_RANGES];
	unsigned int nr_ranges;
	/* questions for the kfuncs, asked in select() */
	unsigned int ask_id;
	unsigned long long ask_bytes;
	unsigned int ask_folios;

	/* what was seen */
	unsigned long long inits;
	unsigned long long exits;
	unsigned long long calls;	/* of batch_pages, eligible, select, done */
	unsigned long long dry_calls;	/* of these, with MIGRATE_EXT_DRY_RUN */
	unsigned long long dones;
	unsigned int exit_kind;
	long long exit_code;
	int exit_result;		/* of bpf_migrate_exit() */
	char exit_reason[32];
	char exit_msg[WHOLE_MSG];
	unsigned int mode;		/* of eligible() */
	unsigned int mode_batch_pages;
	unsigned int reason;
	unsigned int max_folios;	/* of a group, so far */
	unsigned int max_taken;
	unsigned int nr_parts;
	struct whole_part parts[WHOLE_PARTS];
	unsigned long long answer_cost_ns;
	int answer_state;
	unsigned long long state_folios;
	unsigned long long state_cost;	/* of a 4 KiB folio */
	unsigned int state_channels;
	unsigned int state_registered;
	unsigned int state_quarantined;
};

#endif /* SELFTESTS_WHOLE_H */
