#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 900
#
# The Debian package: installed in the guest, whose root is its own, used, updated,
# removed and purged; nothing of it is left.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh

work=$(mktemp -d)
trap cleanup EXIT
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive

cleanup() {
	build/mgx unload deb >/dev/null 2>&1
	dpkg --purge mgx >/dev/null 2>&1
	rm -rf "$work"
}

plan 16

run() {
	"$@" >"$work/out" 2>&1
}

# Where a package of ours could leave something.
around() {
	find /etc /lib/systemd /usr/sbin /usr/include /usr/lib/migrate_ext /usr/share/{doc,man/man8,pkgconfig,bash-completion} \
		/var/lib/systemd/deb-systemd-helper-enabled -maxdepth 3 2>/dev/null | grep -v '^/etc/.*-$' | sort
}

# hardened FILE: says readelf.
hardened() {
	local pattern
	for pattern in 'Type: +DYN' ' GNU_RELRO ' '\(FLAGS\) +BIND_NOW' ' __stack_chk_fail' ' __[a-z]+_chk'; do
		grep -qE -- "$pattern" "$1" || { echo "# it lacks: $pattern"; return 1; }
	done
}

debs=(build/deb/mgx_*.deb)
[ -e "${debs[0]}" ] || { echo "Bail out! no package; run make deb"; exit 1; }
! dpkg -s mgx >/dev/null 2>&1 || { echo "Bail out! a package mgx is installed on this machine"; exit 1; }
around >"$work/before"
# The index of manual pages of this machine is nothing to be made anew here.
rm -f /var/lib/man-db/auto-update

run dpkg --force-unsafe-io -i "${debs[0]}"
point $? 'the package is installed'
dpkg -L mgx | while IFS= read -r file; do [ -e "$file" ] || echo "$file"; done >"$work/out"
[ ! -s "$work/out" ]
point $? 'with all its files'
readelf -hldW --dyn-syms /usr/sbin/mgx >"$work/out" 2>&1 && hardened "$work/out"
point $? 'mgx is hardened: PIE, full RELRO, stack protector, fortified'
dpkg -s mgx >"$work/out" && grep -qE '^Depends:.* kmod(,|$)' "$work/out"
point $? 'what calls modprobe depends on kmod'
[ -h /etc/systemd/system/multi-user.target.wants/mgx.service ] &&
	grep -qx 'ExecStart=/usr/sbin/mgx apply --watch /etc/mgx/mgx.conf' /lib/systemd/system/mgx.service
point $? 'the service is enabled, and calls what is there'
# No systemd runs here.
cp /var/lib/dpkg/info/mgx.postinst "$work/out" &&
	grep -A4 '_dh_action=restart' "$work/out" | grep -qF "deb-systemd-invoke \$_dh_action 'mgx.service'"
point $? 'an update restarts it'

cp /lib/systemd/system/mgx.service /etc/mgx/mgx.conf "$work/"
run systemd-analyze verify --man=no "$work/mgx.service" && [ ! -s "$work/out" ]
point $? 'systemd has nothing to say about its unit'
cp /lib/systemd/system/mgx-metrics.service "$work/"
run systemd-analyze verify --man=no "$work/mgx-metrics.service" && [ ! -s "$work/out" ] &&
	[ ! -h /etc/systemd/system/multi-user.target.wants/mgx-metrics.service ]
point $? 'nor about that of the metrics, which is not enabled'
run mgx apply --dry-run /etc/mgx/mgx.conf
point $? 'its sample file changes nothing, and is right'

run mgx load --name deb /usr/lib/migrate_ext/by_reason.bpf.o && run mgx list && grep -q '^deb ' "$work/out"
point $? 'mgx is used: a policy of the package decides'
printf '#include <migrate_ext/results.h>\nint main(void) { return 0; }\n' >"$work/c.c"
run pkg-config --exists migrate_ext && [ "$(pkg-config --variable=policydir migrate_ext)" = /usr/lib/migrate_ext ] &&
	read -ra flags < <(pkg-config --cflags migrate_ext) && run gcc "${flags[@]}" -fsyntax-only "$work/c.c"
point $? 'its headers are found by pkg-config'
echo '# a change of the administrator' >>/etc/mgx/mgx.conf
run dpkg --force-unsafe-io -i "${debs[0]}" && grep -q '^# a change of the administrator' /etc/mgx/mgx.conf && mgx list | grep -q '^deb '
point $? 'installed once more: the configuration stays, and so does the policy'

run dpkg -r mgx && [ ! -e /usr/sbin/mgx ] && [ -e /etc/mgx/mgx.conf ]
point $? 'removed: its configuration is left'
[ "$(cat /sys/kernel/mm/migrate_offload/policies/1/name)" = deb ]
point $? 'and the policy decides on, as the manual says: it is pinned'
rm /sys/fs/bpf/mgx/deb && [ ! -e /sys/kernel/mm/migrate_offload/policies/1 ]
point $? 'until its pin is removed'
run dpkg --purge mgx
around >"$work/after"
diff "$work/before" "$work/after" >"$work/out" && [ ! -e /etc/mgx ] && [ ! -h /etc/systemd/system/multi-user.target.wants/mgx.service ]
point $? 'purged: nothing is left'
exit $failed
