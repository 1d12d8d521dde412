// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "knobfile.h"
#include "object.h"
#include "paths.h"

#define MAX_BYTES	65536
#define MAX_LINE	1024

static int wrong(struct mgx *mgx, const char *what, const struct knobfile *file, int line,
		 const char *next, const char *why)
{
	return mgx_fail(mgx, MGX_BAD_VALUE, next, "%s: %s:%d: %s", what, file->path, line, why);
}

/* All of a file that is one: what has no end is not waited for. */
static int read_text(struct mgx *mgx, const char *what, const char *path, char **text,
		     size_t *len)
{
	struct stat st;
	int fd, err = 0;
	ssize_t n = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st)) {
		err = errno;
	} else if (!S_ISREG(st.st_mode)) {
		close(fd);
		return mgx_fail(mgx, MGX_BAD_VALUE, "give a file of KNOB=VALUE lines",
				"%s: %s: it is no regular file", what, path);
	}
	*text = mgx_alloc(MAX_BYTES + 2);
	for (*len = 0; !err && *len <= MAX_BYTES; *len += n) {
		n = read(fd, *text + *len, MAX_BYTES + 1 - *len);
		if (n < 0)
			err = errno;
		if (n <= 0)
			break;
	}
	if (fd >= 0)
		close(fd);
	if (err)
		return mgx_fail(mgx, mgx_exit_of(err),
				mgx_exit_of(err) == MGX_NOT_FOUND ?
				"give the path of a file, or the name of a preset" :
				"give a file that can be read",
				"%s: %s: %s", what, path, mgx_why(err));
	if (*len > MAX_BYTES)
		return mgx_fail(mgx, MGX_BAD_VALUE, "give a file of KNOB=VALUE lines",
				"%s: %s: it is longer than %d KiB", what, path, MAX_BYTES / 1024);
	return 0;
}

static bool is_binary(const char *text, size_t len)
{
	size_t i;

	/* Bytes above 127 are somebody's letters, in a comment. */
	for (i = 0; i < len; i++)
		if (iscntrl((unsigned char)text[i]) && text[i] != '\t')
			return true;
	return false;
}

static char *trimmed(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	for (len = strlen(text); len && strchr(" \t", text[len - 1]); len--)
		text[len - 1] = '\0';
	return text;
}

static const struct knobfile_line *find(const struct knobfile *file, const char *name)
{
	size_t i;

	for (i = 0; i < file->nr; i++)
		if (!strcmp(file->lines[i].name, name))
			return &file->lines[i];
	return NULL;
}

static int add(struct mgx *mgx, const char *what, struct knobfile *file, int line, char *text)
{
	const struct knobfile_line *other;
	char *name = trimmed(text), *value, *why;
	int ret;

	if (!*name || *name == '#')
		return 0;
	value = strchr(name, '=');
	if (!value || value == name)
		return wrong(mgx, what, file, line, "write KNOB=VALUE, or # before a comment",
			     "it is no assignment");
	*value++ = '\0';
	name = trimmed(name);
	other = find(file, name);
	if (other) {
		why = mgx_printf("knob %s: it has a value by line %d already", name, other->line);
		ret = wrong(mgx, what, file, line, "remove one of them", why);
		free(why);
		return ret;
	}
	file->lines = realloc(file->lines, (file->nr + 1) * sizeof(*file->lines));
	if (!file->lines)
		abort();
	file->lines[file->nr++] = (struct knobfile_line) {
		.name = mgx_strdup(name),
		.value = mgx_strdup(trimmed(value)),
		.line = line,
	};
	return 0;
}

int knobfile_read(struct mgx *mgx, const char *what, const char *name, struct knobfile *file)
{
	char *text = NULL, *at, *end;
	size_t len = 0;
	int line, ret;

	memset(file, 0, sizeof(*file));
	file->path = path_of(name, KNOBS_SUFFIX);
	ret = read_text(mgx, what, file->path, &text, &len);
	for (at = text, line = 1; !ret && at < text + len; at = end + 1, line++) {
		end = memchr(at, '\n', text + len - at) ?: text + len;
		if (is_binary(at, end - at)) {
			ret = wrong(mgx, what, file, line, "give a text file of KNOB=VALUE lines",
				    memchr(at, '\r', end - at) == end - 1 ?
				    "it ends with a carriage return" :
				    "there are bytes in it that are no text");
		} else if (end - at > MAX_LINE) {
			ret = wrong(mgx, what, file, line, "shorten it: no knob takes so much",
				    "it is longer than 1024 bytes");
		} else {
			*end = '\0';
			ret = add(mgx, what, file, line, at);
		}
	}
	free(text);
	return ret;
}

int knobfile_set(struct mgx *mgx, const char *what, const struct knobfile *file,
		 struct object *object)
{
	char *where, *assignment;
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < file->nr; i++) {
		where = mgx_printf("%s: %s:%d", what, file->path, file->lines[i].line);
		assignment = mgx_printf("%s=%s", file->lines[i].name, file->lines[i].value);
		ret = object_set_knob(mgx, where, object, assignment);
		free(assignment);
		free(where);
	}
	return ret;
}

void knobfile_free(struct knobfile *file)
{
	size_t i;

	for (i = 0; i < file->nr; i++) {
		free(file->lines[i].name);
		free(file->lines[i].value);
	}
	free(file->lines);
	free(file->path);
	memset(file, 0, sizeof(*file));
}
