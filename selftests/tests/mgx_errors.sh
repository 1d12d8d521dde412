#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# timeout: 400
#
# Every way in which mgx can fail has its exit status, says on one line of stderr what
# failed on what, and leaves nothing half loaded.
set -u
cd "$(dirname "$0")/../.." || exit 1

mgx=build/mgx
policy=build/bpf/default.bpf.o
work=$(mktemp -d)
trap 'rm -rf "$work"; rmdir /sys/fs/cgroup/mgx_errors 2>/dev/null' EXIT

number=0 failed=0
plan=17

point() {
	number=$((number + 1))
	if [ "$1" = ok ]; then
		echo "ok $number $2"
	else
		failed=1
		echo "not ok $number $2"
		sed 's/^/# /' "$work/out" "$work/err"
	fi
}

attached() {
	find /sys/kernel/mm/migrate_offload/policies -mindepth 1 -maxdepth 1 | sort
	find /sys/fs/bpf -mindepth 1 | sort
}

# fails STATUS WORDS WHAT -- COMMAND...
fails() {
	local status=$1 words=$2 what=$3 before rc verdict=ok
	shift 4
	before=$(attached)
	"$@" >"$work/out" 2>"$work/err"
	rc=$?
	[ $rc = "$status" ] || { verdict=bad; echo "# exit status $rc, not $status"; }
	[ "$(wc -l <"$work/err")" = 1 ] || { verdict=bad; echo "# not one line on stderr"; }
	grep -qiE -- "$words" "$work/err" || { verdict=bad; echo "# stderr does not say: $words"; }
	[ "$(attached)" = "$before" ] || { verdict=bad; echo "# something was left behind"; }
	point $verdict "$what"
}

succeeds() {
	local what=$1
	shift 2
	if "$@" >"$work/out" 2>"$work/err"; then point ok "$what"; else point bad "$what"; fi
}

echo "TAP version 13"
echo "1..$plan"
echo none >/sys/kernel/mm/migrate_offload/default_migrator
echo "no policy at all" >"$work/text.bpf.o"
mkdir -p /sys/fs/cgroup/mgx_errors

fails 2 'usage|help' 'no such command' -- $mgx frobnicate
fails 2 'usage|help|object' 'load without an object' -- $mgx load
fails 5 'nosuch' 'an object that is not there' -- $mgx load "$work/nosuch.bpf.o"
fails 7 'text\.bpf\.o' 'an object that is none' -- $mgx load "$work/text.bpf.o"
fails 7 'refused_ctx_write' 'a policy that the verifier refuses' -- $mgx load build/selftests/refused_ctx_write.bpf.o
fails 7 'refused_kfunc_tracing' 'an object without a policy' -- $mgx load build/selftests/refused_kfunc_tracing.bpf.o
fails 5 'nosuch' 'a cgroup that is not there' -- $mgx load --cgroup /sys/fs/cgroup/nosuch $policy
fails 5 'nosuch' 'unload of a policy that is not there' -- $mgx unload nosuch
fails 4 'permission|allowed|root' 'no permission' -- setpriv --reuid=65534 --regid=65534 --clear-groups $mgx load $policy
succeeds 'a policy is loaded' -- $mgx load --cgroup /sys/fs/cgroup/mgx_errors --name errors $policy
fails 8 'mgx_errors|errors' 'a second policy for the cgroup' -- $mgx load --cgroup /sys/fs/cgroup/mgx_errors --name other $policy
fails 8 'errors' 'a second policy of that name' -- $mgx load --name errors $policy
fails 5 'nosuch' 'a knob that is not there' -- $mgx tune errors nosuch=1
fails 6 'min_bytes' 'a knob out of its range' -- $mgx tune errors min_bytes=9999999999999
fails 6 'min_bytes' 'a knob of the wrong type' -- $mgx tune errors min_bytes=many
fails 7 'refused_ctx_write' 'replacement by what the verifier refuses' -- $mgx replace errors build/selftests/refused_ctx_write.bpf.o
succeeds 'the policy is unloaded' -- $mgx unload errors
exit $failed
