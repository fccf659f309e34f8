/* SPDX-License-Identifier: Apache-2.0 */
/* A source goes through a translator, and the target that was given, or the greedy translation, is written. */
#include <stdlib.h>
#include <string.h>

#include "ops/softmax.h"
#include "tools/probe.h"
#include "tools/translator.h"

/* The tokens of a text with </s> behind them, and their numbers. */
typedef struct sentence {
	sentences text;
	token *token;
	int32_t *id;
	int64_t n;
} sentence;

static void sentence_release(sentence *s)
{
	sentences_release(&s->text);
	free(s->token);
	free(s->id);
}

static tl_status close_sentence(sentence *s, const token *t, const vocab *v, const char *name, tl_error *err)
{
	s->token = malloc((size_t)(s->n + 1) * sizeof *s->token);
	s->id = malloc((size_t)(s->n + 1) * sizeof *s->id);
	if (!s->token || !s->id)
		return tl_error_memory(err);
	if (probe_encode(v, name, t, s->n, s->id, err))
		return err->status;
	memcpy(s->token, t, (size_t)s->n * sizeof *t);
	const char *end = v->symbols[VOCAB_END];
	s->token[s->n] = (token){end, (uint32_t)strlen(end)};
	s->id[s->n++] = VOCAB_END;
	return TL_OK;
}

static tl_status cut(
	sentence *s, const char *text, words_rule rule, const vocab *v, const char *name, tl_error *err)
{
	if (sentences_init(&s->text, name, err) ||
		sentences_add(&s->text, (token){text, (uint32_t)strlen(text)}, 0, rule, err))
		return err->status;
	s->n = sentence_length(&s->text, 0);
	return close_sentence(s, s->text.v, v, name, err);
}

/* What the model says without being told. */
static tl_status translate(translator *t, const sentence *source, sentence *to, tl_error *err)
{
	int64_t start[] = {0, source->n}, length = source->n, zero = 0;
	sequences one = {.ids = source->id, .start = start, .length = &length, .n = 1};
	search_options greedy = SEARCH_DEFAULTS;
	greedy.beam = 1;
	tl_beam_result *found = translator_search(t, &one, &zero, &zero, 1, &greedy, err);
	if (!found)
		return err->status;
	const tl_hypothesis *h = &found->of[0].v[0];
	const vocab *v = &t->base.vocab[TARGET];
	to->n = h->length;
	to->token = malloc((size_t)(to->n + 1) * sizeof *to->token);
	to->id = malloc((size_t)(to->n + 1) * sizeof *to->id);
	tl_status status = to->token && to->id ? TL_OK : tl_error_memory(err);
	for (int64_t k = 0; k < to->n && !status; k++) {
		to->id[k] = k < h->n ? h->symbols[k] : VOCAB_END;
		const char *symbol = v->symbols[to->id[k]];
		to->token[k] = (token){symbol, (uint32_t)strlen(symbol)};
	}
	tl_beam_result_free(found);
	return status;
}

/* Under teacher forcing: step t reads token t - 1 and writes token t. */
static tl_status record(translator *t, const sentence *source, const sentence *target, tl_error *err)
{
	tl_tape *tape = t->base.tape;
	int32_t *y = malloc((size_t)target->n * sizeof *y);
	if (!y)
		return tl_error_memory(err);
	for (int64_t k = 0; k < target->n; k++)
		y[k] = k ? target->id[k - 1] : VOCAB_START;
	tl_tape_reset(tape);
	tl_var x = tl_index(tape, TL_SHAPE(source->n, 1), source->id), y_in = tl_index(tape, TL_SHAPE(target->n, 1), y);
	tl_seq2seq_result r = tl_seq2seq_run(t->model, x, NULL, y_in, false);
	tl_scope_begin(tape, "decoder", -1);
	tl_name(tl_softmax(r.logits, -1), "probabilities");
	tl_scope_end(tape);
	free(y);
	return TL_OK;
}

tl_status probe_read_translator(task *base, const probe_input *in, probe_reading *r, tl_error *err)
{
	translator *t = (translator *)base;
	sentence source = {0}, target = {0};
	tl_status status = cut(&source, in->text, t->rule, &base->vocab[SOURCE], "--text", err);
	if (!status)
		status = in->target ? cut(&target, in->target, t->rule, &base->vocab[TARGET], "--target", err)
				    : translate(t, &source, &target, err);
	if (!status)
		status = probe_axis_make(&r->read, "source", source.token, source.id, source.n, err);
	if (!status)
		status = probe_axis_make(&r->written, "target", target.token, target.id, target.n, err);
	if (!status)
		status = record(t, &source, &target, err);
	r->out = &base->vocab[TARGET];
	sentence_release(&source);
	sentence_release(&target);
	return status;
}
