// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "report.h"
#include "settings.h"

#define THP	"/sys/kernel/mm/transparent_hugepage"

/*
 * Whatever else moves pages or needs moved pages. khugepaged stays, because the huge
 * folios are made with it there, but sleeps; what it does not find it cannot compact.
 */
static const struct setting {
	const char *path;
	const char *value;
} settings[] = {
	{ "/proc/sys/kernel/numa_balancing", "0" },
	{ "/proc/sys/vm/compaction_proactiveness", "0" },
	{ "/sys/kernel/mm/ksm/run", "0" },
	{ "/sys/kernel/mm/numa/demotion_enabled", "0" },
	{ THP "/khugepaged/scan_sleep_millisecs", "4000000000" },
	{ THP "/khugepaged/defrag", "0" },
	{ THP "/defrag", "madvise" },
	{ THP "/enabled", "madvise" },
	/* The built-in default and the admin's limits. */
	{ OFFLOAD "/default_migrator", "none" },
	{ OFFLOAD "/reason_mask", "syscall_or_cpuset" },
	{ OFFLOAD "/batch_pages", "512" },
};

#define NR_SETTINGS	((int)(sizeof(settings) / sizeof(settings[0])))

/* What they were; not set: nothing to restore. */
static struct {
	bool set;
	char value[256];
} before[NR_SETTINGS];

/* Of a choice, "always [madvise] never", what is chosen. */
static void chosen(char *text)
{
	char *begin = strchr(text, '['), *end = begin ? strchr(begin, ']') : NULL;

	if (!end)
		return;
	memmove(text, begin + 1, end - begin - 1);
	text[end - begin - 1] = '\0';
}

/* What this kernel does not have need not be turned off. */
static int apply(int i)
{
	const struct setting *s = &settings[i];
	int ret;

	if (!file_read(s->path, before[i].value, sizeof(before[i].value)))
		return errno == ENOENT ? 0 : -errno;
	chosen(before[i].value);
	ret = file_write(s->path, s->value);
	before[i].set = !ret;
	return ret;
}

bool settings_quiet(void)
{
	char swaps[4096] = "";
	int i, ret;

	for (i = 0; i < NR_SETTINGS; i++) {
		ret = apply(i);
		if (ret)
			return check(false, "background movers off", "%s <- %s: %s",
				     settings[i].path, settings[i].value, strerror(-ret));
	}
	/* Whole free blocks of 2 MiB, also where other tests have been before. */
	file_write("/proc/sys/vm/compact_memory", "1");
	/* The head line, and nothing more. */
	if (file_read("/proc/swaps", swaps, sizeof(swaps)) && strchr(swaps, '\n'))
		return check(false, "background movers off", "swap is on");
	return check(true, "background movers off",
		     "NUMA balancing, khugepaged, proactive compaction, KSM, demotion; no swap");
}

bool settings_restore(void)
{
	bool ok = true;
	int i, ret;

	for (i = NR_SETTINGS - 1; i >= 0; i--) {
		if (!before[i].set)
			continue;
		ret = file_write(settings[i].path, before[i].value);
		if (ret)
			ok = check(false, "settings restored", "%s <- %s: %s",
				   settings[i].path, before[i].value, strerror(-ret));
	}
	return ok;
}
