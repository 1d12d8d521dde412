// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of PTDMA: registers and ring are plain memory, and the tests play the
 * engine. What they cannot tell is whether hardware does as they do.
 */

#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>

#include <linux/bitfield.h>
#include <linux/bottom_half.h>
#include <linux/delay.h>

#include "ptdma.h"

#define PT_TEST_REGS	0x2000
/* Far above anything that exists: nothing may touch it. */
#define PT_TEST_SRC	0x123400000000ULL
#define PT_TEST_DST	0x567800000000ULL

struct pt_test {
	struct pt_device pt;
	u8 regs[PT_TEST_REGS] __aligned(8);
	struct dma_chan *chan;
	unsigned int calls;
	enum dmaengine_tx_result results[8];
	u32 residues[8];
	unsigned int head;
	bool halted;
};

static u32 pt_test_reg(struct pt_test *t, u32 offset)
{
	return ioread32(t->pt.cmd_q.reg_control + offset);
}

static void pt_test_reg_set(struct pt_test *t, u32 offset, u32 val)
{
	iowrite32(val, t->pt.cmd_q.reg_control + offset);
}

/* The index that a head or tail register holds */
static unsigned int pt_test_index(struct pt_test *t, u32 offset)
{
	return (pt_test_reg(t, offset) - lower_32_bits(t->pt.cmd_q.qbase_dma)) /
	       sizeof(struct ptdma_desc);
}

static u64 pt_test_src(const struct ptdma_desc *desc)
{
	return (u64)desc->dw3.src_hi << 32 | desc->src_lo;
}

static u64 pt_test_dst(const struct ptdma_desc *desc)
{
	return (u64)desc->dw5.dst_hi << 32 | desc->dst_lo;
}

/* How many commands wait for the engine */
static unsigned int pt_test_waiting(struct pt_test *t)
{
	return (pt_test_index(t, CMD_Q_TAIL_LO_BASE) + CMD_Q_LEN - t->head) % CMD_Q_LEN;
}

/* Take the next command, which has to be copy number @i of @nr in the ring. */
static void pt_test_take(struct kunit *test, unsigned int i, unsigned int nr, u32 len)
{
	struct pt_test *t = test->priv;
	struct ptdma_desc *desc = &t->pt.cmd_q.qbase[t->head];

	KUNIT_EXPECT_GT(test, pt_test_waiting(t), 0);
	KUNIT_EXPECT_EQ(test, desc->dw0 & DWORD0_IOC, i == nr - 1 ? DWORD0_IOC : 0);
	KUNIT_EXPECT_EQ(test, desc->dw0 | DWORD0_IOC, CMD_DESC_DW0_VAL);
	KUNIT_EXPECT_EQ(test, desc->length, len);
	t->head = (t->head + 1) % CMD_Q_LEN;
}

/* The interrupt, and what follows from it: callbacks come on the way out. */
static void pt_test_interrupt(struct pt_test *t, u32 status, u32 error)
{
	pt_test_reg_set(t, CMD_Q_INTERRUPT_STATUS_BASE, status);
	pt_test_reg_set(t, CMD_Q_STATUS_BASE, error);
	local_bh_disable();
	pt_check_status_trans(&t->pt, &t->pt.cmd_q);
	local_bh_enable();
	/* Memory does not clear the bits that are written. */
	pt_test_reg_set(t, CMD_Q_INTERRUPT_STATUS_BASE, 0);
	if (status & INT_ERROR)
		t->head = pt_test_index(t, CMD_Q_HEAD_LO_BASE);
}

static void pt_test_callback(void *param, const struct dmaengine_result *result)
{
	struct pt_test *t = param;

	if (t->calls < ARRAY_SIZE(t->results)) {
		t->results[t->calls] = result->result;
		t->residues[t->calls] = result->residue;
	}
	t->calls++;
}

static void pt_test_submit(struct kunit *test, struct dma_async_tx_descriptor *tx)
{
	struct pt_test *t = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, tx);
	tx->callback_result = pt_test_callback;
	tx->callback_param = t;
	KUNIT_ASSERT_GT(test, dmaengine_submit(tx), 0);
}

static void pt_test_copy(struct kunit *test, u32 len)
{
	struct pt_test *t = test->priv;

	pt_test_submit(test, dmaengine_prep_dma_memcpy(t->chan, PT_TEST_DST, PT_TEST_SRC, len,
						       DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
}

static void pt_test_issue(struct pt_test *t)
{
	local_bh_disable();
	dma_async_issue_pending(t->chan);
	local_bh_enable();
}

static int pt_test_init(struct kunit *test)
{
	struct pt_cmd_queue *cmd_q;
	struct pt_device *pt;
	struct pt_test *t;

	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;

	pt = &t->pt;
	pt->dev = kunit_device_register(test, "ptdma-kunit");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pt->dev);
	pt->io_regs = (__force void __iomem *)t->regs;

	cmd_q = &pt->cmd_q;
	cmd_q->pt = pt;
	cmd_q->reg_control = pt->io_regs + CMD_Q_STATUS_INCR;
	cmd_q->qcontrol = FIELD_PREP(CMD_Q_SIZE, QUEUE_SIZE_VAL);
	cmd_q->qbase = kunit_kzalloc(test, CMD_Q_LEN * sizeof(*cmd_q->qbase), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cmd_q->qbase);
	cmd_q->qbase_dma = 0xabcd000;
	cmd_q->qdma_tail = cmd_q->qbase_dma;
	pt_test_reg_set(t, CMD_Q_TAIL_LO_BASE, cmd_q->qbase_dma);
	pt_test_reg_set(t, CMD_Q_HEAD_LO_BASE, cmd_q->qbase_dma);

	KUNIT_ASSERT_EQ(test, pt_dmaengine_register(pt), 0);
	t->chan = &pt->pt_dma_chan->vc.chan;
	return 0;
}

static void pt_test_exit(struct kunit *test)
{
	struct pt_test *t = test->priv;

	if (!t || !t->chan)
		return;
	t->pt.dma_dev.device_free_chan_resources(t->chan);
	pt_dmaengine_unregister(&t->pt);
}

/* --- results --- */

static void pt_test_good(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct ptdma_desc *desc = t->pt.cmd_q.qbase;

	pt_test_copy(test, 4096);
	KUNIT_EXPECT_EQ(test, pt_test_waiting(t), 0);
	pt_test_issue(t);
	KUNIT_EXPECT_EQ(test, pt_test_waiting(t), 1);
	KUNIT_EXPECT_TRUE(test, pt_test_reg(t, CMD_Q_CONTROL_BASE) & CMD_Q_RUN);
	KUNIT_EXPECT_EQ(test, pt_test_src(desc), PT_TEST_SRC);
	KUNIT_EXPECT_EQ(test, pt_test_dst(desc), PT_TEST_DST);
	KUNIT_EXPECT_EQ(test, t->calls, 0);

	pt_test_take(test, 0, 1, 4096);
	pt_test_interrupt(t, INT_COMPLETION, 0);
	KUNIT_EXPECT_EQ(test, t->calls, 1);
	KUNIT_EXPECT_EQ(test, t->results[0], DMA_TRANS_NOERROR);
}

/* Of five descriptors the second to fourth fail, each in another way. */
static void pt_test_failed(struct kunit *test)
{
	static const struct {
		u32 status;
		u32 error;
		enum dmaengine_tx_result result;
	} steps[] = {
		{ INT_COMPLETION, 0, DMA_TRANS_NOERROR },
		{ INT_COMPLETION | INT_ERROR, 20, DMA_TRANS_READ_FAILED },
		{ INT_ERROR, 38, DMA_TRANS_WRITE_FAILED },
		/* There is no such error; and one without a number is one, too. */
		{ INT_ERROR, 0x3f, DMA_TRANS_WRITE_FAILED },
		{ INT_ERROR, 0, DMA_TRANS_WRITE_FAILED },
		{ INT_COMPLETION, 0, DMA_TRANS_NOERROR },
	};
	struct pt_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		pt_test_copy(test, 100 + i);
	pt_test_issue(t);

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		KUNIT_EXPECT_EQ(test, pt_test_waiting(t), 1);
		pt_test_take(test, 0, 1, 100 + i);
		pt_test_interrupt(t, steps[i].status, steps[i].error);
		KUNIT_ASSERT_EQ(test, t->calls, i + 1);
		KUNIT_EXPECT_EQ(test, t->results[i], steps[i].result);
		KUNIT_EXPECT_EQ(test, t->residues[i], steps[i].result ? 100 + i : 0);
	}
	KUNIT_EXPECT_EQ(test, pt_test_waiting(t), 0);
}

/* --- terminating --- */

static bool pt_test_halted(struct pt_cmd_queue *cmd_q)
{
	struct pt_test *t = kunit_get_current_test()->priv;

	/* Whoever asks has to have turned it off. */
	return t->halted && !(pt_test_reg(t, CMD_Q_CONTROL_BASE) & CMD_Q_RUN);
}

static bool pt_test_is_listed(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct virt_dma_chan *vc = to_virt_chan(t->chan);

	return !list_empty(&vc->desc_terminated) || !list_empty(&vc->desc_completed);
}

/* The engine stops: nothing is called back, nothing is left, and it goes on. */
static void pt_test_terminate(struct kunit *test)
{
	struct pt_test *t = test->priv;
	unsigned int i;

	kunit_activate_static_stub(test, pt_queue_halted, pt_test_halted);
	t->halted = true;
	for (i = 0; i < 3; i++)
		pt_test_copy(test, 100);
	pt_test_issue(t);
	pt_test_copy(test, 100);

	KUNIT_EXPECT_EQ(test, dmaengine_terminate_async(t->chan), 0);
	KUNIT_EXPECT_FALSE(test, pt_test_reg(t, CMD_Q_CONTROL_BASE) & CMD_Q_RUN);
	KUNIT_EXPECT_TRUE(test, pt_test_is_listed(test));
	/* The command that was not executed has been taken back. */
	t->head = pt_test_index(t, CMD_Q_HEAD_LO_BASE);
	KUNIT_EXPECT_EQ(test, pt_test_waiting(t), 0);
	dmaengine_synchronize(t->chan);
	KUNIT_EXPECT_FALSE(test, pt_test_is_listed(test));

	/* An interrupt that was on its way. */
	pt_test_interrupt(t, INT_COMPLETION, 0);
	KUNIT_EXPECT_EQ(test, t->calls, 0);

	pt_test_copy(test, 200);
	pt_test_issue(t);
	pt_test_take(test, 0, 1, 200);
	KUNIT_EXPECT_TRUE(test, pt_test_reg(t, CMD_Q_CONTROL_BASE) & CMD_Q_RUN);
	pt_test_interrupt(t, INT_COMPLETION, 0);
	KUNIT_EXPECT_EQ(test, t->calls, 1);
}

/* It does not, in time: what it works on is kept until it has said that it is through. */
static void pt_test_terminate_busy(struct kunit *test)
{
	struct pt_test *t = test->priv;

	kunit_activate_static_stub(test, pt_queue_halted, pt_test_halted);
	pt_test_copy(test, 100);
	pt_test_copy(test, 101);
	pt_test_issue(t);
	pt_test_take(test, 0, 1, 100);

	KUNIT_EXPECT_EQ(test, dmaengine_terminate_sync(t->chan), -ETIMEDOUT);
	KUNIT_ASSERT_NOT_NULL(test, t->pt.pt_dma_chan->cur);
	KUNIT_EXPECT_EQ(test, t->pt.pt_dma_chan->cur->len, 100);

	/* The engine is not given anything meanwhile. */
	pt_test_copy(test, 200);
	pt_test_issue(t);
	KUNIT_EXPECT_EQ(test, pt_test_waiting(t), 0);
	KUNIT_EXPECT_EQ(test, t->pt.pt_dma_chan->cur->len, 100);

	pt_test_interrupt(t, INT_COMPLETION, 0);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
	pt_test_take(test, 0, 1, 200);
	pt_test_interrupt(t, INT_COMPLETION, 0);
	KUNIT_EXPECT_EQ(test, t->calls, 1);
	dmaengine_synchronize(t->chan);
	KUNIT_EXPECT_FALSE(test, pt_test_is_listed(test));
}

/* It stops later, with no interrupt: whoever looks next finds it. */
static void pt_test_terminate_late(struct kunit *test)
{
	struct pt_test *t = test->priv;

	kunit_activate_static_stub(test, pt_queue_halted, pt_test_halted);
	pt_test_copy(test, 100);
	pt_test_issue(t);
	KUNIT_EXPECT_EQ(test, dmaengine_terminate_async(t->chan), -ETIMEDOUT);
	pt_test_copy(test, 200);
	t->halted = true;
	pt_test_issue(t);
	t->head = pt_test_index(t, CMD_Q_HEAD_LO_BASE);
	pt_test_take(test, 0, 1, 200);
	pt_test_interrupt(t, INT_COMPLETION, 0);
	KUNIT_EXPECT_EQ(test, t->calls, 1);
}

/*
 * The engine stops, and nobody is looking: the timer is. It cannot ask the stub, which
 * is this thread's.
 */
static void pt_test_halt(struct pt_test *t)
{
	KUNIT_EXPECT_FALSE(kunit_get_current_test(),
			   pt_test_reg(t, CMD_Q_CONTROL_BASE) & CMD_Q_RUN);
	pt_test_reg_set(t, CMD_Q_CONTROL_BASE, CMD_Q_HALT);
}

/* What was issued meanwhile is started when the queue has halted. */
static void pt_test_terminate_unseen(struct kunit *test)
{
	struct pt_test *t = test->priv;
	unsigned int i;

	pt_test_copy(test, 100);
	pt_test_issue(t);
	pt_test_take(test, 0, 1, 100);
	KUNIT_EXPECT_EQ(test, dmaengine_terminate_async(t->chan), -ETIMEDOUT);
	pt_test_copy(test, 200);
	pt_test_issue(t);
	/* So that it has looked in vain. */
	msleep(20);
	KUNIT_EXPECT_EQ(test, pt_test_waiting(t), 0);
	pt_test_halt(t);
	/* Hang guard */
	for (i = 0; i < 1500 && !pt_test_waiting(t); i++)
		msleep(20);
	KUNIT_ASSERT_EQ(test, pt_test_waiting(t), 1);
	pt_test_take(test, 0, 1, 200);
	pt_test_interrupt(t, INT_COMPLETION, 0);
	KUNIT_EXPECT_EQ(test, t->calls, 1);
	KUNIT_EXPECT_EQ(test, t->results[0], DMA_TRANS_NOERROR);
}

/* An interrupt that comes before there is a channel is acknowledged. */
static void pt_test_early_interrupt(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct pt_dma_chan *chan = t->pt.pt_dma_chan;

	t->pt.pt_dma_chan = NULL;
	pt_test_reg_set(t, CMD_Q_INTERRUPT_STATUS_BASE, INT_COMPLETION);
	pt_check_status_trans(&t->pt, &t->pt.cmd_q);
	KUNIT_EXPECT_EQ(test, pt_test_reg(t, CMD_Q_INTERRUPT_STATUS_BASE),
			SUPPORTED_INTERRUPTS);
	t->pt.pt_dma_chan = chan;
}

/* Who resumes does not start what is to be stopped. */
static void pt_test_resume(struct kunit *test)
{
	struct pt_test *t = test->priv;

	kunit_activate_static_stub(test, pt_queue_halted, pt_test_halted);
	pt_test_copy(test, 100);
	pt_test_issue(t);
	KUNIT_EXPECT_EQ(test, dmaengine_pause(t->chan), 0);
	KUNIT_EXPECT_FALSE(test, pt_test_reg(t, CMD_Q_CONTROL_BASE) & CMD_Q_RUN);
	KUNIT_EXPECT_EQ(test, dmaengine_resume(t->chan), 0);
	KUNIT_EXPECT_TRUE(test, pt_test_reg(t, CMD_Q_CONTROL_BASE) & CMD_Q_RUN);

	KUNIT_EXPECT_EQ(test, dmaengine_terminate_async(t->chan), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, dmaengine_resume(t->chan), 0);
	KUNIT_EXPECT_FALSE(test, pt_test_reg(t, CMD_Q_CONTROL_BASE) & CMD_Q_RUN);
	t->halted = true;
	KUNIT_EXPECT_EQ(test, dmaengine_resume(t->chan), 0);
	KUNIT_EXPECT_NULL(test, t->pt.pt_dma_chan->cur);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
}

/* Bits of the status that say nothing of the command complete nothing. */
static void pt_test_other_status(struct kunit *test)
{
	struct pt_test *t = test->priv;

	pt_test_copy(test, 100);
	pt_test_issue(t);
	pt_test_interrupt(t, INT_EMPTY_QUEUE, 0);
	pt_test_interrupt(t, INT_QUEUE_STOPPED, 0);
	pt_test_interrupt(t, 0, 0);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
	pt_test_interrupt(t, INT_COMPLETION | INT_EMPTY_QUEUE, 0);
	KUNIT_EXPECT_EQ(test, t->calls, 1);
}

/* A descriptor that only interrupts is not for the engine, and comes in its turn. */
static void pt_test_interrupt_desc(struct kunit *test)
{
	struct pt_test *t = test->priv;

	pt_test_copy(test, 100);
	pt_test_submit(test, t->pt.dma_dev.device_prep_dma_interrupt(t->chan, DMA_CTRL_ACK));
	pt_test_copy(test, 101);
	pt_test_issue(t);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
	pt_test_take(test, 0, 1, 100);
	pt_test_interrupt(t, INT_COMPLETION, 0);
	KUNIT_EXPECT_EQ(test, t->calls, 2);
	pt_test_take(test, 0, 1, 101);
	pt_test_interrupt(t, INT_COMPLETION, 0);
	KUNIT_EXPECT_EQ(test, t->calls, 3);
}

/* --- many copies --- */

static void pt_test_vecs(struct dma_vec *dst, struct dma_vec *src, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		dst[i] = (struct dma_vec) { PT_TEST_DST + i * 0x10000ULL, 1000 + i };
		src[i] = (struct dma_vec) { PT_TEST_SRC + i * 0x20000ULL, 1000 + i };
	}
}

static void pt_test_copy_sg(struct kunit *test, unsigned int nr)
{
	struct dma_vec *vecs = kunit_kcalloc(test, 2 * nr, sizeof(*vecs), GFP_KERNEL);
	struct pt_test *t = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, vecs);
	pt_test_vecs(vecs, vecs + nr, nr);
	pt_test_submit(test, dmaengine_prep_dma_memcpy_sg(t->chan, vecs, vecs + nr, nr,
							  DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
	/* The arrays are the client's again. */
	memset(vecs, 0xff, 2 * nr * sizeof(*vecs));
}

/* Take what is in the ring, copies from @done on; all but @leave of them. */
static unsigned int pt_test_take_sg(struct kunit *test, unsigned int done, unsigned int leave)
{
	struct pt_test *t = test->priv;
	unsigned int i, nr = pt_test_waiting(t);

	for (i = 0; i + leave < nr; i++) {
		struct ptdma_desc *desc = &t->pt.cmd_q.qbase[t->head];

		KUNIT_EXPECT_EQ(test, pt_test_src(desc),
				PT_TEST_SRC + (done + i) * 0x20000ULL);
		KUNIT_EXPECT_EQ(test, pt_test_dst(desc),
				PT_TEST_DST + (done + i) * 0x10000ULL);
		pt_test_take(test, i, nr, 1000 + done + i);
	}
	return i;
}

/* Any number of copies, from any place in the ring: one callback, after the last. */
static void pt_test_sg(struct kunit *test)
{
	static const unsigned int sizes[] = { 1, 2, 30, 31, 32, 33, 62, 63, 100, 128 };
	struct pt_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned int done = 0, refills = 0;

		t->calls = 0;
		pt_test_copy_sg(test, sizes[i]);
		pt_test_copy(test, 77);
		pt_test_issue(t);
		while (done < sizes[i] && refills++ < 8) {
			KUNIT_EXPECT_EQ(test, t->calls, 0);
			KUNIT_EXPECT_EQ(test, pt_test_waiting(t),
					min(sizes[i] - done, CMD_Q_LEN - 1));
			done += pt_test_take_sg(test, done, 0);
			pt_test_interrupt(t, INT_COMPLETION, 0);
		}
		KUNIT_EXPECT_EQ(test, done, sizes[i]);
		KUNIT_EXPECT_EQ(test, refills, DIV_ROUND_UP(sizes[i], CMD_Q_LEN - 1));
		KUNIT_EXPECT_EQ(test, t->calls, 1);
		KUNIT_EXPECT_EQ(test, t->results[0], DMA_TRANS_NOERROR);
		pt_test_take(test, 0, 1, 77);
		pt_test_interrupt(t, INT_COMPLETION, 0);
		KUNIT_EXPECT_EQ(test, t->calls, 2);
	}
}

/* The second ring full fails: the rest is not copied, and all of it has failed. */
static void pt_test_sg_failed(struct kunit *test)
{
	struct pt_test *t = test->priv;

	kunit_activate_static_stub(test, pt_queue_halted, pt_test_halted);
	t->halted = true;
	pt_test_copy_sg(test, 100);
	pt_test_copy(test, 77);
	pt_test_issue(t);
	KUNIT_EXPECT_EQ(test, pt_test_take_sg(test, 0, 0), 31);
	pt_test_interrupt(t, INT_COMPLETION, 0);
	KUNIT_EXPECT_EQ(test, pt_test_take_sg(test, 31, 20), 11);
	pt_test_interrupt(t, INT_ERROR, 20);
	KUNIT_EXPECT_EQ(test, t->calls, 1);
	/* Only the halt bit speaks for the 20: aborted. */
	KUNIT_EXPECT_EQ(test, t->results[0], DMA_TRANS_ABORTED);
	KUNIT_EXPECT_EQ(test, pt_test_waiting(t), 1);
	pt_test_take(test, 0, 1, 77);
	pt_test_interrupt(t, INT_COMPLETION, 0);
	KUNIT_EXPECT_EQ(test, t->calls, 2);
	KUNIT_EXPECT_EQ(test, t->results[1], DMA_TRANS_NOERROR);
}

/* While the engine may be at the commands behind the failed one, nobody is told. */
static void pt_test_sg_failed_busy(struct kunit *test)
{
	struct pt_test *t = test->priv;

	kunit_activate_static_stub(test, pt_queue_halted, pt_test_halted);
	pt_test_copy_sg(test, 10);
	pt_test_issue(t);
	pt_test_take_sg(test, 0, 5);
	pt_test_interrupt(t, INT_ERROR, 38);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
	KUNIT_EXPECT_FALSE(test, pt_test_reg(t, CMD_Q_CONTROL_BASE) & CMD_Q_RUN);
	KUNIT_EXPECT_EQ(test, dmaengine_terminate_async(t->chan), -ETIMEDOUT);
	KUNIT_EXPECT_NOT_NULL(test, t->pt.pt_dma_chan->cur);
	t->halted = true;
	KUNIT_EXPECT_EQ(test, dmaengine_terminate_sync(t->chan), 0);
	KUNIT_EXPECT_NULL(test, t->pt.pt_dma_chan->cur);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
}

/* The same, and it is looked at once more, but not terminated. */
static void pt_test_sg_failed_late(struct kunit *test)
{
	struct pt_test *t = test->priv;

	kunit_activate_static_stub(test, pt_queue_halted, pt_test_halted);
	pt_test_copy_sg(test, 10);
	pt_test_issue(t);
	pt_test_take_sg(test, 0, 5);
	pt_test_interrupt(t, INT_ERROR, 38);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
	t->halted = true;
	pt_test_interrupt(t, 0, 0);
	KUNIT_EXPECT_EQ(test, t->calls, 1);
	KUNIT_EXPECT_EQ(test, t->results[0], DMA_TRANS_ABORTED);
}

/* The same, and nobody looks. */
static void pt_test_sg_failed_unseen(struct kunit *test)
{
	struct pt_test *t = test->priv;
	unsigned int i;

	pt_test_copy_sg(test, 10);
	pt_test_issue(t);
	pt_test_take_sg(test, 0, 5);
	pt_test_interrupt(t, INT_ERROR, 38);
	msleep(20);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
	pt_test_halt(t);
	/* Hang guard */
	for (i = 0; i < 1500 && !READ_ONCE(t->calls); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, t->calls, 1);
	KUNIT_EXPECT_EQ(test, t->results[0], DMA_TRANS_ABORTED);
}

/* The last of 32 fails, alone in the ring: nothing else can be at work. */
static void pt_test_sg_failed_last(struct kunit *test)
{
	struct pt_test *t = test->priv;

	pt_test_copy_sg(test, CMD_Q_LEN);
	pt_test_issue(t);
	KUNIT_EXPECT_EQ(test, pt_test_take_sg(test, 0, 0), 31);
	pt_test_interrupt(t, INT_COMPLETION, 0);
	KUNIT_EXPECT_EQ(test, pt_test_take_sg(test, 31, 0), 1);
	pt_test_interrupt(t, INT_ERROR, 20);
	KUNIT_EXPECT_EQ(test, t->calls, 1);
	KUNIT_EXPECT_EQ(test, t->results[0], DMA_TRANS_READ_FAILED);
}

/* Terminated with a ring full done and another one to come: that never comes. */
static void pt_test_sg_terminate(struct kunit *test)
{
	struct pt_test *t = test->priv;

	kunit_activate_static_stub(test, pt_queue_halted, pt_test_halted);
	pt_test_copy_sg(test, 100);
	pt_test_issue(t);
	KUNIT_EXPECT_EQ(test, pt_test_take_sg(test, 0, 0), 31);
	KUNIT_EXPECT_EQ(test, dmaengine_terminate_async(t->chan), -ETIMEDOUT);
	pt_test_interrupt(t, INT_COMPLETION, 0);
	KUNIT_EXPECT_EQ(test, pt_test_waiting(t), 0);
	KUNIT_EXPECT_NULL(test, t->pt.pt_dma_chan->cur);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
}

static void pt_test_sg_refused(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dma_vec *vecs, *dst, *src;

	KUNIT_ASSERT_EQ(test, t->pt.dma_dev.max_memcpy_sg, 128);
	vecs = kunit_kcalloc(test, 2 * 129, sizeof(*vecs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vecs);
	dst = vecs;
	src = vecs + 129;
	pt_test_vecs(dst, src, 129);

#define PREP(nr) dmaengine_prep_dma_memcpy_sg(t->chan, dst, src, nr, DMA_CTRL_ACK)
	KUNIT_EXPECT_NULL(test, PREP(0));
	KUNIT_EXPECT_NULL(test, PREP(129));
	dst[7].len++;
	KUNIT_EXPECT_NULL(test, PREP(8));
	KUNIT_EXPECT_NOT_NULL(test, PREP(7));
	dst[7].len = 0;
	src[7].len = 0;
	KUNIT_EXPECT_NULL(test, PREP(8));
	/* The length of a command has 32 bits. */
	dst[7].len = 1ULL << 32;
	src[7].len = 1ULL << 32;
	KUNIT_EXPECT_NULL(test, PREP(8));
#undef PREP
}

/* The core does not take a device that says what it cannot do. */
static void pt_test_sg_register(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dma_device *dma;

	dma = kunit_kzalloc(test, sizeof(*dma), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, dma);
	dma->dev = t->pt.dev;
	INIT_LIST_HEAD(&dma->channels);
	dma->device_tx_status = t->pt.dma_dev.device_tx_status;
	dma->device_issue_pending = t->pt.dma_dev.device_issue_pending;
	dma_cap_set(DMA_MEMCPY_SG, dma->cap_mask);
	dma->max_memcpy_sg = 1;
	KUNIT_EXPECT_EQ(test, dma_async_device_register(dma), -EIO);
	dma->device_prep_dma_memcpy_sg = t->pt.dma_dev.device_prep_dma_memcpy_sg;
	dma->max_memcpy_sg = 0;
	KUNIT_EXPECT_EQ(test, dma_async_device_register(dma), -EIO);
}

/* --- all of them --- */

static struct kunit_case pt_test_cases[] = {
	KUNIT_CASE(pt_test_good),
	KUNIT_CASE(pt_test_failed),
	KUNIT_CASE(pt_test_terminate),
	KUNIT_CASE(pt_test_terminate_busy),
	KUNIT_CASE(pt_test_terminate_late),
	KUNIT_CASE(pt_test_terminate_unseen),
	KUNIT_CASE(pt_test_early_interrupt),
	KUNIT_CASE(pt_test_resume),
	KUNIT_CASE(pt_test_other_status),
	KUNIT_CASE(pt_test_interrupt_desc),
	KUNIT_CASE(pt_test_sg),
	KUNIT_CASE(pt_test_sg_failed),
	KUNIT_CASE(pt_test_sg_failed_busy),
	KUNIT_CASE(pt_test_sg_failed_late),
	KUNIT_CASE(pt_test_sg_failed_unseen),
	KUNIT_CASE(pt_test_sg_failed_last),
	KUNIT_CASE(pt_test_sg_terminate),
	KUNIT_CASE(pt_test_sg_refused),
	KUNIT_CASE(pt_test_sg_register),
	{ }
};

static struct kunit_suite pt_test_suite = {
	.name = "ptdma",
	.init = pt_test_init,
	.exit = pt_test_exit,
	.test_cases = pt_test_cases,
};

kunit_test_suite(pt_test_suite);
