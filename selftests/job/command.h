/* SPDX-License-Identifier: GPL-2.0 */
/* Running a program and keeping what it says. */
#ifndef JOB_COMMAND_H
#define JOB_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

struct command {
	pid_t pid;
	int out;		/* what it printed, both streams */
	bool ended;
	int status;		/* as a shell gives it */
	char text[1024];
};

/* The arguments end with NULL. */
bool command_start(struct command *command, ...) __attribute__((sentinel));
/* Whether it has ended by now. */
bool command_poll(struct command *command);
void command_wait(struct command *command);
/* Start and wait; whether it ended with status 0. */
#define command_run(command, ...) \
	(command_start(command, __VA_ARGS__) && (command_wait(command), !(command)->status))

#endif /* JOB_COMMAND_H */
