// SPDX-License-Identifier: GPL-2.0
/* Buffer heads: a file system's metadata, on a device whose own pages move. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ground.h"

#define NAMES	64

/* Many small changes to directories, inodes and bitmaps. e2fsck looks at them at the end. */
static long metadata_step(struct run *run)
{
	char from[PATH_MAX], to[PATH_MAX];
	unsigned int i;
	long done = 0;
	int fd;

	for (i = 0; i < 16 && !stopped(); i++) {
		snprintf(from, sizeof(from), "%s/m%u", ext2_dir(), roll(&run->dice, NAMES));
		snprintf(to, sizeof(to), "%s/m%u", ext2_dir(), roll(&run->dice, NAMES));
		switch (roll(&run->dice, 3)) {
		case 0:
			fd = open(from, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
			if (fd >= 0) {
				done += pwrite(fd, to, 64, roll(&run->dice, 16) * 4096) == 64;
				close(fd);
			}
			break;
		case 1:
			done += !rename(from, to);
			break;
		case 2:
			done += !unlink(from);
			break;
		}
	}
	if (chance(&run->dice, 4)) {
		fd = open(ext2_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		syncfs(fd);
		close(fd);
	}
	return done;
}

ACTOR(ADVERSARY, buffer_heads, "metadata of ext2, by buffer heads", .place = OUTSIDE,
      .step = metadata_step, .pause_us = 50000)

/* Dirty pages of a file: written back while they move. */
static long msync_step(struct run *run)
{
	char *address = ground_address(run->owner, ground_first(R_FILE));

	if (msync(address, regions[R_FILE].pages * PAGE_BYTES, MS_SYNC)) {
		atomic_store(&run->count->last_errno, errno);
		return 0;
	}
	return 1;
}

ACTOR(ADVERSARY, writeback, "writeback of a file that is mapped", .place = IN_OWNER,
      .step = msync_step, .pause_us = 100000)
