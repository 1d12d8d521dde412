// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "offload.h"
#include "round_trip.h"

#define CHILDREN	3

static struct arena arena;
bool round_trip_may_refuse;

void round_trip_clean_up(void)
{
	if (arena.addr)
		arena_unmap(&arena);
}

static void expect_copied_by(const char *migrator, uint64_t *folios, struct book *book,
			     size_t expected)
{
	uint64_t now = migrator_event(migrator, "folios");

	EXPECT_EQ(book->offered, expected);
	EXPECT_EQ(book->consumed + (round_trip_may_refuse ? book->refused_migrator : 0), expected);
	EXPECT_GT(book->consumed, 0);
	EXPECT_EQ(now - *folios, book->consumed);
	*folios = now;
}

void round_trip(const char *migrator, enum arena_kind kind, size_t bytes)
{
	bool huge = kind == ARENA_ANON_HUGE || kind == ARENA_SHMEM_HUGE;
	size_t folios = bytes / (huge ? HUGE_PAGE : PAGE);
	struct book book;
	uint64_t copied;

	arena = arena_map(kind, bytes, 0);
	if (!huge)
		offload_set("batch_pages", "512");
	offload_use(migrator);
	copied = migrator_event(migrator, "folios");

	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	book = book_close();
	arena_verify(&arena);
	expect_copied_by(migrator, &copied, &book, folios);
	if (huge)
		EXPECT_EQ(arena_huge_pages(&arena), folios);

	arena_fill(&arena, 7);
	book_open();
	EXPECT_EQ(arena_move(&arena, 0), arena_pages(&arena));
	book = book_close();
	arena_verify(&arena);
	expect_copied_by(migrator, &copied, &book, folios);
}

void round_trip_forked(const char *migrator, enum arena_kind kind, size_t bytes)
{
	int go[2], status, i;
	struct book book;
	uint64_t copied;
	pid_t pids[CHILDREN];
	char c;

	arena = arena_map(kind, bytes, 0);
	REQUIRE(!pipe(go), "pipe: %m");
	fflush(NULL);
	for (i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		REQUIRE(pids[i] >= 0, "fork: %m");
		if (pids[i])
			continue;
		close(go[1]);
		if (read(go[0], &c, 1) < 0)
			_exit(2);
		_exit(arena_wrong_pages(&arena) ? 1 : 0);
	}
	close(go[0]);

	offload_use(migrator);
	copied = migrator_event(migrator, "folios");
	book_open();
	EXPECT_EQ(arena_move(&arena, 1), arena_pages(&arena));
	book = book_close();
	if (kind == ARENA_ANON)
		expect_copied_by(migrator, &copied, &book, arena_pages(&arena));
	else
		EXPECT_GT(book.consumed, 0);
	arena_verify(&arena);
	close(go[1]);
	for (i = 0; i < CHILDREN; i++) {
		REQUIRE(waitpid(pids[i], &status, 0) == pids[i], "waitpid: %m");
		EXPECT(WIFEXITED(status) && !WEXITSTATUS(status),
		       "child %d saw wrong bytes (status %#x)", i, status);
	}
}
