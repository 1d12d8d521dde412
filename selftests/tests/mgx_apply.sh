#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 1200
#
# mgx apply: the kernel is as the file wants it, by steps of which each is whole; a second
# run finds nothing to do; what is not there yet comes later; a wrong file changes nothing.
# With KILLS=n it is killed n times, wherever it is.
set -u
cd "$(dirname "$0")/../.." || exit 1

. selftests/lib/offload.sh
. selftests/lib/tap.sh

top=$PWD
mgx=build/mgx
offload=/sys/kernel/mm/migrate_offload
root=/sys/fs/cgroup
work=$(mktemp -d)
conf=$work/mgx.conf
kills=${KILLS:-3}
trap cleanup EXIT

cleanup() {
	local pid
	for pid in $(jobs -p); do kill "$pid"; done 2>/dev/null
	wait
	echo 'policies = ();' >"$conf"
	$mgx apply --force "$conf" >/dev/null 2>&1
	$mgx unload foreign >/dev/null 2>&1
	offload_as_booted
	modprobe -r dcbm 2>/dev/null
	modprobe -r dmasim 2>/dev/null
	rmdir "$root"/mgx_apply/* "$root"/mgx_apply 2>/dev/null
	rm -rf "$work"
}

plan 60

apply() {
	$mgx apply "$@" "$conf" >"$work/out" 2>"$work/err"
}

# says PATTERN...: the last apply did.
says() {
	local pattern
	for pattern; do
		grep -qE -- "$pattern" "$work/out" || { echo "# it does not say: $pattern"; return 1; }
	done
}

id() {
	stat -c %i "$root$1"
}

# The policy of a cgroup: its name, or nothing.
policy() {
	cat "$offload/policies/$(id "$1" 2>/dev/null)/name" 2>/dev/null
}

map() {
	cat "$offload/policies/$(id "$1")/map_id"
}

everything() {
	find $offload/policies -mindepth 1 -maxdepth 1 | sort
	find /sys/fs/bpf -mindepth 1 | sort
	grep -sH . $offload/policies/*/{map_id,name} $offload/{default_migrator,reason_mask,min_bytes,batch_pages,policies_enabled}
}

rm -rf /run/mgx-held
mkdir -p $root/mgx_apply
echo +memory >$root/mgx_apply/cgroup.subtree_control
mkdir -p $root/mgx_apply/web $root/mgx_apply/db-1
modprobe -r dcbm 2>/dev/null
modprobe -r dmasim 2>/dev/null
modprobe dmasim channels=4
ln -s "$top/build/bpf" "$work/policies"

write_conf() { # KNOBS of the policy for db-*
	cat >"$conf" <<-CONF
	schema = 1;
	policies_enabled = true;
	default_migrator = "dcbm";
	min_bytes = "128K";
	batch_pages = 1024;
	reason_mask = "demotion, syscall_or_cpuset";
	migrators = {
		dcbm = { enable = true; channels = 2; timeout_ms = 3000; error_limit = 32; };
	};
	policies = (
		# The whole system.
		{ object = "policies/by_reason.bpf.o"; name = "main"; knobs = { min_bytes = "1M"; }; },
		{ object = "policies/latency.bpf.o"; name = "web"; cgroup = "/mgx_apply/web"; },
		{ object = "policies/latency.bpf.o"; name = "db"; cgroups = [ "/mgx_apply/db-*", "/mgx_apply/later" ];
		  knobs = { $1 }; }
	);
	CONF
}

write_conf 'min_order = 4;'
before=$(everything)
apply --dry-run && says '^policy +main on / +load' '^policy +db on /mgx_apply/db-1 +load' \
	'^policy +db on /mgx_apply/later +pending' '^setting +min_bytes +set +65536 +131072'
point $? 'the dry run shows what is to be done'
[ "$(everything)" = "$before" ]
point $? 'and does nothing'
sed -i 's/default_migrator = "dcbm"/default_migrator = "dcmb"/' "$conf"
apply --dry-run && says '^setting +default_migrator +pending .*no migrator of that name' && sed -i 's/"dcmb"/"dcbm"/' "$conf" &&
	apply --dry-run && says '^setting +default_migrator +set '
point $? 'a default migrator that will not be there is said to be missing, and one that will be is not'

apply && says '^migrator +dcbm +enable' '^policy +db on /mgx_apply/later +pending'
point $? 'apply does it, and waits for the cgroup that is not there'
[ "$(policy /) $(policy /mgx_apply/web) $(policy /mgx_apply/db-1)" = 'main web db' ]
point $? 'each cgroup has its policy'
[ "$(cat $offload/default_migrator $offload/min_bytes $offload/batch_pages $offload/reason_mask | paste -sd' ')" = \
	'dcbm 131072 1024 syscall_or_cpuset demotion' ]
point $? 'the settings are set'
[ "$(cat /sys/module/dcbm/parameters/{enable,channels,timeout_ms} $offload/migrators/dcbm/error_limit | paste -sd' ')" = 'Y 2 3000 32' ]
point $? 'the migrator is on, with its parameters'
$mgx -j tune main min_bytes >"$work/out" 2>"$work/err" && says '"knob":"min_bytes","value":1048576'
point $? 'the knobs are set'

before=$(everything)
apply && says '^policy +db on /mgx_apply/later +pending' && [ "$(wc -l <"$work/out")" = 2 ] && [ "$(everything)" = "$before" ]
point $? 'a second run finds nothing to do'

# One knob: a store. Two: a new instance, in one step. Both keep the link.
map_before=$(map /mgx_apply/db-1)
write_conf 'min_order = 5;'
apply && says '^policy +db on /mgx_apply/db-1 +tune' && [ "$(map /mgx_apply/db-1)" = "$map_before" ] &&
	$mgx -j tune db min_order >"$work/out" && says '"value":5'
point $? 'one knob is stored'
write_conf 'min_order = 6; in_reclaim = true;'
apply && says '^policy +db on /mgx_apply/db-1 +replace' && [ "$(map /mgx_apply/db-1)" != "$map_before" ] &&
	$mgx -j tune db >"$work/out" && says '"knob":"min_order","value":6' '"knob":"in_reclaim","value":true'
point $? 'two come as a new instance'
$mgx tune main min_bytes=2M >"$work/out" 2>"$work/err" && apply && says '^policy +main on / +tune' &&
	$mgx -j tune main min_bytes >"$work/out" && says '"value":1048576'
point $? 'what was tuned by hand is as the file wants it again'
sed -i 's/channels = 2/channels = 3/' "$conf"
apply && says 'channels taken anew' && [ "$(cat /sys/module/dcbm/parameters/{enable,channels} | paste -sd' ')" = 'Y 3' ]
point $? 'another number of channels: they are taken anew'
channels() {
	sed -i -E "s/channels = [0-9]+/channels = $1/" "$conf"
	apply && [ "$(cat /sys/module/dcbm/parameters/{enable,channels} | paste -sd' ')" = "Y $1" ]
}
channels 1 && channels 10 && channels 3
point $? 'whatever digits it has'

# A file of knobs, and knobs beside it, which win.
printf 'min_order=7\nmin_bytes=4M\n' >"$work/db.knobs"
write_conf 'min_order = 6; in_reclaim = true;'
sed -i 's|^\(.*\)knobs = { min_order|\1preset = "db.knobs"; knobs = { min_order|' "$conf"
apply && says '^policy +db on /mgx_apply/db-1 +tune .*min_bytes' && $mgx -j tune db >"$work/out" &&
	says '"knob":"min_order","value":6' '"knob":"min_bytes","value":4194304'
point $? 'a preset, and knobs that differ from it'
printf 'min_order=7\nmin_bytes=8M\n' >"$work/db.knobs"
apply && says '^policy +db on /mgx_apply/db-1 +tune' && $mgx -j tune db min_bytes >"$work/out" && says '"value":8388608'
point $? 'the preset has changed'

# --- files that are wrong ---
good=$(cat "$conf")
before=$(everything)
refused() { # STATUS WORDS SED-SCRIPT
	local status=$1 words=$2 rc
	echo "$good" | sed -E "$3" >"$conf"
	apply
	rc=$?
	[ $rc = "$status" ] || echo "# exit status $rc, not $status"
	[ $rc = "$status" ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -q -- "$words" "$work/err" &&
		[ "$(everything)" = "$before" ]
	point $? "a wrong file changes nothing: $words"
}
refused 6 'mgx.conf:5: syntax error' 's/min_bytes = "128K";/min_bytes = /'
refused 5 'no such setting' 's/^batch_pages/batsch_pages/'
refused 5 'nosuch' 's/name = "web";/knobs = { nosuch = 1; };/'
refused 6 'out of range' 's/min_order = 6/min_order = 99/'
refused 5 'nosuch.bpf.o' 's/by_reason.bpf.o/nosuch.bpf.o/'
refused 6 'no such reason' 's/demotion, sys/demotoin, sys/'
refused 6 'less than 0' 's/batch_pages = 1024/batch_pages = -5/'
refused 6 'of another schema' 's/schema = 1/schema = 9/'
refused 5 'mgx.conf:.*preset: .*none.knobs' 's/db.knobs/none.knobs/'
echo "$good" >"$conf"

# --- two files ---
mkdir $root/mgx_apply/two
cat >"$work/two.conf" <<-CONF
	schema = 1;
	policies = ( { object = "policies/default.bpf.o"; name = "two"; cgroup = "/mgx_apply/two"; } );
CONF
$mgx apply "$work/two.conf" >"$work/out" 2>"$work/err" && [ "$(policy /mgx_apply/two)" = two ] &&
	apply && ! says ' unload ' >/dev/null && [ "$(policy /mgx_apply/two) $(policy /mgx_apply/web)" = 'two web' ]
point $? 'another file takes nothing away, nor is its own taken away'
sed -i 's|/mgx_apply/two|/mgx_apply/web|' "$work/two.conf"
$mgx apply "$work/two.conf" >"$work/out" 2>"$work/err"
[ $? = 8 ] && says '^policy +two on /mgx_apply/web +failed .*this file did not load: web' && [ "$(policy /mgx_apply/web)" = web ]
point $? 'and a cgroup of the other one is said to be that'

# --- what others have loaded ---
mkdir $root/mgx_apply/later
$mgx load --cgroup /mgx_apply/later --name foreign build/bpf/default.bpf.o >/dev/null
apply
[ $? = 8 ] && says 'db on /mgx_apply/later +failed' && [ "$(policy /mgx_apply/later)" = foreign ]
point $? "another's policy is left alone, and said to be there"
apply --force && [ "$(policy /mgx_apply/later)" = db ]
point $? 'but with --force'
apply && says 'as the file wants it'
point $? 'and then all is as wanted'

# --- what is not wanted any more ---
echo "$good" | sed '/name = "web"/d' >"$conf"
apply && says '^policy +web on /mgx_apply/web +unload' && [ -z "$(policy /mgx_apply/web)" ]
point $? 'a policy that is not in the file any more goes'
echo "$good" >"$conf"

# --- from now on ---
watch() {
	$mgx apply --watch --interval 0.2 "$conf" </dev/null >"$work/out" 2>"$work/err" &
	watcher=$!
}
watch
has() { [ "$(policy "$1")" = "$2" ]; }
await has /mgx_apply/web web
point $? 'watching, it does what is to be done'
mkdir $root/mgx_apply/db-2
await has /mgx_apply/db-2 db
point $? 'a cgroup that comes gets its policy'
rmdir $root/mgx_apply/db-2 && mkdir $root/mgx_apply/db-2
await has /mgx_apply/db-2 db
point $? 'a service that restarts gets it back'
echo 'policies = (' >"$conf"
grown() { grep -q 'what it said before holds' "$work/err"; }
await grown && has /mgx_apply/db-2 db
point $? 'a file that has become wrong changes nothing'
echo "${good/name = \"db\"/name = \"data\"}" >"$conf"
await has /mgx_apply/db-2 data
point $? 'a change of the file is made'
printf 'min_bytes=16M\n' >"$work/db.knobs"
value() { $mgx -j tune 2>/dev/null | grep -q "\"knob\":\"min_bytes\",\"value\":$1"; }
await value 16777216
point $? 'and a change of the preset'

# What was switched off by hand, whatever else is to be done.
off() { [ "$(cat $offload/policies_enabled /sys/module/dcbm/parameters/enable | paste -sd' ')" = '0 N' ]; }
all_on() { [ "$(cat $offload/policies_enabled /sys/module/dcbm/parameters/enable | paste -sd' ')" = '1 Y' ]; }
$mgx off >/dev/null && $mgx migrator disable dcbm >/dev/null 2>&1
printf 'min_bytes=32M\n' >"$work/db.knobs"
await value 33554432 && off && says 'policies_enabled +pending .*mgx on' 'dcbm +pending .*mgx migrator enable'
point $? 'what was switched off by hand stays off, and is said to be'
[ "$(grep -c 'policies_enabled +pending' -E "$work/out")" = 1 ]
point $? 'once'
$mgx on >/dev/null && $mgx migrator enable dcbm >/dev/null && all_on && echo 0 >$offload/policies_enabled && await all_on
point $? 'until it is switched on by hand'

# The engine's driver comes at last: no change of what the file speaks of.
$mgx migrator disable dcbm >/dev/null 2>&1 && modprobe -r dmasim && rm /run/mgx-held/dcbm
printf 'min_bytes=64M\n' >"$work/db.knobs"
waits() { grep -qE '^migrator +dcbm +pending .*no usable channel yet' "$work/out"; }
enabled() { [ "$(cat /sys/module/dcbm/parameters/enable)" = Y ]; }
min_order() { $mgx -j tune web min_order 2>/dev/null | grep -q "\"value\":$1[,}]"; }
await waits && min_order 9 && $mgx tune web min_order=3 >/dev/null && sleep 3 && min_order 3
point $? 'while an engine is waited for, what is tuned by hand stays'
modprobe dmasim channels=4 && await enabled && await min_order 9
point $? 'an engine that comes at last is used'
# What a module refuses it is asked once: its engine goes off and on for that.
taken() { dmesg | grep -c 'enabled with [0-9]* channels'; }
asked=$(taken)
echo "${good/channels = 2/channels = -3}" >"$conf"
grumbles() { grep -qE '^migrator +dcbm channels +failed ' "$work/out"; }
await grumbles && mkdir $root/mgx_apply/db-3 && await has /mgx_apply/db-3 db && sleep 3 && enabled &&
	[ $(($(taken) - asked)) = 1 ] && [ "$(cat /sys/module/dcbm/parameters/channels)" = 2 ]
point $? 'an engine whose parameter is refused is left alone'
rmdir $root/mgx_apply/db-3
# What is included is watched as well.
echo '@include "more.conf"' | cat - <(echo "$good" | sed '/batch_pages/d') >"$conf"
echo 'batch_pages = 512;' >"$work/more.conf"
batch() { [ "$(cat "$offload/batch_pages")" = "$1" ]; }
await batch 512 && echo 'batch_pages = 256;' >"$work/more.conf" && await batch 256
point $? 'a file that is included has changed'
echo "${good/name = \"db\"/name = \"data\"}" >"$conf"
await has /mgx_apply/db-2 data
kill -HUP $watcher
sleep 1
kill -0 $watcher
point $? 'a hangup makes it read again, and go on'
kill -9 $watcher
wait $watcher 2>/dev/null
has /mgx_apply/db-2 data
point $? 'and the policies stay when it is killed'
$mgx apply --watch --interval 2 "$conf" </dev/null >"$work/out" 2>"$work/err" &
watcher=$!
await says 'everything is as the file wants it' >/dev/null
for ((i = 0; i < 4; i++)); do
	: >"$conf"
	sleep 1
	echo "${good/name = \"db\"/name = \"data\"}" >"$conf"
	sleep 0.7
done
sleep 5
! says ' (un)?load ' >/dev/null && has /mgx_apply/web web && kill -0 $watcher
point $? 'while a file is written it is not read'
kill $watcher
wait $watcher
exec 9>>/run/mgx.lock
flock 9
watch
at_the_lock() { grep -q 'another mgx is at work' "$work/err"; }
await at_the_lock && kill $watcher && wait $watcher
point $? 'told to end, it ends: also while it waits for another mgx'
exec 9>&-

# --- what the kernel has ejected ---
ends() { # KNOBS
	local entry="{ object = \"$top/build/selftests/author.bpf.o\"; name = \"ends\"; cgroup = \"/mgx_apply\"; knobs = { $1 }; },"
	echo "${good/policies = (/policies = ($entry}" >"$conf"
}
ends 'quit = true;'
apply && says '^policy +ends on /mgx_apply +load' &&
	$mgx explain --reason demotion --cgroup /mgx_apply --order 3 --folios 5 >"$work/out" 2>"$work/err" &&
	grep -q '^ejected: ' "$offload/policies/$(id /mgx_apply)/state"
point $? 'a policy that ends itself'
apply && says '^policy +ends on /mgx_apply +pending +.*ejected: .*code -7: demotion of 5 folios'
point $? 'is not loaded again as it is, and said to be ejected'
ends 'smallest = 3;'
apply && says '^policy +ends on /mgx_apply +replace' &&
	grep -q '^enabled' "$offload/policies/$(id /mgx_apply)/state"
point $? 'but when the file has changed'
echo "${good/name = \"db\"/name = \"data\"}" >"$conf"
apply

# --- what a program's tag does not tell ---
twin() { # OBJECT: what is installed now
	cp "build/selftests/$1.bpf.o" "$work/new" && mv "$work/new" "$work/twin.bpf.o"
}
entry="{ object = \"twin.bpf.o\"; name = \"twin\"; cgroup = \"$root/mgx_apply\"; },"
echo "${good/policies = (/policies = ($entry}" >"$conf"
twin twin && apply && says '^policy +twin on /mgx_apply +load' && apply && says 'as the file wants it'
point $? 'a policy whose object is the same is left alone'
tags() { build/tools/bpftool prog list name twin_eligible | grep -o 'tag [0-9a-f]*'; }
before=$(tags)
twin twin_variable && apply && says '^policy +twin on /mgx_apply +replace' && [ "$(tags | sort -u)" = "$before" ] && apply &&
	says 'as the file wants it'
point $? 'one that reads another variable is replaced'
# Constants that are hidden, by other random numbers each time; also to who does not see that.
apply_elsewhere() {
	unshare --mount sh -c "mount -t tmpfs none /proc/sys/net && $mgx apply $conf" >"$work/out" 2>"$work/err"
}
echo 2 >/proc/sys/net/core/bpf_jit_harden
with_twin=$(cat "$conf")
echo "$good" >"$conf"
apply && echo "$with_twin" >"$conf" && apply && says '^policy +twin on /mgx_apply +load' && apply && says 'as the file wants it' &&
	apply_elsewhere && says 'as the file wants it'
point $? 'constants that the kernel hides are no difference'
echo 0 >/proc/sys/net/core/bpf_jit_harden

# --- cgroups that cannot be looked at ---
entry="{ object = \"cgroup_budget\"; cgroup_knobs = ( { knob = \"weights\"; cgroup = \"/mgx_apply/web\"; value = 300; } ); },"
echo "${good/policies = (/policies = ($entry}" >"$conf"
weight() { $mgx -j tune cgroup_budget 2>/dev/null | grep -q '"value":300[,}]'; }
apply && weight
point $? 'a knob of a cgroup'
before=$(everything)
unshare --mount sh -c "umount $root && ! $mgx apply $conf" >"$work/out" 2>"$work/err" && weight && [ "$(everything)" = "$before" ] &&
	says 'cgroups: .*nothing is unloaded meanwhile' 'cgroups of weights: .*none is taken away'
point $? 'is not taken away where cgroups cannot be looked at, nor is a policy'
echo "${good/name = \"db\"/name = \"data\"}" >"$conf"
apply

# --- killed wherever it is ---
# Of each instance what came with it: the name and a knob, changed by one replacement.
instances() {
	$mgx -j tune 2>/dev/null | grep -oE '"policy":"(data|old[01])","link_id":[0-9]+,"knob":"min_order","value":[0-9]+' |
		sed -E 's/"policy":"([^"]*)".*:/\1 /'
}
structs() {
	build/tools/bpftool map list | grep -c '^[0-9]*: struct_ops '
}
no_more_structs() {
	[ "$(structs)" -le "$before_structs" ]
}
# changes NAME ORDER: the file, so that the three policies come as new instances.
changes() {
	echo "$good" | sed "s/name = \"db\"/name = \"$1\"/; s/min_order = 6/min_order = $2/" >"$conf"
}

changes data 1
start=${EPOCHREALTIME/./}
apply
whole=$((${EPOCHREALTIME/./} - start))
before=$(find /sys/fs/bpf -mindepth 1 | sort)
before_structs=$(structs)
rm -rf "$work/all" && bad=0
killed=0 old='data 1' new_when_killed=(0 0 0 0)
for ((i = 0; killed < kills; i++)); do
	new="old$((i % 2)) $((i % 9))"
	# shellcheck disable=SC2086
	changes $new
	$mgx apply "$conf" >/dev/null 2>"$work/err" &
	victim=$!
	after=$((whole * RANDOM / 32768))
	sleep "$((after / 1000000)).$(printf '%06d' $((after % 1000000)))"
	kill -9 $victim 2>/dev/null
	wait $victim 2>/dev/null
	[ $? != 137 ] || killed=$((killed + 1))
	instances >"$work/instances"
	done=$(grep -cx "$new" "$work/instances")
	[ $((done + $(grep -cx "$old" "$work/instances"))) = 3 ] && [ "$(wc -l <"$work/instances")" = 3 ] ||
		{ bad=1; echo "# $old, to be $new: $(paste -sd, "$work/instances")"; }
	new_when_killed[done]=$((new_when_killed[done] + 1))
	apply || { bad=1; echo "# the next run: $(cat "$work/err")"; }
	[ "$(instances | sort -u)" = "$new" ] && [ "$(find /sys/fs/bpf -mindepth 1 | sort)" = "$before" ] ||
		{ bad=1; echo "# the next run left: $(instances | paste -sd,)"; }
	old=$new
	[ $((i % 50)) != 49 ] || echo "# killed $killed times in $((i + 1)) runs"
done
echo "# of three policies so many were new: ${new_when_killed[0]} times none, ${new_when_killed[1]} one, ${new_when_killed[2]} two, ${new_when_killed[3]} all"
point "$bad" "killed $kills times: each policy is the old or the new one, and the next run finishes"
await no_more_structs
point $? 'and no instance has stayed behind'

# The single steps: load, replace and unload of one policy, each killed and then run again.
pin=/sys/fs/bpf/mgx/one
mkdir -p $root/mgx_apply/one
kill_one() { # COMMAND...
	local after
	"$@" >/dev/null 2>"$work/err" &
	victim=$!
	after=$((whole_one * RANDOM / 32768))
	sleep "$((after / 1000000)).$(printf '%06d' $((after % 1000000)))"
	kill -9 $victim 2>/dev/null
	wait $victim 2>/dev/null
	[ $? != 137 ] || killed=$((killed + 1))
}
object() { $mgx -j list | sed 's/},{/\n/g' | grep '"name":"one"' | grep -oE '"object":"[a-z_]*"' | cut -d'"' -f4; }
again() { # COMMAND...: what was killed, until it is done
	"$@" >/dev/null 2>"$work/err" || { bad=1; echo "# again: $(cat "$work/err")"; }
}
load=("$mgx" load --cgroup /mgx_apply/one --name one build/bpf/by_reason.bpf.o)
replace=("$mgx" replace one build/bpf/latency.bpf.o)
whole_one=0
start=${EPOCHREALTIME/./}
again "${load[@]}"
whole_one=$((${EPOCHREALTIME/./} - start))
again "$mgx" unload one
bad=0 killed=0
for ((i = 0; killed < kills; i++)); do
	kill_one "${load[@]}"
	if [ "$(policy /mgx_apply/one)" = one ]; then
		[ -e $pin ] || { bad=1; echo '# loaded, and no pin'; }
	else
		[ ! -e $pin ] || { bad=1; echo '# a pin, and not loaded'; }
		again "${load[@]}"
	fi
	kill_one "${replace[@]}"
	case $(object) in
	by_reason_ops) again "${replace[@]}" ;;
	latency_ops) ;;
	*) bad=1; echo "# replaced by $(object)" ;;
	esac
	[ "$(object)" = latency_ops ] || bad=1
	kill_one "$mgx" unload one
	# Detached, and its pin there still: it can be unloaded, and loaded over.
	[ ! -e $pin ] || [ $((i % 2)) = 0 ] || again "$mgx" unload one
	[ -e $pin ] || [ -z "$(policy /mgx_apply/one)" ] || { bad=1; echo '# no pin, and loaded'; }
	[ -z "$(policy /mgx_apply/one)" ] || again "$mgx" unload one
	[ $((i % 50)) != 49 ] || echo "# killed $killed times in $((3 * i + 3)) runs"
done
[ ! -e $pin ] || again "$mgx" unload one
point "$bad" "load, replace and unload, killed $kills times: done or not done, and the next one finishes"
await no_more_structs
point $? 'and nothing of them has stayed behind'
exit $failed
