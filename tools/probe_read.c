/* SPDX-License-Identifier: Apache-2.0 */
/* A text, or a series, goes through a model of any task. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ops/softmax.h"
#include "tools/classifier.h"
#include "tools/lm.h"
#include "tools/probe.h"
#include "tools/series.h"
#include "tools/tasks.h"

/* Tokens become the axis `read`, and the model's input (T, 1). */
static tl_status read_tokens(
	task *t, const vocab *v, const token *token, int64_t n, probe_reading *r, tl_var *x, tl_error *err)
{
	int32_t *id = malloc(((size_t)n + 1) * sizeof *id);
	tl_status status = id ? probe_encode(v, "--text", token, n, id, err) : tl_error_memory(err);
	if (!status)
		status = probe_axis_make(&r->read, "text", token, id, n, err);
	if (!status)
		*x = tl_index(t->tape, TL_SHAPE(n, 1), id);
	free(id);
	return status;
}

static tl_status read_lm(task *base, const probe_input *in, probe_reading *r, tl_error *err)
{
	lm_task *t = (lm_task *)base;
	text cut_text = {strdup(in->text), strlen(in->text)};
	tokens cut = {0};
	tl_var x;
	if (cut_text.bytes && t->text.lowercase_letters)
		text_lowercase_letters(&cut_text);
	tl_status status = cut_text.bytes ? text_cut(&cut_text, t->text.unit, 0, &cut, err) : tl_error_memory(err);
	if (!status)
		status = read_tokens(base, &base->vocab[0], cut.v, cut.n, r, &x, err);
	if (!status) {
		tl_lm_result result = t->model->run(t, x, (tl_state){0}, false);
		tl_name(tl_softmax(tl_name(result.logits, "logits"), -1), "probabilities");
		r->out = &base->vocab[0];
	}
	tokens_release(&cut);
	text_release(&cut_text);
	return status;
}

/* A tagger says something about each word, a classifier about all of them. */
static tl_status read_labels(task *base, const probe_input *in, probe_reading *r, tl_error *err)
{
	reader_task *t = (reader_task *)base;
	bool tagger = base->kind == &tagger_kind;
	const classifier *c = tagger ? NULL : (const classifier *)base;
	sentences s = {0};
	tl_var x;
	token line = {in->text, (uint32_t)strlen(in->text)};
	tl_status status = sentences_init(&s, "--text", err);
	if (!status)
		status = sentences_add(&s, line, 0, tagger ? WORDS_SPACE : c->unit, err);
	if (!status)
		status = read_tokens(base, &base->vocab[SYMBOLS], s.v, sentence_length(&s, 0), r, &x, err);
	if (!status) {
		tl_var y = tagger ? tl_reader_tag(t->reader, x, NULL, false)
				  : tl_reader_classify(t->reader, x, NULL, c->pool, false);
		tl_name(tl_softmax(tl_name(y, "logits"), -1), "probabilities");
		r->out = &base->vocab[LABELS];
	}
	sentences_release(&s);
	return status;
}

/* Steps have numbers in place of symbols. */
static tl_status number_steps(int64_t n, probe_reading *r, tl_error *err)
{
	char(*number)[24] = malloc(((size_t)n + 1) * sizeof *number);
	token *t = malloc(((size_t)n + 1) * sizeof *t);
	for (int64_t i = 0; number && t && i < n; i++)
		t[i] = (token){number[i], (uint32_t)snprintf(number[i], sizeof number[i], "%" PRId64, i)};
	tl_status status = number && t ? probe_axis_make(&r->read, "steps", t, NULL, n, err) : tl_error_memory(err);
	free(number);
	free(t);
	return status;
}

static tl_status read_series(task *base, const probe_input *in, probe_reading *r, tl_error *err)
{
	series_task *t = (series_task *)base;
	series s = {0};
	series_batch b;
	tl_status status = series_open(&s, in->x, NULL, NULL, err);
	if (!status)
		status = series_check(&s, SERIES_NEXT, t->inputs, t->inputs, err);
	if (!status && in->row >= s.n)
		status = tl_error_set(err, TL_ERR_INDEX, "--row %" PRId64 ": %s holds %" PRId64 " series", in->row, in->x, s.n);
	if (!status && s.steps > PROBE_MOST)
		status = tl_error_set(err, TL_ERR_ARGUMENT, "%s: %" PRId64 " steps are too many to look at, the most are %d",
			in->x, s.steps, PROBE_MOST);
	if (!status && t->next && s.steps < tl_ar_reach(t->ar))
		status = tl_error_set(err, TL_ERR_SHAPE, "%s: %" PRId64 " steps; the model goes on from %" PRId64, in->x,
			s.steps, tl_ar_reach(t->ar));
	if (!status)
		status = series_take(t, &s, &in->row, 1, &b, err);
	if (!status)
		status = number_steps(b.steps, r, err);
	if (!status)
		tl_name(t->next ? tl_ar_continue(t->ar, b.x, NULL, 1) : series_output(t, &b, false), "values");
	series_release(&s);
	return status;
}

static const struct {
	const task_kind *kind;
	tl_status (*read)(task *t, const probe_input *in, probe_reading *r, tl_error *err);
} readers[] = {
	{&lm_kind, read_lm},
	{&tagger_kind, read_labels},
	{&classifier_kind, read_labels},
	{&series_kind, read_series},
	{&translator_kind, probe_read_translator},
};

tl_status probe_read(task *t, const probe_input *in, probe_reading *r, tl_error *err)
{
	bool is_series = t->kind == &series_kind;
	*r = (probe_reading){0};
	if (is_series ? !in->x || in->text : !in->text || in->x)
		return tl_error_set(err, TL_ERR_ARGUMENT, is_series ? "a model of series reads --x FILE.npy, no text"
			: "a model of the task %s reads a text, no --x", t->kind->name);
	if (in->target && t->kind != &translator_kind)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--target is for translators");
	if (in->text && text_check_utf8("--text", in->text, strlen(in->text), err))
		return err->status;
	if (in->target && text_check_utf8("--target", in->target, strlen(in->target), err))
		return err->status;
	tl_tape_reset(t->tape);
	for (size_t k = 0; k < sizeof readers / sizeof *readers; k++)
		if (readers[k].kind == t->kind && readers[k].read(t, in, r, err))
			return err->status;
	return tape_error(t->tape, err);
}
