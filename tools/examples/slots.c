/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling slots: where to, where from, when? In "arrive Taipei on November 2nd" and "leave Taipei on November
 * 2nd" the same word needs two labels. A net without state sees "Taipei" and nothing else, so it can do no
 * better than guess: a loss of log 2 on that word, 0.139 in the mean of five. A recurrent one has read the verb.
 */
#include <stdio.h>
#include <tapeloop.h>

enum { T = 5, B = 2, E = 8, H = 16, STEPS = 300 }; /* words, sentences, sizes of embedding and hidden vectors */

static const char *const words[] = {"arrive", "leave", "Taipei", "on", "November", "2nd"};
static const char *const labels[] = {"-", "destination", "departure", "time"};
enum { WORDS = 6, LABELS = 4 };

static const int32_t x[T][B] = {{0, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}}; /* a column is a sentence */
static const int32_t y[T][B] = {{0, 0}, {1, 2}, {0, 0}, {3, 3}, {3, 3}};

typedef struct tagger {
	tl_embedding embed;
	tl_rnn *rnn;     /* NULL: a dense layer in its place */
	tl_dense hidden;
	tl_dense out;
} tagger;

/* (T, B) words -> (T, B, LABELS) logits */
static tl_var run(const tagger *m, tl_tape *tape)
{
	tl_var e = tl_embedding_run(&m->embed, tl_index(tape, TL_SHAPE(T, B), &x[0][0]));
	tl_var h = m->rnn ? tl_rnn_run(m->rnn, e, (tl_state){0}, true).output : tl_tanh(tl_dense_run(&m->hidden, e));
	return tl_dense_run(&m->out, h);
}

static tl_status train(tagger *m, tl_store *store, tl_tape *tape, float *loss, tl_error *err)
{
	tl_optimizer *adam = tl_optimizer_new(store, &(tl_optimizer_options){.kind = &tl_adam, .lr = 0.02}, err);
	for (int step = 0; step < STEPS && !err->status; step++) {
		tl_tape_reset(tape);
		tl_var error = tl_cross_entropy(run(m, tape), tl_index(tape, TL_SHAPE(T, B), &y[0][0]), NULL);
		if (tl_store_backward(store, error) || tl_read(error, loss, 1))
			tl_error_set(err, tl_tape_status(tape), "%s", tl_tape_error(tape)->text);
		tl_optimizer_step(adam);
	}
	tl_optimizer_free(adam);
	tl_tape_reset(tape);
	return err->status;
}

static void show(const char *kind, tl_var logits, float loss, tl_error *err)
{
	int32_t best[T][B];
	if (tl_read_index(tl_argmax(logits, -1), &best[0][0], T * B)) {
		tl_error_set(err, tl_tape_status(logits.tape), "%s", tl_tape_error(logits.tape)->text);
		return;
	}
	printf("%s, loss %.3f\n", kind, loss);
	for (int b = 0; b < B; b++)
		for (int t = 0; t < T; t++)
			printf("  %s/%s%s", words[x[t][b]], labels[best[t][b]], t == T - 1 ? "\n" : "");
}

int main(void)
{
	tl_error err = {0};
	for (int recurrent = 0; recurrent < 2 && !err.status; recurrent++) {
		tl_rng rng = {.seed = 1};
		tl_tape *tape = tl_tape_new(NULL);
		tl_store *store = tl_store_new();
		tagger m = {0};
		float loss = 0;
		tl_embedding_add(&m.embed, store, "embed", WORDS, E, &err);
		tl_embedding_init(&m.embed, &rng);
		if (recurrent) {
			tl_rnn_options options = {.cell = &tl_cell_rnn, .input = E, .hidden = H};
			m.rnn = tl_rnn_new(store, "rnn", &options, &err);
			tl_rnn_init(m.rnn, &rng);
		} else {
			tl_dense_add(&m.hidden, store, "hidden", E, H, &err);
			tl_dense_init(&m.hidden, &rng);
		}
		tl_dense_add(&m.out, store, "out", H, LABELS, &err);
		tl_dense_init(&m.out, &rng);
		if (!err.status && !train(&m, store, tape, &loss, &err))
			show(recurrent ? "recurrent" : "without state", run(&m, tape), loss, &err);
		tl_rnn_free(m.rnn);
		tl_store_free(store);
		tl_tape_free(tape);
	}
	if (err.status)
		fprintf(stderr, "%s\n", err.text);
	return err.status ? 1 : 0;
}
