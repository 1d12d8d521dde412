// SPDX-License-Identifier: GPL-2.0
/* CPU and engine at the same time: of each group the first folios to dcbm, the rest to the CPU. */
#include <migrate_ext/common.bpf.h>

KNOB(u64, share, 727, "thousandths", 0, 1000, "of the folios, for the engine");

/* Not const: the verifier has a kfunc's memory writable, or not at all. */
static char dcbm_name[] = "dcbm";

s32 MIGRATE_EXT_PROG(both_eligible, const struct migrate_ext_call *call)
{
	return MIGRATE_EXT_BATCH;
}

u32 MIGRATE_EXT_PROG(both_select, const struct migrate_ext_group *group)
{
	u64 nr = (group->folios * knob_read(share) + 500) / 1000;

	if (nr)
		bpf_migrate_assign(group, 0, nr,
				   bpf_migrate_migrator_id(dcbm_name, sizeof(dcbm_name)));
	return MIGRATOR_CPU;
}

MIGRATE_EXT_OPS(both,
	.eligible = (void *)both_eligible,
	.select = (void *)both_select);

MIGRATE_EXT_LICENSE;
