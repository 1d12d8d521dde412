/* SPDX-License-Identifier: GPL-2.0 */
/* What adaptive, which is the policy of shipped.h, knows of each kind of group. */
#ifndef SELFTESTS_KINDS_H
#define SELFTESTS_KINDS_H

#include <stdint.h>

/* As in adaptive.bpf.c. */
struct kind {
	uint64_t cost[4], engine_part, cpu_part, submit, measured[4], tried[4], spent, groups,
		 last_try;
	uint32_t times[4];
};

/* See kind_of() there: by enum migrate_reason, and classes of folios and of groups. */
#define KIND_INDEX(reason, folios, group)	(((reason) * 4 + (folios)) * 8 + (group))

void kind_write(uint32_t index, struct kind kind);
struct kind kind_read(uint32_t index);

#endif /* SELFTESTS_KINDS_H */
