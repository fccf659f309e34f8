/* SPDX-License-Identifier: Apache-2.0 */
/* What an example reads: a text as symbols, or symbols at random; a series. */
#include <stdlib.h>
#include <string.h>

#include "tools/classifier.h"
#include "tools/example.h"
#include "tools/lm.h"
#include "tools/series.h"
#include "tools/tasks.h"
#include "tools/translator.h"

#define USUAL_LENGTH 3

/* A text by what the option was called, and the vocabulary that its symbols belong to. */
typedef struct source {
	const char *name, *text;
	int vocab;
	int64_t most; /* symbols; 0: all */
} source;

static bool is_lm(const task *t)
{
	return t->kind == &lm_kind;
}

static words_rule rule_of(const task *t)
{
	if (t->kind == &classifier_kind)
		return ((const classifier *)t)->unit;
	return t->kind == &translator_kind ? ((const translator *)t)->rule : WORDS_SPACE;
}

/* Numbers of tokens and, behind a translator's, of </s>; without a model the vocabulary is made of them. */
static tl_status encode(
	task *t, const source *s, const token *v, int64_t n, int32_t **ids, int64_t *length, tl_error *err)
{
	vocab *to = &t->vocab[s->vocab];
	bool closed = t->kind == &translator_kind;
	*length = s->most && n + closed > s->most ? s->most : n + closed;
	n = *length - closed;
	if (*length < 1 + is_lm(t))
		return tl_error_set(err, TL_ERR_SHAPE, "%s: the text is too short: it has %lld symbols", s->name, (long long)n);
	if (!t->loaded && !to->n && vocab_build(to, v, n, t->kind->vocabs[s->vocab].front, 1, err))
		return err->status;
	if (!(*ids = malloc((size_t)*length * sizeof **ids)))
		return tl_error_memory(err);
	if (closed)
		(*ids)[n] = VOCAB_END;
	return vocab_encode(to, s->name, v, n, *ids, err);
}

static tl_status read_lm(task *base, const source *s, int32_t **ids, int64_t *length, tl_error *err)
{
	const lm_task *t = (const lm_task *)base;
	text whole = {strdup(s->text), strlen(s->text)};
	tokens cut = {0};
	tl_status status = whole.bytes ? TL_OK : tl_error_memory(err);
	if (!status && t->text.lowercase_letters)
		text_lowercase_letters(&whole);
	if (!status)
		status = text_cut(&whole, t->text.unit, 0, &cut, err);
	if (!status)
		status = encode(base, s, cut.v, cut.n, ids, length, err);
	tokens_release(&cut);
	text_release(&whole);
	return status;
}

/* A text is one line for all tasks but language models. */
static tl_status read_line(task *t, const source *s, int32_t **ids, int64_t *length, tl_error *err)
{
	sentences cut = {0};
	token line = {s->text, (uint32_t)strcspn(s->text, "\r\n")};
	tl_status status = sentences_init(&cut, s->name, err);
	if (!status)
		status = sentences_add(&cut, line, 0, rule_of(t), err);
	if (!status)
		status = encode(t, s, cut.v, cut.start[1], ids, length, err);
	sentences_release(&cut);
	return status;
}

static tl_status read_text(task *t, const source *s, int32_t **ids, int64_t *length, tl_error *err)
{
	if (text_check_utf8(s->name, s->text, strlen(s->text), err))
		return err->status;
	return is_lm(t) ? read_lm(t, s, ids, length, err) : read_line(t, s, ids, length, err);
}

/* n symbols below the vocabulary's size, none of those that stand in front of it. */
static tl_status draw(example *e, const task *t, int k, int64_t n, int32_t **ids, tl_error *err)
{
	int64_t size = e->size[k], from = t->vocab[k].specials < size ? t->vocab[k].specials : 0;
	if (!(*ids = malloc((size_t)n * sizeof **ids)))
		return tl_error_memory(err);
	for (int64_t i = 0; i < n; i++)
		(*ids)[i] = (int32_t)(from + tl_rng_below(&e->rng, size - from));
	return TL_OK;
}

/* The size of a vocabulary: its own, or the one that was wished for. */
static void set_size(example *e, const task *t, int k)
{
	bool labels = (t->kind == &tagger_kind || t->kind == &classifier_kind) && k == LABELS;
	e->size[k] = t->vocab[k].n ? t->vocab[k].n : labels ? e->labels : e->symbols;
}

static tl_status read_symbols(example *e, task *t, tl_error *err)
{
	bool translates = t->kind == &translator_kind;
	const char *what = e->data ? e->data : "--text";
	source s = {what, e->text, 0, e->length ? e->length + is_lm(t) : 0};
	source target = {"--target", e->target, TARGET, e->target_length};
	if (e->target && !translates)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--target is for translators");
	if (e->text) {
		if (read_text(t, &s, &e->ids, &e->length, err))
			return err->status;
		e->length -= is_lm(t);
		e->rows = 1;
	}
	if (e->target && read_text(t, &target, &e->target_ids, &e->target_length, err))
		return err->status;
	for (int k = 0; k < TASK_VOCABS && t->kind->vocabs[k].key; k++)
		set_size(e, t, k);
	e->length = e->length ? e->length : USUAL_LENGTH;
	e->target_length = e->target_length ? e->target_length : e->length;
	if (!e->ids && draw(e, t, 0, e->rows * (e->length + is_lm(t)), &e->ids, err))
		return err->status;
	if (translates && e->target && e->rows > 1)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--target is one row, --batch has %lld", (long long)e->rows);
	return translates && !e->target ? draw(e, t, TARGET, e->rows * e->target_length, &e->target_ids, err) : TL_OK;
}

static tl_status read_series(example *e, task *base, tl_error *err)
{
	series_task *t = (series_task *)base;
	if (e->text || e->target)
		return tl_error_set(err, TL_ERR_ARGUMENT, "a model of series reads --data FILE.npy, no text");
	e->length = e->length ? e->length : USUAL_LENGTH;
	if (e->data) {
		if (series_open(&e->series, e->data, NULL, NULL, err))
			return err->status;
		if (base->loaded && series_check(&e->series, SERIES_NEXT, t->inputs, t->inputs, err))
			return err->status;
		e->inputs = e->series.inputs;
		e->length = e->series.length[0];
		e->rows = 1;
	}
	if (!base->loaded) {
		t->inputs = e->inputs;
		t->outputs = t->next ? e->inputs : e->labels;
		t->target = t->next ? SERIES_NEXT : SERIES_CLASSES;
	}
	int64_t reach = t->next ? t->order + !t->order : 0;
	if (e->length <= reach)
		return tl_error_set(err, TL_ERR_SHAPE, "%lld steps are too few: the first that is predicted is step %lld",
			(long long)e->length, (long long)reach);
	return TL_OK;
}

static tl_status read_file(example *e, char **text, tl_error *err)
{
	struct text whole;
	if (text_read(&whole, e->data, err))
		return err->status;
	*text = whole.bytes; /* closed by a NUL */
	e->text = *text;
	return TL_OK;
}

tl_status example_read(example *e, task *t, tl_error *err)
{
	if (t->kind == &series_kind)
		return read_series(e, t, err);
	char *text = NULL;
	if (is_lm(t) && !t->loaded && ((const lm_task *)t)->model == &lm_model_ngram)
		return tl_error_set(err, TL_ERR_ARGUMENT, "a new n-gram model has counted nothing yet; name a saved one");
	tl_status status = e->data ? read_file(e, &text, err) : TL_OK;
	if (!status)
		status = read_symbols(e, t, err);
	if (e->data)
		e->text = NULL;
	free(text);
	return status;
}

void example_release(example *e)
{
	free(e->ids);
	free(e->target_ids);
	series_release(&e->series);
	*e = (example){0};
}
