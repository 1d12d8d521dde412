// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "numbers.h"

/* What stands outside of strings and comments; EOF at the end. */
struct text {
	FILE *file;
	int line;
};

static int next_char(struct text *text)
{
	int c = getc(text->file);

	if (c == '\n')
		text->line++;
	return c;
}

static void skip_line(struct text *text)
{
	int c;

	do
		c = next_char(text);
	while (c != '\n' && c != EOF);
}

static void skip_comment(struct text *text)
{
	int before = 0, c;

	while ((c = next_char(text)) != EOF && !(before == '*' && c == '/'))
		before = c;
}

static void skip_string(struct text *text)
{
	int c;

	while ((c = next_char(text)) != EOF && c != '"')
		if (c == '\\')
			next_char(text);
}

/* Decimal of 31 bits and a sign, hexadecimal of 32 bits; "1.5" and "8L" are read right. */
static bool fits(const char *word, bool negative)
{
	bool hex = word[1] == 'x' || word[1] == 'X';
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(word, &end, hex ? 16 : 10);
	if (*end)
		return true;
	return !errno && value <= (hex ? UINT32_MAX : (unsigned long long)INT32_MAX + negative);
}

/* A name, or a number with all that belongs to it, which begins with @c. What follows it? */
static int read_word(struct text *text, int c, char *word, size_t room)
{
	size_t len = 0;

	while (isalnum(c) || c == '_' || c == '.' || (len && (c == '-' || c == '*'))) {
		if (len < room - 1)
			word[len++] = c;
		c = next_char(text);
	}
	word[len] = '\0';
	return c;
}

/* What follows a slash, or the comment that it begins. */
static int skip_slash(struct text *text)
{
	int c = next_char(text);

	if (c == '/')
		skip_line(text);
	else if (c == '*')
		skip_comment(text);
	else
		return c;
	return next_char(text);
}

int numbers_fit(struct mgx *mgx, const char *what, const char *path)
{
	struct text text = { .file = fopen(path, "re"), .line = 1 };
	int c, before = 0, line, ret = 0;
	char word[64];

	if (!text.file)
		return 0;
	c = next_char(&text);
	while (c != EOF && !ret) {
		line = text.line;
		if (isalnum(c) || c == '_' || c == '.') {
			c = read_word(&text, c, word, sizeof(word));
			if (isdigit((unsigned char)word[0]) && !fits(word, before == '-'))
				ret = mgx_fail(mgx, MGX_BAD_VALUE, "write it in quotes",
					       "%s: %s:%d: %s%s: the number is too large", what, path,
					       line, before == '-' ? "-" : "", word);
			before = 0;
			continue;
		}
		before = c;
		if (c == '/') {
			c = skip_slash(&text);
			continue;
		}
		if (c == '"')
			skip_string(&text);
		else if (c == '#')
			skip_line(&text);
		c = next_char(&text);
	}
	fclose(text.file);
	return ret;
}
