// SPDX-License-Identifier: GPL-2.0
/*
 * arch: x86_64
 * vm: --smp 4
 * timeout: 300
 *
 * mtcopy: several CPUs copy one batch. That workers are slow, late or stuck is made certain
 * by copy_gate: it holds them where they begin, or in the middle of a copy.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "arena.h"
#include "case.h"
#include "load.h"
#include "mtcopy.h"
#include "offload.h"

#define BYTES	(2 * MiB)

/* Pages that are taken at a time. */
#define UNIT	4

static struct arena arena;
static struct load load;

void case_setup(void)
{
	offload_reset();
	offload_set("batch_pages", "4096");
	mtcopy_start("threads=4 min_chunk=65536");
}

void case_teardown(void)
{
	if (load.pid)
		load_stop(&load);
	offload_reset();
	gate_stop();
	if (arena.addr)
		arena_unmap(&arena);
	mtcopy_stop();
}

static void pause_ms(unsigned int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/* Of the folios of @kind, if they are not of 4 KiB. */
static size_t arena_folios(enum arena_kind kind, size_t bytes)
{
	return bytes / (kind == ARENA_ANON_HUGE || kind == ARENA_SHMEM_HUGE ? HUGE_PAGE : PAGE);
}

/* All of it is copied ahead, whoever does it, and every byte is right. */
static struct book move_all(enum arena_kind kind, size_t bytes)
{
	struct book book;

	arena = arena_map(kind, bytes, 0);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	book = book_close();
	arena_verify(&arena);
	EXPECT_EQ(book.offered, arena_folios(kind, bytes));
	EXPECT_EQ(book.consumed, book.offered);
	EXPECT_GT(book.busy_ns, 0);
	EXPECT_GT(book.ns, 0);
	return book;
}

/* Neither the caller nor a worker goes on before the other has a page in hand. */
static void divided(enum arena_kind kind, size_t bytes)
{
	uint64_t workers;

	gate_start();
	gate_set("caller_waits", 1);
	gate_set("worker_waits", 1);
	offload_use("mtcopy");
	move_all(kind, bytes);
	workers = mtcopy_status("bytes_workers");
	EXPECT_GT(workers, 0);
	EXPECT_GT(mtcopy_status("bytes_caller"), 0);
	EXPECT_EQ(workers + mtcopy_status("bytes_caller"), bytes);
	EXPECT_EQ(gate_get("worker_pages") * PAGE, workers);
	EXPECT_EQ(gate_get("caller_pages") * PAGE, bytes - workers);
	EXPECT_EQ(mtcopy_status("jobs"), 1);
	EXPECT_EQ(mtcopy_status("jobs_alone"), 0);
	EXPECT_EQ(mtcopy_status("workers_queued"), 3);
}

CASE(anon, "512 folios of 4 KiB are copied by several CPUs")
{
	divided(ARENA_ANON, BYTES);
}

CASE(shmem, "the same of shmem")
{
	divided(ARENA_SHMEM, BYTES);
}

CASE(one_huge, "one folio of 2 MiB is copied by several CPUs")
{
	divided(ARENA_ANON_HUGE, HUGE_PAGE);
}

CASE(huge, "four folios of 2 MiB are")
{
	divided(ARENA_ANON_HUGE, 4 * HUGE_PAGE);
}

CASE(shmem_huge, "one folio of 2 MiB of shmem is")
{
	divided(ARENA_SHMEM_HUGE, HUGE_PAGE);
}

/* A piece begins and ends within a folio, and has whole ones in between. */
CASE(mixed, "folios of 64 KiB, divided by three")
{
	struct book book;

	EXPECT_EQ(mtcopy_try_set("threads", "3"), 0);
	gate_start();
	gate_set("caller_waits", 1);
	offload_use("mtcopy");
	arena = arena_map_order(ARENA_ANON, 4, BYTES, 0);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	book = book_close();
	arena_verify(&arena);
	EXPECT_EQ(book.consumed, BYTES / (16 * PAGE));
	EXPECT_EQ(mtcopy_status("workers_queued"), 2);
	EXPECT_GT(mtcopy_status("bytes_workers"), 0);
}

/*
 * No worker gets to copy anything, and one at least has got so far that it cannot be
 * withdrawn. Those are let go when the job is long over.
 */
static void blocked(enum arena_kind kind, size_t bytes)
{
	uint64_t held;
	int i;

	gate_start();
	gate_set("caller_waits", 1);
	gate_set("hold_entry", 1);
	offload_use("mtcopy");
	for (i = 0; i < 3; i++) {
		if (i)
			arena_unmap(&arena);
		move_all(kind, bytes);
	}
	/* One that has begun may be on its way to where it is held. */
	held = 9 - mtcopy_status("workers_withdrawn");
	for (i = 0; i < 50 && gate_get("at_entry") < held; i++)
		pause_ms(20);
	EXPECT_EQ(gate_get("at_entry"), held);
	EXPECT_EQ(gate_get("hold_entry"), 1);
	EXPECT_GT(held, 0);
	EXPECT_EQ(mtcopy_status("jobs"), 3);
	EXPECT_EQ(mtcopy_status("jobs_alone"), 0);
	EXPECT_EQ(mtcopy_status("workers_queued"), 9);
	EXPECT_EQ(mtcopy_status("bytes_caller"), 3 * bytes);
	EXPECT_EQ(mtcopy_status("bytes_workers"), 0);

	/* Whatever a late worker might copy would be seen here. */
	arena_fill(&arena, 7);
	gate_set("hold_entry", 0);
	for (i = 0; i < 50 && mtcopy_status("workers_late") < held; i++)
		pause_ms(100);
	EXPECT_EQ(mtcopy_status("workers_late"), held);
	EXPECT_EQ(mtcopy_status("bytes_workers"), 0);
	EXPECT_EQ(gate_get("worker_pages"), 0);
	arena_verify(&arena);
}

CASE(blocked, "with every worker blocked the caller copies each byte alone")
{
	blocked(ARENA_ANON, BYTES);
}

CASE(blocked_shmem, "the same of shmem")
{
	blocked(ARENA_SHMEM, BYTES);
}

CASE(blocked_huge, "the same of one folio of 2 MiB")
{
	blocked(ARENA_ANON_HUGE, HUGE_PAGE);
}

static atomic_bool moved;

static void *move_in_background(void *unused)
{
	(void)unused;
	arena_move(&arena, 1);
	atomic_store(&moved, true);
	return NULL;
}

/*
 * Workers are stuck in the copy of a page. The caller copies all but what they have in
 * hand, and then it must wait.
 */
static void begun(enum arena_kind kind, size_t bytes)
{
	size_t held = 0, done = 0;
	struct book book;
	pthread_t mover;
	int i;

	gate_start();
	gate_set("caller_waits", 1);
	gate_set("hold_copy", 1);
	offload_use("mtcopy");
	arena = arena_map(kind, bytes, 0);
	atomic_store(&moved, false);
	book_open();
	REQUIRE(!pthread_create(&mover, NULL, move_in_background, NULL), "thread");
	for (i = 0; i < 100; i++) {
		pause_ms(20);
		held = gate_get("in_copy");
		done = gate_get("caller_pages");
		if (held && done + UNIT * held == arena_pages(&arena))
			break;
	}
	EXPECT_GT(held, 0);
	EXPECT_EQ(done + UNIT * held, arena_pages(&arena));
	pause_ms(300);
	EXPECT(!atomic_load(&moved), "the folios have moved, with %zu pages being copied", held);
	gate_set("hold_copy", 0);
	pthread_join(mover, NULL);
	book = book_close();
	arena_verify(&arena);
	EXPECT_EQ(arena_on_node(&arena, 1), arena_pages(&arena));
	EXPECT_EQ(book.consumed, arena_folios(kind, bytes));
	EXPECT_EQ(mtcopy_status("bytes_workers"), gate_get("worker_pages") * PAGE);
}

CASE(begun, "what a worker has begun is waited for, and nothing else")
{
	begun(ARENA_ANON, BYTES);
}

CASE(begun_huge, "the same of one folio of 2 MiB")
{
	begun(ARENA_ANON_HUGE, HUGE_PAGE);
}

/* What the migrator does not copy is tried by the CPU, which meets the poison, too. */
static void poisoned(enum arena_kind kind, size_t bytes, unsigned int at)
{
	size_t pages = kind == ARENA_ANON_HUGE ? HUGE_PAGE / PAGE : 1;
	struct book book;

	gate_start();
	gate_set("caller_waits", 1);
	gate_set("poison_at", at);
	offload_use("mtcopy");
	arena = arena_map(kind, bytes, 0);
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena) - pages);
	book = book_close();
	EXPECT_EQ(book.failed_error, 1);
	EXPECT_EQ(book.consumed, arena_folios(kind, bytes) - 1);
	EXPECT_EQ(mtcopy_status("folios_poisoned"), 1);
	EXPECT_GT(gate_get("reports"), 0);
	EXPECT_EQ(arena_on_node(&arena, 0), pages);
	arena_verify(&arena);
}

CASE(poison, "poison found by one CPU fails one folio of 4 KiB")
{
	poisoned(ARENA_ANON, BYTES, 100);
}

CASE(poison_huge, "and one folio of 2 MiB, whoever else copies it")
{
	poisoned(ARENA_ANON_HUGE, 4 * HUGE_PAGE, 700);
}

CASE(poison_alone, "the same when the caller is alone")
{
	EXPECT_EQ(mtcopy_try_set("threads", "1"), 0);
	gate_start();
	gate_set("poison_at", 100);
	offload_use("mtcopy");
	arena = arena_map(ARENA_ANON, BYTES, 0);
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena) - 1);
	EXPECT_EQ(mtcopy_status("folios_poisoned"), 1);
	EXPECT_EQ(mtcopy_status("jobs_alone"), 1);
	arena_verify(&arena);
}

static void alone(const char *parameter, const char *value)
{
	EXPECT_EQ(mtcopy_try_set(parameter, value), 0);
	offload_use("mtcopy");
	move_all(ARENA_ANON, BYTES);
	EXPECT_EQ(mtcopy_status("jobs_alone"), 1);
	EXPECT_EQ(mtcopy_status("workers_queued"), 0);
	EXPECT_EQ(mtcopy_status("bytes_caller"), BYTES);
}

CASE(one_thread, "with threads=1 the caller is alone")
{
	alone("threads", "1");
}

CASE(small_job, "and when there are not min_chunk bytes for another CPU")
{
	alone("min_chunk", "2097152");
}

CASE(by_node, "with threads=0 there are as many as the destination node has CPUs")
{
	EXPECT_EQ(mtcopy_try_set("threads", "0"), 0);
	offload_use("mtcopy");
	move_all(ARENA_ANON, BYTES);
	EXPECT_EQ(mtcopy_status("workers_queued"), 1);
}

CASE(parameters, "bad values are refused, and change nothing")
{
	static const char * const threads[] = { "-1", "33", "x", "4294967296", "4 4" };
	static const char * const chunks[] = { "0", "4095", "4097", "1073745920", "64k" };
	size_t i;

	for (i = 0; i < sizeof(threads) / sizeof(*threads); i++) {
		EXPECT(mtcopy_try_set("threads", threads[i]) == -EINVAL,
		       "threads=%s was not refused", threads[i]);
		EXPECT_EQ(mtcopy_get("threads"), 4);
	}
	for (i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		EXPECT(mtcopy_try_set("min_chunk", chunks[i]) == -EINVAL,
		       "min_chunk=%s was not refused", chunks[i]);
		EXPECT_EQ(mtcopy_get("min_chunk"), 65536);
	}
	EXPECT_EQ(mtcopy_try_set("status", "1"), -EACCES);
	mtcopy_stop();
	EXPECT(shell("modprobe mtcopy threads=33 2>/dev/null"), "it loads with threads=33");
	EXPECT(!is_loaded("mtcopy"), "it is loaded");
}

CASE(reload, "unloaded and loaded under load")
{
	int i;

	offload_use("mtcopy");
	load = load_start(NULL, 0);
	for (i = 0; i < 3; i++) {
		/* The first one may have been nearly over. */
		load_wait(&load, 2);
		case_note("%llu jobs, %llu bytes by callers, %llu by workers",
			  (unsigned long long)mtcopy_status("jobs"),
			  (unsigned long long)mtcopy_status("bytes_caller"),
			  (unsigned long long)mtcopy_status("bytes_workers"));
		EXPECT_GT(mtcopy_status("jobs"), 0);
		EXPECT_GT(mtcopy_status("bytes_caller") + mtcopy_status("bytes_workers"), 0);
		remove_module("mtcopy");
		load_wait(&load, 1);
		probe("mtcopy", "threads=4 min_chunk=16384");
	}
	load_wait(&load, 1);
}

static atomic_bool removed;

static void *remove_in_background(void *unused)
{
	(void)unused;
	remove_module("mtcopy");
	atomic_store(&removed, true);
	return NULL;
}

CASE(unload_held, "unloading waits for workers that come too late")
{
	pthread_t remover;

	gate_start();
	gate_set("caller_waits", 1);
	gate_set("hold_entry", 1);
	offload_use("mtcopy");
	move_all(ARENA_ANON, BYTES);
	EXPECT_GT(gate_get("at_entry"), 0);
	offload_reset();
	atomic_store(&removed, false);
	REQUIRE(!pthread_create(&remover, NULL, remove_in_background, NULL), "thread");
	pause_ms(500);
	EXPECT(!atomic_load(&removed), "it has gone, with a worker in it");
	gate_set("hold_entry", 0);
	pthread_join(remover, NULL);
	EXPECT(!is_loaded("mtcopy"), "it is loaded");
	arena_verify(&arena);
}

CASE(hotplug, "CPUs go and come back")
{
	int i;

	EXPECT_EQ(mtcopy_try_set("min_chunk", "16384"), 0);
	offload_use("mtcopy");
	load = load_start(NULL, 0);
	for (i = 0; i < 3; i++) {
		write_file("/sys/devices/system/cpu/cpu3/online", "0");
		load_wait(&load, 1);
		write_file("/sys/devices/system/cpu/cpu2/online", "0");
		load_wait(&load, 1);
		write_file("/sys/devices/system/cpu/cpu2/online", "1");
		write_file("/sys/devices/system/cpu/cpu3/online", "1");
		load_wait(&load, 1);
	}
	EXPECT_GT(mtcopy_status("workers_queued"), 0);
}

CASES_MAIN
