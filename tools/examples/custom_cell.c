/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recurrent cell of one's own, a minimal gated unit (Zhou et al., 2016), learns to add the two numbers
 * of a sequence that a second channel marks. No backward code, nothing registered.
 */
#include <stdio.h>
#include <tapeloop.h>

enum { WF, UF, BF, WC, UC, BC };

static tl_state mgu_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var h = s.v[0];
	tl_var f = tl_sigmoid(tl_add(tl_linear(x, p[WF], p[BF]), tl_matmul(h, p[UF])));
	tl_var c = tl_tanh(tl_add(tl_linear(x, p[WC], p[BC]), tl_matmul(tl_mul(f, h), p[UC])));
	return tl_state1(tl_lerp(h, c, f));
}

static const tl_cell mgu = {.name = "mgu", .states = 1, .step = mgu_step, .params = (const tl_cell_param[]){
	{"w_f", TL_INPUT_ROWS, "f"}, {"u_f", TL_STATE_ROWS, "f"}, {"b_f", TL_BIAS, "f"},
	{"w_c", TL_INPUT_ROWS, "c"}, {"u_c", TL_STATE_ROWS, "c"}, {"b_c", TL_BIAS, "c"}, {0}}};

enum { T = 10, B = 32 }; /* time steps, rows */

static void make_batch(tl_rng *rng, float x[T][B][2], float y[B])
{
	for (int b = 0; b < B; b++) {
		int first = (int)tl_rng_below(rng, T / 2), second = T / 2 + (int)tl_rng_below(rng, T / 2);
		for (int t = 0; t < T; t++) {
			x[t][b][0] = (float)tl_rng_uniform(rng);
			x[t][b][1] = t == first || t == second;
		}
		y[b] = x[first][b][0] + x[second][b][0];
	}
}

int main(void)
{
	tl_error err = {0};
	tl_rng rng = {.seed = 1};
	tl_tape *tape = tl_tape_new(NULL);
	tl_store *store = tl_store_new();
	tl_rnn *rnn = tl_rnn_new(store, "mgu", &(tl_rnn_options){.cell = &mgu, .input = 2, .hidden = 16}, &err);
	tl_dense out;
	tl_dense_add(&out, store, "out", 16, 1, &err);
	tl_rnn_init(rnn, &rng);
	tl_dense_init(&out, &rng);
	tl_optimizer *adam = tl_optimizer_new(store, &(tl_optimizer_options){.kind = &tl_adam, .lr = 0.01}, &err);
	float x[T][B][2], y[B], loss = 0, mean = 0;
	for (int step = 1; step <= 1500 && !err.status; step++) {
		make_batch(&rng, x, y);
		tl_tape_reset(tape);
		tl_rnn_result r = tl_rnn_run(rnn, tl_input(tape, TL_SHAPE(T, B, 2), &x[0][0][0]), (tl_state){0}, true);
		tl_var guess = tl_dense_run(&out, tl_select(r.output, 0, T - 1));
		tl_var error = tl_mse(guess, tl_input(tape, TL_SHAPE(B, 1), y), TL_MEAN);
		tl_store_zero_grad(store);
		if (tl_backward(error) || tl_read(error, &loss, 1))
			tl_error_set(&err, tl_tape_status(tape), "%s", tl_tape_error(tape)->text);
		tl_optimizer_step(adam);
		mean += loss / 100;
		if (step % 500 == 0)
			printf("step %4d  mean squared error %.4f\n", step, mean);
		mean = step % 100 ? mean : 0;
	}
	if (err.status)
		fprintf(stderr, "%s\n", err.text);
	tl_optimizer_free(adam);
	tl_rnn_free(rnn);
	tl_store_free(store);
	tl_tape_free(tape);
	return err.status ? 1 : 0;
}
