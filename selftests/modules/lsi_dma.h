/* SPDX-License-Identifier: GPL-2.0 */
/* lsi_dma, the test engine over QEMU's lsi53c895a: what its parts share */
#ifndef _LSI_DMA_H
#define _LSI_DMA_H

#include <linux/dmaengine.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "virt-dma.h"

/* Moves of a script; longest move */
#define LSI_CHAIN		64
#define LSI_MAX_LEN		(SZ_16M - PAGE_SIZE)

#define LSI_MAX_CHANNELS	32
#define LSI_FAILED		16

struct lsi_move {
	u32 src;
	u32 dst;
	u32 len;
};

/**
 * struct lsi_desc - one transaction
 * @vd: its virt-dma part; @vd.node is in a list of the channel, or in lsi_dev.ripe
 * @nr: how many moves it has
 * @next: the first one that has not been made
 * @bytes: their lengths, added up
 * @latency: of the model: ns until the first byte
 * @rest: of the model: thousandths of bytes that have not been moved
 * @bad: what to report, if not success
 * @moves: the moves
 * @one: the only one of most transactions
 */
struct lsi_desc {
	struct virt_dma_desc vd;
	unsigned int nr;
	unsigned int next;
	u32 bytes;
	u64 latency;
	u64 rest;
	enum dmaengine_tx_result bad;
	struct lsi_move *moves;
	struct lsi_move one;
};

struct lsi_chan {
	struct virt_dma_chan vc;
	struct list_head free;		/* under vc.lock */
	struct list_head free_sg;	/* likewise; those with more than one move */
	struct lsi_desc *descs;
	struct lsi_move *sg_moves;
	struct lsi_desc *cur;		/* modelled; on no list; under lsi_dev.lock */
	dma_cookie_t failed[LSI_FAILED];
	unsigned int next_failed;
};

/* @lock is taken before the locks of the channels. */
struct lsi_dev {
	struct dma_device dma;
	struct list_head node;
	struct device *dev;
	void __iomem *regs;
	__le32 *script;
	dma_addr_t script_bus;
	struct dentry *dir;
	spinlock_t lock;		/* protects all that follows */
	struct list_head ripe;		/* their time has come */
	struct lsi_desc *running[LSI_CHAIN];
	unsigned int moves_of[LSI_CHAIN];
	unsigned int nr_running;
	u32 number;
	bool broken;
	struct hrtimer timer;
	ktime_t last;
	unsigned int nr_busy;
	unsigned int after[3];		/* of after_unmap: pages, written before, written after */
	struct {
		u64 descs;
		u64 moves;
		u64 bytes;
		u64 scripts;
		u64 failed;
		u64 unmapped;
		u64 resets;
	} stats;
	unsigned int nr_chans;
	struct lsi_chan chans[] __counted_by(nr_chans);
};

static inline struct lsi_dev *to_lsi_dev(struct dma_chan *chan)
{
	return container_of(chan->device, struct lsi_dev, dma);
}

static inline struct lsi_chan *to_lsi_chan(struct dma_chan *chan)
{
	return container_of(to_virt_chan(chan), struct lsi_chan, vc);
}

static inline struct lsi_desc *to_lsi_desc(struct virt_dma_desc *vd)
{
	return container_of(vd, struct lsi_desc, vd);
}

static inline struct lsi_chan *desc_chan(struct lsi_desc *desc)
{
	return to_lsi_chan(desc->vd.tx.chan);
}

/* lsi_engine.c: the controller, and what it is given. All with lsi_dev.lock held, but reset. */
size_t lsi_script_size(void);
unsigned int lsi_script_begin(struct lsi_dev *ld);
void lsi_script_move(struct lsi_dev *ld, unsigned int *at, const struct lsi_move *m);
void lsi_script_run(struct lsi_dev *ld, unsigned int at);
bool lsi_script_over(struct lsi_dev *ld, bool *good);
void lsi_interrupts(struct lsi_dev *ld, bool on);
void lsi_reset(struct lsi_dev *ld);
void lsi_start(struct lsi_dev *ld);
bool lsi_reap(struct lsi_dev *ld);
irqreturn_t lsi_irq(int irq, void *data);

/* lsi_model.c: the model of time. With lsi_dev.lock held. */
bool lsi_is_modelled(void);
void lsi_model_begin(struct lsi_dev *ld, struct lsi_chan *lc);
struct lsi_desc *lsi_model_drop(struct lsi_dev *ld, struct lsi_chan *lc);
enum hrtimer_restart lsi_model_timer(struct hrtimer *timer);

/* lsi_client.c: what dmaengine calls */
void lsi_client_init(struct lsi_dev *ld);

/* lsi_stale.c: what can be written to after it has been unmapped */
extern const struct file_operations lsi_after_unmap_fops;

/* lsi_main.c */
extern bool lsi_hold;
extern unsigned int lsi_dead;

#endif /* _LSI_DMA_H */
