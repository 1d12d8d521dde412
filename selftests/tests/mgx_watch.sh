#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 900
#
# mgx stats, trace and top: what they say adds up to what the kernel's books say, events
# that find no room are counted, and a file of metrics is always a whole one.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh

mgx=build/mgx
pages=build/selftests/pages
offload=/sys/kernel/mm/migrate_offload
work=$(mktemp -d)
events=${EVENTS:-20480}		# of the long trace
trap cleanup EXIT

cleanup() {
	local pid
	for pid in $(jobs -p); do kill -CONT "$pid"; kill "$pid"; done 2>/dev/null
	wait
	$mgx unload watch >/dev/null 2>&1
	$mgx unload counted >/dev/null 2>&1
	echo N >/sys/module/dmasim/parameters/hold
	umount "$work/full" 2>/dev/null
	echo none >"$offload"/default_migrator
	modprobe -r dcbm 2>/dev/null
	modprobe -r dmasim 2>/dev/null
	echo 0 >"$offload"/batch_pages
	rmdir /sys/fs/cgroup/mgx_watch/* /sys/fs/cgroup/mgx_watch 2>/dev/null
	rm -rf "$work"
}

plan 29

# The machine's book of the reason that is moved for here.
book() {
	awk -v name="$1" '$1 == name { print $2 }' $offload/books/syscall_or_cpuset
}

done_count() {
	awk '$1 == "done" { print $2 }' $offload/policies/1/events
}

# json FILE FIELD: the values of a key, one a line.
json() {
	grep -oE "\"$2\":(\"[^\"]*\"|-?[0-9]+)" "$1" | sed "s/^\"$2\"://; s/\"//g"
}

sum() {
	awk '{ sum += $1 } END { print sum + 0 }'
}

# One of the members of the summary that ends a trace.
summary() {
	grep '"summary"' "$1" | grep -oE "\"$2\":[0-9]+" | cut -d: -f2
}

# waits until FILE has a line with PATTERN
await() {
	local left=1200
	until grep -q "$2" "$1" 2>/dev/null; do
		left=$((left - 1))
		[ $left -gt 0 ] || { echo "# no $2 in $1"; return 1; }
		sleep 0.1
	done
}

mkdir -p /sys/fs/cgroup/mgx_watch
echo +memory >/sys/fs/cgroup/mgx_watch/cgroup.subtree_control
mkdir -p /sys/fs/cgroup/mgx_watch/sub
modprobe -r dcbm 2>/dev/null
modprobe -r dmasim 2>/dev/null
modprobe dmasim channels=4
$mgx migrator enable dcbm >/dev/null && $mgx load --name watch build/bpf/by_reason.bpf.o >/dev/null ||
	{ echo "Bail out! no policy"; exit 1; }

# --- stats, while pages move ---
$pages -c /mgx_watch/sub -m 4 -k 64 -w 50 >/dev/null &
load=$!
$mgx -j stats -i 0.2 -n 5 >"$work/stats" 2>"$work/err"
point $? 'stats ends after so many samples' "$work/err"
[ "$(wc -l <"$work/stats")" = 5 ] && [ "$(json "$work/stats" seq | paste -sd,)" = 0,1,2,3,4 ] &&
	[ "$(grep -c '^{"schema":1,"sample":' "$work/stats")" = 5 ]
point $? 'each sample is an object on a line, with the schema' "$work/stats"
# Of each line the machine's own book of the reason, which stands first.
sed 's/.*"books":\[//' "$work/stats" | grep -oE '^.*"reason":"syscall_or_cpuset","offered":[0-9]+' |
	sed -E 's/.*"cgroup_id":null[^}]*"reason":"syscall_or_cpuset","offered":([0-9]+).*/\1/' >"$work/offered"
[ "$(wc -l <"$work/offered")" = 5 ] && sort -n -c "$work/offered" 2>"$work/err" &&
	[ "$(head -n 1 "$work/offered")" -lt "$(tail -n 1 "$work/offered")" ]
point $? 'and its counters only grow' "$work/offered" "$work/err"

$mgx stats -i 0.01 -P "$work/mgx.prom" 2>"$work/err" &
writer=$!
whole=0 reads=0
await "$work/mgx.prom" mgx_info
while [ $reads -lt 20 ]; do
	cat "$work/mgx.prom" >"$work/copy"
	reads=$((reads + 1))
	head -n 1 "$work/copy" | grep -q '^# HELP mgx_info' &&
		tail -n 1 "$work/copy" | grep -q '^migrate_ext_policy_enabled{.*policy="watch"} 1$' || whole=1
done
kill $writer && wait $writer
point $((whole | $?)) "the file of metrics is whole whenever it is read: $reads times" "$work/copy" "$work/err"
[ "$(find "$work" -name 'mgx.prom*' | wc -l)" = 1 ]
point $? 'and nothing else is left beside it'
# Each family is described once, and its samples stand together.
awk '/^# TYPE/ { if (seen[$3]++) exit 1; family = $3; next }
	/^#/ { next }
	{ name = $0; sub(/[{ ].*/, "", name); if (name != family) exit 1 }
	!/^[a-z_]+(\{([a-z_]+="[^"]*",?)+\})? [0-9.]+$/ { exit 1 }' "$work/mgx.prom"
point $? 'its families stand together, in the format of Prometheus' "$work/mgx.prom"
grep -q '^migrate_offload_folios_total{reason="syscall_or_cpuset",state="copied"} [1-9]' "$work/mgx.prom"
point $? 'and it has what was copied' "$work/mgx.prom"
# falls EARLIER LATER: the counters that do.
falls() {
	awk '{ name = $0; sub(/ [^ ]*$/, "", name) } name !~ /^[a-z_]+_total/ { next }
		NR == FNR { was[name] = $NF; next }
		$NF + 0 < was[name] + 0 { print }' "$@"
}
sleep 0.5
$mgx stats -P "$work/mgx.prom"
falls "$work/copy" "$work/mgx.prom" >"$work/falls"
[ ! -s "$work/falls" ] && [ -n "$(falls "$work/mgx.prom" "$work/copy")" ]
point $? 'what it calls a total only grows' "$work/falls"

# What a policy counts itself, by its own cgroup.
counted=/sys/fs/cgroup/mgx_watch/counted
mkdir $counted
$mgx load --name counted --cgroup $counted build/bpf/rules.bpf.o --knobs by_reason >/dev/null &&
	$pages -c /mgx_watch/counted -m 1 -k 64 -n 8 >/dev/null
$mgx -j status counted | grep -oE '"counter":"rule[0-9]+_groups","value":[0-9]+' |
	sed -E "s/.*:\"(.*)\",\"value\":(.*)/migrate_ext_policy_counter_total{cgroup_id=\"$(stat -c %i $counted)\",cgroup=\"\/mgx_watch\/counted\",policy=\"counted\",counter=\"\1\"} \2/" >"$work/own"
$mgx stats -P "$work/mgx.prom"
grep -q ' [1-9][0-9]*$' "$work/own" && grep '^migrate_ext_policy_counter_total{.*"rule[0-9]*_groups"' "$work/mgx.prom" | diff - "$work/own" >"$work/out"
point $? 'it has what a policy counts itself' "$work/out" "$work/own"
$mgx unload counted >/dev/null

# Channels that do not finish, and are stopped.
echo 10 >/sys/module/dcbm/parameters/timeout_ms
echo Y >/sys/module/dmasim/parameters/hold
await /sys/module/dcbm/parameters/status '^channels_quarantined [1-9]'
echo N >/sys/module/dmasim/parameters/hold
echo 2000 >/sys/module/dcbm/parameters/timeout_ms
$mgx stats -P "$work/mgx.prom"
channels() {
	sed -nE "s/^migrate_offload_migrator_channels\{migrator=\"dcbm\",state=\"$1\"\} ([0-9]+)\$/\1/p" "$work/mgx.prom"
}
[ "$(channels '[a-z]+' | wc -l)" = 5 ] && [ "$(channels '[a-z]+' | sum)" = 4 ] && [ "$(channels quarantined)" -gt 0 ] &&
	[ "$(channels lost)" = 0 ] && grep -q '^migrate_offload_migrator_events_total{migrator="dcbm",event="timed_out"} [1-9]' "$work/mgx.prom" &&
	grep -qx 'migrate_offload_migrator_folios_buried{migrator="dcbm"} 0' "$work/mgx.prom" &&
	grep -qx 'migrate_offload_migrator_mismatches_total{migrator="dcbm"} 0' "$work/mgx.prom"
point $? "and the channels by their states: $(channels quarantined) in quarantine" "$work/mgx.prom"
awk '$5 == "quarantined" { print $1 }' /sys/kernel/debug/dcbm/channels |
	while read -r channel; do $mgx migrator rearm dcbm "$channel" >/dev/null; done

# No room for a while.
mkdir "$work/full"
mount -t tmpfs -o size=256k tmpfs "$work/full"
$mgx stats -i 0.05 -P "$work/full/mgx.prom" 2>"$work/err" &
writer=$!
await "$work/full/mgx.prom" mgx_info
# Once more for what a file that was being written has freed.
for _ in 1 2 3; do cat /dev/zero; sleep 0.1; done >>"$work/full/filler" 2>/dev/null
await "$work/err" 'No space left'
sleep 1
tail -n 1 "$work/full/mgx.prom" | grep -q '^migrate_ext_policy_enabled{' && kill -0 $writer
point $? 'without room the old file stays, and mgx goes on' "$work/err"
rm "$work/full/filler"
kill -0 $writer && await "$work/err" 'written again'
kill $writer && wait $writer && [ "$(wc -l <"$work/err")" = 2 ] && [ "$(ls -A "$work/full")" = mgx.prom ]
point $? 'it is said once, as is the end of it, and nothing is left beside it' "$work/err"
umount "$work/full"

# --- trace: what is shown is what was done ---
kill $load && wait $load
copied=$(book copied) calls=$(done_count)
$mgx -j trace >"$work/trace" 2>"$work/err" &
tracer=$!
await "$work/trace" started
$pages -c /mgx_watch/sub -m 4 -k 64 -n 100 >/dev/null
kill $tracer && wait $tracer
point $? 'trace ends properly when it is told to' "$work/err"
[ "$(summary "$work/trace" lost)" = 0 ] && [ "$(summary "$work/trace" shown)" = $(($(done_count) - calls)) ] &&
	[ "$(grep -c '"event":"copy"' "$work/trace")" = $(($(done_count) - calls)) ]
point $? "a line for each copy: $(summary "$work/trace" shown)" "$work/trace"
[ "$(json "$work/trace" copied | sum)" = $(($(book copied) - copied)) ]
point $? 'their folios are those of the books' "$work/trace"
[ "$(json "$work/trace" cgroup_path | sort -u)" = /mgx_watch/sub ] &&
	[ "$(json "$work/trace" migrator | sort -u)" = dcbm ]
point $? 'with cgroup and migrator' "$work/trace"

# --- filters ---
trace_with() { # OPTIONS...
	$mgx -j trace "$@" >"$work/trace" 2>"$work/err" &
	tracer=$!
	await "$work/trace" started
	$pages -c /mgx_watch/sub -m 1 -k 64 -n 8 >/dev/null
	$pages -m 1 -k 8 -n 8 >/dev/null
	kill $tracer
	wait $tracer
}
trace_with --cgroup /mgx_watch --slower 1ns
[ "$(summary "$work/trace" shown)" -gt 0 ] && [ "$(json "$work/trace" cgroup_path | sort -u)" = /mgx_watch/sub ] &&
	[ "$(summary "$work/trace" shown)" -lt "$(summary "$work/trace" seen)" ]
point $? 'a cgroup means its descendants as well, and nothing else' "$work/trace" "$work/err"
trace_with --migrator cpu
[ "$(summary "$work/trace" shown)" -gt 0 ] && [ "$(json "$work/trace" migrator | sort -u)" = cpu ]
point $? 'a migrator' "$work/trace" "$work/err"
trace_with --reason demotion,damon
[ "$(summary "$work/trace" shown)" = 0 ] && [ "$(summary "$work/trace" seen)" -gt 0 ]
point $? 'reasons that nothing moves for' "$work/trace" "$work/err"

# --- names that a terminal would obey, and that are no UTF-8 ---
hostile=$'/mgx_watch/\e[31m\xc2\x9bn\xff'
mkdir "/sys/fs/cgroup$hostile"
$mgx load --name counted --cgroup "/sys/fs/cgroup$hostile" build/bpf/rules.bpf.o >/dev/null
$mgx trace --cgroup "/sys/fs/cgroup$hostile" >"$work/lines" 2>"$work/err" &
lines=$!
await "$work/lines" ^TIME
$mgx -j trace --cgroup "/sys/fs/cgroup$hostile" >"$work/trace" 2>>"$work/err" &
tracer=$!
await "$work/trace" started
$pages -c "$hostile" -m 1 -k 64 -n 8 >/dev/null
kill $lines $tracer
wait $lines $tracer
grep -qF '/mgx_watch/\x1b[31m\xc2\x9bn\xff ' "$work/lines" && ! LC_ALL=C grep -q $'[\e\x80-\xff]' "$work/lines"
point $? 'a terminal is shown their bytes' "$work/lines" "$work/err"
$mgx stats -P "$work/mgx.prom"
$mgx -j list >"$work/list"
grep -qF "$(printf '"cgroup_path":"/mgx_watch/\\u001b[31m\xc2\x9bn\\\\xff"')" "$work/trace" &&
	grep -qF $'cgroup="/mgx_watch/\e[31m\xc2\x9bn\\\\xff"' "$work/mgx.prom" &&
	iconv -f UTF-8 -t UTF-8 "$work/trace" "$work/list" "$work/mgx.prom" >/dev/null
point $? 'and JSON and metrics are UTF-8 whatever they are' "$work/trace" "$work/err"
$mgx unload counted >/dev/null
rmdir "/sys/fs/cgroup$hostile"

# --- more than there is room for ---
calls=$(done_count)
$mgx -j trace --buffer 16 >"$work/trace" 2>"$work/err" &
tracer=$!
await "$work/trace" started
kill -STOP $tracer
$pages -m 4 -k 16 -n 200 >/dev/null
kill -CONT $tracer
kill $tracer
wait $tracer
shown=$(summary "$work/trace" shown) lost=$(summary "$work/trace" lost)
[ "$lost" -gt 0 ] && [ $((shown + lost)) = $(($(done_count) - calls)) ] &&
	[ "$(grep -c '"event":"copy"' "$work/trace")" = "$shown" ]
point $? "what finds no room is counted: $shown shown, $lost lost" "$work/err"

# Very many events: 8 of each batch of 32 pages, for so many cgroups there are. With the
# histogram, which is made in the kernel, beside the lines.
echo 32 >$offload/batch_pages
mapfile -t groups < <(seq -f /sys/fs/cgroup/mgx_watch/%g 0 7)
mkdir -p "${groups[@]}"
calls=$(done_count)
$mgx -j trace >"$work/trace" 2>"$work/err" &
tracer=$!
$mgx -j trace --histogram >"$work/hist" 2>>"$work/err" &
histogram=$!
await "$work/trace" started && await "$work/hist" started
$pages -c /mgx_watch -g 8 -m 16 -k 4096 -n $(((events + 1023) / 1024)) >/dev/null
kill $tracer $histogram
wait $tracer $histogram
echo 0 >$offload/batch_pages
calls=$(($(done_count) - calls))
shown=$(summary "$work/trace" shown) lost=$(summary "$work/trace" lost)
[ $((shown + lost)) = $calls ] && [ $calls -ge $((events / 2)) ] && [ "$(grep -c '"event":"copy"' "$work/trace")" = "$shown" ]
point $? "of $calls events $shown are shown and $lost counted as lost" "$work/err"
[ "$(grep '"latency"' "$work/hist" | grep -oE '"copies":[0-9]+' | cut -d: -f2 | sum)" = \
	"$(summary "$work/hist" matched)" ] && [ "$(summary "$work/hist" matched)" = $calls ]
point $? 'and the histograms have all of them' "$work/hist"

# A task of a higher priority interrupts another on the same CPU, also where that one is in
# the program: the kernel does not call it then.
calls=$(done_count)
$mgx -j trace >"$work/trace" 2>"$work/err" &
tracer=$!
$mgx top --batch --interval 1000 >"$work/top" 2>>"$work/err" &
top=$!
left=600
until [ "$(build/tools/bpftool prog show name on_copy 2>/dev/null | grep -c tracing)" = 2 ] || [ $((left -= 1)) = 0 ]; do sleep 0.1; done
echo 32 >$offload/batch_pages
taskset -c 0 $pages -c /mgx_watch -g 8 -m 1 -k 256 >/dev/null &
load=$!
taskset -c 0 chrt -f 1 $pages -c /mgx_watch -g 8 -m 1 -k 32 -w 1 -n 1000 >/dev/null
kill $load && wait $load
kill $tracer $top
wait $tracer $top
echo 0 >$offload/batch_pages
calls=$(($(done_count) - calls))
shown=$(summary "$work/trace" shown) missed=$(summary "$work/trace" missed)
[ $((shown + $(summary "$work/trace" lost))) = $calls ]
point $? "events that came while another was being taken are counted: $missed of $calls" "$work/err"
# A kernel that preempts lazily has none of them, as a rule. Those of top are others, but as many.
if [ "$missed" -lt 50 ]; then
	point 0 '# SKIP there were too few of them for top to have some as well'
else
	grep -qE '^since the start [1-9][0-9]* copies are in no row$' "$work/top"
	point $? 'and top says that copies are in no row' "$work/top"
fi

# --- top, without its screen ---
copied=$(book copied) refused=$(book refused)
$mgx -j top --interval 1000 >"$work/top" 2>"$work/err" &
top=$!
left=600
until build/tools/bpftool prog show name on_copy 2>/dev/null | grep -q tracing || [ $((left -= 1)) = 0 ]; do sleep 0.1; done
$pages -c /mgx_watch/sub -m 4 -k 64 -n 100 >/dev/null
kill $top
wait $top
[ "$(json "$work/top" folios | sum)" = $(($(book copied) - copied)) ] &&
	[ "$(json "$work/top" fallbacks | sum)" = $(($(book refused) - refused)) ]
point $? "top's rows add up to the books" "$work/top" "$work/err"
grep -qE '"cgroup":"/mgx_watch/sub",.*"reason":"syscall_or_cpuset","migrator":"dcbm"' "$work/top" &&
	[ "$(json "$work/top" p50_ns | sort -n | tail -n 1)" -gt 0 ] &&
	[ "$(json "$work/top" busy_ns | sum)" -gt 0 ]
point $? 'with cgroup, reason, migrator, latency and busy time' "$work/top"
! build/tools/bpftool prog show 2>/dev/null | grep -q ' on_copy '
point $? 'and when it has ended nothing is measured any more'
exit $failed
