/* SPDX-License-Identifier: Apache-2.0 */
/* Language models: the recurrent one, and those that it is compared with. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "models/cells.h"
#include "models/markov.h"
#include "tools/lm.h"
#include "tools/model_file.h"

const lm_model *lm_model_at(int k)
{
	static const lm_model *const all[] = {&lm_model_rnn, &lm_model_markov, &lm_model_hmm, &lm_model_ngram};
	return k >= 0 && k < (int)(sizeof all / sizeof *all) ? all[k] : NULL;
}

const lm_model *lm_model_by_name(const char *name)
{
	const lm_model *m = NULL;
	for (int k = 0; (m = lm_model_at(k)) && strcmp(m->name, name); k++)
		;
	return m;
}

static int64_t symbols(const lm_task *t)
{
	return t->base.vocab[0].n;
}

static tl_status check_rnn(const lm_task *t, tl_error *err)
{
	if (t->order || t->states)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--%s is not for the model rnn", t->order ? "order" : "states");
	if (t->net.bidirectional && !t->drawn)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"--bidirectional: a language model may not read what it has to predict");
	return TL_OK;
}

static tl_status build_rnn(lm_task *t, tl_error *err)
{
	const net_options *o = &t->net;
	tl_lm_options net = {
		.cell = o->cell,
		.symbols = symbols(t),
		.embed = o->embed,
		.hidden = o->hidden,
		.layers = (int)o->layers,
		.dropout = o->dropout,
		.more = net_rnn(o, 0),
	};
	t->lm = tl_lm_new(t->base.store, &net, err);
	return t->lm ? TL_OK : err->status;
}

static tl_status init_rnn(lm_task *t, tl_error *err)
{
	tl_lm_init(t->lm, &t->base.rng);
	return net_set_forget_bias(&t->net, t->lm->rnn, err);
}

static tl_status expect_rnn(lm_task *t, tl_error *err)
{
	const net_options *o = &t->net;
	if (o->embed && model_expect(&t->base, "embed.table", TL_SHAPE(symbols(t), o->embed), err))
		return err->status;
	if (model_expect(&t->base, "out.w", TL_SHAPE(o->project ? o->project : o->hidden, symbols(t)), err))
		return err->status;
	return model_expect_net(&t->base, "rnn", o, err);
}

static tl_lm_result run_rnn(lm_task *t, tl_var x, tl_state initial, bool training)
{
	return tl_lm_run(t->lm, x, initial, training);
}

static tl_status carry_rnn(const lm_task *t, tl_carry *c, int64_t batch, tl_error *err)
{
	return tl_carry_init(c, t->lm->rnn, batch, err);
}

static void release_rnn(lm_task *t)
{
	tl_lm_free(t->lm);
}

static void describe_rnn(const lm_task *t, char *text, size_t size)
{
	snprintf(text, size, "%s language model, %" PRId64 " layer%s of %" PRId64 "%s", t->net.cell->name, t->net.layers,
		t->net.layers == 1 ? "" : "s", t->net.hidden, t->net.bidirectional ? ", bidirectional" : "");
}

const lm_model lm_model_rnn = {
	"rnn", 0, check_rnn, build_rnn, init_rnn, expect_rnn, run_rnn, carry_rnn, release_rnn, describe_rnn};

static tl_status check_markov(const lm_task *t, tl_error *err)
{
	net_options usual = NET_DEFAULTS, given = t->net;
	usual.embed = given.embed = usual.hidden = given.hidden = 0;
	if (t->states)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--states is not for the model markov");
	if (given.cell != usual.cell || given.layers != usual.layers || given.dropout > 0 || given.recurrent_dropout > 0 ||
		given.zoneout > 0 || given.bidirectional || given.no_bias || given.start || given.project || given.checkpoint || given.tbptt ||
		given.set_forget_bias)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"the model markov has no recurrent layers: of the options under 'Model' it knows --embed and --hidden");
	return TL_OK;
}

static tl_status build_markov(lm_task *t, tl_error *err)
{
	tl_markov_options o = {
		.symbols = symbols(t), .embed = t->net.embed, .hidden = t->net.hidden, .order = t->order};
	t->markov = tl_markov_new(t->base.store, &o, err);
	return t->markov ? TL_OK : err->status;
}

static tl_status init_markov(lm_task *t, tl_error *err)
{
	(void)err;
	tl_markov_init(t->markov, &t->base.rng);
	return TL_OK;
}

static tl_status expect_markov(lm_task *t, tl_error *err)
{
	int64_t embed = t->net.embed, size = embed ? embed : symbols(t);
	if (embed && model_expect(&t->base, "embed.table", TL_SHAPE(symbols(t), embed), err))
		return err->status;
	if (model_expect(&t->base, "net.hidden.w", TL_SHAPE(t->order * size, t->net.hidden), err))
		return err->status;
	return model_expect(&t->base, "net.out.w", TL_SHAPE(t->net.hidden, symbols(t)), err);
}

static tl_lm_result run_markov(lm_task *t, tl_var x, tl_state initial, bool training)
{
	(void)training;
	return tl_markov_run(t->markov, x, initial);
}

static tl_status carry_markov(const lm_task *t, tl_carry *c, int64_t batch, tl_error *err)
{
	tl_shape last = TL_SHAPE(t->order - 1, batch, tl_embedding_size(&t->markov->input));
	return tl_carry_init_shapes(c, t->order > 1, &last, true, err);
}

static void release_markov(lm_task *t)
{
	tl_markov_free(t->markov);
}

static void describe_markov(const lm_task *t, char *text, size_t size)
{
	snprintf(text, size, "Markov language model of order %" PRId64 ", %" PRId64 " hidden units", t->order,
		t->net.hidden);
}

const lm_model lm_model_markov = {"markov", 4, check_markov, build_markov, init_markov, expect_markov, run_markov,
	carry_markov, release_markov, describe_markov};
