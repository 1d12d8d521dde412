// SPDX-License-Identifier: GPL-2.0
/*
 * default: the rules that the kernel has built in, as a policy.
 *
 * With the knobs engine and min_bytes set like the files default_migrator and
 * min_bytes in /sys/kernel/mm/migrate_offload, the engine gets the same folios,
 * from 8 KiB on. What is smaller than min_bytes the CPU copies as a batch; the
 * kernel moves it one by one, but no policy is told beforehand how much it is.
 * For whoever writes a policy: copy this one and change it.
 *
 * Where it is bad: it does not ask why the pages move or who waits for them. A
 * group of many base pages costs an engine one descriptor each, and is slower
 * there than on the CPU with most engines.
 */
#include <migrate_ext/common.bpf.h>

KNOB_STR(engine, 16, "dcbm", "migrator that copies; empty: the built-in default decides");
KNOB(u64, min_bytes, 65536, "bytes", 0, 1073741824, "smaller groups are left to the CPU");
COUNTER(small_bytes, "bytes in groups that were left to the CPU for their size");

/* May these folios be copied as a batch? Yes, if there has been an engine to do it. */
s32 MIGRATE_EXT_PROG(default_eligible, const struct migrate_ext_call *call)
{
	if (!bpf_migrate_migrator_id(knob_str(engine)))
		return MIGRATE_EXT_NO_OPINION;
	return MIGRATE_EXT_BATCH;
}

/* Who copies this group? The engine, if the group is worth its set-up. */
u32 MIGRATE_EXT_PROG(default_select, const struct migrate_ext_group *group)
{
	u32 id = bpf_migrate_migrator_id(knob_str(engine));

	if (!id)
		return 0;	/* as the built-in default says */
	if (group->bytes < knob_read(min_bytes)) {
		if (!(group->flags & MIGRATE_EXT_DRY_RUN))
			count(small_bytes, group->bytes);
		return MIGRATOR_CPU;
	}
	return id;
}

MIGRATE_EXT_OPS(default,
	.eligible = (void *)default_eligible,
	.select = (void *)default_select,
	.min_bytes = 8192);	/* one page alone is not worth a question */

MIGRATE_EXT_LICENSE;
