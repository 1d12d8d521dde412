// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <string.h>
#include <time.h>

#include "budget.h"
#include "case.h"
#include "shipped.h"

void budget_write(uint64_t id, struct account account)
{
	REQUIRE(!bpf_map_update_elem(shipped_map("accounts"), &id, &account, BPF_ANY),
		"accounts: %m");
}

struct account budget_read(uint64_t id)
{
	struct account account = {};

	if (bpf_map_lookup_elem(shipped_map("accounts"), &id, &account))
		memset(&account, 0, sizeof(account));
	return account;
}

void budget_weight(uint64_t id, uint32_t weight)
{
	REQUIRE(!bpf_map_update_elem(shipped_map("weights"), &id, &weight, BPF_ANY),
		"weights: %m");
}

uint64_t budget_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 * MS + time.tv_nsec;
}
