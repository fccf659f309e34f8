/* SPDX-License-Identifier: Apache-2.0 */
/* What programs read, and what runs gave. */
#include "tests/programs_parts.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const leaf_names[LEAVES] = {"w0", "w1", "w2", "gates", "joined", "stack", "b0", "b1", "b2",
	"gates_b", "table", "s0", "s1", "s2", "column", "matrices", "x", "y"};

tl_shape with_front(int64_t n, tl_shape s)
{
	for (int i = (int)s.axes++; i > 0; i--)
		s.dim[i] = s.dim[i - 1];
	s.dim[0] = n;
	return s;
}

static tl_shape leaf_shape(const program *p, int k)
{
	int64_t steps = 1 + p->number[P_STEPS], b = 1 + p->number[P_ROWS], h = 1 + p->number[P_WIDTH];
	bool wide = p->number[P_AXES] % 2;
	tl_shape state = wide ? TL_SHAPE(b, 2, h) : TL_SHAPE(b, h);
	switch (k) {
	case LEAF_GATES:
		return TL_SHAPE(h, 3 * h);
	case LEAF_JOINED:
		return TL_SHAPE(2 * h, h);
	case LEAF_STACK:
		return TL_SHAPE(3, h, h);
	case LEAF_GATE_BIAS:
		return TL_SHAPE(3 * h);
	case LEAF_TABLE:
		return TL_SHAPE(SYMBOLS, h);
	case LEAF_COLUMN:
		return wide ? TL_SHAPE(b, 1, 1) : TL_SHAPE(b, 1);
	case LEAF_MATRICES:
		return TL_SHAPE(b, h, h);
	case LEAF_X:
	case LEAF_Y:
		return with_front(2 * steps + 2, state);
	default:
		return k < LEAF_GATES ? TL_SHAPE(h, h) : k < LEAF_GATE_BIAS ? TL_SHAPE(h) : state;
	}
}

/* Matrices keep the size of what they multiply, about. */
static double leaf_bound(int k, int64_t width)
{
	bool matrix = k <= LEAF_STACK || k == LEAF_MATRICES;
	return matrix ? 1.5 / sqrt((double)width) : 1;
}

static int32_t *random_indices(tl_rng *rng, int64_t n, int64_t below)
{
	int32_t *v = malloc((size_t)n * sizeof *v);
	ck_assert_ptr_nonnull(v);
	for (int64_t i = 0; i < n; i++)
		v[i] = (int32_t)tl_rng_below(rng, below);
	return v;
}

static int32_t *random_order(tl_rng *rng, int64_t n)
{
	int32_t *v = random_indices(rng, n, 1);
	for (int32_t i = 0; i < n; i++) {
		int64_t j = tl_rng_below(rng, i + 1);
		v[i] = v[j];
		v[j] = i;
	}
	return v;
}

static void freeze(world *w, int which)
{
	static const int one[] = {LEAF_W, LEAF_GATES, LEAF_BIAS, LEAF_START, LEAF_X, LEAF_TABLE};
	if (which > 0 && which <= (int)(sizeof one / sizeof *one))
		w->leaf[one[which - 1]]->frozen = true;
	for (int k = 0; which == 7 && k < LEAF_STACK; k++)
		w->leaf[k]->frozen = true;
}

world *world_new(const program *p, uint64_t seed)
{
	tl_error err = {0};
	tl_rng rng = {.seed = seed, .stream = 1};
	int64_t steps = 1 + p->number[P_STEPS], batch = 1 + p->number[P_ROWS], width = 1 + p->number[P_WIDTH];
	world *w = calloc(1, sizeof *w);
	ck_assert_ptr_nonnull(w);
	*w = (world){.seed = seed, .store = tl_store_new()};
	for (int k = 0; k < LEAVES; k++)
		w->leaf[k] = tl_store_add(w->store, leaf_names[k], leaf_shape(p, k), &err);
	ck_assert_msg(err.status == TL_OK, "%s", err.text);
	for (int k = 0; k < LEAVES; k++)
		tl_init_uniform(w->leaf[k], &rng, -leaf_bound(k, width), leaf_bound(k, width));
	freeze(w, p->number[P_FROZEN] % 8);
	w->optimizer = tl_optimizer_new(w->store, &(tl_optimizer_options){.lr = 0.1, .momentum = 0.5}, &err);
	ck_assert_msg(w->optimizer != NULL, "%s", err.text);
	w->symbols = random_indices(&rng, (2 * steps + 2) * batch, SYMBOLS);
	w->classes = random_indices(&rng, OUTPUTS * batch, width);
	w->order = random_order(&rng, batch);
	return w;
}

void world_free(world *w)
{
	tl_optimizer_free(w->optimizer);
	tl_store_free(w->store);
	free(w->symbols);
	free(w->classes);
	free(w->order);
	free(w);
}

void world_next(world *w, int run, bool all)
{
	tl_rng rng = {.seed = w->seed, .stream = 2 + (uint64_t)run};
	int64_t width = w->leaf[LEAF_BIAS]->value.shape.dim[0];
	for (int k = all && run > 0 ? 0 : LEAF_X; k < LEAVES; k++)
		tl_init_uniform(w->leaf[k], &rng, -leaf_bound(k, width), leaf_bound(k, width));
	const tl_shape *x = &w->leaf[LEAF_X]->value.shape;
	for (int64_t i = 0; i < x->dim[0] * x->dim[1]; i++)
		w->symbols[i] = (int32_t)tl_rng_below(&rng, SYMBOLS);
	tl_store_zero_grad(w->store);
}

/* Parameters while training, but y, and x as P_LEAVES says; otherwise inputs, parameters or both. */
static bool is_param(const recording *r, int k)
{
	int64_t how = choice(r, P_LEAVES, 4);
	if (r->trains)
		return k < LEAF_START || (k < LEAF_X && how != 3) || (k == LEAF_X && how == 0);
	return how == 1 || (how == 2 && k % 2);
}

tl_var leaf(recording *r, int k)
{
	tl_var *v = &r->leaf[k];
	tl_param *p = r->w->leaf[k];
	if (v->tape)
		return *v;
	if (is_param(r, k))
		*v = tl_use(r->tape, p);
	else if (choice(r, P_LEAVES, 4) == 3)
		*v = tl_borrow(r->tape, &p->value);
	else
		*v = tl_input(r->tape, p->value.shape, p->value.data);
	return *v;
}

tl_var rows_of(recording *r, tl_var v, int axis)
{
	return tl_dim(v, axis) > r->rows ? tl_slice(v, axis, 0, r->rows, 1) : v;
}

tl_var leaf_rows(recording *r, int k)
{
	return rows_of(r, leaf(r, k), 0);
}

tl_shape with_rows(const recording *r)
{
	tl_shape s = r->shape;
	s.dim[0] = r->rows;
	return s;
}

tl_var symbols_at(recording *r, int64_t t)
{
	int64_t n = r->w->leaf[LEAF_X]->value.shape.dim[0];
	if (!r->symbols.tape)
		r->symbols = tl_index(r->tape, TL_SHAPE(n, r->batch), r->w->symbols);
	return rows_of(r, tl_select(r->symbols, 0, t % n), 0);
}

tl_var shared_mask(recording *r)
{
	if (!r->mask.tape)
		r->mask = tl_dropout_mask(r->tape, r->shape, 0.25);
	return r->mask;
}

void results_add(results *r, const char *name, const tl_real *values, int64_t n)
{
	ck_assert_int_lt(r->n, RESULTS);
	if (!r->values || r->used + n > r->cap) {
		r->cap = 2 * r->cap + n + 1;
		r->values = realloc(r->values, (size_t)r->cap * sizeof *r->values);
		ck_assert_ptr_nonnull(r->values);
	}
	result *item = &r->item[r->n++];
	*item = (result){.at = r->used, .size = n};
	snprintf(item->name, sizeof item->name, "%s", name);
	memcpy(r->values + r->used, values, (size_t)n * sizeof *values);
	r->used += n;
}

void results_keep(results *r, const char *name, tl_var v)
{
	int64_t n = tl_shape_size(tl_var_shape(v));
	tl_real *values = malloc((size_t)(n + 1) * sizeof *values);
	ck_assert_ptr_nonnull(values);
	tl_status status = tl_read(v, values, n);
	ck_assert_msg(status == TL_OK, "%s: %s", name, tl_tape_error(v.tape)->text);
	results_add(r, name, values, n);
	free(values);
}

void results_keep_grads(results *r, const tl_store *store)
{
	for (int k = 0; k < tl_store_count(store); k++) {
		tl_param *p = tl_store_at(store, k);
		results_add(r, p->name, p->grad.data, tl_shape_size(p->grad.shape));
	}
}

void results_free(results *r)
{
	free(r->values);
	*r = (results){0};
}

static bool same_special(double a, double b)
{
	return isnan(a) ? isnan(b) : a == b;
}

double results_error(const results *want, const results *got, int k)
{
	const result *a = &want->item[k], *b = &got->item[k];
	double largest = 0, error = 0;
	if (k >= got->n || a->size != b->size || strcmp(a->name, b->name) != 0)
		return (double)INFINITY;
	for (int64_t i = 0; i < a->size; i++) {
		double x = (double)want->values[a->at + i], y = (double)got->values[b->at + i];
		if (!isfinite(x) || !isfinite(y)) {
			if (!same_special(x, y))
				return (double)INFINITY;
			continue;
		}
		largest = fmax(largest, fabs(x));
		error = fmax(error, fabs(x - y));
	}
	return error > 0 ? error / largest : 0;
}
