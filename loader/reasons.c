// SPDX-License-Identifier: GPL-2.0
/*
 * Masks of migration reasons. The kernel may number its reasons anew at any
 * time, so the bits are those of the running kernel's BTF.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "error.h"
#include "kernel.h"
#include "reasons.h"

static const struct {
	const char *enumerator;
	const char *name;
	int dflt;		/* in Linux 7.3, for a kernel without BTF */
} reasons[] = {
	{ "MR_COMPACTION",	"compaction",		0 },
	{ "MR_MEMORY_FAILURE",	"memory_failure",	1 },
	{ "MR_MEMORY_HOTPLUG",	"memory_hotplug",	2 },
	{ "MR_SYSCALL",		"syscall_or_cpuset",	3 },
	{ "MR_MEMPOLICY_MBIND",	"mempolicy_mbind",	4 },
	{ "MR_NUMA_MISPLACED",	"numa_misplaced",	5 },
	{ "MR_CONTIG_RANGE",	"contig_range",		6 },
	{ "MR_LONGTERM_PIN",	"longterm_pin",		7 },
	{ "MR_DEMOTION",	"demotion",		8 },
	{ "MR_DAMON",		"damon",		9 },
};

static __u64 reason_bit(struct mgx *mgx, size_t n)
{
	const struct btf *btf = kernel_btf(mgx);
	const struct btf_enum *values;
	const struct btf_type *type;
	__u32 i;
	int id;

	id = btf ? btf__find_by_name_kind(btf, "migrate_reason", BTF_KIND_ENUM) : -1;
	if (id < 0)
		return 1ULL << reasons[n].dflt;

	type = btf__type_by_id(btf, id);
	values = btf_enum(type);
	for (i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, values[i].name_off),
			    reasons[n].enumerator))
			return 1ULL << (values[i].val & 63);
	return 0;
}

const char *reasons_name(struct mgx *mgx, __u32 reason)
{
	size_t i;

	for (i = 0; i < MGX_ARRAY_SIZE(reasons); i++)
		if (reason < 64 && reason_bit(mgx, i) == 1ULL << reason)
			return reasons[i].name;
	return NULL;
}

int reasons_number(struct mgx *mgx, const char *name)
{
	size_t i;

	for (i = 0; i < MGX_ARRAY_SIZE(reasons); i++)
		if (!strcmp(reasons[i].name, name))
			return __builtin_ffsll(reason_bit(mgx, i)) - 1;
	return -1;
}

char *reasons_all(void)
{
	char *names = mgx_strdup(""), *longer;
	size_t i;

	for (i = 0; i < MGX_ARRAY_SIZE(reasons); i++) {
		longer = mgx_printf("%s%s%s", names, i ? ", " : "", reasons[i].name);
		free(names);
		names = longer;
	}
	return names;
}

bool reasons_parse(struct mgx *mgx, const char *str, __u64 *mask)
{
	char *copy, *rest, *name, *end;
	bool known = true;
	size_t i;

	errno = 0;
	*mask = strtoull(str, &end, 0);
	if (*str && *str != '-' && !*end && !errno)
		return true;

	*mask = 0;
	copy = rest = mgx_strdup(str);
	while (known && (name = strsep(&rest, ", "))) {
		if (!*name || !strcmp(name, "none"))
			continue;
		known = false;
		for (i = 0; i < MGX_ARRAY_SIZE(reasons); i++) {
			if (strcmp(name, "all") && strcmp(name, reasons[i].name))
				continue;
			*mask |= reason_bit(mgx, i);
			known = true;
		}
	}
	free(copy);
	return known && *str;
}

char *reasons_format(struct mgx *mgx, __u64 mask)
{
	char *names = NULL;
	size_t i;

	for (i = 0; i < MGX_ARRAY_SIZE(reasons); i++) {
		__u64 bit = reason_bit(mgx, i);
		char *longer;

		if (!(mask & bit))
			continue;
		mask &= ~bit;
		longer = mgx_printf("%s%s%s", names ?: "", names ? "," : "",
				    reasons[i].name);
		free(names);
		names = longer;
	}
	/* Bits without a name: only the number tells the truth. */
	if (mask) {
		free(names);
		return NULL;
	}
	return names ?: mgx_strdup("none");
}
