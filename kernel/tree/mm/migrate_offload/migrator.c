// SPDX-License-Identifier: GPL-2.0
/*
 * The registry of migrators, and the one that is always there: the calling CPU.
 */

#include <linux/completion.h>
#include <linux/ctype.h>
#include <linux/init.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <trace/events/migrate.h>

#include "internal.h"
#include "trace.h"

/* So many jobs in a row of which half or more failed: quarantine. */
#define MIGRATOR_ERROR_LIMIT	16

/*
 * A name's place, with its id and its counters: from the first registration of
 * the name until the next boot, so that an id never changes its meaning.
 */
struct migrator_slot {
	struct kobject kobj;
	char name[MIGRATOR_NAME_LEN];
	u32 id;
	struct migrator __rcu *migrator;	/* NULL: gone */
	refcount_t users;			/* jobs, and the registration */
	struct completion unused;
	atomic_t bad_jobs;			/* in a row */
	atomic_t quarantined;
	u32 error_limit;			/* 0: never quarantined */
	atomic64_t in_flight;			/* bytes */
	struct migrator_costs costs;
	atomic64_t events[MIGRATOR_NR_EVENTS];
};

/* Written under the mutex; slots are never taken back. */
static DEFINE_MUTEX(migrators_mutex);
static struct migrator_slot migrator_slots[MIGRATOR_MAX];
static u32 nr_migrator_slots;
static struct kobject *migrators_kobj;

static const char * const migrator_event_names[MIGRATOR_NR_EVENTS] = {
	[MIGRATOR_JOBS]		= "jobs",
	[MIGRATOR_JOBS_REFUSED]	= "jobs_refused",
	[MIGRATOR_FOLIOS]	= "folios",
	[MIGRATOR_BYTES]	= "bytes",
	[MIGRATOR_REFUSED]	= "refused",
	[MIGRATOR_FAILED]	= "failed",
	[MIGRATOR_TIMED_OUT]	= "timed_out",
	[MIGRATOR_LOST]		= "lost",
	[MIGRATOR_BUSY_NS]	= "busy_ns",
	[MIGRATOR_QUARANTINES]	= "quarantines",
};

static struct migrator_slot *migrator_slot(u32 id)
{
	/* Pairs with the release in migrator_slot_create(). */
	u32 nr = smp_load_acquire(&nr_migrator_slots);

	return id != MIGRATOR_NONE && id <= nr ? &migrator_slots[id - 1] : NULL;
}

/* The id of @name, %MIGRATOR_NONE if it was never registered. Any context. */
u32 migrator_id_by_name(const char *name)
{
	struct migrator_slot *slot;
	u32 id;

	for (id = 1; (slot = migrator_slot(id)); id++)
		if (!strcmp(slot->name, name))
			return id;
	return MIGRATOR_NONE;
}

bool migrator_id_is_known(u32 id)
{
	return migrator_slot(id);
}

/* Just a hint: migrator_get() tells for sure. */
bool migrator_is_registered(u32 id)
{
	struct migrator_slot *slot = migrator_slot(id);

	return slot && rcu_access_pointer(slot->migrator);
}

/* Registered, and not in quarantine; just a hint as well. */
bool migrator_is_ready(u32 id)
{
	struct migrator_slot *slot = migrator_slot(id);

	return slot && rcu_access_pointer(slot->migrator) &&
	       !atomic_read(&slot->quarantined);
}

const char *migrator_name(u32 id)
{
	struct migrator_slot *slot = migrator_slot(id);

	return slot ? slot->name : "none";
}

/* Keeps a migrator from going until migrator_put(); NULL if it has gone. */
struct migrator *migrator_get(u32 id)
{
	struct migrator_slot *slot = migrator_slot(id);
	struct migrator *migrator;

	if (!slot)
		return NULL;

	guard(rcu)();
	migrator = rcu_dereference(slot->migrator);
	if (migrator && !refcount_inc_not_zero(&slot->users))
		migrator = NULL;
	return migrator;
}

void migrator_put(struct migrator *migrator)
{
	struct migrator_slot *slot = migrator->slot;

	if (refcount_dec_and_test(&slot->users))
		complete(&slot->unused);
}

void migrator_count(struct migrator *migrator, enum migrator_event event, u64 n)
{
	atomic64_add(n, &migrator->slot->events[event]);
}

void migrator_begin_job(struct migrator *migrator, u64 bytes)
{
	migrator_count(migrator, MIGRATOR_JOBS, 1);
	atomic64_add(bytes, &migrator->slot->in_flight);
}

/* Keeps failing: not given jobs any more until an admin rearms it. */
static void slot_judge(struct migrator_slot *slot, u32 taken, u32 copied)
{
	u32 limit = READ_ONCE(slot->error_limit);

	if (!taken)
		return;
	if (2 * copied > taken || !limit) {
		if (atomic_read(&slot->bad_jobs))
			atomic_set(&slot->bad_jobs, 0);
		return;
	}
	/* The CPU fails where memory is poisoned, and has no substitute. */
	if (atomic_inc_return(&slot->bad_jobs) < limit ||
	    slot->id == MIGRATOR_CPU)
		return;
	if (atomic_cmpxchg(&slot->quarantined, 0, 1))
		return;
	atomic64_inc(&slot->events[MIGRATOR_QUARANTINES]);
	trace_migrate_offload_migrator("quarantine", slot->name, slot->id);
	migrate_incident("quarantined", slot->name,
			 "%u jobs in a row failed, the last one with %u of %u folios; write rearm to its state to use it again",
			 limit, taken - copied, taken);
}

/*
 * A job is over: of @folios, together @bytes, @copied were copied and @refused
 * not tried, in @ns.
 */
void migrator_end_job(struct migrator *migrator, u64 bytes, u32 folios,
		      u32 copied, u32 refused, u64 ns)
{
	struct migrator_slot *slot = migrator->slot;

	atomic64_sub(bytes, &slot->in_flight);
	slot_judge(slot, folios - refused, copied);
	if (folios && copied == folios)
		migrator_costs_add(&slot->costs, bytes, folios, ns);
}

/* Returns 0; -ENOENT: no migrator of that id was ever registered. */
int migrator_state(u32 id, struct migrate_ext_migrator_state *state)
{
	struct migrator_slot *slot = migrator_slot(id);
	struct migrator *migrator;
	int i;

	memset(state, 0, sizeof(*state));
	if (!slot)
		return -ENOENT;

	guard(rcu)();
	migrator = rcu_dereference(slot->migrator);
	state->registered = !!migrator;
	state->quarantined = atomic_read(&slot->quarantined);
	state->bytes_in_flight = atomic64_read(&slot->in_flight);
	state->folios = atomic64_read(&slot->events[MIGRATOR_FOLIOS]);
	state->failed = atomic64_read(&slot->events[MIGRATOR_FAILED]);
	for (i = 0; i < MIGRATE_EXT_SIZE_CLASSES; i++)
		state->cost[i] = migrator_costs_all(&slot->costs, i);
	if (migrator && migrator->channels)
		migrator->channels(migrator, &state->channels, &state->idle);
	return 0;
}

/* How long such a job will take it, in nanoseconds; 0: not known. */
u64 migrator_cost_ns(u32 id, u64 bytes, u32 folios)
{
	struct migrator_slot *slot = migrator_slot(id);

	if (!slot || !folios || bytes < (u64)folios << PAGE_SHIFT ||
	    bytes > U32_MAX)
		return 0;
	return migrator_costs_ns(&slot->costs, bytes, folios);
}

static struct migrator_slot *kobj_slot(struct kobject *kobj)
{
	return container_of(kobj, struct migrator_slot, kobj);
}

static ssize_t id_show(struct kobject *kobj, struct kobj_attribute *attr,
		       char *buf)
{
	return sysfs_emit(buf, "%u\n", kobj_slot(kobj)->id);
}

static struct kobj_attribute id_attr = __ATTR_RO(id);

static void slot_rearm(struct migrator_slot *slot)
{
	atomic_set(&slot->bad_jobs, 0);
	if (atomic_xchg(&slot->quarantined, 0))
		trace_migrate_offload_migrator("rearm", slot->name, slot->id);
}

static ssize_t state_show(struct kobject *kobj, struct kobj_attribute *attr,
			  char *buf)
{
	struct migrator_slot *slot = kobj_slot(kobj);
	const char *state = "registered";

	if (!rcu_access_pointer(slot->migrator))
		state = "gone";
	else if (atomic_read(&slot->quarantined))
		state = "quarantined";
	return sysfs_emit(buf, "%s\n", state);
}

static ssize_t state_store(struct kobject *kobj, struct kobj_attribute *attr,
			   const char *buf, size_t count)
{
	if (!sysfs_streq(buf, "rearm"))
		return -EINVAL;
	slot_rearm(kobj_slot(kobj));
	return count;
}

static struct kobj_attribute state_attr = __ATTR_RW(state);

static ssize_t error_limit_show(struct kobject *kobj,
				struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(kobj_slot(kobj)->error_limit));
}

static ssize_t error_limit_store(struct kobject *kobj,
				 struct kobj_attribute *attr,
				 const char *buf, size_t count)
{
	u32 limit;
	int ret;

	ret = kstrtou32(buf, 0, &limit);
	if (ret)
		return ret;
	if (limit > MIGRATE_EXT_MAX_ERROR_LIMIT)
		return -EINVAL;
	WRITE_ONCE(kobj_slot(kobj)->error_limit, limit);
	return count;
}

static struct kobj_attribute error_limit_attr = __ATTR_RW(error_limit);

static ssize_t cost_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	static const char * const names[MIGRATE_EXT_SIZE_CLASSES] = {
		"page", "small", "large", "pmd",
	};
	ssize_t len = 0;
	int i;

	for (i = 0; i < MIGRATE_EXT_SIZE_CLASSES; i++)
		len += sysfs_emit_at(buf, len, "%s %llu\n", names[i],
				     migrator_costs_all(&kobj_slot(kobj)->costs, i));
	return len;
}

static struct kobj_attribute cost_attr = __ATTR_RO(cost);

static ssize_t events_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	return migrate_events_show(buf, migrator_event_names,
				   kobj_slot(kobj)->events, MIGRATOR_NR_EVENTS);
}

static struct kobj_attribute events_attr = __ATTR_RO(events);

static struct attribute *migrator_attrs[] = {
	&id_attr.attr,
	&state_attr.attr,
	&error_limit_attr.attr,
	&cost_attr.attr,
	&events_attr.attr,
	NULL,
};
ATTRIBUTE_GROUPS(migrator);

/* Slots are static and stay: there is nothing to free. */
static void migrator_slot_release(struct kobject *kobj)
{
}

static const struct kobj_type migrator_ktype = {
	.release	= migrator_slot_release,
	.sysfs_ops	= &kobj_sysfs_ops,
	.default_groups	= migrator_groups,
};

static bool migrator_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= MIGRATOR_NAME_LEN || !strcmp(name, "none"))
		return false;
	while (*name) {
		if (!islower(*name) && !isdigit(*name) &&
		    *name != '_' && *name != '-')
			return false;
		name++;
	}
	return true;
}

static struct migrator_slot *migrator_slot_create(const char *name)
{
	struct migrator_slot *slot;
	int ret;

	lockdep_assert_held(&migrators_mutex);

	if (nr_migrator_slots == MIGRATOR_MAX)
		return ERR_PTR(-ENOSPC);

	slot = &migrator_slots[nr_migrator_slots];
	memset(&slot->kobj, 0, sizeof(slot->kobj));
	strscpy(slot->name, name);
	slot->id = nr_migrator_slots + 1;
	slot->error_limit = MIGRATOR_ERROR_LIMIT;
	init_completion(&slot->unused);

	ret = kobject_init_and_add(&slot->kobj, &migrator_ktype, migrators_kobj,
				   "%s", slot->name);
	if (ret) {
		kobject_put(&slot->kobj);
		return ERR_PTR(ret);
	}

	/* Pairs with the acquire in migrator_slot(). */
	smp_store_release(&nr_migrator_slots, slot->id);
	return slot;
}

static struct migrator cpu_migrator;

/**
 * migrator_register() - make a migrator known
 * @migrator: the migrator, to stay until migrator_unregister() has returned
 *
 * From now on policies and the built-in default can choose it, by its name or
 * its id. May sleep.
 *
 * Return: 0; -EINVAL: no name, no callbacks, or a name with other characters
 * than it may have; -EBUSY: the name is registered; -ENOSPC: too many names
 * since boot; -ENODEV: copy offload could not be initialised; -ENOMEM.
 */
int migrator_register(struct migrator *migrator)
{
	struct migrator_slot *slot;
	u32 id;

	if (!migrator->name || !migrator_name_is_valid(migrator->name) ||
	    !migrator->submit || !migrator->wait)
		return -EINVAL;

	guard(mutex)(&migrators_mutex);

	/* The CPU comes first, or none: the first id is its. */
	if (migrator != &cpu_migrator && !cpu_migrator.slot)
		return -ENODEV;

	id = migrator_id_by_name(migrator->name);
	slot = id ? migrator_slot(id) : migrator_slot_create(migrator->name);
	if (IS_ERR(slot))
		return PTR_ERR(slot);
	if (rcu_access_pointer(slot->migrator))
		return -EBUSY;

	migrator->slot = slot;
	reinit_completion(&slot->unused);
	refcount_set(&slot->users, 1);
	/* Whoever has been loaded anew gets another chance. */
	slot_rearm(slot);
	rcu_assign_pointer(slot->migrator, migrator);
	trace_migrate_offload_migrator("register", slot->name, slot->id);
	return 0;
}
EXPORT_SYMBOL_GPL(migrator_register);

/**
 * migrator_unregister() - make a migrator unknown
 * @migrator: a registered migrator
 *
 * Waits for the jobs that it is working on, so not to be called from one of
 * its own callbacks; when it returns, no callback runs or will. The id stays
 * with the name. May sleep.
 */
void migrator_unregister(struct migrator *migrator)
{
	struct migrator_slot *slot = migrator->slot;

	guard(mutex)(&migrators_mutex);

	if (WARN_ON(!slot || rcu_access_pointer(slot->migrator) != migrator))
		return;

	rcu_assign_pointer(slot->migrator, NULL);
	/* Whoever has seen the pointer has taken its reference by then. */
	synchronize_rcu();
	if (!refcount_dec_and_test(&slot->users))
		wait_for_completion(&slot->unused);
	trace_migrate_offload_migrator("unregister", slot->name, slot->id);
}
EXPORT_SYMBOL_GPL(migrator_unregister);

static int cpu_submit(struct migrator *migrator, struct migrate_job *job)
{
	ktime_t begin = ktime_get();
	struct migrate_pair *pair;
	int i;

	for (i = 0; i < job->nr && (pair = migrate_job_pair(job, i)); i++) {
		/* Machine-check safe: poison fails the folio, not the machine. */
		pair->status = folio_mc_copy(pair->dst, pair->src) ?
			       MIGRATE_PAIR_POISONED : MIGRATE_PAIR_COPIED;
		/* Copying a large folio, it is asked page by page. */
		if (!(i % 16))
			cond_resched();
	}

	job->busy_ns = ktime_to_ns(ktime_sub(ktime_get(), begin));
	job->ns = job->busy_ns;
	return 0;
}

/* submit() is called last of all, and leaves nothing to wait for. */
static void cpu_wait(struct migrator *migrator, struct migrate_job *job)
{
}

static struct migrator cpu_migrator = {
	.name	= "cpu",
	.submit	= cpu_submit,
	.wait	= cpu_wait,
};

int __init migrator_sysfs_init(void)
{
	migrators_kobj = kobject_create_and_add("migrators", migrate_offload_kobj);
	if (!migrators_kobj)
		return -ENOMEM;

	BUILD_BUG_ON(MIGRATOR_CPU != 1);	/* the first slot's id */
	return migrator_register(&cpu_migrator);
}
