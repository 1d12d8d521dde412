// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: not taking an engine's word for it
 *
 * With "verify", and always for a driver whose results are not known to mean anything,
 * each folio that was reported as copied is compared. That costs more than copying it
 * with the CPU: it is for the burn-in of an engine.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "dcbm_xfer.h"

/*
 * 0, or -EILSEQ if they differ. The source is read by a copy that survives poison, which
 * is -EHWPOISON: the CPU will meet it when it copies the folio itself.
 */
static int dcbm_compare_page(struct dcbm_xfer *x, struct page *src, struct page *dst)
{
	void *addr = kmap_local_page(src);
	int ret = 0;

	if (copy_mc_to_kernel(x->page, addr, PAGE_SIZE))
		ret = -EHWPOISON;
	kunmap_local(addr);
	if (ret)
		return ret;

	addr = kmap_local_page(dst);
	if (memcmp(x->page, addr, PAGE_SIZE))
		ret = -EILSEQ;
	kunmap_local(addr);
	return ret;
}

static int dcbm_compare_seg(struct dcbm_xfer *x, const struct dcbm_seg *seg,
			    const struct migrate_pair *pair)
{
	unsigned long i, first = seg->offset >> PAGE_SHIFT;
	int ret;

	for (i = first; i < first + (seg->bytes >> PAGE_SHIFT); i++) {
		ret = dcbm_compare_page(x, folio_page(pair->src, i),
					folio_page(pair->dst, i));
		if (ret)
			return ret;
		cond_resched();
	}
	return 0;
}

/**
 * dcbm_verify_share() - compare what a channel has reported as copied
 * @x: the transfer
 * @s: the share, of which nothing is in flight or mapped any more
 * @job: the job
 *
 * A pair of which a part is not the same has failed.
 *
 * Return: true if all is the same.
 */
bool dcbm_verify_share(struct dcbm_xfer *x, struct dcbm_share *s,
		       struct migrate_job *job)
{
	unsigned int i;
	int ret;

	for (i = s->first; i < s->first + s->nr; i++) {
		struct dcbm_seg *seg = &x->segs[i];
		struct dcbm_pair *p = &x->pairs[seg->pair];

		if (p->bad || p->good != p->bytes)
			continue;
		ret = dcbm_compare_seg(x, seg, migrate_job_pair(job, seg->pair));
		if (!ret)
			continue;
		p->bad |= DCBM_PAIR_FAILED;
		if (ret == -EILSEQ)
			s->stats.mismatches++;
	}
	if (!s->stats.mismatches)
		return true;
	pr_crit("%s (%s) REPORTED %llu COPIES AS GOOD THAT ARE NOT: quarantined. What it copied without verify= may be corrupt\n",
		s->c->name, s->c->dd->provider, s->stats.mismatches);
	return false;
}
