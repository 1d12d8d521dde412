#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 300
#
# What the author's header offers, and what it promises about other kernels: a policy that
# was built where there is more runs without it, and is refused where that would be wrong.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/offload.sh
. selftests/lib/tap.sh

mgx=build/mgx
bpftool=build/tools/bpftool
work=$(mktemp -d)
trap cleanup EXIT

cleanup() {
	$mgx unload author >/dev/null 2>&1
	$mgx unload compat >/dev/null 2>&1
	$mgx unload refuser >/dev/null 2>&1
	rmdir /sys/fs/cgroup/mgx_author 2>/dev/null
	modprobe -r mtcopy 2>/dev/null
	rm -rf "$work"
}

plan 19

run() { # COMMAND...: its output into $work/out
	"$@" >"$work/out" 2>"$work/err"
}

explain() {
	run $mgx -j explain "$@"
}

# Who copies, by the last explain: "migrator folios".
verdict() {
	sed -nE 's/.*"verdicts":\[\{"verdict":"[a-z]+","migrator":"?([^",]*)"?,"folios":([0-9a-z]+).*/\1 \2/p' "$work/out"
}

counter() { # NAME
	$mgx -j status | sed -nE "s/.*\"counter\":\"$1\",\"value\":([0-9]+).*/\1/p"
}

offload_as_booted
run $mgx load build/selftests/author.bpf.o
point $? 'a policy of the header alone is loaded'
run $mgx list && grep -q '^author .* attached ' "$work/out" && ! grep -q WHY "$work/out" &&
	run $mgx tune author ours && grep -q 'demotion,damon' "$work/out"
point $? 'its set of reasons is a knob with names'
run $mgx -j status author && cp "$work/out" "$work/by_name" &&
	run $mgx -j status id:"$($mgx -j list | sed -nE 's/.*"name":"author"[^}]*"link_id":([0-9]+).*/\1/p')" &&
	grep -q '"name":"author".*"counter":"demotions"' "$work/out" && cmp "$work/out" "$work/by_name" >>"$work/err"
point $? 'its status is told by its link as well'

modprobe mtcopy && run $mgx migrator enable mtcopy
explain --reason damon --order 2 --folios 4 && [ "$(verdict)" = 'mtcopy 4' ]
point $? 'a migrator that is ready is found by the name in a knob'
explain --reason damon --order 1 --folios 4 && [ "$(verdict)" != 'mtcopy 4' ]
point $? 'and not for a group whose folios are too small'
explain --reason syscall_or_cpuset --order 2 --folios 4 && grep -q '"answer":"single"' "$work/out"
point $? 'nor for a reason that is not in the set'
[ "$(counter registered)" -gt 0 ] && [ "$(counter demotions)" = 0 ]
point $? "the state of a migrator is read, and a reason is not taken for another one"

run $mgx tune author quit=on && explain --reason demotion --order 3 --folios 5 &&
	run $mgx status author &&
	grep -q ejected "$work/out" && grep -q 'demotion of 5 folios, orders 3 to 3' /sys/kernel/mm/migrate_offload/incidents
point $? 'migrate_exit() ends it, with a message that was put together'
run $mgx list && grep -qE '^author .* ejected .* bpf_migrate_exit: code -7: demotion of 5 folios, orders 3 to 3$' "$work/out" &&
	run $mgx -j list && grep -q '"state":"ejected".*"why":"bpf_migrate_exit: code -7: demotion of 5 folios' "$work/out"
point $? 'mgx list says that it was ejected, and why'
run $mgx status author && grep -qE '^ *[0-9]+ 20[0-9-]+ [0-9:]+ ejected +author +cgroup 1: bpf_migrate_exit: code -7' "$work/out" &&
	run $mgx -j dump && grep -q '"incidents":\[{[^]]*"what":"ejected","name":"author","text":"cgroup 1: bpf_migrate_exit' "$work/out"
point $? 'and the record of it is in mgx status and mgx dump'

# exit() runs when nobody uses the policy any more; within a hang guard.
for ((i = 0; i < 300; i++)); do
	run $bpftool -j map dump name .data.exit
	! grep -q '"ends": *1' "$work/out" || break
	sleep 0.1
done
python3 - "$work/out" <<'PY' >"$work/err" 2>&1
import json, sys

def text(value):
    if isinstance(value, list):
        value = bytes(c if isinstance(c, int) else ord(c) if len(c) == 1 else int(c, 0) for c in value)
        value = value.split(b"\0")[0].decode()
    return value

def find(node):
    if isinstance(node, dict):
        if "ends" in node:
            return node
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            found = find(part)
            if found:
                return found

record = find(json.load(open(sys.argv[1])))
print(record)
assert record["ends"] == 1 and record["kind"] == 6 and record["code"] == -7
assert text(record["reason"]) == "bpf_migrate_exit"
assert text(record["msg"]) == "demotion of 5 folios, orders 3 to 3"
PY
point $? 'and exit() has written down why, for whoever opens the map'
run $mgx unload author

# What no kernel has.
run $mgx load --name compat build/selftests/compat.bpf.o &&
	explain --reason demotion --order 0 --folios 8 &&
	[ "$(verdict)" = 'cpu 8' ]
point $? 'a kfunc, members and a reason that no kernel has: the policy runs without'
[ "$(counter asked)" = 1 ] && [ "$(counter moved_members)" = 1 ]
point $? 'and finds by their names the members that there are'
! run $mgx load --name compat_set build/selftests/compat.bpf.o &&
	grep -q limit_of_no_kernel "$work/err" && ! $mgx list | grep -q compat_set
point $? 'a member that is set, and unknown here, is refused by its name'
run $mgx unload compat

# An init() that refuses: its errno is the policy's, whatever it means elsewhere.
refused() { # STATUS SAYS COMMAND...
	run "${@:3}"
	[ $? = "$1" ] && grep -q -- "$2" "$work/err" && ! grep -qE 'has a policy|memory controller|has gone|somebody' "$work/err"
}

refuser=build/selftests/refuser.bpf.o
mkdir -p /sys/fs/cgroup/mgx_author
rc=0
for errno in 16:EBUSY 95:EOPNOTSUPP 2:ENOENT 19:ENODEV; do
	refused 1 "its init() refused: .*(${errno#*:}); " $mgx load --cgroup /mgx_author --name refuser \
		--set answer=-${errno%:*} $refuser || { rc=1; break; }
done
point $rc 'an init() that refuses is no place that is taken, and no cgroup that has gone'
refused 1 'its init() refused: bpf_migrate_exit: code -5: no engine for 7 folios (ECANCELED)' \
	$mgx load --name refuser --set quit=1 --set tuned=7 $refuser && ! $mgx list | grep -q '^refuser'
point $? 'what it says itself is said'

run $mgx load --name refuser $refuser &&
	refused 1 'init() of the new one refused: .*(EPERM); the old one goes on' \
		$mgx replace --name refuser --set answer=-1 refuser $refuser &&
	refused 1 'init() of the new one refused: .*(EINVAL)' \
		$mgx replace --name refuser --set answer=-22 refuser $refuser
point $? 'nor has anybody else replaced what it was to replace'
refused 1 'no engine for 8 folios' \
	$mgx replace --name refuser --set quit=1 --set tuned=8 refuser $refuser
point $? 'with its own words there, too'
refused 1 'the flags of the new one differ' $mgx replace --name willing refuser $refuser &&
	$mgx list | grep -q '^refuser .* attached'
point $? 'flags that differ are that, and the old one goes on'
exit $failed
