// SPDX-License-Identifier: GPL-2.0
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "paths.h"

/* The directory of this program, and the one above: "" where that cannot be told. */
static void own_dirs(char *dir, char *above)
{
	ssize_t len = readlink("/proc/self/exe", dir, PATH_MAX - 1);
	char *slash;

	dir[len > 0 ? len : 0] = '\0';
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	strcpy(above, dir);
	slash = strrchr(above, '/');
	if (slash)
		*slash = '\0';
}

char *path_of(const char *name, const char *suffix)
{
	char dir[PATH_MAX], above[PATH_MAX], *built, *path;

	if (!*name || strpbrk(name, "/."))
		return mgx_strdup(name);
	own_dirs(dir, above);
	built = mgx_printf("%s/bpf", dir);
	if (!access(built, F_OK))
		path = mgx_printf("%s/%s%s", built, name, suffix);
	else
		path = mgx_printf("%s/lib/migrate_ext/%s%s", above, name, suffix);
	free(built);
	/* A file of just that name is as good, where nothing else is meant. */
	if (access(path, F_OK) && !access(name, F_OK)) {
		free(path);
		path = mgx_strdup(name);
	}
	return path;
}
