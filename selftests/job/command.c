// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"

#define MAX_ARGS	24

bool command_start(struct command *command, ...)
{
	char *argv[MAX_ARGS + 1], *arg;
	va_list args;
	int argc = 0, null;

	*command = (struct command){ .out = -1 };
	va_start(args, command);
	while (argc < MAX_ARGS && (arg = va_arg(args, char *)))
		argv[argc++] = arg;
	va_end(args);
	argv[argc] = NULL;

	command->out = memfd_create("output", MFD_CLOEXEC);
	if (command->out >= 0)
		command->pid = fork();
	if (command->out < 0 || command->pid < 0) {
		snprintf(command->text, sizeof(command->text), "%s: %s", argv[0],
			 strerror(errno));
		command->ended = true;
		command->status = 127;
		return false;
	}
	if (command->pid)
		return true;

	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(null, 0);
	dup2(command->out, 1);
	dup2(command->out, 2);
	execvp(argv[0], argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void command_end(struct command *command, int status)
{
	ssize_t len;

	command->ended = true;
	command->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	len = pread(command->out, command->text, sizeof(command->text) - 1, 0);
	command->text[len > 0 ? len : 0] = '\0';
	close(command->out);
}

bool command_poll(struct command *command)
{
	int status;

	if (!command->ended && waitpid(command->pid, &status, WNOHANG) == command->pid)
		command_end(command, status);
	return command->ended;
}

void command_wait(struct command *command)
{
	int status;

	if (!command->ended && waitpid(command->pid, &status, 0) == command->pid)
		command_end(command, status);
}
