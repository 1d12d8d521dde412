/* SPDX-License-Identifier: GPL-2.0 */
/* DCBM over the emulated engine, or over the engines of the arm64 board, as a test sees them. */
#ifndef SELFTESTS_DCBM_H
#define SELFTESTS_DCBM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Both modules fresh, the engine with these parameters; dcbm is on. A descriptor is one
 * copy, unless they have sg_max in them.
 */
void dcbm_start(const char *dmasim_params);
/* The driver in Linux for the engines of the arm64 board: eight devices of a channel each. */
#define ZDMA_DRIVER	"xilinx-zynqmp-dma"
/* The same with at most so many of these. */
void dcbm_start_zdma(unsigned int channels);
/* 0 or -errno */
int dcbm_enable(int on);
/* Off, and the modules unloaded. */
void dcbm_stop(void);
/* A line of dcbm's status. */
uint64_t dcbm_status(const char *name);
void dcbm_set(const char *parameter, const char *value);
/* A knob of the engine, and a counter of it, over all channels. */
void dmasim_set(const char *parameter, unsigned int value);
uint64_t dmasim_count(const char *name);
/* The same of one channel of one device. */
uint64_t dmasim_chan_count(unsigned int device, unsigned int chan, const char *name);
/* Of the engine's channels, how many have a counter that is not 0. */
unsigned int dmasim_chans_with(const char *name);
/* Did a descriptor whose destination has this page in it fail by one of the named faults? */
bool dmasim_failed(uint64_t frame, const char *faults);

/* A line of dcbm's channels. */
struct dcbm_channel {
	char name[32], device[32], provider[32], state[16];
	int node;
	uint64_t jobs, descriptors, bytes;
};

/* Their number; the list is filled with the first @max of them. */
size_t dcbm_channels(struct dcbm_channel *list, size_t max);
/* How many are idle or busy, whichever of the two: by one look, for they change between two. */
size_t dcbm_channels_usable(void);
/* The name of the @n-th one in this state. */
void dcbm_channel_in(const char *state, size_t n, char name[32]);
/* Waits until as many are in this state, for a minute and more; then the case ends. */
void dcbm_wait_channels(const char *state, uint64_t nr);
/* Writes to a parameter of dcbm; 0 or -errno. */
int dcbm_try_set(const char *parameter, const char *value);

/* A page of a lost pair. */
struct grave {
	char channel[32], side[16];
	uint64_t frame;
	unsigned int order;
	uint64_t offset, bytes;
	long long since;
};

size_t dcbm_graveyard(struct grave *list, size_t max);

#endif /* SELFTESTS_DCBM_H */
