#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 400
#
# mgx bench: every kind of group is measured or said to be left out, the proposal has knobs
# that rules takes, and nothing is left behind or otherwise than before, also when it is
# interrupted or killed. No time is judged.
# Variables of perl stand in quotes, on purpose.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh

mgx=build/mgx
offload=/sys/kernel/mm/migrate_offload
root=/sys/fs/cgroup
work=$(mktemp -d)
trap cleanup EXIT

cleanup() {
	local pid
	for pid in $(jobs -p); do kill -9 "$pid"; done 2>/dev/null
	wait
	$mgx unload tiers >/dev/null 2>&1
	rmdir "$root"/mgx_bench.* 2>/dev/null
	echo none >"$offload"/default_migrator
	echo 0 >"$offload"/batch_pages
	echo 1 >"$offload"/policies_enabled
	modprobe -r dcbm 2>/dev/null
	modprobe -r dmasim 2>/dev/null
	rm -rf "$work"
}

plan 16

# What no bench may change.
everything() {
	find $offload/policies $root -mindepth 1 -maxdepth 1 | sort
	find /sys/fs/bpf -mindepth 1 | sort
	grep -sH . $offload/{default_migrator,reason_mask,min_bytes,batch_pages,policies_enabled} \
		/sys/module/dcbm/parameters/* /sys/kernel/mm/transparent_hugepage/enabled \
		/sys/kernel/mm/transparent_hugepage/*/enabled $offload/migrators/*/state |
		grep -v parameters/status
}

# select FILTER...: of the JSON, one a line
select_() {
	perl -MJSON::PP -e 'my $json = decode_json(do { local $/; <STDIN> });
		print "$_\n" for eval $ARGV[0]; die $@ if $@' "$1" <"$work/out"
}

echo none >"$offload"/default_migrator
modprobe -r dcbm 2>/dev/null
modprobe -r dmasim 2>/dev/null
modprobe dmasim channels=2
modprobe dcbm
echo Y >/sys/module/dcbm/parameters/enable
echo 1024 >"$offload"/batch_pages
echo always >/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled
echo never >/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled

# The first policy that is loaded makes this, and it stays.
mkdir -p /sys/fs/bpf/mgx
before=$(everything)
$mgx -j bench --orders 0,4,9 --groups 64K,2M,4M,8M --repetitions 2 --size 1M >"$work/out" 2>"$work/err"
point $? 'it measures'
[ "$(everything)" = "$before" ]
point $? 'all is as it was'
grep -q 'emulated.*NOTHING' "$work/err" && [ "$(select_ '$json->{bench}{emulated_engine}')" = 1 ]
point $? 'it warns that the engine is emulated'
# order group: 0 64K, 0 2M; 4 64K to 8M; 9 2M to 8M; each with none, cpu and dcbm
[ "$(select_ 'map { "$_->{order} $_->{group_bytes} $_->{migrator}" } @{ $json->{matrix} }' | sort | uniq | wc -l)" = 27 ] &&
	[ "$(select_ 'scalar @{ $json->{matrix} }')" = 27 ]
point $? 'each kind of group that is a batch has its rows'
[ -z "$(select_ 'grep { $_->{left_out} ? $_->{samples} || defined $_->{mean_ns} :
	$_->{samples} != 2 || !($_->{low_ns} <= $_->{mean_ns} && $_->{mean_ns} <= $_->{high_ns}) || !defined $_->{mib_per_second} } @{ $json->{matrix} }')" ]
point $? 'what was measured has its samples and its interval, what was not has a reason'
[ "$(select_ 'map { "$_->{order} $_->{group_bytes}" } grep { !$_->{left_out} && $_->{migrator} eq "dcbm" } @{ $json->{matrix} }' | sort | paste -sd,)" = \
	'0 2097152,0 65536,9 2097152,9 4194304' ]
point $? 'left out is what is larger than batch_pages, and what the kernel has no folios of'
[ -z "$(select_ 'grep { !$_->{left_out} && ($_->{migrator} eq "none") != !defined $_->{copy_ns} } @{ $json->{matrix} }')" ]
point $? 'the kernel itself has timed what was copied ahead, and only that'
mapfile -t sets < <(select_ 'map { "--set=$_->{knob}=$_->{value}" } @{ $json->{proposal} }')
[ ${#sets[@]} -gt 0 ] && [ "$(select_ 'map { $_->{sure} } @{ $json->{proposal} }' | sort -u)" = no ] &&
	$mgx check rules --knobs by_size "${sets[@]}" >"$work/check" 2>"$work/err"
point $? 'rules takes the knobs that it proposes, and with such an engine none of them is sure'

$mgx bench --orders 0 --groups 64K --migrators cpu,none --repetitions 2 --size 256K >"$work/out" 2>"$work/err" &&
	grep -q '^measured .*wall clock of move_pages' "$work/out" && grep -q 'make dmabench' "$work/out" &&
	grep -q 'there is nothing to propose' "$work/out"
point $? 'for people it says what was measured, and where dmabench is'

if command -v gnuplot >/dev/null; then
	$mgx bench -o 0 -g 64K,128K -n 2 -s 256K --plot "$work/it's.svg" >"$work/out" 2>"$work/err" &&
		grep -q '<svg' "$work/it's.svg" && [ ! -e "$work/it's.part.svg" ]
else
	$mgx bench -o 0 -g 64K --plot "$work/a.svg" >"$work/out" 2>"$work/err"
	[ $? = 3 ] && grep -q 'install gnuplot' "$work/err" && [ ! -e "$work/a.svg" ]
fi
point $? 'gnuplot draws it, or is said to be missing'

# A policy of the system that keeps the engine for others.
$mgx load --name tiers --knobs tiering rules >/dev/null
$mgx -j bench -o 0 -g 64K -M dcbm -n 2 -s 256K >"$work/out" 2>"$work/err" &&
	select_ 'map { $_->{left_out} } @{ $json->{matrix} }' | grep -q 'a policy of the system'
point $? 'what a policy of the system does not allow is left out'
$mgx unload tiers >/dev/null
echo 0 >"$offload"/policies_enabled
$mgx bench -o 0 -g 64K >"$work/out" 2>"$work/err"
[ $? = 1 ] && grep -q 'mgx on' "$work/err"
point $? 'with policies off it says so'
echo 1 >"$offload"/policies_enabled

await_cgroup() {
	local left=600
	until [ -n "$(cat $root/mgx_bench.*/cgroup.procs 2>/dev/null)" ]; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.1
	done
	sleep 0.5
}
$mgx bench -o 0 -g 64K -n 1000 >"$work/out" 2>"$work/err" &
victim=$!
await_cgroup && kill -TERM $victim
wait $victim
[ $? = 1 ] && grep -q interrupted "$work/err" && [ "$(everything)" = "$before" ]
point $? 'interrupted, it leaves nothing behind'
$mgx bench -o 0 -g 64K -n 1000 >"$work/out" 2>"$work/err" &
victim=$!
await_cgroup && kill -KILL $victim
wait $victim 2>/dev/null
left=100
# The policy goes with its last reference, a moment later.
while [ -n "$(ls $offload/policies)" ] && [ $left -gt 0 ]; do
	left=$((left - 1))
	sleep 0.1
done
[ -z "$(ls $offload/policies)" ] && $mgx bench -o 0 -g 64K -n 2 -s 256K >"$work/out" 2>"$work/err" &&
	[ "$(everything)" = "$before" ]
point $? 'killed, it leaves an empty cgroup, which the next run removes'

# Who measures keeps nobody from working, but another who measures.
exec 8>>/run/mgx-bench.lock 9>>/run/mgx.lock
flock 9
$mgx bench --orders 0 --groups 64K --repetitions 2 >"$work/out" 2>"$work/err"
point $? 'somebody who changes something is not waited for'
flock 8
! $mgx bench --orders 0 --groups 64K --repetitions 2 >"$work/out" 2>"$work/err" &&
	grep -q 'another mgx bench is at work, process' "$work/err"
point $? 'and one measures at a time'
exit $failed
