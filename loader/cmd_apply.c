// SPDX-License-Identifier: GPL-2.0
/* mgx apply: as a file wants it, once or from now on. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "converge.h"
#include "error.h"
#include "every.h"
#include "kernel.h"
#include "lock.h"
#include "options.h"
#include "out.h"
#include "settled.h"
#include "sysfs.h"

#define RETRY_SECONDS	60.0	/* at most between two tries of what is unfinished */

struct apply_options {
	const char *path;
	const char *interval;
	bool dry_run;
	bool force;
	bool watch;
};

static const struct argp_option option_table[] = {
	{ "dry-run", 'N', NULL, 0, "Show the difference, and change nothing", 0 },
	{ "force", 'F', NULL, 0, "Replace policies that others have loaded where the file wants one", 0 },
	{ "watch", 'w', NULL, 0, "Go on: cgroups that come, policies that go, changes of FILE", 0 },
	{ "interval", 'i', "SECONDS", 0, "With --watch, between two looks; default: 2", 0 },
	{}
};

static int take(int key, char *value, void *data)
{
	struct apply_options *options = data;

	switch (key) {
	case 'N':
		options->dry_run = true;
		return 0;
	case 'F':
		options->force = true;
		return 0;
	case 'w':
		options->watch = true;
		return 0;
	case 'i':
		options->interval = value;
		return 0;
	case ARGP_KEY_ARG:
		if (options->path)
			return ARGP_ERR_UNKNOWN;
		options->path = value;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void out_summary(struct mgx *mgx, const struct converge *converge)
{
	static const struct out_column columns[] = {
		{ "dry_run", NULL }, { "changed", NULL }, { "pending", NULL }, { "failed", NULL },
	};

	if (!mgx->json)
		return;
	out_record(mgx->out, "summary", NULL, columns, MGX_ARRAY_SIZE(columns));
	out_bool(mgx->out, converge->dry_run);
	out_uint(mgx->out, converge->changed);
	out_uint(mgx->out, converge->pending);
	out_uint(mgx->out, converge->failed);
	out_row(mgx->out);
	out_end(mgx->out);
}

/* Of a file that is watched, from pass to pass. */
struct watch {
	struct settled *settled;
	char *told;		/* what is unfinished, and was said to be */
	double wait;		/* seconds until that is tried again */
	bool retry;		/* this pass is that */
};

/* @watch: NULL where there is one pass. */
static int one_pass(struct mgx *mgx, const char *what, const struct apply_options *options,
		    const struct config *config, struct watch *watch)
{
	struct converge converge = {
		.mgx = mgx, .what = what, .config = config,
		.dry_run = options->dry_run, .force = options->force,
		.told = watch ? watch->told : NULL, .settled = watch ? watch->settled : NULL,
		.retry = watch && watch->retry,
	};
	int ret;

	ret = lock_take(mgx, what);
	if (ret)
		return ret;
	converge_pass(&converge);
	lock_release();
	out_summary(mgx, &converge);
	if (converge.news && watch)
		mgx_warn("%zu could not be done, the first: %s", converge.failed, converge.first);
	else if (converge.failed && !watch)
		ret = mgx_fail(mgx, converge.code,
			       converge.dry_run ? "nothing was done" : "what could be done is done; run it again",
			       "%s: %s: %zu could not be done, the first: %s", what, config->path,
			       converge.failed, converge.first);
	if (watch) {
		free(watch->told);
		watch->told = converge.unfinished;
		converge.unfinished = NULL;
	}
	converge_free(&converge);
	return ret;
}

/* A file that has become wrong changes nothing: what it said last holds. */
static void read_again(struct mgx *mgx, const char *what, struct config *config)
{
	struct config fresh;
	char *said = NULL;
	int ret;

	mgx->caught = &said;
	ret = config_load(mgx, what, config->path, &fresh);
	mgx->caught = NULL;
	if (ret) {
		mgx_warn("%s; what it said before holds", said ?: "?");
		config_free(&fresh);
	} else {
		config_free(config);
		*config = fresh;
	}
	free(said);
}

/*
 * A pass when the file has changed, what it names, or what the kernel has of that; and
 * now and then while something is unfinished, for what that waits for may be anything: an
 * engine whose driver is loaded late, a file system that is mounted, memory.
 */
static int watch_file(struct mgx *mgx, const char *what, const struct apply_options *options,
		      double seconds, struct config *config)
{
	struct watch watch = { .settled = settled_new() };
	char *file = config_state(config), *before = NULL, *state, *now;
	bool changed = false, again;
	double waited = 0;
	int ret = 0;

	/* It changed while it was read: it is read again, when it is at rest. */
	if (strncmp(file, config->read_as, strlen(config->read_as))) {
		free(file);
		file = mgx_strdup("");
	}
	do {
		changed |= every_hung_up();
		now = config_state(config);
		again = strcmp(now, file);
		free(file);
		file = now;
		/*
		 * Who writes a file in its place has it empty first, which is a file without
		 * policies: it is read when it is found twice the same.
		 */
		if (again) {
			changed = true;
			continue;
		}
		if (changed) {
			changed = false;
			settled_forget(watch.settled);
			read_again(mgx, what, config);
			free(before);
			before = NULL;
		}
		/*
		 * Taken before the pass: what changes while it is under way, be it by
		 * itself, is a reason for another one, which then finds nothing to do.
		 */
		state = converge_state(config);
		waited += seconds;
		if (before && !strcmp(state, before) && (!watch.told || waited < watch.wait)) {
			free(state);
			continue;
		}
		/* Longer and longer, as long as nothing else happens. */
		watch.retry = before && !strcmp(state, before);
		if (watch.retry)
			watch.wait = watch.wait * 2 < RETRY_SECONDS ? watch.wait * 2 : RETRY_SECONDS;
		else
			watch.wait = seconds;
		ret = one_pass(mgx, what, options, config, &watch);
		waited = 0;
		if (mgx->json)
			out_next(mgx->out);
		fflush(stdout);
		free(before);
		before = state;
	} while (!ret && every_wait(seconds));
	free(before);
	free(file);
	free(watch.told);
	settled_free(watch.settled);
	/* Told to end while it waited for another mgx: that is no failure. */
	return every_stopped() ? 0 : ret;
}

int cmd_apply(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot apply";
	struct apply_options options = {};
	struct config config = {};
	double seconds = 2;
	int ret;

	ret = options_parse(mgx, argc, argv, option_table, take, &options);
	if (ret)
		return ret;
	if (!options.path)
		return mgx_fail(mgx, MGX_USAGE, "see `mgx apply --help`", "apply: no file is given");
	if (options.watch && options.dry_run)
		return mgx_fail(mgx, MGX_USAGE, "leave one of them away",
				"apply: --watch and --dry-run do not go together");
	if (options.interval && !options.watch)
		return mgx_fail(mgx, MGX_USAGE, "use --watch as well",
				"apply: --interval: there is nothing to wait for");
	if (options.interval && !every_parse_seconds(options.interval, &seconds))
		return mgx_fail(mgx, MGX_BAD_VALUE, "give a number of seconds, 0.001 or more",
				"%s: --interval %s: no such time", what, options.interval);

	/* A reload may be asked for while it starts. */
	if (options.watch) {
		every_catch_signals();
		every_catch_hangup();
	}
	ret = config_load(mgx, what, options.path, &config);
	ret = ret ?: sysfs_require(mgx, what);
	ret = ret ?: kernel_require_feature(mgx, what);
	ret = ret ?: kernel_require_caps(mgx, what);
	if (!ret)
		ret = options.watch ? watch_file(mgx, what, &options, seconds, &config) :
				      one_pass(mgx, what, &options, &config, NULL);
	config_free(&config);
	return ret;
}
