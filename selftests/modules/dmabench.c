// SPDX-License-Identifier: GPL-2.0
/*
 * dmabench: times the memcpy channels of one dmaengine provider, without the migration that
 * they are for: what prepare, submit and issue cost the client, and how long it waits.
 *
 *	insmod dmabench.ko
 *	cd /sys/module/dmabench/parameters
 *	echo dmasim.0 > device; echo 4 > chan; echo 4096 > folio; echo 64 > sge
 *	echo 1 > run
 *	cat /sys/kernel/debug/dmabench/results
 *
 * One thread for each channel. A thread has pairs of folios, mapped once, and works off
 * @mib MiB in batches of @sge copies: prepare and submit each, issue, wait for all. With
 * mode=memcpy_sg a batch is one descriptor, where the provider has DMA_MEMCPY_SG. A run more,
 * before those that are timed, clears the destinations before each batch and compares every
 * byte after it; after the others, the destinations are compared once. With an error, or a
 * wrong byte, there are no figures.
 *
 * A line of the results is one run: the mode, channels, bytes of a folio, copies of a batch;
 * run_ms from the start of the threads to the end of the last; then sums over the threads:
 * prep_ms, submit_ms, issue_ms, wait_ms, and the number of prepare calls. Each call is
 * between two readings of the clock, which are in its time; "clock_ns" in the file
 * calibration is what one costs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#define BENCH_MAX_CHANS		64
#define BENCH_MAX_SGE		4096
#define BENCH_MAX_RUNS		1024
#define BENCH_TIMEOUT		(30 * HZ)

enum bench_mode {
	BENCH_MEMCPY,
	BENCH_MEMCPY_SG,
};

static const char * const bench_modes[] = {
	[BENCH_MEMCPY]		= "memcpy",
#ifdef HAVE_MEMCPY_SG
	[BENCH_MEMCPY_SG]	= "memcpy_sg",
#endif
};

static char device[32];
module_param_string(device, device, sizeof(device), 0644);
MODULE_PARM_DESC(device, "Device, or its driver, whose channels are used (default: any)");

static char mode[16] = "memcpy";
module_param_string(mode, mode, sizeof(mode), 0644);
MODULE_PARM_DESC(mode, "memcpy or memcpy_sg (default: memcpy)");

static unsigned int chan = 1;
module_param(chan, uint, 0644);
MODULE_PARM_DESC(chan, "Channels, each with a thread (1..64, default: 1)");

static unsigned int folio = PAGE_SIZE;
module_param(folio, uint, 0644);
MODULE_PARM_DESC(folio, "Bytes of a folio, a power of two (4096..2097152, default: 4096)");

static unsigned int sge = 64;
module_param(sge, uint, 0644);
MODULE_PARM_DESC(sge, "Copies of a batch (1..4096, default: 64)");

static unsigned int mib = 16;
module_param(mib, uint, 0644);
MODULE_PARM_DESC(mib, "MiB that each channel copies in a run (1..65536, default: 16)");

static unsigned int runs = 1;
module_param(runs, uint, 0644);
MODULE_PARM_DESC(runs, "Runs (1..1024, default: 1)");

static unsigned int memory_mib = 128;
module_param(memory_mib, uint, 0644);
MODULE_PARM_DESC(memory_mib, "MiB that all folios may take; with less than batches want they are used again (default: 128)");

struct bench_times {
	u64 prep;
	u64 submit;
	u64 issue;
	u64 wait;
	u64 preps;
};

struct bench_line {
	enum bench_mode mode;
	unsigned int chan;
	unsigned int folio;
	unsigned int sge;
	u64 run;
	struct bench_times t;
};

struct bench_pair {
	struct page *src;
	struct page *dst;
	dma_addr_t src_bus;
	dma_addr_t dst_bus;
};

/**
 * struct bench - what a run of all channels shares
 * @mode: see the parameter; like those that follow, constant
 * @folio: likewise
 * @sge: likewise
 * @batches: how many each channel does
 * @left: copies of the last one
 * @verify: clear before each batch, and compare after it
 * @go: the threads may begin
 */
struct bench {
	enum bench_mode mode;
	unsigned int folio;
	unsigned int sge;
	unsigned int batches;
	unsigned int left;
	bool verify;
	struct completion go;
};

struct bench_chan {
	struct bench *bench;
	struct dma_chan *chan;
	struct device *dev;
	struct task_struct *task;
	struct bench_pair *pairs;
	unsigned int nr_pairs;
#ifdef HAVE_MEMCPY_SG
	struct dma_vec *src;
	struct dma_vec *dst;
#endif
	atomic_t pending;
	atomic_t errors;
	struct completion done;		/* of a batch */
	struct completion ended;	/* of the thread */
	struct bench_times t;
	ktime_t end;
	int ret;
	bool stuck;
};

static DEFINE_MUTEX(bench_mutex);	/* protects all that follows */
static struct bench_line bench_lines[BENCH_MAX_RUNS];
static unsigned int bench_nr_lines;

static void bench_callback(void *param, const struct dmaengine_result *result)
{
	struct bench_chan *bc = param;

	if (!result || result->result != DMA_TRANS_NOERROR)
		atomic_inc(&bc->errors);
	if (atomic_dec_and_test(&bc->pending))
		complete(&bc->done);
}

static struct dma_async_tx_descriptor *bench_prep(struct bench_chan *bc, unsigned int at,
						  unsigned int nr)
{
	unsigned long flags = DMA_PREP_INTERRUPT | DMA_CTRL_ACK;
	const struct bench_pair *pair = &bc->pairs[at % bc->nr_pairs];

#ifdef HAVE_MEMCPY_SG
	if (bc->bench->mode == BENCH_MEMCPY_SG)
		return dmaengine_prep_dma_memcpy_sg(bc->chan, bc->dst, bc->src, nr, flags);
#endif
	return dmaengine_prep_dma_memcpy(bc->chan, pair->dst_bus, pair->src_bus,
					 bc->bench->folio, flags);
}

/* One descriptor. -EAGAIN: the provider has none at the moment. */
static int bench_submit(struct bench_chan *bc, unsigned int at, unsigned int nr)
{
	struct dma_async_tx_descriptor *tx;
	ktime_t begin, prepared, submitted;
	dma_cookie_t cookie;

	begin = ktime_get();
	tx = bench_prep(bc, at, nr);
	prepared = ktime_get();
	if (!tx)
		return -EAGAIN;
	tx->callback_result = bench_callback;
	tx->callback_param = bc;
	atomic_inc(&bc->pending);
	/* The assignments are the client's, not the provider's. */
	submitted = ktime_get();
	bc->t.prep += ktime_to_ns(ktime_sub(prepared, begin));
	cookie = dmaengine_submit(tx);
	bc->t.submit += ktime_to_ns(ktime_sub(ktime_get(), submitted));
	bc->t.preps++;
	if (dma_submit_error(cookie)) {
		atomic_dec(&bc->pending);
		return -EIO;
	}
	return 0;
}

static void bench_issue(struct bench_chan *bc)
{
	ktime_t begin = ktime_get();

	dma_async_issue_pending(bc->chan);
	bc->t.issue += ktime_to_ns(ktime_sub(ktime_get(), begin));
}

/* With a count of its own, pending does not get to 0 before all are submitted. */
static int bench_wait(struct bench_chan *bc)
{
	ktime_t begin = ktime_get();
	int ret = 0;

	if (atomic_dec_and_test(&bc->pending))
		complete(&bc->done);
	if (!wait_for_completion_timeout(&bc->done, BENCH_TIMEOUT)) {
		bc->stuck = true;
		ret = -ETIMEDOUT;
	}
	bc->t.wait += ktime_to_ns(ktime_sub(ktime_get(), begin));
	return ret;
}

static int bench_batch(struct bench_chan *bc, unsigned int nr)
{
	unsigned int i = 0, step = bc->bench->mode == BENCH_MEMCPY_SG ? nr : 1;
	int ret = 0, waited;

	while (i < nr && !ret) {
		unsigned int first = i;

		reinit_completion(&bc->done);
		atomic_set(&bc->pending, 1);
		while (i < nr) {
			ret = bench_submit(bc, i, step);
			if (ret)
				break;
			i += step;
		}
		/* An empty pool: what has been submitted makes room. */
		if (ret == -EAGAIN && i > first)
			ret = 0;
		bench_issue(bc);
		waited = bench_wait(bc);
		ret = ret ?: waited;
	}
	return ret;
}

static int bench_verify(struct bench_chan *bc, unsigned int used)
{
	unsigned int i;

	for (i = 0; i < min(used, bc->nr_pairs); i++) {
		struct bench_pair *pair = &bc->pairs[i];

		dma_sync_single_for_cpu(bc->dev, pair->dst_bus, bc->bench->folio, DMA_FROM_DEVICE);
		if (memcmp(page_address(pair->src), page_address(pair->dst), bc->bench->folio)) {
			pr_err("%s: a copy was reported as good and is not\n",
			       dma_chan_name(bc->chan));
			return -EILSEQ;
		}
	}
	return 0;
}

/* So that the destinations do not have yet what will be copied. */
static void bench_clear(struct bench_chan *bc)
{
	unsigned int i;

	for (i = 0; i < bc->nr_pairs; i++) {
		struct bench_pair *pair = &bc->pairs[i];

		dma_sync_single_for_cpu(bc->dev, pair->dst_bus, bc->bench->folio, DMA_FROM_DEVICE);
		memset(page_address(pair->dst), (u8)~(i * 37 + 1), bc->bench->folio);
		dma_sync_single_for_device(bc->dev, pair->dst_bus, bc->bench->folio,
					   DMA_FROM_DEVICE);
	}
}

static int bench_thread(void *data)
{
	struct bench_chan *bc = data;
	struct bench *b = bc->bench;
	unsigned int i;

	wait_for_completion(&b->go);
	for (i = 0; i < b->batches && !bc->ret; i++) {
		unsigned int nr = i == b->batches - 1 ? b->left : b->sge;

		if (b->verify)
			bench_clear(bc);
		bc->ret = bench_batch(bc, nr);
		if (!bc->ret && atomic_read(&bc->errors))
			bc->ret = -EIO;
		if (b->verify && !bc->ret)
			bc->ret = bench_verify(bc, nr);
	}
	bc->end = ktime_get();
	complete(&bc->ended);
	return 0;
}

/*
 * Memory
 */

static void bench_free_pair(struct bench_chan *bc, struct bench_pair *pair)
{
	unsigned int order = get_order(bc->bench->folio);

	if (pair->dst_bus)
		dma_unmap_page(bc->dev, pair->dst_bus, bc->bench->folio, DMA_FROM_DEVICE);
	if (pair->src_bus)
		dma_unmap_page(bc->dev, pair->src_bus, bc->bench->folio, DMA_TO_DEVICE);
	if (pair->dst)
		__free_pages(pair->dst, order);
	if (pair->src)
		__free_pages(pair->src, order);
}

static int bench_alloc_pair(struct bench_chan *bc, struct bench_pair *pair, u8 seed)
{
	unsigned int order = get_order(bc->bench->folio), bytes = bc->bench->folio;
	dma_addr_t bus;

	pair->src = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_NOWARN, order);
	pair->dst = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_NOWARN, order);
	if (!pair->src || !pair->dst)
		return -ENOMEM;
	memset(page_address(pair->src), seed, bytes);
	memset(page_address(pair->dst), ~seed, bytes);
	bus = dma_map_page(bc->dev, pair->src, 0, bytes, DMA_TO_DEVICE);
	if (dma_mapping_error(bc->dev, bus))
		return -EIO;
	pair->src_bus = bus;
	bus = dma_map_page(bc->dev, pair->dst, 0, bytes, DMA_FROM_DEVICE);
	if (dma_mapping_error(bc->dev, bus))
		return -EIO;
	pair->dst_bus = bus;
	return 0;
}

static int bench_alloc_vecs(struct bench_chan *bc)
{
#ifdef HAVE_MEMCPY_SG
	unsigned int i;

	bc->src = kvzalloc_objs(*bc->src, bc->bench->sge);
	bc->dst = kvzalloc_objs(*bc->dst, bc->bench->sge);
	if (!bc->src || !bc->dst)
		return -ENOMEM;
	for (i = 0; i < bc->bench->sge; i++) {
		const struct bench_pair *pair = &bc->pairs[i % bc->nr_pairs];

		bc->src[i] = (struct dma_vec) { .addr = pair->src_bus, .len = bc->bench->folio };
		bc->dst[i] = (struct dma_vec) { .addr = pair->dst_bus, .len = bc->bench->folio };
	}
#endif
	return 0;
}

static int bench_alloc(struct bench_chan *bc, unsigned int nr)
{
	unsigned int i;
	int ret;

	bc->pairs = kvzalloc_objs(*bc->pairs, nr);
	if (!bc->pairs)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		bc->nr_pairs = i + 1;
		ret = bench_alloc_pair(bc, &bc->pairs[i], i * 37 + 1);
		if (ret)
			return ret;
	}
	return bench_alloc_vecs(bc);
}

/* What may still be written to stays for ever, with its channel. */
static void bench_free(struct bench_chan *bc)
{
	unsigned int i;

	if (bc->stuck) {
		pr_err("%s did not finish: it is not released, nor its memory\n",
		       dma_chan_name(bc->chan));
		__module_get(THIS_MODULE);
		return;
	}
	for (i = 0; i < bc->nr_pairs; i++)
		bench_free_pair(bc, &bc->pairs[i]);
	kvfree(bc->pairs);
#ifdef HAVE_MEMCPY_SG
	kvfree(bc->src);
	kvfree(bc->dst);
#endif
	if (bc->chan)
		dma_release_channel(bc->chan);
}

/*
 * Runs
 */

static bool bench_filter(struct dma_chan *c, void *unused)
{
	struct device *dev = c->device->dev;

	return !*device || !strcmp(device, dev_name(dev)) ||
	       !strcmp(device, dev_driver_string(dev));
}

static int bench_take(struct bench *b, struct bench_chan *bc)
{
	dma_cap_mask_t mask;

	bc->bench = b;
	init_completion(&bc->done);
	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
#ifdef HAVE_MEMCPY_SG
	if (b->mode == BENCH_MEMCPY_SG)
		dma_cap_set(DMA_MEMCPY_SG, mask);
#endif
	bc->chan = dma_request_channel(mask, bench_filter, NULL);
	if (!bc->chan)
		return -ENODEV;
	bc->dev = dmaengine_get_dma_device(bc->chan);
#ifdef HAVE_MEMCPY_SG
	if (b->mode == BENCH_MEMCPY_SG && b->sge > bc->chan->device->max_memcpy_sg)
		return -E2BIG;
#endif
	return 0;
}

static int bench_start(struct bench_chan *bc)
{
	memset(&bc->t, 0, sizeof(bc->t));
	atomic_set(&bc->errors, 0);
	bc->ret = 0;
	init_completion(&bc->ended);
	bc->task = kthread_run(bench_thread, bc, "dmabench/%s", dma_chan_name(bc->chan));
	return PTR_ERR_OR_ZERO(bc->task);
}

static int bench_run_once(struct bench *b, struct bench_chan *bcs, unsigned int nr,
			  struct bench_line *line)
{
	unsigned int i, started, used = b->batches > 1 ? b->sge : b->left;
	ktime_t begin, end = 0;
	int ret = 0;

	init_completion(&b->go);
	for (started = 0; started < nr && !ret; started++) {
		bench_clear(&bcs[started]);
		ret = bench_start(&bcs[started]);
		if (ret)
			break;
	}
	begin = ktime_get();
	complete_all(&b->go);
	for (i = 0; i < started; i++) {
		wait_for_completion(&bcs[i].ended);
		end = max(end, bcs[i].end);
		ret = ret ?: bcs[i].ret;
	}
	if (ret)
		return ret;

	*line = (struct bench_line) {
		.mode = b->mode, .chan = nr, .folio = b->folio, .sge = b->sge,
		.run = ktime_to_ns(ktime_sub(end, begin)),
	};
	for (i = 0; i < nr; i++) {
		line->t.prep += bcs[i].t.prep;
		line->t.submit += bcs[i].t.submit;
		line->t.issue += bcs[i].t.issue;
		line->t.wait += bcs[i].t.wait;
		line->t.preps += bcs[i].t.preps;
		ret = ret ?: bench_verify(&bcs[i], used);
	}
	return ret;
}

static int bench_run(struct bench *b, struct bench_chan *bcs, unsigned int nr,
		     unsigned int nr_runs)
{
	u64 pairs = div_u64((u64)memory_mib << 20, 2 * b->folio * nr);
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = bench_take(b, &bcs[i]) ?:
		      bench_alloc(&bcs[i], clamp_t(u64, pairs, 1, b->sge));
		if (ret)
			return ret;
	}
	/* Folios are used again, so one copy that was not made would not show at the end. */
	b->verify = true;
	ret = bench_run_once(b, bcs, nr, &bench_lines[0]);
	if (ret)
		return ret;
	b->verify = false;
	for (i = 0; i < nr_runs; i++) {
		ret = bench_run_once(b, bcs, nr, &bench_lines[i]);
		if (ret)
			return ret;
		bench_nr_lines = i + 1;
	}
	return 0;
}

static int bench_run_set(const char *val, const struct kernel_param *kp)
{
	unsigned int nr = chan, nr_runs = runs, i;
	struct bench b = { .folio = folio, .sge = sge };
	struct bench_chan *bcs;
	bool on, stuck = false;
	u64 copies;
	int ret;

	if (!val || kstrtobool(val, &on) || !on)
		return -EINVAL;
	ret = match_string(bench_modes, ARRAY_SIZE(bench_modes), strim(mode));
	if (ret < 0)
		return -EINVAL;
	b.mode = ret;
	strim(device);
	if (!nr || nr > BENCH_MAX_CHANS || !b.sge || b.sge > BENCH_MAX_SGE || !nr_runs ||
	    nr_runs > BENCH_MAX_RUNS || b.folio < PAGE_SIZE || b.folio > SZ_2M ||
	    !is_power_of_2(b.folio) || !mib || mib > 65536 || !memory_mib)
		return -EINVAL;
	copies = div_u64((u64)mib << 20, b.folio);
	if (!copies)
		return -EINVAL;
	b.batches = DIV_ROUND_UP_ULL(copies, b.sge);
	b.left = copies - (u64)(b.batches - 1) * b.sge;

	guard(mutex)(&bench_mutex);
	bench_nr_lines = 0;
	bcs = kvzalloc_objs(*bcs, nr);
	if (!bcs)
		return -ENOMEM;
	ret = bench_run(&b, bcs, nr, nr_runs);
	for (i = 0; i < nr; i++) {
		stuck |= bcs[i].stuck;
		bench_free(&bcs[i]);
	}
	/* Callbacks may still come. */
	if (!stuck)
		kvfree(bcs);
	if (ret)
		bench_nr_lines = 0;
	return ret;
}

static const struct kernel_param_ops bench_run_ops = {
	.set = bench_run_set,
};
module_param_cb(run, &bench_run_ops, NULL, 0200);
MODULE_PARM_DESC(run, "Writing 1 makes the runs, and returns when they are over");

static void bench_ms(struct seq_file *s, u64 ns)
{
	u32 rest;
	u64 ms = div_u64_rem(ns, NSEC_PER_MSEC, &rest);

	seq_printf(s, " %llu.%06u", ms, rest);
}

static int bench_results_show(struct seq_file *s, void *unused)
{
	unsigned int i;

	guard(mutex)(&bench_mutex);
	seq_puts(s, "mode chan folio sge run_ms prep_ms submit_ms issue_ms wait_ms prep_calls\n");
	for (i = 0; i < bench_nr_lines; i++) {
		const struct bench_line *l = &bench_lines[i];

		seq_printf(s, "%s %u %u %u", bench_modes[l->mode], l->chan, l->folio, l->sge);
		bench_ms(s, l->run);
		bench_ms(s, l->t.prep);
		bench_ms(s, l->t.submit);
		bench_ms(s, l->t.issue);
		bench_ms(s, l->t.wait);
		seq_printf(s, " %llu\n", l->t.preps);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(bench_results);

static int bench_calibration_show(struct seq_file *s, void *unused)
{
	ktime_t begin, end;
	int i;

	begin = ktime_get();
	for (i = 0; i < 1024; i++)
		end = ktime_get();
	seq_printf(s, "clock_ns %llu\n", ktime_to_ns(ktime_sub(end, begin)) / 1024);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(bench_calibration);

static struct dentry *bench_dir;

static int __init bench_init(void)
{
	bench_dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("results", 0444, bench_dir, NULL, &bench_results_fops);
	debugfs_create_file("calibration", 0444, bench_dir, NULL, &bench_calibration_fops);
	return 0;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	debugfs_remove_recursive(bench_dir);
}
module_exit(bench_exit);

MODULE_DESCRIPTION("Times the memcpy channels of a dmaengine provider");
MODULE_AUTHOR("The migrate_ext authors");
MODULE_LICENSE("GPL");
