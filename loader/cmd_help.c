// SPDX-License-Identifier: GPL-2.0
/* mgx help, mgx version */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <bpf/libbpf.h>

#include "error.h"
#include "options.h"
#include "out.h"

static const char exit_help[] =
"Exit status:\n"
"  0  done\n"
"  1  failed at run time\n"
"  2  wrong command line\n"
"  3  this kernel lacks what is needed (see `mgx features`)\n"
"  4  no permission\n"
"  5  no such policy, cgroup, knob or file\n"
"  6  value of the wrong type or out of its range\n"
"  7  the object is not a policy, or the verifier refused it\n"
"  8  the name or the cgroup has a policy already\n";

static void text_help(void)
{
	const struct mgx_command *command;
	char line[64];

	puts("Usage: mgx [-jprd] COMMAND [ARGUMENTS]\n\n"
	     "BPF policies for page migration: which folios may be copied as a batch,\n"
	     "and who copies them.\n\n"
	     "Commands:");
	for (command = command_first(); command->name; command++) {
		snprintf(line, sizeof(line), "%s %s", command->name, command->args);
		printf("  %-34s %s\n", line, command->help);
	}
	printf("\nOptions, before or after the command:\n"
	       "  -j, --json     JSON on stdout\n"
	       "  -p, --pretty   JSON with line breaks\n"
	       "  -r, --raw      numbers without units\n"
	       "  -d, --debug    what libbpf and the verifier say\n"
	       "  -h, --help     help of the command\n"
	       "  -V, --version  same as the command version\n\n%s\n"
	       "The manual is mgx(8).\n", exit_help);
}

static void json_help(struct mgx *mgx)
{
	static const struct out_column columns[] = {
		{ "name" }, { "arguments" }, { "help" },
	};
	const struct mgx_command *command;

	out_table(mgx->out, "commands", NULL, NULL, columns, MGX_ARRAY_SIZE(columns));
	for (command = command_first(); command->name; command++) {
		out_str(mgx->out, command->name);
		out_str(mgx->out, command->args);
		out_str(mgx->out, command->help);
		out_row(mgx->out);
	}
	out_end(mgx->out);
}

static int take_command(int key, char *value, void *data)
{
	char **name = data;

	if (key != ARGP_KEY_ARG || *name)
		return ARGP_ERR_UNKNOWN;
	*name = value;
	return 0;
}

int cmd_help(struct mgx *mgx, int argc, char **argv)
{
	static char help_option[] = "--help";
	const struct mgx_command *command;
	char *name = NULL;
	int ret;

	ret = options_parse(mgx, argc, argv, NULL, take_command, &name);
	if (ret)
		return ret;
	if (name) {
		char *command_argv[] = { name, help_option, NULL };

		command = command_find(name);
		if (!command)
			return mgx_fail(mgx, MGX_USAGE, "`mgx help` lists the commands",
					"help: %s: no such command", name);
		return command->run(mgx, 2, command_argv);
	}
	if (mgx->json)
		json_help(mgx);
	else
		text_help();
	return 0;
}

int cmd_version(struct mgx *mgx, int argc, char **argv)
{
	static const struct out_column columns[] = {
		{ "mgx", "mgx" },
		{ "libbpf", "libbpf" },
		{ "kernel", "kernel" },
	};
	struct utsname uts;
	int ret;

	ret = options_parse(mgx, argc, argv, NULL, NULL, NULL);
	if (ret)
		return ret;

	uname(&uts);
	out_record(mgx->out, "version", NULL, columns, MGX_ARRAY_SIZE(columns));
	out_str(mgx->out, MGX_VERSION);
	out_str(mgx->out, libbpf_version_string() + 1);
	out_str(mgx->out, uts.release);
	out_row(mgx->out);
	out_end(mgx->out);
	return 0;
}
