// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: who copies what of a job
 *
 * Seen as one string of bytes, the folios are cut into as many shares as there are
 * channels, so that also a single large folio is copied by all of them.
 */

#include <linux/bug.h>
#include <linux/math.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include "dcbm_xfer.h"

/*
 * A share could have @take bytes of a folio of which @rest bytes are left. Where to
 * cut it, if at all? Neither side may become shorter than a chunk, so the nearest
 * place for which that holds.
 */
static u32 dcbm_cut(u32 rest, u32 take, u32 chunk)
{
	if (take >= rest)
		return rest;
	if (rest < 2 * (u64)chunk)
		return take >= rest - take ? rest : 0;
	if (take < chunk)
		return take >= chunk - take ? chunk : 0;
	if (rest - take < chunk)
		return rest - take >= take - (rest - chunk) ? rest - chunk : rest;
	return take;
}

/**
 * dcbm_divide() - cut a job into shares
 * @x: the transfer, with its pairs and channels
 * @bytes: of all pairs
 *
 * Shares are equal but for a page, or for less than what a folio cannot be cut into. All
 * is a multiple of the page size, and so of any alignment an engine may ask for.
 *
 * Return: how many shares have something to do; they are the first ones.
 */
unsigned int dcbm_divide(struct dcbm_xfer *x, u64 bytes)
{
	u32 chunk = READ_ONCE(dcbm_min_chunk);
	unsigned int i, pair = 0, seg = 0;
	u32 offset = 0;

	for (i = 0; i < x->nr_shares && bytes; i++) {
		struct dcbm_share *s = &x->shares[i];
		u64 want = bytes;

		if (i < x->nr_shares - 1)
			want = round_up(div_u64(bytes, x->nr_shares - i), PAGE_SIZE);

		s->first = seg;
		s->left = 0;
		while (s->left < want) {
			u32 rest = x->pairs[pair].bytes - offset;
			u32 take = min_t(u64, rest, want - s->left);

			take = dcbm_cut(rest, take, chunk);
			if (!take && s->left)
				break;
			/* Not worth a channel, but this one is there. */
			take = take ?: rest;

			x->segs[seg++] = (struct dcbm_seg) {
				.offset = offset, .bytes = take, .pair = pair,
			};
			s->left += take;
			offset += take;
			if (offset < x->pairs[pair].bytes)
				break;
			offset = 0;
			pair++;
		}
		s->nr = seg - s->first;
		s->bytes = s->left;
		bytes -= s->left;
	}
	WARN_ON_ONCE(bytes);
	x->nr_segs = seg;
	return i;
}
