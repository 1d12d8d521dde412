// SPDX-License-Identifier: GPL-2.0
/* mgx bench: the samples. */
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bench.h"
#include "cgroup.h"
#include "error.h"
#include "every.h"
#include "object.h"
#include "progress.h"
#include "reasons.h"
#include "sysfs.h"
#include "../include/migrate_ext/results.h"

#define POLICY		"rules"		/* one that does as its knobs say */
#define REASON		"syscall_or_cpuset"
#define DIR_PREFIX	"mgx_bench."
#define THP		"/sys/kernel/mm/transparent_hugepage"
#define PAGE		4096UL
/* As in <linux/mempolicy.h>, which user space has only with libnuma. */
#define MPOL_DEFAULT	0
#define MPOL_BIND	2
#define MPOL_MF_MOVE	2

/* While it runs. */
struct run {
	struct bench *bench;
	struct object object;
	struct knobs knobs;
	void *base;			/* of the knobs: shared with the programs */
	struct bpf_map *results;
	int link;
	char *dir;			/* our cgroup */
	char *was_in;			/* where we came from */
	__u64 cgroup_id;
	char *map;			/* address space for one sample */
	size_t map_bytes;
	void **pages;
	int *to, *status;
};

/* --- our own cgroup --- */

static int put_self(const char *dir)
{
	char *path = mgx_printf("%s/cgroup.procs", dir);
	int err = sysfs_write_path(path, "0");

	free(path);
	return err;
}

/* Of somebody who was killed here: empty, or it is not one that can be removed. */
static void remove_stale(const char *mount)
{
	char *pattern = mgx_printf("%s/" DIR_PREFIX "*", mount);
	glob_t found = {};
	size_t i;

	if (!glob(pattern, GLOB_ONLYDIR, NULL, &found))
		for (i = 0; i < found.gl_pathc; i++)
			rmdir(found.gl_pathv[i]);
	globfree(&found);
	free(pattern);
}

static char *own_cgroup(const char *mount)
{
	char *text = sysfs_read_path("/proc/self/cgroup"), *line, *rest = text, *path = NULL;

	while (!path && (line = strsep(&rest, "\n")))
		if (!strncmp(line, "0::", 3))
			path = mgx_printf("%s%s", mount, line + 3);
	free(text);
	return path;
}

static int enter_cgroup(struct run *run)
{
	const struct bench *bench = run->bench;
	char *mount = cgroup_mount(), *file;
	int err = 0;

	if (!mount)
		return mgx_fail(bench->mgx, MGX_NO_FEATURE, "mount -t cgroup2 none /sys/fs/cgroup",
				"%s: no cgroup2 is mounted here", bench->what);
	remove_stale(mount);
	run->was_in = own_cgroup(mount);
	run->dir = mgx_printf("%s/" DIR_PREFIX "%d", mount, (int)getpid());
	free(mount);
	if (mkdir(run->dir, 0755)) {
		err = -errno;
		free(run->dir);
		run->dir = NULL;
		return mgx_fail(bench->mgx, mgx_exit_of(err), NULL, "%s: a cgroup for it: %s",
				bench->what, mgx_why(err));
	}
	file = mgx_printf("%s/memory.current", run->dir);
	if (access(file, F_OK))
		err = -EOPNOTSUPP;
	free(file);
	if (err)
		return mgx_fail(bench->mgx, MGX_NO_FEATURE,
				"echo +memory to cgroup.subtree_control of the root cgroup (cgroup2 only)",
				"%s: cgroup %s: it has no memory controller", bench->what, run->dir);
	err = cgroup_id_of_path(run->dir, &run->cgroup_id) ?: put_self(run->dir);
	return err ? mgx_fail(bench->mgx, mgx_exit_of(err), NULL, "%s: cgroup %s: %s", bench->what,
			      run->dir, mgx_why(err)) : 0;
}

static void leave_cgroup(struct run *run)
{
	char *mount;

	if (!run->dir)
		return;
	if (!run->was_in || put_self(run->was_in)) {
		/* Where we came from has gone, or may hold no processes: then the root. */
		mount = cgroup_mount();
		if (mount)
			put_self(mount);
		free(mount);
	}
	if (rmdir(run->dir))
		mgx_warn("%s: cannot be removed: %s", run->dir, mgx_why(errno));
	free(run->dir);
	free(run->was_in);
}

/* --- the policy --- */

static int attach(struct run *run)
{
	const struct bench *bench = run->bench;
	static const char * const sets[] = { "rule0_verdict=1", "rule0_reasons=" REASON };
	size_t i;
	int ret;

	ret = object_open(bench->mgx, bench->what, &run->object, POLICY, NULL);
	ret = ret ?: object_set_name(bench->mgx, bench->what, &run->object, "mgx_bench");
	for (i = 0; !ret && i < MGX_ARRAY_SIZE(sets); i++)
		ret = object_set_knob(bench->mgx, bench->what, &run->object, sets[i]);
	ret = ret ?: object_set_cgroup(bench->mgx, bench->what, &run->object, run->cgroup_id);
	ret = ret ?: object_load(bench->mgx, bench->what, &run->object);
	if (ret)
		return ret;
	run->base = object_knobs(&run->object, &run->knobs);
	run->results = bpf_object__find_map_by_name(run->object.bpf, "results");
	if (!run->base || !run->results || !knobs_find(&run->knobs, "rule0_engine"))
		return mgx_fail(bench->mgx, MGX_BAD_OBJECT, "install the policies that mgx came with",
				"%s: %s: it has no knob rule0_engine, or no map results",
				bench->what, run->object.path);
	run->link = bpf_link_create(bpf_map__fd(run->object.ops), 0, BPF_STRUCT_OPS, NULL);
	if (run->link < 0)
		return mgx_fail(bench->mgx, mgx_exit_of(errno), NULL,
				"%s: the policy for %s cannot be attached: %s", bench->what, run->dir,
				mgx_why(errno));
	return 0;
}

/* Nobody is at work on our pages between two samples. */
static void choose(struct run *run, const char *migrator)
{
	bool none = !strcmp(migrator, BENCH_NONE);
	union knob_value engine = { .str = none || !strcmp(migrator, "cpu") ? "" : migrator };
	union knob_value verdict = { .uint = none ? 2 : 1 };

	knob_store(run->base, knobs_find(&run->knobs, "rule0_engine"), &engine);
	knob_store(run->base, knobs_find(&run->knobs, "rule0_verdict"), &verdict);
}

/* What has become of folios of that order, whoever had them: those that were copied by @id. */
static void results_of(struct run *run, unsigned int order, __u32 id,
		       struct migrate_ext_results *mine, __u64 *offered)
{
	struct migrate_ext_results_key key, *last = NULL;
	struct migrate_ext_results sum;

	memset(mine, 0, sizeof(*mine));
	*offered = 0;
	while (!bpf_map_get_next_key(bpf_map__fd(run->results), last, &key)) {
		last = &key;
		if (bpf_map_lookup_elem(bpf_map__fd(run->results), &key, &sum))
			continue;
		*offered += sum.offered;
		if (key.orders == 1ULL << order && key.migrator == id)
			*mine = sum;
	}
}

static __u32 id_of(const char *migrator)
{
	char *text = sysfs_read("migrators/%s/id", migrator);
	__u32 id = text ? strtoul(text, NULL, 10) : 0;

	free(text);
	return id;
}

/* --- the memory --- */

static long set_policy(int mode, int node)
{
	unsigned long mask[16] = {};

	if (node >= 0)
		mask[node / 64] = 1UL << node % 64;
	return syscall(SYS_set_mempolicy, mode, node >= 0 ? mask : NULL, node >= 0 ? 1024 : 0);
}

static bool is_allowed(const char *path)
{
	char *text = sysfs_read_path(path), *dflt;
	bool allowed = text && (strstr(text, "[always]") || strstr(text, "[madvise]"));

	if (text && strstr(text, "[inherit]")) {
		dflt = sysfs_read_path(THP "/enabled");
		allowed = dflt && !strstr(dflt, "[never]");
		free(dflt);
	}
	free(text);
	return allowed;
}

bool bench_has_order(unsigned int order)
{
	char *path;
	bool has;

	if (!order)
		return true;
	path = mgx_printf(THP "/hugepages-%lukB/enabled", (PAGE << order) / 1024);
	has = is_allowed(path);
	free(path);
	return has;
}

static bool lies_apart(unsigned int order)
{
	return order && order < 9;
}

/*
 * A folio of each order fits into its own piece of the address space and no larger one
 * does, so that the kernel gives that order or a smaller one, whatever else is allowed.
 */
static char *place_of(const struct run *run, unsigned int order, size_t i)
{
	size_t folio = PAGE << order, huge = PAGE << 9;
	char *base = (char *)(((__u64)run->map + huge - 1) & ~(huge - 1));

	return base + i * folio * (lies_apart(order) ? 2 : 1);
}

/* Where the folio begins: blocks of a group begin on alternate nodes. */
static int side_of(const struct bench_cell *cell, size_t i)
{
	return i / (cell->bytes / (PAGE << cell->order)) % 2;
}

/* Memory that can be touched, and of the right kind. 0 or -errno. */
static int make_usable(char *at, size_t bytes, unsigned int order)
{
	return mprotect(at, bytes, PROT_READ | PROT_WRITE) ||
	       madvise(at, bytes, order ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) ? -errno : 0;
}

/* New folios for a sample; 0 or -errno. */
static int fill(struct run *run, const struct bench_cell *cell, size_t nr)
{
	size_t folio = PAGE << cell->order, i, page;
	bool apart = lies_apart(cell->order);
	int side, err = 0;

	if (mmap(run->map, run->map_bytes, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
		return -errno;
	if (!apart)
		err = make_usable(place_of(run, cell->order, 0), nr * folio, cell->order);
	for (side = 0; !err && side < 2; side++) {
		if (set_policy(MPOL_BIND, run->bench->nodes[side]))
			err = -errno;
		for (i = 0; !err && i < nr; i++) {
			char *at = place_of(run, cell->order, i);

			run->pages[i] = at;
			if (side_of(cell, i) != side)
				continue;
			if (apart)
				err = make_usable(at, folio, cell->order);
			for (page = 0; !err && page < folio; page += PAGE)
				at[page] = 1;
		}
	}
	set_policy(MPOL_DEFAULT, -1);
	return err;
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* --- samples --- */

/* What of @nr folios in @groups batches was copied, of that order and by that migrator. */
static const char *why_not(const struct migrate_ext_results *mine, size_t nr, __u64 groups)
{
	if (!mine->copied)
		return "nothing is copied ahead: a policy of the system, or the admin, does not allow it (mgx explain)";
	if (mine->copied != nr)
		return "not all folios were copied, or they are not of that order";
	if (mine->batches != groups)
		return "the batches are cut: batch_pages of a policy of the system";
	return NULL;
}

/* 0 or -errno; @keep: the sample counts, else it only warms up. */
static int take_sample(struct run *run, struct bench_cell *cell, bool keep)
{
	bool none = !strcmp(cell->migrator, BENCH_NONE);
	size_t folio = PAGE << cell->order, nr, i, missing = 0;
	__u64 groups = run->bench->sample_bytes / cell->bytes, offered_before, offered;
	struct migrate_ext_results before, after;
	__u32 id = none ? 0 : id_of(cell->migrator);
	double begin, took, mib;
	int err;

	/* One of each side at least. */
	groups = groups < 2 ? 2 : groups & ~1ULL;
	nr = groups * cell->bytes / folio;
	mib = groups * cell->bytes / 1048576.0;
	err = fill(run, cell, nr);
	if (err)
		return err;
	for (i = 0; i < nr; i++)
		run->to[i] = run->bench->nodes[!side_of(cell, i)];
	choose(run, cell->migrator);
	results_of(run, cell->order, id, &before, &offered_before);
	begin = now_ns();
	if (syscall(SYS_move_pages, 0, nr, run->pages, run->to, run->status, MPOL_MF_MOVE) < 0)
		return -errno;
	took = now_ns() - begin;
	results_of(run, cell->order, id, &after, &offered);
	for (i = 0; i < nr; i++)
		missing += run->status[i] != run->to[i];
	if (missing) {
		cell->left_out = "folios could not be moved: is there memory on both nodes?";
		return 0;
	}
	if (!none) {
		after.copied -= before.copied;
		after.batches -= before.batches;
		cell->left_out = why_not(&after, nr, groups);
		if (cell->left_out)
			return 0;
	} else if (offered - offered_before != nr) {
		cell->left_out = "they are not of that order, or nobody was asked about them";
		return 0;
	}
	if (!keep)
		return 0;
	cell->ns[cell->nr] = took / mib;
	cell->copy_ns[cell->nr] = none ? 0 : (after.ns - before.ns) / mib;
	cell->nr++;
	return 0;
}

static int take_samples(struct run *run)
{
	struct bench *bench = run->bench;
	size_t all = bench->nr_cells * (bench->repetitions + 1), done = 0, i;
	unsigned long rep;
	int err;

	/* Round after round, so that what changes meanwhile concerns all alike; the first warms up. */
	for (rep = 0; rep <= bench->repetitions; rep++) {
		for (i = 0; i < bench->nr_cells; i++) {
			progress_show("samples", done++, all);
			if (bench->cells[i].left_out)
				continue;
			err = take_sample(run, &bench->cells[i], rep > 0);
			if (err) {
				progress_end();
				return mgx_fail(bench->mgx, mgx_exit_of(err), "free memory on both nodes",
						"%s: folios of order %u: %s", bench->what,
						bench->cells[i].order, mgx_why(err));
			}
			if (every_stopped()) {
				progress_end();
				return mgx_fail(bench->mgx, MGX_FAILED, "start it anew: nothing is left behind",
						"%s: it was interrupted", bench->what);
			}
		}
	}
	progress_end();
	return 0;
}

static int make_room(struct run *run)
{
	struct bench *bench = run->bench;
	size_t largest = bench->sample_bytes, i;

	for (i = 0; i < bench->nr_cells; i++)
		if (2 * bench->cells[i].bytes > largest)
			largest = 2 * bench->cells[i].bytes;
	/* Pieces of middle orders have gaps between them. */
	run->map_bytes = 2 * largest + (PAGE << 9);
	run->map = mmap(NULL, run->map_bytes, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (run->map == MAP_FAILED)
		return mgx_fail(bench->mgx, MGX_FAILED, "take a smaller --size",
				"%s: no address space for %zu bytes: %s", bench->what,
				run->map_bytes, mgx_why(errno));
	run->pages = mgx_alloc(largest / PAGE * sizeof(*run->pages));
	run->to = mgx_alloc(largest / PAGE * sizeof(*run->to));
	run->status = mgx_alloc(largest / PAGE * sizeof(*run->status));
	return 0;
}

int bench_run(struct bench *bench)
{
	struct run run = { .bench = bench, .link = -1, .map = MAP_FAILED };
	int ret;

	every_catch_signals();
	ret = make_room(&run);
	ret = ret ?: enter_cgroup(&run);
	ret = ret ?: attach(&run);
	ret = ret ?: take_samples(&run);

	if (run.link >= 0) {
		/* Closing alone detaches it a moment later. */
		bpf_link_detach(run.link);
		close(run.link);
	}
	knobs_free(&run.knobs);
	object_close(&run.object);
	if (run.map != MAP_FAILED)
		munmap(run.map, run.map_bytes);
	leave_cgroup(&run);
	free(run.pages);
	free(run.to);
	free(run.status);
	return ret;
}
