// SPDX-License-Identifier: GPL-2.0
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "dcbm.h"
#include "offload.h"

#define DCBM_PARAMETERS		"/sys/module/dcbm/parameters"
#define DMASIM_PARAMETERS	"/sys/module/dmasim/parameters"

int dcbm_enable(int on)
{
	return try_write(DCBM_PARAMETERS "/enable", on ? "Y" : "N");
}

void dcbm_start(const char *dmasim_params)
{
	int ret;

	dcbm_stop();
	probe("dmasim", dmasim_params);
	probe("dcbm", NULL);
	ret = dcbm_enable(1);
	REQUIRE(!ret, "dcbm: enable: %s", strerror(-ret));
}

void dcbm_stop(void)
{
	if (is_loaded("dcbm"))
		remove_module("dcbm");
	if (is_loaded("dmasim"))
		remove_module("dmasim");
}

uint64_t dcbm_status(const char *name)
{
	return counter(DCBM_PARAMETERS "/status", name);
}

void dcbm_set(const char *parameter, const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DCBM_PARAMETERS "/%s", parameter);
	write_file(path, value);
}

void dmasim_set(const char *parameter, unsigned int value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DMASIM_PARAMETERS "/%s", parameter);
	write_number(path, value);
}

uint64_t dmasim_count(const char *name)
{
	glob_t files;
	uint64_t sum = 0;
	size_t i;

	REQUIRE(!glob("/sys/kernel/debug/dmasim/dmasim.*/chan*", 0, NULL, &files),
		"no channels of dmasim");
	for (i = 0; i < files.gl_pathc; i++)
		sum += counter(files.gl_pathv[i], name);
	globfree(&files);
	return sum;
}
