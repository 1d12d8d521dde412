/* SPDX-License-Identifier: GPL-2.0 */
/* The end of a policy: asking for it, and writing down why it came. */
#ifndef _MIGRATE_EXT_EXIT_BPF_H
#define _MIGRATE_EXT_EXIT_BPF_H

#include <migrate_ext/types.bpf.h>
#include <migrate_ext/exit_record.h>

/*
 * Switches this policy off: it is not asked any more, until its link is updated.
 * Code and message are for the operator. 0; -EALREADY: it is ending already;
 * -EOPNOTSUPP: the program is part of several struct_ops maps. Allowed from every
 * callback but exit(); from init(), attaching fails.
 */
extern int bpf_migrate_exit(s64 code, const char *msg, size_t msg__sz) __ksym;

/*
 * The same with a message as of printf(), from what bpf_snprintf() knows (no %f;
 * %s for strings of the program or the kernel). What is too long is cut.
 *
 *	migrate_exit(-1, "%s: %u in a row", "dcbm", failed);
 */
#define migrate_exit(code, fmt, args...)				\
({									\
	char ___msg[sizeof(((struct migrate_ext_exit_info *)0)->msg)] = {};	\
									\
	BPF_SNPRINTF(___msg, sizeof(___msg), fmt, ##args);		\
	bpf_migrate_exit((code), ___msg, sizeof(___msg));		\
})

/*
 * MIGRATE_EXT_RECORD_EXIT(my_exit) is a callback exit(), to be named as .exit in
 * the ops. It writes what the kernel tells it into the map .data.exit, for whoever
 * has that open (the policy's own loader by its skeleton, `bpftool map dump name
 * .data.exit`), see exit_record.h.
 */
#define MIGRATE_EXT_RECORD_EXIT(fn)					\
MIGRATE_EXT_EXIT_RECORD;						\
void MIGRATE_EXT_SLEEPABLE(fn, const struct migrate_ext_exit_info *info)	\
{									\
	record_exit(info);						\
}									\
extern int fn##_record_ends_here

/* The two halves of it, for a policy whose exit() does more. */
#define MIGRATE_EXT_EXIT_RECORD						\
struct migrate_ext_exit_record exit_record SEC(".data.exit") = {}

#define record_exit(info)	__record_exit(&exit_record, (info))

static __always_inline void
__record_exit(struct migrate_ext_exit_record *record,
	      const struct migrate_ext_exit_info *info)
{
	u32 before;

	bpf_probe_read_kernel_str(record->reason, sizeof(record->reason), info->reason);
	bpf_probe_read_kernel_str(record->msg, sizeof(record->msg), info->msg);
	record->code = info->code;
	record->kind = info->kind;
	/*
	 * The last store, after the others: who sees it grow may read them. An addition whose
	 * result is not used would be in no order on arm64.
	 */
	before = __sync_fetch_and_add(&record->ends, 1);
	barrier_var(before);
}

#endif /* _MIGRATE_EXT_EXIT_BPF_H */
