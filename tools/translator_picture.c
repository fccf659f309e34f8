/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/translator_picture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The weights (T, S, N) of reading x and writing y under teacher forcing. */
static tl_status read_weights(
	translator *t, int64_t steps, const int32_t *x, int64_t target_steps, const int32_t *y_in, tl_real *weights,
	tl_error *err)
{
	tl_tape *tape = t->base.tape;
	tl_tape_reset(tape);
	tl_var source = tl_index(tape, TL_SHAPE(steps, 1), x), target = tl_index(tape, TL_SHAPE(target_steps, 1), y_in);
	tl_seq2seq_result r = tl_seq2seq_run(t->model, source, NULL, target, false);
	return tl_read(r.weights, weights, steps * target_steps * t->heads) ? tape_error(tape, err) : TL_OK;
}

static tl_status draw(const translator *t, int64_t line, int64_t rows, int64_t columns, const tl_real *weights,
	const char *const *row_labels, const char *const *column_labels, heatmap *to, tl_error *err)
{
	tl_status status = TL_OK;
	tl_real *one = malloc((size_t)(rows * columns) * sizeof *one);
	for (int64_t head = 0; one && head < t->heads && !status; head++) {
		char title[80];
		int used = snprintf(title, sizeof title, "line %" PRId64, line + 1);
		if (t->heads > 1)
			snprintf(title + used, sizeof title - (size_t)used, ", head %" PRId64, head + 1);
		for (int64_t k = 0; k < rows * columns; k++)
			one[k] = weights[k * t->heads + head];
		heatmap_panel panel = {.title = title, .rows = rows, .columns = columns, .values = one,
			.row_labels = row_labels, .column_labels = column_labels};
		status = heatmap_add(to, &panel, err);
	}
	free(one);
	return one ? status : tl_error_memory(err);
}

/* Room for all that a picture needs. */
typedef struct room {
	char *words; /* the source's tokens, each closed by a NUL */
	int32_t *x, *y_in;
	const char **row_labels, **column_labels;
	tl_real *weights;
} room;

static tl_status room_init(
	room *r, int64_t rows, const token *source, int64_t columns, int64_t heads, tl_error *err)
{
	size_t bytes = 0;
	for (int64_t k = 0; k < columns - 1; k++)
		bytes += source[k].length + 1;
	r->words = malloc(bytes + 1);
	r->x = malloc((size_t)columns * sizeof *r->x);
	r->y_in = malloc((size_t)rows * sizeof *r->y_in);
	r->row_labels = malloc((size_t)rows * sizeof *r->row_labels);
	r->column_labels = malloc((size_t)columns * sizeof *r->column_labels);
	r->weights = malloc((size_t)(rows * columns * heads) * sizeof *r->weights);
	bool fine = r->words && r->x && r->y_in && r->row_labels && r->column_labels && r->weights;
	return fine ? TL_OK : tl_error_memory(err);
}

static void room_release(room *r)
{
	free(r->x);
	free(r->y_in);
	free(r->row_labels);
	free(r->column_labels);
	free(r->weights);
	free(r->words);
}

tl_status translator_draw(
	translator *t, const sentences *s, int64_t i, const tl_hypothesis *h, heatmap *to, tl_error *err)
{
	const vocab *v = t->base.vocab;
	int64_t n = sentence_length(s, i), columns = n + 1, rows = h->length;
	const token *source = s->v + s->start[i];
	room r = {0};
	tl_status status = room_init(&r, rows, source, columns, t->heads, err);
	char *word = r.words;
	for (int64_t k = 0; k < n && !status; k++) {
		r.x[k] = (int32_t)vocab_find(&v[SOURCE], source[k]);
		r.column_labels[k] = memcpy(word, source[k].at, source[k].length);
		word += source[k].length;
		*word++ = '\0';
	}
	if (!status) {
		r.x[n] = VOCAB_END;
		r.column_labels[n] = v[SOURCE].symbols[VOCAB_END];
	}
	for (int64_t k = 0; k < rows && !status; k++) {
		r.y_in[k] = k ? h->symbols[k - 1] : VOCAB_START;
		r.row_labels[k] = v[TARGET].symbols[k < h->n ? h->symbols[k] : VOCAB_END];
	}
	if (!status)
		status = read_weights(t, columns, r.x, rows, r.y_in, r.weights, err);
	if (!status)
		status = draw(t, s->line[i], rows, columns, r.weights, r.row_labels, r.column_labels, to, err);
	room_release(&r);
	return status;
}
