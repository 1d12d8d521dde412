# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
#
# What the benches share: the VM that counts instructions (QEMU's -icount shift=0, one
# virtual CPU, node 1 has memory only), and where the samples go. Source it after
# scripts/lib.sh.

results=$BUILD/bench
mkdir -p "$results"

# The emulator counts `rep movsb` by the byte: once more without it, to judge the rest by.
cpu_kinds='erms no-erms'

cpu_model() {
	case $1 in
	erms) echo max ;;
	no-erms) echo max,erms=off,fsrm=off ;;
	esac
}

bench_build() { # flavour...
	local flavour
	for flavour; do
		make -s -C "$TOP" kernel FLAVOUR="$flavour"
	done
	make -s -C "$TOP" FLAVOUR=base bench-objects
}

# One boot: all the cells in all the configurations. What follows the cells from an option
# on is for selftests/vm/run.
bench_boot() { # flavour cpu-kind samples configurations cell... [option...]
	local flavour=$1 kind=$2 samples=$3 configurations=$4 cells=()
	shift 4
	while [ $# -gt 0 ] && [[ $1 != -* ]]; do
		cells+=("$1")
		shift
	done
	"$TOP/selftests/vm/run" --flavour "$flavour" --icount --smp 1 --nodes "1 0" \
		--cpu "$(cpu_model "$kind")" --mem 1536M --timeout "${BOOT_TIMEOUT:-1800}" \
		--results "$results/vm" "$@" -- \
		selftests/bench/guest "$configurations" "${cells[@]}" >&2
	sed "s/^/$kind /" "$results/vm/samples" >>"$samples"
}
