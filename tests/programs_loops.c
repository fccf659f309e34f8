/* SPDX-License-Identifier: Apache-2.0 */
/* Families of loops: what is done with a body. Each has broken a planner, or could. */
#include "tests/programs_parts.h"

/* x[t] is replaced by the first state of step t. */
static tl_state run_layer(recording *r, int64_t steps, tl_var *x)
{
	bool scoped = choice(r, P_SCOPES, 3) == 2;
	if (scoped)
		tl_scope_begin(r->tape, "layer", r->layer);
	tl_state s = start(r);
	for (int64_t t = 0; t < steps; t++) {
		s = step(r, t, x[t], s);
		x[t] = s.v[0];
	}
	if (scoped)
		tl_scope_end(r->tape);
	return s;
}

static void read_all(recording *r, tl_var *x)
{
	for (int64_t t = 0; t < r->steps; t++)
		x[t] = stream(r, t);
}

static void put_all(recording *r, int64_t n, const tl_var *x)
{
	for (int64_t t = 0; t < n; t++)
		put_output(r, x[t]);
}

/* One loop; step `odd` has an operation more, where that is not -1. */
static void one_loop(recording *r, int64_t odd)
{
	tl_state s = start(r);
	for (int64_t t = 0; t < r->steps; t++) {
		r->odd = t == odd;
		s = step(r, t, stream(r, t), s);
		put_output(r, s.v[0]);
	}
	r->odd = false;
	r->last = s;
}

static void record_loop(recording *r)
{
	one_loop(r, -1);
}

static void record_odd_first(recording *r)
{
	one_loop(r, 0);
}

static void record_odd_last(recording *r)
{
	one_loop(r, r->steps - 1);
}

static void record_odd_middle(recording *r)
{
	one_loop(r, odd_step(r));
}

static void record_stacked(recording *r)
{
	tl_var x[STEPS_MAX];
	read_all(r, x);
	for (r->layer = 0; r->layer < layers_of(r); r->layer++)
		r->last = run_layer(r, r->steps, x);
	put_all(r, r->steps, x);
}

/* The same body, other weights, nothing in common but the stream. */
static void record_side_by_side(recording *r)
{
	tl_var x[STEPS_MAX];
	for (r->layer = 0; r->layer < layers_of(r); r->layer++) {
		read_all(r, x);
		r->last = run_layer(r, r->steps, x);
		put_all(r, r->steps, x);
	}
}

/* Two loops whose steps are recorded in turn; the second has a shorter body and runs backwards. */
static void record_interleaved(recording *r)
{
	tl_state a = start(r), b = start(r);
	int half = (int)choice(r, P_OPS, PROGRAM_OPS + 1) / 2;
	for (int64_t t = 0; t < r->steps; t++) {
		a = step(r, t, stream(r, t), a);
		r->layer = 1;
		r->first = half;
		b = step(r, t, stream(r, r->steps - 1 - t), b);
		r->layer = 0;
		r->first = 0;
		put_output(r, tl_mul(a.v[0], b.v[0]));
	}
	r->last = b;
}

static void record_time_outside(recording *r)
{
	tl_state s[3];
	int layers = layers_of(r);
	for (int j = 0; j < layers; j++)
		s[j] = start(r);
	for (int64_t t = 0; t < r->steps; t++) {
		tl_var x = stream(r, t);
		for (r->layer = 0; r->layer < layers; r->layer++) {
			s[r->layer] = step(r, t, x, s[r->layer]);
			x = s[r->layer].v[0];
		}
		put_output(r, x);
	}
	r->last = s[layers - 1];
}

static void record_inner_loop(recording *r)
{
	tl_state s = start(r);
	for (int64_t t = 0; t < r->steps; t++) {
		s = step(r, t, stream(r, t), s);
		for (r->layer = 1; r->layer <= layers_of(r); r->layer++)
			s = step(r, t, s.v[0], s);
		r->layer = 0;
		put_output(r, s.v[0]);
	}
	r->last = s;
}

/* The state of one step is read after the loop, and by every step of another. */
static void record_used_later(recording *r)
{
	tl_state s = start(r);
	tl_var kept = s.v[0];
	for (int64_t t = 0; t < r->steps; t++) {
		s = step(r, t, stream(r, t), s);
		if (t == odd_step(r))
			kept = s.v[0];
	}
	put_output(r, tl_mul(kept, s.v[0]));
	for (int64_t t = 0; t < r->steps && choice(r, P_LAYERS, 2); t++) {
		s = step(r, t, tl_add(stream(r, t), kept), s);
		put_output(r, s.v[0]);
	}
	r->last = s;
}

static void record_cut(recording *r)
{
	tl_state s = start(r);
	for (int64_t t = 0; t < r->steps; t++) {
		for (int j = 0; j < s.n && t == odd_step(r); j++)
			s.v[j] = tl_detach(s.v[j]);
		s = step(r, t, stream(r, t), s);
		put_output(r, s.v[0]);
	}
	r->last = s;
}

static void record_bidirectional(recording *r)
{
	tl_var x[STEPS_MAX], back[STEPS_MAX];
	for (int k = 0; k < 1 + (int)choice(r, P_LAYERS, 2); k++) {
		if (k == 0)
			read_all(r, x);
		for (int64_t t = 0; t < r->steps; t++)
			back[t] = x[r->steps - 1 - t];
		r->layer = 2 * k;
		run_layer(r, r->steps, x);
		r->layer++;
		r->last = run_layer(r, r->steps, back);
		for (int64_t t = 0; t < r->steps; t++) {
			tl_var both[] = {x[t], back[r->steps - 1 - t]};
			x[t] = tl_matmul(tl_concat(2, both, -1), leaf(r, LEAF_JOINED));
		}
	}
	put_all(r, r->steps, x);
}

/* Sorted by length: fewer rows of the batch are left with every few steps. */
static void record_ragged(recording *r)
{
	tl_state s = start(r);
	for (int64_t t = 0; t < r->steps; t++) {
		int64_t rows = r->batch - t * (1 + choice(r, P_ORDER, 2)) / 2;
		r->rows = rows > 1 ? rows : 1;
		for (int j = 0; j < s.n; j++)
			s.v[j] = rows_of(r, s.v[j], 0);
		s = step(r, t, stream(r, t), s);
		put_output(r, s.v[0]);
	}
	r->last = s;
}

static tl_rng order_of(const recording *r)
{
	return (tl_rng){.seed = (uint64_t)r->p->number[P_ORDER]};
}

/* Sequences one after the other, each with its own length and input. */
static void record_unequal(recording *r)
{
	tl_rng rng = order_of(r);
	const tl_tensor *data = &r->w->leaf[LEAF_X]->value;
	tl_shape shape = data->shape;
	int64_t most = r->steps;
	for (int i = 0; i < 1 + layers_of(r); i++) {
		tl_var x[STEPS_MAX];
		r->steps = 1 + tl_rng_below(&rng, most);
		shape.dim[0] = r->steps + 1;
		int64_t from = tl_rng_below(&rng, data->shape.dim[0] - shape.dim[0] + 1);
		r->leaf[LEAF_X] = tl_input(r->tape, shape, (tl_real *)data->data + from * data->stride[0]);
		for (int t = 0; t < 2 * STEPS_MAX; t++)
			r->stream[t] = (tl_var){0};
		read_all(r, x);
		r->last = run_layer(r, r->steps, x);
		if (choice(r, P_ORDER, 2))
			put_all(r, r->steps, x);
		else
			put_output(r, x[r->steps - 1]);
	}
	r->steps = most;
}

/* Random binary trees over the stream: the left child's states, the right child as input. */
static void record_tree(recording *r)
{
	tl_rng rng = order_of(r);
	for (int k = 0; k < layers_of(r); k++) {
		tl_state node[STEPS_MAX];
		int64_t n = k ? 1 + tl_rng_below(&rng, r->steps) : r->steps;
		for (int64_t i = 0; i < n; i++)
			node[i] = step(r, i, stream(r, i), start(r));
		for (; n > 1; n--) {
			int64_t at = tl_rng_below(&rng, n - 1);
			tl_state left = node[at], right = node[at + 1];
			for (int j = 1; j < left.n; j++)
				left.v[j] = tl_add(left.v[j], right.v[j]);
			node[at] = step(r, n - 1, right.v[0], left);
			for (int64_t i = at + 1; i < n - 1; i++)
				node[i] = node[i + 1];
		}
		put_output(r, node[0].v[0]);
		r->last = node[0];
	}
}

static tl_var attend(int64_t n, const tl_var *memory, tl_var query)
{
	tl_var m = tl_stack((int)n, memory, 0);
	tl_var w = tl_softmax(tl_sum(tl_mul(m, query), TL_AXES(-1), true), 0);
	return tl_sum(tl_mul(m, w), TL_AXES(0), false);
}

/* Over all earlier states, or over the whole stream. */
static void record_attention(recording *r)
{
	tl_state s = start(r);
	tl_var memory[STEPS_MAX];
	bool fixed = choice(r, P_LAYERS, 2);
	if (fixed)
		read_all(r, memory);
	for (int64_t t = 0; t < r->steps; t++) {
		if (!fixed)
			memory[t] = s.v[0];
		tl_var c = attend(fixed ? r->steps : t + 1, memory, s.v[0]);
		s = step(r, t, tl_add(stream(r, t), c), s);
		put_output(r, s.v[0]);
	}
	r->last = s;
}

static void record_encoder_decoder(recording *r)
{
	tl_state s = start(r);
	for (int64_t t = 0; t < r->steps; t++)
		s = step(r, t, stream(r, t), s);
	r->layer = 1;
	tl_var x = tl_tanh(weighted(r, s.v[0]));
	for (int64_t t = 0; t < 1 + odd_step(r); t++) {
		s = step(r, t, x, s);
		x = tl_softmax(weighted(r, s.v[0]), -1);
		put_output(r, x);
	}
	r->last = s;
}

/* Step t reads what came out of step t - 2, too. */
static void record_lag(recording *r)
{
	tl_state s = start(r);
	tl_var out[STEPS_MAX];
	for (int64_t t = 0; t < r->steps; t++) {
		tl_var x = stream(r, t);
		s = step(r, t, t < 2 ? x : tl_add(x, out[t - 2]), s);
		out[t] = s.v[0];
		put_output(r, out[t]);
	}
	r->last = s;
}

const family *family_at(int k)
{
	static const family all[] = {{"loop", record_loop}, {"stacked", record_stacked},
		{"interleaved", record_interleaved}, {"time outside", record_time_outside},
		{"odd last", record_odd_last}, {"odd first", record_odd_first},
		{"odd middle", record_odd_middle}, {"used later", record_used_later}, {"cut", record_cut},
		{"bidirectional", record_bidirectional}, {"ragged", record_ragged},
		{"unequal", record_unequal}, {"tree", record_tree}, {"attention", record_attention},
		{"inner loop", record_inner_loop}, {"encoder and decoder", record_encoder_decoder},
		{"lag", record_lag}, {"side by side", record_side_by_side}};
	return k >= 0 && k < (int)(sizeof all / sizeof *all) ? &all[k] : NULL;
}
