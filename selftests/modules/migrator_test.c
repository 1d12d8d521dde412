// SPDX-License-Identifier: GPL-2.0-only
/*
 * migrator_test: a migrator that tests steer, and that looks closely
 *
 * It copies with the CPU, holds the time between copy and move open as long as a
 * test wants, reports what a test wants, plays the engine that writes too late and
 * the holder of a reference that writes at the worst moment, and checks for every
 * pair what the core promises to a migrator. Knobs and counters are files in
 * /sys/kernel/debug/migrator_test; "reset" sets all of them to 0.
 *
 * copy_in_wait		copy in wait() instead of submit()
 * ns			what it says that a job took, if not 0
 * submit_error		submit() fails with this errno; with fault_garbage it has
 *			called every pair copied before, and written garbage
 * delay_ms		sleep that long after the copies
 * hold			wait() blocks while this is 1, for at most 20 seconds
 * fault_every		every n-th pair gets fault_status ...
 * fault_status		... an enum migrate_pair_status
 * fault_garbage	... with this in the destination: 0 nothing, 1 garbage,
 *			2 first half right and the rest garbage, 3 a right copy
 * bad_status		the status is out of range for such pairs
 * ref_nr		take a reference on the first n sources of each job after the copy
 * ref_mark		write the mark into these sources, at once
 * ref_late_mark	write the mark into these sources before the reference goes
 * late_magic		not 0: the mark is not written; sources that begin with this
 *			number have their second eight bytes counted up instead
 * ref_auto		references on sources whose move has been tried in vain go
 *			when the same task moves another folio; else at a write to
 *			"release"
 * ref_dst		take a reference on every destination; at "release" those
 *			not in use must have an empty folio->private
 * poison_every		set the hwpoison flag of every n-th source after its copy
 * files		folios of files may come, which are else a violation
 * buffers		in wait(), each folio of a file gets buffer heads, as when it is dirtied
 * release		drop the references; with late_magic, those on sources that are
 *			not locked: a move that is under way has to see the others
 * late_write		write garbage into the destinations of all lost pairs
 *
 * The mark is MIGRATOR_TEST_MARK in the second eight bytes of the folio.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/buffer_head.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/kprobes.h>
#include <linux/migrate_offload.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/wait.h>

#define MIGRATOR_TEST_MARK	0x6b72616d2d747365ULL
#define MIGRATOR_TEST_GARBAGE	0xdb
#define MIGRATOR_TEST_MAX_REFS	4096
#define MIGRATOR_TEST_MAX_LOST	1024
#define MIGRATOR_TEST_HOLD	(20 * HZ)

static char *name = "test";
module_param(name, charp, 0444);
MODULE_PARM_DESC(name, "Name of the migrator (default: test)");

#define MIGRATOR_TEST_KNOBS(X)	\
	X(copy_in_wait)		\
	X(ns)			\
	X(submit_error)		\
	X(delay_ms)		\
	X(hold)			\
	X(fault_every)		\
	X(fault_status)		\
	X(fault_garbage)	\
	X(bad_status)		\
	X(ref_nr)		\
	X(ref_mark)		\
	X(ref_late_mark)	\
	X(ref_auto)		\
	X(ref_dst)		\
	X(poison_every)		\
	X(files)		\
	X(buffers)

/*
 * Counters. Those that begin with "bad_" must stay 0, whatever a test does;
 * bad_refs only where nobody else takes references and keeps them for a while.
 */
#define MIGRATOR_TEST_EVENTS(X)	\
	X(jobs)			\
	X(jobs_refused)		\
	X(pairs)		\
	X(pairs_huge)		\
	X(pairs_anon)		\
	X(pairs_shmem)		\
	X(pairs_file)		\
	X(bytes)		\
	X(copied)		\
	X(faults)		\
	X(marks)		\
	X(refs)			\
	X(late_writes)		\
	X(late_counts)		\
	X(bad_job)		\
	X(bad_pair)		\
	X(bad_status_before)	\
	X(bad_lock)		\
	X(bad_mapped)		\
	X(bad_flush)		\
	X(bad_refs)		\
	X(bad_writeback)	\
	X(bad_private)		\
	X(bad_kind)		\
	X(bad_poison)		\
	X(bad_size)		\
	X(bad_node)		\
	X(bad_reason)		\
	X(bad_dst)		\
	X(bad_dst_private)

#define X(x) KNOB_##x,
enum { MIGRATOR_TEST_KNOBS(X) NR_KNOBS };
#undef X
#define X(x) EV_##x,
enum { MIGRATOR_TEST_EVENTS(X) NR_EVENTS };
#undef X
#define X(x) #x,
static const char * const knob_names[] = { MIGRATOR_TEST_KNOBS(X) };
static const char * const event_names[] = { MIGRATOR_TEST_EVENTS(X) };
#undef X

static u32 knobs[NR_KNOBS];
static u64 late_magic;
static atomic64_t events[NR_EVENTS];
static atomic_t nr_held, fault_count, poison_count;
static DECLARE_WAIT_QUEUE_HEAD(hold_wait);
static struct dentry *dir;

/**
 * struct test_ref - a reference of ours
 * @folio: on this folio
 * @task: of the job, for ref_auto
 * @dst: it is a destination
 * @tried: somebody has tried to move the folio, and has seen this reference
 */
struct test_ref {
	struct folio *folio;
	struct task_struct *task;
	bool dst;
	bool tried;
};

/* Taken in a kprobe handler, too. */
static DEFINE_RAW_SPINLOCK(ref_lock);

/*
 * Also from a probe, which is an int3 until it has been optimised: that is an NMI to lockdep,
 * which has nothing against trying. Nobody who holds the lock runs into a probe.
 */
static unsigned long lock_refs(void)
{
	unsigned long flags;

	while (!raw_spin_trylock_irqsave(&ref_lock, flags))
		cpu_relax();
	return flags;
}
static struct test_ref test_refs[MIGRATOR_TEST_MAX_REFS];
static unsigned int nr_refs;

/* Lost pairs, by number: we hold no reference, the core does. */
static DEFINE_SPINLOCK(lost_lock);
static struct {
	unsigned long src;
	unsigned long dst;
} lost[MIGRATOR_TEST_MAX_LOST];
static unsigned int nr_lost;

static u32 knob(unsigned int which)
{
	return READ_ONCE(knobs[which]);
}

static void count(unsigned int which)
{
	atomic64_inc(&events[which]);
}

static void check(bool ok, unsigned int which, const char *what,
		  enum migrate_reason reason, struct folio *folio)
{
	if (ok)
		return;
	count(which);
	pr_info("violation: %s (reason %d folio %lx order %u refs %d flags %lx)\n", what,
		reason, folio_pfn(folio), folio_order(folio), folio_ref_count(folio),
		folio->flags.f);
}

static bool every(unsigned int which, atomic_t *counter)
{
	u32 n = knob(which);

	return n && (u32)atomic_inc_return(counter) % n == 0;
}

static void mark(struct folio *folio)
{
	u64 *kaddr = folio_address(folio), magic = READ_ONCE(late_magic);

	if (!magic) {
		WRITE_ONCE(kaddr[1], MIGRATOR_TEST_MARK);
		count(EV_marks);
	} else if (READ_ONCE(kaddr[0]) == magic) {
		WRITE_ONCE(kaddr[1], kaddr[1] + 1);
		/* A copy of it in swap is no good any more. */
		folio_set_dirty(folio);
		count(EV_late_counts);
	}
}

static void drop(struct test_ref *ref)
{
	if (!ref->dst) {
		if (knob(KNOB_ref_late_mark))
			mark(ref->folio);
	} else if (!ref->folio->mapping && !folio_test_private(ref->folio)) {
		/* Put back unused: what the core kept there must have gone. */
		check(!ref->folio->private, EV_bad_dst_private, "private left", -1, ref->folio);
	}
	folio_put(ref->folio);
}

/* Is it the turn of @ref? See release(). */
static bool is_due(const struct test_ref *ref, struct task_struct *task, struct folio *not)
{
	if (task)
		return ref->task == task && ref->tried && ref->folio != not;
	return !READ_ONCE(late_magic) || !folio_test_locked(ref->folio);
}

/*
 * Drop the references of @task on sources that it has tried to move, except on @not;
 * or, with NULL, all. Not under the lock: one of them may be the last.
 */
static void release(struct task_struct *task, struct folio *not)
{
	struct test_ref ref;
	unsigned long flags;
	unsigned int i = 0;

	flags = lock_refs();
	while (i < nr_refs) {
		if (!is_due(&test_refs[i], task, not)) {
			i++;
			continue;
		}
		ref = test_refs[i];
		test_refs[i] = test_refs[--nr_refs];
		raw_spin_unlock_irqrestore(&ref_lock, flags);
		drop(&ref);
		flags = lock_refs();
	}
	raw_spin_unlock_irqrestore(&ref_lock, flags);
}

static void hold_ref(struct folio *folio, bool dst)
{
	unsigned long flags;

	flags = lock_refs();
	if (nr_refs < MIGRATOR_TEST_MAX_REFS) {
		folio_get(folio);
		test_refs[nr_refs++] = (struct test_ref){
			.folio = folio,
			.task = current,
			.dst = dst,
		};
		count(EV_refs);
	}
	raw_spin_unlock_irqrestore(&ref_lock, flags);
}

/*
 * A source of ours is tried. Our reference makes the move fail, so what is written from
 * now on has to be there after the next try. Before this one it must not be: nobody
 * could tell it from the bytes that were copied.
 */
static int tried(struct kprobe *p, struct pt_regs *regs)
{
	struct folio *src = (struct folio *)regs_get_kernel_argument(regs, 2);
	unsigned long flags;
	unsigned int i;

	if (!knob(KNOB_ref_auto) || !READ_ONCE(nr_refs))
		return 0;
	flags = lock_refs();
	for (i = 0; i < nr_refs; i++)
		if (test_refs[i].folio == src && !test_refs[i].dst)
			test_refs[i].tried = true;
	raw_spin_unlock_irqrestore(&ref_lock, flags);
	return 0;
}

static struct kprobe tried_probe = {
	.symbol_name = "folio_migrate_mapping",
	.pre_handler = tried,
};

/* Another folio is past the point of no return; those before it will be tried again. */
static int moved(struct kprobe *p, struct pt_regs *regs)
{
	if (knob(KNOB_ref_auto) && READ_ONCE(nr_refs))
		release(current, (struct folio *)regs_get_kernel_argument(regs, 1));
	return 0;
}

static struct kprobe moved_probe = {
	.symbol_name = "folio_migrate_flags",
	.pre_handler = moved,
};

static struct kprobe *move_probes[] = { &tried_probe, &moved_probe };

static bool of_file(struct folio *folio)
{
	return !folio_test_anon(folio) && folio->mapping && !folio_test_swapbacked(folio);
}

/*
 * Who wants folios on another node gets them there. But mbind() takes any node when a
 * cpuset has meanwhile forbidden those that it was to take.
 */
static bool may_stay_on_node(enum migrate_reason reason)
{
	return reason == MR_COMPACTION || reason == MR_CONTIG_RANGE ||
	       reason == MR_MEMORY_HOTPLUG || reason == MR_LONGTERM_PIN ||
	       reason == MR_MEMPOLICY_MBIND;
}

/*
 * Whoever walks the pages of a node (compaction, DAMON, khugepaged) takes a reference for a
 * moment, to look whether he may have the page, and puts it again. A user keeps his.
 */
static bool has_no_user(struct folio *folio)
{
	int tries;

	for (tries = 0; folio_ref_count(folio) != folio_expected_ref_count(folio) + 1; tries++) {
		if (tries == 50)
			return false;
		usleep_range(1000, 2000);
	}
	return true;
}

/* What the core promises: see struct migrate_pair. */
static void check_pair(struct migrate_job *job, struct migrate_pair *pair)
{
	struct folio *src = pair->src, *dst = pair->dst;

	check(pair->status == MIGRATE_PAIR_REFUSED, EV_bad_status_before, "status", job->reason, src);
	check(folio_test_locked(src), EV_bad_lock, "source unlocked", job->reason, src);
	check(folio_test_locked(dst), EV_bad_lock, "destination unlocked", job->reason, dst);
	check(!folio_mapped(src), EV_bad_mapped, "source mapped", job->reason, src);
	check(!folio_mapped(dst), EV_bad_dst, "destination mapped", job->reason, dst);
	check(!dst->mapping, EV_bad_dst, "destination in a mapping", job->reason, dst);
	check(!folio_test_lru(dst), EV_bad_dst, "destination on an LRU list", job->reason, dst);
	check(!folio_test_writeback(src), EV_bad_writeback, "writeback", job->reason, src);
	check(!folio_test_private(src), EV_bad_private, "private data", job->reason, src);
	check(!of_file(src) || (knob(KNOB_files) && folio_test_uptodate(src)),
	      EV_bad_kind, "a file's", job->reason, src);
	check(!folio_is_zone_device(src), EV_bad_kind, "zone device", job->reason, src);
	check(!folio_test_hugetlb(src), EV_bad_kind, "hugetlb", job->reason, src);
	check(!folio_contain_hwpoisoned_page(src), EV_bad_poison, "hwpoison", job->reason, src);
	check(has_no_user(src), EV_bad_refs, "references", job->reason, src);
	check(folio_size(src) == folio_size(dst) && folio_size(src) == pair->bytes,
	      EV_bad_size, "size", job->reason, src);
	check(folio_nid(src) != folio_nid(dst) || may_stay_on_node(job->reason),
	      EV_bad_node, "same node", job->reason, src);

	count(EV_pairs);
	if (folio_test_pmd_mappable(src))
		count(EV_pairs_huge);
	if (folio_test_anon(src))
		count(EV_pairs_anon);
	else if (of_file(src))
		count(EV_pairs_file);
	else
		count(EV_pairs_shmem);
}

static void check_job(struct migrate_job *job)
{
	struct folio *first = migrate_job_pair(job, 0)->src;
	struct migrate_pair *pair, *other;
	u64 bytes = 0;
	unsigned int i, j;

	check(job->nr && !job->private, EV_bad_job, "job", job->reason, first);
	check(job->src_nid == folio_nid(first), EV_bad_node, "node of the job", job->reason, first);
	check(job->reason != MR_MEMORY_FAILURE && job->reason < MR_TYPES,
	      EV_bad_reason, "reason", job->reason, first);
#ifdef CONFIG_ARCH_WANT_BATCHED_UNMAP_TLB_FLUSH
	check(!current->tlb_ubc.flush_required, EV_bad_flush, "TLBs not flushed", job->reason, first);
#endif
	for (i = 0; i < job->nr && (pair = migrate_job_pair(job, i)); i++) {
		check_pair(job, pair);
		bytes += pair->bytes;
		/* The neighbour is enough to see an index used twice. */
		for (j = i + 1; j < job->nr && j < i + 8; j++) {
			other = migrate_job_pair(job, j);
			check(other != pair && other->src != pair->src &&
			      other->dst != pair->dst, EV_bad_pair, "pair twice", job->reason, pair->src);
		}
	}
	check(bytes == job->bytes, EV_bad_size, "size of the job", job->reason, first);
}

static void copy_part(struct migrate_pair *pair, size_t bytes)
{
	memcpy(folio_address(pair->dst), folio_address(pair->src), bytes);
}

static void scribble(struct migrate_pair *pair, size_t from)
{
	memset(folio_address(pair->dst) + from, MIGRATOR_TEST_GARBAGE, pair->bytes - from);
}

static void lose(struct migrate_pair *pair)
{
	guard(spinlock)(&lost_lock);
	if (nr_lost == MIGRATOR_TEST_MAX_LOST)
		return;
	lost[nr_lost].src = folio_pfn(pair->src);
	lost[nr_lost].dst = folio_pfn(pair->dst);
	nr_lost++;
}

static void fault(struct migrate_pair *pair, u8 *status)
{
	count(EV_faults);
	switch (knob(KNOB_fault_garbage)) {
	case 1:
		scribble(pair, 0);
		break;
	case 2:
		copy_part(pair, pair->bytes / 2);
		scribble(pair, pair->bytes / 2);
		break;
	case 3:
		copy_part(pair, pair->bytes);
		break;
	}
	*status = knob(KNOB_bad_status) ? 0xee : knob(KNOB_fault_status);
	if (*status == MIGRATE_PAIR_LOST)
		lose(pair);
}

static void copy_pair(struct migrate_pair *pair, unsigned int i)
{
	u8 status = MIGRATE_PAIR_COPIED;

	if (every(KNOB_fault_every, &fault_count)) {
		fault(pair, &status);
	} else {
		copy_part(pair, pair->bytes);
		count(EV_copied);
	}
	if (knob(KNOB_ref_dst))
		hold_ref(pair->dst, true);
	if (i < knob(KNOB_ref_nr)) {
		hold_ref(pair->src, false);
		if (knob(KNOB_ref_mark))
			mark(pair->src);
	}
	if (every(KNOB_poison_every, &poison_count))
		SetPageHWPoison(&pair->src->page);
	pair->status = status;
}

static void copy_job(struct migrate_job *job)
{
	struct migrate_pair *pair;
	unsigned int i;

	for (i = 0; i < job->nr && (pair = migrate_job_pair(job, i)); i++)
		copy_pair(pair, i);
}

/* Nothing of this must count when submit() fails. */
static void lie(struct migrate_job *job)
{
	struct migrate_pair *pair;
	unsigned int i;

	for (i = 0; i < job->nr && (pair = migrate_job_pair(job, i)); i++) {
		scribble(pair, 0);
		pair->status = MIGRATE_PAIR_COPIED;
	}
}

/* What who dirties a file's folio does without its lock, by a reference from before. */
static void attach_buffers(struct migrate_job *job)
{
	struct migrate_pair *pair;
	unsigned int i;

	for (i = 0; i < job->nr && (pair = migrate_job_pair(job, i)); i++)
		if (of_file(pair->src))
			create_empty_buffers(pair->src, PAGE_SIZE, 0);
}

static int test_submit(struct migrator *migrator, struct migrate_job *job)
{
	u32 error = knob(KNOB_submit_error);

	check_job(job);
	if (error) {
		count(EV_jobs_refused);
		if (knob(KNOB_fault_garbage))
			lie(job);
		return -(int)error;
	}
	count(EV_jobs);
	atomic64_add(job->bytes, &events[EV_bytes]);
	job->private = knobs;
	if (knob(KNOB_copy_in_wait))
		return 0;
	copy_job(job);
	/* Here the window shows whether TLBs were flushed before submit(). */
	if (knob(KNOB_delay_ms))
		msleep(knob(KNOB_delay_ms));
	return 0;
}

static void test_wait(struct migrator *migrator, struct migrate_job *job)
{
	if (job->private != knobs)
		count(EV_bad_job);
	if (knob(KNOB_copy_in_wait)) {
		copy_job(job);
		if (knob(KNOB_delay_ms))
			msleep(knob(KNOB_delay_ms));
	}
	if (knob(KNOB_buffers))
		attach_buffers(job);
	atomic_inc(&nr_held);
	/* A freezable, interruptible wait would do, too; this one is bounded. */
	wait_event_idle_timeout(hold_wait, !knob(KNOB_hold), MIGRATOR_TEST_HOLD);
	atomic_dec(&nr_held);
	job->busy_ns = 1;
	if (knob(KNOB_ns))
		job->ns = knob(KNOB_ns);
}

static struct migrator migrator_test = {
	.submit = test_submit,
	.wait = test_wait,
};

static int events_show(struct seq_file *s, void *unused)
{
	unsigned int i;

	for (i = 0; i < NR_EVENTS; i++)
		seq_printf(s, "%s %lld\n", event_names[i], atomic64_read(&events[i]));
	seq_printf(s, "held %d\n", atomic_read(&nr_held));
	seq_printf(s, "refs_held %u\n", READ_ONCE(nr_refs));
	seq_printf(s, "lost %u\n", READ_ONCE(nr_lost));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(events);

/* One line a lost pair: page frames and references of source and destination. */
static int lost_show(struct seq_file *s, void *unused)
{
	unsigned int i;

	guard(spinlock)(&lost_lock);
	for (i = 0; i < nr_lost; i++)
		seq_printf(s, "%lu %lu %d %d\n", lost[i].src, lost[i].dst,
			   page_ref_count(pfn_to_page(lost[i].src)),
			   page_ref_count(pfn_to_page(lost[i].dst)));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(lost);

static int knob_set(void *data, u64 val)
{
	WRITE_ONCE(*(u32 *)data, val);
	wake_up_all(&hold_wait);
	return 0;
}

static int knob_get(void *data, u64 *val)
{
	*val = READ_ONCE(*(u32 *)data);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(knob_fops, knob_get, knob_set, "%llu\n");

static int release_set(void *data, u64 val)
{
	release(NULL, NULL);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(release_fops, NULL, release_set, "%llu\n");

/* What an engine does that nobody could stop. The size is the base page's. */
static int late_write_set(void *data, u64 val)
{
	unsigned int i;

	guard(spinlock)(&lost_lock);
	for (i = 0; i < nr_lost; i++) {
		memset(page_address(pfn_to_page(lost[i].dst)), MIGRATOR_TEST_GARBAGE,
		       PAGE_SIZE);
		count(EV_late_writes);
	}
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(late_write_fops, NULL, late_write_set, "%llu\n");

static int reset_set(void *data, u64 val)
{
	unsigned int i;

	for (i = 0; i < NR_KNOBS; i++)
		WRITE_ONCE(knobs[i], 0);
	wake_up_all(&hold_wait);
	release(NULL, NULL);
	for (i = 0; i < NR_EVENTS; i++)
		atomic64_set(&events[i], 0);
	atomic_set(&fault_count, 0);
	atomic_set(&poison_count, 0);
	WRITE_ONCE(nr_lost, 0);
	WRITE_ONCE(late_magic, 0);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(reset_fops, NULL, reset_set, "%llu\n");

static int __init migrator_test_init(void)
{
	unsigned int i;
	int ret;

	ret = register_kprobes(move_probes, ARRAY_SIZE(move_probes));
	if (ret)
		return ret;

	dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	for (i = 0; i < NR_KNOBS; i++)
		debugfs_create_file(knob_names[i], 0600, dir, &knobs[i], &knob_fops);
	debugfs_create_u64("late_magic", 0600, dir, &late_magic);
	debugfs_create_file("events", 0400, dir, NULL, &events_fops);
	debugfs_create_file("lost", 0400, dir, NULL, &lost_fops);
	debugfs_create_file("release", 0200, dir, NULL, &release_fops);
	debugfs_create_file("late_write", 0200, dir, NULL, &late_write_fops);
	debugfs_create_file("reset", 0200, dir, NULL, &reset_fops);

	migrator_test.name = name;
	ret = migrator_register(&migrator_test);
	if (ret) {
		debugfs_remove_recursive(dir);
		unregister_kprobes(move_probes, ARRAY_SIZE(move_probes));
	}
	return ret;
}
module_init(migrator_test_init);

static void __exit migrator_test_exit(void)
{
	migrator_unregister(&migrator_test);
	debugfs_remove_recursive(dir);
	unregister_kprobes(move_probes, ARRAY_SIZE(move_probes));
	release(NULL, NULL);
}
module_exit(migrator_test_exit);

MODULE_AUTHOR("The migrate_ext authors");
MODULE_DESCRIPTION("A migrator for tests");
MODULE_LICENSE("GPL");
