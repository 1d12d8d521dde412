// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: what goes into one descriptor
 *
 * Where a device has DMA_MEMCPY_SG, a piece is as much of a share as one of its
 * descriptors takes: with a large enough limit there is one prep, one submit and one
 * callback for each channel of a job. Elsewhere it is one copy.
 *
 * There is one result for all of it. If that is an error, none of the folios of the piece
 * is taken for copied, for which of them have been is not known; those of other pieces
 * are not concerned.
 */

#include <linux/minmax.h>
#include <linux/sizes.h>

#include "dcbm_xfer.h"

/* The length of a piece has 32 bits. A multiple of any page size. */
#define DCBM_SG_MAX_BYTES	SZ_2G

/**
 * dcbm_sg_limit() - how many copies a descriptor of a device can have
 * @dma: the device
 *
 * Return: 1 without DMA_MEMCPY_SG.
 */
unsigned int dcbm_sg_limit(struct dma_device *dma)
{
	if (!dma_has_cap(DMA_MEMCPY_SG, dma->cap_mask))
		return 1;
	return clamp(dma->max_memcpy_sg, 1, DCBM_MAX_SG);
}

/* Does the engine find a segment of a share right behind the one before it? */
static bool dcbm_is_linked_on(const struct dcbm_xfer *x, unsigned int seg)
{
	return x->segs[seg].state == DCBM_SEG_LINKED &&
	       x->segs[seg - 1].state == DCBM_SEG_LINKED;
}

/**
 * dcbm_sg_gather() - what the next descriptor of a share copies
 * @x: the transfer
 * @s: the share; the pair of its next segment is not bad
 * @nr: how many copies it has, for dcbm_sg_prep()
 *
 * It ends where the share does, or where a folio is met of which a part is not copied:
 * nothing is gained by the rest of it. By the task, under dcbm_xfer.lock.
 *
 * Return: the number of bytes.
 */
u32 dcbm_sg_gather(struct dcbm_xfer *x, struct dcbm_share *s, unsigned int *nr)
{
	const struct dcbm_device *dd = s->c->dd;
	u32 max_bytes = READ_ONCE(dcbm_max_chunk) ?: DCBM_SG_MAX_BYTES;
	u32 max_copy = min_t(size_t, max_bytes, dd->max_piece);
	unsigned int max_nr = READ_ONCE(dcbm_sg) ? dd->max_sg : 1;
	struct dma_vec *dst = x->sg_dst, *src = x->sg_src;
	u32 offset = s->offset, bytes = 0, n;
	unsigned int i = s->seg;

	lockdep_assert_held(&x->lock);

	*nr = 0;
	while (i < s->first + s->nr && bytes < max_bytes) {
		const struct dcbm_seg *seg = &x->segs[i];

		if (x->pairs[seg->pair].bad)
			break;
		n = min(seg->bytes - offset, max_bytes - bytes);
		if (*nr && !offset && src[*nr - 1].len < max_copy &&
		    dcbm_is_linked_on(x, i)) {
			n = min_t(size_t, n, max_copy - src[*nr - 1].len);
			dst[*nr - 1].len += n;
			src[*nr - 1].len += n;
		} else if (*nr < max_nr) {
			n = min(n, max_copy);
			dst[*nr] = (struct dma_vec) { seg->dst + offset, n };
			src[*nr] = (struct dma_vec) { seg->src + offset, n };
			(*nr)++;
		} else {
			break;
		}
		bytes += n;
		offset += n;
		if (offset == seg->bytes) {
			offset = 0;
			i++;
		}
	}
	return bytes;
}

/**
 * dcbm_sg_prep() - make the descriptor of what has been gathered
 * @x: the transfer
 * @chan: the channel
 * @nr: how many copies it has
 *
 * Return: the descriptor, or NULL.
 */
struct dma_async_tx_descriptor *dcbm_sg_prep(struct dcbm_xfer *x, struct dma_chan *chan,
					     unsigned int nr)
{
	const unsigned long flags = DMA_PREP_INTERRUPT | DMA_CTRL_ACK;

	if (nr > 1)
		return dmaengine_prep_dma_memcpy_sg(chan, x->sg_dst, x->sg_src, nr, flags);
	return dmaengine_prep_dma_memcpy(chan, x->sg_dst->addr, x->sg_src->addr,
					 x->sg_src->len, flags);
}
