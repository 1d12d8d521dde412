/* SPDX-License-Identifier: GPL-2.0 */
/* The command line: options that all commands have, and each one's own. */
#ifndef _MGX_OPTIONS_H
#define _MGX_OPTIONS_H

#include <argp.h>

#include "mgx.h"

/*
 * Parses what follows a command. @options (may be NULL) and @arg(key, value)
 * are the command's own: called for each option, and with ARGP_KEY_ARG for each
 * other word; it returns 0, or ARGP_ERR_UNKNOWN when there is one too many.
 * 0, -1 when there is nothing more to do (--help), or the exit status.
 */
int options_parse(struct mgx *mgx, int argc, char **argv,
		  const struct argp_option *options,
		  int (*arg)(int key, char *value, void *data), void *data);

/* The same for what stands before the command, whose place goes to @command. */
int options_parse_global(struct mgx *mgx, int argc, char **argv, int *command,
			 bool *version);

const struct mgx_command *command_find(const char *name);
const struct mgx_command *command_first(void);	/* ends with a NULL name */

#endif /* _MGX_OPTIONS_H */
