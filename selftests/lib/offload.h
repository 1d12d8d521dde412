/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's side as a test sees it: the switches and books of copy offload, modules,
 * and the test migrator. Whatever cannot be done ends the test case (see case.h).
 */
#ifndef SELFTESTS_OFFLOAD_H
#define SELFTESTS_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OFFLOAD_DIR	"/sys/kernel/mm/migrate_offload"
#define TEST_MIGRATOR	"/sys/kernel/debug/migrator_test"

/* What migrator_test writes into the second eight bytes of a folio. */
#define TEST_MARK	0x6b72616d2d747365ULL

/* The reason of move_pages(2) and migrate_pages(2). */
#define SYSCALL		"syscall_or_cpuset"

/* --- files --- */

/* Returns 0 or -errno. */
int try_write(const char *path, const char *text);
void write_file(const char *path, const char *text);
void write_number(const char *path, uint64_t value);
/* The first line of a file. */
void read_line(const char *path, char *line, size_t size);
uint64_t read_number(const char *path);
bool exists(const char *path);
/* The value of a line "name value". */
uint64_t counter(const char *path, const char *name);
/* Runs a shell command, returns its exit status. */
int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- modules --- */

/* A module of selftests/modules; 0 or -errno. */
int try_insert(const char *name, const char *params);
void insert(const char *name, const char *params);
/* With no parameters, unless it is there. */
void insert_once(const char *name);
int try_remove(const char *name);
void remove_module(const char *name);
bool is_loaded(const char *name);
/* A module of the kernel. */
void probe(const char *name, const char *params);

/* --- switches --- */

/* Off, as after boot, with no default migrator, and everything else at its default. */
void offload_reset(void);
/* All folios of the syscall's batches go to this migrator. */
void offload_use(const char *migrator);
void offload_set(const char *file, const char *text);

/* --- books --- */

#define BOOK_FIELDS(X)							\
	X(offered) X(taken) X(refused) X(refused_kind) X(refused_policy)	\
	X(refused_full) X(refused_busy) X(refused_poisoned)		\
	X(refused_no_migrator) X(refused_migrator) X(copied) X(failed)	\
	X(failed_error) X(failed_timeout) X(failed_lost) X(consumed)	\
	X(discarded) X(bytes_taken) X(bytes_copied) X(ns) X(busy_ns)

struct book {
#define X(x) uint64_t x;
	BOOK_FIELDS(X)
#undef X
};

/* @dir: NULL for the machine's books, or a policy's directory. */
struct book book_read(const char *dir, const char *reason);
struct book book_minus(struct book after, struct book before);
/* The machine's book of move_pages(2) since book_open(). */
void book_open(void);
struct book book_close(void);
/* Fails the case when it does not balance. */
void book_check(const struct book *book);
void book_print(const struct book *book);

uint64_t migrator_event(const char *migrator, const char *name);

/* --- the test migrator --- */

void mt_set(const char *knob, uint64_t value);
uint64_t mt_get(const char *event);
void mt_reset(void);
/* Waits until that many jobs are held in wait(). */
void mt_wait_held(unsigned int nr);
/* Fails the case for every promise that the core did not keep; resets nothing. */
void mt_check(void);
/* The same where others may take references for a moment. */
void mt_check_busy(void);

#endif /* SELFTESTS_OFFLOAD_H */
