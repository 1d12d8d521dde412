// SPDX-License-Identifier: GPL-2.0
/*
 * lsi_dma: the controller, and how it comes by what it moves
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "lsi_dma.h"

/* Registers, in BAR 1 */
#define LSI_DSTAT	0x0c
#define LSI_ISTAT0	0x14
#define LSI_ISTAT1	0x15
#define LSI_DSP		0x2c
#define LSI_DSPS	0x30
#define LSI_DIEN	0x39

#define LSI_DSTAT_SIR	BIT(2)	/* the script's own interrupt */
#define LSI_DSTAT_DFE	BIT(7)	/* the FIFO is empty; no event */
#define LSI_DSTAT_ALL	0x75	/* every event */
#define LSI_ISTAT0_DIP	BIT(0)	/* DSTAT has something */
#define LSI_ISTAT0_SRST	BIT(6)
#define LSI_ISTAT1_SRUN	BIT(1)	/* a script runs */

/* Instructions */
#define LSI_NOP		0x80000000
#define LSI_MOVE	0xc0000000
#define LSI_INT		0x98080000

/* After 100 instructions QEMU pauses for 500 us. */
#define LSI_PAUSE	100
#define LSI_MAX_PAUSES	64

/* More than a reset ever takes. */
#define LSI_RESET_US	1000

static bool check = true;
module_param(check, bool, 0644);
MODULE_PARM_DESC(check, "Report what is not mapped for the device when it has been moved as failed (default: Y)");

static unsigned int pauses;
module_param(pauses, uint, 0644);
MODULE_PARM_DESC(pauses, "How often QEMU is made to pause for 500 us before a script's moves (0..64, default: 0)");

static void lsi_emit(struct lsi_dev *ld, unsigned int *at, u32 insn, u32 arg)
{
	ld->script[(*at)++] = cpu_to_le32(insn);
	ld->script[(*at)++] = cpu_to_le32(arg);
}

/* Room for the pauses, LSI_CHAIN moves and the end */
size_t lsi_script_size(void)
{
	return sizeof(__le32) * (2 * LSI_PAUSE * LSI_MAX_PAUSES + 3 * LSI_CHAIN + 2);
}

unsigned int lsi_script_begin(struct lsi_dev *ld)
{
	unsigned int at = 0, nops = LSI_PAUSE * min(READ_ONCE(pauses), LSI_MAX_PAUSES);

	while (nops--)
		lsi_emit(ld, &at, LSI_NOP, 0);
	return at;
}

void lsi_script_move(struct lsi_dev *ld, unsigned int *at, const struct lsi_move *m)
{
	lsi_emit(ld, at, LSI_MOVE | m->len, m->src);
	ld->script[(*at)++] = cpu_to_le32(m->dst);
}

void lsi_script_run(struct lsi_dev *ld, unsigned int at)
{
	lsi_emit(ld, &at, LSI_INT, ++ld->number);
	ld->stats.scripts++;
	/* The script is in memory before the processor is told. */
	wmb();
	writel(lower_32_bits(ld->script_bus), ld->regs + LSI_DSP);
}

/* Has the script ended? Then *@good says how. */
bool lsi_script_over(struct lsi_dev *ld, bool *good)
{
	u8 dstat;

	if (!(readb(ld->regs + LSI_ISTAT0) & LSI_ISTAT0_DIP))
		return false;
	dstat = readb(ld->regs + LSI_DSTAT) & ~LSI_DSTAT_DFE;
	*good = dstat == LSI_DSTAT_SIR && readl(ld->regs + LSI_DSPS) == ld->number;
	if (!*good)
		dev_err(ld->dev, "script %u ended with DSTAT %#x, DSPS %u\n", ld->number,
			dstat, readl(ld->regs + LSI_DSPS));
	return true;
}

void lsi_interrupts(struct lsi_dev *ld, bool on)
{
	writeb(on ? LSI_DSTAT_ALL : 0, ld->regs + LSI_DIEN);
}

/* When this returns, nothing is moved any more. */
void lsi_reset(struct lsi_dev *ld)
{
	unsigned int i;

	ld->stats.resets++;
	writeb(LSI_ISTAT0_SRST, ld->regs + LSI_ISTAT0);
	writeb(0, ld->regs + LSI_ISTAT0);
	for (i = 0; i < LSI_RESET_US; i++) {
		if (!(readb(ld->regs + LSI_ISTAT1) & LSI_ISTAT1_SRUN))
			break;
		udelay(1);
	}
	if (i == LSI_RESET_US) {
		pci_clear_master(to_pci_dev(ld->dev));
		ld->broken = true;
		dev_err(ld->dev, "not silent after a reset: no bus master any more\n");
	}
	lsi_interrupts(ld, true);
}

/* Is the range in the page tables that the device is translated by, if there are any? */
static bool lsi_is_mapped(struct lsi_dev *ld, u32 addr, u32 len)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(ld->dev);
	u64 at;

	if (!domain)
		return true;
	for (at = addr; at < (u64)addr + len; at = PAGE_ALIGN_DOWN(at) + PAGE_SIZE)
		if (!iommu_iova_to_phys(domain, at))
			return false;
	return true;
}

static void lsi_check_moves(struct lsi_dev *ld, struct lsi_desc *desc, unsigned int nr)
{
	unsigned int i;

	for (i = desc->next; i < desc->next + nr && !desc->bad; i++) {
		const struct lsi_move *m = &desc->moves[i];

		if (!lsi_is_mapped(ld, m->src, m->len))
			desc->bad = DMA_TRANS_READ_FAILED;
		else if (!lsi_is_mapped(ld, m->dst, m->len))
			desc->bad = DMA_TRANS_WRITE_FAILED;
	}
	if (desc->bad)
		ld->stats.unmapped++;
}

/*
 * From ripe descriptors to scripts, and back
 */

/* Begin what is ripe, if the processor has nothing to do. */
void lsi_start(struct lsi_dev *ld)
{
	struct lsi_desc *desc;
	unsigned int at, nr = 0, i;

	lockdep_assert_held(&ld->lock);

	if (ld->nr_running || ld->broken || list_empty(&ld->ripe) || READ_ONCE(lsi_hold))
		return;

	at = lsi_script_begin(ld);
	while (nr < LSI_CHAIN) {
		desc = list_first_entry_or_null(&ld->ripe, struct lsi_desc, vd.node);
		if (!desc)
			break;
		list_del(&desc->vd.node);
		for (i = 0; desc->next + i < desc->nr && nr < LSI_CHAIN; i++, nr++)
			lsi_script_move(ld, &at, &desc->moves[desc->next + i]);
		ld->moves_of[ld->nr_running] = i;
		ld->running[ld->nr_running++] = desc;
	}
	lsi_script_run(ld, at);
}

static void lsi_complete(struct lsi_dev *ld, struct lsi_desc *desc)
{
	struct lsi_chan *lc = desc_chan(desc);

	spin_lock(&lc->vc.lock);
	ld->stats.descs++;
	if (desc->bad) {
		ld->stats.failed++;
		lc->failed[lc->next_failed++ % LSI_FAILED] = desc->vd.tx.cookie;
	}
	desc->vd.tx_result.result = desc->bad;
	desc->vd.tx_result.residue = desc->bad ? desc->bytes : 0;
	vchan_cookie_complete(&desc->vd);
	spin_unlock(&lc->vc.lock);
}

/* What the processor has done is over. Returns false if there is nothing new. */
bool lsi_reap(struct lsi_dev *ld)
{
	unsigned int i, j, nr = ld->nr_running;
	bool good;

	lockdep_assert_held(&ld->lock);

	if (!nr || !lsi_script_over(ld, &good))
		return false;
	ld->nr_running = 0;
	/* From the end: what is not through goes to the head of what is ripe. */
	for (i = nr; i--; ) {
		struct lsi_desc *desc = ld->running[i];

		if (!good)
			desc->bad = DMA_TRANS_WRITE_FAILED;
		else if (READ_ONCE(check))
			lsi_check_moves(ld, desc, ld->moves_of[i]);
		for (j = 0; good && j < ld->moves_of[i]; j++)
			ld->stats.bytes += desc->moves[desc->next + j].len;
		ld->stats.moves += ld->moves_of[i];
		desc->next += ld->moves_of[i];
		if (!desc->bad && desc->next < desc->nr)
			list_add(&desc->vd.node, &ld->ripe);
	}
	/* In the order in which they were given. */
	for (i = 0; i < nr; i++)
		if (ld->running[i]->bad || ld->running[i]->next == ld->running[i]->nr)
			lsi_complete(ld, ld->running[i]);
	if (!good)
		lsi_reset(ld);
	return true;
}

irqreturn_t lsi_irq(int irq, void *data)
{
	struct lsi_dev *ld = data;
	bool reaped;

	spin_lock(&ld->lock);
	reaped = lsi_reap(ld);
	if (reaped)
		lsi_start(ld);
	spin_unlock(&ld->lock);
	return reaped ? IRQ_HANDLED : IRQ_NONE;
}
