#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# host
# arch: x86_64
# timeout: 1800
#
# mgx.service, started by a systemd: the package of mgx in a Debian that boots. On the kernel
# of make deb-kernel policies are there from boot on, and a service that restarts gets its
# own back; on Debian's kernel, which knows nothing of all this, the unit is skipped.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/debian.sh
. selftests/lib/tap.sh

package=(build/deb/mgx_*.deb)
image=(build/deb/kernel/linux-image-*.deb)
[ -e "${package[0]}" ] || { echo "Bail out! no package; run make deb"; exit 1; }
debian_unpack

run() {
	"$@" >"$work/out" 2>"$work/err"
}

boot() { # NAME VERSION [OPTION...]: with $work/script, whose results are in $there then
	local name=$1 version=$2
	shift 2
	there=build/vm/mgx_systemd-$name/results
	point_shows=("$there/err" "$there/status" "$there/journal" "$work/err")
	run selftests/vm/debian --root "$root" --kernel "$root/boot/vmlinuz-$version" --initrd "$root/boot/initrd.img-$version" \
		--results "build/vm/mgx_systemd-$name" --timeout 900 "$@" "$work/script"
}

is() { # FILE of the guest, TEXT
	[ "$(cat "$there/$1")" = "$2" ]
}

says() { # FILE of the guest, PATTERN...
	local file=$there/$1 pattern
	shift
	for pattern; do grep -qE -- "$pattern" "$file" || { echo "# it does not say: $pattern"; return 1; }; done
}

plan 21
run in_root_install "${package[0]}" && [ -h "$root/etc/systemd/system/multi-user.target.wants/mgx.service" ]
point $? 'the package is installed in a Debian of its own, and its service enabled'
cat >"$root/etc/mgx/mgx.conf" <<'END'
schema = 1;
migrators = { mtcopy = { enable = true; threads = 3; }; };
policies = (
	{ object = "/usr/lib/migrate_ext/by_reason.bpf.o"; name = "main"; knobs = { engine = "mtcopy"; min_bytes = "1M"; }; },
	{ object = "/usr/lib/migrate_ext/latency.bpf.o"; name = "job"; cgroups = [ "/system.slice/job-*.service" ]; }
);
END

# --- a kernel that knows nothing of it ---
cat >"$work/script" <<'END'
systemctl status mgx.service >status
systemctl show mgx.service -p ActiveState -p Result -p ConditionResult >show
systemctl --failed --no-legend >failed
systemctl start mgx.service >start 2>&1; echo $? >>start
mgx features >features; echo $? >>features
mgx status >mgx-status 2>&1; echo $? >>mgx-status
exit 0
END
stock=$(basename "$root"/boot/vmlinuz-*)
boot stock "${stock#vmlinuz-}" --no-scan
point $? "Debian's own kernel boots: ${stock#vmlinuz-}"
says show '^ActiveState=inactive' '^Result=success' '^ConditionResult=no' &&
	says status 'Condition: start condition failed' 'ConditionPathExists=/sys/kernel/mm/migrate_offload/policies_enabled was not met'
point $? 'there the unit is skipped, and says for which condition'
is failed ''
point $? 'and not failed, nor is anything else'
is start 0
point $? 'to start it by hand is no failure either'
says features '^struct migrate_ext_ops +no +yes .*boot a kernel with the migrate_ext patches' && says features '^policies are asked +no ' && says mgx-status 'this kernel' && [ "$(tail -n 1 "$there/mgx-status")" = 3 ]
point $? 'mgx says there what is missing'

# --- the patched one ---
rest=15
if [ ! -e "${image[0]}" ]; then
	for ((i = 0; i < rest; i++)); do
		number=$((number + 1))
		echo "ok $number # SKIP there is no package of the patched kernel; run make deb-kernel"
	done
	exit $failed
fi
run in_root_install "${image[0]}"
release=$(image_version "${image[0]}")
cat >"$work/script" <<'END'
offload=/sys/kernel/mm/migrate_offload
cgroup() { stat -c %i /sys/fs/cgroup/system.slice/job-1.service 2>/dev/null; }
policy() { cat "$offload/policies/$1/name" 2>/dev/null; }
decides() { [ "$(policy "$(cgroup)")" = job ]; }
await() { for ((i = 0; i < 600; i++)); do ! "$@" || return 0; sleep 0.1; done; return 1; }
maps() { cat $offload/policies/*/map_id | sort | paste -sd' '; }

await test -e $offload/policies/1
systemctl status mgx.service >status
systemctl is-active mgx.service >active
systemctl --failed --no-legend >failed
systemd-analyze verify --man=no /lib/systemd/system/mgx.service >verify 2>&1; echo $? >>verify
mgx status >mgx-status 2>&1
mgx features >features 2>&1
cat /sys/module/mtcopy/parameters/threads >threads
cat $offload/migrators/mtcopy/state >mtcopy
mgx -j tune main min_bytes >knob

# A service that comes, restarts, fails and is restarted, and goes.
systemd-run --unit job-1 -p Restart=always -p RestartSec=0 sleep infinity >run 2>&1
await decides; policy "$(cgroup)" >job-began
first=$(cgroup)
systemctl restart job-1.service
await decides; policy "$(cgroup)" >job-restarted
second=$(cgroup)
[ "$second" != "$first" ]; echo $? >job-is-new
systemctl kill --signal=KILL job-1.service
# Its directory is the same one, or a new one: as systemd likes it.
await systemctl is-active --quiet job-1.service
await decides; policy "$(cgroup)" >job-killed
ls $offload/policies >policies
mgx list >mgx-list

# mgx itself ends badly, is restarted, stopped and started.
before=$(maps)
systemctl kill --signal=KILL mgx.service
[ "$(maps)" = "$before" ]; echo $? >killed-stays
restarts() { [ "$(systemctl show -P NRestarts mgx.service)" -ge 1 ] && systemctl is-active --quiet mgx.service; }
await restarts; systemctl is-active mgx.service >killed-active
systemctl stop mgx.service
[ "$(maps)" = "$before" ]; echo $? >stopped-stays
systemctl restart job-1.service
sleep 3
policy "$(cgroup)" >stopped-job
systemctl start mgx.service
await decides; policy "$(cgroup)" >started-job
policy 1 >started-main

# The file changes, badly and well.
cp /etc/mgx/mgx.conf /root/good.conf
echo 'policies = (' >/etc/mgx/mgx.conf
says() { journalctl -u mgx.service -o cat | grep -q 'syntax error'; }
await says; systemctl is-active mgx.service >bad-active
policy 1 >bad-main
sed 's/name = "main"/name = "other"/' /root/good.conf >/etc/mgx/mgx.conf
other() { [ "$(policy 1)" = other ]; }
await other; policy 1 >good-main
# Told to read it again, switched off by hand, and wrong at its start.
systemctl reload mgx.service >reload 2>&1; echo $? >>reload; sleep 2; systemctl is-active mgx.service >reload-active
# Where it is built in it cannot be: that is not what is asked here.
mgx migrator disable mtcopy >disable 2>&1 || echo 1 >disabled
sed -i 's/min_bytes = "1M"/min_bytes = "2M"/' /etc/mgx/mgx.conf
tuned() { mgx -j tune other min_bytes | grep -q '"value":2097152'; }
await tuned; [ -e disabled ] || { test -e /sys/module/mtcopy; echo $? >disabled; }
mgx migrator enable mtcopy threads=3 >enable 2>&1
cp /etc/mgx/mgx.conf /root/good.conf
systemctl stop mgx.service
echo 'policies = (' >/etc/mgx/mgx.conf
systemctl start mgx.service; sleep 8
systemctl show mgx.service -p ActiveState -p NRestarts >wrong-show
policy 1 >wrong-main
cp /root/good.conf /etc/mgx/mgx.conf
systemctl start mgx.service
systemctl stop job-1.service
gone() { [ "$(ls $offload/policies)" = 1 ]; }
await gone; ls $offload/policies >gone
journalctl -u mgx.service -o short-monotonic --no-hostname >journal
systemctl status mgx.service >status-at-the-end
exit 0
END
boot patched "$release"
point $? "$release boots, and has nothing to complain about"
is active active && is failed '' && says status 'Active: active \(running\)' 'enabled'
point $? 'the service runs from boot on'
is verify 0
point $? 'systemd has nothing to say about its unit'
says mgx-status '^ +1 / +main ' && is threads 3 && is mtcopy registered && says knob '"value":1048576'
point $? 'the policy is there with its knob, and the migrator with its parameter'
is job-began job
point $? 'a transient service gets its policy'
is job-is-new 0 && is job-restarted job
point $? 'restarted, its cgroup is another one, and gets the policy, too'
is job-killed job && [ "$(wc -l <"$there/policies")" = 2 ] && says mgx-list '^job .* /system.slice/job-1.service ' '^main '
point $? 'killed and restarted as well; of the cgroups that went nothing is left'
is killed-stays 0 && is killed-active active
point $? 'mgx killed: the policies stay, and it is started again'
is stopped-stays 0 && is stopped-job ''
point $? 'stopped: the policies stay, and what comes then has none'
is started-job job && is started-main main
point $? 'until it is started again'
is bad-active active && is bad-main main && is good-main other
point $? 'a file that is wrong changes nothing, and its repair what it says'
is reload 0 && is reload-active active
point $? 'reloaded, it goes on'
is disabled 1
point $? 'a migrator that was disabled by hand stays so'
says wrong-show '^ActiveState=failed' '^NRestarts=0' && is wrong-main other
point $? 'a file that is wrong at its start: it fails, is not started again and again, and the policies stay'
is gone 1
point $? 'the service has gone, and so has its policy'
exit $failed
