// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
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
#include "cgroup_knobs.h"
#include "compare.h"
#include "config.h"
#include "converge.h"
#include "converge_cgroup_knobs.h"
#include "converge_rows.h"
#include "error.h"
#include "every.h"
#include "hold.h"
#include "module.h"
#include "object.h"
#include "out.h"
#include "policy.h"
#include "progress.h"
#include "reasons.h"
#include "settled.h"
#include "sysfs.h"
#include "targets.h"

#define SWITCH		"policies_enabled"

/* --- the kernel's settings -------------------------------------------------*/

static bool same_number(const char *a, const char *b)
{
	char *end_a, *end_b;
	unsigned long long x = strtoull(a, &end_a, 0), y = strtoull(b, &end_b, 0);

	return *a && *b && !*end_a && !*end_b && x == y;
}

/* As the kernel reads and writes a switch. */
static bool is_one_of(const char *letters, const char *text)
{
	return strlen(text) == 1 && strchr(letters, *text);
}

static bool same_switch(const char *a, const char *b)
{
	return (is_one_of("Yy1", a) && is_one_of("Yy1", b)) ||
	       (is_one_of("Nn0", a) && is_one_of("Nn0", b));
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

/* For a dry run: is it there, or will it be, because the file switches it on? */
static int look_for_migrator(const struct converge *converge, const char *name)
{
	const struct config *config = converge->config;
	char *id = strchr(name, '/') ? NULL : sysfs_read("migrators/%s/id", name);
	bool there = id || !strcmp(name, "none");
	size_t i;

	free(id);
	for (i = 0; i < config->nr_migrators && !there; i++)
		there = config->migrators[i].enable && !strcmp(config->migrators[i].name, name);
	return there ? 0 : -ENOENT;
}

static void do_setting(struct converge *converge, const struct config_value *setting)
{
	char *now = sysfs_read("%s", setting->name);
	int err;

	if (!now) {
		converge_failed(converge, "setting", setting->name, MGX_NO_FEATURE,
		       mgx_printf("this kernel does not have it: %s", mgx_why(errno)));
		return;
	}
	if (same_setting(converge->mgx, setting->name, now, setting->value) ||
	    (!strcmp(setting->name, "reason_mask") && !strcmp(setting->value, "all") &&
	     is_all_reasons(converge->mgx, now))) {
		free(now);
		return;
	}
	if (!strcmp(setting->name, SWITCH) && !strcmp(setting->value, "1") && hold_is_set(HOLD_POLICIES)) {
		converge_pending(converge, "setting", setting->name, "switched off by hand: `mgx on` ends that");
		free(now);
		return;
	}
	err = !converge->dry_run ? sysfs_write(setting->value, "%s", setting->name) :
	      !strcmp(setting->name, "default_migrator") ? look_for_migrator(converge, setting->value) : 0;
	if (err == -ENOENT && !strcmp(setting->name, "default_migrator"))
		converge_pending(converge, "setting", setting->name, "there is no migrator of that name yet");
	else if (err)
		converge_failed(converge, "setting", setting->name, err == -EINVAL ? MGX_BAD_VALUE : mgx_exit_of(err),
		       mgx_printf("%s=%s: %s", setting->name, setting->value, mgx_why(err)));
	else
		converge_changed(converge, "setting", setting->name, "set", now, setting->value);
	free(now);
}

/* --- migrators -------------------------------------------------------------*/

static void failed_write(struct converge *converge, const char *object, const char *value, int err)
{
	converge_failed(converge, "migrator", object, err == -EINVAL ? MGX_BAD_VALUE : mgx_exit_of(err),
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
		converge_failed(converge, "migrator", name, ret, said);
		return false;
	}
	free(said);
	if (err == -ENODEV) {
		converge_pending(converge, "migrator", name, "there is no usable channel yet; the kernel log says why");
		return false;
	}
	if (err)
		failed_write(converge, name, on ? "Y" : "N", err);
	return !err;
}

static int refused_before(const struct converge *converge, const char *object)
{
	return converge->settled ? settled_refused(converge->settled, object) : 0;
}

/* What the module does not take now it will not take later. */
static int set_parameter(struct converge *converge, const struct config_migrator *migrator,
			 const struct config_value *parameter, const char *object)
{
	int err = refused_before(converge, object);

	if (err || converge->dry_run)
		return err;
	err = module_set(migrator->name, parameter->name, parameter->value);
	if (converge->settled && (err == -EINVAL || err == -ERANGE || err == -EACCES || err == -EPERM))
		settled_note_refused(converge->settled, object, err);
	return err;
}

/*
 * Parameters that differ. @channels: those that apply when channels are taken, or the others.
 * Was one set, or is one to be?
 */
static bool set_parameters(struct converge *converge, const struct config_migrator *migrator,
			   bool channels, bool only_look)
{
	bool differs = false;
	size_t i;
	int err;

	for (i = 0; i < migrator->parameters.nr; i++) {
		const struct config_value *parameter = &migrator->parameters.values[i];
		char *object, *now;

		if (module_is_for_taking(parameter->name) != channels)
			continue;
		object = mgx_printf("%s %s", migrator->name, parameter->name);
		now = module_get(migrator->name, parameter->name);
		if (!now) {
			if (!only_look && module_present(migrator->name))
				converge_failed(converge, "parameter", object, MGX_NOT_FOUND,
				       mgx_printf("module %s has no parameter %s", migrator->name,
						  parameter->name));
			else if (!only_look)
				converge_changed(converge, "parameter", object, "set", NULL, parameter->value);
		} else if (strcmp(now, parameter->value) && !same_number(now, parameter->value) &&
			   !same_switch(now, parameter->value)) {
			err = only_look ? refused_before(converge, object) :
			      set_parameter(converge, migrator, parameter, object);
			differs |= !err;
			if (err && !only_look)
				failed_write(converge, object, parameter->value, err);
			else if (!err && !only_look)
				converge_changed(converge, "parameter", object, "set", now, parameter->value);
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
		converge_pending(converge, "migrator", object, "it was never registered");
	} else if (!same_number(now, migrator->error_limit)) {
		if (!converge->dry_run)
			err = sysfs_write(migrator->error_limit, "migrators/%s/error_limit",
					  migrator->name);
		if (err)
			failed_write(converge, object, migrator->error_limit, err);
		else
			converge_changed(converge, "migrator", object, "set", now, migrator->error_limit);
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
			converge_changed(converge, "migrator", name, "disable", "on", "off");
		return;
	}
	if (migrator->has_enable && !on && hold_is_set(name)) {
		converge_pending(converge, "migrator", name, "disabled by hand: `mgx migrator enable` ends that");
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
			converge_failed(converge, "migrator", name, ret, said);
			return;
		}
		free(said);
	}
	if (!module_present(name) && !migrator->has_enable && strcmp(name, "cpu")) {
		converge_pending(converge, "migrator", name, "its module is not loaded");
		return;
	}
	set_parameters(converge, migrator, false, false);
	/*
	 * Only where the file says that it is on: who is stopped between off and on
	 * finds it off the next time. For what was refused before it stays on.
	 */
	if (on && migrator->has_enable && set_parameters(converge, migrator, true, true))
		take_anew = true;
	if (take_anew && !set_enabled(converge, name, false))
		return;
	set_parameters(converge, migrator, true, false);
	if ((migrator->has_enable && !is_on(name)) || take_anew) {
		if (set_enabled(converge, name, true))
			converge_changed(converge, "migrator", name, "enable", on ? "on" : "off",
				take_anew ? "on, with its channels taken anew" : "on");
	} else if (migrator->has_enable && !on) {
		/* A module without a switch was loaded just now. */
		converge_changed(converge, "migrator", name, "enable", "off", "on");
	}
	set_error_limit(converge, migrator);
}

/* --- policies --------------------------------------------------------------*/

static void cgroup_missing(void *arg, const struct config_policy *policy, const char *pattern)
{
	const char *file = strrchr(policy->object, '/');
	char *title = mgx_printf("%s on %s", policy->name ?: (file ? file + 1 : policy->object), pattern);

	converge_pending(arg, "policy", title, "there is no such cgroup yet");
	free(title);
}

/* Did this file load it? Only that is taken away again. */
static bool is_ours(const struct converge *converge, const struct policy *policy)
{
	const char *pins = converge->config->pins;

	return policy->pin && !strncmp(strrchr(policy->pin, '/') + 1, pins, strlen(pins));
}

static char *pin_of(const struct converge *converge, const struct target *target)
{
	return mgx_printf("%s%llu", converge->config->pins, (unsigned long long)target->cgroup_id);
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
	char *pin = pin_of(converge, target);
	int ret, err;

	ret = attach_update(converge->mgx, converge->what, object, running);
	if (!ret && !is_ours(converge, running))
		ret = bpffs_prepare(converge->mgx, converge->what);
	if (!ret && !is_ours(converge, running)) {
		err = adopt(running, pin);
		if (err)
			ret = mgx_fail(converge->mgx, mgx_exit_of(err), "it is replaced; run it again for the pin",
				       "%s: %s: its pin %s: %s", converge->what, running->name, pin, mgx_why(err));
	}
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
			  const struct object *object, const char *title, bool *replaced)
{
	char *state = sysfs_read("policies/%llu/state", (unsigned long long)target->cgroup_id);
	bool ejected = state && !strncmp(state, "ejected", strlen("ejected"));
	char *knob = NULL, *detail;
	int how, ret = 0, err;

	how = compare_policies(running, wanted, &knob);
	/* Another name alone is a new instance, but only of what is ours. */
	if ((how == COMPARE_SAME || how == COMPARE_ONE_KNOB) && is_ours(converge, running) &&
	    strcmp(running->name, wanted->name))
		how = COMPARE_PROGRAMS;
	if (how < 0) {
		ret = mgx_fail(converge->mgx, mgx_exit_of(how), NULL, "%s: %s: what runs cannot be read: %s",
			       converge->what, title, mgx_why(how));
	} else if (how == COMPARE_SAME && !ejected) {
		if (converge->settled && is_ours(converge, running))
			settled_note(converge->settled, running, target->policy);
	} else if (how == COMPARE_SAME) {
		/* Again and again would be no help: the file has to name another. */
		converge_pending(converge, "policy", title, state);
	} else if (how != COMPARE_SAME && !is_ours(converge, running) && !converge->force) {
		ret = mgx_fail(converge->mgx, MGX_EXISTS, "unload it, or use --force",
			       "%s: %s: another one is there that this file did not load: %s, pinned at %s",
			       converge->what, title, running->name, running->pin ?: "no place that is known");
	} else if (how == COMPARE_ONE_KNOB && is_ours(converge, running) && !ejected) {
		err = converge->dry_run ? 0 : compare_copy_knob(running, wanted, knob);
		if (err)
			ret = mgx_fail(converge->mgx, mgx_exit_of(err), NULL, "%s: %s: knob %s: %s",
				       converge->what, title, knob, mgx_why(err));
		else
			converge_changed(converge, "policy", title, "tune", NULL, knob);
	} else {
		if (!converge->dry_run)
			ret = replace(converge, target, running, object);
		detail = how == COMPARE_KNOBS ?
			 mgx_printf("a new instance, for several knobs: %s and others", knob) :
			 mgx_strdup(target->policy->object);
		if (!ret)
			converge_changed(converge, "policy", title, "replace", running->name, detail);
		*replaced = !ret && !converge->dry_run;
		free(detail);
	}
	free(knob);
	free(state);
	return ret;
}

/* What it has for single cgroups: of @object where that has taken @running's place. */
static void do_cgroup_knobs(struct converge *converge, const struct target *target, const char *title,
			    const struct policy *running, const struct object *object)
{
	struct cgroup_knobs knobs;
	int err;

	if (!target->policy->nr_cgroup_knobs)
		return;
	err = object ? cgroup_knobs_of_object(object, &knobs) : cgroup_knobs_open(running, &knobs);
	if (err)
		converge_failed(converge, "policy", title, mgx_exit_of(err),
				mgx_printf("%s: knobs for cgroups: %s", title, mgx_why(err)));
	else
		converge_cgroup_knobs(converge, title, target->policy, &knobs);
	cgroup_knobs_close(&knobs);
}

/* With all of it from the first moment on. */
static int attach_target(struct converge *converge, const struct target *target,
			 const struct object *object, const char *name, const char *pin)
{
	struct cgroup_knobs knobs;
	__u32 link_id;
	int err;

	err = cgroup_knobs_of_object(object, &knobs);
	err = err ?: converge_cgroup_knobs_fill(target->policy, &knobs);
	cgroup_knobs_close(&knobs);
	if (err)
		return mgx_fail(converge->mgx, mgx_exit_of(err), "name fewer cgroups in cgroup_knobs",
				"%s: %s on %s: knobs for cgroups: %s", converge->what, name, target->path,
				err == -E2BIG ? "there is no room for so many" : mgx_why(err));
	return attach_and_pin(converge->mgx, converge->what, object, name, pin, &link_id);
}

static void do_target(struct converge *converge, const struct target *target,
		      struct policies *policies)
{
	struct policy *running = find_running(policies, target->cgroup_id), wanted = {};
	char *said = NULL, *name = NULL, *title = NULL, *pin = pin_of(converge, target);
	struct mgx *mgx = converge->mgx;
	struct object object = {};
	bool replaced = false;
	int ret, err;

	if (running && converge->settled && settled_is(converge->settled, running, target->policy,
							converge->retry)) {
		title = policy_title(running->name, target);
		do_cgroup_knobs(converge, target, title, running, NULL);
		free(title);
		free(pin);
		return;
	}
	mgx->caught = &said;
	ret = load_target(converge, target, &object, &name);
	title = policy_title(name ?: target->policy->object, target);
	if (!ret && !running) {
		if (!converge->dry_run)
			ret = attach_target(converge, target, &object, name, pin);
		if (!ret)
			converge_changed(converge, "policy", title, "load", NULL, target->policy->object);
	} else if (!ret) {
		err = policy_of_map(mgx, bpf_map__fd(object.ops), &wanted);
		if (err)
			ret = mgx_fail(mgx, mgx_exit_of(err), NULL, "%s: %s: %s", converge->what, title,
				       mgx_why(err));
		else
			ret = change_running(converge, target, running, &wanted, &object, title, &replaced);
		policy_free(&wanted);
	}
	mgx->caught = NULL;
	if (!ret && running)
		do_cgroup_knobs(converge, target, title, running, replaced ? &object : NULL);
	if (ret == MGX_NOT_FOUND && access(target->policy->object, F_OK) == 0)
		/* The cgroup went while we were at it: a later pass sees that. */
		converge_pending(converge, "policy", title, "its cgroup has gone");
	else if (ret)
		converge_failed(converge, "policy", title, ret, mgx_strdup(said ?: "?"));
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

		if (!is_ours(converge, policy))
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
			converge_failed(converge, "policy", title, ret, mgx_strdup(said ?: "?"));
		else
			converge_changed(converge, "policy", title, "unload", NULL, NULL);
		free(said);
		free(title);
	}
}

/* What cannot be looked at may be there: nothing is taken away for it. */
static void cgroups_unsure(struct converge *converge, int err)
{
	converge_failed(converge, "policy", NULL, mgx_exit_of(err),
			mgx_printf("cgroups: %s: nothing is unloaded meanwhile", mgx_why(err)));
}

static void do_policies(struct converge *converge)
{
	struct policies policies = {};
	struct targets targets;
	char *said = NULL;
	size_t i;
	int ret;

	targets_find(converge->config, &targets, cgroup_missing, converge);
	converge->mgx->caught = &said;
	ret = policies_read(converge->mgx, converge->what, &policies);
	converge->mgx->caught = NULL;
	if (ret) {
		converge_failed(converge, "policy", NULL, ret, mgx_strdup(said ?: "?"));
	} else {
		if (targets.err)
			cgroups_unsure(converge, targets.err);
		else
			remove_others(converge, &policies, &targets);
		/* Told to end: the next run finishes. */
		for (i = 0; i < targets.nr && !every_stopped(); i++) {
			progress_show("policies", i, targets.nr);
			do_target(converge, &targets.targets[i], &policies);
		}
		progress_end();
	}
	if (converge->settled && !targets.err)
		settled_keep(converge->settled, &targets);
	free(said);
	policies_free(&policies);
	targets_free(&targets);
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

	out_table(converge->mgx->out, "changes", NULL,
		  converge->told ? NULL : "everything is as the file wants it", columns,
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
	free(converge->unfinished);
	converge->first = NULL;
	converge->unfinished = NULL;
}

/* --- has anything happened? ------------------------------------------------*/

static void put_value(FILE *to, char *value)
{
	fprintf(to, "%s\n", value ?: "gone");
	free(value);
}

static void put_cgroup_knobs(FILE *to, const struct config_policy *policy)
{
	struct targets targets = {};
	char **pattern;
	size_t i;

	for (i = 0; i < policy->nr_cgroup_knobs; i++)
		for (pattern = policy->cgroup_knobs[i].cgroups; *pattern; pattern++)
			targets_match(&targets, policy, *pattern);
	for (i = 0; i < targets.nr; i++)
		fprintf(to, "%llu\n", (unsigned long long)targets.targets[i].cgroup_id);
	targets_free(&targets);
}

char *converge_state(const struct config *config)
{
	struct targets targets;
	char **ids, **id, *text = NULL;
	size_t size = 0, i, k;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	for (i = 0; i < config->settings.nr; i++)
		put_value(to, sysfs_read("%s", config->settings.values[i].name));
	for (i = 0; i < config->nr_migrators; i++) {
		const struct config_migrator *migrator = &config->migrators[i];

		put_value(to, module_get(migrator->name, "enable"));
		put_value(to, sysfs_read("migrators/%s/state", migrator->name));
		for (k = 0; k < migrator->parameters.nr; k++)
			put_value(to, module_get(migrator->name, migrator->parameters.values[k].name));
	}
	targets_find(config, &targets, NULL, NULL);
	for (i = 0; i < targets.nr; i++)
		fprintf(to, "%llu\n", (unsigned long long)targets.targets[i].cgroup_id);
	targets_free(&targets);
	for (i = 0; i < config->nr_policies; i++)
		put_cgroup_knobs(to, &config->policies[i]);
	ids = sysfs_entries("policies");
	for (id = ids; *id; id++) {
		put_value(to, sysfs_read("policies/%s/map_id", *id));
		put_value(to, sysfs_read("policies/%s/state", *id));
	}
	sysfs_entries_free(ids);
	fclose(to);
	return text;
}
