/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop sample */
#include "models/sample.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/function.h"
#include "ops/layout.h"
#include "tools/command.h"
#include "tools/lm.h"
#include "tools/model_file.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/tasks.h"

typedef struct sample_options {
	const char *model, *prime;
	int64_t chars, seed, threads, top_k;
	double temperature;
} sample_options;

enum { PRIME = 0x100, CHARS, TEMPERATURE, TOP_K, SEED, THREADS };

static const struct argp_option options[] = {
	{"prime", PRIME, "TEXT", 0, "What the text begins with (nothing: a random symbol)", 0},
	{"chars", CHARS, "N", 0, "Symbols to write after it (500)", 0},
	{"temperature", TEMPERATURE, "X", 0,
		"1: as the model thinks likely (default); lower: safer; 0: always the likeliest", 0},
	{"top-k", TOP_K, "N", 0, "Draw among the N likeliest symbols only (0: all)", 0},
	{"seed", SEED, "N", 0, "Another number, another text (1)", 0},
	{"threads", THREADS, "N", 0, "Threads (1)", 0},
	{0},
};

static const char doc[] =
	"Let a trained language model write."
	"\v"
	"The model is a file that `tapeloop train lm` saved. How fast the symbols came is told on standard error, "
	"without the time of --prime. Example:\n\n"
	"  tapeloop sample out/model.safetensors --prime \"The \" --temperature 0.6\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	sample_options *o = state->input;
	switch (key) {
	case PRIME: o->prime = arg; break;
	case CHARS: o->chars = option_int(state, "--chars", arg, 0, INT64_MAX); break;
	case TEMPERATURE: o->temperature = option_real(state, "--temperature", arg, 0, 1000); break;
	case TOP_K: o->top_k = option_int(state, "--top-k", arg, 0, INT64_MAX); break;
	case SEED: o->seed = option_int(state, "--seed", arg, 0, INT64_MAX); break;
	case THREADS: o->threads = option_int(state, "--threads", arg, 1, 4096); break;
	case ARGP_KEY_ARG: option_model(state, &o->model, arg, ""); break;
	case ARGP_KEY_END:
		if (!o->model)
			argp_error(state, "say which model: a file that `tapeloop train lm` saved");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

typedef struct writer {
	lm_task *m;
	const vocab *vocab;
	tl_tape *tape;
	tl_function *step; /* a symbol and the state -> logits and the next state */
	int states;
	tl_real *logits;   /* of the next symbol */
	bool line_start;   /* words: no space before the next one */
} writer;

/* <unk> is never written. */
static void forbid_unknown(writer *w)
{
	if (w->vocab->has_unknown)
		w->logits[0] = -INFINITY;
}

static void record_step(void *user, const tl_recording *r)
{
	const writer *w = user;
	tl_state s = {.n = w->states};
	for (int k = 0; k < s.n; k++)
		s.v[k] = r->state[k];
	tl_lm_result y = w->m->model->run(w->m, r->in[0], s, false);
	r->out[0] = y.logits;
	for (int k = 0; k < s.n; k++)
		r->next[k] = y.last.v[k];
}

/* The step, which goes on from a state. */
static tl_status make_step(writer *w, const tl_carry *from, tl_error *err)
{
	tl_slot symbol = {TL_I32, TL_SHAPE(1, 1)}, state[TL_MAX_STATES] = {{0}};
	const tl_real *values = from->values;
	w->states = from->n;
	for (int k = 0; k < from->n; k++)
		state[k].shape = from->shape[k];
	w->step = tl_function_new(w->tape, &(tl_function_options){.record = record_step, .user = w, .inputs = 1,
		.input = &symbol, .outputs = 1, .states = from->n, .state = state}, err);
	for (int k = 0; w->step && k < from->n; k++) {
		int64_t n = tl_shape_size(from->shape[k]);
		memcpy(tl_function_state(w->step, k), values, (size_t)n * sizeof *values);
		values += n;
	}
	return w->step ? TL_OK : err->status;
}

/* Read what the text begins with; afterwards logits predict the next symbol, and the step can go on. */
static tl_status read_symbols(writer *w, const int32_t *ids, int64_t n, tl_error *err)
{
	tl_carry state;
	if (w->m->model->carry(w->m, &state, 1, err))
		return err->status;
	tl_var x = tl_index(w->tape, TL_SHAPE(n, 1), ids);
	tl_lm_result r = w->m->model->run(w->m, x, tl_carry_in(&state, w->tape), false);
	if (tl_read(tl_select(r.logits, 0, n - 1), w->logits, w->vocab->n) || tl_carry_out(&state, r.last))
		tape_error(w->tape, err);
	else
		make_step(w, &state, err);
	forbid_unknown(w);
	tl_carry_release(&state);
	return err->status;
}

/* The same after one symbol more. */
static tl_status read_symbol(writer *w, int32_t id, tl_error *err)
{
	if (tl_function_run(w->step, (const void *[]){&id}) || tl_function_read(w->step, 0, w->logits, w->vocab->n))
		return tl_error_set(err, tl_function_error(w->step)->status, "%s", tl_function_error(w->step)->text);
	forbid_unknown(w);
	return TL_OK;
}

static void print_symbol(writer *w, int64_t id)
{
	const char *symbol = w->vocab->symbols[id];
	bool word = w->m->text.unit == UNIT_WORD, eol = word && !strcmp(symbol, "<eos>");
	if (word && !w->line_start && !eol)
		putchar(' ');
	fputs(eol ? "\n" : symbol, stdout);
	w->line_start = eol;
}

/* The prime prepared as the training text was; a symbol that only "<unk>" could stand for is refused. */
static tl_status cut_prime(const writer *w, text *t, tokens *cut, int32_t **ids, tl_error *err)
{
	const vocab *v = w->vocab;
	if (text_check_utf8("--prime", t->bytes, t->size, err))
		return err->status;
	if (w->m->text.lowercase_letters)
		text_lowercase_letters(t);
	if (text_cut(t, w->m->text.unit, 0, cut, err))
		return err->status;
	*ids = malloc((size_t)(cut->n + 1) * sizeof **ids);
	if (!*ids)
		return tl_error_memory(err);
	if (vocab_encode(v, "--prime", cut->v, cut->n, *ids, err))
		return err->status;
	for (int64_t i = 0; i < cut->n; i++)
		if (v->has_unknown && (*ids)[i] == 0)
			return vocab_refuse(v, "--prime", cut->v[i], i, err);
	return TL_OK;
}

static tl_status read_prime(writer *w, const sample_options *o, tl_rng *rng, tl_error *err)
{
	tokens cut = {0};
	int32_t *ids = NULL;
	text t = {strdup(o->prime ? o->prime : ""), o->prime ? strlen(o->prime) : 0};
	tl_status status = t.bytes ? cut_prime(w, &t, &cut, &ids, err) : tl_error_memory(err);
	if (!status && cut.n == 0) {
		int64_t from = w->vocab->has_unknown, n = w->vocab->n;
		ids[0] = n > from ? (int32_t)(from + tl_rng_below(rng, n - from)) : 0;
	}
	int64_t n = cut.n ? cut.n : 1;
	for (int64_t i = 0; i < n && !status; i++)
		print_symbol(w, ids[i]);
	if (!status)
		status = read_symbols(w, ids, n, err);
	free(ids);
	tokens_release(&cut);
	text_release(&t);
	return status;
}

/* How fast the symbols after the first ones came, to those who watch. */
static void print_speed(const writer *w, int64_t symbols, double seconds)
{
	const char *unit = w->m->text.unit == UNIT_WORD ? "words" : "characters";
	if (symbols > 0 && seconds > 0)
		fprintf(stderr, "%lld %s in %.3g s: %.0f a second\n", (long long)symbols, unit, seconds,
			(double)symbols / seconds);
}

static tl_status write_text(writer *w, const sample_options *o, tl_error *err)
{
	tl_rng rng = {.seed = (uint64_t)o->seed};
	tl_status status = read_prime(w, o, &rng, err);
	double begin = seconds_now();
	for (int64_t i = 0; i < o->chars && !status; i++) {
		int32_t next = (int32_t)tl_sample_top_k(
			w->logits, w->vocab->n, o->top_k, o->temperature, &rng);
		if (next < 0)
			return tl_error_set(err, TL_ERR_VALUE, "the model gives no finite probability to any symbol");
		print_symbol(w, next);
		if (ferror(stdout))
			return tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
		status = read_symbol(w, next, err);
	}
	double end = seconds_now();
	if (status)
		return status;
	putchar('\n');
	if (fflush(stdout) || ferror(stdout))
		return tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
	print_speed(w, o->chars, end - begin);
	return TL_OK;
}

tl_status command_sample(int argc, char **argv, tl_error *err)
{
	static const struct argp argp = {options, parse, "MODEL", doc, NULL, NULL, NULL};
	sample_options o = {.chars = 500, .seed = 1, .threads = 1, .temperature = 1};
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	task *t = model_load(o.model, &lm_kind, err);
	if (!t)
		return err->status;
	writer w = {.m = (lm_task *)t, .vocab = &t->vocab[0], .line_start = true};
	w.tape = tl_tape_new(&(tl_tape_options){.threads = (int)o.threads});
	w.logits = malloc((size_t)w.vocab->n * sizeof *w.logits);
	tl_status status = w.tape && w.logits ? write_text(&w, &o, err) : tl_error_memory(err);
	tl_function_free(w.step);
	tl_tape_free(w.tape);
	free(w.logits);
	task_free(t);
	return status;
}
