// SPDX-License-Identifier: GPL-2.0
/*
 * arch: arm64
 * timeout: 400
 *
 * DCBM over engines that nobody here wrote: the eight ZDMA of the Versal board, as the
 * emulator models them, under Linux's own driver. Each is a device with one channel of 32
 * descriptors, and not coherent with the CPUs: a folio's lines are cleaned and invalidated
 * by mapping and unmapping it.
 *
 * DCBM believes that driver, as patched, and what it says is put to the proof here: every
 * byte is compared.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "load.h"
#include "offload.h"
#include "round_trip.h"

#define BYTES		(4 * MiB)
#define MAX_CHANNELS	8

static struct arena arena;
static struct load load;

void case_setup(void)
{
	offload_reset();
	/* All the huge pages in a batch. */
	offload_set("batch_pages", "2048");
}

void case_teardown(void)
{
	if (load.pid)
		load_stop(&load);
	offload_reset();
	round_trip_clean_up();
	if (arena.addr)
		arena_unmap(&arena);
	dcbm_stop();
}

/* What the channels have copied; none may have failed, and none be out of use. */
static struct dcbm_channel sum_of_channels(unsigned int expected)
{
	struct dcbm_channel channels[MAX_CHANNELS + 1], sum = {};
	size_t nr = dcbm_channels(channels, MAX_CHANNELS + 1), i;

	EXPECT_EQ(nr, expected);
	for (i = 0; i < nr && i <= MAX_CHANNELS; i++) {
		EXPECT(!strcmp(channels[i].provider, ZDMA_DRIVER), "%s is of %s",
		       channels[i].name, channels[i].provider);
		EXPECT(!strcmp(channels[i].state, "idle"), "%s is %s", channels[i].name,
		       channels[i].state);
		sum.descriptors += channels[i].descriptors;
		sum.bytes += channels[i].bytes;
	}
	EXPECT_EQ(dcbm_status("errors") + dcbm_status("timed_out"), 0);
	return sum;
}

static void there_and_back(unsigned int channels, enum arena_kind kind)
{
	dcbm_start_zdma(channels);
	/*
	 * The driver frees a descriptor some time after its callback. Where the emulator does
	 * not let it go on meanwhile, DCBM finds none and leaves the rest to the CPU.
	 */
	round_trip_may_refuse = true;
	round_trip("dcbm", kind, BYTES);
	EXPECT_GT(sum_of_channels(channels).bytes, BYTES);
}

static void forked(unsigned int channels, enum arena_kind kind)
{
	dcbm_start_zdma(channels);
	round_trip_forked("dcbm", kind, BYTES / 2);
	EXPECT_EQ(sum_of_channels(channels).bytes, BYTES / 2);
}

/* --- more than one job at a time --- */

static atomic_bool all_used;
static atomic_int moves;

static void *mover(void *data)
{
	struct arena *own = data;
	int to = 1;

	while (!atomic_load(&all_used)) {
		arena_move(own, to);
		to = 1 - to;
		atomic_fetch_add(&moves, 1);
	}
	return NULL;
}

static unsigned int channels_used(void)
{
	struct dcbm_channel channels[MAX_CHANNELS];
	size_t nr = dcbm_channels(channels, MAX_CHANNELS), used = 0, i;

	for (i = 0; i < nr; i++)
		used += channels[i].jobs > 0;
	return used;
}

/* A thread more than there are channels, so that some job finds all of them busy. */
static void used_together(unsigned int channels)
{
	struct arena arenas[MAX_CHANNELS + 1];
	pthread_t threads[MAX_CHANNELS + 1];
	struct book book;
	unsigned int i;

	dcbm_start_zdma(channels);
	offload_use("dcbm");
	for (i = 0; i <= channels; i++)
		arenas[i] = arena_map(i % 2 ? ARENA_SHMEM : ARENA_ANON, MiB, 0);
	atomic_store(&all_used, false);
	book_open();
	for (i = 0; i <= channels; i++)
		REQUIRE(!pthread_create(&threads[i], NULL, mover, &arenas[i]), "thread");
	/* The runner kills what never gets there. */
	while (channels_used() < channels)
		usleep(1000);
	atomic_store(&all_used, true);
	for (i = 0; i <= channels; i++)
		pthread_join(threads[i], NULL);
	book = book_close();
	for (i = 0; i <= channels; i++) {
		arena_verify(&arenas[i]);
		arena_unmap(&arenas[i]);
	}
	case_note("%d moves until each of %u channels had been used", atomic_load(&moves),
		  channels);
	EXPECT_GT(book.consumed, 0);
	EXPECT_EQ(book.failed, 0);
	EXPECT_EQ(book.bytes_copied, sum_of_channels(channels).bytes);
}

#define CHANNELS(n)								\
	CASE(anon_##n, "anon 4 KiB, " #n " channels")				\
	{									\
		there_and_back(n, ARENA_ANON);					\
	}									\
	CASE(anon_huge_##n, "anon 2 MiB, " #n " channels")			\
	{									\
		there_and_back(n, ARENA_ANON_HUGE);				\
	}									\
	CASE(shmem_##n, "shmem 4 KiB, " #n " channels")				\
	{									\
		there_and_back(n, ARENA_SHMEM);					\
	}									\
	CASE(shmem_huge_##n, "shmem 2 MiB, " #n " channels")			\
	{									\
		there_and_back(n, ARENA_SHMEM_HUGE);				\
	}									\
	CASE(forked_##n, "anon 4 KiB that four processes map, " #n " channels")	\
	{									\
		forked(n, ARENA_ANON);						\
	}									\
	CASE(forked_huge_##n,							\
	     "anon 2 MiB that four processes map, " #n " channels")		\
	{									\
		forked(n, ARENA_ANON_HUGE);					\
	}									\
	CASE(together_##n, "many movers use all of " #n " channels")		\
	{									\
		used_together(n);						\
	}

CHANNELS(1)
CHANNELS(4)
CHANNELS(8)

/* --- what the engine is like --- */

/*
 * All of its pieces or the CPU: a folio of which one finds no descriptor for long, because
 * the host does not let the driver go on, is not copied by the engine. The next one is; the
 * runner ends what never gets there.
 */
CASE(few_descriptors, "512 pieces go through the 32 descriptors of an engine")
{
	uint64_t whole = 0, moves;
	struct book book;

	dcbm_start_zdma(1);
	dcbm_set("min_chunk", "4096");
	dcbm_set("max_chunk", "4096");
	offload_use("dcbm");
	arena = arena_map(ARENA_ANON_HUGE, 2 * HUGE_PAGE, 0);
	for (moves = 0; whole < 2; moves++) {
		book_open();
		EXPECT_EQ(arena_move(&arena, !(moves & 1)), arena_pages(&arena));
		book = book_close();
		EXPECT_EQ(book.consumed + book.refused_migrator, 2);
		whole += book.consumed;
		arena_verify(&arena);
	}
	case_note("%" PRIu64 " moves until two folios had been copied", moves);
	EXPECT(sum_of_channels(1).descriptors >= whole * HUGE_PAGE / PAGE, "%" PRIu64 " descriptors",
	       sum_of_channels(1).descriptors);
}

/* --- while memory moves that is written to --- */

CASE(switched, "dcbm is switched off and on under load")
{
	int i;

	dcbm_start_zdma(8);
	offload_use("dcbm");
	load = load_start(NULL, 0);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(dcbm_enable(0), 0);
		load_wait(&load, 1);
		EXPECT_EQ(dcbm_enable(1), 0);
		load_wait(&load, 2);
	}
	EXPECT_GT(dcbm_status("folios_copied"), 0);
	EXPECT_EQ(dcbm_status("folios_failed") + dcbm_status("folios_timed_out"), 0);
}

CASE(reloaded, "dcbm is unloaded and loaded under load")
{
	int i;

	dcbm_start_zdma(8);
	offload_use("dcbm");
	load = load_start(NULL, 0);
	for (i = 0; i < 2; i++) {
		remove_module("dcbm");
		load_wait(&load, 1);
		probe("dcbm", "enable=Y");
		load_wait(&load, 2);
		EXPECT_GT(dcbm_status("folios_copied"), 0);
	}
}

CASE(in_use, "the driver is not unloaded while it is in use")
{
	dcbm_start_zdma(8);
	offload_use("dcbm");
	load = load_start(NULL, 0);
	EXPECT(try_remove("zynqmp_dma") != 0, "unloaded");
	load_wait(&load, 2);
	EXPECT_GT(dcbm_status("folios_copied"), 0);
}

CASE(unbound, "an engine is unbound from its driver under load, and bound again")
{
	struct dcbm_channel channels[MAX_CHANNELS];
	int i;

	dcbm_start_zdma(8);
	EXPECT_EQ(dcbm_channels(channels, MAX_CHANNELS), 8);
	offload_use("dcbm");
	load = load_start(NULL, 0);
	for (i = 0; i < 2; i++) {
		write_file("/sys/bus/platform/drivers/" ZDMA_DRIVER "/unbind", channels[i].device);
		EXPECT_EQ(dcbm_channels_usable(), 7);
		load_wait(&load, 2);
		write_file("/sys/bus/platform/drivers/" ZDMA_DRIVER "/bind", channels[i].device);
		EXPECT_EQ(dcbm_enable(0), 0);
		EXPECT_EQ(dcbm_enable(1), 0);
		EXPECT_EQ(dcbm_channels_usable(), 8);
		load_wait(&load, 1);
	}
	EXPECT_GT(dcbm_status("folios_copied"), 0);
}

CASES_MAIN
