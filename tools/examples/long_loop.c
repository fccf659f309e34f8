/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop over 2500 steps through which the whole gradient flows, in the memory of about 100: a GRU learns to say
 * how many of the bits that it has seen were set, modulo 3. The loop is the program's own; checkpoints of 50 steps
 * take two lines. Trained once without and once with them: the same losses.
 */
#include <stdio.h>
#include <tapeloop.h>

enum { T = 2500, N = 50, B = 8, H = 32 }; /* time steps, steps of a segment, rows, state size */

typedef struct net {
	tl_store *store;
	tl_rnn *gru; /* one layer; only its parameters are used here */
	tl_dense out;
} net;

static tl_var record_loss(const net *m, tl_tape *tape, const float *bits, const int32_t *counts, int64_t n)
{
	tl_var x = tl_input(tape, TL_SHAPE(T, B, 1), bits), y = tl_index(tape, TL_SHAPE(T, B), counts), p[8];
	tl_state s = tl_state1(tl_fill(tape, TL_SHAPE(B, H), 0));
	tl_var loss = tl_fill(tape, TL_SCALAR, 0);
	for (int k = 0; k < m->gru->count; k++)
		p[k] = tl_use(tape, m->gru->params[k]);
	for (int64_t t = 0; t < T; t++) {
		if (n && t % n == 0)
			tl_checkpoint_begin(tape);
		s = tl_cell_gru.step(p, tl_select(x, 0, t), s);
		loss = tl_add(loss, tl_cross_entropy(tl_dense_run(&m->out, s.v[0]), tl_select(y, 0, t), NULL));
		if (n && (t % n == n - 1 || t == T - 1))
			tl_checkpoint_end(tape, 2, (tl_var *[]){&s.v[0], &loss});
	}
	return tl_scale(loss, 1.0 / T);
}

static void make_batch(tl_rng *rng, float *bits, int32_t *counts)
{
	for (int i = 0; i < T * B; i++) {
		bits[i] = (float)tl_rng_below(rng, 2);
		counts[i] = ((i < B ? 0 : counts[i - B]) + (bits[i] > 0)) % 3;
	}
}

static tl_status train(int64_t n, tl_error *err)
{
	static float bits[T * B], loss;
	static int32_t counts[T * B];
	tl_rng rng = {.seed = 1};
	net m = {.store = tl_store_new()};
	tl_tape *tape = tl_tape_new(NULL);
	m.gru = tl_rnn_new(m.store, "gru", &(tl_rnn_options){.cell = &tl_cell_gru, .input = 1, .hidden = H}, err);
	tl_dense_add(&m.out, m.store, "out", H, 3, err);
	tl_rnn_init(m.gru, &rng);
	tl_dense_init(&m.out, &rng);
	tl_optimizer *adam = tl_optimizer_new(m.store, &(tl_optimizer_options){.kind = &tl_adam, .lr = 0.01}, err);
	for (int step = 1; step <= 4 && !err->status; step++) {
		make_batch(&rng, bits, counts);
		tl_tape_reset(tape);
		tl_store_zero_grad(m.store);
		tl_var error = record_loss(&m, tape, bits, counts, n);
		if (tl_backward(error) || tl_read(error, &loss, 1))
			tl_error_set(err, tl_tape_status(tape), "%s", tl_tape_error(tape)->text);
		tl_optimizer_step(adam);
		printf("step %d  loss %.4f\n", step, loss);
	}
	printf("checkpoints of %2d steps: the tape holds %.0f MiB\n", (int)n, (double)tl_tape_get_stats(tape).bytes / (1 << 20));
	tl_optimizer_free(adam);
	tl_rnn_free(m.gru);
	tl_store_free(m.store);
	tl_tape_free(tape);
	return err->status;
}

int main(void)
{
	tl_error err = {0};
	if (train(0, &err) || train(N, &err))
		fprintf(stderr, "%s\n", err.text);
	return err.status ? 1 : 0;
}
