/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of migrate_ext know of each other. */
#ifndef _MM_MIGRATE_OFFLOAD_EXT_H
#define _MM_MIGRATE_OFFLOAD_EXT_H

#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>

#include "internal.h"

struct bpf_link;
struct bpf_prog;

enum migrate_policy_event {
	POLICY_BATCH_PAGES_NONE,
	POLICY_BATCH_PAGES_SET,
	POLICY_ELIGIBLE_NONE,
	POLICY_ELIGIBLE_BATCH,
	POLICY_ELIGIBLE_SINGLE,
	POLICY_SELECT_NONE,
	POLICY_SELECT_CPU,
	POLICY_SELECT_MIGRATOR,
	POLICY_SELECT_GONE,
	POLICY_CLAMPED,
	POLICY_NONSENSE,
	POLICY_DONE,
	POLICY_UPDATES,
	POLICY_EJECTIONS,
	POLICY_NR_EVENTS,
};

/*
 * A cgroup's place for a policy, one per attached link. Its policy changes when
 * the link is updated, and goes when the policy is ejected.
 */
struct migrate_attachment {
	struct kobject kobj;		/* keeps it, named after the cgroup id */
	u64 cgroup_id;
	struct migrate_policy __rcu *policy;	/* written under migrate_ext_mutex */
	struct bpf_link *link;		/* under migrate_ext_mutex; NULL: detached */
	struct list_head list;		/* under migrate_ext_mutex */
	bool cgroup_gone;		/* under migrate_ext_mutex */
	struct work_struct detach_work;	/* after its cgroup has gone */
	spinlock_t shown_lock;
	struct {			/* in sysfs, also when ejected */
		char name[MIGRATE_EXT_NAME_LEN];
		u32 map_id;
		struct migrate_ext_exit_info exit_info;
	} shown;			/* under shown_lock */
	atomic64_t events[POLICY_NR_EVENTS];
	struct migrate_books books;
	struct rcu_head rcu;
};

/* One instance of a policy; batches look only at this. */
struct migrate_policy {
	struct migrate_ext_ops *ops;		/* holds its struct_ops map */
	struct migrate_attachment *attachment;	/* holds its kobject */
	refcount_t refs;
	bool initialised;
	atomic_t nonsense;
	atomic_t exit_kind;			/* the first one is why it ends */
	struct migrate_ext_exit_info exit_info;	/* of who set exit_kind */
	struct work_struct eject_work;
	struct work_struct exit_work;
	struct rcu_head rcu;
};

/* ext.c */

extern struct mutex migrate_ext_mutex;
extern atomic64_t migrate_ext_enable_seq;

extern bool migrate_attachments_below_root;

struct migrate_attachment *migrate_attachment_find(u64 cgroup_id);
bool migrate_attachments_empty(void);
bool migrate_ext_unpublish(struct migrate_policy *policy);
bool migrate_ext_owns_prog(const struct bpf_prog *prog);

/* ext_policy.c */

struct migrate_policy *migrate_policy_create(struct migrate_ext_ops *ops,
					     struct migrate_attachment *attachment);
int migrate_policy_init(struct migrate_policy *policy);
bool migrate_policy_is_ejected(struct migrate_policy *policy);
bool migrate_policy_leave(struct migrate_policy *policy,
			  enum migrate_ext_exit_kind kind, s64 code,
			  const char *msg);
bool migrate_policy_eject(struct migrate_policy *policy,
			  enum migrate_ext_exit_kind kind, s64 code,
			  const char *msg);

/* ext_sysfs.c */

extern bool migrate_ext_enabled;

void migrate_attachment_show_policy(struct migrate_attachment *attachment,
				    struct migrate_policy *policy);
void migrate_attachment_show_exit(struct migrate_attachment *attachment,
				  const struct migrate_ext_exit_info *info);
void migrate_attachment_kobject_init(struct migrate_attachment *attachment);
int migrate_attachment_kobject_add(struct migrate_attachment *attachment);

/* ext_kfuncs.c */

int migrate_ext_kfuncs_init(void);

#endif /* _MM_MIGRATE_OFFLOAD_EXT_H */
