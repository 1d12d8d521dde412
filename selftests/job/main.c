// SPDX-License-Identifier: GPL-2.0
/*
 * The job: live memory moves under BPF policies, and every byte and every count of it is
 * checked.
 *
 * Two processes, in two cgroups, keep writing to their memory: 4 KiB folios in one, 2 MiB
 * folios in the other. One policy is put on the whole system, another on one of the
 * cgroups. move_pages(2) and migrate_pages(2) move both processes back and forth between
 * two memory nodes, several rounds; in the middle the system's policy is replaced. At the
 * end every byte must be what its owner last wrote, and the books of the kernel, of the
 * policies, of the trace events and of the migrators must be the same.
 *
 * Wants root, a kernel with migrate_ext, two memory nodes and cgroup v2.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "counters.h"
#include "job.h"
#include "kernel_log.h"
#include "report.h"
#include "settings.h"

/* Four channels of 4 GB/s, 2 us for each descriptor. */
#define ENGINE	"channels=4 bandwidth_mbps=4000 latency_ns=2000 pool=512"

static const char usage[] =
"usage: job [option...]\n"
"\n"
"  --size-mib N     live memory of each process (default 256, a multiple of 2)\n"
"  --rounds N       rounds, there and back (default 3)\n"
"  --module NAME    driver of the engine (default dmasim)\n"
"  --engine PARAMS  its parameters (default for dmasim " ENGINE ")\n"
"  --channels N     channels that dcbm takes (default: what it takes by itself)\n"
"  --build DIR      where mgx and bpf/*.bpf.o are (default build)\n"
"  --results DIR    where job.json and job.trace go (default $VM_RESULTS, if set)\n"
"  -t, --tap        TAP instead of a page to read\n"
"\n"
"Exit status: 0 all of it held, 1 something did not, 2 wrong usage.\n";

/* A whole decimal number in a range, or the end. */
static unsigned long number(const char *option, const char *text, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text && !*end && value && value <= max)
		return value;
	fprintf(stderr, "job: %s %s: not a number from 1 to %lu\n", option, text, max);
	exit(2);
}

static void parse(struct options *options, int argc, char **argv)
{
	enum { SIZE = 256, ROUNDS, MODULE, ENGINE_PARAMS, CHANNELS, BUILD, RESULTS, HELP };
	static const struct option longs[] = {
		{ "size-mib", required_argument, NULL, SIZE },
		{ "rounds", required_argument, NULL, ROUNDS },
		{ "module", required_argument, NULL, MODULE },
		{ "engine", required_argument, NULL, ENGINE_PARAMS },
		{ "channels", required_argument, NULL, CHANNELS },
		{ "build", required_argument, NULL, BUILD },
		{ "results", required_argument, NULL, RESULTS },
		{ "tap", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, HELP },
		{}
	};
	int option;

	while ((option = getopt_long(argc, argv, "t", longs, NULL)) != -1) {
		switch (option) {
		case SIZE:
			/* The number of a chunk has 24 bits. */
			options->mib = number("--size-mib", optarg, 65534);
			break;
		case ROUNDS:
			options->rounds = number("--rounds", optarg, 100);
			break;
		case MODULE:
			options->module = optarg;
			break;
		case ENGINE_PARAMS:
			options->engine = optarg;
			break;
		case CHANNELS:
			options->channels = number("--channels", optarg, 64);
			break;
		case BUILD:
			options->build = optarg;
			break;
		case RESULTS:
			options->results = optarg;
			break;
		case 't':
			options->tap = true;
			break;
		case HELP:
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (optind < argc || options->mib % 2) {
		fputs(usage, stderr);
		exit(2);
	}
	if (!options->engine)
		options->engine = strcmp(options->module, "dmasim") ? "" : ENGINE;
}

static bool ground_is_there(void)
{
	char nodes[64] = "";

	file_read("/sys/devices/system/node/has_memory", nodes, sizeof(nodes));
	return check(file_exists(OFFLOAD), "the kernel has migrate_ext", OFFLOAD) &&
	       check(!strcmp(nodes, "0-1"), "two nodes have memory", "%s", nodes);
}

static bool prepare(struct job *job)
{
	char text[300] = "";

	report_step("background movers off, %s, two processes of %zu MiB",
		    strcmp(job->options.module, "dmasim") ? job->options.module : "emulated engine",
		    job->options.mib);
	if (!settings_quiet() || !job_load_modules(job) || !job_start_processes(job))
		return false;
	if (!judge_begin(text, sizeof(text)))
		return check(false, "the books are there", "%s", text);
	if (!trace_begin())
		return check(false, "trace events", "%s", trace_error);
	report_step("mgx load: %s on the whole system, %s on cgroup %s",
		    job->policies.system.object, job->policies.narrow.object,
		    job->policies.narrow.cgroup);
	return policies_load(&job->policies);
}

static void judge_kernel_log(void)
{
	char first[256] = "";
	int nr = kernel_log_complaints(first, sizeof(first));

	check(!nr, "nothing in the kernel log", "%d complaints%s%s", nr, nr ? ", the first: " : "",
	      first);
}

int main(int argc, char **argv)
{
	static struct job job = {
		.options = { .mib = 256, .rounds = 3, .build = "build", .module = "dmasim" },
		.processes = {
			{ .cgroup = "job-4k" },
			{ .cgroup = "job-2m", .huge = true },
		},
		.policies = {
			/* Its successor leaves all but the huge folios to the CPU. */
			.system = { .object = "by_reason", .set = "min_bytes=4194304" },
			.narrow = { .object = "latency", .cgroup = "job-2m" },
		},
	};
	bool moved = false;

	live_owner_main(argc, argv);
	job.options.results = getenv("VM_RESULTS");
	parse(&job.options, argc, argv);
	job.policies.build = job.options.build;
	report_begin(job.options.tap);
	job_catch_signals();

	if (check(kernel_log_begin(), "the kernel log can be read", "/dev/kmsg") &&
	    ground_is_there() && prepare(&job)) {
		moved = job_move(&job);
		report_step("comparing every byte, then the books");
		judge_memory(&job);
		judge_books(&job);
	}
	/* Whatever has come of it, all goes. */
	policies_unload(&job.policies);
	if (moved)
		print_tables(&job);
	job_unload_modules(&job);
	trace_remove();
	job_stop_processes(&job);
	settings_restore();
	judge_kernel_log();
	report_checks();
	if (job.options.results && !write_json(&job))
		fprintf(stderr, "job: %s/job.json: %s\n", job.options.results, strerror(errno));
	job_free_processes(&job);
	return report_verdict() ? 0 : 1;
}
