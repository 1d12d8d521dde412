/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Integrity torture: memory is moved for every reason at once, written to in every way
 * there is, and everything else that can change changes meanwhile; and no word of it may
 * ever be anything but what was written to it last.
 *
 * A few owners (processes) have memory of several kinds at known addresses. Whatever
 * happens is done by actors: movers, adversaries (which write, or take memory away) and
 * disturbers, each a thread that takes one small step after the other until it is over.
 * What is in the memory is known by the ground (ground.h), which everybody shares.
 */
#ifndef TORTURE_H
#define TORTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MAX_OWNERS	4
#define MAX_ACTORS	64

/* --- chance: every thread has dice of its own, made from the seed --- */

struct dice {
	uint64_t state;
};

void dice_init(struct dice *dice, uint64_t seed, unsigned int actor, unsigned int owner);
/* Below @n. */
unsigned int roll(struct dice *dice, unsigned int n);
/* True once in @n times. */
bool chance(struct dice *dice, unsigned int n);

/* --- actors --- */

enum actor_class {
	MOVER,
	ADVERSARY,
	DISTURBER,
};

/* In which processes it runs. */
enum actor_place {
	IN_OWNER,	/* a thread in each owner */
	OUTSIDE,	/* one thread, in a process that has nothing to lose */
	DISTURBING,	/* one thread, in the process that may switch everything */
};

struct run;

struct actor {
	const char *name;
	const char *what;
	enum actor_class class;
	enum actor_place place;
	/* NULL, or what is missing so that it cannot run here. */
	const char *(*setup)(struct run *run);
	/* Returns how much it achieved: pages moved, words written, things disturbed. */
	long (*step)(struct run *run);
	void (*teardown)(struct run *run);
	unsigned int pause_us;		/* after each step, at most */
	/* What it achieves is counted by the kernel: a migration reason, or in vmstat. */
	const char *reason;
	const char *vmstat;
	unsigned int number;
	struct actor *next;
};

/* An actor at work. */
struct run {
	const struct actor *actor;
	unsigned int owner;		/* IN_OWNER: whose thread this is */
	struct dice dice;
	struct count *count;
	void *own;			/* what setup() made */
	/* Of setup(), for what it finds missing. */
	char text[160];
};

struct count {
	atomic_ullong steps;
	atomic_ullong effect;
	atomic_ullong idle;		/* steps that achieved nothing */
	atomic_int last_errno;
	atomic_int skipped;		/* by so many processes */
	char why[160];
};

void actor_register(struct actor *actor);
struct actor *actors_first(void);
/* Keeps those that @names (separated by commas) has; with @without, the others. */
void actors_choose(const char *names, bool without);
/* Starts the threads of this process, and waits for their end. */
void actors_run(enum actor_place place, unsigned int owner);
bool stopped(void);
/* Sleeps, but not much longer than the torture lasts. */
void pause_us(unsigned int us);
/* For setup(): text to return. */
const char *missing(struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define ACTOR(_class, _name, _what, ...)					\
	static struct actor actor_##_name = {					\
		.name = #_name, .what = _what, .class = _class,			\
		__VA_ARGS__								\
	};									\
	static void __attribute__((constructor)) register_##_name(void)	\
	{									\
		actor_register(&actor_##_name);					\
	}

/* --- what all processes share; in memory that nothing moves --- */

#define HOT	4

struct wrong;

struct shared {
	atomic_int stop;
	atomic_int failed;
	uint64_t seed;
	uint64_t begin_ns;
	unsigned int owners;
	atomic_int ready;		/* owners that are */
	atomic_int quiet;		/* whoever is no owner has ended */
	pid_t pid[MAX_OWNERS];
	/* What is about to move: owner << 48 | first page << 24 | pages. */
	atomic_ullong hot[HOT];
	/* What somebody has hold of, likewise. */
	atomic_ullong held[HOT];
	struct count counts[MAX_ACTORS];
	/* The writer in the kernel: see late.c. */
	atomic_ullong late_words;
	/* Poison and memory blocks that go offline: one at a time, see poison.c. */
	atomic_flag blocks;
	atomic_ullong verified;		/* pages, at the end */
	atomic_ullong checked;		/* pages, meanwhile */
	atomic_ullong swapped_out;
	atomic_uint wrongs;
};

extern struct shared *shared;

uint64_t now_ns(void);
/* Says it, and ends the torture as failed. */
void failure(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- the processes --- */

struct options {
	unsigned int seconds;
	uint64_t seed;
	unsigned int owners;
	bool strict;			/* an actor without effect is a failure */
};

void owner_main(unsigned int owner);
/* What must be there before the owners, and be gone after them. */
void surroundings_make(void);
void surroundings_remove(void);
/* Where that file of ours is, on a file system of that kind; NULL if there is none. */
const char *ext2_dir(void);
const char *loop_device(void);

/* Before and after; prints the table, and TAP. Returns the exit status. */
void report_begin(void);
int report_end(const struct options *options);

#endif /* TORTURE_H */
