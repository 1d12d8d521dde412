# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# To be sourced: the kernel's switches, for tests that share a guest.

# As they are after boot; other tests leave them as they needed them.
offload_as_booted() {
	local dir=/sys/kernel/mm/migrate_offload
	echo 1 >$dir/policies_enabled
	echo none >$dir/default_migrator
	echo 65536 >$dir/min_bytes
	echo 0 >$dir/batch_pages
	echo 'memory_hotplug syscall_or_cpuset mempolicy_mbind contig_range longterm_pin demotion damon' >$dir/reason_mask
}
