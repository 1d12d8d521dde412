/* SPDX-License-Identifier: GPL-2.0 */
/* DCBM over the emulated engine, as a test sees them. */
#ifndef SELFTESTS_DCBM_H
#define SELFTESTS_DCBM_H

#include <stdint.h>

/* Both modules fresh, the engine with these parameters; dcbm is on. */
void dcbm_start(const char *dmasim_params);
/* 0 or -errno */
int dcbm_enable(int on);
/* Off, and both modules unloaded. */
void dcbm_stop(void);
/* A line of dcbm's status. */
uint64_t dcbm_status(const char *name);
void dcbm_set(const char *parameter, const char *value);
/* A knob of the engine, and a counter of it, over all channels. */
void dmasim_set(const char *parameter, unsigned int value);
uint64_t dmasim_count(const char *name);

#endif /* SELFTESTS_DCBM_H */
