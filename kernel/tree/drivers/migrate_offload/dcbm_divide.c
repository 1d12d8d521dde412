// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: who copies what of a job
 *
 * Seen as one string of bytes, the mapped folios are cut into as many shares as
 * there are channels, so that also a single large folio is copied by all of them.
 */

#include <linux/bug.h>
#include <linux/math.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "dcbm_xfer.h"

/**
 * dcbm_divide() - cut a job into shares
 * @x: the transfer, with its pairs mapped
 * @bytes: how many bytes have been mapped
 *
 * Shares are as equal as whole chunks allow: a folio that can go to one channel as
 * a whole is not split, and no piece is shorter than a chunk but for a folio's
 * tail. All is a multiple of the page size, and so of any alignment an engine may
 * ask for.
 *
 * Return: how many shares have something to do; they are the first ones.
 */
unsigned int dcbm_divide(struct dcbm_xfer *x, u64 bytes)
{
	u32 chunk = READ_ONCE(dcbm_min_chunk);
	u32 pair = 0, offset = 0;
	unsigned int i;

	for (i = 0; i < x->nr_shares && bytes; i++) {
		struct dcbm_share *s = &x->shares[i];
		u64 want;

		s->pair = pair;
		s->offset = offset;
		s->left = 0;

		want = roundup(DIV_ROUND_UP_ULL(bytes, x->nr_shares - i), chunk);
		if (i == x->nr_shares - 1)
			want = bytes;

		while (s->left < want && pair < x->nr_pairs) {
			struct dcbm_pair *p = &x->pairs[pair];
			u64 rest = p->bytes - offset;
			u64 take = min(rest, want - s->left);

			if (p->bad) {
				pair++;
				continue;
			}
			/* A cut in the folio: too close to its end, to its beginning? */
			if (take < rest) {
				if (rest - take < chunk)
					take = rest;
				else if (take < chunk && s->left)
					break;
			}
			s->left += take;
			offset += take;
			if (offset == p->bytes) {
				offset = 0;
				pair++;
			}
		}
		bytes -= s->left;
	}
	WARN_ON_ONCE(bytes);

	return i;
}
