// SPDX-License-Identifier: GPL-2.0
/*
 * Not a test: what mgx_errors.sh has its cases run by. One process a case, for on the
 * debug kernel the start of a process takes up to a second.
 *
 *	mgx_cases FIRST < cases
 *
 * A case is a line STATUS|WORDS|[HOW:]ARGUMENTS. mgx is run with them, and -j: it has to
 * end with that status, with one line on stderr that has one of the WORDS in it and says
 * what to do next, with an object on stdout that has the same status, and must leave
 * everything as it was. HOW:
 *
 *	plain		without -j
 *	nobody		by a user without any rights
 *	no:DIR		where nothing is mounted on, or below, DIR
 *	hide:DIR	where DIR is empty
 *
 * Arguments are divided by spaces; '' is an empty one. FIRST is the number of the first
 * test point.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <regex.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MGX		"build/mgx"
#define OFFLOAD		"/sys/kernel/mm/migrate_offload"
#define MAX_ARGS	32

static void fail(const char *what)
{
	fprintf(stderr, "mgx_cases: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- the state that has to stay --- */

static void put_file(FILE *to, const char *path)
{
	char text[4096];
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(text, 1, sizeof(text), file) : 0;

	fprintf(to, "%s: %.*s\n", path, (int)n, text);
	if (file)
		fclose(file);
}

/* Names below a directory; @values: contents of the files, too. */
static void put_tree(FILE *to, const char *dir, bool values)
{
	struct dirent **entries;
	char path[1024];
	struct stat st;
	int i, n = scandir(dir, &entries, NULL, alphasort);

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && !lstat(path, &st)) {
			fprintf(to, "%s\n", path);
			if (S_ISDIR(st.st_mode))
				put_tree(to, path, values);
			else if (values && strcmp(entries[i]->d_name, "status"))
				put_file(to, path);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static char *state(void)
{
	static const char * const files[] = {
		OFFLOAD "/default_migrator", OFFLOAD "/reason_mask", OFFLOAD "/min_bytes",
		OFFLOAD "/batch_pages", OFFLOAD "/policies_enabled", OFFLOAD "/enable_seq",
	};
	char *text = NULL;
	size_t size = 0, i;
	FILE *to = open_memstream(&text, &size);

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		put_file(to, files[i]);
	put_tree(to, OFFLOAD "/policies", false);
	put_tree(to, "/sys/fs/bpf", false);
	put_tree(to, "/sys/module/dcbm/parameters", true);
	put_tree(to, "/sys/module/mtcopy/parameters", true);
	fclose(to);
	return text;
}

/* --- one case --- */

static void apply_how(const char *how)
{
	if (!strcmp(how, "nobody")) {
		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			fail(how);
		return;
	}
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		fail(how);
	if (!strncmp(how, "no:", 3))
		while (!umount2(how + 3, MNT_DETACH))
			;
	else if (mount("none", how + 5, "tmpfs", 0, NULL))
		fail(how);
}

static void redirect(const char *path, int flags, int to)
{
	int fd = open(path, flags, 0644);

	if (fd < 0 || dup2(fd, to) < 0)
		_exit(99);
	close(fd);
}

static int run(const char *how, char **argv, const char *out, const char *err)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		/* Not by freopen(): that moves the place in stdin, which is shared. */
		redirect("/dev/null", O_RDONLY, STDIN_FILENO);
		redirect(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
		redirect(err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
		if (*how && strcmp(how, "plain"))
			apply_how(how);
		execv(MGX, argv);
		_exit(98);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		fail("fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char *contents(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *file = fopen(path, "re");
	size_t n;

	if (!text || !file)
		fail(path);
	n = fread(text, 1, 65535, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

static bool has_words(const char *text, const char *words)
{
	regex_t regex;
	bool has;

	if (regcomp(&regex, words, REG_EXTENDED | REG_ICASE | REG_NOSUB))
		fail(words);
	has = !regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	return has;
}

/* False, and the reason as a comment, when it is not so. */
static bool is(bool so, const char *what, const char *detail)
{
	if (!so)
		printf("# %s: %.400s\n", what, detail);
	return so;
}

/* "mgx: what: object: why; what to do next", the last of it in some words. */
static bool has_advice(const char *err)
{
	const char *next = strstr(err, "; ");

	return next && next - err > 8 && strlen(next) > 8;
}

static bool one_case(int want, const char *words, const char *how, char **argv, bool json)
{
	char *before = state(), *after, *out, *err, exit_text[32];
	const char *out_path = "/tmp/mgx_cases.out", *err_path = "/tmp/mgx_cases.err";
	const char *newline;
	bool ok = true;
	int rc;

	rc = run(how, argv, out_path, err_path);
	after = state();
	out = contents(out_path);
	err = contents(err_path);
	snprintf(exit_text, sizeof(exit_text), "\"exit\":%d}", want);
	newline = strchr(err, '\n');
	if (rc != want)
		printf("# exit status %d, not %d\n", rc, want);
	ok &= rc == want;
	ok &= is(!strncmp(err, "mgx: ", 5) && newline && !newline[1], "not one line on stderr", err);
	ok &= is(has_words(err, words), "stderr does not have the words", err);
	ok &= is(has_advice(err), "stderr does not say what to do", err);
	ok &= is(!json || (strstr(out, "\"error\":\"") && strstr(out, exit_text) &&
			   out[strlen(out) - 1] == '\n' && out[0] == '{'),
		 "stdout has no such object", out);
	if (strcmp(before, after)) {
		char *a = before, *b = after;

		while (*a && *a == *b)
			a++, b++;
		while (a > before && a[-1] != '\n')
			a--, b--;
		printf("# something was left behind, from: %.200s\n# to: %.200s\n", a, b);
		ok = false;
	}
	free(before);
	free(after);
	free(out);
	free(err);
	return ok;
}

int main(int argc, char **argv)
{
	static char json_option[] = "-j", program[] = "mgx", empty[] = "";
	int number = argc > 1 ? atoi(argv[1]) : 1, failed = 0;
	char line[2048];

	while (fgets(line, sizeof(line), stdin)) {
		char *rest = line, *status, *words, *how = empty, *colon, *word, *args[MAX_ARGS];
		char what[2048];
		int nr = 0;
		bool ok;

		line[strcspn(line, "\n")] = '\0';
		if (!*line || *line == '#')
			continue;
		status = strsep(&rest, "|");
		words = strsep(&rest, "|");
		if (!rest)
			fail(line);
		snprintf(what, sizeof(what), "%s", rest);
		colon = strstr(rest, ": ");
		if (colon) {
			*colon = '\0';
			how = rest;
			rest = colon + 2;
		}
		args[nr++] = program;
		if (strcmp(how, "plain"))
			args[nr++] = json_option;
		while ((word = strsep(&rest, " ")) && nr < MAX_ARGS - 1)
			if (*word)
				args[nr++] = strcmp(word, "''") ? word : empty;
		args[nr] = NULL;
		ok = one_case(atoi(status), words, how, args, strcmp(how, "plain"));
		failed |= !ok;
		printf("%s %d %s: mgx %s\n", ok ? "ok" : "not ok", number++, status, what);
	}
	return failed;
}
