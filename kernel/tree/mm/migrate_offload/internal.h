/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of copy offload share. */
#ifndef _MM_MIGRATE_OFFLOAD_INTERNAL_H
#define _MM_MIGRATE_OFFLOAD_INTERNAL_H

#include <linux/atomic.h>
#include <linux/average.h>
#include <linux/kobject.h>
#include <linux/migrate_ext.h>
#include <linux/migrate_offload.h>
#include <linux/mmzone.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>

struct cgroup;
struct seq_buf;

/* books.c: what became of the folios */

/*
 * The causes why a folio was not copied ahead, in the order of the books.
 * MIGRATE_COPY_OK stands for no cause.
 */
enum migrate_cause {
	MIGRATE_COPY_OK,
	MIGRATE_REFUSED_KIND,
	MIGRATE_REFUSED_POLICY,
	MIGRATE_REFUSED_FULL,
	MIGRATE_REFUSED_BUSY,
	MIGRATE_REFUSED_POISONED,
	MIGRATE_REFUSED_NO_MIGRATOR,
	MIGRATE_REFUSED_MIGRATOR,
	MIGRATE_FAILED_ERROR,
	MIGRATE_FAILED_TIMEOUT,
	MIGRATE_FAILED_LOST,
	MIGRATE_NR_CAUSES,
	MIGRATE_FIRST_FAILED = MIGRATE_FAILED_ERROR,
};

extern const char * const migrate_cause_names[MIGRATE_NR_CAUSES];

/* In folios, bytes and nanoseconds. Everything else is a sum of these. */
struct migrate_book {
	u64 cause[MIGRATE_NR_CAUSES];	/* [MIGRATE_COPY_OK]: copied */
	u64 consumed;
	u64 bytes_taken;
	u64 bytes_copied;
	u64 ns;
	u64 busy_ns;
};

struct migrate_books {
	spinlock_t lock;		/* makes what is read balance */
	struct migrate_book reason[MR_TYPES];
};

u64 migrate_book_refused(const struct migrate_book *book);
u64 migrate_book_failed(const struct migrate_book *book);
void migrate_books_init(struct migrate_books *books);
void migrate_books_add(struct migrate_books *books, enum migrate_reason reason,
		       const struct migrate_book *book);

/* A sysfs file for each reason, called after it. */
extern const struct attribute_group migrate_books_group;

ssize_t migrate_events_show(char *buf, const char * const *names,
			    const atomic64_t *events, int nr);

/* sysfs.c: the built-in default and the admin's limits */

/* The reasons for which folios may be copied ahead at all. */
#define MIGRATE_OFFLOAD_REASONS	(GENMASK(MR_NEVER - 1, 0) & ~BIT(MR_MEMORY_FAILURE))

extern unsigned long migrate_offload_reasons;
extern u32 migrate_default_migrator;
extern unsigned long migrate_default_min_bytes;
extern unsigned int migrate_max_pages;
extern struct kobject *migrate_offload_kobj;

void migrate_min_bytes(u64 *least, u64 *enough);
int migrate_offload_get(void);
void migrate_offload_put(void);

/* batch.c */

extern struct migrate_books migrate_all_books;

enum migrate_batch_event {
	MIGRATE_EVENT_BATCHES,
	MIGRATE_EVENT_SMALL,
	MIGRATE_EVENT_NO_MEMORY,
	MIGRATE_EVENT_GROUPS_FULL,
	MIGRATE_NR_BATCH_EVENTS,
};

extern atomic64_t migrate_batch_events[MIGRATE_NR_BATCH_EVENTS];
extern const char * const migrate_batch_event_names[MIGRATE_NR_BATCH_EVENTS];

int migrate_batch_pool_create(void);

/* migrator.c */

#define MIGRATOR_MAX	32

enum migrator_event {
	MIGRATOR_JOBS,
	MIGRATOR_JOBS_REFUSED,
	MIGRATOR_FOLIOS,
	MIGRATOR_BYTES,
	MIGRATOR_REFUSED,
	MIGRATOR_FAILED,
	MIGRATOR_TIMED_OUT,
	MIGRATOR_LOST,
	MIGRATOR_BUSY_NS,
	MIGRATOR_QUARANTINES,
	MIGRATOR_NR_EVENTS,
};

u32 migrator_id_by_name(const char *name);
bool migrator_id_is_known(u32 id);
bool migrator_is_registered(u32 id);
bool migrator_is_ready(u32 id);
const char *migrator_name(u32 id);
struct migrator *migrator_get(u32 id);
void migrator_put(struct migrator *migrator);
void migrator_count(struct migrator *migrator, enum migrator_event event, u64 n);
void migrator_begin_job(struct migrator *migrator, u64 bytes);
void migrator_end_job(struct migrator *migrator, u64 bytes, u32 folios,
		      u32 copied, u32 refused, u64 ns);
int migrator_state(u32 id, struct migrate_ext_migrator_state *state);
u64 migrator_cost_ns(u32 id, u64 bytes, u32 folios);
int migrator_sysfs_init(void);

/* migrator_cost.c: how long a migrator takes, by what it has done so far */

/* Jobs of up to 16 KiB, 64 KiB, ... 16 MiB, and more. */
#define MIGRATOR_JOB_CLASSES	7

DECLARE_EWMA(migrator_cost, 8, 8)

struct migrator_costs {
	/* In nanoseconds for 1 MiB. */
	struct ewma_migrator_cost cost[MIGRATE_EXT_SIZE_CLASSES][MIGRATOR_JOB_CLASSES];
	struct ewma_migrator_cost all[MIGRATE_EXT_SIZE_CLASSES];
};

void migrator_costs_add(struct migrator_costs *costs, u64 bytes, u32 folios,
			u64 ns);
u64 migrator_costs_all(struct migrator_costs *costs, unsigned int size_class);
u64 migrator_costs_ns(struct migrator_costs *costs, u64 bytes, u32 folios);

/* incidents.c: what an operator will want to know afterwards */

__printf(3, 4)
void migrate_incident(const char *what, const char *name, const char *fmt, ...);
ssize_t migrate_incidents_show(char *buf);

/* decide.c */

bool migrate_cgroup_has_folios(struct cgroup *cgrp);

/* dryrun.c */

#ifdef CONFIG_DEBUG_FS
void migrate_dry_run_init(void);
#else
static inline void migrate_dry_run_init(void) { }
#endif

/* file.c: the page cache of files */

#ifdef CONFIG_MIGRATE_OFFLOAD_FILE

extern bool migrate_file_folios;

bool __migrate_file_may_copy_ahead(struct address_space *mapping,
				   struct folio *src);
int migrate_file_sysfs_init(void);

static inline bool migrate_file_is_on(void)
{
	return READ_ONCE(migrate_file_folios);
}

/* To be asked with @src locked, unmapped, and without private data. */
static inline bool migrate_file_may_copy_ahead(struct address_space *mapping,
					       struct folio *src)
{
	return migrate_file_is_on() &&
	       __migrate_file_may_copy_ahead(mapping, src);
}

#else

static inline bool migrate_file_is_on(void)
{
	return false;
}

static inline bool migrate_file_may_copy_ahead(struct address_space *mapping,
					       struct folio *src)
{
	return false;
}

static inline int migrate_file_sysfs_init(void)
{
	return 0;
}

#endif /* CONFIG_MIGRATE_OFFLOAD_FILE */

/* ext.c, ext_policy.c, ext_sysfs.c: policies */

#define MIGRATE_POLICY_DEPTH	16

struct migrate_policy;

#ifdef CONFIG_MIGRATE_EXT

void migrate_policies_min_bytes(u64 *least, u64 *enough);
bool migrate_policies_have_batch_pages(void);

int migrate_policies_get(struct cgroup *cgrp, u64 bytes,
			 struct migrate_policy **chain);
void migrate_policy_put(struct migrate_policy *policy);
u64 migrate_policy_cgroup_id(struct migrate_policy *policy);
const char *migrate_policy_name(struct migrate_policy *policy);
u64 migrate_policy_flags(struct migrate_policy *policy);
u32 migrate_policy_batch_pages(struct migrate_policy *policy,
			       const struct migrate_ext_call *call, u32 ceiling);
enum migrate_ext_eligibility
migrate_policy_eligible(struct migrate_policy *policy,
			const struct migrate_ext_call *call);
u32 migrate_policy_select(struct migrate_policy *policy,
			  const struct migrate_ext_group *group, u32 *migrator);
bool migrate_policy_has_done(struct migrate_policy *policy);
void migrate_policy_done(struct migrate_policy *policy,
			 const struct migrate_ext_group *group,
			 const struct migrate_ext_result *result);
void migrate_policy_count_book(struct migrate_policy *policy,
			       const struct migrate_ext_group *group,
			       const struct migrate_book *book);
struct migrate_books *migrate_policy_books(struct kobject *kobj);
int migrate_ext_sysfs_init(void);

#else

static inline void migrate_policies_min_bytes(u64 *least, u64 *enough)
{
	*least = U64_MAX;
	*enough = 0;
}

static inline bool migrate_policies_have_batch_pages(void)
{
	return false;
}

static inline int migrate_policies_get(struct cgroup *cgrp, u64 bytes,
				       struct migrate_policy **chain)
{
	return 0;
}

static inline void migrate_policy_put(struct migrate_policy *policy) { }

static inline u64 migrate_policy_cgroup_id(struct migrate_policy *policy)
{
	return 0;
}

static inline const char *migrate_policy_name(struct migrate_policy *policy)
{
	return "";
}

static inline u64 migrate_policy_flags(struct migrate_policy *policy)
{
	return 0;
}

static inline u32 migrate_policy_batch_pages(struct migrate_policy *policy,
					     const struct migrate_ext_call *call,
					     u32 ceiling)
{
	return 0;
}

static inline enum migrate_ext_eligibility
migrate_policy_eligible(struct migrate_policy *policy,
			const struct migrate_ext_call *call)
{
	return MIGRATE_EXT_NO_OPINION;
}

static inline u32 migrate_policy_select(struct migrate_policy *policy,
					const struct migrate_ext_group *group,
					u32 *migrator)
{
	*migrator = MIGRATOR_NONE;
	return MIGRATOR_NONE;
}

static inline bool migrate_policy_has_done(struct migrate_policy *policy)
{
	return false;
}

static inline void migrate_policy_done(struct migrate_policy *policy,
				       const struct migrate_ext_group *group,
				       const struct migrate_ext_result *result)
{
}

static inline void migrate_policy_count_book(struct migrate_policy *policy,
					     const struct migrate_ext_group *group,
					     const struct migrate_book *book)
{
}

static inline struct migrate_books *migrate_policy_books(struct kobject *kobj)
{
	return NULL;
}

static inline int migrate_ext_sysfs_init(void)
{
	return 0;
}

#endif /* CONFIG_MIGRATE_EXT */
#endif /* _MM_MIGRATE_OFFLOAD_INTERNAL_H */
