// SPDX-License-Identifier: GPL-2.0
/* The tables, for people and for programs. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "job.h"
#include "migrators.h"
#include "report.h"

static const struct {
	const char *name;
	const char *means;
} causes[] = {
	{ "refused_kind", "file pages and other kinds that are never copied ahead" },
	{ "refused_policy", "the policy wants such folios moved one by one" },
	{ "refused_full", "the batch was full" },
	{ "refused_busy", "somebody else had a reference" },
	{ "refused_poisoned", "hardware poison" },
	{ "refused_no_migrator", "the migrator had gone" },
	{ "refused_migrator", "the migrator did not take it" },
	{ "failed_error", "the migrator reported an error" },
	{ "failed_timeout", "not copied in time" },
	{ "failed_lost", "not copied in time, pages given up" },
};

static const char *cause_means(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (!strcmp(causes[i].name, name))
			return causes[i].means;
	return "?";
}

const char *hypervisor(void)
{
#ifdef __x86_64__
	unsigned int eax, ebx, ecx, edx;
	char name[13] = "";

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & 1U << 31))
		return "";
	__cpuid(0x40000000, eax, ebx, ecx, edx);
	memcpy(name, &ebx, 4);
	memcpy(name + 4, &ecx, 4);
	memcpy(name + 8, &edx, 4);
	if (!strcmp(name, "KVMKVMKVM"))
		return "KVM";
	if (!strcmp(name, "TCGTCGTCGTCG"))
		return "TCG";
#else
	char machine[64] = "";

	/* QEMU's name for a board that has no place in KVM. */
	file_read("/sys/firmware/devicetree/base/compatible", machine, sizeof(machine));
	if (!strcmp(machine, "xlnx-versal-virt"))
		return "TCG";
#endif
	return "unknown";
}

const char *cgroup_name(const struct job *job, uint64_t cgroup_id)
{
	static char number[32];
	int i;

	for (i = 0; i < NR_PROCESSES; i++)
		if (job->processes[i].cgroup_id == cgroup_id)
			return job->processes[i].cgroup;
	snprintf(number, sizeof(number), "%" PRIu64, cgroup_id);
	return cgroup_id == 1 ? "/" : number;
}

/* "4 KiB", "4 KiB+2 MiB", "-" when no folio was left to copy. */
static const char *sizes_text(uint64_t orders)
{
	static char text[64];
	size_t len = 0;
	int order;

	snprintf(text, sizeof(text), "-");
	for (order = 0; order < 52; order++) {
		unsigned long long kib = 4ULL << order;

		if (!(orders >> order & 1) || len >= sizeof(text))
			continue;
		len += snprintf(text + len, sizeof(text) - len, "%s%llu %s", len ? "+" : "",
				kib < 1024 ? kib : kib >> 10, kib < 1024 ? "KiB" : "MiB");
	}
	return text;
}

/* "MiB GB/s ms" of what was copied, or dashes. */
static const char *copy_text(const struct migrate_ext_results *sum)
{
	static char text[64];

	if (sum->ns)
		snprintf(text, sizeof(text), "%9.1f %8.1f %6.2f", sum->bytes / 1048576.0,
			 sum->ns / 1e6, (double)sum->bytes / sum->ns);
	else
		snprintf(text, sizeof(text), "%9s %8s %6s", "-", "-", "-");
	return text;
}

static void print_copies(const struct job *job)
{
	const struct table *table = &job->policies.system.table;
	int i;

	report_line("%-18s %-8s %-6s %-9s %8s %8s %8s %9s %8s %6s", "reason", "cgroup",
		    "folios", "copied by", "batches", "offered", "copied", "MiB", "ms",
		    "GB/s");
	for (i = 0; i < table->nr; i++) {
		const struct row *r = &table->rows[i];

		report_line("%-18s %-8s %-6s %-9s %8llu %8llu %8llu %s",
			    reason_names[r->key.reason % NR_REASONS],
			    cgroup_name(job, r->key.cgroup_id), sizes_text(r->key.orders),
			    migrator_name(r->key.migrator), r->sum.batches, r->sum.offered,
			    r->sum.copied, copy_text(&r->sum));
	}
}

static void print_fallbacks(const struct job *job)
{
	const struct trace_sums *trace = &job->trace;
	int i;

	report_line("%-18s %-8s %-9s %8s  %s", "reason", "cgroup", "chosen", "folios", "cause");
	for (i = 0; i < trace->nr_fallbacks; i++) {
		const struct fallback *f = &trace->fallbacks[i];

		report_line("%-18s %-8s %-9s %8" PRIu64 "  %s: %s",
			    reason_names[f->reason], cgroup_name(job, f->cgroup_id),
			    migrator_name(f->migrator), f->folios, f->cause,
			    cause_means(f->cause));
	}
	if (!trace->nr_fallbacks)
		report_line("none");
}

static bool is_dmasim(const struct job *job)
{
	return !strcmp(job->options.module, "dmasim");
}

static void print_notes(const struct job *job)
{
	const char *where = hypervisor();

	if (is_dmasim(job))
		report_line("dmasim is an emulation of a DMA engine: the CPU copies, at a modelled speed.");
	else if (*where)
		report_line("What %s drives is the emulator's model of an engine.",
			    job->options.module);
	if (is_dmasim(job) || *where)
		report_line("Its times say nothing about hardware.");
	if (!strcmp(where, "KVM"))
		report_line("The times are those of a virtual machine under KVM.");
	else if (*where)
		report_line("This machine is emulated, too (%s): all times are those of the emulation.",
			    where);
}

void print_tables(const struct job *job)
{
	report_line("%s", "");
	report_line("Folios copied ahead of their move, by the counts of the policies");
	report_line("%s", "");
	print_copies(job);
	report_line("%s", "");
	report_line("Folios not copied ahead, which the CPU copied one by one, by the trace events");
	report_line("%s", "");
	print_fallbacks(job);
	report_line("%s", "");
	print_notes(job);
}

static void json_copies(FILE *file, const struct job *job)
{
	const struct table *table = &job->policies.system.table;
	int i;

	for (i = 0; i < table->nr; i++) {
		const struct row *r = &table->rows[i];

		fprintf(file, "%s\n    {\"reason\": \"%s\", \"cgroup\": ", i ? "," : "",
			reason_names[r->key.reason % NR_REASONS]);
		json_string(file, cgroup_name(job, r->key.cgroup_id));
		fprintf(file, ", \"cgroup_id\": %llu, \"orders\": %llu, \"migrator\": \"%s\", \"batches\": %llu",
			r->key.cgroup_id, r->key.orders, migrator_name(r->key.migrator),
			r->sum.batches);
#define X(field, name) fprintf(file, ", \"%s\": %llu", #field, r->sum.field);
		RESULT_FIELDS(X)
#undef X
		fputc('}', file);
	}
}

static void json_fallbacks(FILE *file, const struct job *job)
{
	const struct trace_sums *trace = &job->trace;
	int i;

	for (i = 0; i < trace->nr_fallbacks; i++) {
		const struct fallback *f = &trace->fallbacks[i];

		fprintf(file, "%s\n    {\"reason\": \"%s\", \"cgroup\": ", i ? "," : "",
			reason_names[f->reason]);
		json_string(file, cgroup_name(job, f->cgroup_id));
		fprintf(file, ", \"cgroup_id\": %" PRIu64 ", \"migrator\": \"%s\", \"cause\": \"%s\", \"folios\": %" PRIu64 "}",
			f->cgroup_id, migrator_name(f->migrator), f->cause, f->folios);
	}
}

static void json_processes(FILE *file, const struct job *job)
{
	int i;

	for (i = 0; i < NR_PROCESSES; i++) {
		const struct process *p = &job->processes[i];
		const struct live_shared *s = p->live.shared;

		fprintf(file, "%s\n    {\"cgroup\": ", i ? "," : "");
		json_string(file, p->cgroup);
		fprintf(file, ", \"cgroup_id\": %" PRIu64 ", \"bytes\": %zu, \"huge\": %s",
			p->cgroup_id, p->live.options.bytes, p->huge ? "true" : "false");
		if (s)
			fprintf(file, ", \"compared_live\": %" PRIu64 ", \"compared_at_end\": %" PRIu64 ", \"wrong\": %" PRIu64,
				s->compared * LIVE_CHUNK, s->verified, s->wrong);
		fputc('}', file);
	}
}

bool write_json(const struct job *job)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/job.json", job->options.results);
	file = fopen(path, "we");
	if (!file)
		return false;
	fprintf(file, "{\n  \"version\": 1,\n  \"passed\": %s,\n", report_all_held() ? "true" : "false");
	fprintf(file, "  \"engine\": ");
	json_string(file, job->options.module);
	fprintf(file, ",\n  \"engine_is_emulated\": %s,\n  \"hypervisor\": ",
		is_dmasim(job) || *hypervisor() ? "true" : "false");
	json_string(file, hypervisor());
	fprintf(file, ",\n  \"seconds\": %.3f,\n  \"bytes_moved\": %" PRIu64 ",\n  \"processes\": [",
		job->seconds, job->bytes_moved);
	json_processes(file, job);
	fprintf(file, "\n  ],\n  \"copies\": [");
	json_copies(file, job);
	fprintf(file, "\n  ],\n  \"fallbacks\": [");
	json_fallbacks(file, job);
	fprintf(file, "\n  ],\n  \"checks\": [");
	report_json(file);
	fprintf(file, "\n  ]\n}\n");
	return !fclose(file);
}
