// SPDX-License-Identifier: GPL-2.0-only
/*
 * mtcopy: page migration with several CPUs
 *
 * A migrator, as Documentation/mm/migrate_offload.rst has it. Seen as one string
 * of pages, the folios of a job are cut into pieces, one for each CPU that may
 * copy; so a single large folio is copied by several, too. The caller queues
 * workers, and copies itself. Whoever is free takes the next piece that nobody
 * has begun, and when there is none left helps with those that others have.
 *
 * It must not be slower than the caller alone, on a machine whose other CPUs are
 * busy. So nobody ever waits for a worker to get a CPU:
 *
 * - Pages are taken in small units, and a unit is taken and copied with preemption
 *   disabled. A worker that does not run has taken nothing that it has not copied:
 *   the rest of its piece is there for everybody else, the caller first of all.
 * - The caller takes units until there are none, withdraws the workers that have not
 *   begun, and waits for those units only that a CPU is copying at that moment.
 *
 * A worker that begins, or goes on, when the job is over finds no unit, and looks at
 * nothing but the task: that has a reference of each worker, and is not used for
 * another job before the last one has gone. The job and its folios are looked at
 * with a unit in hand only, and wait() does not return before all have been handed in.
 *
 * From submit() to the end of wait() nothing is allocated. Tasks are made when the
 * module is loaded; when all are in use, the caller copies alone.
 *
 * Copyright (C) 2026 The migrate_ext authors
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/highmem.h>
#include <linux/init.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/math.h>
#include <linux/migrate_offload.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/numa.h>
#include <linux/preempt.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#include "param.h"

/* How many CPUs may copy one job, the caller's included. */
#define MTCOPY_MAX_THREADS	32

/* And by default: the published gains flatten well before. */
#define MTCOPY_AUTO_THREADS	8

/*
 * Pages of a unit: so few that nobody minds preemption being disabled meanwhile
 * (some microseconds), and so many that taking it costs little in comparison.
 */
#define MTCOPY_UNIT		max(1U, (unsigned int)(SZ_16K >> PAGE_SHIFT))

/* So long the caller polls for the last units before it sleeps. */
#define MTCOPY_POLL_NS		(20 * NSEC_PER_USEC)

/**
 * struct mtcopy_piece - what one CPU begins with
 * @pair: position in the job of the pair that it begins in
 * @page: first page of it, in that pair's folios
 * @pages: how many pages it has, of that pair and those that follow
 * @next: first page that nobody has taken; beyond @pages when there is none
 * @done: pages that have been copied, or given up because of poison
 * @ns: how long that took, added up over CPUs
 */
struct mtcopy_piece {
	u32 pair;
	u32 page;
	u32 pages;
	atomic_t next;
	atomic_t done;
	atomic64_t ns;
} ____cacheline_aligned_in_smp;

struct mtcopy_task;

/**
 * struct mtcopy_helper - a worker of a task
 * @work: what is queued
 * @task: the task, for good
 */
struct mtcopy_helper {
	struct work_struct work;
	struct mtcopy_task *task;
};

/**
 * struct mtcopy_task - a job that several CPUs copy
 * @node: in mtcopy_free_tasks
 * @job: the job; only to be looked at with a unit in hand, or by the caller
 * @users: references: the caller's, and one of each helper that is queued or works
 * @nr_helpers: how many have been queued
 * @nr_pieces: how many pieces there are
 * @begin: when it was submitted
 * @end: when the last page was copied
 * @over: completed then
 * @next: first piece that nobody has begun; beyond @nr_pieces when there is none
 * @left: pieces that have not been copied
 * @helpers: the helpers
 * @pieces: the pieces, in the order of the job
 */
struct mtcopy_task {
	struct list_head node;
	struct migrate_job *job;
	refcount_t users;
	unsigned int nr_helpers;
	unsigned int nr_pieces;
	ktime_t begin;
	ktime_t end;
	struct completion over;
	atomic_t next;
	atomic_t left;
	struct mtcopy_helper helpers[MTCOPY_MAX_THREADS - 1];
	struct mtcopy_piece pieces[MTCOPY_MAX_THREADS];
};

/**
 * struct mtcopy_cursor - a place in a job
 * @pair: position of the pair
 * @page: page in its folios
 */
struct mtcopy_cursor {
	u32 pair;
	u32 page;
};

enum mtcopy_count {
	MTCOPY_JOBS,		/* jobs, of all kinds */
	MTCOPY_ALONE,		/* that the caller copied alone from the beginning: */
	MTCOPY_NO_TASK,		/* of them, because all tasks were in use */
	MTCOPY_QUEUED,		/* workers queued */
	MTCOPY_WITHDRAWN,	/* of them, withdrawn before they began */
	MTCOPY_LATE,		/* of them, began too late to copy anything */
	MTCOPY_CALLER_BYTES,	/* bytes that callers copied */
	MTCOPY_WORKER_BYTES,	/* bytes that workers copied */
	MTCOPY_POISONED,	/* folios in which poison was found */
	MTCOPY_NR_COUNTS
};

static const char * const mtcopy_count_names[MTCOPY_NR_COUNTS] = {
	[MTCOPY_JOBS]		= "jobs",
	[MTCOPY_ALONE]		= "jobs_alone",
	[MTCOPY_NO_TASK]	= "jobs_no_task",
	[MTCOPY_QUEUED]		= "workers_queued",
	[MTCOPY_WITHDRAWN]	= "workers_withdrawn",
	[MTCOPY_LATE]		= "workers_late",
	[MTCOPY_CALLER_BYTES]	= "bytes_caller",
	[MTCOPY_WORKER_BYTES]	= "bytes_workers",
	[MTCOPY_POISONED]	= "folios_poisoned",
};

static atomic64_t mtcopy_counts[MTCOPY_NR_COUNTS];

/* Parameters, read for every job by READ_ONCE() */
static unsigned int mtcopy_threads;
static unsigned int mtcopy_min_chunk = SZ_256K;

static struct workqueue_struct *mtcopy_wq;

/* Callers that copy, and workers that are queued or copy */
static atomic_t mtcopy_busy;

static DEFINE_SPINLOCK(mtcopy_tasks_lock);	/* protects the list */
static LIST_HEAD(mtcopy_free_tasks);

static void mtcopy_count(enum mtcopy_count count, u64 n)
{
	if (n)
		atomic64_add(n, &mtcopy_counts[count]);
}

static struct mtcopy_task *mtcopy_task_get(void)
{
	struct mtcopy_task *task;

	guard(spinlock)(&mtcopy_tasks_lock);
	task = list_first_entry_or_null(&mtcopy_free_tasks, struct mtcopy_task,
					node);
	if (task)
		list_del(&task->node);
	return task;
}

static void mtcopy_task_put(struct mtcopy_task *task)
{
	if (!refcount_dec_and_test(&task->users))
		return;

	guard(spinlock)(&mtcopy_tasks_lock);
	list_add(&task->node, &mtcopy_free_tasks);
}

static void mtcopy_forward(struct migrate_job *job, struct mtcopy_cursor *at,
			   u32 pages)
{
	at->page += pages;
	while (at->page && at->pair < job->nr) {
		u32 size = migrate_job_pair(job, at->pair)->bytes >> PAGE_SHIFT;

		if (at->page < size)
			break;
		at->page -= size;
		at->pair++;
	}
}

/* Pages of one pair. More than one CPU may find poison in it. */
static void mtcopy_pair(struct migrate_pair *pair, u32 page, u32 pages)
{
	u32 end = page + pages;

	for (; page < end; page++) {
		/* As folio_mc_copy(): it fails as a whole. */
		if (READ_ONCE(pair->status) == MIGRATE_PAIR_POISONED)
			return;
		if (copy_mc_highpage(folio_page(pair->dst, page),
				     folio_page(pair->src, page)))
			WRITE_ONCE(pair->status, MIGRATE_PAIR_POISONED);
	}
}

static void mtcopy_unit(struct migrate_job *job, struct mtcopy_cursor *at,
			u32 pages)
{
	while (pages) {
		struct migrate_pair *pair = migrate_job_pair(job, at->pair);
		u32 n = min(pages, (pair->bytes >> PAGE_SHIFT) - at->page);

		mtcopy_pair(pair, at->page, n);
		mtcopy_forward(job, at, n);
		pages -= n;
	}
}

/*
 * Hands a unit in. These are atomics with a full barrier: who sees that the piece
 * is over, and then the task, sees all that has been copied.
 */
static void mtcopy_unit_done(struct mtcopy_task *task, struct mtcopy_piece *piece,
			     u32 pages)
{
	if (atomic_add_return(pages, &piece->done) != piece->pages ||
	    !atomic_dec_and_test(&task->left))
		return;
	task->end = ktime_get();
	complete(&task->over);
}

/* Copies what there is to take of a piece. Returns how many pages that was. */
static u32 mtcopy_piece(struct mtcopy_task *task, struct mtcopy_piece *piece)
{
	struct mtcopy_cursor at = { .pair = piece->pair, .page = piece->page };
	u32 pos = 0, copied = 0;

	while (atomic_read(&piece->next) < piece->pages) {
		u32 first, pages;
		u64 begin;

		/* From here on the caller may have to wait for us. */
		preempt_disable();
		first = atomic_fetch_add(MTCOPY_UNIT, &piece->next);
		if (first < piece->pages) {
			begin = local_clock();
			pages = min(MTCOPY_UNIT, piece->pages - first);
			mtcopy_forward(task->job, &at, first - pos);
			mtcopy_unit(task->job, &at, pages);
			atomic64_add(local_clock() - begin, &piece->ns);
			mtcopy_unit_done(task, piece, pages);
			pos = first + pages;
			copied += pages;
		}
		preempt_enable();
		cond_resched();
	}
	return copied;
}

/* The caller and the workers do the same. Returns how many pages this one copied. */
static u32 mtcopy_share(struct mtcopy_task *task)
{
	unsigned int i;
	u32 pages = 0;

	while ((i = atomic_fetch_inc(&task->next)) < task->nr_pieces)
		pages += mtcopy_piece(task, &task->pieces[i]);
	for (i = 0; i < task->nr_pieces; i++)
		pages += mtcopy_piece(task, &task->pieces[i]);
	return pages;
}

static void mtcopy_work(struct work_struct *work)
{
	struct mtcopy_helper *helper = container_of(work, struct mtcopy_helper,
						    work);

	if (!mtcopy_share(helper->task))
		mtcopy_count(MTCOPY_LATE, 1);
	atomic_dec(&mtcopy_busy);
	mtcopy_task_put(helper->task);
}

/* The node with CPUs that is nearest to the destination */
static int mtcopy_node(const struct migrate_job *job)
{
	return numa_nearest_node(job->dst_nid, N_CPU);
}

/* How many CPUs are to copy a job: no more than it has min_chunk bytes for each. */
static unsigned int mtcopy_nr_threads(const struct migrate_job *job)
{
	unsigned int most = READ_ONCE(mtcopy_threads);

	if (!most)
		most = min(cpumask_weight_and(cpumask_of_node(mtcopy_node(job)),
					      cpu_online_mask),
			   MTCOPY_AUTO_THREADS);
	most = min(most, num_online_cpus());
	return min_t(u64, most, div_u64(job->bytes, READ_ONCE(mtcopy_min_chunk)));
}

/* Equal pieces, as many as CPUs; the last one may be shorter. */
static void mtcopy_divide(struct mtcopy_task *task, struct migrate_job *job,
			  unsigned int threads)
{
	u32 left = job->bytes >> PAGE_SHIFT;
	u32 each = roundup(DIV_ROUND_UP(left, threads), MTCOPY_UNIT);
	struct mtcopy_cursor at = {};
	unsigned int i;

	for (i = 0; left; i++) {
		struct mtcopy_piece *piece = &task->pieces[i];

		piece->pair = at.pair;
		piece->page = at.page;
		piece->pages = min(each, left);
		atomic_set(&piece->next, 0);
		atomic_set(&piece->done, 0);
		atomic64_set(&piece->ns, 0);
		mtcopy_forward(job, &at, piece->pages);
		left -= piece->pages;
	}
	task->nr_pieces = i;
	atomic_set(&task->next, 0);
	atomic_set(&task->left, i);
}

/* The CPU says near what the worker is to run: the workqueue is unbound. */
static void mtcopy_queue(struct mtcopy_task *task, int cpu)
{
	refcount_inc(&task->users);
	atomic_inc(&mtcopy_busy);
	queue_work_on(cpu, mtcopy_wq, &task->helpers[task->nr_helpers++].work);
}

static void mtcopy_queue_all(struct mtcopy_task *task, unsigned int nr)
{
	const struct cpumask *near = cpumask_of_node(mtcopy_node(task->job));
	int here = raw_smp_processor_id();
	int cpu;

	/* Those after this one, so that not all callers take the same. */
	for_each_cpu_wrap(cpu, near, here) {
		if (task->nr_helpers == nr)
			return;
		if (cpu != here && cpu_online(cpu))
			mtcopy_queue(task, cpu);
	}
	for_each_cpu_wrap(cpu, cpu_online_mask, here) {
		if (task->nr_helpers == nr)
			return;
		if (cpu != here && !cpumask_test_cpu(cpu, near))
			mtcopy_queue(task, cpu);
	}
}

static int mtcopy_submit(struct migrator *migrator, struct migrate_job *job)
{
	unsigned int threads = mtcopy_nr_threads(job);
	struct mtcopy_task *task;

	mtcopy_count(MTCOPY_JOBS, 1);
	if (threads < 2)
		return 0;
	task = mtcopy_task_get();
	if (!task) {
		mtcopy_count(MTCOPY_NO_TASK, 1);
		return 0;
	}

	job->private = task;
	task->job = job;
	task->begin = ktime_get();
	task->nr_helpers = 0;
	refcount_set(&task->users, 1);
	reinit_completion(&task->over);
	mtcopy_divide(task, job, threads);
	mtcopy_queue_all(task, threads - 1);
	return 0;
}

/* A job that is not worth another CPU, or there is no task. */
static void mtcopy_alone(struct migrate_job *job)
{
	ktime_t begin = ktime_get();
	u32 i;

	for (i = 0; i < job->nr; i++) {
		struct migrate_pair *pair = migrate_job_pair(job, i);

		if (folio_mc_copy(pair->dst, pair->src)) {
			pair->status = MIGRATE_PAIR_POISONED;
			mtcopy_count(MTCOPY_POISONED, 1);
		} else {
			pair->status = MIGRATE_PAIR_COPIED;
		}
		cond_resched();
	}

	job->busy_ns = ktime_to_ns(ktime_sub(ktime_get(), begin));
	job->ns = job->busy_ns;
	mtcopy_count(MTCOPY_ALONE, 1);
	mtcopy_count(MTCOPY_CALLER_BYTES, job->bytes);
}

/* Nobody waits for a worker that has not begun, nor does it wake up for nothing. */
static void mtcopy_withdraw(struct mtcopy_task *task)
{
	unsigned int i, n = 0;

	for (i = 0; i < task->nr_helpers; i++) {
		if (!cancel_work(&task->helpers[i].work))
			continue;
		refcount_dec(&task->users);
		n++;
	}
	atomic_sub(n, &mtcopy_busy);
	mtcopy_count(MTCOPY_QUEUED, task->nr_helpers);
	mtcopy_count(MTCOPY_WITHDRAWN, n);
}

/* For the units that are being copied at this moment, all others being over. */
static void mtcopy_wait_over(struct mtcopy_task *task)
{
	u64 begin = local_clock();

	while (local_clock() - begin < MTCOPY_POLL_NS) {
		if (try_wait_for_completion(&task->over))
			return;
		cpu_relax();
	}
	/* An interrupt, or the host has taken the CPU away. */
	wait_for_completion(&task->over);
}

static void mtcopy_close(struct mtcopy_task *task, struct migrate_job *job)
{
	u64 busy_ns = 0, poisoned = 0;
	u32 i;

	for (i = 0; i < job->nr; i++) {
		struct migrate_pair *pair = migrate_job_pair(job, i);

		if (pair->status == MIGRATE_PAIR_POISONED)
			poisoned++;
		else
			pair->status = MIGRATE_PAIR_COPIED;
	}
	for (i = 0; i < task->nr_pieces; i++)
		busy_ns += atomic64_read(&task->pieces[i].ns);
	job->busy_ns = busy_ns;
	job->ns = ktime_to_ns(ktime_sub(task->end, task->begin));
	mtcopy_count(MTCOPY_POISONED, poisoned);
}

static void mtcopy_wait(struct migrator *migrator, struct migrate_job *job)
{
	struct mtcopy_task *task = job->private;
	u64 bytes;

	atomic_inc(&mtcopy_busy);
	if (task) {
		bytes = (u64)mtcopy_share(task) << PAGE_SHIFT;
		mtcopy_withdraw(task);
		mtcopy_wait_over(task);
		mtcopy_close(task, job);
		mtcopy_count(MTCOPY_CALLER_BYTES, bytes);
		mtcopy_count(MTCOPY_WORKER_BYTES, job->bytes - bytes);
		mtcopy_task_put(task);
	} else {
		mtcopy_alone(job);
	}
	atomic_dec(&mtcopy_busy);
}

static void mtcopy_channels(struct migrator *migrator, u32 *nr, u32 *idle)
{
	unsigned int threads = READ_ONCE(mtcopy_threads) ?: MTCOPY_AUTO_THREADS;
	unsigned int busy = atomic_read(&mtcopy_busy);

	*nr = min(threads, num_online_cpus());
	*idle = *nr - min(*nr, busy);
}

static struct migrator mtcopy_migrator = {
	.name		= "mtcopy",
	.submit		= mtcopy_submit,
	.wait		= mtcopy_wait,
	.channels	= mtcopy_channels,
};

static struct uint_param mtcopy_threads_param = {
	.val = &mtcopy_threads, .min = 0, .max = MTCOPY_MAX_THREADS, .step = 1,
};
module_param_cb(threads, &uint_param_ops, &mtcopy_threads_param, 0644);
__MODULE_PARM_TYPE(threads, "uint");
MODULE_PARM_DESC(threads, "CPUs that copy one job at most, the caller's included (0..32; 0 = as many as the destination node has, up to 8; default: 0)");

static struct uint_param mtcopy_min_chunk_param = {
	.val = &mtcopy_min_chunk, .min = PAGE_SIZE, .max = SZ_1G, .step = PAGE_SIZE,
};
module_param_cb(min_chunk, &uint_param_ops, &mtcopy_min_chunk_param, 0644);
__MODULE_PARM_TYPE(min_chunk, "uint");
MODULE_PARM_DESC(min_chunk, "Bytes that another CPU is worth; a multiple of the page size (one page..1 GiB, default: 262144)");

static int mtcopy_status_get(char *buf, const struct kernel_param *kp)
{
	int i, len = 0;

	for (i = 0; i < MTCOPY_NR_COUNTS; i++)
		len += sysfs_emit_at(buf, len, "%s %llu\n", mtcopy_count_names[i],
				     (u64)atomic64_read(&mtcopy_counts[i]));
	return len;
}

static const struct kernel_param_ops mtcopy_status_ops = {
	.get = mtcopy_status_get,
};
module_param_cb(status, &mtcopy_status_ops, NULL, 0444);
MODULE_PARM_DESC(status, "Counters since the module was loaded, one \"name value\" a line (read only)");

/* When no job and no worker is left */
static void mtcopy_tasks_free(void)
{
	struct mtcopy_task *task, *next;

	list_for_each_entry_safe(task, next, &mtcopy_free_tasks, node)
		kfree(task);
}

static struct mtcopy_task *mtcopy_task_create(void)
{
	struct mtcopy_task *task = kzalloc_obj(*task);
	unsigned int i;

	if (!task)
		return NULL;
	init_completion(&task->over);
	for (i = 0; i < ARRAY_SIZE(task->helpers); i++) {
		INIT_WORK(&task->helpers[i].work, mtcopy_work);
		task->helpers[i].task = task;
	}
	return task;
}

/* More jobs at a time than there are CPUs have nobody to help them. */
static int mtcopy_tasks_alloc(void)
{
	unsigned int i, nr = clamp(num_possible_cpus(), 4U, 64U);

	for (i = 0; i < nr; i++) {
		struct mtcopy_task *task = mtcopy_task_create();

		if (!task)
			return -ENOMEM;
		list_add(&task->node, &mtcopy_free_tasks);
	}
	return 0;
}

static int __init mtcopy_init(void)
{
	int ret;

	/*
	 * Nothing waits for a worker to begin. But while memory is short one can
	 * help only if there is one.
	 */
	mtcopy_wq = alloc_workqueue("mtcopy", WQ_UNBOUND | WQ_MEM_RECLAIM |
				    WQ_SYSFS, 0);
	if (!mtcopy_wq)
		return -ENOMEM;

	ret = mtcopy_tasks_alloc();
	if (!ret)
		ret = migrator_register(&mtcopy_migrator);
	if (ret) {
		mtcopy_tasks_free();
		destroy_workqueue(mtcopy_wq);
	}
	return ret;
}
module_init(mtcopy_init);

static void __exit mtcopy_exit(void)
{
	/* Waits for the jobs; then for the workers that come too late. */
	migrator_unregister(&mtcopy_migrator);
	destroy_workqueue(mtcopy_wq);
	mtcopy_tasks_free();
}
module_exit(mtcopy_exit);

MODULE_AUTHOR("The migrate_ext authors");
MODULE_DESCRIPTION("Page migration with several CPUs");
MODULE_LICENSE("GPL");
