/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of pairs, and the loss of one. */
#include <stdlib.h>

#include "ops/loss.h"
#include "tools/translator.h"

tl_status translator_reserve(translator *t, int64_t rows, int64_t size, tl_error *err)
{
	struct pairs_batch *b = &t->batch;
	if (rows > b->room_rows) {
		free(b->which);
		free(b->lengths);
		b->which = malloc((size_t)rows * sizeof *b->which);
		b->lengths = malloc((size_t)rows * sizeof *b->lengths);
		b->room_rows = b->which && b->lengths ? rows : 0;
	}
	if (size > b->room) {
		free(b->x);
		free(b->y_in);
		free(b->y);
		b->x = malloc((size_t)size * sizeof *b->x);
		b->y_in = malloc((size_t)size * sizeof *b->y_in);
		b->y = malloc((size_t)size * sizeof *b->y);
		b->room = b->x && b->y_in && b->y ? size : 0;
	}
	return b->room_rows >= rows && b->room >= size ? TL_OK : tl_error_memory(err);
}

tl_status translator_take(translator *t, const bitext *b, const int64_t *pairs, int64_t rows, tl_error *err)
{
	struct pairs_batch *a = &t->batch;
	if (translator_reserve(t, rows, 0, err))
		return err->status;
	a->rows = rows;
	a->tokens = 0;
	for (int64_t k = 0; k < rows; k++) {
		a->which[k] = b->source[pairs[k]];
		a->tokens += b->target_ids.length[pairs[k]];
	}
	a->steps = sequences_longest(&b->source_ids, a->which, rows);
	a->target_steps = sequences_longest(&b->target_ids, pairs, rows);
	if (translator_reserve(t, rows, rows * (a->steps > a->target_steps ? a->steps : a->target_steps), err))
		return err->status;
	sequences_pad(&b->source_ids, a->which, rows, a->steps, -1, VOCAB_PAD, a->x, a->lengths);
	sequences_pad(&b->target_ids, pairs, rows, a->target_steps, VOCAB_START, VOCAB_PAD, a->y_in, NULL);
	sequences_pad(&b->target_ids, pairs, rows, a->target_steps, -1, VOCAB_PAD, a->y, NULL);
	return TL_OK;
}

tl_var translator_loss(const translator *t, bool training)
{
	const struct pairs_batch *b = &t->batch;
	tl_cross_entropy_options o = {.has_ignore = true, .ignore_index = VOCAB_PAD,
		.label_smoothing = training ? t->smoothing : 0};
	tl_shape target = TL_SHAPE(b->target_steps, b->rows);
	tl_tape *tape = t->base.tape;
	tl_var x = tl_name(tl_index(tape, TL_SHAPE(b->steps, b->rows), b->x), "x");
	tl_var y_in = tl_name(tl_index(tape, target, b->y_in), "y shifted"), y = tl_name(tl_index(tape, target, b->y), "y");
	tl_seq2seq_result r = tl_seq2seq_run(t->model, x, b->lengths, y_in, training);
	return tl_name(tl_cross_entropy(r.logits, y, &o), "loss");
}
