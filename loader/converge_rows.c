// SPDX-License-Identifier: GPL-2.0
/* What a pass of mgx apply says. */
#include <stdlib.h>
#include <string.h>

#include "converge.h"
#include "converge_rows.h"
#include "error.h"
#include "out.h"

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

void converge_changed(struct converge *converge, const char *kind, const char *object,
		      const char *action, const char *from, const char *to)
{
	converge->changed++;
	row(converge, kind, object, action, from, to);
}

/* What another pass has to try again. False when the last one has said the same. */
static bool is_news(struct converge *converge, const char *kind, const char *object, const char *why)
{
	char *line = mgx_printf("\n%s %s %s\n", kind, object ?: "", why), *all;
	bool news = !converge->told || !strstr(converge->told, line);

	all = mgx_printf("%s%s", converge->unfinished ?: "", line);
	free(converge->unfinished);
	converge->unfinished = all;
	free(line);
	return news;
}

void converge_pending(struct converge *converge, const char *kind, const char *object,
		      const char *why)
{
	converge->pending++;
	if (is_news(converge, kind, object, why))
		row(converge, kind, object, "pending", NULL, why);
}

void converge_failed(struct converge *converge, const char *kind, const char *object,
		     enum mgx_exit code, char *words)
{
	if (is_news(converge, kind, object, words)) {
		converge->news = true;
		row(converge, kind, object, "failed", NULL, words);
	}
	if (!converge->failed++) {
		converge->code = code;
		converge->first = words;
	} else {
		free(words);
	}
}
