// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unit tests of the ZynqMP DMA driver, part of zynqmp_dma.c: the registers are plain
 * memory, and the tests play the engine. Memory does not clear bits that are written,
 * nor counters that are read: zynqmp_test_interrupt() does.
 */

#include <kunit/device.h>
#include <kunit/test.h>

#include <linux/bottom_half.h>

#define ZYNQMP_TEST_REGS	0x400

struct zynqmp_test {
	struct zynqmp_dma_device zdev;
	struct zynqmp_dma_chan chan;
	u8 regs[ZYNQMP_TEST_REGS] __aligned(8);
	struct zynqmp_dma_desc_sw descs[ZYNQMP_DMA_NUM_DESCS];
	struct zynqmp_dma_desc_ll lls[ZYNQMP_DMA_NUM_DESCS][2];
	unsigned int calls;
	enum dmaengine_tx_result results[ZYNQMP_DMA_NUM_DESCS];
};

static void zynqmp_test_callback(void *param, const struct dmaengine_result *result)
{
	struct zynqmp_test *t = param;

	if (t->calls < ARRAY_SIZE(t->results))
		t->results[t->calls] = result->result;
	t->calls++;
}

static void zynqmp_test_submit(struct kunit *test, unsigned int nr)
{
	struct zynqmp_test *t = test->priv;
	struct dma_async_tx_descriptor *tx;

	while (nr--) {
		tx = zynqmp_dma_prep_memcpy(&t->chan.common, 0x20000, 0x10000, 4096,
					    DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
		KUNIT_ASSERT_NOT_NULL(test, tx);
		tx->callback_result = zynqmp_test_callback;
		tx->callback_param = t;
		KUNIT_ASSERT_GT(test, dmaengine_submit(tx), 0);
	}
}

/* The engine has counted @count descriptors and raises an interrupt. */
static void zynqmp_test_interrupt(struct zynqmp_test *t, u32 isr, u32 count)
{
	struct zynqmp_dma_chan *chan = &t->chan;

	writel(isr, chan->regs + ZYNQMP_DMA_ISR);
	writel(count, chan->regs + ZYNQMP_DMA_IRQ_DST_ACCT);
	local_bh_disable();
	zynqmp_dma_irq_handler(0, chan);
	writel(0, chan->regs + ZYNQMP_DMA_ISR);
	/* Here the tasklet runs. */
	local_bh_enable();
	writel(0, chan->regs + ZYNQMP_DMA_IRQ_DST_ACCT);
}

static int zynqmp_test_init(struct kunit *test)
{
	struct zynqmp_dma_chan *chan;
	struct zynqmp_test *t;
	unsigned int i;

	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;

	t->zdev.dev = kunit_device_register(test, "zynqmp-kunit");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->zdev.dev);
	t->zdev.common.dev = t->zdev.dev;
	t->zdev.common.device_issue_pending = zynqmp_dma_issue_pending;

	chan = &t->chan;
	chan->dev = t->zdev.dev;
	chan->zdev = &t->zdev;
	chan->regs = (__force void __iomem *)t->regs;
	chan->src_burst_len = ZYNQMP_DMA_MAX_SRC_BURST_LEN;
	chan->dst_burst_len = ZYNQMP_DMA_MAX_DST_BURST_LEN;
	chan->desc_size = sizeof(struct zynqmp_dma_desc_ll);
	chan->desc_free_cnt = ZYNQMP_DMA_NUM_DESCS;
	chan->idle = true;
	tasklet_setup(&chan->tasklet, zynqmp_dma_do_tasklet);
	spin_lock_init(&chan->lock);
	INIT_LIST_HEAD(&chan->active_list);
	INIT_LIST_HEAD(&chan->pending_list);
	INIT_LIST_HEAD(&chan->done_list);
	INIT_LIST_HEAD(&chan->held_list);
	INIT_LIST_HEAD(&chan->free_list);
	dma_cookie_init(&chan->common);
	chan->common.device = &t->zdev.common;
	for (i = 0; i < ZYNQMP_DMA_NUM_DESCS; i++) {
		struct zynqmp_dma_desc_sw *desc = &t->descs[i];

		dma_async_tx_descriptor_init(&desc->async_tx, &chan->common);
		desc->async_tx.tx_submit = zynqmp_dma_tx_submit;
		desc->src_v = &t->lls[i][0];
		desc->dst_v = &t->lls[i][1];
		desc->src_p = 0x1000 + i * sizeof(t->lls[0]);
		desc->dst_p = desc->src_p + sizeof(t->lls[0][0]);
		list_add_tail(&desc->node, &chan->free_list);
	}
	return 0;
}

static void zynqmp_test_exit(struct kunit *test)
{
	struct zynqmp_test *t = test->priv;

	if (t && t->chan.zdev)
		tasklet_kill(&t->chan.tasklet);
}

/* All that there were are free again. */
static void zynqmp_test_expect_free(struct kunit *test)
{
	struct zynqmp_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, t->chan.desc_free_cnt, ZYNQMP_DMA_NUM_DESCS);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&t->chan.free_list), ZYNQMP_DMA_NUM_DESCS);
}

static void zynqmp_test_good(struct kunit *test)
{
	struct zynqmp_test *t = test->priv;
	unsigned int i;

	zynqmp_test_submit(test, 5);
	dma_async_issue_pending(&t->chan.common);
	KUNIT_EXPECT_EQ(test, readl(t->chan.regs + ZYNQMP_DMA_CTRL2), ZYNQMP_DMA_ENABLE);
	zynqmp_test_interrupt(t, ZYNQMP_DMA_DST_DSCR_DONE, 2);
	KUNIT_EXPECT_EQ(test, t->calls, 2);
	zynqmp_test_interrupt(t, ZYNQMP_DMA_INT_DONE, 3);
	KUNIT_EXPECT_EQ(test, t->calls, 5);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, t->results[i], DMA_TRANS_NOERROR);
	zynqmp_test_expect_free(test);
}

/* Two are good, then there is an error: the rest of the chain has failed, all of it. */
static void zynqmp_test_failed(struct kunit *test, u32 isr, enum dmaengine_tx_result result)
{
	struct zynqmp_test *t = test->priv;
	unsigned int i;

	zynqmp_test_submit(test, 6);
	dma_async_issue_pending(&t->chan.common);
	/* These are not the channel's yet. */
	zynqmp_test_submit(test, 2);
	zynqmp_test_interrupt(t, ZYNQMP_DMA_DST_DSCR_DONE, 2);
	zynqmp_test_interrupt(t, isr, 1);
	KUNIT_ASSERT_EQ(test, t->calls, 6);
	for (i = 0; i < 6; i++)
		KUNIT_EXPECT_EQ(test, t->results[i], i < 2 ? DMA_TRANS_NOERROR : result);

	/* They are now, and are not concerned. */
	KUNIT_EXPECT_EQ(test, list_count_nodes(&t->chan.active_list), 2);
	KUNIT_EXPECT_FALSE(test, t->chan.idle);
	zynqmp_test_interrupt(t, ZYNQMP_DMA_INT_DONE, 2);
	KUNIT_ASSERT_EQ(test, t->calls, 8);
	KUNIT_EXPECT_EQ(test, t->results[6], DMA_TRANS_NOERROR);
	KUNIT_EXPECT_EQ(test, t->results[7], DMA_TRANS_NOERROR);
	zynqmp_test_expect_free(test);
}

static void zynqmp_test_read_error(struct kunit *test)
{
	zynqmp_test_failed(test, ZYNQMP_DMA_INT_DONE | ZYNQMP_DMA_AXI_RD_DATA,
			   DMA_TRANS_READ_FAILED);
}

static void zynqmp_test_write_error(struct kunit *test)
{
	zynqmp_test_failed(test, ZYNQMP_DMA_DONE | ZYNQMP_DMA_AXI_WR_DATA,
			   DMA_TRANS_WRITE_FAILED);
}

static void zynqmp_test_desc_error(struct kunit *test)
{
	zynqmp_test_failed(test, ZYNQMP_DMA_DONE | ZYNQMP_DMA_AXI_RD_DST_DSCR,
			   DMA_TRANS_WRITE_FAILED);
}

static void zynqmp_test_issue(struct zynqmp_test *t)
{
	local_bh_disable();
	dma_async_issue_pending(&t->chan.common);
	/* Here the tasklet runs. */
	local_bh_enable();
}

/* Has the channel been started since it was last asked? */
static bool zynqmp_test_started(struct zynqmp_test *t)
{
	bool started = readl(t->chan.regs + ZYNQMP_DMA_CTRL2) & ZYNQMP_DMA_ENABLE;

	writel(0, t->chan.regs + ZYNQMP_DMA_CTRL2);
	return started;
}

static void zynqmp_test_expect_results(struct kunit *test, unsigned int from, unsigned int to,
				       enum dmaengine_tx_result result)
{
	struct zynqmp_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, t->calls, to);
	for (; from < to; from++)
		KUNIT_EXPECT_EQ(test, t->results[from], result);
}

/*
 * There is an error, and the channel does not say that it is done: it may go on with the
 * chain, of six. All that was issued fails, and nothing is started.
 */
static void zynqmp_test_fail_busy(struct kunit *test)
{
	struct zynqmp_test *t = test->priv;

	zynqmp_test_submit(test, 6);
	zynqmp_test_issue(t);
	KUNIT_EXPECT_TRUE(test, zynqmp_test_started(t));
	zynqmp_test_submit(test, 2);
	zynqmp_test_interrupt(t, ZYNQMP_DMA_DST_DSCR_DONE, 2);
	zynqmp_test_expect_results(test, 0, 2, DMA_TRANS_NOERROR);
	zynqmp_test_interrupt(t, ZYNQMP_DMA_AXI_WR_DATA, 1);
	zynqmp_test_expect_results(test, 2, 8, DMA_TRANS_ABORTED);
	KUNIT_EXPECT_FALSE(test, zynqmp_test_started(t));
}

/* What it still finishes is not counted for others, nor are its descriptors used again. */
static void zynqmp_test_error_busy(struct kunit *test)
{
	struct zynqmp_test *t = test->priv;
	struct zynqmp_dma_chan *chan = &t->chan;

	zynqmp_test_fail_busy(test);
	zynqmp_test_submit(test, 3);
	zynqmp_test_issue(t);
	KUNIT_EXPECT_FALSE(test, zynqmp_test_started(t));
	zynqmp_test_interrupt(t, ZYNQMP_DMA_DST_DSCR_DONE, 2);
	zynqmp_test_expect_results(test, 8, 11, DMA_TRANS_ABORTED);
	KUNIT_EXPECT_LE(test, chan->desc_free_cnt, ZYNQMP_DMA_NUM_DESCS - 4);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&chan->free_list), chan->desc_free_cnt);

	/* Now it is done, and has counted the rest of the chain. */
	KUNIT_EXPECT_EQ(test, readl(chan->regs + ZYNQMP_DMA_IER), ZYNQMP_DMA_DONE);
	zynqmp_test_submit(test, 2);
	zynqmp_test_interrupt(t, ZYNQMP_DMA_INT_DONE, 2);
	KUNIT_EXPECT_TRUE(test, zynqmp_test_started(t));
	KUNIT_EXPECT_EQ(test, t->calls, 11);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&chan->active_list), 2);
	KUNIT_EXPECT_EQ(test, chan->desc_free_cnt, ZYNQMP_DMA_NUM_DESCS - 2);
	zynqmp_test_interrupt(t, ZYNQMP_DMA_INT_DONE, 2);
	zynqmp_test_expect_results(test, 11, 13, DMA_TRANS_NOERROR);
	zynqmp_test_expect_free(test);
}

/* Without its interrupt: who issues something finds that it is done. */
static void zynqmp_test_error_busy_issue(struct kunit *test)
{
	struct zynqmp_test *t = test->priv;
	struct zynqmp_dma_chan *chan = &t->chan;

	zynqmp_test_fail_busy(test);
	zynqmp_test_submit(test, 2);
	writel(ZYNQMP_DMA_DONE, chan->regs + ZYNQMP_DMA_ISR);
	zynqmp_test_issue(t);
	writel(0, chan->regs + ZYNQMP_DMA_ISR);
	KUNIT_EXPECT_TRUE(test, zynqmp_test_started(t));
	zynqmp_test_interrupt(t, ZYNQMP_DMA_INT_DONE, 2);
	zynqmp_test_expect_results(test, 8, 10, DMA_TRANS_NOERROR);
	zynqmp_test_expect_free(test);
}

/* Neither terminate nor the last client's leaving gives its descriptors away. */
static void zynqmp_test_error_busy_terminate(struct kunit *test)
{
	struct zynqmp_test *t = test->priv;
	struct zynqmp_dma_chan *chan = &t->chan;
	unsigned int held;

	zynqmp_test_submit(test, 6);
	zynqmp_test_issue(t);
	/* The handler has seen the error, the tasklet has not. */
	local_bh_disable();
	writel(ZYNQMP_DMA_AXI_WR_DATA, chan->regs + ZYNQMP_DMA_ISR);
	zynqmp_dma_irq_handler(0, chan);
	writel(0, chan->regs + ZYNQMP_DMA_ISR);
	zynqmp_dma_device_terminate_all(&chan->common);
	KUNIT_EXPECT_FALSE(test, readl(chan->regs + ZYNQMP_DMA_IDS) & ZYNQMP_DMA_DONE);
	local_bh_enable();
	zynqmp_dma_synchronize(&chan->common);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
	KUNIT_EXPECT_EQ(test, chan->desc_free_cnt, ZYNQMP_DMA_NUM_DESCS - 6);

	/* Here there is no pool: it would be missed. */
	zynqmp_dma_free_chan_resources(&chan->common);
	held = list_count_nodes(&chan->held_list);
	KUNIT_EXPECT_EQ(test, held, 6);
	KUNIT_EXPECT_EQ(test, zynqmp_dma_alloc_chan_resources(&chan->common), -EIO);

	zynqmp_test_interrupt(t, ZYNQMP_DMA_INT_DONE, 6);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
	zynqmp_test_expect_free(test);
}

/*
 * The handler has seen error and end of the chain in one, and something is issued before
 * the tasklet runs: it waits for the reset, which does not fail it.
 */
static void zynqmp_test_issue_before_reset(struct kunit *test)
{
	struct zynqmp_test *t = test->priv;
	struct zynqmp_dma_chan *chan = &t->chan;

	zynqmp_test_submit(test, 2);
	zynqmp_test_issue(t);
	KUNIT_EXPECT_TRUE(test, zynqmp_test_started(t));
	local_bh_disable();
	writel(ZYNQMP_DMA_INT_DONE | ZYNQMP_DMA_AXI_RD_DATA, chan->regs + ZYNQMP_DMA_ISR);
	zynqmp_dma_irq_handler(0, chan);
	writel(0, chan->regs + ZYNQMP_DMA_ISR);
	zynqmp_test_submit(test, 2);
	dma_async_issue_pending(&chan->common);
	KUNIT_EXPECT_FALSE(test, zynqmp_test_started(t));
	local_bh_enable();
	zynqmp_test_expect_results(test, 0, 2, DMA_TRANS_READ_FAILED);
	KUNIT_EXPECT_TRUE(test, zynqmp_test_started(t));
	zynqmp_test_interrupt(t, ZYNQMP_DMA_INT_DONE, 2);
	zynqmp_test_expect_results(test, 2, 4, DMA_TRANS_NOERROR);
	zynqmp_test_expect_free(test);
}

/*
 * The tasklet, on its way for earlier descriptors, has counted one that failed before
 * the handler was called.
 */
static void zynqmp_test_error_before_interrupt(struct kunit *test)
{
	struct zynqmp_test *t = test->priv;
	struct zynqmp_dma_chan *chan = &t->chan;

	zynqmp_test_submit(test, 1);
	dma_async_issue_pending(&chan->common);
	writel(ZYNQMP_DMA_INT_DONE | ZYNQMP_DMA_AXI_RD_DATA, chan->regs + ZYNQMP_DMA_ISR);
	writel(1, chan->regs + ZYNQMP_DMA_IRQ_DST_ACCT);
	local_bh_disable();
	tasklet_schedule(&chan->tasklet);
	local_bh_enable();
	KUNIT_ASSERT_EQ(test, t->calls, 1);
	KUNIT_EXPECT_EQ(test, t->results[0], DMA_TRANS_READ_FAILED);
	zynqmp_test_expect_free(test);
}

static struct kunit_case zynqmp_test_cases[] = {
	KUNIT_CASE(zynqmp_test_good),
	KUNIT_CASE(zynqmp_test_read_error),
	KUNIT_CASE(zynqmp_test_write_error),
	KUNIT_CASE(zynqmp_test_desc_error),
	KUNIT_CASE(zynqmp_test_error_busy),
	KUNIT_CASE(zynqmp_test_error_busy_issue),
	KUNIT_CASE(zynqmp_test_error_busy_terminate),
	KUNIT_CASE(zynqmp_test_issue_before_reset),
	KUNIT_CASE(zynqmp_test_error_before_interrupt),
	{ }
};

static struct kunit_suite zynqmp_test_suite = {
	.name = "zynqmp_dma",
	.init = zynqmp_test_init,
	.exit = zynqmp_test_exit,
	.test_cases = zynqmp_test_cases,
};

kunit_test_suite(zynqmp_test_suite);
