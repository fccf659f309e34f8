/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tapeloop bench trees: a binary tree-LSTM (Tai, Socher, Manning, "Improved semantic representations from
 * tree-structured long short-term memory networks", 2015) or a plain tree cell over random binary trees,
 * recorded one after the other:
 *
 *	leaf: x = table[symbol]; [i o u] = x W + b; c = i*u; h = o*tanh(c)
 *	node: [i o u f g] = l.h L + r.h R + a; c = i*u + f*l.c + g*r.c; h = o*tanh(c)
 *
 * i, o, f, g are sigmoids, u is a tanh. The plain cell has h = tanh(x W + b), h = tanh(l.h L + r.h R + a).
 * The loss is the sum over the trees of the mean square of their roots' h.
 */
#include <stdio.h>

#include "models/layers.h"
#include "ops/activation.h"
#include "ops/arith.h"
#include "ops/layout.h"
#include "ops/math.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "optim/init.h"
#include "tools/bench.h"

/* Nodes in an order in which children come first; the last is the root. */
typedef struct tree {
	int64_t n;
	int32_t *left, *right; /* [n]; -1 in a leaf */
	tl_tensor symbols;     /* [n] of shape (1), of the leaves */
} tree;

typedef struct trees {
	bool plain;
	tl_embedding table;
	tl_param *w, *b, *l, *r, *a; /* as in the equations */
	int64_t n;
	tree *tree;   /* [n] */
	int64_t most; /* nodes of the largest */
} trees;

enum { INPUT, HIDDEN, BATCH, VOCAB, MIN_LEAVES, LEAVES, PLAIN };

/* The subtree of n leaves with a random split: left subtree, right subtree, node. A stack instead of recursion. */
static void draw_tree(tree *t, int64_t leaves, tl_rng *rng, int32_t *stack)
{
	int64_t depth = 0;
	int32_t *done = stack + 2 * leaves; /* roots of finished subtrees */
	int64_t finished = 0;
	stack[depth++] = (int32_t)leaves;
	while (depth > 0) {
		int32_t pending = stack[--depth]; /* > 0: leaves of a subtree; 0: join the last two */
		int32_t i = (int32_t)t->n;
		if (pending > 1) {
			int32_t left = 1 + (int32_t)tl_rng_below(rng, pending - 1);
			stack[depth++] = 0;
			stack[depth++] = pending - left;
			stack[depth++] = left;
			continue;
		}
		t->left[i] = t->right[i] = -1;
		if (pending == 0) {
			t->right[i] = done[--finished];
			t->left[i] = done[--finished];
		}
		done[finished++] = i;
		t->n++;
	}
}

static tl_status make_tree(bench_job *job, int64_t leaves, int64_t vocab, tree *t, tl_error *err)
{
	size_t n = (size_t)(2 * leaves - 1);
	t->left = bench_alloc(job, n * sizeof *t->left, err);
	t->right = bench_alloc(job, n * sizeof *t->right, err);
	int32_t *stack = bench_alloc(job, 4 * (size_t)leaves * sizeof *stack, err);
	if (!t->left || !t->right || !stack)
		return err->status;
	draw_tree(t, leaves, &job->rng, stack);
	return bench_indices(job, TL_SHAPE(t->n, 1), vocab, &t->symbols, err);
}

static tl_param *weight(bench_job *job, const char *name, tl_shape shape, tl_error *err)
{
	tl_param *p = err->status ? NULL : tl_store_add(job->store, name, shape, err);
	if (p && shape.axes > 1)
		tl_init_xavier_uniform(p, &job->rng, 1, err);
	return p;
}

static tl_status make_cell(bench_job *job, const int64_t *n, trees *m, tl_error *err)
{
	int64_t e = n[INPUT], h = n[HIDDEN], leaf = m->plain ? h : 3 * h, node = m->plain ? h : 5 * h;
	m->w = weight(job, "tree.w", TL_SHAPE(e, leaf), err);
	m->b = weight(job, "tree.b", TL_SHAPE(leaf), err);
	m->l = weight(job, "tree.l", TL_SHAPE(h, node), err);
	m->r = weight(job, "tree.r", TL_SHAPE(h, node), err);
	m->a = weight(job, "tree.a", TL_SHAPE(node), err);
	if (!err->status && !tl_embedding_add(&m->table, job->store, "table", n[VOCAB], e, err))
		tl_embedding_init(&m->table, &job->rng);
	return err->status;
}

static tl_status make_trees(bench_job *job, const bench_options *o, tl_error *err)
{
	const int64_t *n = o->size;
	int64_t low = n[MIN_LEAVES], high = n[LEAVES];
	trees *m = bench_alloc(job, sizeof *m, err);
	if (!m)
		return err->status;
	job->model = m;
	m->plain = n[PLAIN];
	m->n = n[BATCH];
	if (low > high)
		return tl_error_set(err, TL_ERR_ARGUMENT, "the least number of leaves, %lld, is above the greatest, %lld",
			(long long)low, (long long)high);
	int64_t *leaves = bench_alloc(job, (size_t)m->n * sizeof *leaves, err);
	m->tree = bench_alloc(job, (size_t)m->n * sizeof *m->tree, err);
	if (!leaves || !m->tree || make_cell(job, n, m, err))
		return err->status;
	bench_lengths(job, low, high, m->n, leaves);
	for (int64_t b = 0; b < m->n; b++) {
		if (make_tree(job, leaves[b], n[VOCAB], &m->tree[b], err))
			return err->status;
		job->tokens += m->tree[b].n;
	}
	m->most = 2 * high - 1;
	snprintf(job->name, sizeof job->name, "trees %s %lld..%lld V%lld I%lld H%lld B%lld", m->plain ? "plain" : "lstm",
		(long long)low, (long long)high, (long long)n[VOCAB], (long long)n[INPUT], (long long)n[HIDDEN],
		(long long)m->n);
	return TL_OK;
}

static tl_state leaf_state(const trees *m, tl_tape *tape, const tree *t, int64_t i)
{
	tl_tensor symbol = t->symbols;
	symbol.shape = TL_SHAPE(1);
	symbol.stride[0] = 1;
	symbol.data = (int32_t *)t->symbols.data + i;
	tl_var x = tl_embedding_run(&m->table, tl_borrow(tape, &symbol));
	tl_var b = tl_use(tape, m->b), z = tl_linear(x, tl_use(tape, m->w), b);
	if (m->plain)
		return tl_state1(tl_tanh(z));
	tl_var g = tl_tanh(tl_part(z, -1, 2, 3)), c = tl_mul(tl_sigmoid(tl_part(z, -1, 0, 3)), g);
	tl_var y = tl_tanh(c);
	return tl_state2(tl_mul(tl_sigmoid(tl_part(z, -1, 1, 3)), y), c);
}

static tl_state node_state(const trees *m, tl_tape *tape, tl_state l, tl_state r)
{
	tl_var a = tl_use(tape, m->a), right = tl_linear(r.v[0], tl_use(tape, m->r), a);
	tl_var z = tl_add(tl_matmul(l.v[0], tl_use(tape, m->l)), right);
	if (m->plain)
		return tl_state1(tl_tanh(z));
	tl_var i = tl_sigmoid(tl_part(z, -1, 0, 5)), o = tl_sigmoid(tl_part(z, -1, 1, 5));
	tl_var f = tl_sigmoid(tl_part(z, -1, 3, 5)), g = tl_sigmoid(tl_part(z, -1, 4, 5));
	tl_var c = tl_mul(i, tl_tanh(tl_part(z, -1, 2, 5)));
	right = tl_mul(g, r.v[1]);
	c = tl_add(c, tl_add(tl_mul(f, l.v[1]), right));
	return tl_state2(tl_mul(o, tl_tanh(c)), c);
}

static tl_var record_trees(const void *model, tl_tape *tape)
{
	const trees *m = model;
	tl_var sum = {0};
	tl_state *state = tl_tape_alloc(tape, (size_t)m->most * sizeof *state);
	for (int64_t b = 0; state && b < m->n; b++) {
		const tree *t = &m->tree[b];
		tl_scope_begin(tape, "tree", b);
		for (int64_t i = 0; i < t->n; i++)
			state[i] = t->left[i] < 0 ? leaf_state(m, tape, t, i)
						  : node_state(m, tape, state[t->left[i]], state[t->right[i]]);
		tl_var loss = tl_mean_all(tl_square(state[t->n - 1].v[0]));
		sum = b ? tl_add(sum, loss) : loss;
		tl_scope_end(tape);
	}
	return sum;
}

static void release(void *model)
{
	(void)model;
}

tl_status bench_trees(int argc, char **argv, tl_error *err)
{
	static const bench_work work = {
		.doc = "Time training steps of a tree-LSTM over random binary trees that are recorded one after the other, "
		       "each a graph of its own: the sum of the mean squares of their roots, one backward pass over all. "
		       "tok_per_s counts tree nodes.",
		.sizes = {{"input", 256, 1, "Size of the embedding"}, {"hidden", 256, 1, "Size of each state"},
			{"batch", 32, 1, "Trees"}, {"vocab", 1000, 1, "Symbols at the leaves"},
			{"min-leaves", 5, 1, "Least number of leaves that is drawn"},
			{"leaves", 35, 1, "Greatest one, and that of the first tree"},
			{"plain", 0, 0, "1: the cell is tanh(l L + r R + a)"}},
		.make = make_trees,
		.record = record_trees,
		.release = release,
	};
	return bench_command(&work, argc, argv, err);
}
