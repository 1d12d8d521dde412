// SPDX-License-Identifier: GPL-2.0
/* The memory, and the books: the kernel's, the policies', the trace's, the migrators'. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "job.h"
#include "migrators.h"
#include "report.h"

#define POLICIES	OFFLOAD "/policies"

static void judge_process(struct process *p)
{
	const struct live_shared *s = p->live.shared;
	char text[400];
	uint64_t i;

	for (i = 0; i < s->wrong && i < LIVE_MAX_WRONG; i++) {
		live_wrong_text(&p->live, &s->first[i], text, sizeof(text));
		report_step("%s: %s", p->cgroup, text);
	}
	if (s->wrong)
		live_wrong_text(&p->live, &s->first[0], text, sizeof(text));
	check(!s->wrong && s->verified == s->bytes && s->compared, "every byte",
	      s->wrong ? "%s: %" PRIu64 " of %" PRIu64 " comparisons, the first %s" :
	      "%s: %" PRIu64 " MiB compared at the end, %" PRIu64 " MiB while it was written%s",
	      p->cgroup, s->wrong ?: s->verified >> 20,
	      s->wrong ? s->compared + s->verified / LIVE_CHUNK : s->compared * LIVE_CHUNK >> 20,
	      s->wrong ? text : "");
}

void judge_memory(struct job *job)
{
	int i;

	for (i = 0; i < NR_PROCESSES; i++) {
		struct process *p = &job->processes[i];

		if (!live_verify(&p->live)) {
			check(false, "every byte", "%s: %s", p->cgroup, p->live.error);
			continue;
		}
		judge_process(p);
		if (p->huge)
			report_step("%s: %" PRIu64 " of %" PRIu64 " MiB are 2 MiB folios still",
				    p->cgroup, p->live.shared->huge_bytes_end >> 20,
				    p->live.shared->bytes >> 20);
	}
}

/* The identities of the books; what does not hold goes to @text. */
static bool balances(const struct counters *book, char *text, size_t size)
{
	static const struct {
		const char *whole;
		const char *parts[8];
	} identities[] = {
		{ "offered", { "taken", "refused" } },
		{ "taken", { "copied", "failed" } },
		{ "copied", { "consumed", "discarded" } },
		{ "refused", { "refused_kind", "refused_policy", "refused_full", "refused_busy",
			       "refused_poisoned", "refused_no_migrator", "refused_migrator" } },
		{ "failed", { "failed_error", "failed_timeout", "failed_lost" } },
	};
	unsigned int i, j;

	for (i = 0; i < sizeof(identities) / sizeof(identities[0]); i++) {
		uint64_t whole = counters_get(book, identities[i].whole), sum = 0;

		for (j = 0; j < 8 && identities[i].parts[j]; j++) {
			sum += counters_get(book, identities[i].parts[j]);
			if (!counters_have(book, identities[i].parts[j])) {
				snprintf(text, size, "no line %s", identities[i].parts[j]);
				return false;
			}
		}
		if (whole != sum) {
			snprintf(text, size, "%s %" PRIu64 ", its parts %" PRIu64,
				 identities[i].whole, whole, sum);
			return false;
		}
	}
	return true;
}

/* Whether the sums are those of the book. */
static bool agrees(const struct counters *book, const struct migrate_ext_results *sum,
		   const char *reason, char *text, size_t size)
{
#define X(field, name)								\
	if (counters_get(book, name) != sum->field) {				\
		snprintf(text, size, "%s: %s %" PRIu64 " in the kernel's book, %" PRIu64, \
			 reason, name, counters_get(book, name), (uint64_t)sum->field);	\
		return false;							\
	}
	RESULT_FIELDS(X)
#undef X
	return true;
}

struct books {
	const char *dir;
	struct counters reason[NR_REASONS];
	bool there[NR_REASONS];
};

/* Every reason has a book but memory_failure, which is never offered. */
static bool books_read(struct books *books, const char *dir, char *text, size_t size)
{
	int i;

	books->dir = dir;
	for (i = 0; i < NR_REASONS; i++) {
		books->there[i] = counters_read(&books->reason[i], "%s/books/%s", dir,
						reason_names[i]);
		if (books->there[i] || !strcmp(reason_names[i], "memory_failure"))
			continue;
		snprintf(text, size, "%s/books/%s: %m", dir, reason_names[i]);
		return false;
	}
	return true;
}

static void judge_balance(const struct books *books, const char *whose)
{
	char text[200];
	uint64_t offered = 0;
	int i;

	for (i = 0; i < NR_REASONS; i++) {
		if (books->there[i] && !balances(&books->reason[i], text, sizeof(text))) {
			check(false, "the books balance", "%s, %s: %s", whose, reason_names[i],
			      text);
			return;
		}
		offered += counters_get(&books->reason[i], "offered");
	}
	check(offered > 0, "the books balance", "%s: %" PRIu64 " folios offered", whose, offered);
}

/* A table's rows of one cgroup, or of all (0), against books, reason by reason. */
static bool table_agrees(const struct books *books, const struct table *table,
			 uint64_t cgroup_id, char *text, size_t size)
{
	struct migrate_ext_results sum;
	int i;

	for (i = 0; i < NR_REASONS; i++) {
		sum = table_sum(table, i, cgroup_id, -1);
		if (!agrees(&books->reason[i], &sum, reason_names[i], text, size))
			return false;
	}
	return true;
}

static void judge_policy(const struct attached_policy *policy, const struct books *books)
{
	struct migrate_ext_results sum = table_sum(&policy->table, -1, 0, -1);
	struct counters events;
	char text[200];
	bool ok;

	ok = table_agrees(books, &policy->table, 0, text, sizeof(text));
	if (ok && !counters_read(&events, POLICIES "/%" PRIu64 "/events", policy->cgroup_id)) {
		snprintf(text, sizeof(text), "no events of the policy");
		ok = false;
	}
	if (ok && counters_get(&events, "done") != sum.batches) {
		snprintf(text, sizeof(text), "%" PRIu64 " calls of done(), %" PRIu64,
			 counters_get(&events, "done"), (uint64_t)sum.batches);
		ok = false;
	}
	if (ok)
		snprintf(text, sizeof(text), "%" PRIu64 " folios offered, %" PRIu64 " copied, in %" PRIu64 " groups",
			 (uint64_t)sum.offered, (uint64_t)sum.copied, (uint64_t)sum.batches);
	else
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " in the policy's");
	check(ok, "a policy's own counts are the kernel's", "%s: %s", policy->object, text);
}

/*
 * The new policy leaves to the CPU what the old one gave to the engine. What it did under
 * the old one's name, or the other way round, would be a batch that changed its mind.
 */
static void judge_replacement(const struct job *job, const struct attached_policy *policy)
{
	uint64_t cgroup_id = job->processes[0].cgroup_id, old, new, old_cpu, new_cpu;
	int cpu = migrator_id("cpu"), engine = migrator_id("dcbm");
	struct counters events;

	if (policy->nr_instances != 2)
		return;
#define COPIED(i, migrator) \
	table_sum(&policy->instances[i].table, -1, cgroup_id, migrator).copied
	old = COPIED(0, engine);
	new = COPIED(1, engine);
	old_cpu = COPIED(0, cpu);
	new_cpu = COPIED(1, cpu);
#undef COPIED
	counters_read(&events, POLICIES "/%" PRIu64 "/events", policy->cgroup_id);
	check(counters_get(&events, "updates") == 1 && old && !new && new_cpu &&
	      policy->instances[0].map_id != policy->instances[1].map_id,
	      "the new policy decides where the old one did",
	      "folios of %s by dcbm and cpu: %" PRIu64 " and %" PRIu64 " before, %" PRIu64 " and %" PRIu64 " after",
	      job->processes[0].cgroup, old, old_cpu, new, new_cpu);
}

static void judge_nonsense(const struct attached_policy *policy)
{
	struct counters events;

	if (!counters_read(&events, POLICIES "/%" PRIu64 "/events", policy->cgroup_id))
		return;
	check(!counters_get(&events, "nonsense") && !counters_get(&events, "select_gone"),
	      "the policies' answers made sense", "%s: %" PRIu64 " did not",
	      policy->object, counters_get(&events, "nonsense") +
	      counters_get(&events, "select_gone"));
}

/* Folios that no group had room for are in the machine's book and in nobody else's. */
static bool causes_agree(const struct trace_sums *trace, const struct books *books,
			 uint64_t cgroup_id, char *text, size_t size)
{
	int i, j;

	for (i = 0; i < NR_REASONS; i++) {
		for (j = 0; j < books->reason[i].nr; j++) {
			const struct counter *c = &books->reason[i].list[j];
			uint64_t traced;

			if (strncmp(c->name, "refused_", 8) && strncmp(c->name, "failed_", 7))
				continue;
			traced = trace_fallbacks(trace, i, cgroup_id, c->name);
			if (traced == c->value)
				continue;
			snprintf(text, size, "%s: %s %" PRIu64 " in the kernel's book, %" PRIu64 " traced",
				 reason_names[i], c->name, c->value, traced);
			return false;
		}
	}
	return true;
}

static void judge_trace(const struct trace_sums *trace, const struct books *books,
			uint64_t cgroup_id, const char *whose)
{
	char text[200];
	bool ok = table_agrees(books, &trace->copies, cgroup_id, text, sizeof(text));

	if (!ok)
		strncat(text, " traced", sizeof(text) - strlen(text) - 1);
	ok = ok && causes_agree(trace, books, cgroup_id, text, sizeof(text));
	if (ok)
		snprintf(text, sizeof(text), "%d rows, %d causes", trace->copies.nr,
			 trace->nr_fallbacks);
	check(ok, "the trace events add up to the books", "%s: %s", whose, text);
}

static void judge_migrator(const struct job *job, const struct migrator_info *m)
{
	struct migrate_ext_results sum = table_sum(&job->trace.copies, -1, 0, m->id);
	uint64_t folios = counters_get(&m->since, "folios");
	uint64_t bytes = counters_get(&m->since, "bytes");
	uint64_t failed = counters_get(&m->since, "failed");

	check(folios == sum.copied && bytes == sum.bytes && failed == sum.failed,
	      "a migrator's counters agree",
	      "%s: %" PRIu64 " folios, %" PRIu64 " MiB, %" PRIu64 " failed; by the books %" PRIu64 ", %" PRIu64 ", %" PRIu64,
	      m->name, folios, bytes >> 20, failed, (uint64_t)sum.copied,
	      (uint64_t)sum.bytes >> 20, (uint64_t)sum.failed);
	if (!strcmp(m->name, "dcbm") || !strcmp(m->name, "cpu"))
		check(folios > 0, "both engine and CPU copied", "%s: %" PRIu64 " folios", m->name,
		      folios);
}

static struct books global, global_before, of_system, of_narrow;

static bool read_books(struct job *job, char *text, size_t size)
{
	static char system[256], narrow[256];

	snprintf(system, sizeof(system), POLICIES "/%" PRIu64, job->policies.system.cgroup_id);
	snprintf(narrow, sizeof(narrow), POLICIES "/%" PRIu64, job->policies.narrow.cgroup_id);
	return books_read(&global, OFFLOAD, text, size) &&
	       books_read(&of_system, system, text, size) &&
	       books_read(&of_narrow, narrow, text, size);
}

bool judge_begin(char *text, size_t size)
{
	return migrators_begin() && books_read(&global_before, OFFLOAD, text, size);
}

/* The policy of the whole system saw all that the machine's books have. */
static void judge_global(void)
{
	char text[200];
	int i, j;

	for (i = 0; i < NR_REASONS; i++) {
		counters_since(&global.reason[i], &global_before.reason[i]);
		for (j = 0; j < global.reason[i].nr; j++) {
			const struct counter *c = &global.reason[i].list[j];
			uint64_t other = counters_get(&of_system.reason[i], c->name);

			if (c->value == other)
				continue;
			snprintf(text, sizeof(text), "%s %s: %" PRIu64 " and %" PRIu64,
				 reason_names[i], c->name, c->value, other);
			check(false, "the machine's books are the system policy's", "%s", text);
			return;
		}
	}
	check(true, "the machine's books are the system policy's", "for every reason");
}

static void judge_tables(const struct job *job)
{
	const struct table *system = &job->policies.system.table;
	char text[200];
	bool ok = table_equal(system, &job->trace.copies, text, sizeof(text));

	check(ok, "the policy's rows are the trace's, one by one", "%s",
	      ok ? "cgroup, orders, reason, migrator, all counts" : text);
}

void judge_books(struct job *job)
{
	char text[300] = "", kept[PATH_MAX] = "";
	bool complete;
	int i;

	if (!policies_read(&job->policies))
		return;
	if (job->options.results)
		snprintf(kept, sizeof(kept), "%s/job.trace", job->options.results);
	complete = trace_end(&job->trace, kept[0] ? kept : NULL);
	if (!check(complete, "no trace event was lost", "%" PRIu64 " events%s%s",
		   job->trace.events, trace_error[0] ? ": " : "", trace_error))
		return;
	if (!read_books(job, text, sizeof(text)) || !migrators_end()) {
		check(false, "the books balance", "%s", text);
		return;
	}
	judge_global();
	judge_balance(&global, "the machine");
	judge_balance(&of_system, job->policies.system.object);
	judge_balance(&of_narrow, job->policies.narrow.object);
	judge_policy(&job->policies.system, &of_system);
	judge_policy(&job->policies.narrow, &of_narrow);
	judge_replacement(job, &job->policies.system);
	judge_nonsense(&job->policies.system);
	judge_nonsense(&job->policies.narrow);
	judge_trace(&job->trace, &of_system, 0, "all");
	judge_trace(&job->trace, &of_narrow, job->policies.narrow.cgroup_id,
		    job->policies.narrow.cgroup);
	judge_tables(job);
	for (i = 0; i < nr_migrators; i++)
		judge_migrator(job, &migrators[i]);
}
