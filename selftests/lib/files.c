// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "files.h"
#include "offload.h"

#define DIR		"/tmp/files"
#define LOWER_DEVICE	"/dev/loop5"
#define UPPER_DEVICE	"/dev/loop6"

static bool mounted;

/* By losetup(8): a device that mount(8) itself has open for writing cannot be mounted. */
void files_mount_lower(void)
{
	REQUIRE(!shell("mkdir -p " FILES_LOWER " " FILES_UPPER " && truncate -s 400M " DIR "/image && "
		       "mkfs.ext2 -q -F -m 0 " DIR "/image && "
		       "losetup " LOWER_DEVICE " " DIR "/image && "
		       "mount -t ext2 " LOWER_DEVICE " " FILES_LOWER), "no lower file system");
}

void files_umount_lower(void)
{
	EXPECT_EQ(shell("umount " FILES_LOWER " && losetup -d " LOWER_DEVICE " && rm -r " DIR), 0);
}

void files_mount(const char *type, const char *mkfs, const char *options)
{
	files_mount_lower();
	REQUIRE(!shell("truncate -s 320M " FILES_DISK " && %s " FILES_DISK " >/dev/null && "
		       "losetup " UPPER_DEVICE " " FILES_DISK " && "
		       "mount -t %s %s " UPPER_DEVICE " " FILES_UPPER,
		       mkfs, type, options), "no %s", type);
	mounted = true;
}

void files_umount(void)
{
	mounted = false;
	EXPECT_EQ(shell("umount " FILES_UPPER " && losetup -d " UPPER_DEVICE), 0);
	files_umount_lower();
}

bool files_are_mounted(void)
{
	return mounted;
}

void files_remount(const char *type, const char *options)
{
	REQUIRE(!shell("umount " FILES_UPPER " && mount -t %s %s " UPPER_DEVICE " " FILES_UPPER,
		       type, options), "cannot mount %s again", type);
}

static void map_with(struct file_map *map, const char *path, int prot, size_t bytes, int flags)
{
	map->fd = open(path, prot & PROT_WRITE ? O_RDWR | O_CLOEXEC : O_RDONLY | O_CLOEXEC);
	REQUIRE(map->fd >= 0, "%s: %m", path);
	map->bytes = bytes;
	map->addr = mmap(NULL, bytes, prot, MAP_SHARED | flags, map->fd, 0);
	if (map->addr == MAP_FAILED)
		map->addr = NULL;
	REQUIRE(map->addr, "%s: mmap: %m", path);
}

void file_map(struct file_map *map, const char *path, int prot, size_t bytes)
{
	map_with(map, path, prot, bytes, MAP_POPULATE);
}

void file_map_unread(struct file_map *map, const char *path, int prot, size_t bytes)
{
	map_with(map, path, prot, bytes, 0);
	REQUIRE(!madvise(map->addr, bytes, MADV_RANDOM), "%s: MADV_RANDOM: %m", path);
}

void file_unmap(struct file_map *map)
{
	if (map->addr)
		munmap(map->addr, map->bytes);
	if (map->fd >= 0)
		close(map->fd);
	*map = FILE_MAP_NONE;
}

void file_touch(const struct file_map *map)
{
	size_t i;

	for (i = 0; i < map->bytes; i += PAGE)
		*(volatile char *)(map->addr + i);
}

uint64_t file_word(size_t offset, uint64_t seed)
{
	return (offset + 1) * 0x9e3779b97f4a7c15ULL ^ seed;
}

void file_fill(const struct file_map *map, uint64_t seed)
{
	size_t i;

	for (i = 0; i < map->bytes; i += 8)
		*(volatile uint64_t *)(map->addr + i) = file_word(i, seed);
}

void file_expect(const struct file_map *map, uint64_t seed)
{
	size_t i;

	for (i = 0; i < map->bytes; i += 8)
		if (*(volatile uint64_t *)(map->addr + i) != file_word(i, seed))
			break;
	EXPECT_EQ(i, map->bytes);
}
