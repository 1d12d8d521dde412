// SPDX-License-Identifier: GPL-2.0
/* mgx migrator: who can copy, and their engines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "hold.h"
#include "lock.h"
#include "module.h"
#include "options.h"
#include "out.h"
#include "sections.h"
#include "sysfs.h"

#define MAX_WORDS	32

struct migrator_options {
	char *words[MAX_WORDS];	/* the action, the migrator, what it is about */
	size_t nr;
	bool make_default;
};

static const struct argp_option option_table[] = {
	{ "default", 'D', NULL, 0, "enable: make it the default migrator as well", 0 },
	{}
};

static int take(int key, char *value, void *data)
{
	struct migrator_options *options = data;

	if (key == 'D') {
		options->make_default = true;
		return 0;
	}
	if (key != ARGP_KEY_ARG || options->nr == MAX_WORDS)
		return ARGP_ERR_UNKNOWN;
	options->words[options->nr++] = value;
	return 0;
}

static bool is_registered(const char *name)
{
	char *state = sysfs_read("migrators/%s/state", name);
	bool is = state && strcmp(state, "gone");

	free(state);
	return is;
}

static bool is_known(const char *name)
{
	char *id = sysfs_read("migrators/%s/id", name);
	bool is = id;

	free(id);
	return is;
}

static int refused(struct mgx *mgx, const char *what, const char *module,
		   const char *parameter, const char *value, int err)
{
	char *range = mgx_printf("`modinfo -p %s` tells its range", module);
	enum mgx_exit code = mgx_exit_of(err);
	const char *next = NULL, *why = mgx_why(err);
	int ret;

	if (code == MGX_NO_PERM) {
		next = "run it as root";
	} else if (err == -EINVAL || err == -ERANGE) {
		code = MGX_BAD_VALUE;
		next = range;
	} else if (err == -ENODEV && !strcmp(parameter, "enable")) {
		next = "load the driver of a DMA engine that copies memory; the kernel log (dmesg) says why channels were refused, see the parameter trust";
		why = "there is no usable channel";
	} else if (err == -ENODEV || err == -ENOENT) {
		next = "`mgx migrator list` shows those there are";
	}
	ret = mgx_fail(mgx, code, next, "%s: module %s: %s=%s: %s", what, module, parameter,
		       value, why);
	free(range);
	return ret;
}

/* A parameter that is written, and what it was, in case the next one is refused. */
struct assignment {
	char *name;
	const char *value;
	char *was;
};

static void put_back(const char *module, struct assignment *assignments, size_t nr)
{
	while (nr--)
		if (assignments[nr].was)
			module_set(module, assignments[nr].name, assignments[nr].was);
}

static int set_parameters(struct mgx *mgx, const char *what, const char *module,
			  struct assignment *assignments, size_t nr)
{
	size_t i;
	int err;

	for (i = 0; i < nr; i++)
		if (!module_has(module, assignments[i].name))
			return mgx_fail(mgx, MGX_NOT_FOUND,
					"`mgx migrator list` shows those it has",
					"%s: module %s: it has no parameter %s", what, module,
					assignments[i].name);
	for (i = 0; i < nr; i++) {
		assignments[i].was = module_get(module, assignments[i].name);
		err = module_set(module, assignments[i].name, assignments[i].value);
		if (err) {
			put_back(module, assignments, i);
			return refused(mgx, what, module, assignments[i].name,
				       assignments[i].value, err);
		}
	}
	return 0;
}

static int switch_on(struct mgx *mgx, const char *what, const char *name, size_t nr,
		     struct assignment *assignments)
{
	char *enabled = module_get(name, "enable");
	int ret = 0, err;
	size_t i;

	if (enabled && *enabled == 'Y') {
		for (i = 0; i < nr; i++)
			if (module_is_for_taking(assignments[i].name))
				mgx_warn("%s is on already: %s applies when it is enabled the next time; see `mgx migrator disable`",
					 name, assignments[i].name);
	} else if (enabled) {
		err = module_set(name, "enable", "Y");
		if (err) {
			put_back(name, assignments, nr);
			ret = refused(mgx, what, name, "enable", "Y", err);
		}
	}
	free(enabled);
	if (!ret && !is_registered(name)) {
		put_back(name, assignments, nr);
		ret = mgx_fail(mgx, MGX_NOT_FOUND, "`mgx migrator list` shows those there are",
			       "%s: module %s: it brings no migrator of that name", what, name);
	}
	return ret;
}

static int enable(struct mgx *mgx, const char *what, const char *name,
		  char **words, size_t nr, bool make_default)
{
	struct assignment assignments[MAX_WORDS] = {};
	bool loaded = module_present(name);
	size_t i, done = 0;
	int ret = 0, err;

	for (i = 0; i < nr && !ret; i++) {
		const char *equals = strchr(words[i], '=');

		assignments[i].name = mgx_printf("%.*s", (int)strcspn(words[i], "="), words[i]);
		assignments[i].value = equals ? equals + 1 : "";
		done++;
		if (!equals || !module_name_ok(assignments[i].name) ||
		    !strcmp(assignments[i].name, "enable"))
			ret = mgx_fail(mgx, MGX_USAGE, "write PARAMETER=VALUE",
				       "%s: %s: no parameter to be set", what, words[i]);
	}
	if (!ret && !strcmp(name, "cpu") && nr)
		ret = mgx_fail(mgx, MGX_NOT_FOUND, "enable it without",
			       "%s: cpu: it has no parameters", what);
	if (!ret)
		ret = lock_take(mgx, what);
	if (!ret && strcmp(name, "cpu")) {
		if (!loaded)
			ret = module_load(mgx, what, name);
		if (!ret) {
			ret = set_parameters(mgx, what, name, assignments, nr);
			ret = ret ?: switch_on(mgx, what, name, nr, assignments);
			/* Nothing half done: what was not there goes again. */
			if (ret && !loaded)
				module_unload(mgx, what, name);
		}
	}
	if (!ret)
		hold_end(name, false);
	if (!ret && make_default) {
		err = sysfs_write(name, "default_migrator");
		if (err)
			ret = mgx_fail(mgx, mgx_exit_of(err), "the default is what it was: see `mgx status`",
				       "%s: %s is on, but cannot be the default: %s", what, name,
				       mgx_why(err));
	}
	for (i = 0; i < done; i++) {
		free(assignments[i].name);
		free(assignments[i].was);
	}
	return ret;
}

static int disable(struct mgx *mgx, const char *what, const char *name)
{
	bool held = hold_is_set(name);
	char *dflt;
	int ret, err;

	if (!strcmp(name, "cpu"))
		return mgx_fail(mgx, MGX_USAGE, "`mgx off` and default_migrator none leave it alone with its old work",
				"%s: cpu: it is always there", what);
	if (!module_present(name))
		return mgx_fail(mgx, MGX_NOT_FOUND, "`mgx migrator list` shows those there are",
				"%s: %s: there is no such module", what, name);
	ret = lock_take(mgx, what);
	if (ret)
		return ret;
	hold_set(name);
	if (module_has(name, "enable")) {
		err = module_set(name, "enable", "N");
		ret = err ? refused(mgx, what, name, "enable", "N", err) : 0;
	} else {
		ret = module_unload(mgx, what, name);
	}
	if (!ret || !held)
		hold_end(name, !ret);
	dflt = ret ? NULL : sysfs_read("default_migrator");
	if (dflt && !strcmp(dflt, name))
		mgx_warn("%s is the default migrator still: the CPU copies in its place until it is enabled",
			 name);
	free(dflt);
	return ret;
}

/* A channel of a migrator, by a parameter that not every kernel's module has. */
static int write_channel(struct mgx *mgx, const char *what, const char *name,
			 const char *parameter, const char *channel)
{
	int err;

	if (!module_present(name))
		return mgx_fail(mgx, MGX_NOT_FOUND, "load it with `mgx migrator enable`",
				"%s: %s: there is no such module", what, name);
	if (!module_has(name, parameter))
		return mgx_fail(mgx, MGX_NO_FEATURE,
				"disable and enable it: that gives all channels back and takes them anew",
				"%s: %s: this kernel's module has no parameter %s, for single channels",
				what, name, parameter);
	err = module_set(name, parameter, channel);
	if (err == -ENODEV || err == -ENOENT || err == -EINVAL)
		return mgx_fail(mgx, MGX_NOT_FOUND, "`mgx migrator list` shows its channels and their states",
				"%s: %s: channel %s: %s", what, name, channel, err == -ENODEV ?
				"it has been given back" : "there is none of that name");
	if (err == -EBUSY)
		return mgx_fail(mgx, MGX_FAILED, "its pages stay where they are until its driver proves that it is silent: try again later; else the next boot ends it",
				"%s: %s: channel %s: it is lost: nothing proves that it does not access memory any more",
				what, name, channel);
	return err ? refused(mgx, what, name, parameter, channel, err) : 0;
}

/* They are what is in quarantine mostly, each by itself. */
static void warn_of_channels(const char *name)
{
	struct sysfs_counters status;
	__u64 nr = 0;

	if (!sysfs_counters_parse(&status, module_get(name, "status")))
		return;
	sysfs_counter(&status, "channels_quarantined", &nr);
	sysfs_counters_free(&status);
	if (nr)
		mgx_warn("%s: %llu of its channels are in quarantine still: `mgx migrator list` shows them, `mgx migrator rearm %s CHANNEL` ends that of one",
			 name, (unsigned long long)nr, name);
}

static int rearm(struct mgx *mgx, const char *what, const char *name, const char *channel)
{
	int err;

	if (channel)
		return write_channel(mgx, what, name, "rearm", channel);
	err = sysfs_write("rearm", "migrators/%s/state", name);
	if (!err) {
		warn_of_channels(name);
		return 0;
	}
	return mgx_fail(mgx, mgx_exit_of(err),
			mgx_exit_of(err) == MGX_NO_PERM ? "run it as root" : NULL,
			"%s: %s: its state: %s", what, name, mgx_why(err));
}

static const struct {
	const char *action;
	const char *what;
	size_t min, max;	/* words after the action */
} actions[] = {
	{ "list",	"cannot list migrators",	0, 0 },
	{ "enable",	"cannot enable migrator",	1, MAX_WORDS - 1 },
	{ "disable",	"cannot disable migrator",	1, 1 },
	{ "rearm",	"cannot rearm migrator",	1, 2 },
	{ "release",	"cannot release channel",	2, 2 },
};

int cmd_migrator(struct mgx *mgx, int argc, char **argv)
{
	struct migrator_options options = {};
	const char *action, *what = NULL, *name, *channel;
	size_t i;
	int ret;

	ret = options_parse(mgx, argc, argv, option_table, take, &options);
	if (ret)
		return ret;
	action = options.nr ? options.words[0] : "list";
	for (i = 0; i < MGX_ARRAY_SIZE(actions) && !what; i++) {
		if (strcmp(action, actions[i].action))
			continue;
		what = actions[i].what;
		if (options.nr && (options.nr - 1 < actions[i].min || options.nr - 1 > actions[i].max))
			return mgx_fail(mgx, MGX_USAGE, "see `mgx migrator --help`",
					"migrator %s: %s", action, options.nr - 1 < actions[i].min ?
					options.nr == 1 ? "no migrator is given" : "no channel is given" :
					"one word too many");
	}
	if (!what)
		return mgx_fail(mgx, MGX_USAGE, "there are list, enable, disable, rearm and release",
				"migrator: %s: no such action", action);
	if (options.make_default && strcmp(action, "enable"))
		return mgx_fail(mgx, MGX_USAGE, "see `mgx migrator --help`",
				"migrator %s: --default is for enable", action);
	ret = sysfs_require(mgx, what);
	if (ret)
		return ret;

	if (strcmp(action, "list")) {
		name = options.words[1];
		channel = strcmp(action, "enable") && options.nr > 2 ? options.words[2] : NULL;
		if (channel && !*channel)
			return mgx_fail(mgx, MGX_BAD_VALUE, "`mgx migrator list` shows its channels",
					"%s: %s: a channel without a name", what, name);
		if (!module_name_ok(name) || (strcmp(action, "enable") && !is_known(name)))
			return mgx_fail(mgx, MGX_NOT_FOUND, "`mgx migrator list` shows those there are",
					"%s: %s: there is no such migrator", what, name);
		if (!strcmp(action, "enable"))
			ret = enable(mgx, what, name, options.words + 2, options.nr - 2,
				     options.make_default);
		else if (!strcmp(action, "disable"))
			ret = disable(mgx, what, name);
		else if (!strcmp(action, "rearm"))
			ret = rearm(mgx, what, name, channel);
		else
			ret = write_channel(mgx, what, name, "release", channel);
		if (ret)
			return ret;
		show_migrators(mgx, name);
		return 0;
	}
	show_migrators(mgx, NULL);
	show_channels(mgx);
	show_parameters(mgx);
	return 0;
}
