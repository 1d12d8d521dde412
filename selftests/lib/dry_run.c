// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "dry_run.h"

#define DRY_RUN	"/sys/kernel/debug/migrate_offload/dry_run"

const char *dry_run(const char *question)
{
	static char answer[4096];
	ssize_t len;
	int fd;

	fd = open(DRY_RUN, O_RDWR | O_CLOEXEC);
	REQUIRE(fd >= 0, DRY_RUN ": %m");
	REQUIRE(write(fd, question, strlen(question)) == (ssize_t)strlen(question),
		"%s: %m", question);
	len = read(fd, answer, sizeof(answer) - 1);
	REQUIRE(len >= 0, "%s: read: %m", question);
	answer[len] = '\0';
	close(fd);
	return answer;
}

void expect_verdict(const char *question, const char *verdict)
{
	const char *answer = dry_run(question), *from = strstr(answer, "verdict ");

	EXPECT(from && !strcmp(from, verdict), "%s: not \"%s\" but:\n%s", question, verdict,
	       answer);
}

void expect_verdicts(const struct verdict *lines, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		expect_verdict(lines[i].question, lines[i].verdict);
}

void expect_line(const char *question, const char *line)
{
	const char *answer = dry_run(question), *at = answer;
	size_t len = strlen(line);

	while ((at = strstr(at, line))) {
		if ((at == answer || at[-1] == '\n') && at[len] == '\n')
			return;
		at += len;
	}
	EXPECT(false, "%s: no line \"%s\" in:\n%s", question, line, answer);
}
