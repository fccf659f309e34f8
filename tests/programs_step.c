/* SPDX-License-Identifier: Apache-2.0 */
/* One step of a loop: the ways to read a stream, to run a body, to make a state of what it gives. */
#include "tests/programs_parts.h"

static tl_var x_at(recording *r, int64_t i)
{
	tl_var x = leaf(r, LEAF_X);
	return tl_select(x, 0, i % tl_dim(x, 0));
}

static tl_var stream_plain(recording *r, int64_t t)
{
	return x_at(r, t);
}

static tl_var stream_before(recording *r, int64_t t)
{
	return t ? x_at(r, t - 1) : tl_fill(r->tape, r->shape, 0);
}

static tl_var stream_reversed(recording *r, int64_t t)
{
	return x_at(r, t < r->steps ? r->steps - 1 - t : t);
}

static tl_var stream_strided(recording *r, int64_t t)
{
	return x_at(r, 2 * t);
}

static tl_var stream_sliced(recording *r, int64_t t)
{
	tl_var x = leaf(r, LEAF_X);
	return tl_squeeze(tl_slice(x, 0, t % tl_dim(x, 0), t % tl_dim(x, 0) + 1, 1), 0);
}

static tl_var stream_flipped(recording *r, int64_t t)
{
	tl_var x = leaf(r, LEAF_X);
	return tl_select(tl_flip(x, 0), 0, t % tl_dim(x, 0));
}

static tl_var stream_window(recording *r, int64_t t)
{
	return tl_add(x_at(r, t), tl_scale(x_at(r, t + 1), 0.5));
}

static tl_var stream_constant(recording *r, int64_t t)
{
	(void)t;
	return x_at(r, 0);
}

/* Time is not the outermost axis in memory. */
static tl_var stream_transposed(recording *r, int64_t t)
{
	const int order[] = {1, 0, 2, 3};
	tl_var x = tl_transpose(leaf(r, LEAF_X), order);
	return tl_select(x, 1, t % tl_dim(x, 1));
}

/* Rows of one matrix (2 T B, H). */
static tl_var stream_rows(recording *r, int64_t t)
{
	tl_var x = leaf(r, LEAF_X);
	if (r->shape.axes > 2)
		return x_at(r, t);
	int64_t at = t % tl_dim(x, 0) * r->batch;
	return tl_slice(tl_reshape(x, TL_SHAPE(-1, r->width)), 0, at, at + r->batch, 1);
}

static tl_var stream_projected(recording *r, int64_t t)
{
	tl_var x = tl_tanh(tl_linear(leaf(r, LEAF_X), leaf(r, LEAF_W), leaf(r, LEAF_BIAS)));
	return tl_select(x, 0, t % tl_dim(x, 0));
}

static tl_var stream_embedded(recording *r, int64_t t)
{
	tl_var rows = tl_gather(leaf(r, LEAF_TABLE), symbols_at(r, t));
	return r->shape.axes > 2 ? tl_add(tl_unsqueeze(rows, 1), x_at(r, 0)) : rows;
}

static tl_var stream_growing(recording *r, int64_t t)
{
	tl_var x = leaf(r, LEAF_X);
	return tl_mean(tl_slice(x, 0, 0, t % tl_dim(x, 0) + 1, 1), TL_AXES(0), false);
}

/* An input of its own for each step. */
static tl_var stream_inputs(recording *r, int64_t t)
{
	const tl_tensor *x = &r->w->leaf[LEAF_X]->value;
	return tl_input(r->tape, r->shape, (tl_real *)x->data + t % x->shape.dim[0] * x->stride[0]);
}

static const struct {
	const char *name;
	tl_var (*read)(recording *r, int64_t t);
} streams[STREAMS] = {{"x[t]", stream_plain}, {"x[t-1]", stream_before}, {"x[T-1-t]", stream_reversed},
	{"x[2t]", stream_strided}, {"slice", stream_sliced}, {"flipped", stream_flipped},
	{"window", stream_window}, {"x[0]", stream_constant}, {"transposed", stream_transposed},
	{"rows", stream_rows}, {"projected", stream_projected}, {"embedded", stream_embedded},
	{"growing", stream_growing}, {"inputs", stream_inputs}};

const char *stream_name(int k)
{
	return streams[k % STREAMS].name;
}

static tl_var read_stream(recording *r, int64_t t)
{
	return streams[choice(r, P_STREAM, STREAMS)].read(r, t);
}

tl_var stream(recording *r, int64_t t)
{
	if (choice(r, P_HOIST, 2) && !r->stream[0].tape)
		for (int64_t i = 0; i < 2 * STEPS_MAX && i < 2 * r->steps; i++)
			r->stream[i] = read_stream(r, i);
	tl_var v = r->stream[t];
	return rows_of(r, v.tape ? v : read_stream(r, t), 0);
}

tl_var weighted(recording *r, tl_var v)
{
	return tl_matmul(v, leaf(r, LEAF_W + r->layer % 3));
}

/* State j from its value before, a register and the other states before. */
static tl_var make_state(recording *r, int j, tl_state old, tl_var v)
{
	tl_var h = old.v[j];
	switch (choice(r, P_FINISH + j, FINISHES)) {
	case 1:
		return tl_lerp(h, v, tl_fill(r->tape, TL_SCALAR, 0.4));
	case 2:
		return tl_add(tl_scale(h, 0.5), tl_tanh(v));
	case 3:
		return tl_lerp(h, tl_tanh(v), tl_sigmoid(weighted(r, h)));
	case 4:
		return tl_normalize(v, 0.3);
	case 5:
		return tl_add(h, tl_scale(tl_tanh(weighted(r, v)), 0.2));
	case 6:
		return tl_clamp(v, -2, 2);
	case 7:
		return tl_add(tl_mul(tl_sigmoid(v), h), tl_tanh(v));
	case 8:
		return tl_div(v, tl_shift(tl_abs(v), 1));
	case 9:
		return old.v[(j + 1) % old.n]; /* a line of delays, or a state that stays */
	case 10:
		return tl_tanh(tl_add(v, weighted(r, h)));
	default:
		return tl_tanh(v);
	}
}

const char *finish_name(int k)
{
	static const char *const names[FINISHES] = {"tanh", "lerp", "decay", "gate", "normalize", "residual",
		"clamp", "scan", "softsign", "delay", "recurrent"};
	return names[k % FINISHES];
}

static tl_state step_body(recording *r, tl_var x, tl_state s)
{
	tl_var reg[4 + PROGRAM_OPS + 1];
	int n = 0, ops = (int)choice(r, P_OPS, PROGRAM_OPS + 1);
	for (int j = 0; j < s.n; j++)
		reg[n++] = s.v[j];
	reg[n++] = x;
	for (int i = r->first; i < ops; i++) {
		const int *at = &r->p->number[P_BODY + 4 * i];
		tl_var a = reg[n - 1 - at[1] % n], b = reg[n - 1 - at[2] % n];
		reg[n++] = instruction_at(at[0] % instructions())->record(r, a, b, at[3]);
	}
	if (r->odd) {
		reg[n] = tl_sin(tl_mul(reg[n - 1], leaf(r, LEAF_BIAS)));
		n++;
	}
	tl_state next = {.n = s.n};
	for (int j = 0; j < s.n; j++)
		next.v[j] = make_state(r, j, s, reg[n - 1 - r->p->number[P_FINISH + j] / FINISHES % n]);
	return next;
}

tl_state step(recording *r, int64_t t, tl_var x, tl_state s)
{
	bool scoped = choice(r, P_SCOPES, 3) > 0;
	r->t = t;
	if (scoped)
		tl_scope_begin(r->tape, "t", t);
	s = step_body(r, x, s);
	if (scoped)
		tl_scope_end(r->tape);
	at_step(r, s);
	return s;
}

tl_state start(recording *r)
{
	tl_state s = {.n = 1 + (int)choice(r, P_STATES, 3)};
	for (int j = 0; j < s.n; j++)
		switch (choice(r, P_START, 3)) {
		case 1:
			s.v[j] = tl_fill(r->tape, with_rows(r), 0);
			break;
		case 2:
			s.v[j] = tl_tanh(weighted(r, stream(r, j % r->steps)));
			break;
		default:
			s.v[j] = leaf_rows(r, LEAF_START + j);
		}
	return s;
}

int64_t odd_step(const recording *r)
{
	return choice(r, P_ODD, r->steps);
}

int layers_of(const recording *r)
{
	return 1 + (int)choice(r, P_LAYERS, 3);
}
