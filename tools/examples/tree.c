/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recursive net learns what formulas like ((1 and 0) xor (1 or 1)) are worth: a state for each node of the
 * formula's tree, made from its symbol and the states of its children. Each formula is recorded for itself, as
 * deep and as lopsided as it is; nodes of one height run together, whatever formulas they belong to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <tapeloop.h>

enum { FALSE, TRUE, AND, OR, XOR, SYMBOLS };
enum { H = 24, FORMULAS = 32 };

typedef struct formula {
	int32_t symbol;
	int worth;
	struct formula *left, *right; /* of AND, OR, XOR */
} formula;

static formula *formula_new(tl_rng *rng, int depth)
{
	formula *f = calloc(1, sizeof *f);
	if (!f)
		exit(1);
	if (depth == 0 || tl_rng_below(rng, 4) == 0) {
		f->symbol = f->worth = (int)tl_rng_below(rng, 2);
		return f;
	}
	f->symbol = AND + (int32_t)tl_rng_below(rng, 3);
	f->left = formula_new(rng, depth - 1);
	f->right = formula_new(rng, depth - 1);
	int a = f->left->worth, b = f->right->worth;
	f->worth = f->symbol == AND ? a & b : f->symbol == OR ? a | b : a ^ b;
	return f;
}

static void formula_free(formula *f)
{
	if (f->left) {
		formula_free(f->left);
		formula_free(f->right);
	}
	free(f);
}

typedef struct net {
	tl_embedding symbol;
	tl_param *left, *right;
	tl_dense worth;
} net;

/* h = tanh(table[symbol] + h_left L + h_right R) */
static tl_var state(const net *m, tl_tape *tape, const formula *f)
{
	tl_var x = tl_embedding_run(&m->symbol, tl_index(tape, TL_SHAPE(1), &f->symbol));
	if (!f->left)
		return tl_tanh(x);
	tl_var l = state(m, tape, f->left), r = state(m, tape, f->right);
	return tl_tanh(tl_add(x, tl_add(tl_matmul(l, tl_use(tape, m->left)), tl_matmul(r, tl_use(tape, m->right)))));
}

int main(void)
{
	tl_error err = {0};
	tl_rng rng = {.seed = 1};
	tl_tape *tape = tl_tape_new(NULL);
	tl_store *store = tl_store_new();
	net m;
	tl_embedding_add(&m.symbol, store, "symbol", SYMBOLS, H, &err);
	m.left = tl_store_add(store, "left", TL_SHAPE(H, H), &err);
	m.right = tl_store_add(store, "right", TL_SHAPE(H, H), &err);
	tl_dense_add(&m.worth, store, "worth", H, 1, &err);
	tl_embedding_init(&m.symbol, &rng);
	tl_init_xavier_uniform(m.left, &rng, 1, &err);
	tl_init_xavier_uniform(m.right, &rng, 1, &err);
	tl_dense_init(&m.worth, &rng);
	tl_optimizer *adam = tl_optimizer_new(store, &(tl_optimizer_options){.kind = &tl_adam, .lr = 0.01}, &err);
	int right = 0;
	for (int step = 1; step <= 400 && !err.status; step++) {
		tl_tape_reset(tape);
		formula *f[FORMULAS];
		tl_var logit[FORMULAS], loss = tl_fill(tape, TL_SCALAR, 0);
		for (int i = 0; i < FORMULAS; i++) {
			f[i] = formula_new(&rng, 4);
			logit[i] = tl_dense_run(&m.worth, state(&m, tape, f[i]));
			tl_var target = tl_fill(tape, TL_SHAPE(1, 1), f[i]->worth);
			loss = tl_add(loss, tl_bce_with_logits(logit[i], target, TL_SUM));
		}
		tl_store_zero_grad(store);
		if (tl_backward(tl_scale(loss, 1.0 / FORMULAS)))
			tl_error_set(&err, tl_tape_status(tape), "%s", tl_tape_error(tape)->text);
		for (int i = 0; i < FORMULAS; i++) {
			float z = 0;
			tl_read(logit[i], &z, 1);
			right += (z > 0) == f[i]->worth;
			formula_free(f[i]);
		}
		tl_optimizer_step(adam);
		if (step % 100 == 0) {
			printf("step %3d  %.3f of the last 100 batches right\n", step, right / (100.0 * FORMULAS));
			right = 0;
		}
	}
	if (err.status)
		fprintf(stderr, "%s\n", err.text);
	tl_optimizer_free(adam);
	tl_store_free(store);
	tl_tape_free(tape);
	return err.status ? 1 : 0;
}
