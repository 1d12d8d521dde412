// SPDX-License-Identifier: GPL-2.0
/*
 * mgx: the operator's tool for migrate_ext, see mgx.8.
 */
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>

#include "bpflog.h"
#include "error.h"
#include "options.h"
#include "out.h"

static const struct mgx_command commands[] = {
	{ "features", "", "What this kernel and machine have, and what to do about the rest",
	  cmd_features },
	{ "status", "[POLICY]", "Switches, migrators, policies and their books", cmd_status },
	{ "list", "", "The policies that are attached", cmd_list },
	{ "check", "OBJECT", "All that load does but attaching; why the verifier refuses it",
	  cmd_check },
	{ "load", "OBJECT", "Attach a policy to the whole system or to a cgroup", cmd_load },
	{ "replace", "POLICY OBJECT", "Swap a running policy for another, in one step",
	  cmd_replace },
	{ "unload", "POLICY", "Detach a policy", cmd_unload },
	{ "tune", "[POLICY [KNOB[=VALUE]|KNOB:CGROUP=[VALUE]]...]", "Show or set knobs of running policies",
	  cmd_tune },
	{ "apply", "FILE", "Make all as a file wants it, once or from now on", cmd_apply },
	{ "on", "", "Let policies decide: the admin's switch for all of them", cmd_on },
	{ "off", "", "Ask no policy; they stay attached", cmd_off },
	{ "migrator", "[ACTION [MIGRATOR [...]]]",
	  "Who can copy: list, enable, disable, rearm, release", cmd_migrator },
	{ "explain", "", "Who would copy such folios, and who said so", cmd_explain },
	{ "stats", "", "The counters, once or every so many seconds; also for Prometheus",
	  cmd_stats },
	{ "top", "", "What is being copied, by cgroup, reason and migrator, live", cmd_top },
	{ "trace", "", "A line for each copy, batch or fallback, as it happens", cmd_trace },
	{ "bench", "", "Who moves which folios how fast here, and which knobs follow", cmd_bench },
	{ "dump", "", "Everything that a report of a bug needs", cmd_dump },
	{ "version", "", "Versions of mgx, libbpf and the kernel", cmd_version },
	{ "help", "[COMMAND]", "The commands, or one of them", cmd_help },
	{}
};

const struct mgx_command *command_first(void)
{
	return commands;
}

const struct mgx_command *command_find(const char *name)
{
	const struct mgx_command *command;

	for (command = commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

static int run(struct mgx *mgx, int argc, char **argv)
{
	static char version_name[] = "version", help_name[] = "help";
	char *version_argv[] = { version_name, NULL };
	char *help_argv[] = { help_name, NULL };
	const struct mgx_command *command;
	int at = 0, ret;
	bool version;

	ret = options_parse_global(mgx, argc, argv, &at, &version);
	if (ret < 0)
		return cmd_help(mgx, 1, help_argv);
	if (ret)
		return ret;
	if (version)
		return cmd_version(mgx, 1, version_argv);
	if (!at)
		return mgx_fail(mgx, MGX_USAGE, "`mgx help` lists the commands",
				"no command is given");

	command = command_find(argv[at]);
	if (!command)
		return mgx_fail(mgx, MGX_USAGE, "`mgx help` lists the commands",
				"%s: no such command", argv[at]);
	return command->run(mgx, argc - at, argv + at);
}

int main(int argc, char **argv)
{
	struct mgx mgx = {};
	int ret, i;

	/* Mistakes before an option was reached are to be told as it wants it. */
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-j") || !strcmp(argv[i], "--json") ||
		    !strcmp(argv[i], "-p") || !strcmp(argv[i], "--pretty"))
			mgx.json = true;
		if (!strcmp(argv[i], "-p") || !strcmp(argv[i], "--pretty"))
			mgx.pretty = true;
		if (!strcmp(argv[i], "-d") || !strcmp(argv[i], "--debug"))
			mgx.debug = true;
		if (!strcmp(argv[i], "-r") || !strcmp(argv[i], "--raw"))
			mgx.raw = true;
	}
	mgx.out = out_new(&mgx);
	bpflog_start(mgx.debug);

	ret = run(&mgx, argc, argv);

	out_free(mgx.out);
	bpflog_clear();
	btf__free(mgx.kernel_btf);
	if (fflush(stdout) || ferror(stdout)) {
		perror("mgx: standard output");
		return MGX_FAILED;
	}
	return ret < 0 ? MGX_OK : ret;
}
