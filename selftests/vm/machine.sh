# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# The machines that guests have, by architecture: what selftests/vm/run asks of each. Source
# it after lib.sh and flavours.sh.

# machine_defaults: what the options of run are when they are not given.
machine_defaults_x86_64() {
	emulator="qemu-system-x86_64"
	machine=q35
	smp=2
	image=vmlinux
	serial=ttyS0
	virtio=pci
	# The check panics when ten jiffies pass without enough timer interrupts, which is
	# what an emulator on a busy host looks like.
	machine_append="unknown_nmi_panic no_timer_check"
}

# AMD's Versal board: eight ZDMA engines, for which Linux has a driver.
machine_defaults_arm64() {
	emulator="qemu-system-aarch64"
	machine=xlnx-versal-virt
	smp=2
	image=Image
	serial=ttyAMA0
	virtio=device
	machine_append=
}

# machine_topology: nodes of $mem each, and the CPUs, into the array qemu.
# One socket for each node with CPUs, or the topology check of the kernel warns.
machine_topology_x86_64() {
	local node=0 cpus first=0 sockets=0
	[ -n "$nodes" ] || nodes=$(if [ "$smp" -ge 2 ]; then echo "$((smp - smp / 2)) $((smp / 2))"; else echo "$smp 0"; fi)
	for cpus in $nodes; do
		qemu+=(-object "memory-backend-ram,id=node$node,size=$mem")
		if [ "$cpus" -gt 0 ]; then
			qemu+=(-numa "node,nodeid=$node,memdev=node$node,cpus=$first-$((first + cpus - 1))")
			sockets=$((sockets + 1))
		else
			qemu+=(-numa "node,nodeid=$node,memdev=node$node")
		fi
		first=$((first + cpus))
		node=$((node + 1))
	done
	qemu+=(-m "$(machine_memory $node)")
	[ $((smp % sockets)) = 0 ] || die "--nodes \"$nodes\": QEMU cannot make $sockets sockets of $smp CPUs" "give every node that has CPUs the same number"
	qemu+=(-smp "$smp,sockets=$sockets,cores=$((smp / sockets)),threads=1")
}

# The board knows nothing of nodes: the kernel cuts its memory in two, as far from each
# other as real ones, and each half has all the CPUs.
machine_topology_arm64() {
	[ -z "$nodes" ] || die "--nodes \"$nodes\": an arm64 guest has two nodes, each with all CPUs"
	qemu+=(-m "$(machine_memory 2)")
	# The board's CPUs cannot be chosen.
	[[ $machine = xlnx-versal-virt* ]] || qemu+=(-smp "$smp")
	machine_append+=" numa=fake=2:10,20,20,10"
}

machine_memory() {
	numfmt --from=iec "$mem" | awk -v n="$1" '{ printf "%dM", $1 / 1048576 * n }'
}

# machine_root: the directory that is the guest's root. Where that is not this machine's,
# the checkout is shared as well.
machine_root() {
	if [ -z "$CROSS" ]; then echo /; else "$TOP/scripts/guest-root"; fi
}
