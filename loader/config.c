// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libconfig.h>

#include "config.h"
#include "error.h"
#include "module.h"
#include "object.h"
#include "paths.h"
#include "sysfs.h"

#define SCHEMA	1

/* While it is read. */
struct reader {
	struct mgx *mgx;
	const char *what;
	struct config *config;
};

static const struct {
	const char *name;
	int type;		/* CONFIG_TYPE_NONE: a number or a string */
} settings[] = {
	{ "policies_enabled",	CONFIG_TYPE_BOOL },
	{ "default_migrator",	CONFIG_TYPE_STRING },
	{ "reason_mask",	CONFIG_TYPE_STRING },
	{ "min_bytes",		CONFIG_TYPE_NONE },
	{ "batch_pages",	CONFIG_TYPE_INT },
	{ "file_folios",	CONFIG_TYPE_BOOL },
};

static int wrong(const struct reader *reader, const config_setting_t *setting,
		 enum mgx_exit code, const char *next, const char *why)
{
	const char *name = config_setting_name(setting);

	return mgx_fail(reader->mgx, code, next, "%s: %s:%d: %s: %s", reader->what,
			reader->config->path, (int)config_setting_source_line(setting),
			name ?: "(an entry)", why);
}

/* What is written for a number, a switch or a string; NULL: it is none of these. */
static char *text_of(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
		return mgx_printf("%d", config_setting_get_int(setting));
	case CONFIG_TYPE_INT64:
		return mgx_printf("%lld", config_setting_get_int64(setting));
	case CONFIG_TYPE_BOOL:
		return mgx_strdup(config_setting_get_bool(setting) ? "1" : "0");
	case CONFIG_TYPE_STRING:
		return mgx_strdup(config_setting_get_string(setting));
	}
	return NULL;
}

static int add_value(const struct reader *reader, struct config_values *values,
		     const config_setting_t *setting)
{
	char *text = text_of(setting);

	if (!text)
		return wrong(reader, setting, MGX_BAD_VALUE, NULL, "it is no number, switch or string");
	values->values = realloc(values->values, (values->nr + 1) * sizeof(*values->values));
	if (!values->values)
		abort();
	values->values[values->nr++] = (struct config_value) {
		.name = mgx_strdup(config_setting_name(setting)),
		.value = text,
		.line = config_setting_source_line(setting),
	};
	return 0;
}

static int need_type(const struct reader *reader, const config_setting_t *setting, int type,
		     const char *why)
{
	if (config_setting_type(setting) == type)
		return 0;
	return wrong(reader, setting, MGX_BAD_VALUE, NULL, why);
}

static const config_setting_t *nth(const config_setting_t *setting, int i)
{
	return config_setting_get_elem((config_setting_t *)setting, i);
}

/* 65536, "64K": the kernel takes the number. */
static int read_bytes(const struct reader *reader, const config_setting_t *setting)
{
	struct config_values *values = &reader->config->settings;
	static const char suffixes[] = "KMG";
	unsigned long long bytes;
	char *end;
	int ret;

	ret = add_value(reader, values, setting);
	if (ret)
		return ret;
	errno = 0;
	bytes = strtoull(values->values[values->nr - 1].value, &end, 10);
	if (*end && strchr(suffixes, *end) && bytes < 1ULL << 32) {
		bytes <<= 10 * (strchr(suffixes, *end) - suffixes + 1);
		end++;
	}
	if (errno || *end || values->values[values->nr - 1].value[0] == '-')
		return wrong(reader, setting, MGX_BAD_VALUE, "write bytes, or K, M or G, as \"64K\"",
			     "it is no size");
	free(values->values[values->nr - 1].value);
	values->values[values->nr - 1].value = mgx_printf("%llu", bytes);
	return 0;
}

static int read_setting(const struct reader *reader, const config_setting_t *setting)
{
	const char *name = config_setting_name(setting);
	int type = config_setting_type(setting);
	size_t i;

	for (i = 0; i < MGX_ARRAY_SIZE(settings); i++)
		if (!strcmp(name, settings[i].name))
			break;
	if (i == MGX_ARRAY_SIZE(settings))
		return wrong(reader, setting, MGX_NOT_FOUND,
			     "there are: schema, policies_enabled, default_migrator, reason_mask, min_bytes, batch_pages, file_folios, migrators, policies",
			     "there is no such setting");
	if (settings[i].type != CONFIG_TYPE_NONE && type != settings[i].type)
		return wrong(reader, setting, MGX_BAD_VALUE,
			     settings[i].type == CONFIG_TYPE_BOOL ? "write true or false" :
			     settings[i].type == CONFIG_TYPE_INT ? "write a number" :
								   "write it in quotes",
			     "it is of the wrong type");
	if (!strcmp(name, "min_bytes"))
		return read_bytes(reader, setting);
	return add_value(reader, &reader->config->settings, setting);
}

static int read_migrator(const struct reader *reader, const config_setting_t *group)
{
	struct config *config = reader->config;
	struct config_migrator *migrator;
	int i, ret;

	ret = need_type(reader, group, CONFIG_TYPE_GROUP, "it is no group: write { ... }");
	if (ret)
		return ret;
	config->migrators = realloc(config->migrators, (config->nr_migrators + 1) *
				    sizeof(*config->migrators));
	if (!config->migrators)
		abort();
	migrator = &config->migrators[config->nr_migrators++];
	memset(migrator, 0, sizeof(*migrator));
	migrator->name = mgx_strdup(config_setting_name(group));
	migrator->line = config_setting_source_line(group);
	if (!module_name_ok(migrator->name))
		return wrong(reader, group, MGX_NOT_FOUND, NULL, "no migrator is called so");

	for (i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = nth(group, i);
		const char *name = config_setting_name(setting);

		if (!strcmp(name, "enable")) {
			ret = need_type(reader, setting, CONFIG_TYPE_BOOL, "write true or false");
			migrator->has_enable = true;
			migrator->enable = !ret && config_setting_get_bool(setting);
		} else if (!strcmp(name, "error_limit")) {
			ret = need_type(reader, setting, CONFIG_TYPE_INT, "write a number");
			if (!ret)
				migrator->error_limit = text_of(setting);
		} else {
			ret = module_name_ok(name) ?
			      add_value(reader, &migrator->parameters, setting) :
			      wrong(reader, setting, MGX_NOT_FOUND, NULL, "no parameter is called so");
		}
		if (ret)
			return ret;
	}
	return 0;
}

static int read_cgroups(const struct reader *reader, const config_setting_t *setting,
			struct config_policy *policy)
{
	int type = config_setting_type(setting), i, n;

	n = type == CONFIG_TYPE_STRING ? 1 : config_setting_length(setting);
	if (type != CONFIG_TYPE_STRING && type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST)
		return wrong(reader, setting, MGX_BAD_VALUE, "write \"/a\" or [ \"/a\", \"/b/*\" ]",
			     "it is no path and no list of them");
	if (policy->cgroups || !n)
		return wrong(reader, setting, MGX_BAD_VALUE, "leave it away for the whole system",
			     policy->cgroups ? "cgroup and cgroups are the same" : "it is empty");
	policy->cgroups = mgx_alloc((n + 1) * sizeof(*policy->cgroups));
	for (i = 0; i < n; i++) {
		const char *path = type == CONFIG_TYPE_STRING ? config_setting_get_string(setting) :
				   config_setting_get_string_elem(setting, i);

		if (!path || *path != '/' || strstr(path, "/../") || strstr(path, "/./"))
			return wrong(reader, setting, MGX_BAD_VALUE,
				     "write it from the root of the hierarchy, as \"/a/b\"",
				     "it has what is no path of a cgroup");
		policy->cgroups[i] = mgx_strdup(path);
	}
	return 0;
}

/* From the directory that the file is in; a bare name: what is installed. */
static char *path_from(const struct config *config, const char *name, const char *suffix)
{
	const char *slash = strrchr(config->path, '/');

	if (*name == '/' || !slash || !strpbrk(name, "/."))
		return path_of(name, suffix);
	return mgx_printf("%.*s/%s", (int)(slash - config->path), config->path, name);
}

/* Its lines are told by themselves. */
static int read_preset(const struct reader *reader, const config_setting_t *setting,
		       struct config_policy *policy)
{
	char **outer = reader->mgx->caught, *path, *said = NULL;
	int ret;

	path = path_from(reader->config, config_setting_get_string(setting), KNOBS_SUFFIX);
	knobfile_free(&policy->preset);
	reader->mgx->caught = &said;
	ret = knobfile_read(reader->mgx, "preset", path, &policy->preset);
	reader->mgx->caught = outer;
	if (ret)
		wrong(reader, setting, ret, NULL, said + strlen("preset: "));
	free(said);
	free(path);
	return ret;
}

/* Opened, named, with all its knobs: what can be wrong without a kernel. */
static int check_object(const struct reader *reader, const config_setting_t *group,
			const struct config_policy *policy)
{
	char **outer = reader->mgx->caught, *said = NULL, *name, *assignment;
	struct object object = {};
	size_t i;
	int ret;

	reader->mgx->caught = &said;
	ret = object_open(reader->mgx, reader->what, &object, policy->object, policy->name);
	if (!ret) {
		name = policy->name ? mgx_strdup(policy->name) : object_name(&object);
		ret = object_set_name(reader->mgx, reader->what, &object, name);
		free(name);
	}
	ret = ret ?: knobfile_set(reader->mgx, reader->what, &policy->preset, &object);
	for (i = 0; !ret && i < policy->knobs.nr; i++) {
		assignment = mgx_printf("%s=%s", policy->knobs.values[i].name,
					policy->knobs.values[i].value);
		ret = object_set_knob(reader->mgx, reader->what, &object, assignment);
		free(assignment);
	}
	reader->mgx->caught = outer;
	object_close(&object);
	if (ret)
		/* It says itself what cannot be done. */
		mgx_fail(reader->mgx, ret, NULL, "%s: %s:%d: %s", reader->what, reader->config->path,
			 (int)config_setting_source_line(group),
			 said && !strncmp(said, reader->what, strlen(reader->what)) ?
			 said + strlen(reader->what) + 2 : said ?: "?");
	free(said);
	return ret;
}

static int read_policy(const struct reader *reader, const config_setting_t *group)
{
	struct config *config = reader->config;
	struct config_policy *policy;
	int i, k, ret;

	ret = need_type(reader, group, CONFIG_TYPE_GROUP, "it is no group: write { ... }");
	if (ret)
		return ret;
	config->policies = realloc(config->policies, (config->nr_policies + 1) *
				   sizeof(*config->policies));
	if (!config->policies)
		abort();
	policy = &config->policies[config->nr_policies++];
	memset(policy, 0, sizeof(*policy));
	policy->line = config_setting_source_line(group);

	for (i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = nth(group, i);
		const char *name = config_setting_name(setting);

		if (!strcmp(name, "object") || !strcmp(name, "name")) {
			ret = need_type(reader, setting, CONFIG_TYPE_STRING, "write it in quotes");
			if (ret)
				return ret;
			if (*name == 'o')
				policy->object = path_from(config, config_setting_get_string(setting),
							   OBJECT_SUFFIX);
			else
				policy->name = mgx_strdup(config_setting_get_string(setting));
		} else if (!strcmp(name, "cgroup") || !strcmp(name, "cgroups")) {
			ret = read_cgroups(reader, setting, policy);
		} else if (!strcmp(name, "preset")) {
			ret = need_type(reader, setting, CONFIG_TYPE_STRING, "write it in quotes") ?:
			      read_preset(reader, setting, policy);
		} else if (!strcmp(name, "knobs")) {
			ret = need_type(reader, setting, CONFIG_TYPE_GROUP, "it is no group: write { ... }");
			for (k = 0; !ret && k < config_setting_length(setting); k++)
				ret = add_value(reader, &policy->knobs, nth(setting, k));
		} else {
			ret = wrong(reader, setting, MGX_NOT_FOUND,
				    "there are: object, name, cgroup, cgroups, preset, knobs",
				    "a policy has no such member");
		}
		if (ret)
			return ret;
	}
	if (!policy->object)
		return wrong(reader, group, MGX_BAD_VALUE, "write object = \"FILE\"",
			     "the policy has no object");
	return check_object(reader, group, policy);
}

static int read_members(const struct reader *reader, const config_setting_t *setting, int type,
			const char *why,
			int (*read)(const struct reader *reader, const config_setting_t *member))
{
	int i, ret;

	ret = need_type(reader, setting, type, why);
	for (i = 0; !ret && i < config_setting_length(setting); i++)
		ret = read(reader, nth(setting, i));
	return ret;
}

static int read_root(const struct reader *reader, const config_setting_t *root)
{
	int i, ret = 0;

	for (i = 0; !ret && i < config_setting_length(root); i++) {
		const config_setting_t *setting = nth(root, i);
		const char *name = config_setting_name(setting);

		if (!strcmp(name, "migrators"))
			ret = read_members(reader, setting, CONFIG_TYPE_GROUP,
					   "it is no group: write { dcbm = { ... }; }", read_migrator);
		else if (!strcmp(name, "policies"))
			ret = read_members(reader, setting, CONFIG_TYPE_LIST,
					   "it is no list: write ( { ... }, { ... } )", read_policy);
		else if (strcmp(name, "schema"))
			ret = read_setting(reader, setting);
		else if (config_setting_type(setting) != CONFIG_TYPE_INT ||
			 config_setting_get_int(setting) != SCHEMA)
			ret = wrong(reader, setting, MGX_BAD_VALUE, "this mgx reads schema = 1",
				    "it is of another schema");
	}
	return ret;
}

int config_load(struct mgx *mgx, const char *what, const char *path, struct config *config)
{
	struct reader reader = { .mgx = mgx, .what = what, .config = config };
	config_t file;
	FILE *stream;
	int ret;

	memset(config, 0, sizeof(*config));
	config->path = mgx_strdup(path);
	stream = fopen(path, "re");
	if (!stream)
		return mgx_fail(mgx, mgx_exit_of(errno), NULL, "%s: %s: %s", what, path,
				mgx_why(errno));
	config_init(&file);
	if (!config_read(&file, stream))
		ret = mgx_fail(mgx, MGX_BAD_VALUE, "see FILE OF APPLY in mgx(8)", "%s: %s:%d: %s", what,
			       path, config_error_line(&file), config_error_text(&file) ?: "not readable");
	else
		ret = read_root(&reader, config_root_setting(&file));
	config_destroy(&file);
	fclose(stream);
	return ret;
}

static void free_values(struct config_values *values)
{
	size_t i;

	for (i = 0; i < values->nr; i++) {
		free(values->values[i].name);
		free(values->values[i].value);
	}
	free(values->values);
}

void config_free(struct config *config)
{
	size_t i;
	char **cgroup;

	free_values(&config->settings);
	for (i = 0; i < config->nr_migrators; i++) {
		free(config->migrators[i].name);
		free(config->migrators[i].error_limit);
		free_values(&config->migrators[i].parameters);
	}
	free(config->migrators);
	for (i = 0; i < config->nr_policies; i++) {
		struct config_policy *policy = &config->policies[i];

		for (cgroup = policy->cgroups; cgroup && *cgroup; cgroup++)
			free(*cgroup);
		free(policy->cgroups);
		free(policy->object);
		free(policy->name);
		knobfile_free(&policy->preset);
		free_values(&policy->knobs);
	}
	free(config->policies);
	free(config->path);
	memset(config, 0, sizeof(*config));
}
