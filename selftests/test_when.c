// SPDX-License-Identifier: GPL-2.0
/*
 * Point 2 of the design: contents are read only after the TLBs have been flushed.
 *
 * When the page table entries of a batch have been cleared, another CPU that runs the same
 * process can go on writing to the pages by what its TLB remembers, until the flush. Here a
 * thread on CPU 1 does nothing but write, each time after a look at whether its last write
 * is still there, while CPU 0 moves the pages with a migrator that copies at once and then
 * takes its time. With the copy before the flush every page of nearly every round loses
 * what was written in that time. Only pages mapped by PTEs are flushed late, and only when
 * the process runs on another CPU.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "arena.h"
#include "case.h"
#include "offload.h"

#define PAGES	16
#define ROUNDS	20

static struct arena arena;
static atomic_bool stop;
static atomic_ullong writes, lost;

void case_setup(void)
{
	insert_once("migrator_test");
	mt_reset();
	offload_reset();
	offload_use("test");
}

void case_teardown(void)
{
	mt_check();
	mt_reset();
	offload_reset();
	arena_unmap(&arena);
}

static void *writer(void *unused)
{
	uint64_t last[PAGES];
	int i;

	(void)unused;
	pin_to_cpu(1);
	for (i = 0; i < PAGES; i++)
		last[i] = *(volatile uint64_t *)(arena.addr + i * PAGE);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		for (i = 0; i < PAGES; i++) {
			volatile uint64_t *word = (void *)(arena.addr + i * PAGE);

			if (*word != last[i])
				atomic_fetch_add(&lost, 1);
			*word = ++last[i];
		}
		atomic_fetch_add_explicit(&writes, 1, memory_order_relaxed);
	}
	for (i = 0; i < PAGES; i++)
		if (*(volatile uint64_t *)(arena.addr + i * PAGE) != last[i])
			atomic_fetch_add(&lost, 1);
	return NULL;
}

static void move_under_writer(enum arena_kind kind)
{
	pthread_t thread;
	struct book book;
	unsigned long long nr_lost;
	int round;

	arena = arena_map(kind, PAGES * PAGE, 0);
	atomic_store(&stop, false);
	atomic_store(&writes, 0);
	atomic_store(&lost, 0);
	mt_set("delay_ms", 20);
	pin_to_cpu(0);
	REQUIRE(!pthread_create(&thread, NULL, writer, NULL), "thread");

	book_open();
	for (round = 0; round < ROUNDS; round++) {
		unsigned long long seen = atomic_load(&writes);

		/* The writer's TLB has all the pages again. */
		while (atomic_load(&writes) < seen + 2)
			;
		arena_move(&arena, 1 - round % 2);
	}
	book = book_close();
	atomic_store(&stop, true);
	pthread_join(thread, NULL);

	nr_lost = atomic_load(&lost);
	EXPECT_EQ(nr_lost, 0);
	EXPECT_EQ(mt_get("bad_flush"), 0);
	/* Else nothing was copied in the window, and nothing was shown. */
	EXPECT_GE(book.consumed, PAGES * ROUNDS / 2);
	case_note("%llu rounds of writes, %llu lost, %llu folios copied ahead",
		  (unsigned long long)atomic_load(&writes),
		  nr_lost, (unsigned long long)book.consumed);
}

CASE(writer_anon, "no write by a CPU with an old TLB entry is lost: anon")
{
	move_under_writer(ARENA_ANON);
}

CASE(writer_shmem, "no write by a CPU with an old TLB entry is lost: shmem")
{
	move_under_writer(ARENA_SHMEM);
}

CASES_MAIN
