/* SPDX-License-Identifier: Apache-2.0 */
/* The first look at the recorded nodes: which are needed, which are views, how each is computed. */
#include "graph/plan_draft.h"

#include <string.h>

void *tl__draft_array(tl_draft *d, size_t count, size_t size)
{
	void *p = tl_arena_alloc(d->mem, (count + 1) * size);
	if (p)
		memset(p, 0, (count + 1) * size);
	return p;
}

static void mark(tl_draft *d)
{
	for (uint32_t i = d->size - 1; i > 0; i--) {
		const tl_node *node = &d->nodes[i];
		if (d->kind[i] == TL_DRAFT_UNNEEDED)
			continue;
		if (node->flags & TL_NODE_READY) {
			d->kind[i] = TL_DRAFT_GIVEN;
			continue;
		}
		for (uint32_t k = 0; k < node->n_in; k++)
			d->kind[node->in[k]] = TL_DRAFT_NODE;
		d->n_seq++;
	}
}

/* All 2-D and not empty, a row 1-D: what the gemm of core computes. */
static bool is_product(const tl_draft *d, uint32_t i)
{
	const tl_node *node = &d->nodes[i];
	if (!(node->op->flags & TL_OP_PRODUCT) || node->n_in < 2 || node->value.shape.axes != 2)
		return false;
	for (uint32_t k = 0; k < node->n_in; k++) {
		const tl_tensor *t = &d->look[node->in[k]];
		bool row = k == node->n_in - 1 && node->n_in % 2;
		if (t->shape.axes != (row ? 1 : 2) || tl_shape_size(t->shape) == 0)
			return false;
	}
	return tl_shape_size(node->value.shape) > 0;
}

static bool is_map(const tl_draft *d, uint32_t i)
{
	const tl_node *node = &d->nodes[i];
	return node->op->map && node->n_in <= TL_MAP_MAX && tl_shape_size(node->value.shape) > 0;
}

static void look_at(tl_draft *d, uint32_t i)
{
	const tl_node *node = &d->nodes[i];
	d->root[i] = i;
	d->look[i] = node->value;
	d->look[i].data = TL_PLAN_BASE;
	d->reads[i] = node->in;
	d->n_reads[i] = node->n_in;
	if (d->kind[i] == TL_DRAFT_GIVEN)
		return;
	if (node->op->view && node->op->view(node->params, &d->look[node->in[0]], &d->look[i])) {
		d->kind[i] = TL_DRAFT_VIEW;
		d->root[i] = d->root[node->in[0]];
		return;
	}
	d->look[i] = tl_tensor_dense(node->value.dtype, node->value.shape, TL_PLAN_BASE);
	d->seq[d->n_seq++] = i;
	d->by[i] = TL_BY_KERNEL;
	if (is_map(d, i)) {
		d->by[i] = TL_BY_MAP;
	} else if (is_product(d, i)) {
		d->by[i] = TL_BY_PRODUCT;
		d->product[i] = (tl_product){.pairs = node->n_in / 2, .row = node->n_in % 2};
	}
}

bool tl__draft_need(tl_draft *d, int n, const uint32_t *want)
{
	d->size = 1;
	for (int k = 0; k < n; k++)
		if (want[k] >= d->size)
			d->size = want[k] + 1;
	d->nodes = d->tape->nodes;
	d->kind = tl__draft_array(d, d->size, 1);
	d->by = tl__draft_array(d, d->size, 1);
	d->wanted = tl__draft_array(d, d->size, 1);
	d->root = tl__draft_array(d, d->size, sizeof *d->root);
	d->look = tl_arena_alloc(d->mem, d->size * sizeof *d->look);
	d->reads = tl__draft_array(d, d->size, sizeof *d->reads);
	d->n_reads = tl__draft_array(d, d->size, sizeof *d->n_reads);
	d->product = tl__draft_array(d, d->size, sizeof *d->product);
	if (!d->kind || !d->by || !d->wanted || !d->root || !d->look || !d->reads || !d->n_reads || !d->product)
		return false;
	for (int k = 0; k < n; k++) {
		d->kind[want[k]] = TL_DRAFT_NODE;
		d->wanted[want[k]] = 1;
	}
	mark(d);
	d->seq = tl__draft_array(d, d->n_seq, sizeof *d->seq);
	if (!d->seq)
		return false;
	d->n_seq = 0;
	for (uint32_t i = 1; i < d->size; i++)
		if (d->kind[i] != TL_DRAFT_UNNEEDED)
			look_at(d, i);
	for (int k = 0; k < n; k++) {
		d->wanted[d->root[want[k]]] = 1;
		if (d->kind[want[k]] == TL_DRAFT_NODE && d->nodes[want[k]].flags & TL_NODE_PLACED)
			d->placed = want[k];
	}
	return true;
}

bool tl__draft_whole(const tl_draft *d, uint32_t i)
{
	const tl_tensor *look = &d->look[i], *root = &d->look[d->root[i]];
	if (d->kind[i] == TL_DRAFT_NODE)
		return true;
	return tl_shape_equal(look->shape, root->shape) && tl__look_offset(look) == 0 && tl_tensor_is_dense(look);
}

bool tl__draft_readers(tl_draft *d)
{
	d->reader_start = tl__draft_array(d, d->size + 1, sizeof *d->reader_start);
	if (!d->reader_start)
		return false;
	uint32_t *start = d->reader_start;
	for (uint32_t s = 0; s < d->n_seq; s++)
		for (uint32_t k = 0, i = d->seq[s]; d->kind[i] == TL_DRAFT_NODE && k < d->n_reads[i]; k++)
			start[d->root[d->reads[i][k]] + 1]++;
	for (uint32_t i = 0; i < d->size; i++)
		start[i + 1] += start[i];
	d->reader = tl__draft_array(d, start[d->size], sizeof *d->reader);
	uint32_t *fill = tl__draft_array(d, d->size, sizeof *fill);
	if (!d->reader || !fill)
		return false;
	for (uint32_t s = 0; s < d->n_seq; s++)
		for (uint32_t k = 0, i = d->seq[s]; d->kind[i] == TL_DRAFT_NODE && k < d->n_reads[i]; k++) {
			uint32_t to = d->root[d->reads[i][k]];
			d->reader[start[to] + fill[to]++] = i;
		}
	return true;
}
