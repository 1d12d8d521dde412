// SPDX-License-Identifier: GPL-2.0-only
/*
 * copy_gate: stop mtcopy's workers, or the caller, at a given place
 *
 * That a worker gets no CPU is made certain and not likely: probes send it through
 * functions of this module, where it stays until a test lets it go on. Nothing in mtcopy
 * knows of it. The parameters, in /sys/module/copy_gate/parameters:
 *
 * pid			process that migrates: its copies, and those of kworkers, come here
 * hold_entry		workers stay where they begin, with nothing in hand
 * hold_copy		workers stay in the copy of a page
 * caller_waits		the process stays in the copy of a page until a worker has come
 *			to where workers are stopped, or copies
 * worker_waits		workers stay in the copy of a page until the process copies one
 * poison_at		the n-th page from now is found to be poisoned, and ever after
 * arrived		workers that came so far, to where they begin or to a page
 * at_entry, in_copy	workers that are held there now
 * worker_pages, caller_pages	pages copied
 * reports		pages that were reported to memory_failure_queue(), which goes no
 *			further
 *
 * A copy is held with preemption disabled, as it is made. No hold is longer than
 * GATE_SECONDS.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#define GATE_SECONDS	8

static int pid;
module_param(pid, int, 0644);
static bool hold_copy;
module_param(hold_copy, bool, 0644);
static bool caller_waits;
module_param(caller_waits, bool, 0644);
static bool worker_waits;
module_param(worker_waits, bool, 0644);

#define GATE_COUNTER(name)						\
	static atomic_t name;						\
	module_param_cb(name, &gate_counter_ops, &name, 0644)

static int gate_counter_set(const char *val, const struct kernel_param *kp)
{
	int n, ret = kstrtoint(val, 0, &n);

	if (!ret)
		atomic_set(kp->arg, n);
	return ret;
}

static int gate_counter_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d\n", atomic_read(kp->arg));
}

static const struct kernel_param_ops gate_counter_ops = {
	.set = gate_counter_set,
	.get = gate_counter_get,
};

GATE_COUNTER(poison_at);
GATE_COUNTER(arrived);
GATE_COUNTER(at_entry);
GATE_COUNTER(in_copy);
GATE_COUNTER(worker_pages);
GATE_COUNTER(caller_pages);
GATE_COUNTER(reports);

/* Tasks that were sent here and have not gone back. */
static atomic_t inside;

static bool hold_entry;
static DECLARE_WAIT_QUEUE_HEAD(entry_wait);

static int hold_entry_set(const char *val, const struct kernel_param *kp)
{
	int ret = param_set_bool(val, kp);

	wake_up_all(&entry_wait);
	return ret;
}

static const struct kernel_param_ops hold_entry_ops = {
	.set = hold_entry_set,
	.get = param_get_bool,
};
module_param_cb(hold_entry, &hold_entry_ops, &hold_entry, 0644);

static bool is_worker(void)
{
	return current->flags & PF_WQ_WORKER;
}

/* Goes on in @function, with the same arguments. */
static int gate_detour(struct pt_regs *regs, void *function)
{
	atomic_inc(&inside);
	instruction_pointer_set(regs, (unsigned long)function);
	return 1;
}
NOKPROBE_SYMBOL(gate_detour);

/* A probe with such a handler is not made a jump, which could not be detoured. */
static void gate_no_jump(struct kprobe *probe, struct pt_regs *regs,
			 unsigned long flags)
{
}

/* --- where a worker begins --- */

static struct kprobe work_probe;

static void gate_work(struct work_struct *work)
{
	void (*original)(struct work_struct *work) = (void *)work_probe.addr;

	atomic_inc(&at_entry);
	atomic_inc(&arrived);
	wait_event_timeout(entry_wait, !READ_ONCE(hold_entry), GATE_SECONDS * HZ);
	WRITE_ONCE(hold_entry, false);
	atomic_dec(&at_entry);
	original(work);
	atomic_dec(&inside);
}

static int work_handler(struct kprobe *probe, struct pt_regs *regs)
{
	return READ_ONCE(hold_entry) ? gate_detour(regs, gate_work) : 0;
}
NOKPROBE_SYMBOL(work_handler);

static struct kprobe work_probe = {
	.symbol_name = "mtcopy:mtcopy_work",
	.pre_handler = work_handler,
	.post_handler = gate_no_jump,
};

/* --- the copy of a page --- */

static void gate_spin_while(bool (*condition)(void))
{
	u64 end = local_clock() + GATE_SECONDS * NSEC_PER_SEC;

	while (condition() && local_clock() < end)
		cpu_relax();
}

static bool caller_has_come;

static bool copies_are_held(void)
{
	return READ_ONCE(hold_copy) ||
	       (READ_ONCE(worker_waits) && !READ_ONCE(caller_has_come));
}

static bool nobody_has_come(void)
{
	return READ_ONCE(caller_waits) && !atomic_read(&arrived);
}

/* The page that is poisoned, as the copy names it. */
static const void *poison;

static bool is_poisoned(const void *src)
{
	if (atomic_read(&poison_at) > 0 && atomic_dec_return(&poison_at) == 0)
		WRITE_ONCE(poison, src);
	return READ_ONCE(poison) == src;
}

static unsigned long gate_copy(void *dst, const void *src, unsigned int len)
{
	unsigned long left = 0;

	if (is_worker()) {
		atomic_inc(&in_copy);
		atomic_inc(&arrived);
		gate_spin_while(copies_are_held);
		atomic_dec(&in_copy);
	} else {
		WRITE_ONCE(caller_has_come, true);
		gate_spin_while(nobody_has_come);
	}

	if (is_poisoned(src))
		left = len;
	else
		memcpy(dst, src, len);
	atomic_inc(is_worker() ? &worker_pages : &caller_pages);
	atomic_dec(&inside);
	return left;
}

static int copy_handler(struct kprobe *probe, struct pt_regs *regs)
{
	if (!is_worker() && current->tgid != READ_ONCE(pid))
		return 0;
	return gate_detour(regs, gate_copy);
}
NOKPROBE_SYMBOL(copy_handler);

static struct kprobe copy_probe = {
	.symbol_name = "copy_mc_to_kernel",
	.pre_handler = copy_handler,
	.post_handler = gate_no_jump,
};

/* --- the page is not to be poisoned in earnest --- */

static void gate_report(unsigned long pfn, int flags)
{
	atomic_inc(&reports);
	atomic_dec(&inside);
}

static int report_handler(struct kprobe *probe, struct pt_regs *regs)
{
	return gate_detour(regs, gate_report);
}
NOKPROBE_SYMBOL(report_handler);

static struct kprobe report_probe = {
	.symbol_name = "memory_failure_queue",
	.pre_handler = report_handler,
	.post_handler = gate_no_jump,
};

static struct kprobe *probes[] = { &work_probe, &copy_probe, &report_probe };

static int __init copy_gate_init(void)
{
	return register_kprobes(probes, ARRAY_SIZE(probes));
}
module_init(copy_gate_init);

static void __exit copy_gate_exit(void)
{
	WRITE_ONCE(hold_copy, false);
	WRITE_ONCE(caller_waits, false);
	WRITE_ONCE(worker_waits, false);
	WRITE_ONCE(hold_entry, false);
	wake_up_all(&entry_wait);
	unregister_kprobes(probes, ARRAY_SIZE(probes));
	while (atomic_read(&inside))
		schedule_timeout_uninterruptible(1);
	/* The last one may have been preempted on its way out. */
	synchronize_rcu_tasks();
}
module_exit(copy_gate_exit);

MODULE_AUTHOR("The migrate_ext authors");
MODULE_DESCRIPTION("Stops the copies of mtcopy, for tests of page migration");
MODULE_LICENSE("GPL");
