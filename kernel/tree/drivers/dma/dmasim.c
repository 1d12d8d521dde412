// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmasim: a software dmaengine memcpy provider, for testing
 *
 * The module makes its own platform devices. Each has a number of channels, and
 * each channel in use has a kernel thread that makes the copies with the CPU, at
 * a modelled speed and with faults on demand. It stands in for engines such as
 * AMD PTDMA and Intel DSA on machines that have none, so that clients of
 * DMA_MEMCPY and DMA_MEMCPY_SG can be tested, their error paths first of all. It is an emulation:
 * nothing measured with it says anything about hardware.
 *
 *	modprobe dmasim channels=4 latency_ns=2000
 *	echo 10 > /sys/module/dmasim/parameters/error_every
 *	cat /sys/kernel/debug/dmasim/dmasim.0/chan0
 *	echo dmasim.0 > /sys/bus/platform/drivers/dmasim/unbind
 *
 * See Documentation/driver-api/dmaengine/dmasim.rst for every parameter.
 *
 * Copyright (C) 2026 The migrate_ext authors
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/fault-inject.h>
#include <linux/highmem.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/ioport.h>
#include <linux/iommu.h>
#include <linux/kasan-checks.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/nodemask.h>
#include <linux/platform_device.h>
#include <linux/prandom.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "virt-dma.h"

#define DMASIM_MAX_DEVICES	8
#define DMASIM_MAX_CHANNELS	32
#define DMASIM_MAX_SG		1024

/* A descriptor is copied and paced in pieces of at most this many bytes. */
#define DMASIM_PIECE		SZ_64K

/* Below this a timer costs more than the wait: poll the clock instead. */
#define DMASIM_SPIN_NS		(5 * NSEC_PER_USEC)

/* What "mark" writes: TEST_MARK of the selftests */
#define DMASIM_MARK		0x6b72616d2d747365ULL

/* How far ahead shuffle looks for the next descriptor, as a queue depth. */
#define DMASIM_WINDOW		32

/* Cookies of the last failed descriptors, kept for clients that poll. */
#define DMASIM_FAILED		64

/*
 * Module parameters. Those that may be written at run time are read with
 * READ_ONCE(), once for each descriptor.
 */

struct dmasim_uint {
	unsigned int val;
	unsigned int min;
	unsigned int max;
};

static int dmasim_parse_uint(const char *val, unsigned int min, unsigned int max,
			     unsigned int *res)
{
	unsigned int num;

	/* kstrtouint() has two error codes; one is enough for "bad value". */
	if (!val || kstrtouint(val, 0, &num) || num < min || num > max)
		return -EINVAL;
	*res = num;
	return 0;
}

static int dmasim_uint_set(const char *val, const struct kernel_param *kp)
{
	struct dmasim_uint *p = kp->arg;
	unsigned int num;
	int ret;

	ret = dmasim_parse_uint(val, p->min, p->max, &num);
	if (!ret)
		WRITE_ONCE(p->val, num);
	return ret;
}

static int dmasim_uint_get(char *buf, const struct kernel_param *kp)
{
	const struct dmasim_uint *p = kp->arg;

	return sysfs_emit(buf, "%u\n", READ_ONCE(p->val));
}

static const struct kernel_param_ops dmasim_uint_ops = {
	.set = dmasim_uint_set,
	.get = dmasim_uint_get,
};

static struct dmasim_uint devices = { .val = 1, .min = 1, .max = DMASIM_MAX_DEVICES };
module_param_cb(devices, &dmasim_uint_ops, &devices, 0444);
__MODULE_PARM_TYPE(devices, "uint");
MODULE_PARM_DESC(devices, "Number of devices (1..8, default: 1)");

static struct dmasim_uint channels = { .val = 4, .min = 1, .max = DMASIM_MAX_CHANNELS };
module_param_cb(channels, &dmasim_uint_ops, &channels, 0444);
__MODULE_PARM_TYPE(channels, "uint");
MODULE_PARM_DESC(channels, "Channels of each device (1..32, default: 4)");

static int node[DMASIM_MAX_DEVICES] = { [0 ... DMASIM_MAX_DEVICES - 1] = NUMA_NO_NODE };
module_param_array(node, int, NULL, 0444);
MODULE_PARM_DESC(node, "Memory node of each device (-1 = none, default: -1)");

static struct dmasim_uint dma_mask = { .val = 64, .min = 24, .max = 64 };
module_param_cb(dma_mask, &dmasim_uint_ops, &dma_mask, 0444);
__MODULE_PARM_TYPE(dma_mask, "uint");
MODULE_PARM_DESC(dma_mask, "Width of the DMA mask in bits (24..64, default: 64)");

static struct dmasim_uint pool = { .val = 64, .min = 1, .max = SZ_64K };
module_param_cb(pool, &dmasim_uint_ops, &pool, 0444);
__MODULE_PARM_TYPE(pool, "uint");
MODULE_PARM_DESC(pool, "Descriptors of each channel; prep fails when all are in use (1..65536, default: 64)");

static struct dmasim_uint max_len = { .val = 0, .min = 0, .max = UINT_MAX };
module_param_cb(max_len, &dmasim_uint_ops, &max_len, 0444);
__MODULE_PARM_TYPE(max_len, "uint");
MODULE_PARM_DESC(max_len, "Longest copy of one descriptor in bytes (0 = no limit, default: 0)");

static struct dmasim_uint sg_max = { .val = 128, .min = 0, .max = DMASIM_MAX_SG };
module_param_cb(sg_max, &dmasim_uint_ops, &sg_max, 0444);
__MODULE_PARM_TYPE(sg_max, "uint");
MODULE_PARM_DESC(sg_max, "Entries of a descriptor for DMA_MEMCPY_SG (0 = no DMA_MEMCPY_SG, max 1024, default: 128)");

static bool shuffle;
module_param(shuffle, bool, 0444);
MODULE_PARM_DESC(shuffle, "Complete descriptors out of order (default: N)");

static bool private_chans = true;
module_param_named(private, private_chans, bool, 0444);
MODULE_PARM_DESC(private, "Channels are for one client each, DMA_PRIVATE (default: Y)");

static struct dmasim_uint copy_align = { .val = 0, .min = 0, .max = 16 };
module_param_cb(copy_align, &dmasim_uint_ops, &copy_align, 0444);
__MODULE_PARM_TYPE(copy_align, "uint");
MODULE_PARM_DESC(copy_align, "log2 of the alignment of addresses and lengths; prep refuses others (0..16, default: 0)");

static bool prep_lock;
module_param(prep_lock, bool, 0444);
MODULE_PARM_DESC(prep_lock, "Hold a spinlock from prep to submit, as ioat does (default: N)");

static bool prep_sleep;
module_param(prep_sleep, bool, 0444);
MODULE_PARM_DESC(prep_sleep, "Wait in prep for a descriptor when all are in use, and start at submit, as idxd does; excludes prep_lock (default: N)");

static bool quiet_stop = true;
module_param_named(quiet, quiet_stop, bool, 0444);
MODULE_PARM_DESC(quiet, "Terminate waits until the engine has stopped; N: it does not, and the driver is called dmasim-wild (default: Y)");

static bool alias;
module_param(alias, bool, 0444);
MODULE_PARM_DESC(alias, "The driver is called dmasim-alias, as one that nobody knows (default: N)");

static bool hold;
module_param(hold, bool, 0644);
MODULE_PARM_DESC(hold, "Engines begin with nothing new until this is N again (default: N)");

static bool mark;
module_param(mark, bool, 0644);
MODULE_PARM_DESC(mark, "Overwrite the second eight bytes of each page that is copied, so that a test sees who copied it (default: N)");

static struct dmasim_uint late_ms = { .val = 3000, .min = 0, .max = 600000 };
module_param_cb(late_ms, &dmasim_uint_ops, &late_ms, 0644);
__MODULE_PARM_TYPE(late_ms, "uint");
MODULE_PARM_DESC(late_ms, "How long a descriptor of late_every takes, in ms (0..600000, default: 3000)");

static bool remove_hold;
module_param(remove_hold, bool, 0644);
MODULE_PARM_DESC(remove_hold, "Unbinding waits, and the engine works, until this is N again (default: N)");

static struct dmasim_uint bandwidth_mbps = { .val = 0, .min = 0, .max = 1000000 };
module_param_cb(bandwidth_mbps, &dmasim_uint_ops, &bandwidth_mbps, 0644);
__MODULE_PARM_TYPE(bandwidth_mbps, "uint");
MODULE_PARM_DESC(bandwidth_mbps, "Speed of each channel in MB/s, 10^6 bytes (0 = as fast as it goes, max 1000000, default: 0)");

static struct dmasim_uint latency_ns = { .val = 0, .min = 0, .max = NSEC_PER_SEC };
module_param_cb(latency_ns, &dmasim_uint_ops, &latency_ns, 0644);
__MODULE_PARM_TYPE(latency_ns, "uint");
MODULE_PARM_DESC(latency_ns, "Fixed time of each descriptor in ns (0..1000000000, default: 0)");

/*
 * What an injected error is reported as.
 */
static const char * const dmasim_result_names[] = {
	[DMA_TRANS_NOERROR]		= "",
	[DMA_TRANS_READ_FAILED]		= "read",
	[DMA_TRANS_WRITE_FAILED]	= "write",
	[DMA_TRANS_ABORTED]		= "aborted",
};

static int error_result = DMA_TRANS_WRITE_FAILED;

static int dmasim_result_set(const char *val, const struct kernel_param *kp)
{
	int i = val ? sysfs_match_string(dmasim_result_names, val) : -EINVAL;

	/* "" would match success: to report that is what lie_every is for. */
	if (i <= DMA_TRANS_NOERROR)
		return -EINVAL;
	WRITE_ONCE(*(int *)kp->arg, i);
	return 0;
}

static int dmasim_result_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", dmasim_result_names[READ_ONCE(*(int *)kp->arg)]);
}

static const struct kernel_param_ops dmasim_result_ops = {
	.set = dmasim_result_set,
	.get = dmasim_result_get,
};
module_param_cb(error_result, &dmasim_result_ops, &error_result, 0644);
__MODULE_PARM_TYPE(error_result, "string");
MODULE_PARM_DESC(error_result, "Result of injected errors: read, write or aborted (default: write)");

/**
 * enum dmasim_fault - the faults that can be injected
 * @DMASIM_FAULT_HANG: the descriptor never completes, until it is terminated
 * @DMASIM_FAULT_LATE: it is copied after late_ms, whether or not it is terminated
 *	meanwhile
 * @DMASIM_FAULT_ERROR: nothing is written, an error is reported
 * @DMASIM_FAULT_PARTIAL: the first half of all its bytes is written, an error
 *	is reported
 * @DMASIM_FAULT_LIE: nothing is written, success is reported
 * @DMASIM_FAULT_PREP: the prepare callback returns NULL
 * @DMASIM_FAULT_SUBMIT: tx_submit() returns an error; there is no callback
 * @DMASIM_NR_FAULTS: number of faults
 *
 * Those up to @DMASIM_FAULT_LIE are decided when the engine takes the
 * descriptor; if several fire for one descriptor, the first in this order wins.
 */
enum dmasim_fault {
	DMASIM_FAULT_HANG,
	DMASIM_FAULT_LATE,
	DMASIM_FAULT_ERROR,
	DMASIM_FAULT_PARTIAL,
	DMASIM_FAULT_LIE,
	DMASIM_FAULT_PREP,
	DMASIM_FAULT_SUBMIT,
	DMASIM_NR_FAULTS,
};

/* "no fault" for a descriptor */
#define DMASIM_FAULT_NONE	DMASIM_NR_FAULTS

/**
 * struct dmasim_knob - how often a fault happens
 * @dir: name of its fault-injection directory under debugfs
 * @stat: name of its counter
 * @every: every n-th occasion, counted over all channels; 0 is never
 * @seen: occasions since @every was last written
 * @attr: the kernel's fault-injection framework, for random faults
 */
struct dmasim_knob {
	const char *dir;
	const char *stat;
	unsigned int every;
	atomic_t seen;
	struct fault_attr attr;
};

static struct dmasim_knob dmasim_knobs[DMASIM_NR_FAULTS] = {
	[DMASIM_FAULT_HANG]	= { .dir = "fail_hang",		.stat = "hung" },
	[DMASIM_FAULT_LATE]	= { .dir = "fail_late",		.stat = "late" },
	[DMASIM_FAULT_ERROR]	= { .dir = "fail_copy",		.stat = "errors" },
	[DMASIM_FAULT_PARTIAL]	= { .dir = "fail_partial",	.stat = "partial" },
	[DMASIM_FAULT_LIE]	= { .dir = "fail_lie",		.stat = "lies" },
	[DMASIM_FAULT_PREP]	= { .dir = "fail_prep",		.stat = "prep_null" },
	[DMASIM_FAULT_SUBMIT]	= { .dir = "fail_submit",	.stat = "submit_errors" },
};

static int dmasim_every_set(const char *val, const struct kernel_param *kp)
{
	struct dmasim_knob *knob = kp->arg;
	unsigned int num;
	int ret;

	ret = dmasim_parse_uint(val, 0, UINT_MAX, &num);
	if (ret)
		return ret;

	/* Each write starts the count again, so that a test is repeatable. */
	atomic_set(&knob->seen, 0);
	WRITE_ONCE(knob->every, num);
	return 0;
}

static int dmasim_every_get(char *buf, const struct kernel_param *kp)
{
	const struct dmasim_knob *knob = kp->arg;

	return sysfs_emit(buf, "%u\n", READ_ONCE(knob->every));
}

static const struct kernel_param_ops dmasim_every_ops = {
	.set = dmasim_every_set,
	.get = dmasim_every_get,
};

module_param_cb(hang_every, &dmasim_every_ops, &dmasim_knobs[DMASIM_FAULT_HANG], 0644);
__MODULE_PARM_TYPE(hang_every, "uint");
MODULE_PARM_DESC(hang_every, "Let every n-th descriptor hang until it is terminated (0 = never, default: 0)");

module_param_cb(late_every, &dmasim_every_ops, &dmasim_knobs[DMASIM_FAULT_LATE], 0644);
__MODULE_PARM_TYPE(late_every, "uint");
MODULE_PARM_DESC(late_every, "Let every n-th descriptor take late_ms; stopping does not stop it (0 = never, default: 0)");

module_param_cb(error_every, &dmasim_every_ops, &dmasim_knobs[DMASIM_FAULT_ERROR], 0644);
__MODULE_PARM_TYPE(error_every, "uint");
MODULE_PARM_DESC(error_every, "Fail every n-th descriptor and write nothing (0 = never, default: 0)");

module_param_cb(partial_every, &dmasim_every_ops, &dmasim_knobs[DMASIM_FAULT_PARTIAL], 0644);
__MODULE_PARM_TYPE(partial_every, "uint");
MODULE_PARM_DESC(partial_every, "Fail every n-th descriptor with half of it written (0 = never, default: 0)");

module_param_cb(lie_every, &dmasim_every_ops, &dmasim_knobs[DMASIM_FAULT_LIE], 0644);
__MODULE_PARM_TYPE(lie_every, "uint");
MODULE_PARM_DESC(lie_every, "Report success for every n-th descriptor and write nothing (0 = never, default: 0)");

module_param_cb(prep_null_every, &dmasim_every_ops, &dmasim_knobs[DMASIM_FAULT_PREP], 0644);
__MODULE_PARM_TYPE(prep_null_every, "uint");
MODULE_PARM_DESC(prep_null_every, "Let every n-th prepare return NULL (0 = never, default: 0)");

module_param_cb(submit_error_every, &dmasim_every_ops, &dmasim_knobs[DMASIM_FAULT_SUBMIT], 0644);
__MODULE_PARM_TYPE(submit_error_every, "uint");
MODULE_PARM_DESC(submit_error_every, "Let every n-th submit return an error (0 = never, default: 0)");

/* How many descriptors there will be before prep returns NULL for good, or -1 */
static atomic_t dmasim_preps_left = ATOMIC_INIT(-1);

static int dmasim_stop_set(const char *val, const struct kernel_param *kp)
{
	unsigned int num;
	int ret;

	ret = dmasim_parse_uint(val, 0, INT_MAX, &num);
	if (!ret)
		atomic_set(&dmasim_preps_left, num ? num : -1);
	return ret;
}

static int dmasim_stop_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d\n", max(atomic_read(&dmasim_preps_left), 0));
}

static const struct kernel_param_ops dmasim_stop_ops = {
	.set = dmasim_stop_set,
	.get = dmasim_stop_get,
};
module_param_cb(prep_stop_after, &dmasim_stop_ops, NULL, 0644);
__MODULE_PARM_TYPE(prep_stop_after, "uint");
MODULE_PARM_DESC(prep_stop_after, "Prepare n more descriptors, over all channels, and then return NULL until this is written again (0 = no limit, default: 0)");

static bool dmasim_prep_is_over(void)
{
	/* Counts down to 0 and stays there; -1 is no limit. */
	return atomic_read(&dmasim_preps_left) >= 0 &&
	       atomic_dec_if_positive(&dmasim_preps_left) < 0;
}

#ifdef CONFIG_FAULT_INJECTION
static void dmasim_fault_attr_init(struct fault_attr *attr)
{
	static const struct fault_attr init = FAULT_ATTR_INITIALIZER;

	*attr = init;
	/* A test that looks for splats must not find the injected faults. */
	attr->verbose = 0;
}
#else
static inline void dmasim_fault_attr_init(struct fault_attr *attr) { }
#endif

static bool dmasim_should_fail(enum dmasim_fault fault, size_t len)
{
	struct dmasim_knob *knob = &dmasim_knobs[fault];
	unsigned int every = READ_ONCE(knob->every);

	if (every && (unsigned int)atomic_inc_return(&knob->seen) % every == 0)
		return true;
	return should_fail(&knob->attr, len);
}

/**
 * struct dmasim_entry - one copy of a descriptor
 * @dst: destination, a DMA address of the device
 * @src: source, likewise
 * @len: length in bytes
 */
struct dmasim_entry {
	dma_addr_t dst;
	dma_addr_t src;
	size_t len;
};

/**
 * struct dmasim_desc - one copy, or many that are seen as one string of bytes
 * @vd: the virt-dma descriptor; on one of its lists, in the pool, or @cur
 * @entries: the copies; the place for them is the descriptor's for good
 * @nr: how many there are
 * @len: length of all in bytes
 * @done: bytes the engine is through with; written by the thread only
 * @issued: when the client told the engine to start
 * @stop: terminated while the engine worked on it; set under vc.lock
 * @late: the engine does not let go of it; likewise
 */
struct dmasim_desc {
	struct virt_dma_desc vd;
	struct dmasim_entry *entries;
	unsigned int nr;
	size_t len;
	size_t done;
	ktime_t issued;
	bool stop;
	bool late;
};

/* What the last faults were, for tests that compare: so many of each channel */
#define DMASIM_FAULTS_KEPT	512

/**
 * struct dmasim_record - an entry of a descriptor that a fault was injected into
 * @dst: its destination
 * @len: its length
 * @fault: the fault
 */
struct dmasim_record {
	dma_addr_t dst;
	size_t len;
	enum dmasim_fault fault;
};

/**
 * struct dmasim_chan - one channel
 * @vc: the virt-dma channel; its lock protects all that follows, if not said
 *	otherwise
 * @index: number within the device, constant
 * @task: the engine, while a client holds the channel
 * @descs: memory of the descriptor pool, while a client holds the channel
 * @entries: memory of the descriptors' entries, likewise
 * @late: entries of a late descriptor, which may be somebody else's by then;
 *	part of @entries
 * @nr_late: how many there are
 * @pool: descriptors that are free
 * @cur: what the engine works on; on no list
 * @dead: the device is gone; never cleared
 * @quiet: waiters for @cur to go away
 * @clock: when the engine is through with the last descriptor by the model; of
 *	the thread only
 * @rnd: random numbers for shuffle; of the thread only
 * @failed: cookies of the last failed descriptors, 0 for none
 * @next_failed: where in @failed the next one goes
 * @preparing: with prep_lock, between prep and submit; of the client
 * @pool_wait: waiters for a free descriptor
 * @ghost: what the engine works on has been terminated, and it does not care
 * @records: the last faults
 * @nr_records: how many there ever were
 * @stats: counters
 */
struct dmasim_chan {
	struct virt_dma_chan vc;
	unsigned int index;
	struct task_struct *task;
	struct dmasim_desc *descs;
	struct dmasim_entry *entries;
	struct dmasim_entry *late;
	unsigned int nr_late;
	struct list_head pool;
	struct dmasim_desc *cur;
	bool dead;
	wait_queue_head_t quiet;
	ktime_t clock;
	struct rnd_state rnd;
	dma_cookie_t failed[DMASIM_FAILED];
	unsigned int next_failed;
	bool preparing;
	wait_queue_head_t pool_wait;
	bool ghost;
	struct dmasim_record *records;
	unsigned int nr_records;
	struct {
		u64 prepared;
		u64 prepared_sg;
		u64 entries_sg;
		u64 pool_empty;
		u64 submitted;
		u64 completed;
		u64 bytes;
		u64 failed;
		u64 terminated;
		u64 aborted;
		u64 bad_address;
		u64 prep_slept;
		u64 late_writes;
		u64 late_same;
		u64 fault[DMASIM_NR_FAULTS];
	} stats;
};

/**
 * struct dmasim_dev - one device, from probe to the last user's release
 * @dma: what dmaengine knows of it
 * @debugfs: directory, until the device is unbound
 * @free_work: frees all this
 * @nr_chans: number of channels
 * @chans: the channels
 */
struct dmasim_dev {
	struct dma_device dma;
	struct dentry *debugfs;
	struct work_struct free_work;
	unsigned int nr_chans;
	struct dmasim_chan chans[] __counted_by(nr_chans);
};

static struct platform_device *dmasim_pdevs[DMASIM_MAX_DEVICES];
static struct workqueue_struct *dmasim_wq;
static struct dentry *dmasim_debugfs;

static struct dmasim_chan *to_dmasim_chan(struct dma_chan *chan)
{
	return container_of(to_virt_chan(chan), struct dmasim_chan, vc);
}

static struct dmasim_desc *to_dmasim_desc(struct virt_dma_desc *vd)
{
	return container_of(vd, struct dmasim_desc, vd);
}

static struct device *dmasim_chan_dev(struct dmasim_chan *sc)
{
	return sc->vc.chan.device->dev;
}

/*
 * The engine: one thread for each channel. Clients wait for it inside reclaim,
 * so from taking a descriptor to its completion it allocates nothing and takes
 * no lock but the channel's.
 */

/* Under vc.lock */
static void dmasim_record(struct dmasim_chan *sc, struct dmasim_desc *desc,
			  enum dmasim_fault fault)
{
	struct dmasim_record *record;
	unsigned int i;

	lockdep_assert_held(&sc->vc.lock);

	sc->stats.fault[fault]++;
	for (i = 0; i < desc->nr; i++) {
		record = &sc->records[sc->nr_records++ % DMASIM_FAULTS_KEPT];
		*record = (struct dmasim_record) {
			.dst = desc->entries[i].dst,
			.len = desc->entries[i].len,
			.fault = fault,
		};
	}
}

static bool dmasim_stopped(struct dmasim_chan *sc, struct dmasim_desc *desc)
{
	return READ_ONCE(desc->stop) || READ_ONCE(sc->dead);
}

/*
 * Returns false if the descriptor was stopped, and nothing more may be copied
 * for it. Whoever stops it wakes the thread.
 */
static bool dmasim_wait_until(struct dmasim_chan *sc, struct dmasim_desc *desc,
			      ktime_t when)
{
	bool ret = true;
	s64 left;

	for (;;) {
		/* Idle sleep: a hanging engine is neither load nor a hung task. */
		set_current_state(TASK_IDLE);
		if (dmasim_stopped(sc, desc)) {
			ret = false;
			break;
		}
		left = ktime_to_ns(ktime_sub(when, ktime_get()));
		if (left <= 0)
			break;
		if (left <= DMASIM_SPIN_NS) {
			__set_current_state(TASK_RUNNING);
			cpu_relax();
			continue;
		}
		schedule_hrtimeout_range(&when, 0, HRTIMER_MODE_ABS);
	}
	__set_current_state(TASK_RUNNING);
	return ret;
}

/* Time for so many bytes at the modelled speed */
static ktime_t dmasim_duration(size_t bytes, unsigned int mbps)
{
	if (!mbps)
		return 0;
	return ns_to_ktime(div_u64((u64)bytes * 1000, mbps));
}

/*
 * An engine can reach what its mask covers, and this one, being a CPU, only RAM
 * that the kernel has mapped: reserved pages are looked up in the resource tree,
 * for they may be holes that have a struct page.
 */
static bool dmasim_can_reach(struct device *dev, dma_addr_t addr, size_t len,
			     phys_addr_t phys)
{
	struct page *page;

	if (addr + len - 1 < addr || addr + len - 1 > dma_get_mask(dev))
		return false;
	page = pfn_to_online_page(PHYS_PFN(phys));
	if (!page)
		return false;
	return !PageReserved(page) || page_is_ram(PHYS_PFN(phys));
}

static enum dmaengine_tx_result dmasim_copy(struct dmasim_chan *sc, dma_addr_t dst,
					    dma_addr_t src, size_t len)
{
	struct device *dev = dmasim_chan_dev(sc);

	while (len) {
		phys_addr_t to = dma_to_phys(dev, dst);
		phys_addr_t from = dma_to_phys(dev, src);
		size_t n = min3(len, PAGE_SIZE - offset_in_page(to),
				PAGE_SIZE - offset_in_page(from));
		void *vto, *vfrom;

		if (!dmasim_can_reach(dev, src, n, from)) {
			dev_warn_ratelimited(dev, "chan%u: source %pad is not RAM the device can reach\n",
					     sc->index, &src);
			return DMA_TRANS_READ_FAILED;
		}
		if (!dmasim_can_reach(dev, dst, n, to)) {
			dev_warn_ratelimited(dev, "chan%u: destination %pad is not RAM the device can reach\n",
					     sc->index, &dst);
			return DMA_TRANS_WRITE_FAILED;
		}

		vto = kmap_local_page(pfn_to_page(PHYS_PFN(to)));
		vfrom = kmap_local_page(pfn_to_page(PHYS_PFN(from)));
		/*
		 * Hardware would copy pages that the client freed meanwhile
		 * without a word. Let KASAN report such a client, whether or not
		 * the compiler instruments memcpy().
		 */
		kasan_check_read(vfrom + offset_in_page(from), n);
		kasan_check_write(vto + offset_in_page(to), n);
		memcpy(vto + offset_in_page(to), vfrom + offset_in_page(from), n);
		if (READ_ONCE(mark) && !offset_in_page(to) && n >= 2 * sizeof(u64))
			((u64 *)vto)[1] = DMASIM_MARK;
		kunmap_local(vfrom);
		kunmap_local(vto);

		dst += n;
		src += n;
		len -= n;
	}
	return DMA_TRANS_NOERROR;
}

static enum dmasim_fault dmasim_pick_fault(struct dmasim_chan *sc,
					   struct dmasim_desc *desc)
{
	enum dmasim_fault fault, res = DMASIM_FAULT_NONE;

	/* Every knob counts every descriptor, whichever fires. */
	for (fault = DMASIM_FAULT_HANG; fault <= DMASIM_FAULT_LIE; fault++)
		if (dmasim_should_fail(fault, desc->len) && res == DMASIM_FAULT_NONE)
			res = fault;

	if (res != DMASIM_FAULT_NONE) {
		spin_lock_irq(&sc->vc.lock);
		dmasim_record(sc, desc, res);
		desc->late = res == DMASIM_FAULT_LATE;
		if (desc->late) {
			memcpy(sc->late, desc->entries, desc->nr * sizeof(*sc->late));
			sc->nr_late = desc->nr;
		}
		spin_unlock_irq(&sc->vc.lock);
	}
	return res;
}

/* Is what stands at the destination what a copy would put there? */
static bool dmasim_is_same(struct dmasim_chan *sc, dma_addr_t dst, dma_addr_t src,
			   size_t len)
{
	struct device *dev = dmasim_chan_dev(sc);
	bool same = true;

	while (len && same) {
		phys_addr_t to = dma_to_phys(dev, dst);
		phys_addr_t from = dma_to_phys(dev, src);
		size_t n = min3(len, PAGE_SIZE - offset_in_page(to),
				PAGE_SIZE - offset_in_page(from));
		void *vto, *vfrom;

		if (!dmasim_can_reach(dev, src, n, from) ||
		    !dmasim_can_reach(dev, dst, n, to))
			return false;
		vto = kmap_local_page(pfn_to_page(PHYS_PFN(to)));
		vfrom = kmap_local_page(pfn_to_page(PHYS_PFN(from)));
		same = !memcmp(vto + offset_in_page(to), vfrom + offset_in_page(from), n);
		kunmap_local(vfrom);
		kunmap_local(vto);
		dst += n;
		src += n;
		len -= n;
	}
	return same;
}

/*
 * An engine that does not let go: nobody who terminates the descriptor keeps it from
 * writing. With quiet=N its memory may then be used for another one already.
 */
static enum dmaengine_tx_result dmasim_run_late(struct dmasim_chan *sc,
						struct dmasim_desc *desc)
{
	ktime_t when = ktime_add_ms(ktime_get(), READ_ONCE(late_ms.val));
	enum dmaengine_tx_result res = DMA_TRANS_NOERROR;
	const struct dmasim_entry *e;
	size_t len = desc->len;
	bool same = true;

	while (ktime_before(ktime_get(), when)) {
		set_current_state(TASK_IDLE);
		schedule_hrtimeout_range(&when, 0, HRTIMER_MODE_ABS);
	}

	for (e = sc->late; e < sc->late + sc->nr_late; e++) {
		same = same && dmasim_is_same(sc, e->dst, e->src, e->len);
		if (res == DMA_TRANS_NOERROR)
			res = dmasim_copy(sc, e->dst, e->src, e->len);
	}
	sc->clock = ktime_get();

	spin_lock_irq(&sc->vc.lock);
	sc->stats.late_writes++;
	sc->stats.late_same += same;
	if (!sc->ghost)
		desc->done = len;
	spin_unlock_irq(&sc->vc.lock);
	return res;
}

/*
 * Work on one descriptor and say how it ended.
 *
 * The model: a descriptor starts when it was issued or when the one before it
 * was through, whichever is later; the latency passes; then its bytes move at
 * the channel's speed, and it completes. Times are absolute, so that being late
 * once (a timer, a busy CPU) delays this descriptor, not all that follow.
 *
 * Each piece is copied when the time for its last byte has come, that is, as
 * late as the model allows: a client that reads the destination before the
 * completion finds stale bytes, and one that lets go of the source too early
 * is caught. A piece does not go beyond the entry that it begins in.
 */
static enum dmaengine_tx_result dmasim_run(struct dmasim_chan *sc,
					   struct dmasim_desc *desc)
{
	unsigned int mbps = READ_ONCE(bandwidth_mbps.val);
	const struct dmasim_entry *e = desc->entries;
	enum dmaengine_tx_result res;
	enum dmasim_fault fault;
	size_t todo, n, at = 0;
	ktime_t start;

	while (READ_ONCE(hold))
		if (!dmasim_wait_until(sc, desc, ktime_add_ms(ktime_get(), 1)))
			break;
	if (dmasim_stopped(sc, desc))
		return DMA_TRANS_ABORTED;

	fault = dmasim_pick_fault(sc, desc);
	switch (fault) {
	case DMASIM_FAULT_LATE:
		return dmasim_run_late(sc, desc);
	case DMASIM_FAULT_HANG:
		dmasim_wait_until(sc, desc, KTIME_MAX);
		sc->clock = ktime_get();
		return DMA_TRANS_ABORTED;
	case DMASIM_FAULT_ERROR:
		todo = 0;
		break;
	case DMASIM_FAULT_PARTIAL:
		todo = desc->len / 2;
		break;
	default:
		todo = desc->len;
		break;
	}

	start = ktime_add_ns(max(sc->clock, desc->issued), READ_ONCE(latency_ns.val));
	sc->clock = ktime_add(start, dmasim_duration(todo, mbps));

	if (!dmasim_wait_until(sc, desc, start))
		goto stopped;

	while (desc->done < todo) {
		n = min3(todo - desc->done, e->len - at, (size_t)DMASIM_PIECE);
		if (!dmasim_wait_until(sc, desc,
				       ktime_add(start, dmasim_duration(desc->done + n, mbps))))
			goto stopped;

		if (fault != DMASIM_FAULT_LIE) {
			res = dmasim_copy(sc, e->dst + at, e->src + at, n);
			if (res != DMA_TRANS_NOERROR) {
				spin_lock_irq(&sc->vc.lock);
				sc->stats.bad_address++;
				spin_unlock_irq(&sc->vc.lock);
				return res;
			}
		}
		WRITE_ONCE(desc->done, desc->done + n);
		at += n;
		if (at == e->len) {
			at = 0;
			e++;
		}
		cond_resched();
	}

	if (fault == DMASIM_FAULT_ERROR || fault == DMASIM_FAULT_PARTIAL)
		return READ_ONCE(error_result);
	return DMA_TRANS_NOERROR;

stopped:
	sc->clock = ktime_get();
	return DMA_TRANS_ABORTED;
}

static void dmasim_finish(struct dmasim_chan *sc, struct dmasim_desc *desc,
			  enum dmaengine_tx_result res)
{
	struct virt_dma_desc *vd = &desc->vd;

	/*
	 * vchan_cookie_complete() schedules a tasklet. With bottom halves off
	 * it runs here, on the way out, and not some time later in ksoftirqd.
	 */
	local_bh_disable();
	spin_lock_irq(&sc->vc.lock);
	sc->cur = NULL;
	if (sc->ghost) {
		/* It is somebody else's by now. */
		sc->ghost = false;
	} else if (desc->stop) {
		sc->stats.terminated++;
		vchan_terminate_vdesc(vd);
	} else {
		if (res != DMA_TRANS_NOERROR) {
			sc->failed[sc->next_failed++ % DMASIM_FAILED] = vd->tx.cookie;
			sc->stats.failed++;
			if (sc->dead)
				sc->stats.aborted++;
		}
		vd->tx_result.result = res;
		vd->tx_result.residue = desc->len - desc->done;
		sc->stats.completed++;
		sc->stats.bytes += desc->done;
		vchan_cookie_complete(vd);
	}
	spin_unlock_irq(&sc->vc.lock);
	local_bh_enable();
	wake_up_all(&sc->quiet);
}

/* Take the next descriptor off the queue, if there is one. */
static struct dmasim_desc *dmasim_take(struct dmasim_chan *sc)
{
	struct virt_dma_desc *vd, *pick;
	unsigned int nr = 0;

	spin_lock_irq(&sc->vc.lock);
	pick = vchan_next_desc(&sc->vc);
	if (pick && shuffle) {
		/* Each of the first so many is as likely as the others. */
		list_for_each_entry(vd, &sc->vc.desc_issued, node) {
			if (prandom_u32_state(&sc->rnd) % ++nr == 0)
				pick = vd;
			if (nr == DMASIM_WINDOW)
				break;
		}
	}
	if (pick) {
		list_del_init(&pick->node);
		sc->cur = to_dmasim_desc(pick);
	}
	spin_unlock_irq(&sc->vc.lock);

	return pick ? to_dmasim_desc(pick) : NULL;
}

static int dmasim_thread(void *data)
{
	struct dmasim_chan *sc = data;
	struct dmasim_desc *desc;

	for (;;) {
		set_current_state(TASK_IDLE);
		desc = dmasim_take(sc);
		if (desc) {
			__set_current_state(TASK_RUNNING);
			dmasim_finish(sc, desc, dmasim_run(sc, desc));
			cond_resched();
			continue;
		}
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void dmasim_kick(struct dmasim_chan *sc)
{
	lockdep_assert_held(&sc->vc.lock);

	if (sc->task)
		wake_up_process(sc->task);
}

/*
 * What dmaengine calls
 */

/* Back to the pool. Called by virt-dma without its lock. */
static void dmasim_desc_free(struct virt_dma_desc *vd)
{
	struct dmasim_chan *sc = to_dmasim_chan(vd->tx.chan);
	unsigned long flags;

	spin_lock_irqsave(&sc->vc.lock, flags);
	list_add(&vd->node, &sc->pool);
	spin_unlock_irqrestore(&sc->vc.lock, flags);
	wake_up(&sc->pool_wait);
}

/* Under vc.lock: what has been submitted may begin. */
static void dmasim_issue(struct dmasim_chan *sc)
{
	struct virt_dma_desc *vd;
	ktime_t now = ktime_get();

	lockdep_assert_held(&sc->vc.lock);

	list_for_each_entry(vd, &sc->vc.desc_submitted, node)
		to_dmasim_desc(vd)->issued = now;
	vchan_issue_pending(&sc->vc);
	/* Also when dead: then the thread fails them. */
	dmasim_kick(sc);
}

/*
 * With prep_lock the client cannot sleep from prep to submit, as with the lock that
 * ioat holds. Not a lock, so that a client that prepares twice is told and not hung.
 */
static void dmasim_prep_begin(struct dmasim_chan *sc)
{
	if (!prep_lock)
		return;
	local_bh_disable();
	WARN_ONCE(sc->preparing, "prepared twice, and not submitted in between\n");
	sc->preparing = true;
}

static void dmasim_prep_end(struct dmasim_chan *sc)
{
	if (!prep_lock)
		return;
	WARN_ONCE(!sc->preparing, "submitted, and not prepared before\n");
	sc->preparing = false;
	local_bh_enable();
}

static dma_cookie_t dmasim_tx_submit(struct dma_async_tx_descriptor *tx)
{
	struct virt_dma_desc *vd = container_of(tx, struct virt_dma_desc, tx);
	struct dmasim_chan *sc = to_dmasim_chan(tx->chan);
	bool fail = dmasim_should_fail(DMASIM_FAULT_SUBMIT, to_dmasim_desc(vd)->len);
	dma_cookie_t cookie;
	unsigned long flags;

	spin_lock_irqsave(&sc->vc.lock, flags);
	if (fail || sc->dead) {
		/* The client has no way to give it back: it is ours again. */
		list_move(&vd->node, &sc->pool);
		if (fail)
			dmasim_record(sc, to_dmasim_desc(vd), DMASIM_FAULT_SUBMIT);
		cookie = fail ? -EIO : -ENODEV;
	} else {
		cookie = dma_cookie_assign(tx);
		list_move_tail(&vd->node, &sc->vc.desc_submitted);
		sc->stats.submitted++;
		if (prep_sleep)
			dmasim_issue(sc);
	}
	spin_unlock_irqrestore(&sc->vc.lock, flags);
	dmasim_prep_end(sc);

	return cookie;
}

static struct dmasim_desc *dmasim_desc_try_get(struct dmasim_chan *sc)
{
	struct dmasim_desc *desc;

	guard(spinlock_irqsave)(&sc->vc.lock);
	if (sc->dead)
		return NULL;
	desc = list_first_entry_or_null(&sc->pool, struct dmasim_desc, vd.node);
	if (desc) {
		list_del_init(&desc->vd.node);
		sc->stats.prepared++;
	} else {
		sc->stats.pool_empty++;
	}
	return desc;
}

static struct dmasim_desc *dmasim_desc_get(struct dmasim_chan *sc)
{
	struct dmasim_desc *desc = dmasim_desc_try_get(sc);

	if (desc || !prep_sleep)
		return desc;

	scoped_guard(spinlock_irqsave, &sc->vc.lock)
		sc->stats.prep_slept++;
	wait_event(sc->pool_wait, (desc = dmasim_desc_try_get(sc)) || READ_ONCE(sc->dead));
	return desc;
}

/* A descriptor with nothing in it; its entries are to be filled in. */
static struct dmasim_desc *dmasim_prep(struct dmasim_chan *sc, size_t len, unsigned int nr)
{
	struct dmasim_entry *entries;
	struct dmasim_desc *desc;

	if (dmasim_should_fail(DMASIM_FAULT_PREP, len) || dmasim_prep_is_over()) {
		guard(spinlock_irqsave)(&sc->vc.lock);
		sc->stats.fault[DMASIM_FAULT_PREP]++;
		return NULL;
	}

	dmasim_prep_begin(sc);
	desc = dmasim_desc_get(sc);
	if (!desc) {
		if (prep_lock)
			dmasim_prep_end(sc);
		return NULL;
	}

	entries = desc->entries;
	memset(desc, 0, sizeof(*desc));
	desc->entries = entries;
	desc->nr = nr;
	desc->len = len;
	return desc;
}

static struct dma_async_tx_descriptor *
dmasim_tx_prep(struct dmasim_chan *sc, struct dmasim_desc *desc, unsigned long tx_flags)
{
	struct dma_async_tx_descriptor *tx;

	tx = vchan_tx_prep(&sc->vc, &desc->vd, tx_flags);
	tx->tx_submit = dmasim_tx_submit;
	return tx;
}

static bool dmasim_can_copy(dma_addr_t dst, dma_addr_t src, size_t len)
{
	return len && (!max_len.val || len <= max_len.val) &&
	       IS_ALIGNED(dst | src | len, 1UL << copy_align.val);
}

static struct dma_async_tx_descriptor *
dmasim_prep_dma_memcpy(struct dma_chan *chan, dma_addr_t dst, dma_addr_t src,
		       size_t len, unsigned long tx_flags)
{
	struct dmasim_chan *sc = to_dmasim_chan(chan);
	struct dmasim_desc *desc;

	if (!dmasim_can_copy(dst, src, len))
		return NULL;
	desc = dmasim_prep(sc, len, 1);
	if (!desc)
		return NULL;

	desc->entries[0] = (struct dmasim_entry) { dst, src, len };
	return dmasim_tx_prep(sc, desc, tx_flags);
}

static struct dma_async_tx_descriptor *
dmasim_prep_dma_memcpy_sg(struct dma_chan *chan, const struct dma_vec *dst,
			  const struct dma_vec *src, unsigned int nents,
			  unsigned long tx_flags)
{
	struct dmasim_chan *sc = to_dmasim_chan(chan);
	struct dmasim_desc *desc;
	unsigned int i;
	size_t len = 0;

	if (!nents || nents > sg_max.val)
		return NULL;
	for (i = 0; i < nents; i++) {
		if (dst[i].len != src[i].len ||
		    !dmasim_can_copy(dst[i].addr, src[i].addr, src[i].len))
			return NULL;
		len += src[i].len;
	}
	desc = dmasim_prep(sc, len, nents);
	if (!desc)
		return NULL;

	scoped_guard(spinlock_irqsave, &sc->vc.lock) {
		sc->stats.prepared_sg++;
		sc->stats.entries_sg += nents;
	}
	for (i = 0; i < nents; i++)
		desc->entries[i] = (struct dmasim_entry) {
			dst[i].addr, src[i].addr, src[i].len
		};
	return dmasim_tx_prep(sc, desc, tx_flags);
}

static void dmasim_issue_pending(struct dma_chan *chan)
{
	struct dmasim_chan *sc = to_dmasim_chan(chan);

	guard(spinlock_irqsave)(&sc->vc.lock);
	if (!list_empty(&sc->vc.desc_submitted))
		dmasim_issue(sc);
}

static bool dmasim_cookie_failed(struct dmasim_chan *sc, dma_cookie_t cookie)
{
	unsigned int i;

	lockdep_assert_held(&sc->vc.lock);

	/* 0 is what a completed descriptor has for a cookie, and a free slot. */
	if (!cookie)
		return false;
	for (i = 0; i < DMASIM_FAILED; i++)
		if (sc->failed[i] == cookie)
			return true;
	return false;
}

static enum dma_status dmasim_tx_status(struct dma_chan *chan, dma_cookie_t cookie,
					struct dma_tx_state *state)
{
	struct dmasim_chan *sc = to_dmasim_chan(chan);
	struct virt_dma_desc *vd;
	struct dmasim_desc *desc;
	enum dma_status status;
	unsigned long flags;

	spin_lock_irqsave(&sc->vc.lock, flags);
	status = dma_cookie_status(chan, cookie, state);
	if (dmasim_cookie_failed(sc, cookie)) {
		/* Completed, but a client that polls must not believe it. */
		status = DMA_ERROR;
	} else if (shuffle) {
		/* One number cannot tell what is complete. */
		status = DMA_OUT_OF_ORDER;
	} else if (status == DMA_IN_PROGRESS) {
		desc = sc->cur;
		if (desc && desc->vd.tx.cookie == cookie) {
			dma_set_residue(state, desc->len - READ_ONCE(desc->done));
		} else {
			vd = vchan_find_desc(&sc->vc, cookie);
			if (vd)
				dma_set_residue(state, to_dmasim_desc(vd)->len);
		}
	}
	spin_unlock_irqrestore(&sc->vc.lock, flags);

	return status;
}

static int dmasim_terminate_all(struct dma_chan *chan)
{
	struct dmasim_chan *sc = to_dmasim_chan(chan);
	struct virt_dma_desc *vd;
	unsigned long flags;
	LIST_HEAD(head);

	spin_lock_irqsave(&sc->vc.lock, flags);
	/*
	 * Not desc_allocated, which vchan_get_all_descriptors() would give too:
	 * those are with a client that may be about to submit them.
	 */
	list_splice_tail_init(&sc->vc.desc_submitted, &head);
	list_splice_tail_init(&sc->vc.desc_issued, &head);
	list_for_each_entry(vd, &head, node)
		sc->stats.terminated++;
	list_splice_tail_init(&sc->vc.desc_completed, &head);
	/* synchronize gives them back to the pool */
	list_splice_tail(&head, &sc->vc.desc_terminated);
	if (sc->cur && sc->cur->late && !quiet_stop) {
		list_add_tail(&sc->cur->vd.node, &sc->vc.desc_terminated);
		sc->stats.terminated++;
		sc->cur = NULL;
		sc->ghost = true;
	} else if (sc->cur) {
		WRITE_ONCE(sc->cur->stop, true);
		dmasim_kick(sc);
	}
	spin_unlock_irqrestore(&sc->vc.lock, flags);

	/* dmasim_remove() may wait for the queue to become empty. */
	wake_up_all(&sc->quiet);
	return 0;
}

/* Is the engine still at a descriptor that has been terminated? */
static bool dmasim_stopping(struct dmasim_chan *sc)
{
	guard(spinlock_irqsave)(&sc->vc.lock);
	return sc->cur && sc->cur->stop;
}

/*
 * When this returns after dmasim_terminate_all(), nothing is copied for the
 * descriptors that were terminated, none will be, and their callbacks are over;
 * but for a late one with quiet=N.
 */
static void dmasim_synchronize(struct dma_chan *chan)
{
	struct dmasim_chan *sc = to_dmasim_chan(chan);

	wait_event(sc->quiet, !dmasim_stopping(sc));
	vchan_synchronize(&sc->vc);
}

static int dmasim_alloc_chan_resources(struct dma_chan *chan)
{
	struct dmasim_chan *sc = to_dmasim_chan(chan);
	struct device *dev = dmasim_chan_dev(sc);
	unsigned int i, nr_entries = max(sg_max.val, 1);
	struct dmasim_entry *entries;
	struct task_struct *task;
	struct dmasim_desc *descs;

	/*
	 * Any error but -ENODEV: for that one, the core takes the device off
	 * its list, and once more when the last reference to it goes.
	 */
	if (READ_ONCE(sc->dead))
		return -ENXIO;

	descs = kvcalloc_node(pool.val, sizeof(*descs), GFP_KERNEL, dev_to_node(dev));
	entries = kvcalloc_node(array_size(pool.val + 1, nr_entries), sizeof(*entries),
				GFP_KERNEL, dev_to_node(dev));
	if (!descs || !entries) {
		kvfree(entries);
		kvfree(descs);
		return -ENOMEM;
	}

	task = kthread_create_on_node(dmasim_thread, sc, dev_to_node(dev), "%s-%u",
				      dev_name(dev), sc->index);
	if (IS_ERR(task)) {
		kvfree(entries);
		kvfree(descs);
		return PTR_ERR(task);
	}

	spin_lock_irq(&sc->vc.lock);
	sc->descs = descs;
	sc->entries = entries;
	sc->late = &entries[pool.val * nr_entries];
	for (i = 0; i < pool.val; i++) {
		descs[i].entries = &entries[i * nr_entries];
		list_add_tail(&descs[i].vd.node, &sc->pool);
	}
	memset(sc->failed, 0, sizeof(sc->failed));
	sc->task = task;
	dmasim_kick(sc);
	spin_unlock_irq(&sc->vc.lock);

	return pool.val;
}

static void dmasim_free_chan_resources(struct dma_chan *chan)
{
	struct dmasim_chan *sc = to_dmasim_chan(chan);
	struct task_struct *task;

	dmasim_terminate_all(chan);
	dmasim_synchronize(chan);

	spin_lock_irq(&sc->vc.lock);
	task = sc->task;
	sc->task = NULL;
	spin_unlock_irq(&sc->vc.lock);
	kthread_stop(task);

	/* What was prepared and never submitted comes back here. */
	vchan_free_chan_resources(&sc->vc);
	INIT_LIST_HEAD(&sc->pool);
	kvfree(sc->entries);
	sc->entries = NULL;
	kvfree(sc->descs);
	sc->descs = NULL;
}

/*
 * The end of a device. Unbinding takes the engine away at once, but clients
 * may hold channels for as long as they like; the memory goes with the last.
 */

static void dmasim_free_dev(struct dmasim_dev *sd)
{
	unsigned int i;

	for (i = 0; i < sd->nr_chans; i++)
		kvfree(sd->chans[i].records);
	kfree(sd);
}

static bool dmasim_no_channel(struct dma_chan *chan, void *param)
{
	return false;
}

static void dmasim_free_work(struct work_struct *work)
{
	struct dmasim_dev *sd = container_of(work, struct dmasim_dev, free_work);
	struct device *dev = sd->dma.dev;
	dma_cap_mask_t mask;
	unsigned int i;

	/*
	 * dma_release_channel() calls device_release() for the last reference
	 * and then looks at the channel again, all under the mutex of dmaengine.
	 * A search that finds nothing takes that mutex, too, and when it is over
	 * nobody looks any more.
	 */
	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	dma_request_channel(mask, dmasim_no_channel, NULL);

	for (i = 0; i < sd->nr_chans; i++)
		put_device(&sd->chans[i].vc.chan.dev->device);
	dmasim_free_dev(sd);
	put_device(dev);
}

/* Called under the mutex of dmaengine */
static void dmasim_device_release(struct dma_device *dma)
{
	struct dmasim_dev *sd = container_of(dma, struct dmasim_dev, dma);

	queue_work(dmasim_wq, &sd->free_work);
}

/* Nothing is being copied and nothing waits for it? */
static bool dmasim_idle(struct dmasim_chan *sc)
{
	guard(spinlock_irqsave)(&sc->vc.lock);
	return !sc->cur && list_empty(&sc->vc.desc_issued);
}

static void dmasim_remove(struct platform_device *pdev)
{
	struct dmasim_dev *sd = platform_get_drvdata(pdev);
	struct dmasim_chan *sc;
	unsigned int i;

	while (READ_ONCE(remove_hold))
		msleep(20);

	for (i = 0; i < sd->nr_chans; i++) {
		sc = &sd->chans[i];
		spin_lock_irq(&sc->vc.lock);
		WRITE_ONCE(sc->dead, true);
		dmasim_kick(sc);
		spin_unlock_irq(&sc->vc.lock);
		wake_up_all(&sc->pool_wait);
	}

	/* The threads now fail what they have, and clients get their callbacks. */
	for (i = 0; i < sd->nr_chans; i++)
		wait_event(sd->chans[i].quiet, dmasim_idle(&sd->chans[i]));

	debugfs_remove_recursive(sd->debugfs);
	dma_async_device_unregister(&sd->dma);
}

static int dmasim_chan_show(struct seq_file *s, void *unused)
{
	struct dmasim_chan *sc = s->private;
	typeof(sc->stats) stats;
	unsigned int i;

	spin_lock_irq(&sc->vc.lock);
	stats = sc->stats;
	spin_unlock_irq(&sc->vc.lock);

	seq_printf(s, "prepared %llu\n", stats.prepared);
	seq_printf(s, "prepared_sg %llu\n", stats.prepared_sg);
	seq_printf(s, "entries_sg %llu\n", stats.entries_sg);
	seq_printf(s, "pool_empty %llu\n", stats.pool_empty);
	seq_printf(s, "submitted %llu\n", stats.submitted);
	seq_printf(s, "completed %llu\n", stats.completed);
	seq_printf(s, "bytes %llu\n", stats.bytes);
	seq_printf(s, "failed %llu\n", stats.failed);
	seq_printf(s, "terminated %llu\n", stats.terminated);
	seq_printf(s, "aborted %llu\n", stats.aborted);
	seq_printf(s, "bad_address %llu\n", stats.bad_address);
	seq_printf(s, "prep_slept %llu\n", stats.prep_slept);
	seq_printf(s, "late_writes %llu\n", stats.late_writes);
	seq_printf(s, "late_same %llu\n", stats.late_same);
	for (i = 0; i < DMASIM_NR_FAULTS; i++)
		seq_printf(s, "injected_%s %llu\n", dmasim_knobs[i].stat, stats.fault[i]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(dmasim_chan);

/* One line for each of the last descriptors that a fault was injected into */
static int dmasim_faults_show(struct seq_file *s, void *unused)
{
	struct dmasim_chan *sc = s->private;
	unsigned int i;

	guard(spinlock_irq)(&sc->vc.lock);
	for (i = 0; i < min(sc->nr_records, DMASIM_FAULTS_KEPT); i++)
		seq_printf(s, "%#llx %zu %s\n", (u64)sc->records[i].dst,
			   sc->records[i].len, dmasim_knobs[sc->records[i].fault].stat);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(dmasim_faults);

static void dmasim_init_chan(struct dmasim_dev *sd, unsigned int i)
{
	struct dmasim_chan *sc = &sd->chans[i];

	sc->index = i;
	INIT_LIST_HEAD(&sc->pool);
	init_waitqueue_head(&sc->quiet);
	init_waitqueue_head(&sc->pool_wait);
	/* Always the same seed: a run can be repeated. */
	prandom_seed_state(&sc->rnd, i + 1);
	sc->vc.desc_free = dmasim_desc_free;
	vchan_init(&sc->vc, &sd->dma);
}

static int dmasim_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct dma_device *dma;
	struct dmasim_dev *sd;
	char name[32];
	unsigned int i;
	int ret;

	/* The engine takes DMA addresses for physical ones. */
	if (device_iommu_mapped(dev))
		return dev_err_probe(dev, -ENODEV, "behind an IOMMU, which dmasim cannot use\n");

	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(dma_mask.val));
	if (ret)
		return dev_err_probe(dev, ret, "no support for a DMA mask of %u bits\n",
				     dma_mask.val);
	dma_set_max_seg_size(dev, max_len.val ?: UINT_MAX);

	/* Not devm_: it lives until the last client is gone. */
	sd = kzalloc_flex(*sd, chans, channels.val);
	if (!sd)
		return -ENOMEM;
	sd->nr_chans = channels.val;
	for (i = 0; i < sd->nr_chans; i++) {
		sd->chans[i].records = kvcalloc(DMASIM_FAULTS_KEPT,
						sizeof(*sd->chans[i].records), GFP_KERNEL);
		if (!sd->chans[i].records) {
			dmasim_free_dev(sd);
			return -ENOMEM;
		}
	}
	INIT_WORK(&sd->free_work, dmasim_free_work);

	dma = &sd->dma;
	/* Clients map and unmap with the device, and may do so after unbind. */
	dma->dev = get_device(dev);
	INIT_LIST_HEAD(&dma->channels);
	for (i = 0; i < sd->nr_chans; i++)
		dmasim_init_chan(sd, i);

	dma_cap_set(DMA_MEMCPY, dma->cap_mask);
	if (sg_max.val) {
		dma_cap_set(DMA_MEMCPY_SG, dma->cap_mask);
		dma->max_memcpy_sg = sg_max.val;
		dma->device_prep_dma_memcpy_sg = dmasim_prep_dma_memcpy_sg;
	}
	if (private_chans)
		dma_cap_set(DMA_PRIVATE, dma->cap_mask);
	if (shuffle)
		dma_cap_set(DMA_COMPLETION_NO_ORDER, dma->cap_mask);
	dma->copy_align = copy_align.val;
	dma->directions = BIT(DMA_MEM_TO_MEM);
	dma->residue_granularity = DMA_RESIDUE_GRANULARITY_BURST;

	dma->device_alloc_chan_resources = dmasim_alloc_chan_resources;
	dma->device_free_chan_resources = dmasim_free_chan_resources;
	dma->device_prep_dma_memcpy = dmasim_prep_dma_memcpy;
	dma->device_issue_pending = dmasim_issue_pending;
	dma->device_tx_status = dmasim_tx_status;
	dma->device_terminate_all = dmasim_terminate_all;
	dma->device_synchronize = dmasim_synchronize;
	dma->device_release = dmasim_device_release;

	ret = dma_async_device_register(dma);
	if (ret) {
		dmasim_free_dev(sd);
		put_device(dev);
		return dev_err_probe(dev, ret, "cannot register with dmaengine\n");
	}

	/*
	 * Unregistering drops the class device of each channel, and yet clients
	 * go on to read its name, or the device to map for, through chan->dev.
	 */
	for (i = 0; i < sd->nr_chans; i++)
		get_device(&sd->chans[i].vc.chan.dev->device);

	platform_set_drvdata(pdev, sd);

	sd->debugfs = debugfs_create_dir(dev_name(dev), dmasim_debugfs);
	for (i = 0; i < sd->nr_chans; i++) {
		snprintf(name, sizeof(name), "chan%u", i);
		debugfs_create_file(name, 0444, sd->debugfs, &sd->chans[i], &dmasim_chan_fops);
		snprintf(name, sizeof(name), "faults%u", i);
		debugfs_create_file(name, 0444, sd->debugfs, &sd->chans[i], &dmasim_faults_fops);
	}

	dev_info(dev, "emulated DMA engine for testing, dma%d, %u channels, node %d\n",
		 dma->dev_id, sd->nr_chans, dev_to_node(dev));
	return 0;
}

/* The devices have this name, whatever that of the driver is. */
static const struct platform_device_id dmasim_ids[] = {
	{ .name = KBUILD_MODNAME },
	{ }
};

static struct platform_driver dmasim_driver = {
	.probe = dmasim_probe,
	.remove = dmasim_remove,
	.id_table = dmasim_ids,
	.driver = {
		.name = KBUILD_MODNAME,
		.probe_type = PROBE_FORCE_SYNCHRONOUS,
	},
};

static struct platform_device *__init dmasim_add_device(unsigned int i)
{
	struct platform_device *pdev;
	int ret;

	pdev = platform_device_alloc(KBUILD_MODNAME, i);
	if (!pdev)
		return ERR_PTR(-ENOMEM);

	set_dev_node(&pdev->dev, node[i]);
	/*
	 * The CPU that copies sees what the CPUs have in their caches. If the
	 * architecture thought otherwise, unmapping would throw the copy away.
	 */
	dev_set_dma_coherent(&pdev->dev);

	ret = platform_device_add(pdev);
	if (ret) {
		platform_device_put(pdev);
		return ERR_PTR(ret);
	}

	/* Adding succeeds whether or not the driver took it. */
	if (!pdev->dev.driver) {
		platform_device_unregister(pdev);
		return ERR_PTR(-ENODEV);
	}
	return pdev;
}

static void dmasim_cleanup(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		platform_device_unregister(dmasim_pdevs[i]);
	platform_driver_unregister(&dmasim_driver);
	/* Also waits for the memory of devices to be freed */
	destroy_workqueue(dmasim_wq);
	debugfs_remove_recursive(dmasim_debugfs);
}

static int __init dmasim_init(void)
{
	struct platform_device *pdev;
	unsigned int i;
	int ret;

	for (i = 0; i < devices.val; i++) {
		if (node[i] == NUMA_NO_NODE)
			continue;
		if (node[i] < 0 || node[i] >= MAX_NUMNODES || !node_online(node[i])) {
			pr_err("node %d of device %u is not an online node\n", node[i], i);
			return -EINVAL;
		}
	}

	if (prep_lock && prep_sleep) {
		pr_err("prep_lock and prep_sleep exclude each other\n");
		return -EINVAL;
	}

	/* Clients that know engines by their drivers have to know this one as another. */
	if (alias)
		dmasim_driver.driver.name = "dmasim-alias";
	else if (!quiet_stop)
		dmasim_driver.driver.name = "dmasim-wild";

	dmasim_wq = alloc_workqueue("dmasim", WQ_UNBOUND, 0);
	if (!dmasim_wq)
		return -ENOMEM;

	dmasim_debugfs = debugfs_create_dir("dmasim", NULL);
	for (i = 0; i < DMASIM_NR_FAULTS; i++) {
		dmasim_fault_attr_init(&dmasim_knobs[i].attr);
		fault_create_debugfs_attr(dmasim_knobs[i].dir, dmasim_debugfs,
					  &dmasim_knobs[i].attr);
	}

	ret = platform_driver_register(&dmasim_driver);
	if (ret) {
		debugfs_remove_recursive(dmasim_debugfs);
		destroy_workqueue(dmasim_wq);
		return ret;
	}

	for (i = 0; i < devices.val; i++) {
		pdev = dmasim_add_device(i);
		if (IS_ERR(pdev)) {
			dmasim_cleanup(i);
			return PTR_ERR(pdev);
		}
		dmasim_pdevs[i] = pdev;
	}
	return 0;
}
module_init(dmasim_init);

static void __exit dmasim_exit(void)
{
	dmasim_cleanup(devices.val);
}
module_exit(dmasim_exit);

MODULE_AUTHOR("The migrate_ext authors");
MODULE_DESCRIPTION("Software dmaengine memcpy provider, for testing");
MODULE_LICENSE("GPL");
