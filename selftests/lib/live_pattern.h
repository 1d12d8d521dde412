/* SPDX-License-Identifier: GPL-2.0 */
/* The words that live memory is made of, and what made a given word. */
#ifndef SELFTESTS_LIVE_PATTERN_H
#define SELFTESTS_LIVE_PATTERN_H

#include <stdint.h>

#define LIVE_STEP	0x9e3779b97f4a7c15ULL
#define LIVE_MUL_1	0xd6e8feb86659fd93ULL
#define LIVE_MUL_2	0xcaf649a9b2c5b1f5ULL

struct live_key {
	uint32_t owner;		/* 1..255 */
	uint32_t chunk;		/* below 2^24 */
	uint32_t generation;
};

static inline uint64_t live_mix(uint64_t x)
{
	x ^= x >> 32;
	x *= LIVE_MUL_1;
	x ^= x >> 29;
	x *= LIVE_MUL_2;
	x ^= x >> 32;
	return x;
}

/* The x with x * odd = 1: each step doubles the number of right bits. */
static inline uint64_t live_inverse(uint64_t odd)
{
	uint64_t x = odd;
	int i;

	for (i = 0; i < 5; i++)
		x *= 2 - odd * x;
	return x;
}

static inline uint64_t live_unmix(uint64_t x)
{
	x ^= x >> 32;
	x *= live_inverse(LIVE_MUL_2);
	x ^= (x >> 29) ^ (x >> 58);
	x *= live_inverse(LIVE_MUL_1);
	x ^= x >> 32;
	return x;
}

/* Word i of a chunk is the first one plus i * LIVE_STEP. */
static inline uint64_t live_first_word(const struct live_key *key)
{
	return live_mix((uint64_t)key->owner << 56 | (uint64_t)key->chunk << 32 |
			key->generation);
}

static inline struct live_key live_key_of(uint64_t word, unsigned int i)
{
	uint64_t x = live_unmix(word - i * LIVE_STEP);

	return (struct live_key){
		.owner = x >> 56, .chunk = x >> 32 & 0xffffff, .generation = x,
	};
}

#endif /* SELFTESTS_LIVE_PATTERN_H */
