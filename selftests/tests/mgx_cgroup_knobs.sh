#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 600
#
# Knobs that each cgroup has of its own, by paths: classes of rules, weights of
# cgroup_budget. Set and taken away by hand and by a file, carried over to a new instance.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh

top=$PWD
mgx=build/mgx
root=/sys/fs/cgroup
work=$(mktemp -d)
conf=$work/mgx.conf
trap cleanup EXIT

cleanup() {
	local pid
	for pid in $(jobs -p); do kill "$pid"; done 2>/dev/null
	wait
	echo 'policies = ();' >"$conf"
	$mgx apply "$conf" >/dev/null 2>&1
	$mgx unload cgroup_budget >/dev/null 2>&1
	$mgx unload shares >/dev/null 2>&1
	modprobe -r dcbm 2>/dev/null
	modprobe -r dmasim 2>/dev/null
	rmdir "$root"/mgx_knobs/* "$root"/mgx_knobs 2>/dev/null
	rm -rf "$work"
}

mgx() {
	$mgx "$@" >"$work/out" 2>"$work/err"
}

# Who has what, of a knob: "PATH=VALUE PATH=VALUE".
have() { # POLICY KNOB
	$mgx -j tune "$1" | grep -oE "\"knob\":\"$2\",\"value\":[0-9]+,.*" | sed 's/},{/\n/g' |
		grep "\"knob\":\"$2\"" | sed -E 's/.*"value":([0-9]+),.*"cgroup_path":"([^"]*)".*/\2=\1/' | sort | paste -sd' '
}

says() {
	local pattern
	for pattern; do grep -qE -- "$pattern" "$work/out" || { echo "# it does not say: $pattern"; return 1; }; done
}

plan 32
rm -rf /run/mgx-held
mkdir -p $root/mgx_knobs
echo +memory >$root/mgx_knobs/cgroup.subtree_control
mkdir -p $root/mgx_knobs/{a,b,c@1.service}

# --- by hand ---
mgx load cgroup_budget && mgx tune cgroup_budget && says '^cgroup_budget +weights +- +weight +1 +10000 +u32 '
point $? 'a policy has such a knob, and nobody a value'
mgx tune cgroup_budget weights:/mgx_knobs/a=300 default_weight=50 weights:/mgx_knobs/c@1.service=7 &&
	says '^cgroup_budget +weights +/mgx_knobs/a +300 ' '^cgroup_budget +default_weight +- +50 '
point $? 'set by the path, beside others'
[ "$(have cgroup_budget weights)" = '/mgx_knobs/a=300 /mgx_knobs/c@1.service=7' ]
point $? 'and had'
id=$(stat -c %i $root/mgx_knobs/b)
mgx tune cgroup_budget "weights:$id=20" "weights:$root/mgx_knobs/a=200" &&
	[ "$(have cgroup_budget weights)" = '/mgx_knobs/a=200 /mgx_knobs/b=20 /mgx_knobs/c@1.service=7' ]
point $? 'by the id, and by the directory'
before=$(have cgroup_budget weights)
refused() { # STATUS WORDS ARGS...
	local status=$1 words=$2 rc
	shift 2
	mgx tune "$@"
	rc=$?
	[ $rc = "$status" ] && grep -qE -- "$words" "$work/err" && [ "$(have cgroup_budget weights)" = "$before" ] &&
		[ "$($mgx -j tune cgroup_budget default_weight | grep -oE '"value":[0-9]+')" = '"value":50' ]
	point $? "refused, and nothing changed: $words"
}
refused 6 'weights of cgroup_budget: 10001 is out of range; give 1 to 10000' cgroup_budget weights:/mgx_knobs/b=9 weights:/mgx_knobs/a=10001
refused 5 'no such cgroup|there is no' cgroup_budget default_weight=60 weights:/mgx_knobs/none=9
refused 5 'classes: .*no knob of that name for cgroups' cgroup_budget classes:/mgx_knobs/a=1
refused 2 'sets nothing' cgroup_budget weights:/mgx_knobs/a
refused 6 'default_weight of cgroup_budget: 0 is out of range' cgroup_budget weights:/mgx_knobs/a=9 default_weight=0
mgx tune cgroup_budget weights:/mgx_knobs/b= && [ "$(have cgroup_budget weights)" = '/mgx_knobs/a=200 /mgx_knobs/c@1.service=7' ]
point $? 'taken away'

# --- a new instance ---
rmdir $root/mgx_knobs/c@1.service
mgx tune cgroup_budget && says '^cgroup_budget +weights +[0-9]+ \(gone\) +7 '
point $? 'of a cgroup that has gone it is said'
mgx replace cgroup_budget build/bpf/cgroup_budget.bpf.o && [ "$(have cgroup_budget weights)" = /mgx_knobs/a=200 ] &&
	mgx tune cgroup_budget && ! says '\(gone\)' >/dev/null
point $? 'replaced, the others have theirs still'
mgx tune cgroup_budget --object build/bpf/cgroup_budget.bpf.o burst_ms=20 idle_ms=50 && [ "$(have cgroup_budget weights)" = /mgx_knobs/a=200 ]
point $? 'and tuned together'
mgx tune cgroup_budget --object build/bpf/cgroup_budget.bpf.o burst_ms=30 weights:/mgx_knobs/a=9
[ $? = 2 ] && [ "$(have cgroup_budget weights)" = /mgx_knobs/a=200 ]
point $? 'which is for knobs of all'
! mgx tune cgroup_budget weights=9 && grep -q 'each cgroup has its own; write weights:CGROUP=VALUE' "$work/err"
point $? 'for all of them there is none: it is said how to write it'
mgx check cgroup_budget && says '^weights:CGROUP +- +weight +1 +10000 '
point $? 'check lists them'

# --- counters ---
modprobe dmasim channels=2
$mgx migrator enable dcbm >/dev/null
build/selftests/pages -c /mgx_knobs/a -m 4 -k 1024 -n 8 >/dev/null 2>"$work/err"
mgx status cgroup_budget && says '^cgroup_budget +/mgx_knobs/a +used +[0-9.]+ (us|ms|s) +engine time'
point $? 'what a cgroup has used is shown'
mgx -j status cgroup_budget && [ "$(grep -oE '"cgroup_path":"/mgx_knobs/a","counter":"used","value":[0-9]+' "$work/out" | grep -oE '[0-9]+$')" -gt 0 ]
point $? 'in nanoseconds for programs'

# --- no room ---
mgx load --cgroup /mgx_knobs build/selftests/shares.bpf.o && mkdir -p $root/mgx_knobs/{c,d} &&
	mgx tune shares shares:/mgx_knobs/a=1
! mgx tune shares shares:/mgx_knobs/a=5 shares:/mgx_knobs/b=2 shares:/mgx_knobs/c=3 &&
	grep -q "no room for more cgroups" "$work/err" && [ "$(have shares shares)" = /mgx_knobs/a=1 ]
point $? 'no room: nothing is changed'
mgx explain --reason demotion --cgroup /mgx_knobs/a --order 3 --folios 5 && says 'ahead|batch' &&
	mgx explain --reason demotion --cgroup /mgx_knobs/b --order 3 --folios 5 && says 'single|one by one'
point $? 'the policy decides by it'
mgx tune shares shares:/mgx_knobs/c=3 && rmdir $root/mgx_knobs/c && mgx tune shares shares:/mgx_knobs/d=4 &&
	[ "$(have shares shares | paste -sd' ')" = '/mgx_knobs/a=1 /mgx_knobs/d=4' ]
point $? 'what has been removed makes room'
gone=$(stat -c %i $root/mgx_knobs/d)
rmdir $root/mgx_knobs/d && mgx tune shares && says " $gone \(gone\) " && mgx tune shares "shares:$gone=" &&
	[ "$(have shares shares)" = /mgx_knobs/a=1 ]
point $? 'or is taken away by its id'
mkdir $root/mgx_knobs/c
mgx unload shares

# --- by a file ---
write_conf() { # CGROUP_KNOBS
	cat >"$conf" <<-CONF
	policies = (
		{ object = "$top/build/bpf/rules.bpf.o"; preset = "$top/bpf/presets/latency.knobs"; cgroup = "/mgx_knobs";
		  cgroup_knobs = ( $1 ); }
	);
	CONF
}
write_conf '{ knob = "classes"; cgroup = "/mgx_knobs/a"; value = 2; },
	{ knob = "classes"; cgroups = [ "/mgx_knobs/[ab]", "/mgx_knobs/later" ]; value = 1; }'
mgx apply --dry-run "$conf" && mgx apply "$conf" && [ "$(have rules classes)" = '/mgx_knobs/a=2 /mgx_knobs/b=1' ]
point $? 'a file says who has what'
mgx explain --reason demotion --cgroup /mgx_knobs/b --order 9 --folios 4 && ! says 'dcbm' >/dev/null &&
	mgx explain --reason demotion --cgroup /mgx_knobs/c --order 9 --folios 4 && says dcbm
point $? 'and the preset decides by that'
mgx tune rules classes:/mgx_knobs/c=3 classes:/mgx_knobs/a=5
mgx apply --dry-run "$conf" && says '^knob +rules on /mgx_knobs: classes:/mgx_knobs/c +take away +3 ' \
	'^knob +rules on /mgx_knobs: classes:/mgx_knobs/a +tune +5 +2' '^knob +rules.*later +pending' &&
	[ "$(have rules classes)" = '/mgx_knobs/a=5 /mgx_knobs/b=1 /mgx_knobs/c=3' ]
point $? 'what differs is shown'
mgx apply "$conf" && [ "$(have rules classes)" = '/mgx_knobs/a=2 /mgx_knobs/b=1' ] &&
	mgx apply "$conf" && ! says 'tune|take away' >/dev/null
point $? 'made as the file wants it, and then left alone'
sed -i 's/preset = /knobs = { explore = 32; rule0_batch_pages = 16; }; preset = /' "$conf"
mgx apply "$conf" && says '^policy +rules on /mgx_knobs +replace' && [ "$(have rules classes)" = '/mgx_knobs/a=2 /mgx_knobs/b=1' ]
point $? 'also when a new instance comes'
before=$(cat "$conf")
for wrong in '6 32 s/value = 1/value = 32/' '5 nosuch s/knob = "classes"/knob = "nosuch"/' '6 missing s/value = 1;//'; do
	read -r status words script <<<"$wrong"
	echo "$before" | sed "$script" >"$conf"
	mgx apply "$conf"
	[ $? = "$status" ] && grep -q -- "$words" "$work/err" && [ "$(have rules classes)" = '/mgx_knobs/a=2 /mgx_knobs/b=1' ]
	point $? "a file that is wrong changes nothing: $script"
done
echo "$before" >"$conf"
$mgx apply --watch --interval 0.2 "$conf" </dev/null >"$work/out" 2>"$work/err" &
mkdir $root/mgx_knobs/later
has() { [ "$(have rules classes)" = "$1" ]; }
await has '/mgx_knobs/a=2 /mgx_knobs/b=1 /mgx_knobs/later=1'
point $? 'watched, a cgroup that comes gets its own'
rmdir $root/mgx_knobs/b && mkdir $root/mgx_knobs/b && await has '/mgx_knobs/a=2 /mgx_knobs/b=1 /mgx_knobs/later=1' &&
	mgx tune rules && ! says '\(gone\)' >/dev/null
point $? 'and a service that restarts, of whose old one nothing stays'
exit $failed
