#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 400
#
# mgx tune of a policy that bpftool has loaded and whose object is not there any more; one
# tune at a time; several knobs that change together.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh

mgx=build/mgx
bpftool=build/tools/bpftool
offload=/sys/kernel/mm/migrate_offload
work=$(mktemp -d)
trap cleanup EXIT

cleanup() {
	local pid
	for pid in $(jobs -p); do kill "$pid"; done 2>/dev/null
	wait
	$mgx unload willing >/dev/null 2>&1
	rmdir /sys/fs/cgroup/mgx_tune 2>/dev/null
	rm -f /sys/fs/bpf/mgx_tune/*
	rmdir /sys/fs/bpf/mgx_tune
	rm -rf "$work"
}

plan 13

tune() {
	$mgx -j tune "$@" >"$work/out" 2>"$work/err"
}

# The value of a knob of the policy.
knob() {
	$mgx -j tune by_reason "$1" | sed -E 's/.*"value":"?([^",]*)"?,.*/\1/'
}

cp build/bpf/by_reason.bpf.o "$work/"
mkdir -p /sys/fs/bpf/mgx_tune /sys/fs/cgroup/mgx_tune
$bpftool struct_ops register "$work/by_reason.bpf.o" /sys/fs/bpf/mgx_tune >"$work/out" 2>"$work/err"
point $? 'bpftool loads a policy'
rm "$work/by_reason.bpf.o"

tune by_reason && grep -q '"knob":"min_order".*"max":20.*"write":"store"' "$work/out"
point $? 'its knobs are listed, with their ranges, though its object has gone'
tune by_reason min_order=3 engine=mtcopy && [ "$(knob min_order) $(knob engine)" = '3 mtcopy' ]
point $? 'and set'
tune by_reason min_bytes=8K min_order=21
[ $? = 6 ] && [ "$(knob min_bytes)" = 65536 ]
point $? 'one that is out of range keeps the others from being set'

# Nobody else changes anything meanwhile.
exec 9>/run/mgx.lock
flock -x 9
$mgx tune by_reason min_bytes=16K min_order=4 >"$work/out" 2>"$work/err" 9>&- &
tuner=$!
await grep -q 'another mgx is at work' "$work/err"
point $? 'a tune waits for the one before it, and says so'
[ "$(knob min_bytes) $(knob min_order)" = '65536 3' ]
point $? 'and has changed nothing by then; reading does not wait'
exec 9>&-
wait $tuner && [ "$(knob min_bytes) $(knob min_order)" = '16384 4' ]
point $? 'then it is done'

# Several at once: a new instance, in which the other knobs are as they were.
link=$($mgx -j list | sed -E 's/.*"link_id":([0-9]+).*/\1/')
map=$(cat $offload/policies/1/map_id)
tune --object build/bpf/by_reason.bpf.o by_reason min_bytes=32K min_order=5 reasons=demotion
point $? 'knobs that change together'
[ "$(cat $offload/policies/1/map_id)" != "$map" ] && [ "$($mgx -j list | sed -E 's/.*"link_id":([0-9]+).*/\1/')" = "$link" ]
point $? 'come as a new instance, by the same link'
grep -q '"knob":"engine","value":"mtcopy"' "$work/out" && grep -q '"knob":"min_bytes","value":32768' "$work/out" &&
	grep -q '"knob":"min_order","value":5' "$work/out"
point $? 'with the others as they were'
map=$(cat $offload/policies/1/map_id)
tune --object build/bpf/latency.bpf.o by_reason min_order=6
[ $? = 7 ] && [ "$(cat $offload/policies/1/map_id)" = "$map" ]
point $? 'but not from another object'

# Of several policies in an object, that which runs.
$mgx load --name willing build/selftests/refuser.bpf.o --cgroup /mgx_tune >"$work/out" 2>"$work/err" &&
	tune --object build/selftests/refuser.bpf.o willing tuned=5 && grep -q '"knob":"tuned","value":5' "$work/out"
point $? 'an object with several policies: the one that runs is taken'
map=$(cat $offload/policies/1/map_id)
tune --object build/selftests/refuser.bpf.o by_reason min_order=6
[ $? = 5 ] && grep -q 'none of its 2 policies .*; give the object' "$work/err" && [ "$(cat $offload/policies/1/map_id)" = "$map" ]
point $? 'and none that is called otherwise'
exit $failed
