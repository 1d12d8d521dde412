// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach.h"
#include "bpffs.h"
#include "cgroup.h"
#include "compare.h"
#include "config.h"
#include "converge.h"
#include "error.h"
#include "module.h"
#include "object.h"
#include "out.h"
#include "policy.h"
#include "progress.h"
#include "reasons.h"
#include "sysfs.h"

/* The pins of what came from a file: only that is taken away again. */
#define PIN_PREFIX	"apply-"

/* A policy of the file, and one cgroup that it is for. */
struct target {
	const struct config_policy *policy;
	char *path;
	__u64 cgroup_id;
};

struct targets {
	struct target *targets;
	size_t nr;
};

/* --- rows ------------------------------------------------------------------*/

static void row(struct converge *converge, const char *kind, const char *object,
		const char *action, const char *from, const char *to)
{
	struct out *out = converge->mgx->out;

	out_str(out, kind);
	out_str(out, object);
	out_str(out, action);
	out_str(out, from);
	out_str(out, to);
	out_row(out);
}

static void changed(struct converge *converge, const char *kind, const char *object,
		    const char *action, const char *from, const char *to)
{
	converge->changed++;
	row(converge, kind, object, action, from, to);
}

static void pending(struct converge *converge, const char *kind, const char *object,
		    const char *why)
{
	converge->pending++;
	row(converge, kind, object, "pending", NULL, why);
}

/* Takes @words over. */
static void failed(struct converge *converge, const char *kind, const char *object,
		   enum mgx_exit code, char *words)
{
	row(converge, kind, object, "failed", NULL, words);
	if (!converge->failed++) {
		converge->code = code;
		converge->first = words;
	} else {
		free(words);
	}
}

/* --- the kernel's settings -------------------------------------------------*/

static bool same_number(const char *a, const char *b)
{
	char *end_a, *end_b;
	unsigned long long x = strtoull(a, &end_a, 0), y = strtoull(b, &end_b, 0);

	return *a && *b && !*end_a && !*end_b && x == y;
}

static bool same_switch(const char *a, const char *b)
{
	return strchr("Yy1", *a) && strchr("Yy1", *b) ? true :
	       strchr("Nn0", *a) && strchr("Nn0", *b);
}

static bool same_setting(struct mgx *mgx, const char *name, const char *a, const char *b)
{
	__u64 x, y;

	if (!strcmp(a, b))
		return true;
	if (!strcmp(name, "reason_mask"))
		return reasons_parse(mgx, a, &x) && reasons_parse(mgx, b, &y) && x == y;
	return same_number(a, b);
}

/* "all" is all that the kernel has: what it says after it was written. */
static bool is_all_reasons(struct mgx *mgx, const char *now)
{
	__u64 have, all, failing;

	return reasons_parse(mgx, now, &have) && reasons_parse(mgx, "all", &all) &&
	       reasons_parse(mgx, "memory_failure", &failing) && have == (all & ~failing);
}

static void do_setting(struct converge *converge, const struct config_value *setting)
{
	char *now = sysfs_read("%s", setting->name);
	int err;

	if (!now) {
		failed(converge, "setting", setting->name, MGX_NO_FEATURE,
		       mgx_printf("this kernel does not have it: %s", mgx_why(errno)));
		return;
	}
	if (same_setting(converge->mgx, setting->name, now, setting->value) ||
	    (!strcmp(setting->name, "reason_mask") && !strcmp(setting->value, "all") &&
	     is_all_reasons(converge->mgx, now))) {
		free(now);
		return;
	}
	err = converge->dry_run ? 0 : sysfs_write(setting->value, "%s", setting->name);
	if (err == -ENOENT && !strcmp(setting->name, "default_migrator"))
		pending(converge, "setting", setting->name, "there is no migrator of that name yet");
	else if (err)
		failed(converge, "setting", setting->name, err == -EINVAL ? MGX_BAD_VALUE : mgx_exit_of(err),
		       mgx_printf("%s=%s: %s", setting->name, setting->value, mgx_why(err)));
	else
		changed(converge, "setting", setting->name, "set", now, setting->value);
	free(now);
}

/* --- migrators -------------------------------------------------------------*/

/* These are read when channels are taken. */
static bool is_for_channels(const char *parameter)
{
	return !strcmp(parameter, "channels") || !strcmp(parameter, "trust") ||
	       !strcmp(parameter, "verify");
}

static void failed_write(struct converge *converge, const char *object, const char *value, int err)
{
	failed(converge, "migrator", object, err == -EINVAL ? MGX_BAD_VALUE : mgx_exit_of(err),
	       mgx_printf("%s=%s: %s", object, value, mgx_why(err)));
}

static bool is_on(const char *name)
{
	char *enabled = module_get(name, "enable");
	bool on = enabled ? *enabled == 'Y' : module_present(name);

	free(enabled);
	return on;
}

/* Loads or unloads, or switches. False when that failed, or has to wait. */
static bool set_enabled(struct converge *converge, const char *name, bool on)
{
	char *said = NULL;
	int ret = 0, err = 0;

	if (converge->dry_run)
		return true;
	converge->mgx->caught = &said;
	if (on && !module_present(name))
		ret = module_load(converge->mgx, converge->what, name);
	else if (!on && !module_has(name, "enable"))
		ret = module_unload(converge->mgx, converge->what, name);
	converge->mgx->caught = NULL;
	if (!ret && module_has(name, "enable"))
		err = module_set(name, "enable", on ? "Y" : "N");
	if (ret) {
		failed(converge, "migrator", name, ret, said);
		return false;
	}
	free(said);
	if (err == -ENODEV) {
		pending(converge, "migrator", name, "there is no usable channel yet; the kernel log says why");
		return false;
	}
	if (err)
		failed_write(converge, name, on ? "Y" : "N", err);
	return !err;
}

/* Parameters that differ. @channels: those that apply when channels are taken, or the others. */
static bool set_parameters(struct converge *converge, const struct config_migrator *migrator,
			   bool channels, bool only_look)
{
	bool differs = false;
	size_t i;
	int err;

	for (i = 0; i < migrator->parameters.nr; i++) {
		const struct config_value *parameter = &migrator->parameters.values[i];
		char *object, *now;

		if (is_for_channels(parameter->name) != channels)
			continue;
		object = mgx_printf("%s %s", migrator->name, parameter->name);
		now = module_get(migrator->name, parameter->name);
		if (!now) {
			if (!only_look && module_present(migrator->name))
				failed(converge, "parameter", object, MGX_NOT_FOUND,
				       mgx_printf("module %s has no parameter %s", migrator->name,
						  parameter->name));
			else if (!only_look)
				changed(converge, "parameter", object, "set", NULL, parameter->value);
		} else if (strcmp(now, parameter->value) && !same_number(now, parameter->value) &&
			   !(strlen(now) == 1 && same_switch(now, parameter->value))) {
			differs = true;
			err = only_look || converge->dry_run ? 0 :
			      module_set(migrator->name, parameter->name, parameter->value);
			if (err)
				failed_write(converge, object, parameter->value, err);
			else if (!only_look)
				changed(converge, "parameter", object, "set", now, parameter->value);
		}
		free(now);
		free(object);
	}
	return differs;
}

static void set_error_limit(struct converge *converge, const struct config_migrator *migrator)
{
	char *now, *object;
	int err = 0;

	if (!migrator->error_limit)
		return;
	object = mgx_printf("%s error_limit", migrator->name);
	now = sysfs_read("migrators/%s/error_limit", migrator->name);
	if (!now) {
		pending(converge, "migrator", object, "it was never registered");
	} else if (!same_number(now, migrator->error_limit)) {
		if (!converge->dry_run)
			err = sysfs_write(migrator->error_limit, "migrators/%s/error_limit",
					  migrator->name);
		if (err)
			failed_write(converge, object, migrator->error_limit, err);
		else
			changed(converge, "migrator", object, "set", now, migrator->error_limit);
	}
	free(now);
	free(object);
}

static void do_migrator(struct converge *converge, const struct config_migrator *migrator)
{
	const char *name = migrator->name;
	bool on = is_on(name), take_anew = false;

	if (migrator->has_enable && !migrator->enable) {
		if (on && set_enabled(converge, name, false))
			changed(converge, "migrator", name, "disable", "on", "off");
		return;
	}
	if (!module_present(name) && migrator->has_enable && !converge->dry_run) {
		char *said = NULL;
		int ret;

		/* Its parameters come first, so that it is switched on with them. */
		converge->mgx->caught = &said;
		ret = module_load(converge->mgx, converge->what, name);
		converge->mgx->caught = NULL;
		if (ret) {
			failed(converge, "migrator", name, ret, said);
			return;
		}
		free(said);
	}
	if (!module_present(name) && !migrator->has_enable && strcmp(name, "cpu")) {
		pending(converge, "migrator", name, "its module is not loaded");
		return;
	}
	set_parameters(converge, migrator, false, false);
	if (on && set_parameters(converge, migrator, true, true))
		take_anew = true;
	if (take_anew && !set_enabled(converge, name, false))
		return;
	set_parameters(converge, migrator, true, false);
	if ((migrator->has_enable && !is_on(name)) || take_anew) {
		if (set_enabled(converge, name, true))
			changed(converge, "migrator", name, "enable", on ? "on" : "off",
				take_anew ? "on, with its channels taken anew" : "on");
	} else if (migrator->has_enable && !on) {
		/* A module without a switch was loaded just now. */
		changed(converge, "migrator", name, "enable", "off", "on");
	}
	set_error_limit(converge, migrator);
}

/* --- policies --------------------------------------------------------------*/

static void add_target(struct targets *targets, const struct config_policy *policy, char *path,
		       __u64 id)
{
	size_t i;

	/* What stands first in the file wins. */
	for (i = 0; i < targets->nr; i++) {
		if (targets->targets[i].cgroup_id == id) {
			free(path);
			return;
		}
	}
	targets->targets = realloc(targets->targets, (targets->nr + 1) * sizeof(*targets->targets));
	if (!targets->targets)
		abort();
	targets->targets[targets->nr++] = (struct target) {
		.policy = policy, .path = path, .cgroup_id = id,
	};
}

static void free_targets(struct targets *targets)
{
	size_t i;

	for (i = 0; i < targets->nr; i++)
		free(targets->targets[i].path);
	free(targets->targets);
}

/* The cgroups that a path or pattern stands for now. How many? */
static size_t find_cgroups(struct targets *targets, const struct config_policy *policy,
			   const char *pattern)
{
	char *mount = cgroup_mount(), *full;
	glob_t found = {};
	size_t i, nr = 0;
	__u64 id;

	if (!mount)
		return 0;
	if (!strcmp(pattern, "/")) {
		free(mount);
		add_target(targets, policy, mgx_strdup("/"), CGROUP_ROOT_ID);
		return 1;
	}
	full = mgx_printf("%s%s", mount, pattern);
	if (!glob(full, GLOB_ONLYDIR, NULL, &found)) {
		for (i = 0; i < found.gl_pathc; i++) {
			if (cgroup_id_of_path(found.gl_pathv[i], &id))
				continue;
			add_target(targets, policy, mgx_strdup(found.gl_pathv[i] + strlen(mount)), id);
			nr++;
		}
		globfree(&found);
	}
	free(full);
	free(mount);
	return nr;
}

static void find_targets(const struct config *config, struct targets *targets,
			 void (*missing)(void *arg, const struct config_policy *policy,
					 const char *pattern), void *arg)
{
	char **pattern;
	size_t i;

	memset(targets, 0, sizeof(*targets));
	for (i = 0; i < config->nr_policies; i++) {
		const struct config_policy *policy = &config->policies[i];

		if (!policy->cgroups)
			add_target(targets, policy, mgx_strdup("/"), CGROUP_ROOT_ID);
		for (pattern = policy->cgroups; pattern && *pattern; pattern++)
			if (!find_cgroups(targets, policy, *pattern) && missing)
				missing(arg, policy, *pattern);
	}
}

static void cgroup_missing(void *arg, const struct config_policy *policy, const char *pattern)
{
	const char *file = strrchr(policy->object, '/');
	char *title = mgx_printf("%s on %s", policy->name ?: (file ? file + 1 : policy->object), pattern);

	pending(arg, "policy", title, "there is no such cgroup yet");
	free(title);
}

static bool is_ours(const struct policy *policy)
{
	return policy->pin && !strncmp(strrchr(policy->pin, '/') + 1, PIN_PREFIX,
				       strlen(PIN_PREFIX));
}

static char *pin_of(const struct target *target)
{
	return mgx_printf(PIN_PREFIX "%llu", (unsigned long long)target->cgroup_id);
}

static struct policy *find_running(struct policies *policies, __u64 cgroup_id)
{
	size_t i;

	for (i = 0; i < policies->nr; i++)
		if (policies->policies[i].map_id && policies->policies[i].cgroup_id == cgroup_id)
			return &policies->policies[i];
	return NULL;
}

/* Up to where it could be attached: mgx_fail() is caught by the caller. */
static int load_target(struct converge *converge, const struct target *target,
		       struct object *object, char **name)
{
	const struct config_policy *policy = target->policy;
	struct mgx *mgx = converge->mgx;
	char *assignment;
	size_t i;
	int ret;

	ret = object_open(mgx, converge->what, object, policy->object, policy->name);
	if (ret)
		return ret;
	*name = policy->name ? mgx_strdup(policy->name) : object_name(object);
	ret = object_set_name(mgx, converge->what, object, *name);
	ret = ret ?: knobfile_set(mgx, converge->what, &policy->preset, object);
	for (i = 0; !ret && i < policy->knobs.nr; i++) {
		assignment = mgx_printf("%s=%s", policy->knobs.values[i].name,
					policy->knobs.values[i].value);
		ret = object_set_knob(mgx, converge->what, object, assignment);
		free(assignment);
	}
	ret = ret ?: object_set_cgroup(mgx, converge->what, object, target->cgroup_id);
	return ret ?: object_load(mgx, converge->what, object);
}

/* What another loaded is ours from now on: by its pin. 0 or -errno. */
static int adopt(struct policy *running, const char *pin_name)
{
	char *pin = bpffs_pin_path(pin_name);
	int fd, err = 0;

	fd = bpf_link_get_fd_by_id(running->link_id);
	if (fd < 0 || !pin)
		err = -errno;
	else if (bpf_obj_pin(fd, pin) && errno != EEXIST)
		err = -errno;
	else if (running->pin && strcmp(running->pin, pin))
		unlink(running->pin);
	if (fd >= 0)
		close(fd);
	free(pin);
	return err;
}

static int replace(struct converge *converge, const struct target *target,
		   struct policy *running, const struct object *object)
{
	char *pin = pin_of(target);
	int ret;

	ret = attach_update(converge->mgx, converge->what, object, running);
	if (!ret && !is_ours(running))
		ret = bpffs_prepare(converge->mgx, converge->what) ?: adopt(running, pin) ? MGX_FAILED : 0;
	free(pin);
	return ret;
}

static char *policy_title(const char *name, const struct target *target)
{
	return mgx_printf("%s on %s", name, target->path);
}

/* Makes of what runs what is wanted. 0, or the exit status; the words are caught. */
static int change_running(struct converge *converge, const struct target *target,
			  struct policy *running, const struct policy *wanted,
			  const struct object *object, const char *title)
{
	char *state = sysfs_read("policies/%llu/state", (unsigned long long)target->cgroup_id);
	bool ejected = state && !strncmp(state, "ejected", strlen("ejected"));
	char *knob = NULL, *detail;
	int how, ret = 0, err;

	how = compare_policies(running, wanted, &knob);
	/* Another name alone is a new instance, but only of what is ours. */
	if ((how == COMPARE_SAME || how == COMPARE_ONE_KNOB) && is_ours(running) &&
	    strcmp(running->name, wanted->name))
		how = COMPARE_PROGRAMS;
	if (how < 0) {
		ret = mgx_fail(converge->mgx, mgx_exit_of(how), NULL, "%s: %s: what runs cannot be read: %s",
			       converge->what, title, mgx_why(how));
	} else if (how == COMPARE_SAME && ejected) {
		/* Again and again would be no help: the file has to name another. */
		pending(converge, "policy", title, state);
	} else if (how != COMPARE_SAME && !is_ours(running) && !converge->force) {
		ret = mgx_fail(converge->mgx, MGX_EXISTS, "unload it, or use --force",
			       "%s: %s: another one is there that mgx apply did not load: %s",
			       converge->what, title, running->name);
	} else if (how == COMPARE_ONE_KNOB && is_ours(running) && !ejected) {
		err = converge->dry_run ? 0 : compare_copy_knob(running, wanted, knob);
		if (err)
			ret = mgx_fail(converge->mgx, mgx_exit_of(err), NULL, "%s: %s: knob %s: %s",
				       converge->what, title, knob, mgx_why(err));
		else
			changed(converge, "policy", title, "tune", NULL, knob);
	} else if (how != COMPARE_SAME) {
		if (!converge->dry_run)
			ret = replace(converge, target, running, object);
		detail = how == COMPARE_KNOBS ?
			 mgx_printf("a new instance, for several knobs: %s and others", knob) :
			 mgx_strdup(target->policy->object);
		if (!ret)
			changed(converge, "policy", title, "replace", running->name, detail);
		free(detail);
	}
	free(knob);
	free(state);
	return ret;
}

static void do_target(struct converge *converge, const struct target *target,
		      struct policies *policies)
{
	struct policy *running = find_running(policies, target->cgroup_id), wanted = {};
	char *said = NULL, *name = NULL, *title = NULL, *pin = pin_of(target);
	struct mgx *mgx = converge->mgx;
	struct object object = {};
	__u32 link_id;
	int ret, err;

	mgx->caught = &said;
	ret = load_target(converge, target, &object, &name);
	title = policy_title(name ?: target->policy->object, target);
	if (!ret && !running) {
		if (!converge->dry_run)
			ret = attach_and_pin(mgx, converge->what, &object, name, pin, &link_id);
		if (!ret)
			changed(converge, "policy", title, "load", NULL, target->policy->object);
	} else if (!ret) {
		err = policy_of_map(mgx, bpf_map__fd(object.ops), &wanted);
		if (err)
			ret = mgx_fail(mgx, mgx_exit_of(err), NULL, "%s: %s: %s", converge->what, title,
				       mgx_why(err));
		else
			ret = change_running(converge, target, running, &wanted, &object, title);
		policy_free(&wanted);
	}
	mgx->caught = NULL;
	if (ret == MGX_NOT_FOUND && access(target->policy->object, F_OK) == 0)
		/* The cgroup went while we were at it: a later pass sees that. */
		pending(converge, "policy", title, "its cgroup has gone");
	else if (ret)
		failed(converge, "policy", title, ret, mgx_strdup(said ?: "?"));
	free(said);
	object_close(&object);
	free(pin);
	free(title);
	free(name);
}

/* What came from a file and is not in it any more, and pins whose cgroup has gone. */
static void remove_others(struct converge *converge, struct policies *policies,
			  const struct targets *targets)
{
	size_t i, k;

	for (i = 0; i < policies->nr; i++) {
		struct policy *policy = &policies->policies[i];
		bool wanted = false;
		char *said = NULL, *title;
		int ret = 0;

		if (!is_ours(policy))
			continue;
		for (k = 0; k < targets->nr && policy->map_id; k++)
			wanted |= targets->targets[k].cgroup_id == policy->cgroup_id;
		if (wanted)
			continue;
		title = mgx_printf("%s on %s", policy->name, !policy->map_id ? "a cgroup that has gone" :
				   policy->cgroup_path ?: "?");
		converge->mgx->caught = &said;
		if (!converge->dry_run)
			ret = attach_remove(converge->mgx, converge->what, policy);
		converge->mgx->caught = NULL;
		if (ret)
			failed(converge, "policy", title, ret, mgx_strdup(said ?: "?"));
		else
			changed(converge, "policy", title, "unload", NULL, NULL);
		free(said);
		free(title);
	}
}

static void do_policies(struct converge *converge)
{
	struct policies policies = {};
	struct targets targets;
	char *said = NULL;
	size_t i;
	int ret;

	find_targets(converge->config, &targets, cgroup_missing, converge);
	converge->mgx->caught = &said;
	ret = policies_read(converge->mgx, converge->what, &policies);
	converge->mgx->caught = NULL;
	if (ret) {
		failed(converge, "policies", NULL, ret, mgx_strdup(said ?: "?"));
	} else {
		remove_others(converge, &policies, &targets);
		for (i = 0; i < targets.nr; i++) {
			progress_show("policies", i, targets.nr);
			do_target(converge, &targets.targets[i], &policies);
		}
		progress_end();
	}
	free(said);
	policies_free(&policies);
	free_targets(&targets);
}

void converge_pass(struct converge *converge)
{
	static const struct out_column columns[] = {
		{ "kind", "KIND" },
		{ "object", "OBJECT" },
		{ "action", "ACTION" },
		{ "from", "FROM" },
		{ "to", "TO" },
	};
	const struct config *config = converge->config;
	size_t i;

	out_table(converge->mgx->out, "changes", NULL, "everything is as the file wants it", columns,
		  MGX_ARRAY_SIZE(columns));
	for (i = 0; i < config->nr_migrators; i++)
		do_migrator(converge, &config->migrators[i]);
	for (i = 0; i < config->settings.nr; i++)
		do_setting(converge, &config->settings.values[i]);
	do_policies(converge);
	out_end(converge->mgx->out);
}

void converge_free(struct converge *converge)
{
	free(converge->first);
	converge->first = NULL;
}

/* --- has anything happened? ------------------------------------------------*/

static void put_file(FILE *to, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		fprintf(to, "%s gone\n", path);
	else
		fprintf(to, "%s %llu %lld.%09ld %lld\n", path, (unsigned long long)st.st_ino,
			(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_size);
}

static void put_value(FILE *to, char *value)
{
	fprintf(to, "%s\n", value ?: "gone");
	free(value);
}

char *converge_state(const struct config *config)
{
	struct targets targets;
	char **ids, **id, *text = NULL;
	size_t size = 0, i, k;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	put_file(to, config->path);
	for (i = 0; i < config->nr_policies; i++) {
		put_file(to, config->policies[i].object);
		if (config->policies[i].preset.path)
			put_file(to, config->policies[i].preset.path);
	}
	for (i = 0; i < config->settings.nr; i++)
		put_value(to, sysfs_read("%s", config->settings.values[i].name));
	for (i = 0; i < config->nr_migrators; i++) {
		const struct config_migrator *migrator = &config->migrators[i];

		put_value(to, module_get(migrator->name, "enable"));
		put_value(to, sysfs_read("migrators/%s/state", migrator->name));
		for (k = 0; k < migrator->parameters.nr; k++)
			put_value(to, module_get(migrator->name, migrator->parameters.values[k].name));
	}
	find_targets(config, &targets, NULL, NULL);
	for (i = 0; i < targets.nr; i++)
		fprintf(to, "%llu\n", (unsigned long long)targets.targets[i].cgroup_id);
	free_targets(&targets);
	ids = sysfs_entries("policies");
	for (id = ids; *id; id++) {
		put_value(to, sysfs_read("policies/%s/map_id", *id));
		put_value(to, sysfs_read("policies/%s/state", *id));
	}
	sysfs_entries_free(ids);
	fclose(to);
	return text;
}
