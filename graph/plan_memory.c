/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offsets for blocks with known lifetimes: in the order of their first use, each into the smallest gap
 * that it fits in between the blocks alive then (best fit).
 */
#include "graph/plan_place.h"

typedef struct gap {
	size_t offset, bytes;
} gap;

typedef struct memory {
	gap *gaps; /* by offset, never touching */
	uint32_t n;
	size_t end; /* all beyond is free */
} memory;

static void remove_gap(memory *m, uint32_t k)
{
	m->n--;
	for (; k < m->n; k++)
		m->gaps[k] = m->gaps[k + 1];
}

static size_t take(memory *m, size_t bytes)
{
	uint32_t best = m->n;
	for (uint32_t k = 0; k < m->n; k++)
		if (m->gaps[k].bytes >= bytes && (best == m->n || m->gaps[k].bytes < m->gaps[best].bytes))
			best = k;
	if (best == m->n) {
		size_t at = m->end;
		if (m->n > 0 && m->gaps[m->n - 1].offset + m->gaps[m->n - 1].bytes == m->end)
			at = m->gaps[--m->n].offset;
		m->end = at + bytes;
		return at;
	}
	size_t at = m->gaps[best].offset;
	m->gaps[best].offset += bytes;
	m->gaps[best].bytes -= bytes;
	if (m->gaps[best].bytes == 0)
		remove_gap(m, best);
	return at;
}

static void give(memory *m, size_t offset, size_t bytes)
{
	uint32_t k = m->n;
	while (k > 0 && m->gaps[k - 1].offset > offset)
		k--;
	bool left = k > 0 && m->gaps[k - 1].offset + m->gaps[k - 1].bytes == offset;
	bool right = k < m->n && offset + bytes == m->gaps[k].offset;
	if (left) {
		m->gaps[k - 1].bytes += bytes + (right ? m->gaps[k].bytes : 0);
		if (right)
			remove_gap(m, k);
	} else if (right) {
		m->gaps[k].offset = offset;
		m->gaps[k].bytes += bytes;
	} else {
		for (uint32_t j = m->n++; j > k; j--)
			m->gaps[j] = m->gaps[j - 1];
		m->gaps[k] = (gap){offset, bytes};
	}
}

/* Blocks sorted by `first` (or `last`), by counting. */
static uint32_t *sorted(tl_draft *d, uint32_t n, const tl_lifetime *b, bool by_last)
{
	uint32_t times = d->n_groups + 2;
	uint32_t *count = tl__draft_array(d, times + 1, sizeof *count), *order = tl__draft_array(d, n, sizeof *order);
	if (!count || !order)
		return NULL;
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t k = 0; k < n; k++) {
			uint32_t time = by_last ? b[k].last : b[k].first;
			time = time < times - 1 ? time : times - 1;
			if (pass == 0)
				count[time + 1]++;
			else
				order[count[time]++] = k;
		}
		for (uint32_t t = 0; pass == 0 && t < times; t++)
			count[t + 1] += count[t];
	}
	return order;
}

bool tl__assign_offsets(tl_draft *d, uint32_t n, tl_lifetime *blocks, bool reuse, size_t *total)
{
	memory m = {.gaps = tl__draft_array(d, n + 1, sizeof *m.gaps)};
	uint32_t *starts = sorted(d, n, blocks, false), *ends = sorted(d, n, blocks, true), ended = 0;
	if (!m.gaps || !starts || !ends)
		return false;
	for (uint32_t k = 0; k < n; k++) {
		tl_lifetime *b = &blocks[starts[k]];
		b->bytes = (b->bytes + TL_ALIGN) / TL_ALIGN * TL_ALIGN;
		for (; reuse && ended < n && blocks[ends[ended]].last < b->first; ended++)
			give(&m, blocks[ends[ended]].offset, blocks[ends[ended]].bytes);
		b->offset = take(&m, b->bytes);
	}
	*total = m.end;
	return true;
}
