# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
#
# To be sourced: a Debian of a test's own, in $root, for packages to be installed in and for
# selftests/vm/debian to boot. It and all else of the test is in $work, until the test ends.

export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin

skip_all() { # WHY
	echo "1..0 # SKIP $1"
	exit 0
}

debian_unpack() {
	local archive
	[ "$(id -u)" = 0 ] || skip_all "only root can install packages in a root of their own"
	command -v debootstrap >/dev/null || skip_all "debootstrap is not installed; run scripts/deps debian-root"
	# Not in /tmp, which may be memory.
	work=$(mktemp -d "$PWD/build/debian.XXXXXX")
	root=$work/root
	trap 'rm -rf "$work"' EXIT
	archive=$(scripts/debian-root) || { echo "Bail out! there is no Debian to install packages in"; exit 1; }
	mkdir "$root"
	tar -C "$root" -xzf "$archive" || { echo "Bail out! $archive cannot be unpacked"; exit 1; }
	mkdir "$root/packages"
}

# in_root COMMAND...: in a namespace whose mounts go with it.
in_root() {
	# shellcheck disable=SC2016 # for that shell
	unshare --mount --pid --fork sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$root" "$@" </dev/null
}

# in_root_install FILE...: packages, whose scripts run there.
in_root_install() {
	rm -f "$root"/packages/*
	cp "$@" "$root/packages/"
	in_root sh -c 'dpkg --force-unsafe-io -i /packages/*.deb'
}

# The version of the kernel in a package linux-image-VERSION_...deb
image_version() {
	local name
	name=$(basename "$1")
	name=${name#linux-image-}
	echo "${name%%_*}"
}
