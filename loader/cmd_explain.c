// SPDX-License-Identifier: GPL-2.0
/*
 * mgx explain: who would copy such folios, and who said so. The answer is the
 * kernel's own dry run: the code that decides for batches asks the policies that
 * are attached, and charges nobody.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "error.h"
#include "options.h"
#include "out.h"
#include "reasons.h"
#include "sysfs.h"

#define DRY_RUN		"/sys/kernel/debug/migrate_offload/dry_run"
#define MAX_FOLIOS	512	/* pairs of a batch */
#define MAX_ORDER	63	/* the kernel knows its own, smaller one */
#define MAX_NODE	1023

struct question {
	const char *reason;
	const char *cgroup;
	const char *order;
	const char *folios;
	const char *kind;
	const char *src;
	const char *dst;
	const char *mode;
};

static const struct argp_option option_table[] = {
	{ "reason", 'R', "REASON", 0, "Why they move; default: syscall_or_cpuset", 0 },
	{ "cgroup", 'c', "PATH|ID", 0, "Whose they are; default: the root's", 0 },
	{ "order", 'o', "N", 0, "A folio has 2^N pages; default: 0", 0 },
	{ "folios", 'f', "N", 0, "How many, 1 to 512; default: 1", 0 },
	{ "kind", 'k', "KIND", 0, "anon, shmem or file; default: anon", 0 },
	{ "from", 'F', "NODE", 0, "The node they leave; default: 0", 0 },
	{ "to", 't', "NODE", 0, "The node they go to; default: 1", 0 },
	{ "mode", 'm', "MODE", 0, "async, sync_light or sync; default: async", 0 },
	{}
};

static int take_option(int key, char *value, void *data)
{
	struct question *question = data;

	switch (key) {
	case 'R':
		question->reason = value;
		return 0;
	case 'c':
		question->cgroup = value;
		return 0;
	case 'o':
		question->order = value;
		return 0;
	case 'f':
		question->folios = value;
		return 0;
	case 'k':
		question->kind = value;
		return 0;
	case 'F':
		question->src = value;
		return 0;
	case 't':
		question->dst = value;
		return 0;
	case 'm':
		question->mode = value;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* Each of them goes into the text for the kernel: only what is meant may be in it. */
static int check_number(struct mgx *mgx, const char *what, const char *option,
			const char *str, unsigned long min, unsigned long max)
{
	unsigned long value;
	char *next, *end;
	int ret;

	if (!str)
		return 0;
	errno = 0;
	value = strtoul(str, &end, 10);
	if (isdigit((unsigned char)*str) && !*end && !errno && value >= min && value <= max)
		return 0;
	next = mgx_printf("give %lu to %lu", min, max);
	ret = mgx_fail(mgx, MGX_BAD_VALUE, next, "%s: --%s %s: no number in its range", what,
		       option, str);
	free(next);
	return ret;
}

static int check_word(struct mgx *mgx, const char *what, const char *option,
		      const char *str, const char *words)
{
	size_t len = str ? strlen(str) : 0;
	const char *at;
	char *next;
	int ret;

	if (!str)
		return 0;
	for (at = words; len && !strpbrk(str, ", ") && (at = strstr(at, str)); at += len)
		if ((at == words || at[-1] == ' ') && (!at[len] || at[len] == ','))
			return 0;
	next = mgx_printf("there are: %s", words);
	ret = mgx_fail(mgx, MGX_BAD_VALUE, next, "%s: --%s %s: there is no such %s", what,
		       option, *str ? str : "''", option);
	free(next);
	return ret;
}

/* What the kernel is asked, in its own words. */
static int write_question(struct mgx *mgx, const char *what,
			  const struct question *question, char **text)
{
	__u64 cgroup_id = CGROUP_ROOT_ID;
	char *reasons = reasons_all();
	int ret;

	ret = check_word(mgx, what, "reason", question->reason, reasons);
	free(reasons);
	if (!ret && question->reason && !strcmp(question->reason, "memory_failure"))
		ret = mgx_fail(mgx, MGX_BAD_VALUE, "ask for another reason",
			       "%s: --reason memory_failure: nobody is ever asked about failing memory",
			       what);
	ret = ret ?: check_word(mgx, what, "kind", question->kind, "anon, shmem, file");
	ret = ret ?: check_word(mgx, what, "mode", question->mode, "async, sync_light, sync");
	ret = ret ?: check_number(mgx, what, "order", question->order, 0, MAX_ORDER);
	ret = ret ?: check_number(mgx, what, "folios", question->folios, 1, MAX_FOLIOS);
	ret = ret ?: check_number(mgx, what, "from", question->src, 0, MAX_NODE);
	ret = ret ?: check_number(mgx, what, "to", question->dst, 0, MAX_NODE);
	if (!ret && question->cgroup)
		ret = cgroup_resolve(mgx, what, question->cgroup, &cgroup_id);
	if (ret)
		return ret;

	*text = mgx_printf("reason=%s cgroup=%llu order=%s count=%s kind=%s src=%s dst=%s mode=%s\n",
			   question->reason ?: "syscall_or_cpuset",
			   (unsigned long long)cgroup_id, question->order ?: "0",
			   question->folios ?: "1", question->kind ?: "anon",
			   question->src ?: "0", question->dst ?: "1",
			   question->mode ?: "async");
	return 0;
}

static int open_dry_run(struct mgx *mgx, const char *what, int *fd)
{
	*fd = open(DRY_RUN, O_RDWR | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	if (errno == ENOENT)
		return mgx_fail(mgx, MGX_NO_FEATURE,
				"mount -t debugfs debugfs /sys/kernel/debug, or boot a kernel with CONFIG_DEBUG_FS=y",
				"%s: " DRY_RUN ": the kernel's dry run is not there", what);
	return mgx_fail(mgx, mgx_exit_of(errno), NULL, "%s: " DRY_RUN ": %s", what,
			mgx_why(errno));
}

static int ask(struct mgx *mgx, const char *what, const struct question *question,
	       const char *text, char **answer)
{
	size_t len = 0, size = 4096;	/* as simple_transaction has it */
	ssize_t n;
	int fd, ret;

	ret = open_dry_run(mgx, what, &fd);
	if (ret)
		return ret;
	if (write(fd, text, strlen(text)) < 0) {
		int err = errno;

		close(fd);
		if (err == ENOENT)
			return mgx_fail(mgx, MGX_NOT_FOUND, "choose another cgroup",
					"%s: cgroup %s: it has gone", what, question->cgroup);
		if (err == EOPNOTSUPP)
			return mgx_fail(mgx, MGX_NO_FEATURE,
					"turn it on in cgroup.subtree_control of the cgroup above (cgroup2 only)",
					"%s: cgroup %s: it has no memory controller", what,
					question->cgroup);
		if (err == EINVAL)
			return mgx_fail(mgx, MGX_BAD_VALUE,
					"see /proc/buddyinfo for the orders and /sys/devices/system/node for the nodes that there are",
					"%s: --order %s, --from %s, --to %s: larger than this kernel has",
					what, question->order ?: "0", question->src ?: "0",
					question->dst ?: "1");
		return mgx_fail(mgx, mgx_exit_of(err), NULL, "%s: " DRY_RUN ": %s", what,
				mgx_why(err));
	}
	*answer = mgx_alloc(size + 1);
	while (len < size && (n = read(fd, *answer + len, size - len)) > 0)
		len += n;
	close(fd);
	return 0;
}

/* The value of " KEY=", NULL without one. To be freed. */
static char *word(const char *line, const char *key)
{
	char *pattern = mgx_printf(" %s=", key), *value = NULL;
	const char *at = strstr(line, pattern);

	if (at) {
		at += strlen(pattern);
		value = mgx_printf("%.*s", (int)strcspn(at, " "), at);
	}
	free(pattern);
	return value;
}

/*
 * One line of the answer, whose text may change with the kernel: what is not
 * recognised is shown as it is.
 */
static void out_step(struct mgx *mgx, const char *line)
{
	char *asked = mgx_printf("%.*s", (int)strcspn(line, " "), line);
	char *policy = word(line, "policy"), *answer = word(line, "answer");
	char *cgroup = word(line, "cgroup"), *assigned = word(line, "assigned"), *path = NULL;
	bool dflt = strstr(line, " default ");

	if (cgroup)
		path = cgroup_path(strtoull(cgroup, NULL, 10));
	out_str(mgx->out, asked);
	if (cgroup)
		out_uint(mgx->out, strtoull(cgroup, NULL, 10));
	else
		out_none(mgx->out);
	out_str(mgx->out, path);
	out_str(mgx->out, policy ?: dflt ? "the built-in default" : "the kernel");
	out_str(mgx->out, answer ?: line + strcspn(line, " ") + (strchr(line, ' ') != NULL));
	if (assigned)
		out_uint(mgx->out, strtoull(assigned, NULL, 10));
	else
		out_none(mgx->out);
	out_row(mgx->out);
	free(path);
	free(assigned);
	free(cgroup);
	free(answer);
	free(policy);
	free(asked);
}

static void out_verdict(struct mgx *mgx, const char *line)
{
	char *migrator = word(line, "migrator"), *folios = word(line, "folios");
	const char *why = strchr(line, ':');
	bool ahead = !strncmp(line, "verdict ahead", strlen("verdict ahead"));

	out_str(mgx->out, ahead ? "ahead" : "single");
	out_str(mgx->out, migrator);
	if (folios)
		out_uint(mgx->out, strtoull(folios, NULL, 10));
	else
		out_none(mgx->out);
	out_str(mgx->out, !ahead && why ? why + 1 + strspn(why + 1, " ") : NULL);
	out_row(mgx->out);
	free(folios);
	free(migrator);
}

static bool is_verdict(const char *line)
{
	return !strncmp(line, "verdict ", strlen("verdict "));
}

static void show(struct mgx *mgx, const char *text, char *answer)
{
	static const struct out_column question_columns[] = {
		{ "question", "asked" },
	};
	static const struct out_column step_columns[] = {
		{ "callback", "ASKED FOR" },
		{ "cgroup_id", NULL },
		{ "cgroup_path", "OF CGROUP" },
		{ "policy", "POLICY" },
		{ "answer", "ANSWER" },
		{ "assigned", "ASSIGNED" },
	};
	static const struct out_column verdict_columns[] = {
		{ "verdict", "VERDICT" },
		{ "migrator", "MIGRATOR" },
		{ "folios", "FOLIOS" },
		{ "why", "WHY" },
	};
	char *question = mgx_printf("%.*s", (int)strcspn(text, "\n"), text);
	char *copy = mgx_strdup(answer), *rest, *line;

	out_record(mgx->out, "dry_run", NULL, question_columns, MGX_ARRAY_SIZE(question_columns));
	out_str(mgx->out, question);
	out_row(mgx->out);
	out_end(mgx->out);

	out_table(mgx->out, "steps", NULL, "nobody was asked", step_columns,
		  MGX_ARRAY_SIZE(step_columns));
	for (rest = copy; (line = strsep(&rest, "\n"));)
		if (*line && !is_verdict(line))
			out_step(mgx, line);
	out_end(mgx->out);

	out_table(mgx->out, "verdicts", NULL, NULL, verdict_columns,
		  MGX_ARRAY_SIZE(verdict_columns));
	for (rest = answer; (line = strsep(&rest, "\n"));)
		if (is_verdict(line))
			out_verdict(mgx, line);
	out_end(mgx->out);
	free(copy);
	free(question);
}

int cmd_explain(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot explain";
	struct question question = {};
	char *text = NULL, *answer = NULL;
	int ret;

	ret = options_parse(mgx, argc, argv, option_table, take_option, &question);
	ret = ret ?: sysfs_require(mgx, what);
	ret = ret ?: write_question(mgx, what, &question, &text);
	ret = ret ?: ask(mgx, what, &question, text, &answer);
	if (!ret)
		show(mgx, text, answer);
	free(answer);
	free(text);
	return ret;
}
