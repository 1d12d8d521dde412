// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int cgroup_make(const char *name)
{
	char path[PATH_MAX];
	int ret;

	ret = put(CGROUP_ROOT "/cgroup.subtree_control", "+memory");
	if (ret)
		return ret;
	snprintf(path, sizeof(path), CGROUP_ROOT "/%s", name);
	return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
}

int cgroup_remove(const char *name)
{
	char path[PATH_MAX];
	int tries;

	snprintf(path, sizeof(path), CGROUP_ROOT "/%s/cgroup.kill", name);
	put(path, "1");
	snprintf(path, sizeof(path), CGROUP_ROOT "/%s", name);
	/* What was killed takes a moment to be gone. */
	for (tries = 0; rmdir(path); tries++) {
		if (errno == ENOENT)
			return 0;
		if (errno != EBUSY || tries == 1000)
			return -errno;
		usleep(10000);
	}
	return 0;
}

/* On 64-bit the inode number of a cgroup's directory is its id. */
uint64_t cgroup_id_of(const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), CGROUP_ROOT "/%s", name);
	return stat(path, &st) ? 0 : st.st_ino;
}
