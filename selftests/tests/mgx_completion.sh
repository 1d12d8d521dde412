#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 400
#
# What bash offers behind mgx is what there is: the policies that run, their knobs and those
# of an object, cgroups, migrators and the parameters of one. That it has all commands and
# options is in mgx_agree.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh

mgx=build/mgx
work=$(mktemp -d)
export PATH=$PWD/build:$PATH
trap cleanup EXIT

cleanup() {
	$mgx unload complete_a >/dev/null 2>&1
	$mgx unload complete_b >/dev/null 2>&1
	modprobe -r mtcopy 2>/dev/null
	modprobe -r dcbm 2>/dev/null
	rmdir /sys/fs/cgroup/mgx_complete/sub /sys/fs/cgroup/mgx_complete 2>/dev/null
	rm -rf "$work"
}

. loader/mgx.bash-completion

# offers WORD...: what is offered in the place of the last one, words of readline's; one a
# line, in $work/out.
offers() {
	COMP_WORDS=(mgx "$@") COMP_CWORD=$# COMPREPLY=()
	_mgx 2>"$work/err"
	printf '%s\n' "${COMPREPLY[@]}" | sort -u | grep . >"$work/out"
}

# Exactly these.
are() { # WORD...
	[ "$(cat "$work/out")" = "$(printf '%s\n' "$@" | sort -u)" ]
}

has() { # WORD...
	local word
	for word; do grep -qxF -- "$word" "$work/out" || return 1; done
}

plan 13
mkdir -p /sys/fs/cgroup/mgx_complete/sub
modprobe -r dcbm 2>/dev/null
modprobe mtcopy
$mgx load --name complete_a build/bpf/by_reason.bpf.o >"$work/out" 2>"$work/err" &&
	$mgx load --name complete_b --cgroup /mgx_complete build/bpf/latency.bpf.o >"$work/out" 2>"$work/err" ||
	{ cat "$work/err"; echo "Bail out! no policy"; exit 1; }
knobs() {
	$mgx -p "$@" | sed -nE 's/^ *"knob": "(.*)",$/\1=/p'
}

rc=0
for verb in tune unload replace status; do
	offers $verb complete && are complete_a complete_b || { rc=1; break; }
done
point $rc 'the policies that run'
mapfile -t names < <(knobs tune complete_a)
offers tune complete_a '' && are "${names[@]}" && has min_order=
point $? 'the knobs of one that runs'
mapfile -t names < <(knobs check build/bpf/rules.bpf.o)
offers load build/bpf/rules.bpf.o --set '' && are "${names[@]}" && has rule0_engine= &&
	offers replace complete_a build/bpf/rules.bpf.o --set '' && are "${names[@]}"
point $? 'those of an object that is to be loaded'
COMP_WORDS=(mgx load -s rule0_eng build/bpf/rules.bpf.o) COMP_CWORD=3 COMPREPLY=()
_mgx 2>"$work/err"
[ "${COMPREPLY[*]}" = rule0_engine= ]
point $? 'also where it stands behind'
offers load --set = ''
[ ! -s "$work/out" ]
point $? 'none without an object'
offers load --cgroup /sys/fs/cgroup/mgx_comp && are /sys/fs/cgroup/mgx_complete
point $? 'a cgroup'
offers load --cgroup = /sys/fs/cgroup/mgx_complete/ && are /sys/fs/cgroup/mgx_complete/sub
point $? 'also behind --cgroup='
offers load --cgroup = && has /sys/fs/cgroup/mgx_complete
point $? 'from its beginning'
offers explain -k '' && are anon shmem file && offers explain --kind = s && are shmem
point $? 'explain -k: kinds, and no presets'
offers explain -m '' && are async sync_light sync
point $? 'explain -m: modes'
offers load -k '' && has by_reason && ! has anon
point $? 'load -k: presets'
offers migrator enable mtcopy '' && has threads= && ! has channels= &&
	offers migrator enable dcbm '' && has channels= && ! has threads= && ! has enable=
point $? 'the parameters of that migrator alone, before it is loaded, too'
offers explain --reason = demo && are demotion && offers trace -M mt && are mtcopy
point $? 'reasons and migrators'
exit $failed
