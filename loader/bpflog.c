// SPDX-License-Identifier: GPL-2.0
/*
 * libbpf explains itself through a callback without an argument, hence the one
 * static state of mgx. A verifier log has thousands of lines for experts; the
 * source line and the sentence at its end are what an author needs first. Since
 * 7.3 some errors are followed by a report with titles, of which "Reason" is it.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "bpflog.h"
#include "error.h"

#define MAX_WARNINGS	16

static struct {
	bool debug;
	char *warnings[MAX_WARNINGS];
	size_t nr_warnings;
	struct bpflog_refusal refusal;
} bpflog;

static bool starts(const char *line, const char *prefix)
{
	return !strncmp(line, prefix, strlen(prefix));
}

/* Not a sentence: instructions, register states, statistics. */
static bool is_noise(const char *line, size_t len)
{
	static const char * const prefixes[] = {
		"processed ", "verification time", "stack depth", "max_states",
		"--", "from ", "last_idx", "regs=", "parent ", "mark_precise",
		"Global function", "Validating ", "Func#", "func '",
	};
	const char *c = line;
	size_t i;

	if (!len)
		return true;
	for (i = 0; i < MGX_ARRAY_SIZE(prefixes); i++)
		if (starts(line, prefixes[i]))
			return true;
	/* "12: (79) r1 = ...", "12: R0=..." */
	while (isdigit((unsigned char)*c))
		c++;
	return c != line && *c == ':';
}

/* The paragraph under "Reason:", on one line; NULL when there is none. */
static char *reported_reason(const char *report)
{
	static const char title[] = "\nReason:\n";
	const char *line = strstr(report, title), *end;
	char *reason = NULL, *longer;

	if (!line)
		return NULL;
	for (line += strlen(title); *line && *line != '\n'; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		line += strspn(line, " ");
		longer = mgx_printf("%s%s%.*s", reason ?: "", reason ? " " : "",
				    (int)(end - line), line);
		free(reason);
		reason = longer;
	}
	/* It stands in the middle of a sentence of ours. */
	if (reason && *reason && reason[strlen(reason) - 1] == '.')
		reason[strlen(reason) - 1] = '\0';
	return reason;
}

void bpflog_condense(struct bpflog_refusal *refusal, const char *log)
{
	const char *line, *end;
	char *reason;

	for (line = log; *line; line = *end ? end + 1 : end) {
		size_t len;

		if (starts(line, "Verification failed:")) {
			reason = reported_reason(line);
			if (reason) {
				free(refusal->reason);
				refusal->reason = reason;
			}
			if (refusal->reason)
				return;
		}

		end = strchrnul(line, '\n');
		len = end - line;
		if (*line == ';') {
			/* "; if (x) @ file.bpf.c:12" */
			const char *at = memrchr(line, '@', len);

			if (!at)
				continue;
			free(refusal->source);
			at += 1 + strspn(at + 1, " ");
			refusal->source = mgx_printf("%.*s", (int)(end - at), at);
		} else if (!is_noise(line, len)) {
			free(refusal->reason);
			refusal->reason = mgx_printf("%.*s", (int)len, line);
		}
	}
}

/*
 * The way to the refusal: the lines of the source, without the instructions that
 * they became; at last the instruction that was refused, and what was said.
 */
void bpflog_steps(const char *log, void (*step)(const char *where, const char *text, void *arg),
		  void *arg)
{
	char *copy = mgx_strdup(log), *rest = copy, *line, *at, *insn = NULL, *last = NULL;

	while ((line = strsep(&rest, "\n"))) {
		size_t len = strlen(line);

		if (starts(line, "-- END") || starts(line, "Verification failed:"))
			break;
		if (*line == ';' && (at = memrchr(line, '@', len))) {
			/* "; if (x) @ file.bpf.c:12"; a loop of them is one. */
			*at++ = '\0';
			at += strspn(at, " ");
			line += 1 + strspn(line + 1, " ");
			for (len = strlen(line); len && line[len - 1] == ' '; len--)
				line[len - 1] = '\0';
			if (!last || strcmp(last, at))
				step(at, line, arg);
			last = at;
			insn = NULL;
		} else if (isdigit((unsigned char)*line)) {
			insn = line;
		} else if (!is_noise(line, len)) {
			if (insn)
				step(NULL, insn, arg);
			step(NULL, line, arg);
			insn = NULL;
		}
	}
	free(copy);
}

/* "libbpf: prog 'NAME': -- BEGIN PROG LOAD LOG --\n..." */
static void keep_verifier_log(const char *message)
{
	const char *name = strchr(message, '\''), *end, *log;

	if (bpflog.refusal.program || !name)
		return;
	end = strchr(name + 1, '\'');
	log = strchr(message, '\n');
	if (!end || !log)
		return;
	bpflog.refusal.program = mgx_printf("%.*s", (int)(end - name - 1), name + 1);
	bpflog.refusal.log = mgx_strdup(log + 1);
	bpflog_condense(&bpflog.refusal, log + 1);
}

static int print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *message, *text;

	if (bpflog.debug) {
		va_list copy;

		va_copy(copy, ap);
		vfprintf(stderr, fmt, copy);
		va_end(copy);
	}
	if (level != LIBBPF_WARN)
		return 0;
	if (vasprintf(&message, fmt, ap) < 0)
		return 0;

	if (strstr(message, "-- BEGIN PROG LOAD LOG --")) {
		keep_verifier_log(message);
	} else if (bpflog.nr_warnings < MAX_WARNINGS) {
		text = starts(message, "libbpf: ") ? message + 8 : message;
		text[strcspn(text, "\n")] = '\0';
		bpflog.warnings[bpflog.nr_warnings++] = mgx_strdup(text);
	}
	free(message);
	return 0;
}

void bpflog_start(bool debug)
{
	bpflog.debug = debug;
	libbpf_set_print(print);
}

void bpflog_clear(void)
{
	while (bpflog.nr_warnings)
		free(bpflog.warnings[--bpflog.nr_warnings]);
	free(bpflog.refusal.program);
	free(bpflog.refusal.source);
	free(bpflog.refusal.reason);
	free(bpflog.refusal.log);
	memset(&bpflog.refusal, 0, sizeof(bpflog.refusal));
}

const struct bpflog_refusal *bpflog_refusal(void)
{
	return &bpflog.refusal;
}

const char *bpflog_warning(const char *text)
{
	size_t i;

	for (i = 0; i < bpflog.nr_warnings; i++)
		if (strstr(bpflog.warnings[i], text))
			return bpflog.warnings[i];
	return NULL;
}
