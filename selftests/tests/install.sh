#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# host
# timeout: 120
#
# make install puts there what the list says and nothing else, make uninstall takes that
# away and nothing else; a policy is compiled with nothing but what is installed.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dest=$work/dest

point_shows=("$work/out")
plan 10

there() {
	(cd "$dest/opt/m" && find . ! -type d | sed 's|^\./||' | sort)
}

make -s --no-print-directory install DESTDIR="$dest" PREFIX=/opt/m >"$work/out" 2>&1
point $? 'make install'
scripts/install --list | sort >"$work/list"
there | diff "$work/list" - >"$work/out"
point $? "with what is on its list: $(wc -l <"$work/list") files"
grep -rlI '@[A-Z]*@' "$dest" >"$work/out"
[ ! -s "$work/out" ] && grep -q '^ExecStart=/opt/m/sbin/mgx ' "$dest/opt/m/lib/systemd/system/mgx.service"
point $? 'which know where they are'
# They call what is there, and systemd takes them.
for unit in "$dest"/opt/m/lib/systemd/system/*.service; do
	sed "s|/opt/m/|$dest&|; /^Documentation/d" "$unit" >"$work/${unit##*/}"
	! command -v systemd-analyze >/dev/null || systemd-analyze verify "$work/${unit##*/}"
done >"$work/out" 2>&1
[ ! -s "$work/out" ] && [ -e "$work/mgx.service" ] && [ -e "$work/mgx-metrics.service" ]
point $? 'systemd has nothing to say about the units'
"$dest/opt/m/sbin/mgx" version >"$work/out" 2>&1
point $? 'mgx runs'
for file in bpf/*.bpf.c; do echo "lib/migrate_ext/$(basename "$file" .c).o"; done | grep -vxFf "$work/list" >"$work/out"
[ ! -s "$work/out" ]
point $? 'every policy is among them'
for object in "$dest"/opt/m/lib/migrate_ext/*.bpf.o; do
	build/tools/bpftool btf dump file "$object" | grep -q migrate_ext_ops || echo "$object: no BTF"
	! readelf -SW "$object" | grep -q debug_info || echo "$object: DWARF"
done >"$work/out" 2>&1
[ ! -s "$work/out" ]
point $? 'with BTF, and no DWARF with paths of this machine'

# The header finds what it needs where pkg-config says, and vmlinux.h in the author's directory.
mkdir "$work/author"
cp build/include/vmlinux.h "$dest/opt/m/share/doc/mgx/policies/default.bpf.c" "$work/author/"
export PKG_CONFIG_LIBDIR=$dest/opt/m/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dest
read -ra flags < <(pkg-config --cflags migrate_ext)
(cd "$work/author" && clang-19 -g -O2 -Wall -Werror -target bpf -mcpu=v3 -nostdinc -I. "${flags[@]}" -c default.bpf.c -o default.bpf.o) >"$work/out" 2>&1
point $? "a policy is compiled outside, with ${flags[*]//"$dest"/}"

echo mine >"$dest/opt/m/share/doc/mgx/policies/mine.bpf.c"
make -s --no-print-directory uninstall DESTDIR="$dest" PREFIX=/opt/m >"$work/out" 2>&1 && there >"$work/out" &&
	[ "$(cat "$work/out")" = share/doc/mgx/policies/mine.bpf.c ]
point $? 'make uninstall takes all of it away, and nothing of somebody else'
rm "$dest/opt/m/share/doc/mgx/policies/mine.bpf.c"
make -s --no-print-directory uninstall DESTDIR="$dest" PREFIX=/opt/m && [ -z "$(find "$dest" -name '*migrate_ext*' -o -name '*mgx*')" ]
point $? 'and its directories when they are empty'
exit $failed
