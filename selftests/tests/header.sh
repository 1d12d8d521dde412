#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# host
# timeout: 120
#
# The author's headers: each stands alone, common.bpf.h brings all of them, orders are
# counted right, and what user space reads is laid out there as it is in a policy.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
headers=(include/migrate_ext/*.h)
bpf=(clang-19 -g -O2 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror -target bpf -mcpu=v3
	-D__TARGET_ARCH_x86 -Iinclude -Ibuild/include -Ibuild/tools/include -c -o "$work/o" -x c -)

point_shows=("$work/err")
plan "$((${#headers[@]} + 3))"

for header in "${headers[@]}"; do
	name=${header#include/}
	# Those that user space has, too, leave the types to whoever includes them.
	case $name in
	*.bpf.h) : ;;
	*) echo '#include <migrate_ext/types.bpf.h>' ;;
	esac >"$work/c"
	echo "#include <$name>" >>"$work/c"
	"${bpf[@]}" <"$work/c" 2>"$work/err"
	point $? "$name stands alone"
done

for header in "${headers[@]}"; do
	case $header in */common.bpf.h) continue ;; esac
	sed -nE 's/^#ifndef (_MIGRATE_EXT_[A-Z_]+_H)$/#ifndef \1\n#error \1\n#endif/p' "$header"
done | { echo '#include <migrate_ext/common.bpf.h>'; cat; } >"$work/c"
"${bpf[@]}" <"$work/c" 2>"$work/err"
point $? 'common.bpf.h brings every one of them'

# No kernel is needed for arithmetic.
cat >"$work/orders.c" <<'C'
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#define _MIGRATE_EXT_TYPES_BPF_H
typedef uint32_t u32;
typedef uint64_t u64;
#include <migrate_ext/orders.bpf.h>

int main(void)
{
	u32 low, high, order;

	for (low = 0; low <= MIGRATE_EXT_MAX_ORDER; low++) {
		for (high = low; high <= MIGRATE_EXT_MAX_ORDER; high++) {
			/* Nothing between the two, and everything. */
			u64 few = 1ULL << low | 1ULL << high;
			u64 all = (2ULL << high) - (1ULL << low);

			if (orders_lowest(few) != low || orders_highest(few) != high ||
			    orders_lowest(all) != low || orders_highest(all) != high)
				return printf("%u to %u\n", low, high), 1;
			for (order = 0; order <= MIGRATE_EXT_MAX_ORDER; order++)
				if (orders_at_least(all, order) != (order <= low))
					return printf("%u to %u at least %u\n", low, high, order), 1;
		}
	}
	if (orders_lowest(0) != MIGRATE_EXT_MAX_ORDER || orders_highest(0))
		return printf("none\n"), 1;
	return 0;
}
C
gcc -Wall -Wextra -Werror -Iinclude -o "$work/orders" "$work/orders.c" 2>"$work/err" && "$work/orders" >"$work/err"
point $? 'orders: the lowest, the highest, at least'

cat >"$work/layout.h" <<'C'
_Static_assert(sizeof(struct migrate_ext_results_key) == 24, "key");
_Static_assert(sizeof(struct migrate_ext_results) == 88, "results");
_Static_assert(sizeof(struct migrate_ext_exit_record) == 176, "record");
_Static_assert(__builtin_offsetof(struct migrate_ext_exit_record, msg) == 48, "msg");
C
printf '#include <migrate_ext/results.h>\n#include <migrate_ext/exit_record.h>\n' | cat - "$work/layout.h" >"$work/c"
gcc -Wall -Werror -Iinclude -c -o "$work/o" -x c "$work/c" 2>"$work/err" &&
	{ echo '#include <migrate_ext/common.bpf.h>'; cat "$work/layout.h"; } | "${bpf[@]}" 2>"$work/err"
point $? 'what user space reads is laid out as in a policy'
exit $failed
