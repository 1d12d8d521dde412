// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "dcbm.h"
#include "lsi.h"
#include "offload.h"

#define LSI_DEBUG	"/sys/kernel/debug/lsi_dma"
#define LSI_PARAMETERS	"/sys/module/lsi_dma/parameters"

void lsi_start_alone(const char *params)
{
	lsi_stop();
	probe("virt-dma", NULL);
	insert("lsi_dma", params);
}

void lsi_start(const char *params)
{
	int ret;

	lsi_start_alone(params);
	probe("dcbm", "trust=lsi_dma");
	ret = dcbm_enable(1);
	REQUIRE(!ret, "dcbm: enable: %s", strerror(-ret));
}

void lsi_stop(void)
{
	dcbm_stop();
	if (is_loaded("dmatest"))
		remove_module("dmatest");
	if (is_loaded("lsi_dma"))
		remove_module("lsi_dma");
}

void lsi_set(const char *parameter, const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), LSI_PARAMETERS "/%s", parameter);
	write_file(path, value);
}

const char *lsi_device(void)
{
	static char name[32];
	glob_t dirs;

	REQUIRE(!glob(LSI_DEBUG "/*", 0, NULL, &dirs), "lsi_dma drives no device: is there -device lsi53c895a?");
	snprintf(name, sizeof(name), "%s", basename(dirs.gl_pathv[0]));
	globfree(&dirs);
	return name;
}

uint64_t lsi_count(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), LSI_DEBUG "/%s/status", lsi_device());
	return counter(path, name);
}

const char *lsi_domain(void)
{
	static char type[32];
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/type", lsi_device());
	if (!exists(path))
		return "none";
	read_line(path, type, sizeof(type));
	type[strcspn(type, "\n")] = '\0';
	return type;
}

void lsi_after_unmap(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), LSI_DEBUG "/%s/after_unmap", lsi_device());
	write_file(path, "1");
}
