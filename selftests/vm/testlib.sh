# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What a test says about itself, in comment lines of its source:
#
#   vm: OPTIONS       wants a VM of its own, booted with these options of selftests/vm/run
#   host              runs on this machine, in no VM
#   arch: NAME        is of use on that architecture only
#   timeout: SECONDS  may take that long (default 300)
#
# Source it after scripts/lib.sh.

# Where the programs are, in the order they run; full adds the long ones. One that was
# built from a source that is not there any more is not one of them.
test_programs() {
	local file
	for file in "$TOP"/selftests/tests/*.sh "$BUILD"/selftests/test_* \
		$([ "${1:-}" != full ] || echo "$TOP/selftests/full/*.sh" "$BUILD/selftests/full_*"); do
		[ -f "$file" ] && [ -x "$file" ] && [ -e "$(test_source "$file")" ] || continue
		case $file in *.d | *.o) ;; *) ! test_fits "$file" || echo "$file" ;; esac
	done
}

# What is said of this machine does not become more true by saying it once more for another.
test_fits() {
	local only
	only=$(test_says "$1" arch)
	[ "${only:-$GUEST_ARCH}" = "$GUEST_ARCH" ] && { [ "$GUEST_ARCH" = "$(host_arch)" ] || ! test_is_host "$1"; }
}

test_name() {
	basename "$1" .sh
}

# A compiled test's comments are in the file it was compiled from.
test_source() {
	case $1 in
	"$BUILD"/*) echo "$TOP/selftests/${1##*/}.c" ;;
	*) echo "$1" ;;
	esac
}

test_says() {
	sed -nE "1,40s%^(#|//| \*)[[:space:]]*$2:?([[:space:]]+(.*))?\$%\3%p" "$(test_source "$1")" | head -n 1
}

test_is_host() {
	sed -n 1,40p "$(test_source "$1")" | grep -qE '^(#|//| \*)[[:space:]]*host$'
}

test_timeout() {
	local seconds
	seconds=$(test_says "$1" timeout)
	echo "${seconds:-300}"
}
