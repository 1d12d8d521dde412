// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD Passthrough DMA: the command queue, and who owns a descriptor
 *
 * The engine is given the copies of one descriptor at a time, and of these as
 * many as the ring takes; the last command in the ring, and no other one, raises
 * an interrupt. So the status says of which command it is.
 *
 * From then on the descriptor is pt_dma_chan.cur and on no list. It is the
 * engine's until the engine has said that it is through, or has been seen to
 * stand still, and is neither completed nor freed before. What is terminated
 * meanwhile, or follows a command that failed, waits for that: it is drained.
 *
 * All of it is protected by the lock of the virtual channel.
 */

#include <kunit/static_stub.h>

#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/minmax.h>

#include "ptdma.h"

/* As long as the queue takes to stop; 2 MiB are copied in 0.3 ms. */
#define PT_STOP_US		1000
/* In the interrupt, when a command has failed and others follow it. */
#define PT_STOP_IRQ_US		10
/* For those that can sleep */
#define PT_STOP_SLEEP_US	USEC_PER_SEC
/* When to look if nobody else does: first, and at last, doubled in between */
#define PT_DRAIN_MIN_MS		1
#define PT_DRAIN_MAX_MS		1000

static void pt_queue_next(struct pt_dma_chan *chan);

/**
 * pt_queue_halted() - does the engine stand still?
 * @cmd_q: its queue, with the run bit off
 *
 * Return: true if it neither reads nor writes for any command any more.
 */
bool pt_queue_halted(struct pt_cmd_queue *cmd_q)
{
	KUNIT_STATIC_STUB_REDIRECT(pt_queue_halted, cmd_q);

	return ioread32(cmd_q->reg_control) & CMD_Q_HALT;
}

/* Give the engine as many of the copies as the ring takes. The ring is empty. */
static void pt_queue_fill(struct pt_dma_chan *chan)
{
	struct pt_dma_desc *desc = chan->cur;
	struct pt_device *pt = chan->pt;
	unsigned int i, nr;

	/* A full ring would look empty. */
	nr = min(desc->nr_copies - desc->next_copy, CMD_Q_LEN - 1);
	for (i = 0; i < nr; i++)
		pt_core_add_copy(&pt->cmd_q, &desc->copies[desc->next_copy++],
				 i == nr - 1);
	desc->in_ring = nr;
	pt_core_start_copies(&pt->cmd_q, desc->vd.tx.flags & DMA_PREP_INTERRUPT);
}

/* The engine has nothing to do with the descriptor any more. */
static void pt_queue_release(struct pt_dma_chan *chan)
{
	struct pt_dma_desc *desc = chan->cur;

	chan->cur = NULL;
	chan->draining = false;
	timer_delete(&chan->drain_timer);
	if (desc->terminated) {
		vchan_terminate_vdesc(&desc->vd);
		return;
	}
	dma_descriptor_unmap(&desc->vd.tx);
	vchan_cookie_complete(&desc->vd);
}

/*
 * Turn the run bit off. No interrupt says that the queue has halted: if it takes
 * longer than who calls this looks, the timer finds it.
 */
static void pt_queue_stop(struct pt_dma_chan *chan)
{
	pt_stop_queue(&chan->pt->cmd_q);
	chan->draining = true;
	chan->drain_ms = PT_DRAIN_MIN_MS;
	mod_timer(&chan->drain_timer, jiffies + msecs_to_jiffies(chan->drain_ms));
}

/*
 * The queue was stopped with commands in it. If it stands, drop those that are
 * left, with what was to be said about the last one.
 */
static void pt_queue_drain(struct pt_dma_chan *chan)
{
	struct pt_cmd_queue *cmd_q = &chan->pt->cmd_q;

	if (!chan->draining || !pt_queue_halted(cmd_q))
		return;
	iowrite32(SUPPORTED_INTERRUPTS, cmd_q->reg_control + 0x0010);
	pt_core_drop_copies(cmd_q);
	pt_queue_release(chan);
	pt_queue_next(chan);
}

static void pt_queue_next(struct pt_dma_chan *chan)
{
	struct virt_dma_desc *vd;

	lockdep_assert_held(&chan->vc.lock);

	while (!chan->cur) {
		vd = vchan_next_desc(&chan->vc);
		if (!vd)
			return;
		list_del(&vd->node);
		chan->cur = container_of(vd, struct pt_dma_desc, vd);
		if (chan->cur->nr_copies)
			pt_queue_fill(chan);
		else
			pt_queue_release(chan);
	}
}

static void pt_queue_timer(struct timer_list *timer)
{
	struct pt_dma_chan *chan = timer_container_of(chan, timer, drain_timer);

	guard(spinlock_irqsave)(&chan->vc.lock);

	pt_queue_drain(chan);
	if (!chan->draining || timer_pending(timer))
		return;
	chan->drain_ms = min(2 * chan->drain_ms, PT_DRAIN_MAX_MS);
	mod_timer(timer, jiffies + msecs_to_jiffies(chan->drain_ms));
}

/**
 * pt_queue_init() - prepare the queue's part of a channel
 * @chan: the channel
 */
void pt_queue_init(struct pt_dma_chan *chan)
{
	timer_setup(&chan->drain_timer, pt_queue_timer, 0);
}

/**
 * pt_queue_exit() - nobody looks after the channel any more
 * @chan: the channel, of an unregistered device
 *
 * Context: sleeps.
 */
void pt_queue_exit(struct pt_dma_chan *chan)
{
	timer_shutdown_sync(&chan->drain_timer);
}

static void pt_queue_failed(struct pt_dma_chan *chan)
{
	struct pt_cmd_queue *cmd_q = &chan->pt->cmd_q;
	struct pt_dma_desc *desc = chan->cur;
	unsigned int us;

	desc->vd.tx_result.result = pt_error_result(cmd_q->cmd_error);
	desc->vd.tx_result.residue = desc->len;

	if (desc->in_ring == 1) {
		pt_core_drop_copies(cmd_q);
		pt_queue_release(chan);
		pt_queue_next(chan);
		return;
	}

	/*
	 * Those behind it may be at work, as far as anybody knows, and who is
	 * told of a failure takes the memory back. That the queue halts is all
	 * that will be seen of them: not enough to call the failure by its name.
	 */
	desc->vd.tx_result.result = DMA_TRANS_ABORTED;
	pt_queue_stop(chan);
	for (us = 0; us < PT_STOP_IRQ_US && !pt_queue_halted(cmd_q); us++)
		udelay(1);
	pt_queue_drain(chan);
}

/**
 * pt_check_status_trans() - look whether the engine is through with something
 * @pt: the device
 * @cmd_q: its queue
 *
 * Context: any but NMI.
 */
void pt_check_status_trans(struct pt_device *pt, struct pt_cmd_queue *cmd_q)
{
	/* Pairs with pt_dmaengine_register()'s. */
	struct pt_dma_chan *chan = smp_load_acquire(&pt->pt_dma_chan);
	struct pt_dma_desc *desc;
	u32 status;

	/* Nothing has been started yet: it is older than the driver. */
	if (!chan) {
		iowrite32(SUPPORTED_INTERRUPTS, cmd_q->reg_control + 0x0010);
		return;
	}

	guard(spinlock_irqsave)(&chan->vc.lock);

	/* With the lock held, or two would see the same interrupt. */
	status = ioread32(cmd_q->reg_control + 0x0010);
	if (status) {
		cmd_q->int_status = status;
		cmd_q->q_status = ioread32(cmd_q->reg_control + 0x0100);
		cmd_q->q_int_status = ioread32(cmd_q->reg_control + 0x0104);
		iowrite32(status, cmd_q->reg_control + 0x0010);
	}

	desc = chan->cur;
	if (desc && status & INT_ERROR) {
		cmd_q->cmd_error = CMD_Q_ERROR(cmd_q->q_status);
		pt_core_log_error(cmd_q);
		pt_queue_failed(chan);
	} else if (desc && status & INT_COMPLETION) {
		/* Refill the ring. */
		if (desc->next_copy < desc->nr_copies && !chan->draining) {
			pt_queue_fill(chan);
			return;
		}
		pt_queue_release(chan);
		pt_queue_next(chan);
	} else {
		pt_queue_drain(chan);
	}
}

/**
 * pt_queue_issue() - start what has been issued, if the engine is idle
 * @chan: the channel
 *
 * With the lock of the virtual channel held.
 */
void pt_queue_issue(struct pt_dma_chan *chan)
{
	pt_queue_drain(chan);
	pt_queue_next(chan);
}

/**
 * pt_queue_resume() - go on after a pause
 * @chan: the channel
 *
 * With the lock of the virtual channel held.
 */
void pt_queue_resume(struct pt_dma_chan *chan)
{
	/* What is to be drained was not stopped by the pause alone. */
	if (!chan->draining)
		pt_start_queue(&chan->pt->cmd_q);
	pt_queue_issue(chan);
}

/* Is the engine through with all that has been terminated? */
static bool pt_queue_is_quiet(struct pt_dma_chan *chan)
{
	guard(spinlock_irqsave)(&chan->vc.lock);

	pt_queue_drain(chan);
	return !chan->cur || !chan->cur->terminated;
}

/**
 * pt_queue_terminate() - stop the engine, and forget what it was given
 * @chan: the channel
 *
 * What is prepared and not submitted is not touched: it is with the client.
 *
 * Context: any but NMI; looks for up to a millisecond whether the engine stops.
 * Return: 0: the engine does not touch the memory of what was terminated any
 *	more. -ETIMEDOUT: it still may. Its descriptor stays then, until the
 *	engine is through with it.
 */
int pt_queue_terminate(struct pt_dma_chan *chan)
{
	unsigned int us;

	scoped_guard(spinlock_irqsave, &chan->vc.lock) {
		struct virt_dma_chan *vc = &chan->vc;

		list_splice_tail_init(&vc->desc_submitted, &vc->desc_terminated);
		list_splice_tail_init(&vc->desc_issued, &vc->desc_terminated);
		list_splice_tail_init(&vc->desc_completed, &vc->desc_terminated);
		if (chan->cur) {
			chan->cur->terminated = true;
			pt_queue_stop(chan);
		}
	}

	for (us = 0; us < PT_STOP_US; us++) {
		if (pt_queue_is_quiet(chan))
			return 0;
		udelay(1);
	}
	return -ETIMEDOUT;
}

/**
 * pt_queue_synchronize() - wait for what pt_queue_terminate() has left
 * @chan: the channel
 *
 * Context: sleeps, a second at most for the engine. If it does not stop, its
 * descriptor is not freed; see pt_queue_terminate().
 */
void pt_queue_synchronize(struct pt_dma_chan *chan)
{
	bool quiet;

	if (read_poll_timeout(pt_queue_is_quiet, quiet, quiet, 100,
			      PT_STOP_SLEEP_US, false, chan))
		dev_err(chan->pt->dev, "the engine does not stop: it may still access memory\n");
	vchan_synchronize(&chan->vc);
}
