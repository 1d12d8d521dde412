// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
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

/* Decimal up to INT_MAX, hexadecimal up to 32 bits; "1.5" and "8L" are read right. */
static bool fits(const char *word)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(word, &end, 0);
	if (*end)
		return true;
	return !errno && value <= (word[1] == 'x' || word[1] == 'X' ? UINT32_MAX : INT32_MAX);
}

int numbers_fit(struct mgx *mgx, const char *what, const char *path, FILE *file)
{
	struct text text = { .file = file, .line = 1 };
	char word[64];
	size_t len;
	int c, ret = 0;

	c = next_char(&text);
	while (c != EOF && !ret) {
		int line = text.line;

		/* A name, or a number with all that belongs to it. */
		for (len = 0; isalnum(c) || c == '_' || c == '.' || (len && (c == '-' || c == '*')); ) {
			if (len < sizeof(word) - 1)
				word[len++] = c;
			c = next_char(&text);
		}
		word[len] = '\0';
		if (isdigit((unsigned char)word[0]) && !fits(word))
			ret = mgx_fail(mgx, MGX_BAD_VALUE, "write it in quotes",
				       "%s: %s:%d: %s: the number is too large", what, path, line, word);
		if (len)
			continue;
		if (c == '"') {
			skip_string(&text);
		} else if (c == '#') {
			skip_line(&text);
		} else if (c == '/') {
			c = next_char(&text);
			if (c == '/')
				skip_line(&text);
			else if (c == '*')
				skip_comment(&text);
			else
				continue;
		}
		c = next_char(&text);
	}
	rewind(file);
	return ret;
}
