// SPDX-License-Identifier: GPL-2.0
/*
 * argp, but with our errors: one line that names the word, and {"error"} with
 * -j. argp only tells that something is wrong, and where.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "options.h"
#include "out.h"

struct parse {
	struct mgx *mgx;
	const struct argp *argp;
	int (*arg)(int key, char *value, void *data);
	void *data;
	char *usage;		/* "mgx load" */
	bool global;
	bool helped;
	bool version;
	int command;		/* where the command stands; 0: none */
	int stopped;		/* where argp found something wrong; 0: nowhere */
};

static const struct argp_option common_options[] = {
	{ "json", 'j', NULL, 0, "JSON on stdout", 10 },
	{ "pretty", 'p', NULL, 0, "JSON with line breaks; implies -j", 10 },
	{ "raw", 'r', NULL, 0, "Numbers without units", 10 },
	{ "debug", 'd', NULL, 0, "Show what libbpf and the verifier say", 10 },
	{ "help", 'h', NULL, 0, "This help", 11 },
	{}
};

static error_t parse_common(int key, char *value, struct argp_state *state)
{
	struct parse *parse = state->input;

	(void)value;
	switch (key) {
	case 'p':
		parse->mgx->pretty = true;
		/* fallthrough */
	case 'j':
		parse->mgx->json = true;
		return 0;
	case 'r':
		parse->mgx->raw = true;
		return 0;
	case 'd':
		parse->mgx->debug = true;
		return 0;
	case 'h':
		parse->helped = true;
		/* What follows a plea for help does not matter. */
		state->next = state->argc;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp common_argp = {
	.options = common_options,
	.parser = parse_common,
};

static error_t parse_own(int key, char *value, struct argp_state *state)
{
	struct parse *parse = state->input;

	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = parse;
		return 0;
	}
	if (key == ARGP_KEY_ARG && parse->global) {
		/* The command; what follows is its own. */
		parse->command = state->next - 1;
		state->next = state->argc;
		return 0;
	}
	if (key == 'V' && parse->global) {
		parse->version = true;
		state->next = state->argc;
		return 0;
	}
	if (key == ARGP_KEY_ERROR)
		parse->stopped = state->next;
	/* argp's own keys all stand above those of options. */
	if (key != ARGP_KEY_ARG && (key <= 0 || key >= ARGP_KEY_END))
		return ARGP_ERR_UNKNOWN;
	return parse->arg ? parse->arg(key, value, parse->data) : ARGP_ERR_UNKNOWN;
}

/* What the completion and the tests read: the options are told in one place. */
static void json_table(struct mgx *mgx, const struct argp_option *options)
{
	char shorts[2] = "";

	for (; options && options->name; options++) {
		out_str(mgx->out, options->name);
		/* argp: what is no character has no letter. */
		shorts[0] = options->key < 128 ? options->key : '\0';
		out_str(mgx->out, shorts);
		out_str(mgx->out, options->arg);
		out_str(mgx->out, options->doc);
		out_row(mgx->out);
	}
}

static void json_options(struct parse *parse)
{
	static const struct out_column columns[] = {
		{ "name" }, { "short" }, { "argument" }, { "help" },
	};
	static const struct out_column command_columns[] = {
		{ "usage" }, { "arguments" }, { "help" },
	};
	struct mgx *mgx = parse->mgx;

	/* -j itself may have been read after the output was opened. */
	out_record(mgx->out, "command", NULL, command_columns, MGX_ARRAY_SIZE(command_columns));
	out_str(mgx->out, parse->usage);
	out_str(mgx->out, parse->argp->args_doc);
	out_str(mgx->out, parse->argp->doc);
	out_row(mgx->out);
	out_end(mgx->out);
	out_table(mgx->out, "options", NULL, NULL, columns, MGX_ARRAY_SIZE(columns));
	json_table(mgx, parse->argp->options);
	json_table(mgx, common_options);
	out_end(mgx->out);
}

static int run_parse(struct parse *parse, int argc, char **argv)
{
	const char *word, *why;
	int rest = argc, ret;
	error_t err;
	char *next;

	err = argp_parse(parse->argp, argc, argv, ARGP_IN_ORDER | ARGP_NO_ERRS |
			 ARGP_NO_EXIT | ARGP_NO_HELP, &rest, parse);
	/* Of mgx itself: its caller has more to say than the options. */
	if (parse->helped && parse->global)
		return -1;
	if (parse->helped && parse->mgx->json) {
		json_options(parse);
		return -1;
	}
	if (parse->helped) {
		argp_help(parse->argp, stdout,
			  ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK, parse->usage);
		return -1;
	}
	if (!err && rest == argc)
		return 0;

	if (err) {
		/* getopt() is behind the option when it finds it wrong. */
		word = argv[parse->stopped > 1 ? parse->stopped - 1 : argc - 1];
		why = "no such option, or its value is missing or too much";
	} else {
		word = argv[rest];
		why = "one word too many";
	}
	next = mgx_printf("see `%s --help`", parse->usage);
	ret = mgx_fail(parse->mgx, MGX_USAGE, next, "%s%s%s: %s",
		       parse->global ? "" : strchr(parse->usage, ' ') + 1,
		       parse->global ? "" : ": ", word, why);
	free(next);
	return ret;
}

int options_parse(struct mgx *mgx, int argc, char **argv,
		  const struct argp_option *options,
		  int (*arg)(int key, char *value, void *data), void *data)
{
	const struct mgx_command *command = command_find(argv[0]);
	const struct argp_child children[] = { { .argp = &common_argp }, {} };
	const struct argp argp = {
		.options = options,
		.parser = parse_own,
		.args_doc = command->args,
		.doc = command->help,
		.children = children,
	};
	struct parse parse = {
		.mgx = mgx,
		.argp = &argp,
		.arg = arg,
		.data = data,
		.usage = mgx_printf("mgx %s", command->name),
	};
	int ret;

	ret = run_parse(&parse, argc, argv);
	free(parse.usage);
	return ret;
}

int options_parse_global(struct mgx *mgx, int argc, char **argv, int *command,
			 bool *version)
{
	const struct argp_child children[] = { { .argp = &common_argp }, {} };
	static const struct argp_option options[] = {
		{ "version", 'V', NULL, 0, "Same as the command version", 11 },
		{}
	};
	const struct argp argp = {
		.options = options,
		.parser = parse_own,
		.args_doc = "COMMAND [ARGUMENTS]",
		.children = children,
	};
	struct parse parse = {
		.mgx = mgx,
		.argp = &argp,
		.usage = mgx_strdup("mgx"),
		.global = true,
	};
	int ret;

	ret = run_parse(&parse, argc, argv);
	*command = parse.command;
	*version = parse.version;
	free(parse.usage);
	return ret;
}
