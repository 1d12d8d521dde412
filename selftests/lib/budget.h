/* SPDX-License-Identifier: GPL-2.0 */
/* The accounts and weights of cgroup_budget, which is the policy of shipped.h. */
#ifndef SELFTESTS_BUDGET_H
#define SELFTESTS_BUDGET_H

#include <stdint.h>

#define MS		1000000ULL

/* As in cgroup_budget.bpf.c. */
struct account {
	uint64_t used, standing, pending, waited, asked, span, near;
	uint32_t weight, refused;
};

void budget_write(uint64_t id, struct account account);
/* All 0 when there is none. */
struct account budget_read(uint64_t id);
void budget_weight(uint64_t id, uint32_t weight);
/* The clock of `waited`. */
uint64_t budget_now(void);

#endif /* SELFTESTS_BUDGET_H */
