/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cell of one's own on a stream: it learns to say what a signal does next, and then listens, one number at a time.
 * The step is recorded once, as a function; each call reads the new number, the state that the last one left and
 * the parameters as they are, and allocates nothing.
 */
#include <math.h>
#include <stdio.h>
#include <tapeloop.h>

/* A light recurrent unit: f = sigmoid(x Wf + h Uf + bf); h' = (1-f) h + f tanh(x W). */
enum { WF, UF, BF, W };

static tl_state light_step(const tl_var *p, tl_var x, tl_state s)
{
	tl_var f = tl_sigmoid(tl_add(tl_linear(x, p[WF], p[BF]), tl_matmul(s.v[0], p[UF])));
	return tl_state1(tl_lerp(s.v[0], tl_tanh(tl_matmul(x, p[W])), f));
}

static const tl_cell light = {.name = "light", .states = 1, .step = light_step, .params = (const tl_cell_param[]){
	{"w_f", TL_INPUT_ROWS, "f"}, {"u_f", TL_STATE_ROWS, "f"}, {"b_f", TL_BIAS, "f"}, {"w", TL_INPUT_ROWS, "n"}, {0}}};

enum { T = 60, B = 16, H = 32 }; /* time steps, rows, units */

typedef struct net {
	tl_rnn *rnn;
	tl_dense out;
} net;

static float signal_at(double t)
{
	return (float)(0.6 * sin(0.3 * t) + 0.4 * sin(0.71 * t + 1));
}

/* A step of training on stretches of the signal: from each number the next one. */
static tl_status train(const net *n, tl_tape *tape, tl_store *store, tl_optimizer *adam, tl_rng *rng)
{
	float x[T][B][1], y[T][B][1];
	for (int b = 0; b < B; b++) {
		double from = 1000 * tl_rng_uniform(rng);
		for (int t = 0; t < T; t++) {
			x[t][b][0] = signal_at(from + t);
			y[t][b][0] = signal_at(from + t + 1);
		}
	}
	tl_tape_reset(tape);
	tl_rnn_result r = tl_rnn_run(n->rnn, tl_input(tape, TL_SHAPE(T, B, 1), &x[0][0][0]), (tl_state){0}, true);
	tl_var guess = tl_dense_run(&n->out, r.output), target = tl_input(tape, TL_SHAPE(T, B, 1), &y[0][0][0]);
	tl_store_zero_grad(store);
	tl_status status = tl_backward(tl_mse(guess, target, TL_MEAN));
	tl_clip_norm(store, 1);
	tl_optimizer_step(adam);
	return status;
}

/* What is run for each number that comes: x (1, 1), h -> guess (1, 1), h'. */
static void record(void *user, const tl_recording *r)
{
	const net *n = user;
	tl_rnn_result y = tl_rnn_step(n->rnn, r->in[0], tl_state1(r->state[0]));
	r->out[0] = tl_dense_run(&n->out, y.output);
	r->next[0] = y.last.v[0];
}

/* Listens to the signal from step `from` on; the mean squared error, and that of "as the last one". */
static tl_status listen(tl_function *f, int from, int steps, const char *when)
{
	double error = 0, lazy = 0;
	for (int t = from; t < from + steps; t++) {
		float x = signal_at(t), next = signal_at(t + 1), guess;
		if (tl_function_run(f, (const void *[]){&x}) || tl_function_read(f, 0, &guess, 1))
			return tl_function_error(f)->status;
		error += pow(guess - next, 2) / steps;
		lazy += pow(x - next, 2) / steps;
	}
	printf("%s: mean squared error %.5f, of guessing no change %.5f\n", when, error, lazy);
	return TL_OK;
}

int main(void)
{
	tl_error err = {0};
	tl_rng rng = {.seed = 2};
	tl_tape *tape = tl_tape_new(NULL);
	tl_store *store = tl_store_new();
	net n = {.rnn = tl_rnn_new(store, "light", &(tl_rnn_options){.cell = &light, .input = 1, .hidden = H}, &err)};
	tl_dense_add(&n.out, store, "out", H, 1, &err);
	tl_rnn_init(n.rnn, &rng);
	tl_dense_init(&n.out, &rng);
	tl_optimizer *adam = tl_optimizer_new(store, &(tl_optimizer_options){.kind = &tl_adam, .lr = 0.01}, &err);
	tl_slot x = {.shape = TL_SHAPE(1, 1)}, state = {.shape = tl_rnn_state_shape(n.rnn, 0, 1)};
	tl_function *f = tl_function_new(tape, &(tl_function_options){.record = record, .user = &n, .inputs = 1, .input = &x,
		.outputs = 1, .states = 1, .state = &state}, &err);
	if (f)
		listen(f, 0, 1000, "untrained");
	for (int step = 0; f && step < 400 && !err.status; step++)
		if (train(&n, tape, store, adam, &rng))
			tl_error_set(&err, tl_tape_status(tape), "%s", tl_tape_error(tape)->text);
	if (f && listen(f, 1000, 1000, "trained")) /* the same function: it reads the parameters as they are now */
		tl_error_set(&err, tl_function_error(f)->status, "%s", tl_function_error(f)->text);
	if (err.status)
		fprintf(stderr, "%s\n", err.text);
	tl_function_free(f);
	tl_optimizer_free(adam);
	tl_rnn_free(n.rnn);
	tl_store_free(store);
	tl_tape_free(tape);
	return err.status ? 1 : 0;
}
