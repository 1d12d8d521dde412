// SPDX-License-Identifier: GPL-2.0
/* The directory mgx/ in bpffs. */
#include <dirent.h>
#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bpffs.h"
#include "error.h"

#define USUAL_MOUNT	"/sys/fs/bpf"

char *bpffs_mount(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *entry;
	char *dir = NULL;

	if (!mounts)
		return NULL;
	while ((entry = getmntent(mounts))) {
		if (strcmp(entry->mnt_type, "bpf"))
			continue;
		/* Where everybody looks first; else the first there is. */
		if (!strcmp(entry->mnt_dir, USUAL_MOUNT) || !dir) {
			free(dir);
			dir = mgx_strdup(entry->mnt_dir);
		}
	}
	endmntent(mounts);
	return dir;
}

char *bpffs_pin_path(const char *name)
{
	char *mount = bpffs_mount(), *path;

	if (!mount)
		return NULL;
	path = mgx_printf("%s/mgx/%s", mount, name);
	free(mount);
	return path;
}

int bpffs_prepare(struct mgx *mgx, const char *what)
{
	char *mount = bpffs_mount(), *dir;
	int ret = 0;

	if (!mount)
		return mgx_fail(mgx, MGX_FAILED,
				"mount it: mount -t bpf bpf " USUAL_MOUNT,
				"%s: bpffs: not mounted, so the policy would end with mgx",
				what);

	dir = mgx_printf("%s/mgx", mount);
	if (mkdir(dir, 0700) && errno != EEXIST)
		ret = mgx_fail(mgx, mgx_exit_of(errno), "check the mount and who you are",
			       "%s: %s: cannot make the directory: %s", what, dir,
			       mgx_why(errno));
	free(dir);
	free(mount);
	return ret;
}

int bpffs_for_each_pin(int (*each)(const char *path, const char *name, void *arg),
		       void *arg)
{
	char *dir_path = bpffs_pin_path(""), *path;
	struct dirent *entry;
	int ret = 0;
	DIR *dir;

	if (!dir_path)
		return 0;
	dir = opendir(dir_path);
	free(dir_path);
	if (!dir)
		return 0;

	while (!ret && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		path = bpffs_pin_path(entry->d_name);
		if (path)
			ret = each(path, entry->d_name, arg);
		free(path);
	}
	closedir(dir);
	return ret;
}
