// SPDX-License-Identifier: GPL-2.0
/* Live memory, the owner's side: writes, compares, and says what is wrong. */
#define _GNU_SOURCE
#include <errno.h>
#include <numaif.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#include "live_command.h"
#include "live_memory.h"
#include "live_pattern.h"

#define WORDS	(LIVE_CHUNK / sizeof(uint64_t))

/* Chunks of a window, and how often each is written before the next window. */
#define WINDOW	32
#define PASSES	16

struct owner {
	struct live_shared *shared;
	unsigned int number;
	bool huge;
	int nid;
	char *memory;
	size_t chunks;
};

static void __attribute__((noreturn, format(printf, 2, 3)))
give_up(struct owner *owner, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(owner->shared->error, sizeof(owner->shared->error), fmt, args);
	va_end(args);
	__atomic_store_n(&owner->shared->state, LIVE_FAILED, __ATOMIC_RELEASE);
	exit(1);
}

static volatile uint64_t *chunk_words(struct owner *owner, size_t chunk)
{
	return (volatile uint64_t *)(owner->memory + chunk * LIVE_CHUNK);
}

static struct live_key chunk_key(struct owner *owner, size_t chunk)
{
	return (struct live_key){
		.owner = owner->number, .chunk = chunk,
		.generation = owner->shared->generation[chunk],
	};
}

/* The generation is known before the first of its words can be seen. */
static void chunk_write(struct owner *owner, size_t chunk)
{
	volatile uint64_t *words = chunk_words(owner, chunk);
	struct live_key key;
	uint64_t word;
	size_t i;

	owner->shared->generation[chunk]++;
	key = chunk_key(owner, chunk);
	word = live_first_word(&key);
	for (i = 0; i < WORDS; i++, word += LIVE_STEP)
		words[i] = word;
	owner->shared->writes++;
}

static enum live_wrong_kind wrong_kind(const struct live_wrong *wrong, size_t older)
{
	if (wrong->words == WORDS && older == WORDS)
		return LIVE_STALE;
	if (older == wrong->words)
		return LIVE_TORN;
	return LIVE_FOREIGN;
}

static void chunk_is_wrong(struct owner *owner, size_t chunk, bool final)
{
	volatile uint64_t *words = chunk_words(owner, chunk);
	struct live_key key = chunk_key(owner, chunk);
	uint64_t expected = live_first_word(&key);
	struct live_wrong wrong = { .generation = key.generation, .final = final };
	size_t i, older = 0;

	for (i = 0; i < WORDS; i++, expected += LIVE_STEP) {
		uint64_t got = words[i];
		struct live_key from = live_key_of(got, i);

		if (got == expected)
			continue;
		older += from.owner == key.owner && from.chunk == key.chunk &&
			 from.generation < key.generation;
		if (wrong.words++)
			continue;
		wrong.address = (uintptr_t)&words[i];
		wrong.expected = expected;
		wrong.got = got;
		wrong.got_owner = from.owner;
		wrong.got_chunk = from.chunk;
		wrong.got_generation = from.generation;
	}
	wrong.kind = wrong_kind(&wrong, older);
	if (owner->shared->wrong < LIVE_MAX_WRONG)
		owner->shared->first[owner->shared->wrong] = wrong;
	owner->shared->wrong++;
}

static void chunk_compare(struct owner *owner, size_t chunk, bool final)
{
	volatile uint64_t *words = chunk_words(owner, chunk);
	struct live_key key = chunk_key(owner, chunk);
	uint64_t expected = live_first_word(&key), differ = 0;
	size_t i;

	for (i = 0; i < WORDS; i++, expected += LIVE_STEP)
		differ |= words[i] ^ expected;
	if (differ)
		chunk_is_wrong(owner, chunk, final);
}

/* By smaps: how much of the memory is mapped by PMDs. */
static size_t huge_bytes(struct owner *owner)
{
	unsigned long begin, end, kib, sum = 0;
	uintptr_t memory = (uintptr_t)owner->memory;
	FILE *file = fopen("/proc/self/smaps", "re");
	char line[512];
	bool ours = false;

	if (!file)
		give_up(owner, "/proc/self/smaps: %s", strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			ours = begin >= memory && end <= memory + owner->shared->bytes;
		else if (ours && sscanf(line, "AnonHugePages: %lu kB", &kib) == 1)
			sum += kib;
	}
	fclose(file);
	return sum * 1024;
}

/* Aligned to 2 MiB, on the wanted node, every chunk in its first generation. */
static void memory_make(struct owner *owner)
{
	unsigned long mask = 1UL << owner->nid;
	size_t bytes = owner->shared->bytes, i;
	uintptr_t map;

	map = (uintptr_t)mmap(NULL, bytes + LIVE_HUGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == (uintptr_t)MAP_FAILED)
		give_up(owner, "mmap of %zu bytes: %s", bytes, strerror(errno));
	owner->memory = (char *)((map + LIVE_HUGE - 1) & -LIVE_HUGE);
	if (madvise(owner->memory, bytes, owner->huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		give_up(owner, "madvise: %s", strerror(errno));
	if (set_mempolicy(MPOL_BIND, &mask, 8 * sizeof(mask)))
		give_up(owner, "set_mempolicy to node %d: %s", owner->nid, strerror(errno));
	for (i = 0; i < owner->chunks; i++)
		chunk_write(owner, i);
	if (set_mempolicy(MPOL_DEFAULT, NULL, 0))
		give_up(owner, "set_mempolicy: %s", strerror(errno));
	owner->shared->address = (uintptr_t)owner->memory;
	owner->shared->huge_bytes = huge_bytes(owner);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static bool may_go_on(struct owner *owner)
{
	return __atomic_load_n(&owner->shared->command, __ATOMIC_ACQUIRE) == LIVE_RUN;
}

/* The first chunk of the next window. */
static size_t next_window(struct owner *owner, uint64_t *random)
{
	uint64_t hot = __atomic_load_n(&owner->shared->hot, __ATOMIC_RELAXED);
	size_t first = hot >> 32, chunks = (uint32_t)hot, at;
	uint64_t draw = next_random(random);

	if (!chunks || draw >> 62 == 0) {
		first = 0;
		chunks = owner->chunks;
	}
	at = first + draw % chunks;
	return at + WINDOW > owner->chunks ? owner->chunks - WINDOW : at;
}

static void keep_writing(struct owner *owner)
{
	uint64_t random = LIVE_STEP * owner->number;
	size_t first, chunk;
	int pass;

	while (may_go_on(owner)) {
		first = next_window(owner, &random);
		for (pass = 0; pass < PASSES; pass++) {
			for (chunk = first; chunk < first + WINDOW && may_go_on(owner); chunk++) {
				chunk_compare(owner, chunk, false);
				owner->shared->compared++;
				chunk_write(owner, chunk);
			}
		}
	}
}

static void compare_all(struct owner *owner)
{
	size_t chunk;

	owner->shared->verified = 0;
	for (chunk = 0; chunk < owner->chunks; chunk++) {
		chunk_compare(owner, chunk, true);
		owner->shared->verified += LIVE_CHUNK;
	}
	owner->shared->huge_bytes_end = huge_bytes(owner);
}

static void owner_run(struct owner *owner)
{
	struct live_shared *shared = owner->shared;

	memory_make(owner);
	for (;;) {
		switch (__atomic_load_n(&shared->command, __ATOMIC_ACQUIRE)) {
		case LIVE_RUN:
			__atomic_store_n(&shared->state, LIVE_RUNNING, __ATOMIC_RELEASE);
			keep_writing(owner);
			break;
		case LIVE_VERIFY:
			if (shared->state != LIVE_VERIFIED)
				compare_all(owner);
			__atomic_store_n(&shared->state, LIVE_VERIFIED, __ATOMIC_RELEASE);
			usleep(1000);
			break;
		case LIVE_QUIT:
			exit(0);
		}
	}
}

/* --live-owner NUMBER BYTES HUGE NODE FD */
void live_owner_main(int argc, char **argv)
{
	struct owner owner = {};
	size_t bytes;

	if (argc != 7 || strcmp(argv[1], LIVE_OWNER_ARG))
		return;
	/* Whoever started us may die without a word. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	owner.number = atoi(argv[2]);
	bytes = strtoull(argv[3], NULL, 0);
	owner.huge = atoi(argv[4]);
	owner.nid = atoi(argv[5]);
	owner.chunks = bytes / LIVE_CHUNK;
	owner.shared = mmap(NULL, live_map_bytes(bytes), PROT_READ | PROT_WRITE,
			    MAP_SHARED, atoi(argv[6]), 0);
	if (owner.shared == MAP_FAILED)
		exit(1);
	owner.shared->bytes = bytes;
	owner_run(&owner);
}
