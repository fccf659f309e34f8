/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Language models without layers: the hidden Markov model, and n-grams. An n-gram model's file holds, as its only
 * parameter, the text that was counted: it is smaller than the tables, and to count again takes a moment.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/hmm.h"
#include "models/ngram.h"
#include "tools/lm.h"
#include "tools/model_file.h"

#define MOST_SYMBOLS (1 << 24) /* that floats number */

static tl_status check_net(const lm_task *t, const char *model, tl_error *err)
{
	if (t->net.given)
		return tl_error_set(err, TL_ERR_ARGUMENT, "the model %s has no layers: the options under 'Model' are not for it",
			model);
	return TL_OK;
}

static tl_status check_hmm(const lm_task *t, tl_error *err)
{
	if (t->order)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--order is not for the model hmm");
	return check_net(t, "hmm", err);
}

static tl_status build_hmm(lm_task *t, tl_error *err)
{
	if (!t->states)
		t->states = LM_STATES;
	tl_hmm_options o = {.symbols = t->base.vocab[0].n, .states = t->states};
	t->hmm = tl_hmm_new(t->base.store, &o, err);
	return t->hmm ? TL_OK : err->status;
}

static tl_status init_hmm(lm_task *t, tl_error *err)
{
	(void)err;
	tl_hmm_init(t->hmm, &t->base.rng);
	return TL_OK;
}

static tl_status expect_hmm(lm_task *t, tl_error *err)
{
	return model_expect(&t->base, "emission", TL_SHAPE(t->states, t->base.vocab[0].n), err);
}

static tl_lm_result run_hmm(lm_task *t, tl_var x, tl_state initial, bool training)
{
	(void)training;
	return tl_hmm_run(t->hmm, x, initial);
}

static tl_status carry_hmm(const lm_task *t, tl_carry *c, int64_t batch, tl_error *err)
{
	return tl_carry_init_shapes(c, 1, &TL_SHAPE(1, batch, t->hmm->options.states), false, err);
}

static void release_hmm(lm_task *t)
{
	tl_hmm_free(t->hmm);
}

static void describe_hmm(const lm_task *t, char *text, size_t size)
{
	snprintf(text, size, "hidden Markov model, %" PRId64 " states", t->hmm->options.states);
}

const lm_model lm_model_hmm = {
	"hmm", 0, check_hmm, build_hmm, init_hmm, expect_hmm, run_hmm, carry_hmm, release_hmm, describe_hmm};

static tl_status check_ngram(const lm_task *t, tl_error *err)
{
	if (t->states)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--states is not for the model ngram");
	if (t->order > TL_NGRAM_MOST)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--order: n-grams have at most %d symbols", TL_NGRAM_MOST);
	return check_net(t, "ngram", err);
}

static tl_status build_ngram(lm_task *t, tl_error *err)
{
	if (t->base.vocab[0].n > MOST_SYMBOLS)
		return tl_error_set(err, TL_ERR_ARGUMENT, "the model ngram takes at most %d symbols", MOST_SYMBOLS);
	if (!t->base.loaded)
		t->counted = t->corpus.size[TRAIN];
	t->base.once = true;
	if (!tl_store_add(t->base.store, "text", TL_SHAPE(t->counted), err))
		return err->status;
	return tl_store_freeze(t->base.store, "text", true, err);
}

static tl_status init_ngram(lm_task *t, tl_error *err)
{
	tl_real *text = tl_store_values(t->base.store);
	(void)err;
	for (int64_t i = 0; i < t->counted; i++)
		text[i] = (tl_real)t->corpus.part[TRAIN][i];
	return TL_OK;
}

static tl_status expect_ngram(lm_task *t, tl_error *err)
{
	int at = tl_safetensors_find(t->base.file, "text");
	tl_shape shape = at >= 0 ? tl_safetensors_shape(t->base.file, at) : TL_SCALAR;
	if (shape.axes != 1 || t->order > TL_NGRAM_MOST)
		return tl_error_set(err, TL_ERR_FORMAT, "the configuration's sizes do not fit the n-grams' text");
	t->counted = shape.dim[0];
	return TL_OK;
}

/* The model, made when it is asked for first. */
static const tl_ngram *ngram(lm_task *t, tl_error *err)
{
	int32_t *text = t->ngram ? NULL : malloc(((size_t)t->counted + 1) * sizeof *text);
	if (t->ngram)
		return t->ngram;
	const tl_real *from = tl_store_values(t->base.store);
	for (int64_t i = 0; text && i < t->counted; i++)
		text[i] = from[i] >= 0 && from[i] < MOST_SYMBOLS ? (int32_t)from[i] : -1;
	if (text)
		t->ngram = tl_ngram_new(
			&(tl_ngram_options){.symbols = t->base.vocab[0].n, .order = (int)t->order}, text, t->counted, err);
	else
		tl_error_memory(err);
	free(text);
	return t->ngram;
}

static tl_lm_result run_ngram(lm_task *t, tl_var x, tl_state initial, bool training)
{
	tl_error err = {0};
	const tl_ngram *m = ngram(t, &err);
	(void)training;
	if (m)
		return tl_ngram_run(m, x, initial);
	tl_var failed = tl_tape_fail(x.tape, err.status, "%s", err.text);
	return (tl_lm_result){failed, tl_state1(failed)};
}

static tl_status carry_ngram(const lm_task *t, tl_carry *c, int64_t batch, tl_error *err)
{
	return tl_carry_init_shapes(c, t->order > 1, &TL_SHAPE(t->order - 1, batch), false, err);
}

static void release_ngram(lm_task *t)
{
	tl_ngram_free(t->ngram);
}

static void describe_ngram(const lm_task *t, char *text, size_t size)
{
	snprintf(text, size, "%" PRId64 "-gram language model, Kneser-Ney, of %" PRId64 " symbols", t->order, t->counted);
}

const lm_model lm_model_ngram = {"ngram", 5, check_ngram, build_ngram, init_ngram, expect_ngram, run_ngram,
	carry_ngram, release_ngram, describe_ngram};
