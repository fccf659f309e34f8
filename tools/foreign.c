/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/foreign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cells.h"
#include "models/pytorch.h"
#include "tools/foreign_symbols.h"
#include "tools/lm_options.h"
#include "tools/state_dict.h"
#include "tools/tasks.h"

#define RECURRENT "weight_ih_l0"
#define WEIGHT "weight"

enum { VOCAB = 0x500, FOREIGN_CELL, FOREIGN_UNIT, NAMES };

static const struct argp_option options[] = {
	{0, 0, 0, 0, "A state dict that PyTorch saved, of an embedding, an RNN, GRU or LSTM, and a linear layer:", 4},
	{"vocab", VOCAB, "FILE", 0,
		"Its symbols: a .json list in the order of their numbers, or object of symbols and numbers; any other file is a "
		"text whose characters, sorted, are the symbols (those in the file's metadata under tapeloop.vocabulary)", 4},
	{"cell", FOREIGN_CELL, "NAME", 0, "rnn_relu, which looks like rnn in a file (as names and shapes tell)", 4},
	{"unit", FOREIGN_UNIT, "char|word", 0, "What one symbol is (as the symbols look)", 4},
	{"modules", NAMES, "LIST", 0, "Which names its modules have, as in embed=encoder,rnn=rnn,out=decoder (found by shapes)", 4},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const units[] = {[UNIT_CHAR] = "char", [UNIT_WORD] = "word", NULL};
	foreign_options *o = state->input;
	switch (key) {
	case VOCAB: o->vocab = option_path(state, "--vocab", arg); break;
	case FOREIGN_CELL: o->cell = option_cell(state, arg); break;
	case FOREIGN_UNIT: o->unit = 1 + option_word(state, "--unit", arg, units); break;
	case NAMES: state_dict_option(state, "--modules", arg, &o->dict); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp foreign_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};

bool foreign_given(const foreign_options *o)
{
	return o->vocab || o->cell || o->unit || o->dict.given[MODULE_EMBED] || o->dict.given[MODULE_RNN] ||
		o->dict.given[MODULE_OUT];
}

/* The module that a tensor belongs to as its PART: "rnn" of "rnn.weight"; false where it is no such part. */
static bool module_of(const char *tensor, const char *part, char module[MODULE_NAME])
{
	size_t n = strlen(tensor), m = strlen(part);
	if (n < m || strcmp(tensor + n - m, part) || (n > m && tensor[n - m - 1] != '.'))
		return false;
	size_t length = n > m ? n - m - 1 : 0;
	if (length >= MODULE_NAME)
		return false;
	memcpy(module, tensor, length);
	module[length] = '\0';
	return true;
}

bool foreign_is(const tl_safetensors *f)
{
	char module[MODULE_NAME];
	for (int k = 0; k < tl_safetensors_count(f); k++)
		if (module_of(tl_safetensors_name(f, k), RECURRENT, module))
			return true;
	return false;
}

/* Modules that one might be; the last that was found. */
typedef struct candidates {
	int n;
	char last[MODULE_NAME], names[512];
} candidates;

static void add(candidates *c, const char *module)
{
	size_t used = strlen(c->names);
	snprintf(c->names + used, sizeof c->names - used, "%s%s", c->n ? ", " : "", module);
	snprintf(c->last, sizeof c->last, "%s", module);
	c->n++;
}

/* The name of module k of f: as it was given, or the only candidate. */
static tl_status settle(state_dict *dict, int k, const candidates *c, const char *what, tl_error *err)
{
	if (dict->given[k])
		return TL_OK;
	if (c->n == 1) {
		snprintf(dict->module[k], MODULE_NAME, "%s", c->last);
		dict->given[k] = true;
		return TL_OK;
	}
	return tl_error_set(err, TL_ERR_FORMAT, "%s: the state dict has %s%s%s; name it by --modules %s=NAME", what,
		c->n ? "several that could be (" : "none that fits", c->names, c->n ? ")" : "", state_dict_module(k));
}

static tl_status find_rnn(const tl_safetensors *f, state_dict *dict, tl_error *err)
{
	candidates found = {0};
	char module[MODULE_NAME];
	for (int k = 0; k < tl_safetensors_count(f); k++)
		if (module_of(tl_safetensors_name(f, k), RECURRENT, module))
			add(&found, module);
	return settle(dict, MODULE_RNN, &found, "the recurrent layers", err);
}

static bool has_bias(const tl_safetensors *f, const char *module)
{
	char name[MODULE_NAME + 8];
	snprintf(name, sizeof name, "%s%sbias", module, *module ? "." : "");
	return tl_safetensors_find(f, name) >= 0;
}

/* What is known of the matrices at both ends, and which could be they. */
typedef struct ends {
	int64_t symbols, input, width;
	int matrices;             /* with a row for each symbol */
	candidates embed;         /* without a bias, as wide as what the recurrent layers read */
	candidates out, plain;    /* as wide as what they put out: linear layers with a bias, and without */
} ends;

/* A matrix under one of its names. `embedding`: the module that is none of the linear ones, or NULL. */
static void look(ends *e, const tl_safetensors *f, const char *name, tl_shape shape, const char *embedding)
{
	char module[MODULE_NAME];
	if (shape.axes != 2 || shape.dim[0] != e->symbols || !module_of(name, WEIGHT, module))
		return;
	bool bias = has_bias(f, module);
	e->matrices++;
	if (!embedding && !bias && shape.dim[1] == e->input)
		add(&e->embed, module);
	if (embedding && shape.dim[1] == e->width && (bias || strcmp(module, embedding)))
		add(bias ? &e->out : &e->plain, module);
}

/* A matrix of two modules has its second name in the metadata. */
static void look_at_all(ends *e, const tl_safetensors *f, const char *embedding)
{
	for (int k = 0; k < tl_safetensors_count(f); k++)
		look(e, f, tl_safetensors_name(f, k), tl_safetensors_shape(f, k), embedding);
	for (int i = 0; i < tl_safetensors_metadata_count(f); i++) {
		tl_safetensors_pair pair = tl_safetensors_metadata_pair(f, i);
		int k = tl_safetensors_find(f, pair.value);
		if (k >= 0)
			look(e, f, pair.key, tl_safetensors_shape(f, k), embedding);
	}
}

/* How many rows the other matrices have, each number once: "33, 24, ...". */
static void list_rows(const tl_safetensors *f, char *list, size_t size)
{
	int64_t seen[12];
	int n = 0;
	size_t used = 0;
	list[0] = '\0';
	for (int i = 0; i < tl_safetensors_count(f); i++) {
		tl_shape shape = tl_safetensors_shape(f, i);
		char module[MODULE_NAME];
		int k = 0;
		if (shape.axes != 2 || !module_of(tl_safetensors_name(f, i), WEIGHT, module))
			continue;
		while (k < n && seen[k] != shape.dim[0])
			k++;
		if (k < n || used >= size)
			continue;
		if (n == (int)(sizeof seen / sizeof *seen)) {
			snprintf(list + used, size - used, ", ...");
			break;
		}
		used += (size_t)snprintf(list + used, size - used, "%s%" PRId64, n ? ", " : "", shape.dim[0]);
		seen[n++] = shape.dim[0];
	}
}

/* Embedding and linear layer, by their shapes. */
static tl_status find_ends(const tl_safetensors *f, ends *e, state_dict *dict, bool *one_hot, tl_error *err)
{
	char rows[320];
	look_at_all(e, f, NULL);
	if (!e->matrices) {
		list_rows(f, rows, sizeof rows);
		return tl_error_set(err, TL_ERR_FORMAT,
			"the vocabulary has %" PRId64 " symbols, and no matrix of the state dict has as many rows%s%s", e->symbols,
			*rows ? ": those of embeddings and linear layers have " : "", rows);
	}
	*one_hot = e->input == e->symbols && !e->embed.n && !dict->given[MODULE_EMBED];
	if (!*one_hot && settle(dict, MODULE_EMBED, &e->embed, "the embedding", err))
		return err->status;
	look_at_all(e, f, *one_hot ? "" : dict->module[MODULE_EMBED]);
	return settle(dict, MODULE_OUT, e->out.n ? &e->out : &e->plain, "the linear layer at the end", err);
}

static tl_status check_cell(tl_rnn_options *o, const tl_cell *given, tl_error *err)
{
	if (o->bidirectional)
		return tl_error_set(err, TL_ERR_FORMAT,
			"the recurrent layers read in both directions; a language model may not read what it has to predict");
	if (!given || given == o->cell)
		return TL_OK;
	if (o->cell != &tl_cell_rnn || given != &tl_cell_rnn_relu)
		return tl_error_set(err, TL_ERR_ARGUMENT, "--cell %s: the state dict is one of %s", given->name,
			o->cell == &tl_cell_rnn ? "rnn or rnn_relu" : o->cell->name);
	o->cell = given;
	return TL_OK;
}

/* As lm_config writes it, without a text, all of which is for `test`. */
static tl_status make_config(
	foreign *x, const tl_rnn_options *rnn, bool one_hot, int64_t symbols, text_unit unit, const state_dict *dict, tl_error *err)
{
	lm_task *t = (lm_task *)task_new(&lm_kind, NULL);
	if (!t)
		return tl_error_memory(err);
	t->net = (net_options){.cell = rnn->cell, .embed = one_hot ? 0 : rnn->input, .hidden = rnn->hidden,
		.layers = rnn->layers, .project = rnn->project, .no_bias = rnn->no_bias};
	t->base.dict = *dict;
	t->base.vocab[0].n = symbols;
	t->text = (corpus_options){.unit = unit, .split = {[TEST] = 100}};
	x->config = json_pack("{s:i, s:s}", "format", 1, "task", lm_kind.name);
	bool done = x->config && lm_config(&t->base, x->config) && state_dict_to_json(&t->base, x->config);
	t->base.vocab[0].n = 0;
	task_free(&t->base);
	return done ? TL_OK : tl_error_memory(err);
}

static tl_status read_all(foreign *x, const tl_safetensors *f, const foreign_options *o, tl_error *err)
{
	state_dict dict = o->dict;
	tl_rnn_options rnn;
	text_unit unit = UNIT_CHAR;
	bool one_hot = false;
	ends e = {0};
	if (find_rnn(f, &dict, err) || tl_pytorch_describe(f, dict.module[MODULE_RNN], &rnn, err) ||
		check_cell(&rnn, o->cell, err) || foreign_symbols(x, f, o, &unit, &e.symbols, err))
		return err->status;
	e.input = rnn.input;
	e.width = rnn.project ? rnn.project : rnn.hidden;
	if (find_ends(f, &e, &dict, &one_hot, err))
		return err->status;
	return make_config(x, &rnn, one_hot, e.symbols, unit, &dict, err);
}

tl_status foreign_open(foreign *x, const tl_safetensors *f, const foreign_options *o, tl_error *err)
{
	*x = (foreign){0};
	tl_status status = read_all(x, f, o, err);
	if (status)
		foreign_release(x);
	return status;
}

void foreign_release(foreign *x)
{
	json_decref(x->config);
	json_decref(x->symbols);
	free(x->from);
	*x = (foreign){0};
}

/* Index i along an axis becomes what was at from[i]. */
static tl_status reorder(tl_param *p, int axis, const int32_t *from, tl_error *err)
{
	tl_tensor to = p->value, part = to;
	size_t bytes = (size_t)tl_shape_size(to.shape) * sizeof(tl_real);
	tl_real *copy = malloc(bytes + 1);
	if (!copy)
		return tl_error_memory(err);
	memcpy(copy, to.data, bytes);
	to.shape.dim[axis] = part.shape.dim[axis] = 1;
	for (int64_t i = 0; i < p->value.shape.dim[axis]; i++) {
		to.data = (tl_real *)p->value.data + i * to.stride[axis];
		part.data = copy + from[i] * to.stride[axis];
		tl_tensor_copy(&to, &part);
	}
	free(copy);
	return TL_OK;
}

tl_status foreign_reorder(const foreign *x, task *base, tl_error *err)
{
	lm_task *t = (lm_task *)base;
	tl_lm *lm = t->lm;
	tl_status status = TL_OK;
	if (lm->input.table)
		status = reorder(lm->input.table, 0, x->from, err);
	else
		status = reorder(lm->rnn->params[0], 0, x->from, err); /* w of the first layer reads one-hot symbols */
	if (!status)
		status = reorder(lm->output.w, 1, x->from, err);
	return status ? status : reorder(lm->output.b, 0, x->from, err);
}
