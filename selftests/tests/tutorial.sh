#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 900
#
# docs/writing-policies.md, done as it stands, from `make install` to the first pages that
# move: a policy that is built outside of this tree, with clang, bpftool and what is
# installed, decides. Here clang has done its work before, on the machine that built the
# kernel (selftests/docs/precompile). With --whole it does it in the VM, and the page is
# done to its end (full/tutorial_whole.sh).
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
. selftests/lib/offload.sh
end='7. Tune it' clang=$top/build/selftests/tutorial/bin/clang
if [ "${1:-}" = --whole ]; then
	end=
	clang=$(command -v clang-19)
fi
[ -x "$clang" ] || { echo "Bail out! no $clang"; exit 1; }

work=$(mktemp -d)
trap cleanup EXIT

cleanup() {
	cd "$top" || return
	build/mgx unload big >/dev/null 2>&1
	build/mgx migrator disable mtcopy >/dev/null 2>&1
	PREFIX=/usr/local scripts/install --uninstall
	rm -rf "$work"
}

# The root of the guest is its own: the tree goes where it goes on a user's machine.
PREFIX=/usr/local scripts/install >"$work/out" 2>&1 || { cat "$work/out"; echo "Bail out! make install failed"; exit 1; }
mkdir "$work/bin"
ln -s "$clang" "$work/bin/clang"
ln -s "$top/build/tools/bpftool" "$work/bin/bpftool"
export PATH=$work/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=$work COLUMNS=200
modprobe -r mtcopy 2>/dev/null
offload_as_booted

# From here on nothing of the checkout is in reach, but for the page and its runner.
cd "$work" || exit 1
"$top/selftests/docs/run-page" "$top/docs/writing-policies.md" "$end"
