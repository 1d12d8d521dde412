// SPDX-License-Identifier: GPL-2.0
/* An empty file for each of them, where the next boot finds none. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "hold.h"

#define HOLD_DIR	"/run/mgx-held"

static char *hold_path(const char *name)
{
	return mgx_printf(HOLD_DIR "/%s", name);
}

void hold_set(const char *name)
{
	char *path = hold_path(name);
	int fd = -1;

	if (!mkdir(HOLD_DIR, 0755) || errno == EEXIST)
		fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd >= 0)
		close(fd);
	free(path);
}

void hold_end(const char *name, bool held)
{
	char *path = hold_path(name);

	if (held && access(path, F_OK))
		mgx_warn("%s: it cannot be written: `mgx apply` may switch %s on again; stop mgx.service",
			 path, name);
	else if (!held && unlink(path) && errno != ENOENT)
		mgx_warn("%s: %s: `mgx apply` leaves %s off until that file is removed", path,
			 mgx_why(errno), name);
	free(path);
}

bool hold_is_set(const char *name)
{
	char *path = hold_path(name);
	bool is = !access(path, F_OK);

	free(path);
	return is;
}
