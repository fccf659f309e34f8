/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for chains, from the first write to the last read. Rows of slabs that products read down their
 * columns are kept apart, where they would fall on the same sets of the cache.
 */
#include "graph/plan_place.h"

#define ALIAS 1024 /* bytes */
#define PAD 16     /* elements: a line of the cache */

/* In a stretch threads go at their own pace: all of it counts as one moment, from its first group to its
 * last. */
static void extend(const tl_draft *d, const uint32_t *stretch_end, const uint32_t *stretch_start, uint32_t i,
	tl_lifetime *l)
{
	uint32_t s = d->stretch_of[i], from = s ? stretch_start[s] : tl__time_of(d, i),
		 to = s ? stretch_end[s] : tl__time_of(d, i);
	l->first = from < l->first ? from : l->first;
	l->last = to > l->last ? to : l->last;
}

static bool find_lifetimes(tl_places *p, uint32_t *chain_of, tl_lifetime *life)
{
	tl_draft *d = p->d;
	uint32_t *from = tl__draft_array(d, d->n_stretches + 1, sizeof *from);
	uint32_t *to = tl__draft_array(d, d->n_stretches + 1, sizeof *to);
	if (!from || !to)
		return false;
	for (uint32_t s = 0; s <= d->n_stretches; s++)
		from[s] = UINT32_MAX;
	for (uint32_t g = 0; g < d->n_groups; g++) {
		uint32_t s = d->groups[g].stretch;
		from[s] = g < from[s] ? g : from[s];
		to[s] = g > to[s] ? g : to[s];
	}
	for (uint32_t k = 0; k < d->n_seq; k++) {
		uint32_t i = d->seq[k];
		if (!tl__is_root(d, i))
			continue;
		tl_lifetime *l = &life[chain_of[tl__base_of(p, i)]];
		extend(d, to, from, i, l);
		for (uint32_t r = d->reader_start[i]; r < d->reader_start[i + 1]; r++)
			extend(d, to, from, d->reader[r], l);
		if (d->wanted[i])
			l->last = UINT32_MAX;
	}
	for (uint32_t k = 0; k < p->n_stand_ins; k++) {
		tl_lifetime *l = &life[chain_of[p->stand_in[k].id]];
		*l = (tl_lifetime){.bytes = l->bytes, .first = 0, .last = UINT32_MAX};
	}
	return true;
}

/*
 * Elements between the end of a row and the next row. Rows at distances of a multiple of ALIAS bytes fall
 * on few sets of the cache, which costs a product that reads down the columns up to a tenth of its speed.
 */
static int64_t padding(tl_shape s)
{
	return s.axes > 1 && tl__columns(s) * (int64_t)sizeof(tl_real) % ALIAS == 0 ? PAD : 0;
}

static bool can_pad(const tl_places *p, uint32_t i)
{
	const tl_draft *d = p->d;
	return i < d->size && d->by[i] != TL_BY_KERNEL && !p->dense[i] && !d->wanted[i] &&
	       padding(d->look[i].shape);
}

/* The chain's roots one after the other, all with the same distance between rows. */
static tl_tensor lay_out(const tl_tensor *like, int64_t pad)
{
	tl_tensor t = tl_tensor_dense(like->dtype, like->shape, TL_PLAN_BASE);
	for (int64_t i = 0, last = t.shape.axes - 1; pad && i < last; i++)
		t.stride[i] = t.stride[i] / t.shape.dim[last] * (t.shape.dim[last] + pad);
	return t;
}

static size_t bytes_of(const tl_tensor *t, int64_t pad)
{
	int64_t columns = tl__columns(t->shape), size = tl_shape_size(t->shape);
	return (size_t)(columns ? size / columns * (columns + pad) : 0) * tl_dtype_size(t->dtype);
}

bool tl__assign_memory(tl_places *p)
{
	tl_draft *d = p->d;
	uint32_t *chain_of = tl__draft_array(d, p->roots, sizeof *chain_of), chains = 0;
	int64_t *pad = tl__draft_array(d, p->roots, sizeof *pad); /* of chains */
	size_t *within = tl__draft_array(d, p->roots, sizeof *within);
	tl_lifetime *life = tl__draft_array(d, p->roots, sizeof *life);
	if (!chain_of || !pad || !within || !life)
		return false;
	bool reuse = tl__draft_has(d, TL_PASS_PLACE);
	uint32_t end = d->size + p->n_stand_ins;
	for (uint32_t i = 1; i < end; i++) {
		if (i < d->size ? !tl__is_root(d, i) || p->claim[i] : false)
			continue;
		if (p->prev[i])
			continue;
		size_t bytes = 0;
		pad[chains] = reuse ? padding(tl__draft_look(p, i)->shape) : 0;
		bool in_sum = false;
		for (uint32_t at = i + 1; at; at = p->next[at - 1]) {
			in_sum |= p->in_sum[at - 1];
			if (!can_pad(p, at - 1))
				pad[chains] = 0;
		}
		if (!in_sum)
			pad[chains] = 0;
		for (uint32_t at = i + 1; at; at = p->next[at - 1]) {
			chain_of[at - 1] = chains;
			within[at - 1] = bytes;
			bytes += at - 1 == d->placed ? 0 : bytes_of(tl__draft_look(p, at - 1), pad[chains]);
		}
		life[chains++] = (tl_lifetime){.bytes = bytes, .first = UINT32_MAX};
	}
	if (!find_lifetimes(p, chain_of, life) || !tl__assign_offsets(d, chains, life, reuse, &p->bytes))
		return false;
	for (uint32_t i = 1; i < end; i++)
		if (i >= d->size || (tl__is_root(d, i) && !p->claim[i])) {
			p->look[i] = lay_out(tl__draft_look(p, i), pad[chain_of[i]]);
			if (i != d->placed)
				p->look[i].data = TL_PLAN_BASE + life[chain_of[i]].offset + within[i];
		}
	return true;
}
