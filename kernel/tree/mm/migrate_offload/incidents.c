// SPDX-License-Identifier: GPL-2.0
/*
 * The last ejections and quarantines. With a pinned link nobody may be there to
 * read exit info when it happens; the kernel log may have been overwritten.
 */

#include <linux/cgroup.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>

#include "internal.h"

/* As many as fit into the page of a sysfs file. */
#define NR_INCIDENTS	16

struct migrate_incident {
	u64 seq;			/* from 1 on */
	time64_t when;
	const char *what;
	char name[MIGRATE_EXT_NAME_LEN];
	char text[184];
};

/* Taken where policies run, perhaps with preemption or interrupts off. */
static DEFINE_RAW_SPINLOCK(incidents_lock);
static struct migrate_incident incidents[NR_INCIDENTS];
static u64 nr_incidents;

/**
 * migrate_incident() - remember and log an incident
 * @what: what happened, a word that stays
 * @name: to which policy or migrator
 * @fmt: the rest of the line
 *
 * Any context but NMI.
 */
void migrate_incident(const char *what, const char *name, const char *fmt, ...)
{
	struct migrate_incident *incident;
	char text[sizeof(incident->text)];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	pr_warn_ratelimited("migrate_offload: %s %s: %s\n", what, name, text);

	guard(raw_spinlock_irqsave)(&incidents_lock);

	incident = &incidents[nr_incidents++ % NR_INCIDENTS];
	incident->seq = nr_incidents;
	incident->when = ktime_get_real_seconds();
	incident->what = what;
	strscpy(incident->name, name);
	strscpy(incident->text, text);
}

ssize_t migrate_incidents_show(char *buf)
{
	ssize_t len = 0;
	u64 i;

	guard(raw_spinlock_irqsave)(&incidents_lock);

	for (i = nr_incidents - min_t(u64, nr_incidents, NR_INCIDENTS);
	     i < nr_incidents; i++) {
		const struct migrate_incident *incident =
			&incidents[i % NR_INCIDENTS];

		len += sysfs_emit_at(buf, len, "%llu %lld %s %s %s\n",
				     incident->seq, incident->when,
				     incident->what, incident->name,
				     incident->text);
	}
	return len;
}
