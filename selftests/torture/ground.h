/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ground: the memory that is tortured, and what has to be in it.
 *
 * Each word of memory holds its owner, its place and its sequence number, mixed (see
 * live_pattern.h): from a wrong word one can tell what it is. The number that it should
 * have is kept in a BPF array, in kernel memory that nothing migrates, which all processes
 * map. Whoever wants to write to a page, or take it away, locks it there first, looks
 * whether the words he will overwrite are right, writes, and notes the new numbers. So at
 * any time one process at most writes to a word, and the last value is always known;
 * references to pages, though, are taken and kept with no lock at all.
 *
 * The words below GROUND_FIRST are written once: see late.c.
 */
#ifndef TORTURE_GROUND_H
#define TORTURE_GROUND_H

#include "torture.h"

#define PAGE_BYTES	((size_t)4096)
#define PAGE_WORDS	512u
#define GROUND_FIRST	8u
#define HISTORY		8u

/* What may be done with a region's pages. */
enum {
	CAN_GET		= 1 << 0,	/* references without FOLL_PIN, kept: no COW, no swap */
	CAN_PIN		= 1 << 1,	/* FOLL_PIN, kept: not taken away */
	/*
	 * FOLL_LONGTERM. Such a pin tries again, with mmap_lock held, until it can have a
	 * page that somebody else has isolated; so where it is taken, nobody may isolate
	 * pages and then wait for that lock, as move_pages(2) does with each page but the
	 * first. Linux 7.3 would stand still for good when a writer came between.
	 */
	CAN_PIN_LONG	= 1 << 16,
	CAN_READ	= 1 << 15,	/* FOLL_PIN while the page is locked here */
	CAN_DROP	= 1 << 2,	/* MADV_DONTNEED and so on */
	CAN_PUNCH	= 1 << 3,	/* holes, truncation */
	CAN_FORK	= 1 << 4,	/* a child gets it, too */
	CAN_SWAP	= 1 << 5,
	CAN_MERGE	= 1 << 6,	/* KSM: every second page is as the one before it */
	CAN_POISON	= 1 << 7,
	CAN_FAULT	= 1 << 8,	/* userfaultfd */
	CAN_FILE	= 1 << 9,	/* write(2) on its file */
	CAN_LOCK	= 1 << 10,	/* mlock(2) */
	CAN_MOVE_BY	= 1 << 11,	/* mbind(2) */
	IS_PRIVATE	= 1 << 12,	/* anonymous */
	IS_HUGE		= 1 << 13,
	IS_DISK		= 1 << 14,	/* a file on a disk */
};

enum region {
	R_ANON, R_MTHP, R_THP, R_SHMEM, R_SHMEM_HUGE, R_COW, R_KSM, R_UFFD, R_PUNCH,
	R_POISON, R_FILE, R_LONG, R_LONG_SHMEM, NR_REGIONS
};

struct region_info {
	const char *name;
	unsigned int pages;
	unsigned int folio;		/* pages of a folio, at most */
	unsigned int can;
};

extern const struct region_info regions[NR_REGIONS];

/* One word's write in the history of its page. */
struct event {
	uint64_t ns;
	uint32_t seq;
	uint16_t word;
	uint16_t words;
	uint8_t actor;
	uint8_t moved_to;		/* node + 1: a mover moved the page there */
};

void ground_make(unsigned int owners);
/* Lets go of the files. */
void ground_close(void);
/* In the owner's process: maps its regions and fills them. */
void ground_map(unsigned int owner);
unsigned int ground_pages(void);
enum region ground_region(unsigned int page);
unsigned int ground_first(enum region region);
char *ground_address(unsigned int owner, unsigned int page);
/* Of a region with a file. */
int ground_fd(unsigned int owner, enum region region);
size_t ground_offset(unsigned int page);

/* A page that has all of @can; where something moves, mostly. */
unsigned int ground_pick(struct run *run, unsigned int owner, unsigned int can);
/* An owner: of IN_OWNER, the own. */
unsigned int ground_owner(struct run *run);
/* Write mostly there. */
void ground_heat(struct run *run, unsigned int owner, unsigned int page, unsigned int pages);
/* Somebody is about to write there without looking again: the time to move it. */
void ground_hold(struct run *run, unsigned int owner, unsigned int page, unsigned int pages);
/* What has been held of late. */
bool ground_held(struct run *run, unsigned int *owner, unsigned int *page, unsigned int *pages);

bool ground_trylock(unsigned int owner, unsigned int page);
void ground_unlock(unsigned int owner, unsigned int page);
/* @pages of them, from @page on, or none. */
bool ground_trylock_range(unsigned int owner, unsigned int page, unsigned int pages);
void ground_unlock_range(unsigned int owner, unsigned int page, unsigned int pages);

/* What has to be there; @later: after so many writes. */
uint64_t ground_word(unsigned int owner, unsigned int page, unsigned int word,
		     unsigned int later);
/* @words were written, or the page moved, by @run; page locked. */
void ground_wrote(struct run *run, unsigned int owner, unsigned int page, unsigned int word,
		  unsigned int words);
void ground_moved(struct run *run, unsigned int owner, unsigned int page, int nid);
/* Page locked, in the owner's process: is it what it has to be? */
bool ground_check(struct run *run, unsigned int owner, unsigned int page, const char *when);
/* The same of words that have been read: from @word on. */
bool ground_compare(struct run *run, unsigned int owner, unsigned int page, unsigned int word,
		    unsigned int words, const volatile uint64_t *is, const char *when);
/* Page locked, its contents gone: fills it with what comes next. */
void ground_refill(struct run *run, unsigned int owner, unsigned int page);
/* Two pages of a region that merges, both locked, get the same words. */
void ground_same(struct run *run, unsigned int owner, unsigned int page);
/* The words of the kernel's writer that stand in the pages of this owner. */
uint64_t ground_late_words(unsigned int owner);

/* --- one write, by whatever way --- */

struct strike {
	unsigned int owner, page, word, words;
	char *address;			/* of the first word */
	uint64_t value[PAGE_WORDS];
};

/*
 * Locks @page, picks a run of at most @most words (beginning and length a multiple of
 * @unit) whose present contents are right, and says what to write. False: not now.
 */
bool strike_begin(struct run *run, struct strike *strike, unsigned int owner,
		  unsigned int page, unsigned int unit, unsigned int most);
/* All has been written: looks at it, and stores the first word once more. */
void strike_again(struct run *run, struct strike *strike);
/* @words have been written, from the first one on. Returns how many. */
long strike_end(struct run *run, struct strike *strike, long words);
/* Has @bytes been written, or -1? */
long strike_end_bytes(struct run *run, struct strike *strike, ssize_t bytes);

#endif /* TORTURE_GROUND_H */
