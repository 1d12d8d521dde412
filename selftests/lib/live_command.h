/* SPDX-License-Identifier: GPL-2.0 */
/* Between the two sides of live memory. */
#ifndef SELFTESTS_LIVE_COMMAND_H
#define SELFTESTS_LIVE_COMMAND_H

#include "live_memory.h"

enum live_command {
	LIVE_RUN,
	LIVE_VERIFY,
	LIVE_QUIT,
};

/* Of struct live_shared and the generations, in whole pages. */
static inline size_t live_map_bytes(size_t bytes)
{
	size_t size = sizeof(struct live_shared) + bytes / LIVE_CHUNK * sizeof(uint32_t);

	return (size + 4095) & ~(size_t)4095;
}

#endif /* SELFTESTS_LIVE_COMMAND_H */
