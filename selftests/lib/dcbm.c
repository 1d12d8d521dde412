// SPDX-License-Identifier: GPL-2.0
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "dcbm.h"
#include "offload.h"

#define DCBM_PARAMETERS		"/sys/module/dcbm/parameters"
#define DMASIM_PARAMETERS	"/sys/module/dmasim/parameters"
#define DCBM_DEBUG		"/sys/kernel/debug/dcbm"
#define DMASIM_DEBUG		"/sys/kernel/debug/dmasim"

int dcbm_enable(int on)
{
	return try_write(DCBM_PARAMETERS "/enable", on ? "Y" : "N");
}

static void start(const char *engine, const char *engine_params, const char *dcbm_params)
{
	int ret;

	dcbm_stop();
	probe(engine, engine_params);
	probe("dcbm", dcbm_params);
	ret = dcbm_enable(1);
	REQUIRE(!ret, "dcbm: enable: %s", strerror(-ret));
}

void dcbm_start(const char *dmasim_params)
{
	char params[256];

	/* The last one counts. */
	snprintf(params, sizeof(params), "sg_max=0 %s", dmasim_params);
	start("dmasim", params, NULL);
}

void dcbm_start_zdma(unsigned int channels)
{
	char params[64];

	snprintf(params, sizeof(params), "channels=%u", channels);
	start("zynqmp_dma", NULL, params);
}

void dcbm_stop(void)
{
	if (is_loaded("dcbm"))
		remove_module("dcbm");
	if (is_loaded("dmasim"))
		remove_module("dmasim");
	if (is_loaded("zynqmp_dma"))
		remove_module("zynqmp_dma");
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

int dcbm_try_set(const char *parameter, const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DCBM_PARAMETERS "/%s", parameter);
	return try_write(path, value);
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

	REQUIRE(!glob(DMASIM_DEBUG "/dmasim.*/chan*", 0, NULL, &files),
		"no channels of dmasim");
	for (i = 0; i < files.gl_pathc; i++)
		sum += counter(files.gl_pathv[i], name);
	globfree(&files);
	return sum;
}

uint64_t dmasim_chan_count(unsigned int device, unsigned int chan, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DMASIM_DEBUG "/dmasim.%u/chan%u", device, chan);
	return counter(path, name);
}

unsigned int dmasim_chans_with(const char *name)
{
	unsigned int nr = 0;
	glob_t files;
	size_t i;

	REQUIRE(!glob(DMASIM_DEBUG "/dmasim.*/chan*", 0, NULL, &files),
		"no channels of dmasim");
	for (i = 0; i < files.gl_pathc; i++)
		nr += counter(files.gl_pathv[i], name) != 0;
	globfree(&files);
	return nr;
}

static bool failed_in(const char *path, uint64_t frame, const char *faults)
{
	FILE *file = fopen(path, "re");
	uint64_t dst, first, last;
	bool found = false;
	char fault[32];
	size_t len;

	REQUIRE(file, "%s: %m", path);
	while (fscanf(file, "%" SCNx64 " %zu %31s", &dst, &len, fault) == 3) {
		first = dst / PAGE;
		last = (dst + len - 1) / PAGE;
		if (frame >= first && frame <= last && strstr(faults, fault))
			found = true;
	}
	fclose(file);
	return found;
}

bool dmasim_failed(uint64_t frame, const char *faults)
{
	bool found = false;
	glob_t files;
	size_t i;

	REQUIRE(!glob(DMASIM_DEBUG "/dmasim.*/faults*", 0, NULL, &files),
		"no channels of dmasim");
	for (i = 0; i < files.gl_pathc && !found; i++)
		found = failed_in(files.gl_pathv[i], frame, faults);
	globfree(&files);
	return found;
}

size_t dcbm_channels(struct dcbm_channel *list, size_t max)
{
	FILE *file = fopen(DCBM_DEBUG "/channels", "re");
	struct dcbm_channel c;
	char line[512];
	size_t nr = 0;

	REQUIRE(file, DCBM_DEBUG "/channels: %m");
	REQUIRE(fgets(line, sizeof(line), file), "no header");
	while (fgets(line, sizeof(line), file)) {
		REQUIRE(sscanf(line, "%31s %31s %31s %d %15s %" SCNu64 " %" SCNu64 " %" SCNu64,
			       c.name, c.device, c.provider, &c.node, c.state, &c.jobs,
			       &c.descriptors, &c.bytes) == 8, "channels: %s", line);
		if (nr < max)
			list[nr] = c;
		nr++;
	}
	fclose(file);
	return nr;
}

size_t dcbm_channels_usable(void)
{
	struct dcbm_channel list[64];
	size_t i, usable = 0, nr = dcbm_channels(list, 64);

	REQUIRE(nr <= 64, "%zu channels", nr);
	for (i = 0; i < nr; i++)
		usable += !strcmp(list[i].state, "idle") || !strcmp(list[i].state, "busy");
	return usable;
}

void dcbm_channel_in(const char *state, size_t n, char name[32])
{
	struct dcbm_channel list[64];
	size_t i, nr = dcbm_channels(list, 64);

	for (i = 0; i < nr && i < 64; i++) {
		if (!strcmp(list[i].state, state) && !n--) {
			strcpy(name, list[i].name);
			return;
		}
	}
	REQUIRE(false, "no such channel that is %s", state);
}

void dcbm_wait_channels(const char *state, uint64_t nr)
{
	unsigned int left = 60000;
	char name[64];

	snprintf(name, sizeof(name), "channels_%s", state);
	for (; dcbm_status(name) != nr; left--) {
		REQUIRE(left, "%" PRIu64 " channels are %s, waited for %" PRIu64 " of them",
			dcbm_status(name), state, nr);
		usleep(1000);
	}
}

size_t dcbm_graveyard(struct grave *list, size_t max)
{
	FILE *file = fopen(DCBM_DEBUG "/graveyard", "re");
	char line[512];
	struct grave g;
	size_t nr = 0;

	REQUIRE(file, DCBM_DEBUG "/graveyard: %m");
	REQUIRE(fgets(line, sizeof(line), file), "no header");
	while (fgets(line, sizeof(line), file)) {
		REQUIRE(sscanf(line, "%31s %15s %" SCNu64 " %u %" SCNu64 " %" SCNu64 " %lld",
			       g.channel, g.side, &g.frame, &g.order, &g.offset, &g.bytes,
			       &g.since) == 7, "graveyard: %s", line);
		if (nr < max)
			list[nr] = g;
		nr++;
	}
	fclose(file);
	return nr;
}
