# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
#
# Places, messages and the ccache environment that every script here shares.
# Source it, do not run it.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$TOP/build
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

# The name of the machine as the kernel's fragments spell it.
arch() {
	uname -m
}

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
