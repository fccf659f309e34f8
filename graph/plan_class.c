/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes: nodes that stand for the same line of the program, in whatever copy of it. Where plan_roll.c found
 * a loop, a class is a place in its body. Trees, sequences of a step or two and examples recorded one by one
 * leave no loops; there a node is known by what it is and by the node that it is anchored at:
 *
 *	own(n)   = op, parameters, shape but for the rows; of each operand: which tl_param it is, or which columns
 *	id_0(n)  = own(n)
 *	id_k(n)  = mix(own(n), id_{k-1}(anchor(n))),   k = 1 .. ROUNDS
 *
 * This is Weisfeiler and Leman's colour refinement (1968), along one operand of each node only: an operand
 * handed over from another copy of the program may have been made by a leaf or by a node, and must not
 * make a difference. The anchor is the computed operand that was recorded last, for that is most likely a
 * neighbour in the same copy; of an adjoint it is the last operand of the forward pass, for what comes down
 * to it may come from the left, the right or the loss. A node that reads a parameter needs no anchor.
 *
 * Both kinds of classes meet: a node in no loop joins the class that nodes of its identity have in the loops.
 * Where loops disagree about identities (in a forest short loops are found by accident) identities count.
 * Where there are checkpoints, only loops have classes. A wrong guess costs speed and nothing else.
 */
#include "graph/plan_draft.h"

#include "graph/leaf.h"

#include <string.h>

#define ROUNDS 16
#define FOREST 8 /* one in so many nodes has an identity on which loops disagree: this is no program of loops */

typedef struct entry {
	uint64_t id;
	uint64_t loop;   /* the class key of its first node in a loop, or 0 */
	bool several;    /* loops disagree */
	bool outside;    /* it has a node in no loop */
	uint32_t number; /* 1 + class; 0: free or none yet */
} entry;

typedef struct table {
	entry *at;
	uint64_t mask;
} table;

static entry *find(table *t, uint64_t id)
{
	uint64_t i = id ^ id >> 32;
	while (t->at[i & t->mask].id && t->at[i & t->mask].id != id)
		i++;
	t->at[i & t->mask].id = id;
	return &t->at[i & t->mask];
}

static bool new_table(tl_draft *d, table *t)
{
	t->mask = 1;
	while (t->mask < 2 * (uint64_t)d->n_seq + 2)
		t->mask *= 2;
	t->at = tl__draft_array(d, t->mask, sizeof *t->at);
	t->mask--;
	return t->at != NULL;
}

uint64_t tl__draft_shape_key(tl_shape s)
{
	uint64_t h = (uint64_t)s.axes;
	for (int64_t i = s.axes > 1 ? 1 : 0; i < s.axes; i++)
		h = tl__mix(h, (uint64_t)s.dim[i]);
	return h;
}

static uint64_t params_key(const tl_node *node)
{
	uint64_t h = node->params_size, word;
	const char *p = node->params;
	for (uint32_t k = 0; k < node->params_size; k += sizeof word) {
		uint32_t n = node->params_size - k < sizeof word ? node->params_size - k : sizeof word;
		word = 0;
		memcpy(&word, p + k, n);
		h = tl__mix(h, word);
	}
	return h;
}

static bool is_param(const tl_draft *d, uint32_t i)
{
	uint32_t root = d->root[i];
	return d->kind[root] == TL_DRAFT_GIVEN && d->nodes[root].op == &tl_op_param;
}

uint64_t tl__draft_columns_key(const tl_draft *d, uint32_t i)
{
	const tl_tensor *look = &d->look[i], *root = &d->look[d->root[i]];
	int64_t width = root->shape.axes ? root->shape.dim[root->shape.axes - 1] : 1;
	int64_t at = tl__look_offset(look) / (int64_t)tl_dtype_size(look->dtype);
	return tl__mix((uint64_t)(width > 0 ? at % width : 0), tl__draft_shape_key(look->shape));
}

static uint64_t own_key(const tl_draft *d, uint32_t i)
{
	const tl_node *node = &d->nodes[i];
	uint64_t h = tl__mix((uintptr_t)node->op, tl__draft_shape_key(node->value.shape));
	h = tl__mix(h, (node->flags & TL_NODE_ADJOINT) | node->flags >> TL_NODE_ROLE << TL_NODE_ROLE);
	h = tl__mix(h, params_key(node));
	for (uint32_t k = 0; k < node->n_in && k < 8; k++) {
		uint32_t root = d->root[node->in[k]];
		bool given = d->kind[root] == TL_DRAFT_GIVEN;
		h = tl__mix(h, is_param(d, node->in[k]) ? root : given ? 0 : tl__draft_columns_key(d, node->in[k]));
	}
	return h | 1;
}

/* The node that i is known by, or 0. */
static uint32_t anchor_of(const tl_draft *d, uint32_t i)
{
	const tl_node *node = &d->nodes[i];
	uint32_t last = 0;
	for (uint32_t k = 0; k < node->n_in; k++) {
		uint32_t root = d->root[node->in[k]];
		if (is_param(d, node->in[k]))
			return 0;
		if (d->kind[root] == TL_DRAFT_NODE && root > last)
			last = root;
	}
	uint32_t of = node->adjoint_of;
	bool needed = of && of < i && (d->kind[of] == TL_DRAFT_NODE || d->kind[of] == TL_DRAFT_VIEW);
	return needed && d->kind[d->root[of]] == TL_DRAFT_NODE ? d->root[of] : last;
}

/* Identities of the nodes of d->seq; NULL where memory is out. */
static uint64_t *find_identities(tl_draft *d)
{
	uint32_t n = d->n_seq;
	uint64_t *own = tl__draft_array(d, n, sizeof *own), *id = tl__draft_array(d, n, sizeof *id);
	uint32_t *place = tl__draft_array(d, d->size, sizeof *place), *anchor = tl__draft_array(d, n, sizeof *anchor);
	if (!own || !id || !place || !anchor)
		return NULL;
	for (uint32_t s = 0; s < n; s++) {
		uint32_t i = d->seq[s], by = anchor_of(d, i);
		place[i] = s;
		anchor[s] = by ? place[by] : s;
		own[s] = id[s] = own_key(d, i);
	}
	/* An anchor stands before its node: from the last to the first, it still has the round before. */
	for (int round = 0; round < ROUNDS; round++)
		for (uint32_t s = n; s-- > 0;)
			if (anchor[s] != s)
				id[s] = tl__mix(own[s], id[anchor[s]]) | 1;
	return id;
}

/* What loops and identities have to do with each other; true for a forest. */
static bool compare(const tl_draft *d, table *t, const uint64_t *id, const uint64_t *loop)
{
	uint32_t disputed = 0;
	for (uint32_t s = 0; s < d->n_seq; s++) {
		entry *e = find(t, id[s]);
		e->outside |= !loop[s];
		e->several |= loop[s] && e->loop && e->loop != loop[s];
		e->loop = e->loop ? e->loop : loop[s];
	}
	for (uint32_t s = 0; s < d->n_seq; s++) {
		const entry *e = find(t, id[s]);
		disputed += e->several && e->outside;
	}
	return disputed > d->n_seq / FOREST;
}

static bool number(tl_draft *d, const uint64_t *id)
{
	table t;
	if (!new_table(d, &t))
		return false;
	for (uint32_t s = 0; s < d->n_seq; s++) {
		uint32_t *class = &find(&t, id[s])->number;
		if (!*class)
			*class = ++d->n_classes;
		d->class_of[d->seq[s]] = *class - 1;
	}
	return true;
}

/* Each node that is in no loop for itself. */
static void name_apart(tl_draft *d, uint64_t *loop)
{
	for (uint32_t s = 0; s < d->n_seq; s++)
		if (!loop[s])
			loop[s] = tl__mix(s, 0x5851f42d4c957f2du) | 1;
}

/* Between checkpoints little is left to run together, and what waits for all of them keeps their results alive. */
static bool has_checkpoints(const tl_draft *d)
{
	for (uint32_t s = 0; s < d->n_seq; s++)
		if (d->nodes[d->seq[s]].op->flags & TL_OP_ALONE)
			return true;
	return false;
}

bool tl__draft_classify(tl_draft *d, uint64_t *loop)
{
	d->class_of = tl__draft_array(d, d->size, sizeof *d->class_of);
	if (!d->class_of)
		return false;
	if (!tl__draft_has(d, TL_PASS_BATCH) || has_checkpoints(d)) {
		name_apart(d, loop);
		return number(d, loop);
	}
	table t;
	uint64_t *id = find_identities(d);
	if (!id || !new_table(d, &t))
		return false;
	if (compare(d, &t, id, loop))
		return number(d, id);
	for (uint32_t s = 0; s < d->n_seq; s++) {
		const entry *e = find(&t, id[s]);
		if (!loop[s])
			loop[s] = e->loop && !e->several ? e->loop : id[s];
	}
	return number(d, loop);
}
