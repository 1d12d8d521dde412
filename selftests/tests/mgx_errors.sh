#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 900
#
# Every way in which mgx can fail has its exit status, says on one line of stderr what
# failed on what and what to do next, with -j also on stdout, and leaves nothing half done.
# The cases are run by selftests/mgx_cases.c.
set -u
cd "$(dirname "$0")/../.." || exit 1

mgx=build/mgx
bpf=build/bpf
self=build/selftests
offload=/sys/kernel/mm/migrate_offload
work=/tmp/mgx_errors.work
rm -rf $work
mkdir -p $work
trap cleanup EXIT

cleanup() {
	$mgx unload errors >/dev/null 2>&1
	modprobe -r dcbm 2>/dev/null
	rm -rf "$work"
	rmdir /sys/fs/cgroup/mgx_errors 2>/dev/null
}

echo none >$offload/default_migrator
modprobe -r dcbm 2>/dev/null
modprobe -r dmasim 2>/dev/null
modprobe -r mtcopy 2>/dev/null
mkdir -p /sys/fs/cgroup/mgx_errors
echo "no policy at all" >$work/text.bpf.o
: >$work/empty.bpf.o
cp $bpf/default.bpf.o $bpf/by_reason.bpf.o $work/
echo 'policies = (' >$work/syntax.conf
echo 'nosuch = 1;' >$work/setting.conf
echo 'policies_enabled = 1;' >$work/type.conf
echo 'schema = 2;' >$work/schema.conf
echo 'migrators = { dcbm = 1; };' >$work/migrator.conf
echo 'policies = ( { name = "x"; } );' >$work/noobject.conf
echo 'policies = ( { object = "default.bpf.o"; color = "red"; } );' >$work/member.conf
echo 'policies = ( { object = "default.bpf.o"; cgroup = "web"; } );' >$work/cgroup.conf
echo 'policies = ( { object = "default.bpf.o"; knobs = { nosuch = 1; }; } );' >$work/knob.conf
echo 'policies = ( { object = "default.bpf.o"; knobs = { min_bytes = "9T"; }; } );' >$work/value.conf
echo 'policies = ( { object = "text.bpf.o"; } );' >$work/object.conf
echo 'policies = ( { object = "default.bpf.o"; name = "a-b"; } );' >$work/name.conf
echo 'policies = ( { object = "by_reason.bpf.o"; cgroup = "/mgx_errors"; } );' >$work/foreign.conf
echo 'min_bytes = "64X";' >$work/bytes.conf
echo 'min_bytes = "K";' >$work/nodigit.conf
printf '@include "number.conf"\n' >$work/include.conf
echo 'min_bytes = 09999999999;' >$work/octal.conf
printf '/* 99999999999 */ # "\nmin_bytes = 4295032832;\n' >$work/number.conf
echo 'policies = ( { object = "default.bpf.o"; cgroup = "/a/.."; } );' >$work/parent.conf
echo 'policies = ( { object = "default.bpf.o"; preset = "nosuch.knobs"; } );' >$work/preset.conf
echo 'policies = ( { object = "default.bpf.o"; preset = "range.knobs"; } );' >$work/preset2.conf
echo 'policies = ( { object = "default.bpf.o"; preset = "words.knobs"; } );' >$work/preset3.conf
echo 'policies = ( { object = "default.bpf.o"; preset = 4; } );' >$work/preset4.conf
printf '# fine\n\nmin_bytes=4K\nnosuch=1\n' >$work/unknown.knobs
printf 'engine=cpu\nmin_bytes = 9T\n' >$work/range.knobs
printf 'min_bytes=4K\nengine=cpu\nmin_bytes=8K\n' >$work/twice.knobs
printf 'min_bytes 4K\n' >$work/words.knobs
printf '=4K\n' >$work/noname.knobs
printf 'min_bytes=4K\r\n' >$work/dos.knobs
printf '# \0\nmin_bytes=4K\n' >$work/binary.knobs
printf 'engine=%02000d\n' 1 >$work/long.knobs
printf '#%01000d\n' $(seq 100) >$work/large.knobs
printf 'engine=aaaaaaaaaaaaaaaaaaaaaaaa' >$work/noend.knobs
printf 'min_bytes=4K\n' >$work/good.knobs
mkfifo $work/fifo.knobs

cat >$work/cases <<CASES
# the command line
2|no command is given|plain: 
2|no such command|frobnicate
2|no such option|--nosuch
2|one word too many|features extra
2|one word too many|list extra
2|no such option|list --nosuch
2|one word too many|version extra
2|no such command|help nosuch
2|one word too many|help load extra
2|one word too many|on extra
2|one word too many|off extra
2|no object file|load
2|one word too many|load a b
2|missing|load --set
2|not an assignment|load --set min_bytes $bpf/default.bpf.o
2|missing|load --knobs
2|missing or too much|load --knobs $work/good.knobs --knobs $work/good.knobs $bpf/default.bpf.o
2|no object file|check
2|no policy|replace
2|no object file|replace errors
2|no policy|unload
2|one word too many|unload a b
2|one word too many|explain extra
2|missing|explain --reason
2|no such action|migrator frobnicate
2|no migrator|migrator enable
2|no migrator|migrator disable
2|no channel|migrator release dcbm
2|one word too many|migrator rearm a b c
2|one word too many|migrator list extra
2|no parameter to be set|migrator enable dcbm channels
2|always there|migrator disable cpu
2|for enable|migrator list --default
2|one word too many|stats extra
2|how long|stats --count 3
2|for people|stats --delta
2|no lines|trace --histogram --count 3
2|no terminal|plain: top
2|one word too many|dump extra
2|no policy|tune --object $bpf/default.bpf.o
2|nothing is to be set|tune errors --object $bpf/default.bpf.o
2|sets nothing|tune errors --object $bpf/default.bpf.o min_bytes
2|one word too many|bench extra
2|missing|bench --orders
2|no file|apply
2|together|apply --watch --dry-run $work/foreign.conf
2|nothing to wait for|apply --interval 1 $work/foreign.conf
# what is not there
5|nosuch|load $work/nosuch.bpf.o
5|nosuch|check $work/nosuch.bpf.o
5|nosuch|load --cgroup /sys/fs/cgroup/nosuch $bpf/default.bpf.o
5|4294967295|load --cgroup 4294967295 $bpf/default.bpf.o
5|/etc|load --cgroup /etc $bpf/default.bpf.o
5|nosuch|load --set nosuch=1 $bpf/default.bpf.o
5|nosuch.bpf.o|load nosuch
5|nosuch.knobs|load --knobs nosuch $bpf/default.bpf.o
5|name of a preset|check --knobs $work/nosuch.knobs $bpf/default.bpf.o
5|unknown.knobs:4: knob nosuch|load --knobs $work/unknown.knobs $bpf/default.bpf.o
5|unknown.knobs:4: knob nosuch|replace errors --knobs $work/unknown.knobs $bpf/default.bpf.o
5|by_reason.knobs:[0-9]*: knob rule0_verdict|load --knobs by_reason $bpf/default.bpf.o
5|preset: .*nosuch.knobs|apply $work/preset.conf
5|nosuch|unload nosuch
5|id:99999|unload id:99999
5|id:|unload id:
5|id:4294967297|unload id:4294967297
5|nosuch|status nosuch
5|id:99999|status id:99999
5|nosuch|replace nosuch $bpf/default.bpf.o
5|nosuch|replace errors $work/nosuch.bpf.o
5|nosuch|tune nosuch
5|nosuch|tune errors nosuch
5|nosuch|tune errors nosuch=1
5|nosuch|tune errors min_bytes=4K nosuch=1
5|nosuch|tune errors --object $work/nosuch.bpf.o min_bytes=4K
5|nosuch|explain --cgroup /nosuch
5|nosuch|migrator enable nosuch
5|no such migrator|migrator enable ../dcbm
5|nosuch|migrator disable nosuch
5|nosuch|migrator rearm nosuch
5|nosuch|migrator release nosuch dma0chan0
5|no parameter nosuch|migrator enable dcbm nosuch=1
5|no usable channel|migrator enable dcbm
5|nosuch|stats --prometheus $work/nosuch/x.prom
5|nosuch|trace --migrator nosuch
5|nosuch|trace --cgroup /nosuch
5|nosuch|apply $work/nosuch.conf
5|no migrator nosuch|bench --migrators nosuch
5|no migrator ..|bench --migrators ../cpu
5|no such node|bench --to 999
5|no such setting|apply $work/setting.conf
5|no such member|apply $work/member.conf
5|nosuch|apply $work/knob.conf
# values
6|no cgroup is called so|load --cgroup '' $bpf/default.bpf.o
6|no cgroup is called so|load --cgroup 0 $bpf/default.bpf.o
6|without a name|migrator release dcbm ''
6|reason|explain --reason compaction,memory_failure
6|number.conf:2: 4295032832: the number is too large|apply $work/number.conf
6|number.conf:2: 4295032832: the number is too large|apply $work/include.conf
6|octal.conf:1: 09999999999: the number is too large|apply $work/octal.conf
6|no regular file|apply /dev/stdin
6|no size|apply $work/nodigit.conf
6|no path|apply $work/parent.conf
6|64 bits|load --cgroup 99999999999999999999999999 $bpf/default.bpf.o
6|cannot be called|load --name bad-name $bpf/default.bpf.o
6|cannot be called|load --name '' $bpf/default.bpf.o
6|cannot be called|load --name abcdefghijklmnop $bpf/default.bpf.o
6|min_bytes|load --set min_bytes=-1 $bpf/default.bpf.o
6|min_bytes|load --set min_bytes=many $bpf/default.bpf.o
6|min_bytes|load --set min_bytes= $bpf/default.bpf.o
6|min_bytes|check --set min_bytes=2G $bpf/default.bpf.o
6|engine|load --set engine=aaaaaaaaaaaaaaaaaaaa $bpf/default.bpf.o
6|range.knobs:2: knob min_bytes|load --knobs $work/range.knobs $bpf/default.bpf.o
6|range.knobs:2: knob min_bytes|replace errors --knobs $work/range.knobs $bpf/default.bpf.o
6|twice.knobs:3: .*by line 1 already|load --knobs $work/twice.knobs $bpf/default.bpf.o
6|words.knobs:1: it is no assignment|load --knobs $work/words.knobs $bpf/default.bpf.o
6|noname.knobs:1: it is no assignment|check --knobs $work/noname.knobs $bpf/default.bpf.o
6|dos.knobs:1: .*carriage return|load --knobs $work/dos.knobs $bpf/default.bpf.o
6|binary.knobs:1: .*no text|load --knobs $work/binary.knobs $bpf/default.bpf.o
6|long.knobs:1: .*longer than 1024|load --knobs $work/long.knobs $bpf/default.bpf.o
6|large.knobs: .*longer than 64 KiB|load --knobs $work/large.knobs $bpf/default.bpf.o
6|noend.knobs:1: knob engine|load --knobs $work/noend.knobs $bpf/default.bpf.o
6|no regular file|load --knobs /dev/zero $bpf/default.bpf.o
6|no regular file|load --knobs /tmp $bpf/default.bpf.o
6|no regular file|load --knobs $work/fifo.knobs $bpf/default.bpf.o
6|min_bytes|load --knobs $work/good.knobs --set min_bytes=9T $bpf/default.bpf.o
6|min_bytes|tune errors min_bytes=9999999999999
6|min_bytes|tune errors min_bytes=many
6|min_bytes|tune errors min_bytes=4K min_bytes=many
6|min_bytes|tune errors --object $bpf/default.bpf.o min_bytes=9999999999999
6|no such reason|explain --reason nosuch
6|failing memory|explain --reason memory_failure
6|order|explain --order x
6|order|explain --order 64
6|larger than this kernel|explain --order 40
6|folios|explain --folios 0
6|folios|explain --folios 513
6|kind|explain --kind nosuch
6|mode|explain --mode nosuch
6|from|explain --from -1
6|to|explain --to 9999
6|channels=0|migrator enable dcbm channels=0
6|timeout_ms=1|migrator enable dcbm min_chunk=131072 timeout_ms=1
6|interval|stats --interval 0
6|interval|stats --interval often
6|count|stats --interval 1 --count 0
6|orders|bench --orders 10
6|orders|bench --orders 0,,9
6|groups|bench --groups 4K
6|groups|bench --groups 64X
6|groups|bench --groups 2G
6|repetitions|bench --repetitions 1
6|repetitions|bench -n 100000
6|size|bench --size 4096G
6|same node|bench --from 1 --to 1
6|from|bench --from one
6|called so|bench --plot picture.gif
6|sort|top --sort nosuch
6|by|top --by nosuch
6|interval|top --interval 0
6|count|top --count -1
6|events|trace --events nosuch
6|reason|trace --reason nosuch
6|slower|trace --slower fast
6|slower|trace --slower 5
6|count|trace --count 0
6|time|trace --time never
6|buffer|trace --buffer 0
6|syntax.conf:|apply $work/syntax.conf
6|type.conf:1|apply $work/type.conf
6|schema|apply $work/schema.conf
6|of the wrong type|apply $work/migrator.conf
6|no object|apply $work/noobject.conf
6|no path|apply $work/cgroup.conf
6|min_bytes|apply $work/value.conf
6|cannot be called|apply $work/name.conf
6|no size|apply $work/bytes.conf
6|range.knobs:2: knob min_bytes|apply $work/preset2.conf
6|preset3.conf:1: preset: .*words.knobs:1|apply $work/preset3.conf
6|in quotes|apply $work/preset4.conf
6|interval|apply --watch --interval 0 $work/foreign.conf
# objects
7|text|load $work/text.bpf.o
7|empty|load $work/empty.bpf.o
7|not a BPF object|load /tmp
7|refused_ctx_write|load $self/refused_ctx_write.bpf.o
7|refused_ctx_write|check $self/refused_ctx_write.bpf.o
7|refused_kfunc_tracing|load $self/refused_kfunc_tracing.bpf.o
7|refused_ctx_write|replace errors $self/refused_ctx_write.bpf.o
7|its programs differ|tune errors --object $bpf/by_reason.bpf.o min_bytes=4K
7|text.bpf.o|apply $work/object.conf
# places that are taken
8|has a policy already|load --cgroup /mgx_errors --name other $bpf/default.bpf.o
8|errors|load --name errors $bpf/default.bpf.o
8|did not load|apply $work/foreign.conf
# no permission
4|root|nobody: load $bpf/default.bpf.o
4|root|nobody: check $bpf/default.bpf.o
4|permission|nobody: load --knobs $work/secret.knobs $bpf/default.bpf.o
4|root|nobody: unload errors
4|root|nobody: tune errors min_bytes=4K
4|root|nobody: list
4|root|nobody: status id:1
4|root|nobody: on
4|root|nobody: explain
4|root|nobody: migrator enable mtcopy
4|root|nobody: migrator rearm cpu
4|permission|nobody: stats --prometheus $work/x.prom
4|root|nobody: trace
4|root|nobody: top
4|root|nobody: bench
4|root|nobody: apply $work/foreign.conf
# what a kernel may not have
3|debugfs|no:/sys/kernel/debug: explain
3|does not have it|hide:/sys/kernel/mm: on
3|does not have it|hide:/sys/kernel/mm: status
3|does not have it|hide:/sys/kernel/mm: stats
3|does not have it|hide:/sys/kernel/mm: migrator
3|does not have it|hide:/sys/kernel/mm: explain
3|does not have it|hide:/sys/kernel/mm: apply $work/foreign.conf
3|no usable BTF|hide:/sys/kernel/btf: load $bpf/default.bpf.o
3|no usable BTF|hide:/sys/kernel/btf: list
3|does not have it|hide:/sys/kernel/mm: bench
3|but one memory node|hide:/sys/devices/system/node: bench
3|install gnuplot|hide:/usr/bin: bench --plot picture.svg
3|no cgroup2|no:/sys/fs/cgroup: bench
3|no usable BTF|hide:/sys/kernel/btf: trace
3|no cgroup2|no:/sys/fs/cgroup: load --cgroup /mgx_errors $bpf/default.bpf.o
1|not mounted|no:/sys/fs/bpf: load $bpf/default.bpf.o
CASES

# What nobody may read is no case.
chmod 755 $work
install -m 600 $work/good.knobs $work/secret.knobs
nr=$(grep -cvE '^(#|$)' $work/cases)
echo "TAP version 13"
echo "1..$((nr + 3))"

failed=0
if $mgx load --cgroup /sys/fs/cgroup/mgx_errors --name errors $bpf/default.bpf.o >$work/out 2>&1; then
	echo "ok 1 a policy is loaded"
else
	echo "not ok 1 a policy is loaded"
	failed=1
	sed 's/^/# /' $work/out
fi
$mgx -j tune errors >$work/before 2>&1
$self/mgx_cases 2 <$work/cases || failed=1
$mgx -j tune errors >$work/after 2>&1
if cmp -s $work/before $work/after && grep -q '"knob":"min_bytes"' $work/after; then
	echo "ok $((nr + 2)) its knobs are as they were"
else
	echo "not ok $((nr + 2)) its knobs are as they were"
	failed=1
	sed 's/^/# /' $work/before $work/after
fi
if $mgx unload errors >$work/out 2>&1; then
	echo "ok $((nr + 3)) the policy is unloaded"
else
	echo "not ok $((nr + 3)) the policy is unloaded"
	failed=1
	sed 's/^/# /' $work/out
fi
exit $failed
