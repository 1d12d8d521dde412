// SPDX-License-Identifier: GPL-2.0
/* After a program has answered, and before the kernel looks at the answer: a while. */
#include <migrate_ext/types.bpf.h>

#define MS	1000000ULL

char LICENSE[] SEC("license") = "GPL";

static long is_early(u32 unused, u64 *until)
{
	return bpf_ktime_get_ns() >= *until;
}

SEC("fexit")
int BPF_PROG(dawdle)
{
	u64 until = bpf_ktime_get_ns() + 20 * MS;

	bpf_loop(1 << 23, is_early, &until, 0);
	return 0;
}
