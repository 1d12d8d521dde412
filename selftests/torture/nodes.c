// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "../lib/offload.h"
#include "nodes.h"

static bool has_cpus(int nid)
{
	char path[64], line[64];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", nid);
	if (!exists(path))
		return true;
	read_line(path, line, sizeof(line));
	return line[0];
}

static int nodes(void)
{
	char path[64];
	int nid = 0;

	do {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d", ++nid);
	} while (exists(path));
	return nid;
}

int any_node(struct run *run)
{
	return roll(&run->dice, nodes());
}

/* A node without CPUs that was there before any CPU went. */
int slow_node(void)
{
	return nodes() > 2 && !has_cpus(nodes() - 1) ? nodes() - 1 : -1;
}
