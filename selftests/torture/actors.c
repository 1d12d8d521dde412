// SPDX-License-Identifier: GPL-2.0
/* The actors: who there is, and their threads. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/case.h"
#include "torture.h"

static struct actor *actors, **last = &actors;
static unsigned int nr_actors;

void actor_register(struct actor *actor)
{
	actor->number = nr_actors++;
	*last = actor;
	last = &actor->next;
}

struct actor *actors_first(void)
{
	return actors;
}

static bool is_among(const char *names, const char *name)
{
	size_t len = strlen(name);

	for (; names; names = strchr(names, ',') ? strchr(names, ',') + 1 : NULL)
		if (!strncmp(names, name, len) && (names[len] == ',' || !names[len]))
			return true;
	return false;
}

void actors_choose(const char *names, bool without)
{
	struct actor **link = &actors;

	while (*link) {
		if (is_among(names, (*link)->name) == without)
			*link = (*link)->next;
		else
			link = &(*link)->next;
	}
}

static uint64_t next(struct dice *dice)
{
	uint64_t x = dice->state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

void dice_init(struct dice *dice, uint64_t seed, unsigned int actor, unsigned int owner)
{
	dice->state = seed ^ (uint64_t)(actor + 1) << 40 ^ (uint64_t)(owner + 1) << 56;
	next(dice);
}

unsigned int roll(struct dice *dice, unsigned int n)
{
	return (next(dice) >> 32) * n >> 32;
}

bool chance(struct dice *dice, unsigned int n)
{
	return !roll(dice, n);
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

bool stopped(void)
{
	return atomic_load_explicit(&shared->stop, memory_order_relaxed);
}

void pause_us(unsigned int us)
{
	for (; us > 100000 && !stopped(); us -= 100000)
		usleep(100000);
	usleep(us % 100000);
}

const char *missing(struct run *run, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(run->text, sizeof(run->text), fmt, args);
	va_end(args);
	return run->text;
}

static pthread_barrier_t all_there;

static void *thread_main(void *arg)
{
	struct run *run = arg;
	const struct actor *actor = run->actor;
	const char *why;
	long effect;

	/* Once it has begun, starting a thread may take as long as everything else. */
	pthread_barrier_wait(&all_there);
	why = actor->setup ? actor->setup(run) : NULL;
	if (why) {
		snprintf(run->count->why, sizeof(run->count->why), "%s", why);
		atomic_fetch_add(&run->count->skipped, 1);
		return NULL;
	}
	while (!stopped()) {
		effect = actor->step(run);
		atomic_fetch_add(&run->count->steps, 1);
		if (effect > 0)
			atomic_fetch_add(&run->count->effect, effect);
		else
			atomic_fetch_add(&run->count->idle, 1);
		if (actor->pause_us)
			pause_us(roll(&run->dice, actor->pause_us));
	}
	if (actor->teardown)
		actor->teardown(run);
	return NULL;
}

void actors_run(enum actor_place place, unsigned int owner)
{
	struct run runs[MAX_ACTORS] = {};
	pthread_t threads[MAX_ACTORS];
	unsigned int nr = 0, i;
	struct actor *actor;

	for (actor = actors; actor; actor = actor->next)
		nr += actor->place == place;
	if (!nr)
		return;
	pthread_barrier_init(&all_there, NULL, nr);
	nr = 0;
	for (actor = actors; actor; actor = actor->next) {
		struct run *run = &runs[nr];

		if (actor->place != place)
			continue;
		REQUIRE(nr < MAX_ACTORS && actor->number < MAX_ACTORS, "too many actors");
		run->actor = actor;
		run->owner = owner;
		run->count = &shared->counts[actor->number];
		dice_init(&run->dice, shared->seed, actor->number, owner);
		REQUIRE(!pthread_create(&threads[nr], NULL, thread_main, run), "thread: %m");
		nr++;
	}
	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
}
