// SPDX-License-Identifier: GPL-2.0
/* mgx bench: means, intervals, and what follows from them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "error.h"
#include "out.h"

/* Student's t for 95 %, two-sided, by degrees of freedom. */
static double quantile(size_t freedom)
{
	static const double t[] = {
		0, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
		2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
		2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
	};

	return freedom < MGX_ARRAY_SIZE(t) ? t[freedom] : 2.0;
}

static double mean(const double *values, size_t nr)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < nr; i++)
		sum += values[i];
	return nr ? sum / nr : 0;
}

static void sum_up(struct bench_cell *cell)
{
	double squares = 0, half = 0;
	size_t i;

	cell->mean = mean(cell->ns, cell->nr);
	cell->copy_mean = mean(cell->copy_ns, cell->nr);
	for (i = 0; i < cell->nr; i++)
		squares += (cell->ns[i] - cell->mean) * (cell->ns[i] - cell->mean);
	if (cell->nr > 1)
		half = quantile(cell->nr - 1) * sqrt(squares / (cell->nr - 1) / cell->nr);
	cell->low = cell->mean > half ? cell->mean - half : 0;
	cell->high = cell->mean + half;
}

void bench_sum_up(struct bench *bench)
{
	size_t i;

	for (i = 0; i < bench->nr_cells; i++)
		sum_up(&bench->cells[i]);
}

struct bench_cell *bench_cell(const struct bench *bench, unsigned int order, __u64 bytes,
			      const char *migrator)
{
	size_t i;

	for (i = 0; i < bench->nr_cells; i++) {
		struct bench_cell *cell = &bench->cells[i];

		if (cell->order == order && cell->bytes == bytes &&
		    !strcmp(cell->migrator, migrator))
			return cell->left_out || !cell->nr ? NULL : cell;
	}
	return NULL;
}

/* --- what to propose --- */

enum { SLOWER, FASTER, UNKNOWN };

/* The engine against the CPU for one kind of group; @clear: their intervals are apart. */
static int compare(const struct bench *bench, unsigned int order, __u64 bytes,
		   const char *engine, bool *clear)
{
	const struct bench_cell *with = bench_cell(bench, order, bytes, engine);
	const struct bench_cell *without = bench_cell(bench, order, bytes, "cpu");

	*clear = false;
	if (!with || !without)
		return UNKNOWN;
	*clear = with->nr > 1 && (with->high < without->low || without->high < with->low);
	return with->mean < without->mean ? FASTER : SLOWER;
}

/* From which size of groups on is the engine faster, whatever larger one? 0: from none. */
static __u64 crossover(const struct bench *bench, unsigned int order, const char *engine)
{
	__u64 from = 0;
	bool clear;
	size_t i;

	for (i = bench->nr_groups; i-- > 0;) {
		int how = compare(bench, order, bench->groups[i], engine, &clear);

		if (how == SLOWER)
			break;
		if (how == FASTER)
			from = bench->groups[i];
	}
	return from;
}

struct proposal {
	const char *engine;	/* NULL: the CPU for all */
	unsigned int min_order;
	__u64 min_bytes;
	size_t compared, clear;	/* kinds of groups, and those of which it is beyond doubt */
	double gain;		/* mean share of the time that is saved, over those it is for */
};

/* The orders from some on that all have a crossover; the largest of these. */
static void propose_for(const struct bench *bench, const char *engine, struct proposal *it)
{
	double saved = 0;
	size_t i, k, nr = 0;
	__u64 from;

	memset(it, 0, sizeof(*it));
	for (i = bench->nr_orders; i-- > 0;) {
		from = crossover(bench, bench->orders[i], engine);
		if (!from)
			break;
		it->engine = engine;
		it->min_order = bench->orders[i];
		if (from > it->min_bytes)
			it->min_bytes = from;
	}
	for (i = 0; i < bench->nr_orders; i++) {
		for (k = 0; k < bench->nr_groups; k++) {
			bool clear, is_for = it->engine && bench->orders[i] >= it->min_order &&
					     bench->groups[k] >= it->min_bytes;
			int how = compare(bench, bench->orders[i], bench->groups[k], engine, &clear);

			if (how == UNKNOWN)
				continue;
			it->compared++;
			/* Clear, and as the proposal has it. */
			it->clear += clear && (how == FASTER) == is_for;
			if (!is_for)
				continue;
			nr++;
			saved += 1 - bench_cell(bench, bench->orders[i], bench->groups[k], engine)->mean /
				 bench_cell(bench, bench->orders[i], bench->groups[k], "cpu")->mean;
		}
	}
	it->gain = nr ? saved / nr : 0;
}

static void out_knob(struct mgx *mgx, const char *knob, char *value, const char *sure,
		     const char *why)
{
	out_str(mgx->out, knob);
	out_str(mgx->out, value);
	out_str(mgx->out, sure);
	out_str(mgx->out, why);
	out_row(mgx->out);
	free(value);
}

static bool is_engine(const char *migrator)
{
	return strcmp(migrator, "cpu") && strcmp(migrator, BENCH_NONE);
}

void bench_propose(struct bench *bench)
{
	static const struct out_column columns[] = {
		{ "knob", "KNOB OF rules" },
		{ "value", "VALUE" },
		{ "sure", "SURE" },
		{ "why", "WHY" },
	};
	struct proposal best = {}, it;
	struct mgx *mgx = bench->mgx;
	const char *sure;
	char *why, *gain;
	size_t i;

	out_table(mgx->out, "proposal", "What follows from that, for mgx load rules --knobs by_size --set KNOB=VALUE",
		  "there is nothing to propose: no migrator was measured against the CPU", columns,
		  MGX_ARRAY_SIZE(columns));
	for (i = 0; i < bench->nr_migrators; i++) {
		if (!is_engine(bench->migrators[i]))
			continue;
		propose_for(bench, bench->migrators[i], &it);
		if (it.compared && (!best.compared || it.gain > best.gain))
			best = it;
	}
	if (best.compared) {
		sure = bench->emulated ? "no" : best.clear == best.compared ? "yes" :
		       2 * best.clear >= best.compared ? "partly" : "no";
		gain = best.engine ? mgx_printf("it saves %.0f %% of the time on average", best.gain * 100) :
				     mgx_strdup("the CPU was the faster one with the largest folios");
		why = mgx_printf("%s%s; %zu of %zu comparisons with the CPU are as proposed, with 95 %% intervals apart, of %lu samples each",
				 bench->emulated ? "the engine is emulated, nothing of this holds for hardware; " : "",
				 gain, best.clear, best.compared, bench->repetitions);
		free(gain);
		out_knob(mgx, "rule0_engine", mgx_strdup(best.engine ?: ""), sure, why);
		if (best.engine) {
			out_knob(mgx, "rule0_min_bytes", mgx_printf("%llu", (unsigned long long)best.min_bytes), sure,
				 "the smallest group from which on it was faster");
			out_knob(mgx, "rule0_min_order", mgx_printf("%u", best.min_order), sure,
				 "the smallest folios of which that holds");
		}
		free(why);
	}
	out_end(mgx->out);
}
