#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# host
# timeout: 1800
#
# Off means free: with the options off, the object code of every file in mm/ is that of an
# unpatched kernel, instruction for instruction and constant for constant. Compared are the
# sections of code and of constants of each object, with their relocations.
set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. "$(dirname "$0")/../../scripts/flavours.sh"

log=$BUILD/log/off_identity.log
mkdir -p "$BUILD/log"

# Only mm/, and what it needs to be compiled.
objects() {
	local src
	src=$(flavour_source "$1")
	"$TOP/scripts/linux-tree" "$src" &&
		"$TOP/scripts/kernel-config" "$1" &&
		make -C "$src" O="O-$1" LOCALVERSION= CC="ccache gcc" HOSTCC="ccache gcc" -j"$(nproc)" mm/
}

# Every section of code or constants, byte by byte, and what is relocated in it.
content() {
	objdump -s -r "$1" | awk '
		/^(Contents of section|RELOCATION RECORDS FOR)/ {
			wanted = $0 ~ /[ [](\.text|\.rodata|\.(init|exit|sched|noinstr|ref|cpuidle|kprobes)\.text|\.init\.rodata)/
		}
		wanted'
}

echo "TAP version 13"
echo "1..2"
: >"$log"
for flavour in vanilla off; do
	if ! objects "$flavour" >>"$log" 2>&1; then
		tail -n 20 "$log" | sed 's/^/# /'
		echo "Bail out! cannot build mm/ of flavour $flavour"
		exit 1
	fi
done

vanilla=$(flavour_source vanilla)/O-vanilla
off=$(flavour_source off)/O-off
list() {
	(cd "$1" && find mm -name '*.o' ! -name built-in.o ! -name '*.mod.o' ! -name '.*' | sort)
}

ok=ok
diff <(list "$vanilla") <(list "$off") | sed 's/^/# /' || ok="not ok"
echo "$ok 1 the same objects are built"

ok=ok
number=0
while IFS= read -r object; do
	number=$((number + 1))
	if ! cmp -s <(content "$vanilla/$object") <(content "$off/$object"); then
		ok="not ok"
		echo "# $object differs:"
		diff <(content "$vanilla/$object") <(content "$off/$object") | head -n 10 | sed 's/^/#   /' || true
	fi
	[ -n "$(content "$off/$object")" ] || echo "# $object has no code"
done < <(list "$vanilla")
[ "$number" -gt 50 ] || { ok="not ok"; echo "# only $number objects"; }
echo "$ok 2 code and constants of $number objects are the same"
[ "$ok" = ok ]
