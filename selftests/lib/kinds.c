// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>

#include "case.h"
#include "kinds.h"
#include "shipped.h"

void kind_write(uint32_t index, struct kind kind)
{
	REQUIRE(!bpf_map_update_elem(shipped_map("kinds"), &index, &kind, BPF_ANY), "kinds: %m");
}

struct kind kind_read(uint32_t index)
{
	struct kind kind;

	REQUIRE(!bpf_map_lookup_elem(shipped_map("kinds"), &index, &kind), "kinds: %m");
	return kind;
}
