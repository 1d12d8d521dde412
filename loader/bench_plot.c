// SPDX-License-Identifier: GPL-2.0
/* mgx bench: the picture, drawn by gnuplot. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "error.h"

static const struct {
	const char *suffix;
	const char *terminal;
} terminals[] = {
	{ ".svg", "svg size 1000,640 background rgb 'white'" },
	{ ".png", "pngcairo size 1000,640" },
	{ ".pdf", "pdfcairo size 10,6.4" },
};

static const char *terminal_of(const char *path)
{
	const char *suffix = strrchr(path, '.');
	size_t i;

	for (i = 0; suffix && i < MGX_ARRAY_SIZE(terminals); i++)
		if (!strcmp(suffix, terminals[i].suffix))
			return terminals[i].terminal;
	return NULL;
}

static bool have_gnuplot(void)
{
	char *path = mgx_strdup(getenv("PATH") ?: ""), *rest = path, *dir, *file;
	bool have = false;

	while (!have && (dir = strsep(&rest, ":"))) {
		file = mgx_printf("%s/gnuplot", *dir ? dir : ".");
		have = !access(file, X_OK);
		free(file);
	}
	free(path);
	return have;
}

int bench_plot_check(struct mgx *mgx, const char *what, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int err = 0;

	if (!terminal_of(path) || strchr(path, '\n'))
		return mgx_fail(mgx, MGX_BAD_VALUE, "call it .svg, .png or .pdf",
				"%s: --plot %s: no picture is called so", what, path);
	if (!have_gnuplot())
		return mgx_fail(mgx, MGX_NO_FEATURE,
				"install gnuplot-nox (or gnuplot), or leave --plot away",
				"%s: --plot %s: gnuplot is not there", what, path);
	dir = slash ? mgx_printf("%.*s", (int)(slash - path) ?: 1, path) : mgx_strdup(".");
	if (access(dir, W_OK))
		err = errno;
	free(dir);
	return err ? mgx_fail(mgx, mgx_exit_of(err), "name a file in a directory where you may write",
			      "%s: --plot %s: %s", what, path, mgx_why(err)) : 0;
}

/* As a string of gnuplot's. */
static void put_quoted(FILE *to, const char *text)
{
	fputc('\'', to);
	for (; *text; text++)
		fputs(*text == '\'' ? "''" : (char []){ *text, 0 }, to);
	fputc('\'', to);
}

static bool has_points(const struct bench *bench, unsigned int order, const char *migrator)
{
	size_t i;

	for (i = 0; i < bench->nr_groups; i++)
		if (bench_cell(bench, order, bench->groups[i], migrator))
			return true;
	return false;
}

static void write_script(const struct bench *bench, FILE *to, const char *path)
{
	const char *comma = "";
	struct utsname name;
	size_t i, m, k;

	uname(&name);
	fprintf(to, "set terminal %s\nset output ", terminal_of(path));
	put_quoted(to, path);
	fprintf(to, "\nset title \"Wall clock of move\\\\_pages(2) on %s, %lu samples, 95 %% intervals%s\"\n",
		name.nodename, bench->repetitions,
		bench->emulated ? "\\nTHE ENGINE IS EMULATED: nothing of this holds for hardware" : "");
	fputs("set xlabel 'group, KiB'\nset ylabel 'MiB/s'\nset logscale x 2\nset yrange [0:*]\n"
	      "set key outside\nset grid\nplot ", to);
	for (i = 0; i < bench->nr_orders; i++) {
		for (m = 0; m < bench->nr_migrators; m++) {
			if (!has_points(bench, bench->orders[i], bench->migrators[m]))
				continue;
			fprintf(to, "%s'-' using 1:2:3:4 with yerrorlines title \"%s, %u KiB\" noenhanced",
				comma, bench->migrators[m], 4U << bench->orders[i]);
			comma = ", ";
		}
	}
	fputc('\n', to);
	for (i = 0; i < bench->nr_orders; i++) {
		for (m = 0; m < bench->nr_migrators; m++) {
			if (!has_points(bench, bench->orders[i], bench->migrators[m]))
				continue;
			for (k = 0; k < bench->nr_groups; k++) {
				const struct bench_cell *cell =
					bench_cell(bench, bench->orders[i], bench->groups[k],
						   bench->migrators[m]);

				if (cell)
					fprintf(to, "%llu %g %g %g\n",
						(unsigned long long)cell->bytes / 1024, 1e9 / cell->mean,
						1e9 / cell->high, 1e9 / (cell->low > 1 ? cell->low : cell->mean));
			}
			fputs("e\n", to);
		}
	}
}

int bench_plot(const struct bench *bench, const char *path)
{
	/* Put in place when it is whole. */
	const char *suffix = strrchr(path, '.');
	char *part = mgx_printf("%.*s.part%s", (int)(suffix - path), path, suffix);
	bool any = false;
	int status = -1, ret = 0;
	size_t i;
	FILE *to;

	for (i = 0; i < bench->nr_cells; i++)
		any |= !bench->cells[i].left_out && bench->cells[i].nr;
	if (!any) {
		free(part);
		return mgx_fail(bench->mgx, MGX_FAILED, "see the column LEFT OUT",
				"%s: --plot %s: nothing was measured", bench->what, path);
	}
	signal(SIGPIPE, SIG_IGN);
	to = popen("gnuplot", "we");
	if (to) {
		write_script(bench, to, part);
		status = pclose(to);
	}
	if (status || rename(part, path)) {
		unlink(part);
		ret = mgx_fail(bench->mgx, MGX_FAILED, "what was measured stands above",
			       "%s: --plot %s: gnuplot did not draw it", bench->what, path);
	}
	free(part);
	return ret;
}
