/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and recording. */
#include "ops/fused.h"

#include <inttypes.h>

#include "graph/flat.h"
#include "ops/fused_cache.h"
#include "ops/fused_node.h"
#include "ops/select.h"

static const char *const names[TL_RECURRENT_INPUTS] = {
	"x", "h0", "c0", "w", "u", "b", "", "peephole", "projection"};

static const char *name_of(const tl_recurrent_spec *s, int k)
{
	return k != TL_RECURRENT_MORE ? names[k] : s->cell == TL_RECURRENT_GRU ? "u_n" : "c_n";
}

static const char *op_of(const tl_recurrent_spec *s)
{
	return tl__op_fused[s->cell].name;
}

static bool check_operand(const tl_recurrent_spec *s, tl_tape *tape, int k, tl_var v)
{
	char is[TL_SHAPE_TEXT], should[TL_SHAPE_TEXT];
	tl_shape want = TL_SCALAR;
	bool there = tl__recurrent_shape(s, k, &want);
	if (!there)
		return true;
	if (!v.tape)
		tl_tape_fail(tape, TL_ERR_ARGUMENT, "%s: there is no %s", op_of(s), name_of(s, k));
	else if (!tl_ok(v))
		tl_detach(v); /* reports why */
	else if (k == TL_RECURRENT_X && tl_var_shape(v).axes != 3)
		tl_tape_fail(tape, TL_ERR_SHAPE, "%s: x has shape %s, (T, B, E) is needed", op_of(s),
			tl_shape_text(tl_var_shape(v), is));
	else if (!tl_shape_equal(tl_var_shape(v), want))
		tl_tape_fail(tape, TL_ERR_SHAPE, "%s: %s has shape %s, %s is needed", op_of(s), name_of(s, k),
			tl_shape_text(tl_var_shape(v), is), tl_shape_text(want, should));
	return tl_tape_status(tape) == TL_OK;
}

static bool may_be_unset(const tl_recurrent_spec *s, int k)
{
	return k == TL_RECURRENT_H0 || k == TL_RECURRENT_C0 || k == TL_RECURRENT_B ||
	       (k == TL_RECURRENT_MORE && s->cell == TL_RECURRENT_GRU_LBR);
}

/* What oneDNN counts with 32 bits, and sizes whose product would not fit 64. */
static bool check_size(const tl_recurrent_spec *s, tl_tape *tape)
{
	const int64_t size[] = {s->steps, s->rows, s->input, s->hidden, s->out};
	bool fine = true;
	for (int k = 0; k < 5; k++) {
		if (size[k] < 1)
			tl_tape_fail(tape, TL_ERR_SHAPE,
				"%s: every size must be positive: T %" PRId64 ", B %" PRId64 ", E %" PRId64
				", H %" PRId64 ", output %" PRId64,
				op_of(s), s->steps, s->rows, s->input, s->hidden, s->out);
		fine = fine && size[k] >= 1 && size[k] < (1 << 24);
	}
	double most = (double)(s->input + s->hidden);
	most = fine ? most * 8 * ((double)s->steps * (double)s->rows + most) : 0;
	if (fine && most < (double)((int64_t)1 << 40))
		return true;
	tl_tape_fail(tape, TL_ERR_SHAPE,
		"%s: a layer of T %" PRId64 ", B %" PRId64 ", E %" PRId64 ", H %" PRId64
		" is too large for one node",
		op_of(s), s->steps, s->rows, s->input, s->hidden);
	return false;
}

static tl_var record(const tl_recurrent_spec *s, tl_tape *tape, const tl_var *v, bool forward_only)
{
	tl_var in[TL_RECURRENT_INPUTS];
	tl_shape shape;
	tl_error err;
	size_t bytes = 0;
	int n = 0;
	tl_error_clear(&err);
	tl__fused_layer *layer = tl__fused_find(tape, s);
	if (layer && !forward_only && tl__recurrent_kept(layer->it, &bytes, &err))
		tl_tape_fail(tape, err.status, "%s: %s", op_of(s), err.text);
	if (tl_tape_status(tape))
		return tl_tape_fail(tape, TL_ERR_ARGUMENT, "failed");
	for (int k = 0; k < TL_RECURRENT_INPUTS; k++)
		if (tl__recurrent_shape(s, k, &shape))
			in[n++] = v[k];
	tl__fused_params p = {
		layer->it, layer->serial, tl__fused_line((int64_t)(bytes / sizeof(tl_real))), 0};
	return tl_apply(tape, &tl__op_fused[s->cell], n, in, &p, sizeof p);
}

/* v: the operands, unset where there are none. */
static tl_fused run(tl_recurrent_cell cell, tl_var *v, const tl_fused_options *options)
{
	tl_fused_options o = options ? *options : (tl_fused_options){0};
	tl_tape *tape = v[TL_RECURRENT_X].tape;
	bool lstm = cell == TL_RECURRENT_LSTM;
	tl_fused r = {0};
	if (!tape)
		return r;
	int64_t gates = lstm			    ? 4
			: cell <= TL_RECURRENT_RELU ? 1
						    : 3,
		hidden = tl_dim(v[TL_RECURRENT_W], -1) / gates;
	tl_recurrent_spec s = {
		.cell = cell,
		.steps = tl_dim(v[TL_RECURRENT_X], -3),
		.rows = tl_dim(v[TL_RECURRENT_X], -2),
		.input = tl_dim(v[TL_RECURRENT_X], -1),
		.hidden = hidden,
		.out = v[TL_RECURRENT_PROJ].tape ? tl_dim(v[TL_RECURRENT_PROJ], -1) : hidden,
		.projected = v[TL_RECURRENT_PROJ].tape != NULL,
		.peephole = v[TL_RECURRENT_PEEP].tape != NULL,
		.given = o.h0.tape || (lstm && o.c0.tape),
		.backward = o.reverse,
	};
	v[TL_RECURRENT_H0] = o.h0;
	v[TL_RECURRENT_C0] = o.c0;
	bool fine = true;
	for (int k = TL_RECURRENT_INPUTS; k-- > 0 && fine;) {
		tl_shape zeros;
		if (may_be_unset(&s, k) && !v[k].tape && tl__recurrent_shape(&s, k, &zeros))
			v[k] = tl_fill(tape, zeros, 0);
		fine = check_operand(&s, tape, k, v[k]);
	}
	tl_var all = fine && check_size(&s, tape) ? record(&s, tape, v, o.forward_only)
						  : tl_tape_fail(tape, TL_ERR_ARGUMENT, "failed");
	r.output = tl__flat_part(
		all, tl__fused_offset(&s, TL__FUSED_OUTPUT), tl__fused_part(&s, TL__FUSED_OUTPUT));
	r.h = tl__flat_part(all, tl__fused_offset(&s, TL__FUSED_H), tl__fused_part(&s, TL__FUSED_H));
	if (lstm)
		r.c = tl__flat_part(all, tl__fused_offset(&s, TL__FUSED_C), tl__fused_part(&s, TL__FUSED_C));
	return r;
}

#define OPERANDS(...)                                                                                        \
	(tl_var[TL_RECURRENT_INPUTS])                                                                        \
	{                                                                                                    \
		[TL_RECURRENT_X] = x, [TL_RECURRENT_W] = w, [TL_RECURRENT_U] = u, [TL_RECURRENT_B] = b,      \
		__VA_ARGS__                                                                                  \
	}

tl_fused tl_fused_rnn(tl_var x, tl_var w, tl_var u, tl_var b, const tl_fused_options *o)
{
	return run(TL_RECURRENT_TANH, OPERANDS(), o);
}

tl_fused tl_fused_rnn_relu(tl_var x, tl_var w, tl_var u, tl_var b, const tl_fused_options *o)
{
	return run(TL_RECURRENT_RELU, OPERANDS(), o);
}

tl_fused tl_fused_lstm(
	tl_var x, tl_var w, tl_var u, tl_var b, tl_var peephole, tl_var projection, const tl_fused_options *o)
{
	return run(TL_RECURRENT_LSTM,
		OPERANDS([TL_RECURRENT_PEEP] = peephole, [TL_RECURRENT_PROJ] = projection), o);
}

tl_fused tl_fused_gru(tl_var x, tl_var w, tl_var u, tl_var b, tl_var u_n, const tl_fused_options *o)
{
	return run(TL_RECURRENT_GRU, OPERANDS([TL_RECURRENT_MORE] = u_n), o);
}

tl_fused tl_fused_gru_lbr(tl_var x, tl_var w, tl_var u, tl_var b, tl_var c_n, const tl_fused_options *o)
{
	return run(TL_RECURRENT_GRU_LBR, OPERANDS([TL_RECURRENT_MORE] = c_n), o);
}
