// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "page_info.h"

#define PAGEMAP_PRESENT	(1ULL << 63)
#define PAGEMAP_FRAME	((1ULL << 55) - 1)

/* The frames of the range, 0 where there is none; to be freed. */
static uint64_t *frames_of(const void *addr, size_t nr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t *frames = calloc(nr, sizeof(*frames));
	ssize_t got, bytes = nr * sizeof(*frames);
	size_t i;

	REQUIRE(fd >= 0 && frames, "/proc/self/pagemap: %m");
	got = pread(fd, frames, bytes, (uintptr_t)addr / PAGE * sizeof(*frames));
	close(fd);
	REQUIRE(got == bytes, "/proc/self/pagemap: %zd of %zd bytes: %m", got, bytes);
	for (i = 0; i < nr; i++)
		frames[i] = frames[i] & PAGEMAP_PRESENT ? frames[i] & PAGEMAP_FRAME : 0;
	return frames;
}

uint64_t page_frame(const void *addr)
{
	uint64_t *frames = frames_of(addr, 1), frame = frames[0];

	free(frames);
	return frame;
}

size_t pages_in_frames(const void *addr, size_t bytes, uint64_t first, uint64_t end)
{
	uint64_t *frames = frames_of(addr, bytes / PAGE);
	size_t i, n = 0;

	for (i = 0; i < bytes / PAGE; i++)
		n += frames[i] >= first && frames[i] < end;
	free(frames);
	return n;
}

static int open_flags(void)
{
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);

	REQUIRE(fd >= 0, "/proc/kpageflags: %m");
	return fd;
}

static bool has_flag(int fd, uint64_t frame, unsigned int flag)
{
	uint64_t flags = 0;

	REQUIRE(pread(fd, &flags, sizeof(flags), frame * sizeof(flags)) == sizeof(flags),
		"/proc/kpageflags: %m");
	return flags >> flag & 1;
}

bool frame_has_flag(uint64_t frame, unsigned int flag)
{
	int fd = open_flags();
	bool has = has_flag(fd, frame, flag);

	close(fd);
	return has;
}

size_t pages_with_flag(const void *addr, size_t bytes, unsigned int flag)
{
	uint64_t *frames = frames_of(addr, bytes / PAGE);
	int fd = open_flags();
	size_t i, n = 0;

	for (i = 0; i < bytes / PAGE; i++)
		n += frames[i] && has_flag(fd, frames[i], flag);
	close(fd);
	free(frames);
	return n;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

size_t folios_in_range(const void *addr, size_t bytes)
{
	uint64_t *frames = frames_of(addr, bytes / PAGE), last = 0;
	size_t i, n = 0;
	int fd = open_flags();

	/* A folio's frames follow each other: count the first one that is there. */
	for (i = 0; i < bytes / PAGE; i++)
		while (frames[i] && has_flag(fd, frames[i], KPF_COMPOUND_TAIL))
			frames[i]--;
	qsort(frames, bytes / PAGE, sizeof(*frames), compare);
	for (i = 0; i < bytes / PAGE; i++) {
		n += frames[i] != last;
		last = frames[i];
	}
	close(fd);
	free(frames);
	return n;
}
