#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The ground the other tests stand on: two memory nodes, the debug kernel's checkers, the
# file systems, BTF and modules.
set -u

n=0
result() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

has_config() {
	zcat /proc/config.gz | grep -qx "CONFIG_$1=[ym]"
}

echo TAP version 13
echo 1..7

[ "$(cat /sys/devices/system/node/has_memory)" = 0-1 ]
result $? "two nodes have memory"

[ "$(cat /sys/devices/system/node/has_cpu)" = 0-1 ]
result $? "two nodes have CPUs"

stat -f -c %T /sys/fs/cgroup | grep -qx cgroup2fs && grep -qw memory /sys/fs/cgroup/cgroup.subtree_control
result $? "cgroup v2 with the memory controller"

[ -s /sys/kernel/btf/vmlinux ] && [ -d /sys/kernel/tracing/events/migrate ]
result $? "BTF and tracepoints"

if [ "${FLAVOUR:-}" = debug ]; then
	# kernel/config/debug-arm64 says why KASAN is not there.
	missing=$(for symbol in $([ "$(uname -m)" = aarch64 ] || echo KASAN) PROVE_LOCKING DMA_API_DEBUG DEBUG_ATOMIC_SLEEP DEBUG_VM; do
		has_config "$symbol" || echo "$symbol"
	done)
	[ -z "$missing" ]
	result $? "the debug kernel has its checkers${missing:+, but not: $missing}"
else
	n=$((n + 1))
	echo "ok $n - checkers # SKIP flavour ${FLAVOUR:-unknown}"
fi

modprobe dmatest && modprobe -r dmatest
result $? "modules load and unload"

touch /var/tmp/vm-ground && [ ! -w /run/vm/../../host ]
result $? "the root is writable and the host's is not"

[ $n = 7 ]
