/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Live memory: a process that keeps writing to its memory and knows, at any time, what
 * every byte of it has to be.
 *
 * The memory is divided into chunks of 4 KiB. Each write replaces a whole chunk by words
 * made of the owner's number, the chunk's and its generation, after a comparison of the
 * chunk with the generation before. The generations are kept in a BPF array that is mapped
 * into both processes: kernel memory, which nothing migrates. From a wrong word one can
 * tell what it was: an older generation (a stale copy), or another chunk's or another
 * owner's.
 *
 * It writes some passes over a small window, whose pages its CPU's TLB then knows, before
 * it goes to another: what is written by a TLB entry that should have been flushed is not
 * in the copy. Most windows are where live_heat() says that pages are about to move.
 *
 * The starter: live_start(), live_wait(LIVE_RUNNING), ... live_verify(), live_stop(),
 * live_free().
 * The owner: the same program, executed again with the arguments that live_start() makes,
 * which must call live_owner_main() for them.
 */
#ifndef SELFTESTS_LIVE_MEMORY_H
#define SELFTESTS_LIVE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LIVE_CHUNK	((size_t)4096)
#define LIVE_HUGE	((size_t)2 << 20)
#define LIVE_MAX_WRONG	8

/* What argv[1] of an owner is. */
#define LIVE_OWNER_ARG	"--live-owner"

enum live_state {
	LIVE_STARTING,
	LIVE_RUNNING,
	LIVE_VERIFIED,		/* paused, after a comparison of every byte */
	LIVE_FAILED,		/* could not start, see error */
};

enum live_wrong_kind {
	LIVE_STALE,		/* the whole chunk is of an older generation */
	LIVE_TORN,		/* part of it is right, part is not */
	LIVE_FOREIGN,		/* not of this chunk's past */
};

/* A chunk that was not as it was left; its first wrong word. */
struct live_wrong {
	uint64_t address;
	uint64_t expected;
	uint64_t got;
	uint32_t generation;
	uint32_t got_generation;
	uint32_t got_owner;	/* 0: made by nobody */
	uint32_t got_chunk;
	uint32_t words;		/* wrong words of the chunk */
	uint32_t kind;
	uint32_t final;		/* found by the comparison at the end */
};

struct live_options {
	unsigned int owner;	/* number, 1..255 */
	size_t bytes;		/* a multiple of 2 MiB */
	bool huge;		/* 2 MiB THP instead of 4 KiB pages */
	int nid;		/* node to begin on */
	const char *cgroup;	/* directory, or NULL */
};

/* Mapped by both processes; the generations of the chunks come after it. */
struct live_shared {
	uint32_t command;
	uint32_t state;
	uint64_t hot;			/* first chunk << 32 | chunks */
	uint64_t address;
	uint64_t bytes;
	uint64_t huge_bytes;		/* mapped by PMDs, at the beginning */
	uint64_t huge_bytes_end;	/* and when verified */
	uint64_t writes;		/* chunks written */
	uint64_t compared;		/* chunks compared while running */
	uint64_t verified;		/* bytes compared at the end */
	uint64_t wrong;			/* chunks found wrong */
	struct live_wrong first[LIVE_MAX_WRONG];
	char error[256];
	uint32_t generation[];
};

struct live {
	struct live_options options;
	pid_t pid;
	int fd;				/* of the BPF array */
	size_t map_bytes;
	struct live_shared *shared;
	char error[256];
};

/* Each returns whether it worked, and leaves the reason in live->error if not. */
bool live_start(struct live *live, const struct live_options *options);
/* Waits until the owner is in that state; false when it failed or died. */
bool live_wait(struct live *live, enum live_state state);
/* Write mostly there; no bytes: everywhere. */
void live_heat(struct live *live, size_t offset, size_t bytes);
/* Pauses the owner and has every byte compared. */
bool live_verify(struct live *live);
/* Goes on after live_verify(). */
void live_resume(struct live *live);
/* Ends the owner; what it has shared can be read until live_free(). */
void live_stop(struct live *live);
void live_free(struct live *live);

/* A line about what was wrong. */
void live_wrong_text(const struct live *live, const struct live_wrong *wrong,
		     char *text, size_t size);

/* For main(): runs the owner and does not return when argv says so. */
void live_owner_main(int argc, char **argv);

#endif /* SELFTESTS_LIVE_MEMORY_H */
