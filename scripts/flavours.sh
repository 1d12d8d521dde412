# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The kernels we build. Source it after lib.sh.
#
#   vanilla   the pristine tree: what everything is compared with
#   off       the patched tree with our options off: must be vanilla's object code
#   base      the patched tree with our options on: what users run and benches measure
#   debug     base and every checker there is: what the tests run on

flavours='vanilla off base debug'

flavour_source() {
	case $1 in
	vanilla) echo "$HOST_BUILD/linux-vanilla" ;;
	*) echo "$HOST_BUILD/linux" ;;
	esac
}

# Where it is built, below its source.
flavour_objects() {
	if [ "$BUILD" = "$HOST_BUILD" ]; then echo "O-$1"; else echo "O-$(arch)-$1"; fi
}

# What a boot loader loads, in the build directory.
flavour_image() {
	case $(arch) in
	x86_64) echo arch/x86/boot/bzImage ;;
	*) echo "arch/$(arch)/boot/Image" ;;
	esac
}

# What every make of the kernel is told: kbuild_for_guest SOURCE [ARGUMENT...]
kbuild_for_guest() {
	make -C "$1" ${CROSS:+ARCH="$(arch)" CROSS_COMPILE="$CROSS"} LOCALVERSION= \
		CC="ccache ${CROSS}gcc" HOSTCC="ccache gcc" "${@:2}"
}

# Before there are patches there are no options of ours to turn on.
flavour_fragments() {
	local ours=() name
	[ ! -e "$TOP/kernel/config/migrate_ext" ] || ours=(migrate_ext)
	local names=(base "$(arch)")
	case $1 in
	base) names+=("${ours[@]}") ;;
	debug) names+=("${ours[@]}" debug) ;;
	esac
	[ "$1" != debug ] || [ ! -e "$TOP/kernel/config/debug-$(arch)" ] || names+=("debug-$(arch)")
	for name in "${names[@]}"; do
		[ -f "$TOP/kernel/config/$name" ] || die "no kernel/config/$name: this architecture has no fragment yet"
		echo "$TOP/kernel/config/$name"
	done
}

# What that kernel wants on its command line: checkers that are compiled in but off.
flavour_cmdline() {
	case $1 in
	debug) echo page_poison=1 ;;
	esac
}

# Lines of build output from nothing to a kernel, for the progress line.
flavour_steps() {
	case $1 in
	debug) echo 2450 ;;
	*) echo 2150 ;;
	esac
}

flavour_check() {
	case " $flavours " in
	*" $1 "*) ;;
	*) die "no flavour '$1'" "there are: $flavours" ;;
	esac
}
