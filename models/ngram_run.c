/* SPDX-License-Identifier: Apache-2.0 */
/* An n-gram model on a tape: values in, values out. */
#include "models/ngram.h"

/* What the model reads: of each row the symbols before, then those that come, one behind the other. */
typedef struct reading {
	int64_t before, steps, rows;
	int32_t *text;  /* (rows, before + steps) */
	int32_t *given; /* (steps, rows) */
	tl_real *state; /* (before, rows), in and out */
	tl_real *log_p; /* (steps, rows, V) */
} reading;

static bool prepare(reading *r, const tl_ngram *m, tl_var symbols, tl_state initial)
{
	tl_tape *tape = symbols.tape;
	tl_shape s = tl_var_shape(symbols);
	char text[TL_SHAPE_TEXT];
	if (s.axes != 2) {
		tl_tape_fail(tape, TL_ERR_SHAPE, "ngram: symbols have shape %s, (T, B) is needed", tl_shape_text(s, text));
		return false;
	}
	*r = (reading){.before = tl_ngram_get_options(m)->order - 1, .steps = s.dim[0], .rows = s.dim[1]};
	size_t all = (size_t)((r->before + r->steps) * r->rows), answers = (size_t)(r->steps * r->rows);
	r->text = tl_tape_alloc(tape, all * sizeof *r->text);
	r->given = tl_tape_alloc(tape, answers * sizeof *r->given);
	r->state = tl_tape_alloc(tape, (size_t)(r->before * r->rows) * sizeof *r->state);
	r->log_p = tl_tape_alloc(tape, answers * (size_t)tl_ngram_get_options(m)->symbols * sizeof *r->log_p);
	if (!r->text || !r->given || !r->state || !r->log_p || tl_read_index(symbols, r->given, (int64_t)answers))
		return false;
	for (int64_t i = 0; i < r->before * r->rows; i++)
		r->state[i] = (tl_real)tl_ngram_get_options(m)->symbols;
	return initial.n == 0 || tl_read(initial.v[0], r->state, r->before * r->rows) == TL_OK;
}

static void predict(const reading *r, const tl_ngram *m)
{
	int64_t symbols = tl_ngram_get_options(m)->symbols, length = r->before + r->steps;
	for (int64_t b = 0; b < r->rows; b++) {
		int32_t *text = r->text + b * length;
		for (int64_t t = 0; t < length; t++)
			text[t] = t < r->before ? (int32_t)r->state[t * r->rows + b] : r->given[(t - r->before) * r->rows + b];
		for (int64_t t = 0; t < r->steps; t++)
			tl_ngram_next(m, text, r->before + t + 1, r->log_p + (t * r->rows + b) * symbols);
		for (int64_t k = 0; k < r->before; k++)
			r->state[k * r->rows + b] = (tl_real)text[r->steps + k];
	}
}

tl_lm_result tl_ngram_run(const tl_ngram *m, tl_var symbols, tl_state initial)
{
	reading r;
	tl_tape *tape = symbols.tape;
	if (!tape || !prepare(&r, m, symbols, initial)) {
		tl_var failed = tape ? tl_tape_fail(tape, TL_ERR_ARGUMENT, "ngram: failed") : (tl_var){0};
		return (tl_lm_result){failed, tl_state1(failed)};
	}
	predict(&r, m);
	tl_tensor log_p = tl_tensor_dense(
		TL_REAL, TL_SHAPE(r.steps, r.rows, tl_ngram_get_options(m)->symbols), r.log_p);
	tl_state last = {0};
	if (r.before > 0)
		last = tl_state1(tl_input(tape, TL_SHAPE(r.before, r.rows), r.state));
	return (tl_lm_result){tl_borrow(tape, &log_p), last};
}
