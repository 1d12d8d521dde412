#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# host
# arch: x86_64
# timeout: 1800
#
# The Debian packages of the patched kernel: installed in a Debian of their own, used to
# build against, booted there with the initramfs that was made for them, and purged. No
# script of theirs sees this machine.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/debian.sh
. selftests/lib/tap.sh

debs=(build/deb/kernel/linux-*.deb)
[ -e "${debs[0]}" ] || skip_all "there are no packages of the kernel; run make deb-kernel"
debian_unpack

run() {
	"$@" >"$work/out" 2>"$work/err"
}

# Of the root, without what dpkg and its hooks keep for themselves.
files() {
	(cd "$root" && find . -xdev ! -path './var/lib/dpkg/*' ! -path './var/log/*' ! -path './var/cache/*' ! -path './packages/*' | sort)
}

# Where this machine's kernels are.
machine() {
	find /boot /lib/modules /etc/kernel /etc/initramfs-tools -printf '%p %T@ %s\n' 2>/dev/null | sort
}

plan 13
machine >"$work/machine"
files >"$work/before"
release=$(image_version build/deb/kernel/linux-image-*-migrate-ext_*.deb)
config=$root/boot/config-$release

run in_root_install "${debs[@]}"
point $? "${#debs[@]} packages of $release are installed"
mapfile -t packages < <(for deb in "${debs[@]}"; do dpkg-deb -f "$deb" Package; done)
missing=$(in_root dpkg -L "${packages[@]}" | while IFS= read -r file; do [ -e "$root$file" ] || [ -h "$root$file" ] || echo "$file"; done)
[ -z "$missing" ] && [ -s "$root/boot/vmlinuz-$release" ] && grep -q '^CONFIG_MIGRATE_EXT=y' "$config"
point $? 'with all their files'
modular=$(sed -n 's/^CONFIG_MODULES=//p' "$config")
found=0
for module in dcbm mtcopy; do
	grep -qsE "/$module\.ko(:|\$)" "$root/lib/modules/$release"/modules.{dep,builtin} || found=1
done
[ $found = 0 ] && ! grep -q '^CONFIG_DMASIM=y' "$config"
point $? 'the migrators are there, and known to modprobe; the emulated engine is not built in'
[ -s "$root/boot/initrd.img-$release" ]
point $? 'the hooks of that Debian made an initramfs for it'

mkdir "$work/module"
cat >"$work/module/outside.c" <<'END'
#include <linux/migrate_offload.h>
#include <linux/module.h>
static int __init outside_init(void) { return 0; }
module_init(outside_init);
MODULE_DESCRIPTION("Built with the headers of the package");
MODULE_LICENSE("GPL");
END
echo 'obj-m := outside.o' >"$work/module/Makefile"
if [ -n "$modular" ]; then
	run make -C "$root/usr/src/linux-headers-$release" M="$work/module" modules &&
		modinfo -F vermagic "$work/module/outside.ko" | grep -q "^$release "
	point $? 'a module is built outside, with the headers of the package'
else
	point 0 '# SKIP this configuration has no modules, and so no package of headers'
fi
printf '#include <linux/version.h>\n#include <linux/bpf.h>\n_Static_assert(LINUX_VERSION_MAJOR == 7 && LINUX_VERSION_PATCHLEVEL == 3, "");\n' >"$work/user.c"
run gcc -nostdinc -isystem "$root/usr/include" -isystem "$root/usr/include/$(gcc -dumpmachine)" -fsyntax-only "$work/user.c"
point $? 'a program is, with those of libc-dev'

# What the guest is asked. Its own answers are judged below.
cat >"$work/script" <<'END'
uname -r >release
systemctl is-system-running --wait >state
systemctl --failed --no-legend >failed
modprobe -a dcbm mtcopy || exit 1
/root/vm/mgx features >features 2>&1
echo mtcopy >/sys/kernel/mm/migrate_offload/default_migrator
/root/vm/pages -m 4 -k 64 -n 8 >pages 2>&1 || exit 1
cat /sys/kernel/mm/migrate_offload/migrators/mtcopy/events >events
/root/vm/mgx load /usr/local/lib/migrate_ext/rules.bpf.o >load 2>&1 && /root/vm/mgx list >list
END
mkdir -p "$root/root/vm" "$root/usr/local/lib/migrate_ext"
cp build/mgx build/selftests/pages "$root/root/vm/"
cp build/bpf/*.bpf.o "$root/usr/local/lib/migrate_ext/"
files >"$work/with"
run selftests/vm/debian --root "$root" --kernel "$root/boot/vmlinuz-$release" --initrd "$root/boot/initrd.img-$release" \
	--results build/vm/kernel_deb --timeout 900 "$work/script"
point $? 'it boots, its root is a disk that the initramfs finds, and the kernel has nothing to complain about'
there=build/vm/kernel_deb/results
point_shows=("$there/err" "$there/features" "$there/pages" "$there/list" "$work/err")
[ "$(cat "$there/release")" = "$release" ] && [ "$(cat "$there/state")" = running ] && [ ! -s "$there/failed" ]
point $? 'systemd came up with it, and no unit failed'
grep -qE '^struct migrate_ext_ops +yes' "$there/features" && ! grep -qE ' no +yes ' "$there/features"
point $? 'mgx features misses nothing that is needed'
awk '$1 == "folios" && $2 > 0 { copied = 1 } END { exit !copied }' "$there/events"
point $? 'pages moved, copied ahead by mtcopy'
grep -q '^rules ' "$there/list"
point $? 'and a policy was loaded'

point_shows=()
rm -rf "$root"/root/vm "$root"/usr/local/lib/migrate_ext "$root"/etc/systemd/system/{vm.service,multi-user.target.wants/vm.service}
run in_root dpkg --purge "${packages[@]}"
status=$?
files >"$work/after"
# What was booted was a copy of it. An initramfs of a kernel without modules makes depmod write
# an index of none, which is in no package then.
[ -n "$modular" ] || sed -i "\\|^./usr/lib/modules/$release|d" "$work/after"
diff "$work/before" "$work/after" >"$work/out" && [ $status = 0 ]
point $? 'purged: nothing is left'
machine | diff "$work/machine" - >"$work/out"
point $? 'and nothing of it was done to this machine'
exit $failed
