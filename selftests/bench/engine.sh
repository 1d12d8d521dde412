# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# In the VM: the engines that the benches load, and the model of time. Source it.
#
# The model is AMD's PTDMA as it was measured with 512 MiB a channel: descriptors of 4 KiB
# 632.9 ms on one channel and 675.7 ms on 16 at once, of 2 MiB 77.2 and 186.0 ms. Those are a
# fixed 4248 ns a descriptor and 7054 MB/s where one channel is busy, and 3743 ns and
# 2901 MB/s each where 16 are. Between: the time on a straight line, and 46416 MB/s (16
# times 2901) shared by all. Two points of one machine: a model, and not a PTDMA.
ptdma_latency=4248,3743 ptdma_mbps=7054 ptdma_total=46416

test_modules=build/kernel/$FLAVOUR/test-modules

# load_engine lsi|dmasim CHANNELS [PARAMETER...]: at the model's time
load_engine() {
	local engine=$1 chan=$2
	shift 2
	modprobe virt-dma
	case $engine in
	lsi)
		insmod "$test_modules/lsi_dma.ko" check=N channels="$chan" latency_ns=$ptdma_latency \
			mbps=$ptdma_mbps total_mbps=$ptdma_total "$@"
		;;
	lsi-now)	# at no time: for what the client's own calls cost
		insmod "$test_modules/lsi_dma.ko" check=N channels="$chan" "$@"
		;;
	dmasim)
		modprobe dmasim channels="$chan" pool=4096 latency_ns=${ptdma_latency%,*} bandwidth_mbps=$ptdma_mbps "$@"
		;;
	esac
}

unload_engine() {
	case $1 in
	lsi*) rmmod lsi_dma ;;
	*) modprobe -r "$1" ;;
	esac
}
