// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libconfig.h>

#include "cgroup.h"
#include "cgroup_knobs.h"
#include "config.h"
#include "config_files.h"
#include "error.h"
#include "module.h"
#include "numbers.h"
#include "object.h"
#include "paths.h"
#include "reasons.h"
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
			config_setting_source_file(setting) ?: reader->config->path,
			(int)config_setting_source_line(setting), name ?: "(an entry)", why);
}

/* What is written for a number, a switch or a string; NULL: it is none of these. */
static char *text_of(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
		/* 0xffffffff is no negative number. */
		return mgx_printf(config_setting_get_format(setting) == CONFIG_FORMAT_HEX ? "%u" : "%d",
				  config_setting_get_int(setting));
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
		return wrong(reader, setting, MGX_BAD_VALUE, "write 8, true or \"dcbm\"",
			     "it is no number, switch or string");
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

/* @next: how to write it */
static int need_type(const struct reader *reader, const config_setting_t *setting, int type,
		     const char *next)
{
	if (config_setting_type(setting) == type)
		return 0;
	return wrong(reader, setting, MGX_BAD_VALUE, next, "it is of the wrong type");
}

static const config_setting_t *nth(const config_setting_t *setting, int i)
{
	return config_setting_get_elem((config_setting_t *)setting, i);
}

static bool ends_with(const char *str, const char *end)
{
	size_t len = strlen(str), tail = strlen(end);

	return len >= tail && !strcmp(str + len - tail, end);
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
	if (errno || *end || !isdigit((unsigned char)values->values[values->nr - 1].value[0]) ||
	    config_setting_type(setting) == CONFIG_TYPE_BOOL)
		return wrong(reader, setting, MGX_BAD_VALUE, "write bytes, or K, M or G, as \"64K\"",
			     "it is no size");
	free(values->values[values->nr - 1].value);
	values->values[values->nr - 1].value = mgx_printf("%llu", bytes);
	return 0;
}

static int read_reasons(const struct reader *reader, const config_setting_t *setting)
{
	char *all, *next;
	__u64 mask;
	int ret;

	if (reasons_parse(reader->mgx, config_setting_get_string(setting), &mask))
		return add_value(reader, &reader->config->settings, setting);
	all = reasons_all();
	next = mgx_printf("there are: %s; all, none", all);
	ret = wrong(reader, setting, MGX_BAD_VALUE, next, "there is no such reason");
	free(next);
	free(all);
	return ret;
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
	if (!strcmp(name, "batch_pages") && config_setting_get_int(setting) < 0)
		return wrong(reader, setting, MGX_BAD_VALUE, "write 0, for none, or more", "it is less than 0");
	if (!strcmp(name, "reason_mask"))
		return read_reasons(reader, setting);
	return add_value(reader, &reader->config->settings, setting);
}

static int read_migrator(const struct reader *reader, const config_setting_t *group)
{
	struct config *config = reader->config;
	struct config_migrator *migrator;
	int i, ret;

	ret = need_type(reader, group, CONFIG_TYPE_GROUP, "write { ... }");
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
		return wrong(reader, group, MGX_NOT_FOUND, "`mgx migrator list` shows those there are",
			     "no migrator is called so");

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
			      wrong(reader, setting, MGX_NOT_FOUND,
				    "`mgx migrator list` shows those it has", "no parameter is called so");
		}
		if (ret)
			return ret;
	}
	return 0;
}

/* As `mgx load --cgroup` takes it, too: with the mount point before it. */
static const char *below_mount(const char *path)
{
	char *mount = cgroup_mount();
	size_t len = mount ? strlen(mount) : 0;

	if (len && !strncmp(path, mount, len) && (path[len] == '/' || !path[len]))
		path = path[len] ? path + len : "/";
	free(mount);
	return path;
}

static int read_cgroups(const struct reader *reader, const config_setting_t *setting,
			char ***cgroups)
{
	int type = config_setting_type(setting), i, n;

	n = type == CONFIG_TYPE_STRING ? 1 : config_setting_length(setting);
	if (type != CONFIG_TYPE_STRING && type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST)
		return wrong(reader, setting, MGX_BAD_VALUE, "write \"/a\" or [ \"/a\", \"/b/*\" ]",
			     "it is no path and no list of them");
	if (*cgroups || !n)
		return wrong(reader, setting, MGX_BAD_VALUE, "name one, or leave it away",
			     *cgroups ? "cgroup and cgroups are the same" : "it is empty");
	*cgroups = mgx_alloc((n + 1) * sizeof(**cgroups));
	for (i = 0; i < n; i++) {
		const char *path = type == CONFIG_TYPE_STRING ? config_setting_get_string(setting) :
				   config_setting_get_string_elem(setting, i);

		path = path ? below_mount(path) : NULL;
		if (!path || *path != '/' || strstr(path, "/../") || strstr(path, "/./") ||
		    ends_with(path, "/..") || ends_with(path, "/."))
			return wrong(reader, setting, MGX_BAD_VALUE,
				     "write it from the root of the hierarchy, as \"/a/b\"",
				     "it has what is no path of a cgroup");
		(*cgroups)[i] = mgx_strdup(path);
	}
	return 0;
}

/* "200" or 200: as for `mgx tune`. */
static int read_cgroup_knob(const struct reader *reader, const config_setting_t *group,
			    struct config_policy *policy)
{
	struct config_cgroup_knob *knob;
	int i, ret;

	ret = need_type(reader, group, CONFIG_TYPE_GROUP, "write { knob = ...; cgroups = ...; value = ...; }");
	if (ret)
		return ret;
	policy->cgroup_knobs = realloc(policy->cgroup_knobs, (policy->nr_cgroup_knobs + 1) *
				       sizeof(*policy->cgroup_knobs));
	if (!policy->cgroup_knobs)
		abort();
	knob = &policy->cgroup_knobs[policy->nr_cgroup_knobs++];
	memset(knob, 0, sizeof(*knob));
	knob->line = config_setting_source_line(group);
	for (i = 0; i < config_setting_length(group) && !ret; i++) {
		const config_setting_t *setting = nth(group, i);
		const char *name = config_setting_name(setting);

		if (!strcmp(name, "knob")) {
			ret = need_type(reader, setting, CONFIG_TYPE_STRING, "write it in quotes");
			if (!ret && !knob->knob)
				knob->knob = mgx_strdup(config_setting_get_string(setting));
		} else if (!strcmp(name, "cgroup") || !strcmp(name, "cgroups")) {
			ret = read_cgroups(reader, setting, &knob->cgroups);
		} else if (!strcmp(name, "value")) {
			free(knob->value);
			knob->value = text_of(setting);
		} else {
			ret = wrong(reader, setting, MGX_NOT_FOUND, "there are: knob, cgroup, cgroups, value",
				    "a knob of cgroups has no such member");
		}
	}
	if (!ret && (!knob->knob || !knob->cgroups || !knob->value))
		ret = wrong(reader, group, MGX_BAD_VALUE, "write knob, cgroup or cgroups, and value",
			    "a part of it is missing");
	return ret;
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
			struct config_policy *policy)
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
	for (i = 0; !ret && i < policy->nr_cgroup_knobs; i++)
		ret = cgroup_knob_check(reader->mgx, reader->what, &object, policy->cgroup_knobs[i].knob,
					policy->cgroup_knobs[i].value,
					&policy->cgroup_knobs[i].number);
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

	ret = need_type(reader, group, CONFIG_TYPE_GROUP, "write { ... }");
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
			ret = read_cgroups(reader, setting, &policy->cgroups);
		} else if (!strcmp(name, "preset")) {
			ret = need_type(reader, setting, CONFIG_TYPE_STRING, "write it in quotes") ?:
			      read_preset(reader, setting, policy);
		} else if (!strcmp(name, "knobs")) {
			ret = need_type(reader, setting, CONFIG_TYPE_GROUP, "write { ... }");
			for (k = 0; !ret && k < config_setting_length(setting); k++)
				ret = add_value(reader, &policy->knobs, nth(setting, k));
		} else if (!strcmp(name, "cgroup_knobs")) {
			ret = need_type(reader, setting, CONFIG_TYPE_LIST, "write ( { ... }, { ... } )");
			for (k = 0; !ret && k < config_setting_length(setting); k++)
				ret = read_cgroup_knob(reader, nth(setting, k), policy);
		} else {
			ret = wrong(reader, setting, MGX_NOT_FOUND,
				    "there are: object, name, cgroup, cgroups, preset, knobs, cgroup_knobs",
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
			const char *next,
			int (*read)(const struct reader *reader, const config_setting_t *member))
{
	int i, ret;

	ret = need_type(reader, setting, type, next);
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
					   "write { dcbm = { ... }; }", read_migrator);
		else if (!strcmp(name, "policies"))
			ret = read_members(reader, setting, CONFIG_TYPE_LIST,
					   "write ( { ... }, { ... } )", read_policy);
		else if (strcmp(name, "schema"))
			ret = read_setting(reader, setting);
		else if (config_setting_type(setting) != CONFIG_TYPE_INT ||
			 config_setting_get_int(setting) != SCHEMA)
			ret = wrong(reader, setting, MGX_BAD_VALUE, "this mgx reads schema = 1",
				    "it is of another schema");
	}
	return ret;
}

/*
 * "apply-etc-mgx-mgx_2econf-" of /etc/mgx/mgx.conf: two files do not take each other's
 * policies away. bpffs takes no dots.
 */
static int name_pins(const struct reader *reader)
{
	const char *path = reader->config->path, *c;
	const char *name = strrchr(path, '/');
	char *dir = config_dir(path), *there = realpath(dir, NULL), *real, *pins = NULL;
	size_t size = 0;
	FILE *to;

	free(dir);
	if (!there)
		return mgx_fail(reader->mgx, mgx_exit_of(errno), "give the path of a file",
				"%s: %s: %s", reader->what, path, mgx_why(errno));
	if (!strcmp(there, "/dev") || !strncmp(there, "/proc/", strlen("/proc/"))) {
		free(there);
		return mgx_fail(reader->mgx, MGX_BAD_VALUE, "give the path of a file: its policies are known by it",
				"%s: %s: it is another file the next time", reader->what, path);
	}
	/* Of a link its own name: where it points to is what is changed, now and then. */
	real = mgx_printf("%s/%s", strcmp(there, "/") ? there : "", name ? name + 1 : path);
	free(there);
	to = open_memstream(&pins, &size);
	if (!to)
		abort();
	fputs("apply", to);
	for (c = real; *c; c++) {
		if (*c == '/')
			fputc('-', to);
		else if (isalnum((unsigned char)*c))
			fputc(*c, to);
		else
			fprintf(to, "_%02x", (unsigned char)*c);
	}
	fputc('-', to);
	fclose(to);
	free(real);
	reader->config->pins = pins;
	/* What comes behind it is the number of a cgroup. */
	if (size + strlen("18446744073709551615") > NAME_MAX)
		return mgx_fail(reader->mgx, MGX_BAD_VALUE, "put the file where its path is shorter",
				"%s: %s: its path is too long to name pins by", reader->what, path);
	return 0;
}

/*
 * Policies are known by the file, so it has to be one that is there the next time, too. A
 * pipe would be that, and empty when it is read twice.
 */
static int require_file(const struct reader *reader, FILE *stream)
{
	struct stat st;

	if (fstat(fileno(stream), &st))
		return mgx_fail(reader->mgx, mgx_exit_of(errno), NULL, "%s: %s: %s", reader->what,
				reader->config->path, mgx_why(errno));
	if (S_ISREG(st.st_mode))
		return 0;
	return mgx_fail(reader->mgx, MGX_BAD_VALUE, "give the path of a file: its policies are known by it",
			"%s: %s: it is no regular file", reader->what, reader->config->path);
}

/* libconfig has no words for what it cannot read. */
static int read_file(const struct reader *reader, FILE *stream)
{
	const char *path = reader->config->path;
	char *dir = config_dir(path);
	config_t file;
	int ret;

	config_init(&file);
	config_set_include_dir(&file, dir);
	if (!config_read(&file, stream))
		ret = mgx_fail(reader->mgx, MGX_BAD_VALUE, "see FILE OF APPLY in mgx(8)", "%s: %s:%d: %s",
			       reader->what, config_error_file(&file) ?: path, config_error_line(&file),
			       config_error_text(&file) ?: "not readable");
	else
		ret = read_root(reader, config_root_setting(&file));
	config_destroy(&file);
	free(dir);
	return ret;
}

int config_load(struct mgx *mgx, const char *what, const char *path, struct config *config)
{
	struct reader reader = { .mgx = mgx, .what = what, .config = config };
	FILE *stream;
	char **each;
	int ret;

	memset(config, 0, sizeof(*config));
	config->path = mgx_strdup(path);
	stream = fopen(path, "re");
	if (!stream)
		return mgx_fail(mgx, mgx_exit_of(errno),
				errno == EACCES ? "run it as root" : "give the path of a file, see FILE OF APPLY in mgx(8)",
				"%s: %s: %s", what, path, mgx_why(errno));
	config->files = config_included(path);
	config->read_as = config_files_state(config);
	ret = require_file(&reader, stream);
	ret = ret ?: name_pins(&reader);
	for (each = config->files; *each && !ret; each++)
		ret = numbers_fit(mgx, what, *each);
	ret = ret ?: read_file(&reader, stream);
	fclose(stream);
	return ret;
}

static void free_list(char **list)
{
	char **each;

	for (each = list; each && *each; each++)
		free(*each);
	free(list);
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
	size_t i, k;

	free_values(&config->settings);
	for (i = 0; i < config->nr_migrators; i++) {
		free(config->migrators[i].name);
		free(config->migrators[i].error_limit);
		free_values(&config->migrators[i].parameters);
	}
	free(config->migrators);
	for (i = 0; i < config->nr_policies; i++) {
		struct config_policy *policy = &config->policies[i];

		for (k = 0; k < policy->nr_cgroup_knobs; k++) {
			free_list(policy->cgroup_knobs[k].cgroups);
			free(policy->cgroup_knobs[k].knob);
			free(policy->cgroup_knobs[k].value);
		}
		free(policy->cgroup_knobs);
		free_list(policy->cgroups);
		free(policy->object);
		free(policy->name);
		knobfile_free(&policy->preset);
		free_values(&policy->knobs);
	}
	free(config->policies);
	free(config->path);
	free_list(config->files);
	free(config->read_as);
	free(config->pins);
	memset(config, 0, sizeof(*config));
}
