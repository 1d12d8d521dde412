/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the job share. */
#ifndef JOB_H
#define JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "live_memory.h"
#include "policies.h"
#include "trace.h"

struct options {
	size_t mib;		/* of each process */
	unsigned int rounds;	/* there and back, by move_pages(2) and migrate_pages(2) */
	bool tap;
	const char *results;	/* directory for job.json and job.trace, or NULL */
	const char *build;	/* directory of mgx and bpf/ */
	const char *module;	/* driver of the engine */
	const char *engine;	/* its parameters */
	unsigned int channels;	/* that dcbm takes, or 0: as many as it wants */
};

#define NR_PROCESSES	2

/* A process with live memory, in a cgroup of its own. */
struct process {
	const char *cgroup;
	bool huge;
	uint64_t cgroup_id;
	struct live live;
};

struct job {
	struct options options;
	struct process processes[NR_PROCESSES];
	struct policies policies;
	bool modules;		/* are loaded, or some of them */
	struct trace_sums trace;
	double seconds;		/* of all the moves */
	uint64_t bytes_moved;	/* as the mover counts them */
};

/* setup.c: modules, processes, policies. Each is a check, or several. */
bool job_load_modules(struct job *job);
void job_unload_modules(struct job *job);
bool job_start_processes(struct job *job);
/* What they have shared can be read until they are freed. */
void job_stop_processes(struct job *job);
void job_free_processes(struct job *job);

/* mover.c: back and forth, with the replacement in the middle */
bool job_move(struct job *job);
/* From now on a signal ends the moves, and the job in good order. */
void job_catch_signals(void);

/* judge.c */
/* What the counters were; false with the reason in @text. */
bool judge_begin(char *text, size_t size);
void judge_memory(struct job *job);
void judge_books(struct job *job);

/* output.c */
void print_tables(const struct job *job);
/* Whether it could be written. */
bool write_json(const struct job *job);
/* "KVM", "TCG"...; "" on bare metal. */
const char *hypervisor(void);
const char *cgroup_name(const struct job *job, uint64_t cgroup_id);

#endif /* JOB_H */
