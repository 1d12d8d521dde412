#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 300
#
# What README.md tells to type where it shows how policies are loaded, looked at, tuned and
# unloaded, with mgx and with bpftool: each line as it stands, in one shell, one after the other.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/offload.sh
. selftests/lib/tap.sh

work=$(mktemp -d)
path=$PATH
trap cleanup EXIT

cleanup() {
	PATH=$PWD/build:$path
	for name in default latency shared; do mgx unload "$name"; done >/dev/null 2>&1
	rm -f /sys/fs/bpf/migrate/*
	mgx migrator disable dcbm >/dev/null 2>&1
	rm -rf /run/mgx-held
	offload_as_booted
	modprobe -r dcbm dmasim
	rmdir /sys/fs/cgroup/web /sys/fs/cgroup/batch
	rm -rf "$work"
}

# The lines that are indented by four, from the first one with the words on.
from() { # WORDS
	awk -v words="$1" '!on && index($0, words) { on = 1 }
		on && /^##/ { exit } on && /^    / { print substr($0, 5) }' README.md
}

modprobe -r dcbm dmasim 2>/dev/null
from 'In a VM of ours' >"$work/lines"
mapfile -t lines <"$work/lines"
plan $((${#lines[@]} + 2))
grep -q '^mgx load ' "$work/lines" && grep -q '^bpftool struct_ops register ' "$work/lines"
point $? 'README.md has lines to type' "$work/lines"
for line in "${lines[@]}"; do
	eval "$line" >"$work/out" 2>"$work/err"
	point $? "$line"
done
! mgx list 2>&1 | grep -q '^default '
point $? 'and what was unloaded and removed is gone'
exit $failed
