// SPDX-License-Identifier: GPL-2.0
/*
 * A cgroup's id is the file handle of its directory, for which the kernel has
 * a type of its own (FILEID_KERNFS). The inode number is the same on 64 bit.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "cgroup.h"
#include "error.h"
#include "sysfs.h"

#define FILEID_KERNFS	0xfe	/* include/linux/exportfs.h */

char *cgroup_mount(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *entry;
	char *dir = NULL;

	if (!mounts)
		return NULL;
	while (!dir && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "cgroup2"))
			dir = mgx_strdup(entry->mnt_dir);
	endmntent(mounts);
	return dir;
}

int cgroup_id_of_path(const char *path, __u64 *id)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(__u64)];
	} h = {};
	struct stat st;
	int mount_id;

	/* Its files have numbers, too. */
	if (stat(path, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	h.handle.handle_bytes = sizeof(*id);
	if (name_to_handle_at(AT_FDCWD, path, &h.handle, &mount_id, 0))
		return -errno;
	if (h.handle.handle_bytes != sizeof(*id))
		return -EINVAL;
	memcpy(id, h.handle.f_handle, sizeof(*id));
	return 0;
}

/* nftw() has no argument for its callback. */
static __u64 wanted_id;
static char *found_path;

static int compare_id(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)ftw;
	if (type != FTW_D || st->st_ino != wanted_id)
		return 0;
	found_path = mgx_strdup(path);
	return 1;
}

/* For those who may not open by handle (CAP_DAC_READ_SEARCH). */
static char *walk_to_id(const char *mount, __u64 id)
{
	wanted_id = id;
	found_path = NULL;
	nftw(mount, compare_id, 16, FTW_PHYS | FTW_MOUNT);
	return found_path;
}

/* The directory, or -errno; -ESTALE: there is none of that id. */
static int open_handle(const char *mount, __u64 id)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(__u64)];
	} h = {};
	int mount_fd, fd, err;

	mount_fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mount_fd < 0)
		return -errno;
	h.handle.handle_bytes = sizeof(id);
	h.handle.handle_type = FILEID_KERNFS;
	memcpy(h.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(mount_fd, &h.handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = -errno;
	close(mount_fd);
	return fd < 0 ? err : fd;
}

bool cgroup_is_gone(__u64 id)
{
	char *mount = cgroup_mount();
	int fd = mount ? open_handle(mount, id) : -ENODEV;

	free(mount);
	if (fd >= 0)
		close(fd);
	return fd == -ESTALE;
}

static char *open_id(const char *mount, __u64 id)
{
	int fd = open_handle(mount, id);
	char link[64], path[4096];
	ssize_t len;

	if (fd < 0)
		return fd == -EPERM ? walk_to_id(mount, id) : NULL;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	close(fd);
	if (len <= 0)
		return NULL;
	path[len] = '\0';
	return mgx_strdup(path);
}

char *cgroup_path(__u64 id)
{
	char *mount, *path = NULL, *full = NULL;
	size_t len;

	if (id == 0 || id == CGROUP_ROOT_ID)
		return mgx_strdup("/");

	mount = cgroup_mount();
	if (!mount)
		return NULL;
	full = open_id(mount, id);
	len = strlen(mount);
	if (full && !strncmp(full, mount, len) && full[len] == '/' &&
	    !strstr(full, " (deleted)"))
		path = mgx_strdup(full + len);
	free(full);
	free(mount);
	return path;
}

bool cgroup_has_memory(const char *path)
{
	char *mount = cgroup_mount(), *file, *text, *rest, *word;
	bool has = false;

	/* The root has all there is, and the kernel asks for nothing there. */
	if (!strcmp(path, "/") || !mount) {
		free(mount);
		return true;
	}
	file = mgx_printf("%s%s/cgroup.controllers", mount, path);
	text = rest = sysfs_read_path(file);
	while (rest && (word = strsep(&rest, " ")))
		has |= !strcmp(word, "memory");
	free(text);
	free(file);
	free(mount);
	return has;
}

static bool all_digits(const char *str)
{
	if (!*str)
		return false;
	for (; *str; str++)
		if (!isdigit((unsigned char)*str))
			return false;
	return true;
}

static bool on_cgroup2(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC;
}

int cgroup_resolve(struct mgx *mgx, const char *what, const char *arg, __u64 *id)
{
	char *mount, *path = NULL;
	int err, ret = 0;

	if (all_digits(arg)) {
		errno = 0;
		*id = strtoull(arg, NULL, 10);
		if (errno)
			return mgx_fail(mgx, MGX_BAD_VALUE,
					"give a path, or the inode number of its directory",
					"%s: cgroup %s: the id does not fit in 64 bits",
					what, arg);
		if (*id == CGROUP_ROOT_ID)
			return 0;
	}

	mount = cgroup_mount();
	if (!mount)
		return mgx_fail(mgx, MGX_NO_FEATURE,
				"mount it (mount -t cgroup2 none /sys/fs/cgroup) or load without --cgroup",
				"%s: cgroup %s: no cgroup2 is mounted here", what, arg);

	if (!*arg || (all_digits(arg) && !*id)) {
		ret = mgx_fail(mgx, MGX_BAD_VALUE, "give a path or an id; / is the whole system",
			       "%s: cgroup \"%s\": no cgroup is called so", what, arg);
		goto out;
	}
	if (all_digits(arg)) {
		path = cgroup_path(*id);
		if (!path)
			ret = mgx_fail(mgx, MGX_NOT_FOUND,
				       "give a path, or the inode number of its directory",
				       "%s: cgroup %s: no cgroup has this id", what, arg);
		goto out;
	}

	/* As seen in the file system, else as /proc/PID/cgroup has it. */
	if (on_cgroup2(arg))
		path = mgx_strdup(arg);
	else
		path = mgx_printf("%s/%s", mount, arg + (*arg == '/'));

	err = cgroup_id_of_path(path, id);
	if (err == -ENOENT || err == -ENOTDIR)
		ret = mgx_fail(mgx, MGX_NOT_FOUND,
			       "make it (mkdir) or name another below the mount point",
			       "%s: cgroup %s: there is no such cgroup under %s",
			       what, arg, mount);
	else if (err)
		ret = mgx_fail(mgx, mgx_exit_of(err), NULL, "%s: cgroup %s: %s",
			       what, arg, mgx_why(err));
out:
	free(path);
	free(mount);
	return ret;
}
