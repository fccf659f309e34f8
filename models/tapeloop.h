/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tapeloop: everything a program needs, in one header.
 *
 * Record operations on a tape, ask for values and gradients, update parameters:
 *
 *	#include <tapeloop.h>
 *
 *	tl_error err = {0};
 *	tl_store *store = tl_store_new();
 *	tl_param *w = tl_store_add(store, "w", TL_SHAPE(3, 1), &err);
 *	tl_optimizer *sgd = tl_optimizer_new(store, &(tl_optimizer_options){.kind = &tl_sgd, .lr = 0.1}, &err);
 *	tl_tape *tape = tl_tape_new(NULL);
 *	for (int step = 0; step < 100; step++) {
 *		tl_tape_reset(tape);
 *		tl_var x = tl_input(tape, TL_SHAPE(4, 3), inputs), y = tl_input(tape, TL_SHAPE(4, 1), targets);
 *		tl_var loss = tl_mse(tl_matmul(x, tl_use(tape, w)), y, TL_MEAN);
 *		tl_store_zero_grad(store);
 *		if (tl_backward(loss))
 *			break;          // tl_tape_error(tape)->text says what is wrong
 *		tl_optimizer_step(sgd);
 *	}
 *
 * Where to read on: graph/tape.h (tapes, variables, errors), graph/grad.h (gradients), graph/checkpoint.h (long
 * loops in little memory), graph/function.h (a step run again and again), graph/op.h (an op of your own), models/cell.h
 * (a recurrent cell of your own), ops/ (what there is to compute with), optim/ (parameters, optimisers, schedules),
 * models/ (the recurrent driver, attention, encoder and decoder, language models, search, scores).
 */
#ifndef TAPELOOP_H
#define TAPELOOP_H

#include "core/npy.h"
#include "core/npz.h"
#include "core/random.h"
#include "core/safetensors.h"
#include "core/threads.h"
#include "graph/check.h"
#include "graph/checkpoint.h"
#include "graph/draw.h"
#include "graph/find.h"
#include "graph/function.h"
#include "graph/function_cache.h"
#include "graph/grad.h"
#include "graph/kept.h"
#include "graph/overlay.h"
#include "graph/plan.h"
#include "graph/plan_view.h"
#include "graph/tape.h"
#include "models/attention.h"
#include "models/autoregressive.h"
#include "models/beam.h"
#include "models/bleu.h"
#include "models/bridge.h"
#include "models/carry.h"
#include "models/cells.h"
#include "models/chunks.h"
#include "models/classes.h"
#include "models/encoder.h"
#include "models/hmm.h"
#include "models/layers.h"
#include "models/lm.h"
#include "models/markov.h"
#include "models/mask.h"
#include "models/ngram.h"
#include "models/perplexity.h"
#include "models/pool.h"
#include "models/pytorch.h"
#include "models/reader.h"
#include "models/rnn.h"
#include "models/sample.h"
#include "models/seq2seq.h"
#include "models/seq2seq_decode.h"
#include "models/stream.h"
#include "models/window.h"
#include "ops/activation.h"
#include "ops/arith.h"
#include "ops/conv.h"
#include "ops/dropout.h"
#include "ops/fused.h"
#include "ops/index.h"
#include "ops/layout.h"
#include "ops/loss.h"
#include "ops/math.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/random.h"
#include "ops/reduce.h"
#include "ops/select.h"
#include "ops/softmax.h"
#include "ops/table.h"
#include "optim/clip.h"
#include "optim/init.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "optim/store.h"
#include "optim/store_file.h"

#endif
