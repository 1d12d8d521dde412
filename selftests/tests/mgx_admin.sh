#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 600
#
# What an admin does at night: the switch, what would be copied by whom, a policy that is
# looked at before it is loaded, migrators and their modules, and the dump for a report.
set -u
cd "$(dirname "$0")/../.." || exit 1

mgx=build/mgx
offload=/sys/kernel/mm/migrate_offload
work=$(mktemp -d)
trap cleanup EXIT

cleanup() {
	$mgx unload admin >/dev/null 2>&1
	echo none >"$offload"/default_migrator
	echo 1 >"$offload"/policies_enabled
	modprobe -r dcbm 2>/dev/null
	modprobe -r dmasim 2>/dev/null
	modprobe -r mtcopy 2>/dev/null
	rmdir /sys/fs/cgroup/mgx_admin 2>/dev/null
	rm -rf "$work"
}

number=0 failed=0
echo "TAP version 13"
echo "1..29"

# says WHAT PATTERN... -- COMMAND...: it succeeds, and says each of the patterns.
says() {
	local what=$1 patterns=() verdict=ok
	shift
	while [ "$1" != -- ]; do
		patterns+=("$1")
		shift
	done
	shift
	"$@" >"$work/out" 2>"$work/err" || { verdict='not ok'; echo "# exit status $?"; }
	for pattern in "${patterns[@]}"; do
		grep -qE -- "$pattern" "$work/out" || { verdict='not ok'; echo "# it does not say: $pattern"; }
	done
	point "$verdict" "$what"
}

point() {
	number=$((number + 1))
	echo "$1 $number $2"
	[ "$1" = ok ] || { failed=1; sed 's/^/# /' "$work/out" "$work/err"; }
}

# is FILE VALUE WHAT
is() {
	local value verdict=ok
	value=$(cat "$1" 2>&1)
	[ "$value" = "$2" ] || { verdict='not ok'; echo "# $1 is $value, not $2"; }
	point "$verdict" "$3"
}

mkdir -p /sys/fs/cgroup/mgx_admin
echo none >$offload/default_migrator
modprobe -r dcbm 2>/dev/null
modprobe -r dmasim 2>/dev/null
modprobe dmasim channels=4

says 'migrator enable loads dcbm, with parameters, as the default' '^dcbm .* registered' \
	-- $mgx migrator enable dcbm channels=2 min_chunk=131072 --default
is /sys/module/dcbm/parameters/channels 2 'its parameter is set'
if $mgx migrator enable dcbm verify=Y >"$work/out" 2>"$work/err" && [ ! -s "$work/err" ] &&
	[ "$(cat /sys/module/dcbm/parameters/verify)" = Y ] &&
	$mgx migrator enable dcbm verify=N channels=2 >"$work/out" 2>"$work/err" &&
	grep -q "warning: dcbm is on already: channels applies when it is enabled the next time" "$work/err" && [ "$(wc -l <"$work/err")" = 1 ]; then
	point ok 'on already, it says what has to wait, and only that'
else
	point 'not ok' 'on already, it says what has to wait, and only that'
fi
is $offload/default_migrator dcbm 'it is the default migrator'
says 'migrator list has the migrators, the channels and the parameters' \
	'^cpu +1 registered' '^dma0chan1 .* idle' '^dcbm +min_chunk +131072' -- $mgx migrator list
# One of two parameters is refused: the other one is as it was.
if $mgx migrator enable dcbm min_chunk=65536 timeout_ms=1 >"$work/out" 2>"$work/err"; then
	point 'not ok' 'a parameter out of its range is refused'
else
	point ok 'a parameter out of its range is refused'
fi
is /sys/module/dcbm/parameters/min_chunk 131072 'and the one before it is put back'

says 'the policy is loaded' 'attached' -- $mgx load --cgroup /mgx_admin --name admin build/bpf/latency.bpf.o
awk '$1 == "offered"' $offload/books/demotion >"$work/before"
events() { grep -E '^(eligible|select|done)' $offload/policies/*/events; }
events >>"$work/before"
says 'off switches policies off' 'policies_enabled no' 'built-in default, with migrator dcbm' -- $mgx off
is $offload/policies_enabled 0 'it is off'
says 'explain knows: with the switch off the default decides' \
	'^eligible +- +the built-in default' '^ahead +dcbm' \
	-- $mgx explain --reason demotion --cgroup /mgx_admin --order 0 --folios 64
says 'on switches them on, as JSON' '"policies_enabled":true,"was":false' -- $mgx -j on
is $offload/policies_enabled 1 'it is on'
says 'bench measures, and says what' 'wall clock of move_pages' '^ +0 +4 KiB +64 KiB cpu ' \
	-- $mgx bench --orders 0 --groups 64K --migrators cpu --repetitions 2 --size 128K
says 'explain names the policy that says single' '^eligible +/mgx_admin +admin +single' '^single' \
	-- $mgx explain --reason demotion --cgroup /mgx_admin --order 0 --folios 64
says 'and for huge folios who copies them, as JSON' '"policy":"admin","answer":"dcbm"' \
	'"verdict":"ahead","migrator":"dcbm"' -- $mgx -j explain -R demotion -c /mgx_admin -o 9 -f 64
{ awk '$1 == "offered"' $offload/books/demotion; events; } >"$work/after"
if cmp "$work/before" "$work/after" >"$work/out" 2>&1; then
	point ok 'and nobody is charged, nothing counted'
else
	point 'not ok' 'and nobody is charged, nothing counted'
fi

says 'check says what the verifier saw, and where the policy would go' \
	'^name +by_reason' '^by_reason_select +no +[0-9]+' '^min_bytes +1M ' \
	-- $mgx check --set min_bytes=1M build/bpf/by_reason.bpf.o
if ! $mgx check build/selftests/refused_ctx_write.bpf.o >"$work/out" 2>"$work/err" &&
	grep -q 'call->order = 0' "$work/out" && grep -q 'only read is supported' "$work/out" &&
	[ "$(wc -l <"$work/err")" = 1 ]; then
	point ok 'and the line of the source that is refused'
else
	point 'not ok' 'and the line of the source that is refused'
fi
if [ ! -e $offload/policies/1 ]; then
	point ok 'check attaches nothing'
else
	point 'not ok' 'check attaches nothing'
fi

# An engine all of whose copies fail is put in quarantine; the CPU does its work.
$mgx off >/dev/null
echo 1 >$offload/migrators/dcbm/error_limit
echo 1 >/sys/module/dmasim/parameters/error_every
build/selftests/pages -m 1 -k 64 -n 4 >"$work/out" 2>"$work/err"
echo 0 >/sys/module/dmasim/parameters/error_every
says 'migrator list shows a quarantine' '^dcbm +[0-9]+ quarantined' -- $mgx migrator list
says 'status says when and why' '^ *[0-9]+ 20[0-9-]+ [0-9:]+ quarantined dcbm +1 jobs in a row failed' -- $mgx status
says 'dump has the record of it' '"what":"quarantined","name":"dcbm","text":"1 jobs in a row failed' \
	-- $mgx -j dump
says 'migrator rearm ends it' '^dcbm +[0-9]+ registered' -- $mgx migrator rearm dcbm

# Single channels, if this kernel's dcbm has that.
verdict=ok
if [ -e /sys/module/dcbm/parameters/release ]; then
	$mgx migrator release dcbm dma0chan1 >"$work/out" 2>"$work/err" || verdict='not ok'
	$mgx migrator rearm dcbm dma0chan1 >"$work/out" 2>"$work/err"
	[ $? = 5 ] && grep -q 'given back' "$work/err" || verdict='not ok'
	point "$verdict" 'migrator release gives one channel back, which cannot be rearmed then'
else
	$mgx migrator release dcbm dma0chan1 >"$work/out" 2>"$work/err"
	[ $? = 3 ] && grep -q 'no parameter release' "$work/err" || verdict='not ok'
	point "$verdict" 'migrator release says clearly that this kernel cannot do it'
fi

says 'dump, as JSON, has all there is' '"features":\[' '"incidents":\[' '"knob":"min_order"' \
	'"tag":"[0-9a-f]{16}"' '"cgroup_path":"/mgx_admin"' '"channel":"dma0chan0"' \
	'CONFIG_MIGRATE_EXT=y' '"kernel_log":\[\{' -- $mgx -j dump
# Without /proc/config.gz, as on most distributions.
cat >"$work/no-config" <<'END'
mkdir -p /boot && mount -t proc -o subset=pid proc /proc && mount -t tmpfs tmpfs /boot && [ ! -e /proc/config.gz ] || exit 1
echo CONFIG_MIGRATE_EXT=boot >/boot/config-"$(uname -r)"
exec "$@"
END
says 'its configuration is that of /boot where the kernel shows none' '"line":"CONFIG_MIGRATE_EXT=boot"' \
	-- unshare --mount bash "$work/no-config" $mgx -j dump
says 'migrator disable gives the channels back' '^dcbm .* gone' -- $mgx migrator disable dcbm
says 'mtcopy comes and goes, though it has no switch' '^mtcopy .* gone' \
	-- sh -c "$mgx migrator enable mtcopy && $mgx migrator disable mtcopy"
exit $failed
