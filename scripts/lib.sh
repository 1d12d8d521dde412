# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
#
# Places, messages and the ccache environment that every script here shares.
# Source it, do not run it.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/migrate_ext
KERNEL_SERIES=7.3

# die WHAT [HINT]: one line, or two where there is something to do about it.
die() {
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	[ $# -lt 2 ] || printf '%*s  %s\n' "${#0}" '' "$2" | sed 's/^ */    /' >&2
	exit 1
}

say() {
	printf '  %-8s %s\n' "$1" "$2"
}

# This machine, and the one that kernels and programs are built for, as the kernel's
# fragments spell them: make ARCH=..., which no make below may take for its own.
host_arch() {
	uname -m | sed 's/^aarch64$/arm64/'
}

arch() {
	echo "$GUEST_ARCH"
}

GUEST_ARCH=${ARCH:-${GUEST_ARCH:-$(host_arch)}}
export GUEST_ARCH
unset ARCH
# Nor the flags of mgx: the kernel and its tools have their own.
unset CPPFLAGS CFLAGS LDFLAGS
[ -z "${MAKEFLAGS:-}" ] || MAKEFLAGS=$(sed -E 's/(^| )(ARCH|CPPFLAGS|CFLAGS|LDFLAGS)=([^ \\]|\\.)*//g' <<<"$MAKEFLAGS")

# What is built for this machine, source trees included, and what for the other one.
HOST_BUILD=$TOP/build
BUILD=$HOST_BUILD
CROSS=
case $GUEST_ARCH in
"$(host_arch)") ;;
arm64)
	BUILD=$HOST_BUILD/arm64
	CROSS=aarch64-linux-gnu-
	;;
*) die "ARCH=$GUEST_ARCH: only $(host_arch) and arm64 can be built and run here" ;;
esac

# locked FILE [FLAG] -- COMMAND...: run under flock and say so when that means waiting.
locked() {
	local file=$1 mode=-x
	shift
	[ "$1" = -- ] || { mode=$1; shift; }
	shift
	mkdir -p "$(dirname "$file")"
	(
		flock -n "$mode" 9 || {
			say WAIT "for another build to release ${file#"$TOP"/}" >&2
			flock "$mode" 9
		}
		"$@" 9>&-
	) 9>>"$file"
}

# content_of PATH...: one hash over the names and bytes of all files below.
content_of() {
	local path
	for path; do
		[ -e "$path" ] && find "$path" -type f -print0
	done | LC_ALL=C sort -z | xargs -0r sha256sum | sed "s|  $TOP/|  |" | sha256sum | cut -c1-64
}

# Objects are the same in every clone: relative paths, fixed names and dates.
export CCACHE_DIR=${CCACHE_DIR:-$CACHE/ccache}
export CCACHE_BASEDIR=$TOP CCACHE_NOHASHDIR=1 CCACHE_COMPILERCHECK=content CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-5G}
export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970'
export KBUILD_BUILD_USER=migrate_ext KBUILD_BUILD_HOST=migrate_ext
export LC_ALL=C.UTF-8
