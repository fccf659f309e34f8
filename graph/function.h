/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step recorded once and run again and again with new inputs: no recording, no lookup, no gradient memory,
 * and no allocation per call. This is how a trained model is run: a stream, sampling, a beam.
 *
 *	(state, in[0 .. inputs)) -> (state', out[0 .. outputs))
 *
 *	static void record(void *user, const tl_recording *r)
 *	{
 *		tl_rnn_result y = tl_rnn_step(user, r->in[0], tl_state2(r->state[0], r->state[1]));
 *		r->out[0] = y.output;
 *		for (int k = 0; k < 2; k++)
 *			r->next[k] = y.last.v[k];
 *	}
 *	...
 *	tl_slot x = {.shape = TL_SHAPE(1, E)}, state = {.shape = tl_rnn_state_shape(rnn, 0, 1)};
 *	tl_function *f = tl_function_new(tape, &(tl_function_options){.record = record, .user = rnn, .inputs = 1,
 *		.input = &x, .outputs = 1, .states = 2, .state = (tl_slot[]){state, state}}, &err);
 *	while (next_input(data))                              // E numbers
 *		if (tl_function_run(f, (const void *[]){data}) || tl_function_read(f, 0, y, H))
 *			fprintf(stderr, "%s\n", tl_function_error(f)->text);
 *	tl_function_free(f);
 *
 * Rules:
 *  1. Shapes and types are those of the recording; for other shapes make another function.
 *  2. Inputs are read where they lie, during the call. Parameters (tl_use) are read where they lie at every call, so
 *     a function sees what an optimiser did since the last one. What else was recorded (tl_input, tl_fill) is a
 *     constant; what was borrowed (tl_borrow) is read live, and must outlive the function.
 *  3. States are the function's: zeros at first, then what the last run made of them, which is where the next one
 *     reads them; nothing is copied where the step computes a state of its own.
 *  4. What a recording asks of values (tl_eval, tl_read, tl_value, tl_backward) is refused: it would be decided once
 *     for all calls. Gradients by tl_grad are nodes like others and may be outputs.
 *  5. Random ops draw anew at every run: run i draws what step i of a tape with this seed draws. (A model recorded
 *     with training = false has none.)
 *  6. A function serves one thread at a time, and shares the threads of its tape, which it uses for nothing else: the
 *     tape may be recorded on and reset between calls. Any number of functions may read one store.
 */
#ifndef TL_GRAPH_FUNCTION_H
#define TL_GRAPH_FUNCTION_H

#include "graph/tape.h"

typedef struct tl_function tl_function;

/* The type and shape of an input or a state. */
typedef struct tl_slot {
	tl_dtype dtype; /* TL_REAL, which is 0, or TL_I32 */
	tl_shape shape;
} tl_slot;

/* What `record` is given. */
typedef struct tl_recording {
	tl_tape *tape;
	const tl_var *in, *state; /* without values */
	tl_var *out, *next;       /* to be set; next[k] has state[k]'s type and shape */
} tl_recording;

typedef struct tl_function_options {
	/* Called once, by tl_function_new. Whatever fails on the tape is the error of tl_function_new. */
	void (*record)(void *user, const tl_recording *r);
	void *user;
	int inputs, outputs, states;
	const tl_slot *input; /* [inputs] */
	const tl_slot *state; /* [states] */
	/*
	 * For functions of many shapes, without states: their values lie in one piece of memory, the tape's, as large as the
	 * largest of them needs. Outputs are then valid until the next run of any such function of that tape.
	 */
	bool shared;
} tl_function_options;

/*
 * Records and plans. The tape, which must outlive the function, lends its threads, seed, executor and passes; nothing
 * is recorded on it. NULL on error, and the reason in *err.
 */
TL_API tl_function *tl_function_new(tl_tape *tape, const tl_function_options *options, tl_error *err);
TL_API void tl_function_free(tl_function *f); /* NULL is fine */

/*
 * One step. in[k] is input k's data, dense and row-major; NULL where there are no inputs. On an error (an index out
 * of range, say) the states stay as they were, and the outputs are not to be relied on.
 */
TL_API tl_status tl_function_run(tl_function *f, const void *const *in);
/* Of the last call that failed, or without status. */
TL_API const tl_error *tl_function_error(const tl_function *f);

/* Output k of the last run where it was computed, with any strides: valid until the next run. NULL before a run. */
TL_API const tl_tensor *tl_function_output(const tl_function *f, int k);
/* Copies it, dense and row-major; n must be its number of elements. */
TL_API tl_status tl_function_read(tl_function *f, int k, tl_real *to, int64_t n);
TL_API tl_status tl_function_read_index(tl_function *f, int k, int32_t *to, int64_t n);

/*
 * State k, dense and row-major, to be read and written between runs; the address is another one after each run. An
 * output that is the same value as a state (or a look at it) changes with it.
 */
TL_API void *tl_function_state(tl_function *f, int k);
TL_API tl_shape tl_function_state_shape(const tl_function *f, int k);
/* Back to zeros. */
TL_API void tl_function_clear(tl_function *f);

/* Figures: since the function was made. */
TL_API tl_tape_stats tl_function_get_stats(const tl_function *f);

#endif
