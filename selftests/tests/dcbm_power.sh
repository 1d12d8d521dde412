#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# host
# timeout: 600
#
# A machine that goes down, or to sleep, while dcbm copies: power-off, kexec, and suspend as
# far as pm_test goes. No copy outlives the kernel: the log says that the channels have been
# given back before anything is switched off. The guests have nothing but an initramfs; they
# are the debug kernel's, and a complaint of it fails the test.
set -u
. "$(dirname "$0")/../../scripts/lib.sh"

FLAVOUR=${FLAVOUR:-debug}
kernel=$BUILD/kernel/$FLAVOUR
work=$(mktemp -d "${CHECK_DIR:-$BUILD/vm}/power.XXXXXX")

n=0
result() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

image() {
	(cd "$1" && find . | cpio -o -H newc --quiet) >"$2"
}

build() {
	mkdir -p "$work/second/dev" "$work/first/dev"
	gcc -static -O2 -Wall -Werror -s -o "$work/second/init" "$TOP/selftests/power/init.c" || return
	image "$work/second" "$work/second.img"
	cp "$work/second/init" "$work/first/"
	cp "$work/second.img" "$kernel/bzImage" "$work/first/"
	local module
	for module in virt-dma dmasim dcbm; do
		find "$kernel/modules" -name "$module.ko" -exec cp {} "$work/first/" \;
	done
	image "$work/first" "$work/first.img"
}

boot() {
	"$TOP/selftests/vm/run" --flavour "$FLAVOUR" --mem 768M --timeout 280 --results "$work/$1" \
		--initrd "$work/first.img" --append "STAGE=$1" >"$work/$1.out" 2>&1 && return
	{ cat "$work/$1.out"; tail -n 30 "$work/$1/console.log"; } 2>/dev/null | sed 's/^/# /'
	return 1
}

# in_order STAGE TEXT...: the kernel's log has these, one after the other.
in_order() {
	local log=$work/$1/console.log text at=0 next
	shift
	for text; do
		next=$(grep -anF -- "$text" "$log" | cut -d: -f1 | awk -v at="$at" '$1 > at' | head -n 1)
		[ -n "$next" ] || { echo "# not in the log after line $at: $text"; return 1; }
		at=$next
	done
}

echo TAP version 13
echo 1..6

build >&2
result $? "an initramfs with dmasim and dcbm"

skip() {
	n=$((n + 1))
	echo "ok $n - $2 # SKIP $1"
}

has_config() {
	grep -qx "CONFIG_$1=y" "$kernel/config"
}

what="suspend, as far as freezer, devices, platform, processors and core: jobs end first, and go on later"
if has_config PM_SLEEP_DEBUG; then
	boot sleep
	result $? "$what"
else
	skip "the kernel has no CONFIG_PM_SLEEP_DEBUG" "$what"
fi

boot off
result $? "power-off under load: no complaint"
in_order off "power: going down" "dcbm: disabled" "reboot: Power down"
result $? "the channels are given back before the machine is switched off"

what="kexec under load: no complaint, and the second kernel comes up"
order="the channels are given back before the next kernel starts"
if has_config KEXEC_FILE; then
	boot kexec
	result $? "$what"
	in_order kexec "power: going down" "dcbm: disabled" "Starting new kernel" "power: this is the second kernel"
	result $? "$order"
else
	skip "the kernel has no CONFIG_KEXEC_FILE" "$what"
	skip "the kernel has no CONFIG_KEXEC_FILE" "$order"
fi

[ $n = 6 ] && rm -rf "$work"
