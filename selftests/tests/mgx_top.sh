#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 600
#
# The screen of mgx top, in a terminal of tmux: rows come, keys sort, group and filter
# them, and q gives the terminal back. What its columns count, against the books.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh

mgx=build/mgx
book=/sys/kernel/mm/migrate_offload/books/syscall_or_cpuset
work=$(mktemp -d)
tmux="tmux -f /dev/null -S $work/socket"
export TERM=screen
trap cleanup EXIT

cleanup() {
	local pid
	$tmux kill-server 2>/dev/null
	for pid in $(jobs -p); do kill "$pid"; done 2>/dev/null
	wait
	$mgx unload top >/dev/null 2>&1
	$mgx unload top_c >/dev/null 2>&1
	modprobe -r dcbm 2>/dev/null
	modprobe -r dmasim 2>/dev/null
	rmdir /sys/fs/cgroup/mgx_top_{a,b,c} 2>/dev/null
	rm -rf "$work"
}

point_shows=("$work/top")
plan 13

# shows WHAT COMMAND...: within the time of a hang guard the screen is as the command wants.
shows() {
	local what=$1 left=400
	shift
	number=$((number + 1))
	while [ $left -gt 0 ]; do
		$tmux capture-pane -p >"$work/screen" 2>/dev/null
		if "$@"; then
			echo "ok $number $what"
			return
		fi
		left=$((left - 1))
		sleep 0.1
	done
	failed=1
	echo "not ok $number $what"
	sed 's/^/# /' "$work/screen"
}

keys() {
	$tmux send-keys "$@"
}

has() {
	local pattern
	for pattern; do grep -qE -- "$pattern" "$work/screen" || return 1; done
}

lacks() {
	! grep -qE -- "$1" "$work/screen"
}

# The rows, in their order.
rows() {
	grep -oE '^/mgx_top_[ab]' "$work/screen" | paste -sd' '
}

mkdir -p /sys/fs/cgroup/mgx_top_{a,b,c}
modprobe -r dcbm 2>/dev/null
modprobe -r dmasim 2>/dev/null
modprobe dmasim channels=4
$mgx migrator enable dcbm >/dev/null && $mgx load --name top build/bpf/by_reason.bpf.o >/dev/null ||
	{ echo "Bail out! no policy"; exit 1; }
# The folios of this one are copied one by one.
$mgx load --name top_c --cgroup /mgx_top_c build/bpf/latency.bpf.o >/dev/null ||
	{ echo "Bail out! no second policy"; exit 1; }

# --- what it counts: all that came while it ran, copied or not, is in the books ---
count() { # COUNTER: of the book
	awk -v name="$1" '$1 == name { print $2 }' $book
}

# The sum of a column over all looks, of the rows of a cgroup.
column() { # CGROUP COLUMN
	grep -oE "\"cgroup\":\"$1\",[^}]*" "$work/top" | grep -oE "\"$2\":[0-9]+" |
		awk -F: '{ sum += $2 } END { print sum + 0 }'
}

refused=$(count refused) failures=$(count failed) copied=$(count copied) offered=$(count offered)
$mgx -j top --interval 0.5 >"$work/top" 2>"$work/err" &
top=$!
for ((i = 0; i < 600; i++)); do [ ! -s "$work/top" ] || break; sleep 0.1; done
build/selftests/pages -c /mgx_top_a -m 4 -k 64 -n 10 >/dev/null
build/selftests/pages -c /mgx_top_c -m 4 -k 64 -n 5 >/dev/null
kill $top && wait $top
point $? 'told to stop, it shows what has come by then'
refused=$(($(count refused) - refused)) failures=$(($(count failed) - failures))
copied=$(($(count copied) - copied)) offered=$(($(count offered) - offered))
a=$(column /mgx_top_a fallbacks) c=$(column /mgx_top_c fallbacks)
[ "$c" -gt 0 ] && [ $((a + c)) = $((refused + failures)) ]
point $? "fallbacks are what the books have as refused or failed: $((a + c)) of $((refused + failures))"
[ "$(column /mgx_top_a folios)" = $copied ] && [ $copied -gt 0 ]
point $? "folios are what they have as copied: $copied"
[ $(($(column /mgx_top_a offered) + $(column /mgx_top_c offered))) = $offered ]
point $? "offered are all: $offered"

# --- the screen ---
build/selftests/pages -c /mgx_top_c -m 4 -k 8 -w 50 >/dev/null &
build/selftests/pages -c /mgx_top_a -m 4 -k 64 -w 50 >/dev/null &
build/selftests/pages -c /mgx_top_b -m 4 -k 8 -w 50 >/dev/null &

$tmux new-session -d -x 130 -y 24 "$mgx top --interval 0.5; echo ended-with-\$?; sleep 1000" ||
	{ echo "Bail out! no tmux"; exit 1; }
shows 'rows by cgroup, reason and migrator' \
	has '^mgx top ' '^/mgx_top_a +syscall_or_cpuset +dcbm +[0-9]' '^/mgx_top_b +syscall_or_cpuset +cpu +[0-9]' 'BUSY'
# From the right, for who copied nothing has no migrator: busy, fallbacks, p99, p50, MiB, folios.
fell_back() {
	awk '$1 == "/mgx_top_c" && $(NF - 1) > 0 && $(NF - 5) == "0.0" { yes = 1 }
		$1 == "/mgx_top_b" && $(NF - 1) != "0.0" { no = 1 }
		END { exit !yes || no }' "$work/screen"
}
shows 'whose folios were copied one by one has fallbacks, and no copies' fell_back
# By the cgroup's name, then the other way round.
keys s s s s s
shows 's sorts by another column' has 'sorted by cgroup' 'CGROUP[*]'
sorted() { [ "$(rows)" = "$1" ]; }
shows 'in its order' sorted '/mgx_top_a /mgx_top_b'
keys r
shows 'r turns it round' sorted '/mgx_top_b /mgx_top_a'
keys f top_a Enter
only_a() { has 'filter: top_a' && [ "$(rows)" = /mgx_top_a ]; }
shows 'f filters' only_a
keys f Escape g g g
by_migrator() { has '^cpu +[0-9]' '^dcbm +[0-9]' && lacks '^/mgx_top' && lacks CGROUP; }
shows 'g adds up by migrator' by_migrator
keys p
shows 'p stops it' has PAUSED
keys q
shows 'q gives the terminal back' has 'ended-with-0'
exit $failed
