// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "load.h"
#include "policy.h"

#define ARENAS	3

static struct arena arenas[ARENAS];
static struct load_state *state;

/* The word that the writer writes in each page. */
#define WORD	16

static volatile uint64_t *word(const struct arena *arena, size_t page)
{
	return (void *)(arena->addr + page * PAGE + WORD);
}

static void *writer(void *unused)
{
	uint64_t round = 0;
	size_t i, page;

	(void)unused;
	/* A page's word is its own pattern plus the number of the pass. */
	while (!atomic_load_explicit(&state->stop, memory_order_relaxed)) {
		for (i = 0; i < ARENAS; i++) {
			for (page = 0; page < arena_pages(&arenas[i]); page++) {
				volatile uint64_t *w = word(&arenas[i], page);
				uint64_t own = arena_word(&arenas[i], page * PAGE + WORD);

				if (*w != own + round)
					atomic_fetch_add(&state->lost, 1);
				*w = own + round + 1;
			}
		}
		round++;
		atomic_store(&state->passes, round);
	}
	for (i = 0; i < ARENAS; i++) {
		for (page = 0; page < arena_pages(&arenas[i]); page++) {
			volatile uint64_t *w = word(&arenas[i], page);

			if (*w != arena_word(&arenas[i], page * PAGE + WORD) + round)
				atomic_fetch_add(&state->lost, 1);
			*w = arena_word(&arenas[i], page * PAGE + WORD);
		}
	}
	return NULL;
}

static int run(const char *cgroup, int leave)
{
	pthread_t thread;
	size_t i, wrong = 0;
	int to = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (cgroup)
		cgroup_enter(cgroup);
	arenas[0] = arena_map(ARENA_ANON, 1 * MiB, 0);
	arenas[1] = arena_map(ARENA_ANON_HUGE, 2 * HUGE_PAGE, 0);
	arenas[2] = arena_map(ARENA_SHMEM, 128 * PAGE, 0);
	if (leave)
		cgroup_enter("");
	if (pthread_create(&thread, NULL, writer, NULL))
		return 1;
	while (!atomic_load(&state->stop)) {
		for (i = 0; i < ARENAS; i++)
			arena_move(&arenas[i], to);
		to = 1 - to;
		atomic_fetch_add(&state->moves, 1);
	}
	pthread_join(thread, NULL);
	for (i = 0; i < ARENAS; i++)
		wrong += arena_wrong_pages(&arenas[i]);
	return wrong ? 1 : 0;
}

struct load load_start(const char *cgroup, int leave)
{
	struct load load;
	int ret;

	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(state != MAP_FAILED, "mmap: %m");
	load.state = state;
	fflush(NULL);
	load.pid = fork();
	REQUIRE(load.pid >= 0, "fork: %m");
	if (!load.pid) {
		ret = run(cgroup, leave);
		fflush(NULL);
		_exit(ret);
	}
	load_wait(&load, 1);
	return load;
}

static bool ended(const struct load *load)
{
	siginfo_t info = {};

	return waitid(P_PID, load->pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

void load_wait(const struct load *load, unsigned int moves)
{
	unsigned long long until = atomic_load(&load->state->moves) + moves;

	while (atomic_load(&load->state->moves) < until) {
		REQUIRE(!ended(load), "the process that moves memory has ended");
		usleep(1000);
	}
}

void load_stop(struct load *load)
{
	unsigned long long lost;
	int status;

	atomic_store(&load->state->stop, 1);
	REQUIRE(waitpid(load->pid, &status, 0) == load->pid, "waitpid: %m");
	EXPECT(WIFEXITED(status) && !WEXITSTATUS(status), "wrong bytes (status %#x)", status);
	lost = atomic_load(&load->state->lost);
	EXPECT_EQ(lost, 0);
	case_note("%llu moves, %llu passes of the writer", atomic_load(&load->state->moves),
		  atomic_load(&load->state->passes));
	munmap(load->state, sizeof(*load->state));
	load->pid = 0;
}
