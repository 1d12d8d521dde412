# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# To be sourced: the points of a test in shell, whose files are in $work.

point_shows=()

# plan N: so many points will be reported.
plan() {
	number=0 failed=0
	echo "TAP version 13"
	echo "1..$1"
}

# point STATUS WHAT [FILE...]: held when STATUS is 0. Else it shows how the files end: those
# named, or those of the array point_shows, or $work/out and $work/err.
point() {
	local status=$1 what=$2 file
	shift 2
	number=$((number + 1))
	if [ "$status" = 0 ]; then
		echo "ok $number $what"
		return
	fi
	failed=1
	echo "not ok $number $what"
	[ $# -gt 0 ] || set -- "${point_shows[@]}"
	[ $# -gt 0 ] || set -- "$work/out" "$work/err"
	for file; do
		[ ! -s "$file" ] || tail -n 25 "$file" | cut -c1-500 | sed 's/^/# /'
	done
}

# await COMMAND...: until it succeeds; false after the minute of a hang guard.
await() {
	local left=600
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.1
	done
}
