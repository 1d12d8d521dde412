#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# host
#
# The scan of kernel logs, on which the judgement of every test rests: it sees each kind of
# splat, passes a clean log, and fails when it has nothing to look at.
set -u

scan=$(dirname "$0")/../vm/scan-log
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0
result() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}
refuses() {
	! "$scan" "$@" >/dev/null 2>&1
}

splats=(
	'BUG: sleeping function called from invalid context at mm/x.c:1'
	'BUG: KASAN: use-after-free in x+0x1/0x2'
	'WARNING: CPU: 0 PID: 1 at mm/x.c:1 x+0x1/0x2'
	'WARNING: possible circular locking dependency detected'
	'INFO: task x:1 blocked for more than 60 seconds.'
	'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:'
	'DMA-API: platform dmasim.0: device driver frees DMA memory with different size'
	'BUG: Bad page state in process x  pfn:1'
)

echo TAP version 13
echo "1..$((${#splats[@]} + 2))"
for splat in "${splats[@]}"; do
	echo "[    1.000000] $splat" >"$dir/log"
	refuses --part "$dir/log"
	result $? "a splat is seen: $splat"
done
echo "[    1.000000] an ordinary line" >"$dir/log"
"$scan" --part "$dir/log" >/dev/null 2>&1
result $? "an ordinary line is none"
refuses "$dir/log" && refuses "$dir/none" && : >"$dir/log" && refuses "$dir/log"
result $? "a log without its beginning, a missing and an empty log are failures"
