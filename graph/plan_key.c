/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node's words: op; numbers of operands and bytes of parameters, whether it has a value or a place; then the
 * operands, the parameters. Shapes follow from these but for nodes without operands, whose shapes are written
 * out; so are shapes and strides of nodes that have a value.
 */
#include "graph/plan_key.h"

#include <stdlib.h>
#include <string.h>

static bool make_room(tl_words *w, size_t more)
{
	if (w->n + more <= w->cap)
		return true;
	size_t cap = w->cap ? w->cap : 4096;
	while (cap < w->n + more)
		cap *= 2;
	uint64_t *word = realloc(w->word, cap * sizeof *word);
	if (!word)
		return false;
	w->word = word;
	w->cap = cap;
	w->grown++;
	return true;
}

static void put_tensor(tl_words *w, const tl_tensor *t)
{
	w->word[w->n++] = (uint64_t)t->shape.axes << 8 | (uint64_t)t->dtype;
	for (int64_t i = 0; i < t->shape.axes; i++) {
		w->word[w->n++] = (uint64_t)t->shape.dim[i];
		w->word[w->n++] = (uint64_t)t->stride[i];
	}
}

/* Of a leaf without a value. */
static void put_shape(tl_words *w, const tl_tensor *t)
{
	w->word[w->n++] = (uint64_t)t->shape.axes << 8 | (uint64_t)t->dtype;
	for (int64_t i = 0; i < t->shape.axes; i++)
		w->word[w->n++] = (uint64_t)t->shape.dim[i];
}

static bool put_node(tl_words *w, const tl_node *node)
{
	size_t operands = (node->n_in + 1) / 2, params = (node->params_size + 7) / 8;
	if (!make_room(w, 3 + operands + params + 2 * TL_MAX_AXES))
		return false;
	uint64_t *to = w->word + w->n;
	*to++ = (uintptr_t)node->op;
	*to++ = (uint64_t)(node->flags & TL_NODE_PLACED) << 59 | (uint64_t)node->n_in << 32 | node->params_size << 1 |
		(node->flags & TL_NODE_READY);
	if (operands) {
		to[operands - 1] = 0;
		memcpy(to, node->in, node->n_in * sizeof *node->in);
		to += operands;
	}
	if (params) {
		to[params - 1] = 0;
		memcpy(to, node->params, node->params_size);
		to += params;
	}
	w->n = (size_t)(to - w->word);
	if (node->flags & TL_NODE_READY)
		put_tensor(w, &node->value);
	else if (node->n_in == 0)
		put_shape(w, &node->value);
	return true;
}

static void set_hash(tl_words *w)
{
	uint64_t a = 0x243f6a8885a308d3u, b = 0x13198a2e03707344u;
	size_t k = 0;
	for (; k + 2 <= w->n; k += 2) {
		a = (a ^ w->word[k]) * 0x9e3779b97f4a7c15u;
		b = (b ^ w->word[k + 1]) * 0xc2b2ae3d27d4eb4fu;
		a ^= a >> 32;
		b ^= b >> 29;
	}
	if (k < w->n)
		a = (a ^ w->word[k]) * 0x9e3779b97f4a7c15u;
	w->hash = a ^ (b << 17 | b >> 47);
}

bool tl__structure(tl_words *w, const tl_tape *t, int n, const uint32_t *want)
{
	uint32_t top = 0;
	w->n = 0;
	if (!make_room(w, (size_t)n + 1))
		return false;
	for (int k = 0; k < n; k++) {
		w->word[w->n++] = want[k];
		top = want[k] > top ? want[k] : top;
	}
	for (uint32_t i = 1; i <= top; i++)
		if (!put_node(w, &t->nodes[i]))
			return false;
	set_hash(w);
	return true;
}

bool tl__add_scopes(tl_words *w, const tl_tape *t)
{
	if (!make_room(w, t->n_nodes / 2 + 2))
		return false;
	w->word[w->n++] = t->draws;
	for (uint32_t i = 1; i < t->n_nodes; i += 2) {
		uint64_t next = i + 1 < t->n_nodes ? t->nodes[i + 1].scope : 0;
		w->word[w->n++] = next << 32 | t->nodes[i].scope;
	}
	set_hash(w);
	return true;
}

bool tl__add_word(tl_words *w, uint64_t word)
{
	if (!make_room(w, 1))
		return false;
	w->word[w->n++] = word;
	set_hash(w);
	return true;
}
