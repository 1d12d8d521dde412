// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config_files.h"
#include "error.h"

char *config_dir(const char *path)
{
	const char *name = strrchr(path, '/');

	return name ? mgx_printf("%.*s", (int)(name - path) + 1, path) : mgx_strdup("./");
}

struct list {
	char **files;
	size_t nr;
};

/* Takes @path. */
static void add(struct list *list, char *path)
{
	size_t i;

	for (i = 0; i < list->nr; i++) {
		if (!strcmp(list->files[i], path)) {
			free(path);
			return;
		}
	}
	list->files = realloc(list->files, (list->nr + 2) * sizeof(*list->files));
	if (!list->files)
		abort();
	list->files[list->nr++] = path;
	list->files[list->nr] = NULL;
}

static void add_included(struct list *list, const char *dir, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL, *name, *end;
	size_t size = 0;
	int at;

	while (file && getline(&line, &size, file) > 0) {
		at = 0;
		sscanf(line, " @include \"%n", &at);
		name = line + at;
		end = strchr(name, '"');
		if (at && end)
			add(list, mgx_printf("%s%.*s", *name == '/' ? "" : dir, (int)(end - name), name));
	}
	free(line);
	if (file)
		fclose(file);
}

char **config_included(const char *path)
{
	char *dir = config_dir(path);
	struct list list = {};
	struct stat st;
	size_t i;

	add(&list, mgx_strdup(path));
	/* Who reads from a pipe takes it away. */
	for (i = 0; i < list.nr; i++)
		if (!stat(list.files[i], &st) && S_ISREG(st.st_mode))
			add_included(&list, dir, list.files[i]);
	free(dir);
	return list.files;
}

static void put_file(FILE *to, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		fprintf(to, "%s gone\n", path);
	else
		fprintf(to, "%s %llu %lld.%09ld %lld\n", path, (unsigned long long)st.st_ino,
			(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_size);
}

static void put_files(FILE *to, const struct config *config)
{
	char **each;

	for (each = config->files; each && *each; each++)
		put_file(to, *each);
}

static FILE *open_text(char **text, size_t *size)
{
	FILE *to = open_memstream(text, size);

	if (!to)
		abort();
	return to;
}

char *config_files_state(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_text(&text, &size);

	put_files(to, config);
	fclose(to);
	return text;
}

char *config_state(const struct config *config)
{
	char *text = NULL;
	size_t size = 0, i;
	FILE *to = open_text(&text, &size);

	put_files(to, config);
	for (i = 0; i < config->nr_policies; i++) {
		put_file(to, config->policies[i].object);
		if (config->policies[i].preset.path)
			put_file(to, config->policies[i].preset.path);
	}
	fclose(to);
	return text;
}
