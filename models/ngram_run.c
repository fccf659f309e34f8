/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An n-gram model on a tape: two ops. Both read a text, which is the state's symbols and then those that are given,
 * (before + T, B) in all; one tells log p after each of the given ones, the other is the end of the text.
 */
#include "models/ngram.h"

typedef struct ngram_params {
	const tl_ngram *model;
} ngram_params;

static int64_t before_of(const tl_ngram *m)
{
	return tl_ngram_get_options(m)->order - 1;
}

/* The call's text with the rows (b, before + T) one behind the other, in its scratch; NULL where memory is out. */
static int32_t *text_of(const tl_call *c, int64_t before)
{
	const tl_tensor *given = c->in[0];
	int64_t steps = given->shape.dim[0], rows = given->shape.dim[1], length = before + steps;
	int32_t *text = tl_arena_alloc(c->scratch, (size_t)(rows * length + 1) * sizeof *text);
	for (int64_t b = 0; text && b < rows; b++)
		for (int64_t t = 0; t < length; t++) {
			const tl_tensor *from = t < before ? c->in[1] : given;
			int64_t at = (t < before ? t : t - before) * from->stride[0] + b * from->stride[1];
			text[b * length + t] =
				t < before ? (int32_t)((const tl_real *)from->data)[at] : ((const int32_t *)from->data)[at];
		}
	if (!text)
		tl_error_memory(c->error);
	return text;
}

static tl_status log_p_kernel(const tl_call *c)
{
	const tl_ngram *m = ((const ngram_params *)c->params)->model;
	int64_t before = before_of(m), steps = c->in[0]->shape.dim[0], rows = c->in[0]->shape.dim[1];
	const int32_t *text = text_of(c, before);
	tl_real *log_p = c->out->data;
	if (!text)
		return c->error->status;
	for (int64_t b = 0; b < rows; b++, text += before + steps)
		for (int64_t t = 0; t < steps; t++)
			tl_ngram_next(m, text, before + t + 1, log_p + (t * rows + b) * c->out->shape.dim[2]);
	return TL_OK;
}

static tl_status state_kernel(const tl_call *c)
{
	int64_t before = c->out->shape.dim[0], steps = c->in[0]->shape.dim[0], rows = c->in[0]->shape.dim[1];
	const int32_t *text = text_of(c, before);
	tl_real *state = c->out->data;
	if (!text)
		return c->error->status;
	for (int64_t b = 0; b < rows; b++, text += before + steps)
		for (int64_t k = 0; k < before; k++)
			state[k * rows + b] = (tl_real)text[steps + k];
	return TL_OK;
}

static tl_status log_p_infer(tl_infer *s)
{
	const ngram_params *p = s->params;
	char text[TL_SHAPE_TEXT];
	tl_shape x = s->in[0]->shape;
	int64_t before = before_of(p->model);
	if (x.axes != 2)
		return tl_error_set(
			s->error, TL_ERR_SHAPE, "symbols have shape %s, (T, B) is needed", tl_shape_text(x, text));
	if (before > 0 && !tl_shape_equal(s->in[1]->shape, TL_SHAPE(before, x.dim[1])))
		return tl_error_set(s->error, TL_ERR_SHAPE, "the state has shape %s, (order - 1, B) is needed",
			tl_shape_text(s->in[1]->shape, text));
	s->out = TL_SHAPE(x.dim[0], x.dim[1], tl_ngram_get_options(p->model)->symbols);
	return TL_OK;
}

static tl_status state_infer(tl_infer *s)
{
	s->out = s->in[1]->shape;
	return TL_OK;
}

#define COUNTED "an n-gram model is counted, not trained"

static const tl_op op_ngram = {.name = "ngram", .arity = TL_VARIADIC, .index_operands = 1, .flags = TL_OP_STOP,
	.infer = log_p_infer, .kernel = log_p_kernel, .no_gradient = COUNTED};
static const tl_op op_ngram_state = {.name = "ngram_state", .arity = 2, .index_operands = 1, .flags = TL_OP_STOP,
	.infer = state_infer, .kernel = state_kernel, .no_gradient = COUNTED};

tl_lm_result tl_ngram_run(const tl_ngram *m, tl_var symbols, tl_state initial)
{
	ngram_params p = {m};
	tl_var in[2] = {symbols};
	int64_t before = before_of(m);
	if (!symbols.tape)
		return (tl_lm_result){symbols, tl_state1(symbols)};
	if (before > 0)
		in[1] = initial.n ? initial.v[0]
				  : tl_fill(symbols.tape, TL_SHAPE(before, tl_dim(symbols, 1)),
					    (double)tl_ngram_get_options(m)->symbols);
	tl_lm_result r = {tl_apply(symbols.tape, &op_ngram, before > 0 ? 2 : 1, in, &p, sizeof p), {0}};
	if (before > 0)
		r.last = tl_state1(tl_apply(symbols.tape, &op_ngram_state, 2, in, &p, sizeof p));
	return r;
}
