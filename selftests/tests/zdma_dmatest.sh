#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: arm64
#
# dmatest, of Linux itself, on every channel of the board's engines: whatever is found later
# with them at work is not the driver's or the emulator's fault.
set -u

iterations=50
n=0
result() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

channels() {
	local chan
	for chan in /sys/class/dma/*; do
		[ "$(basename "$(readlink "$chan/device/driver")")" != xilinx-zynqmp-dma ] || echo "${chan##*/}"
	done
}

echo TAP version 13
modprobe zynqmp_dma
mapfile -t all < <(channels)
echo 1..$((${#all[@]} + 2))
[ ${#all[@]} = 8 ]
result $? "the board has eight engines, of a channel each: ${all[*]}"

marker="zdma_dmatest begins at $EPOCHREALTIME"
echo "$marker" >/dev/kmsg
modprobe dmatest iterations=$iterations timeout=20000 run=1
cat /sys/module/dmatest/parameters/wait >/dev/null
modprobe -r dmatest
log=$(dmesg | sed -n "/$marker/,\$p" | grep 'dmatest:')
for chan in "${all[@]}"; do
	grep -qE "dmatest: $chan-copy[0-9]+: summary $iterations tests, 0 failures" <<<"$log"
	result $? "$chan: $iterations copies and no failure"
done
# The pattern of a buffer that was not copied, or not to its end, is reported one by one.
! grep -E 'result #|error|failed' <<<"$log" | sed 's/^/# /' | grep .
result $? "dmatest has no complaint"
modprobe -r zynqmp_dma
