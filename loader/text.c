// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "text.h"

/* Whatever the locale of the user is; a service has none. */
static locale_t utf8_locale(void)
{
	static locale_t utf8;

	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return utf8;
}

static char *rewrite(const char *str, bool for_terminal)
{
	locale_t before = uselocale(utf8_locale());
	const char *end = str + strlen(str);
	char *text = NULL;
	size_t size, len;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		abort();
	while (str < end) {
		mbstate_t state = {};
		wchar_t c;
		bool plain;

		len = mbrtowc(&c, str, end - str, &state);
		plain = len <= (size_t)(end - str);
		if (!plain)
			len = 1;
		else if (for_terminal && iswcntrl(c))
			plain = false;
		for (; len; len--, str++)
			fprintf(file, plain ? "%c" : "\\x%02x", (unsigned char)*str);
	}
	if (fclose(file))
		abort();
	uselocale(before);
	return text;
}

char *text_utf8(const char *str)
{
	return rewrite(str, false);
}

char *text_for_terminal(const char *str)
{
	return rewrite(str, true);
}
