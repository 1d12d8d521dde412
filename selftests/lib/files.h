/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files to move the page cache of: an upper file system, on a disk that is a file on a lower
 * one, ext2. While the lower one is frozen, no write to the disk ends. Whatever cannot be
 * done ends the test case (see case.h).
 */
#ifndef SELFTESTS_FILES_H
#define SELFTESTS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILES_LOWER	"/tmp/files/lower"
#define FILES_UPPER	"/tmp/files/upper"
#define FILES_DISK	FILES_LOWER "/disk"

void files_mount_lower(void);
void files_umount_lower(void);
/* With the lower one. @options: of mount(8), or "" */
void files_mount(const char *type, const char *mkfs, const char *options);
void files_umount(void);
bool files_are_mounted(void);
/* Unmounts and mounts the upper one: what is read then comes from the disk. */
void files_remount(const char *type, const char *options);

/* A file's page cache, mapped shared. */
struct file_map {
	int fd;
	char *addr;
	size_t bytes;
};

#define FILE_MAP_NONE	((struct file_map){ .fd = -1 })

/* With all of it read. */
void file_map(struct file_map *map, const char *path, int prot, size_t bytes);
/* With none of it read, nor read ahead: what is touched comes page by page. */
void file_map_unread(struct file_map *map, const char *path, int prot, size_t bytes);
void file_unmap(struct file_map *map);
/* Reads one word of every page. */
void file_touch(const struct file_map *map);

/* Gives every eight bytes a value of its own, from @seed. */
void file_fill(const struct file_map *map, uint64_t seed);
uint64_t file_word(size_t offset, uint64_t seed);
/* Fails the case when a byte is not as file_fill() left it. */
void file_expect(const struct file_map *map, uint64_t seed);

#endif /* SELFTESTS_FILES_H */
