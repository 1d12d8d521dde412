// SPDX-License-Identifier: GPL-2.0
/*
 * mgx bench: who moves which folios how fast on this machine, and which knobs follow from
 * that. Memory of its own is moved, by move_pages(2); see bench.h.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "error.h"
#include "every.h"
#include "kernel.h"
#include "lock.h"
#include "options.h"
#include "out.h"
#include "sections.h"
#include "sysfs.h"

#define PAGE		4096ULL
#define MAX_FOLIOS	512		/* of a batch */
#define MAX_ORDER	9
#define MAX_LIST	32

struct bench_options {
	const char *orders;
	const char *groups;
	const char *migrators;
	const char *repetitions;
	const char *size;
	const char *from;
	const char *to;
	const char *plot;
};

static const struct argp_option option_table[] = {
	{ "orders", 'o', "LIST", 0, "Orders of the folios, with commas; default: 0,4,9", 0 },
	{ "groups", 'g', "LIST", 0, "Sizes of the groups; default: 16K to 32M", 0 },
	{ "migrators", 'M', "LIST", 0, "Who copies; default: all that are registered, and none", 0 },
	{ "repetitions", 'n', "N", 0, "Samples of each, 2 to 1000; default: 10", 0 },
	{ "size", 's', "BYTES", 0, "What a sample moves; default: 32M", 0 },
	{ "from", 'F', "NODE", 0, "One of the two nodes; default: the first with memory", 0 },
	{ "to", 't', "NODE", 0, "The other one; default: the second with memory", 0 },
	{ "plot", 'P', "FILE", 0, "Draw it, too, with gnuplot: .svg, .png or .pdf", 0 },
	{}
};

static int take(int key, char *value, void *data)
{
	struct bench_options *options = data;

	switch (key) {
	case 'o':
		options->orders = value;
		return 0;
	case 'g':
		options->groups = value;
		return 0;
	case 'M':
		options->migrators = value;
		return 0;
	case 'n':
		options->repetitions = value;
		return 0;
	case 's':
		options->size = value;
		return 0;
	case 'F':
		options->from = value;
		return 0;
	case 't':
		options->to = value;
		return 0;
	case 'P':
		options->plot = value;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* A whole number, with K, M or G behind it where @bytes. */
static bool parse(const char *str, bool bytes, __u64 *value)
{
	static const char suffixes[] = "KMG";
	const char *suffix;
	char *end;

	if (!isdigit((unsigned char)*str))
		return false;
	errno = 0;
	*value = strtoull(str, &end, 10);
	suffix = *end ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
	if (bytes && suffix && *value < 1ULL << 30) {
		*value <<= 10 * (suffix - suffixes + 1);
		end++;
	}
	return !errno && !*end;
}

static int number(struct mgx *mgx, const char *what, const char *option, const char *str,
		  bool bytes, __u64 min, __u64 max, __u64 *value)
{
	char *next;
	int ret;

	if (parse(str, bytes, value) && *value >= min && *value <= max)
		return 0;
	next = mgx_printf("give %llu to %llu", (unsigned long long)min, (unsigned long long)max);
	ret = mgx_fail(mgx, MGX_BAD_VALUE, next, "%s: --%s %s: no number in its range", what,
		       option, *str ? str : "''");
	free(next);
	return ret;
}

static int by_value(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Numbers with commas, in order, each once. */
static int list(struct mgx *mgx, const char *what, const char *option, const char *str,
		bool bytes, __u64 min, __u64 max, __u64 *values, size_t *nr)
{
	char *copy = mgx_strdup(str), *rest = copy, *word;
	size_t i, k = 0;
	int ret = 0;

	*nr = 0;
	while (!ret && (word = strsep(&rest, ","))) {
		if (*nr == MAX_LIST)
			ret = mgx_fail(mgx, MGX_BAD_VALUE, "give fewer", "%s: --%s: more than %d",
				       what, option, MAX_LIST);
		ret = ret ?: number(mgx, what, option, word, bytes, min, max, &values[*nr]);
		*nr += !ret;
	}
	free(copy);
	if (ret)
		return ret;
	qsort(values, *nr, sizeof(*values), by_value);
	for (i = 0; i < *nr; i++)
		if (!k || values[k - 1] != values[i])
			values[k++] = values[i];
	*nr = k;
	return 0;
}

static bool is_registered(const char *name)
{
	char *state = sysfs_read("migrators/%s/state", name);
	bool is = state && !strcmp(state, "registered");

	free(state);
	return is;
}

static int add_migrator(struct bench *bench, const char *name)
{
	size_t i;

	for (i = 0; i < bench->nr_migrators; i++)
		if (!strcmp(bench->migrators[i], name))
			return 0;
	if (bench->nr_migrators == BENCH_MAX_MIGRATORS)
		return mgx_fail(bench->mgx, MGX_BAD_VALUE, "name some with --migrators",
				"%s: there are more than %d migrators", bench->what,
				BENCH_MAX_MIGRATORS);
	bench->migrators[bench->nr_migrators++] = mgx_strdup(name);
	return 0;
}

static int choose_migrators(struct bench *bench, const char *wanted)
{
	char **names, **name, *copy, *rest, *word;
	int ret = 0;

	if (!wanted) {
		names = sysfs_entries("migrators");
		ret = add_migrator(bench, BENCH_NONE);
		for (name = names; *name && !ret; name++)
			if (is_registered(*name))
				ret = add_migrator(bench, *name);
		sysfs_entries_free(names);
		return ret;
	}
	copy = rest = mgx_strdup(wanted);
	while (!ret && (word = strsep(&rest, ","))) {
		if (strchr(word, '/') || !*word ||
		    (strcmp(word, BENCH_NONE) && !is_registered(word)))
			ret = mgx_fail(bench->mgx, MGX_NOT_FOUND,
				       "`mgx migrator list` shows those that are registered, `mgx migrator enable` makes more",
				       "%s: --migrators: no migrator %s is at work", bench->what,
				       *word ? word : "''");
		ret = ret ?: add_migrator(bench, word);
	}
	free(copy);
	return ret;
}

/* "0-1,3": the first two. */
static int choose_nodes(struct bench *bench, const struct bench_options *options)
{
	char *text = sysfs_read_path("/sys/devices/system/node/has_memory"), *at = text;
	bool has[1024] = {};
	int nodes[2] = { -1, -1 };
	__u64 wanted;
	int i, ret = 0;

	while (at && isdigit((unsigned char)*at)) {
		long first = strtol(at, &at, 10), last = first;

		if (*at == '-')
			last = strtol(at + 1, &at, 10);
		for (; first <= last && first < 1024; first++)
			has[first] = true;
		at += *at == ',';
	}
	free(text);
	for (i = 0; i < 1024; i++)
		if (has[i] && nodes[1] < 0)
			nodes[nodes[0] < 0 ? 0 : 1] = i;
	for (i = 0; i < 2 && !ret; i++) {
		const char *str = i ? options->to : options->from;

		bench->nodes[i] = nodes[i];
		if (!str)
			continue;
		ret = number(bench->mgx, bench->what, i ? "to" : "from", str, false, 0, 1023, &wanted);
		if (!ret && !has[wanted])
			ret = mgx_fail(bench->mgx, MGX_NOT_FOUND,
				       "see /sys/devices/system/node/has_memory",
				       "%s: --%s %s: there is no such node with memory", bench->what,
				       i ? "to" : "from", str);
		bench->nodes[i] = wanted;
	}
	/* One was named, and is the default of the other. */
	if (!ret && bench->nodes[0] == bench->nodes[1] && nodes[1] >= 0 &&
	    !(options->from && options->to))
		bench->nodes[options->from ? 1 : 0] = nodes[bench->nodes[0] == nodes[0] ? 1 : 0];
	if (!ret && nodes[1] < 0)
		ret = mgx_fail(bench->mgx, MGX_NO_FEATURE, "boot with numa=fake=2 to try it",
			       "%s: there is but one memory node: nothing can be moved", bench->what);
	if (!ret && bench->nodes[0] == bench->nodes[1])
		ret = mgx_fail(bench->mgx, MGX_BAD_VALUE, "name two nodes",
			       "%s: --from and --to are the same node", bench->what);
	return ret;
}

/* What the admin does not allow cannot be measured, and is not switched on for that. */
static int check_allowed(struct bench *bench)
{
	char *reasons = sysfs_read("reason_mask"), *enabled = sysfs_read("policies_enabled");
	int ret = 0;

	if (enabled && *enabled == '0')
		ret = mgx_fail(bench->mgx, MGX_FAILED, "`mgx on` switches them on",
			       "%s: policies are off, and one chooses who copies", bench->what);
	else if (reasons && !strstr(reasons, "syscall_or_cpuset"))
		ret = mgx_fail(bench->mgx, MGX_FAILED,
			       "add it to " SYSFS_DIR "/reason_mask for the time of the measurement",
			       "%s: the reason syscall_or_cpuset is not in reason_mask, and move_pages(2) is what is measured",
			       bench->what);
	free(enabled);
	free(reasons);
	return ret;
}

static __u64 ceiling(void)
{
	char *text = sysfs_read("batch_pages");
	__u64 pages = text ? strtoull(text, NULL, 10) : 0;

	free(text);
	return (pages ?: 512) * PAGE;
}

/* Folios that large groups have, and that groups of one page would not: those are no batch. */
static bool fits(unsigned int order, __u64 bytes)
{
	__u64 folio = PAGE << order;

	return bytes >= 2 * PAGE && !(bytes % folio) && bytes / folio <= MAX_FOLIOS;
}

static void make_cells(struct bench *bench)
{
	size_t i, k, m;

	bench->cells = mgx_alloc(bench->nr_orders * bench->nr_groups * bench->nr_migrators *
				 sizeof(*bench->cells));
	for (i = 0; i < bench->nr_orders; i++)
		for (k = 0; k < bench->nr_groups; k++)
			for (m = 0; m < bench->nr_migrators; m++) {
				struct bench_cell *cell = &bench->cells[bench->nr_cells];

				if (!fits(bench->orders[i], bench->groups[k]))
					continue;
				bench->nr_cells++;
				cell->order = bench->orders[i];
				cell->bytes = bench->groups[k];
				cell->migrator = bench->migrators[m];
				cell->ns = mgx_alloc(bench->repetitions * sizeof(*cell->ns));
				cell->copy_ns = mgx_alloc(bench->repetitions * sizeof(*cell->copy_ns));
				if (!bench_has_order(cell->order))
					cell->left_out = "the kernel does not give such folios: see /sys/kernel/mm/transparent_hugepage";
				else if (cell->bytes > ceiling())
					cell->left_out = "larger than a batch may be: see batch_pages";
			}
}

static int read_options(struct bench *bench, const struct bench_options *options)
{
	__u64 orders[MAX_LIST], value = 0;
	struct mgx *mgx = bench->mgx;
	size_t i;
	int ret;

	bench->orders = mgx_alloc(MAX_LIST * sizeof(*bench->orders));
	bench->groups = mgx_alloc(MAX_LIST * sizeof(*bench->groups));
	ret = list(mgx, bench->what, "orders", options->orders ?: "0,4,9", false, 0, MAX_ORDER,
		   orders, &bench->nr_orders);
	for (i = 0; !ret && i < bench->nr_orders; i++)
		bench->orders[i] = orders[i];
	ret = ret ?: list(mgx, bench->what, "groups", options->groups ?: "16K,64K,256K,1M,2M,8M,32M",
			  true, 2 * PAGE, 1ULL << 30, bench->groups, &bench->nr_groups);
	ret = ret ?: number(mgx, bench->what, "repetitions", options->repetitions ?: "10", false,
			    2, 1000, &value);
	bench->repetitions = value;
	ret = ret ?: number(mgx, bench->what, "size", options->size ?: "32M", true, 2 * PAGE,
			    1ULL << 30, &bench->sample_bytes);
	return ret;
}

/* --- what came of it --- */

static bool engine_is_emulated(void)
{
	char *text = sysfs_read_path("/sys/kernel/debug/dcbm/channels");
	bool is = text && (strstr(text, " dmasim ") || strstr(text, " lsi_dma "));

	free(text);
	return is;
}

static bool in_a_vm(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[8192];
	bool is = false;

	while (file && !is && fgets(line, sizeof(line), file))
		is = !strncmp(line, "flags", 5) && strstr(line, " hypervisor");
	if (file)
		fclose(file);
	return is;
}

static void show_what(struct bench *bench)
{
	static const struct out_column columns[] = {
		{ "what", "measured" },
		{ "nodes", "between nodes" },
		{ "repetitions", "samples of each" },
		{ "sample_bytes", "a sample moves", OUT_BYTES },
		{ "emulated_engine", "the engine is emulated" },
		{ "virtual_machine", "in a virtual machine" },
	};
	char *nodes = mgx_printf("%d and %d", bench->nodes[0], bench->nodes[1]);

	out_record(bench->mgx->out, "bench", NULL, columns, MGX_ARRAY_SIZE(columns));
	out_str(bench->mgx->out, "wall clock of move_pages(2), for 1 MiB");
	out_str(bench->mgx->out, nodes);
	out_uint(bench->mgx->out, bench->repetitions);
	out_uint(bench->mgx->out, bench->sample_bytes);
	out_bool(bench->mgx->out, bench->emulated);
	out_bool(bench->mgx->out, in_a_vm());
	out_row(bench->mgx->out);
	out_end(bench->mgx->out);
	free(nodes);
}

static void show_matrix(struct bench *bench)
{
	static const struct out_column columns[] = {
		{ "order", "ORDER" },
		{ "folio_bytes", "FOLIO", OUT_BYTES },
		{ "group_bytes", "GROUP", OUT_BYTES },
		{ "migrator", "MIGRATOR" },
		{ "samples", NULL },
		{ "mean_ns", "TIME FOR 1 MiB", OUT_NS },
		{ "low_ns", "FROM", OUT_NS },
		{ "high_ns", "TO (95 %)", OUT_NS },
		{ "copy_ns", "COPY ALONE", OUT_NS },
		{ "mib_per_second", "MiB/s" },
		{ "left_out", "LEFT OUT" },
	};
	struct out *out = bench->mgx->out;
	size_t i;
	int n;

	out_table(out, "matrix", NULL, "no group of such folios is a batch", columns,
		  MGX_ARRAY_SIZE(columns));
	for (i = 0; i < bench->nr_cells; i++) {
		const struct bench_cell *cell = &bench->cells[i];

		out_uint(out, cell->order);
		out_uint(out, PAGE << cell->order);
		out_uint(out, cell->bytes);
		out_str(out, cell->migrator);
		out_uint(out, cell->left_out ? 0 : cell->nr);
		if (cell->left_out || !cell->nr) {
			for (n = 0; n < 5; n++)
				out_none(out);
		} else {
			out_uint(out, cell->mean);
			out_uint(out, cell->low);
			out_uint(out, cell->high);
			if (cell->copy_mean > 0)
				out_uint(out, cell->copy_mean);
			else
				out_none(out);
			out_uint(out, 1e9 / cell->mean);
		}
		out_str(out, cell->left_out);
		out_row(out);
	}
	out_end(out);
}

static void bench_free(struct bench *bench)
{
	size_t i;

	for (i = 0; i < bench->nr_cells; i++) {
		free(bench->cells[i].ns);
		free(bench->cells[i].copy_ns);
	}
	for (i = 0; i < bench->nr_migrators; i++)
		free(bench->migrators[i]);
	free(bench->cells);
	free(bench->orders);
	free(bench->groups);
}

int cmd_bench(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot measure";
	struct bench bench = { .mgx = mgx, .what = what };
	struct bench_options options = {};
	int ret;

	ret = options_parse(mgx, argc, argv, option_table, take, &options);
	if (ret)
		return ret;
	ret = read_options(&bench, &options);
	if (!ret && options.plot)
		ret = bench_plot_check(mgx, what, options.plot);
	ret = ret ?: sysfs_require(mgx, what);
	ret = ret ?: kernel_require_feature(mgx, what);
	ret = ret ?: kernel_require_caps(mgx, what);
	ret = ret ?: choose_migrators(&bench, options.migrators);
	ret = ret ?: choose_nodes(&bench, &options);
	ret = ret ?: check_allowed(&bench);
	ret = ret ?: lock_take_bench(mgx, what);
	if (ret)
		goto out;

	bench.emulated = is_registered("dcbm") && engine_is_emulated();
	if (bench.emulated)
		mgx_warn("the engine of dcbm is emulated by the CPU: its figures say NOTHING about any hardware");
	make_cells(&bench);
	ret = bench_run(&bench);
	if (ret)
		goto out;
	bench_sum_up(&bench);
	show_what(&bench);
	show_matrix(&bench);
	bench_propose(&bench);
	if (!show_dmabench(mgx) && !mgx->json)
		puts("\nThe module dmabench measures the engine's driver itself; it is not loaded. It comes with the\n"
		     "sources: `make dmabench` builds it (selftests/modules/dmabench.c) and runs it in a VM. Here:\n"
		     "insmod dmabench.ko device=DRIVER, write 1 to its parameter run, and bench shows what it found.");
	if (options.plot)
		ret = bench_plot(&bench, options.plot);
out:
	bench_free(&bench);
	return ret;
}
