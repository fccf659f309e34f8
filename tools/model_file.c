/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/model_file.h"

#include <stdlib.h>
#include <string.h>

#include "optim/store_file.h"
#include "tools/state_dict.h"
#include "tools/tasks.h"

#define FORMAT 1

/* Takes the object; a NULL value becomes an error. */
static tl_status add_pair(model_pairs *p, const char *key, json_t *value, size_t flags, tl_error *err)
{
	char *text = value ? json_dumps(value, flags) : NULL;
	json_decref(value);
	if (!text)
		return tl_error_memory(err);
	p->pair[p->n++] = (tl_safetensors_pair){key, text};
	return TL_OK;
}

tl_status model_pairs_make(model_pairs *p, const task *t, bool names, tl_error *err)
{
	*p = (model_pairs){0};
	json_t *config = json_pack("{s:i, s:s}", "format", FORMAT, "task", t->kind->name);
	if (config && !(t->kind->config(t, config) && (!names || !t->dict.on || state_dict_to_json(t, config)))) {
		json_decref(config);
		config = NULL;
	}
	tl_status status = add_pair(p, MODEL_CONFIG, config, JSON_REAL_PRECISION(12), err);
	for (int k = 0; k < TASK_VOCABS && t->kind->vocabs[k].key && !status; k++)
		status = add_pair(p, t->kind->vocabs[k].key, vocab_to_json(&t->vocab[k]), JSON_COMPACT, err);
	if (status)
		model_pairs_release(p);
	return status;
}

void model_pairs_release(model_pairs *p)
{
	for (int k = 0; k < p->n; k++)
		free((char *)p->pair[k].value); /* made by json_dumps */
	*p = (model_pairs){0};
}

tl_status model_save(const task *t, const char *path, tl_error *err)
{
	model_pairs p;
	tl_pytorch *names = t->dict.on ? state_dict_of(t, err) : NULL;
	if (t->dict.on && !names)
		return err->status;
	tl_status status = model_pairs_make(&p, t, true, err);
	if (!status)
		status = names ? tl_pytorch_save(names, path, p.pair, p.n, err) : tl_store_save(t->store, path, p.pair, p.n, err);
	model_pairs_release(&p);
	tl_pytorch_free(names);
	return status;
}

tl_status model_read_weights(task *t, const tl_safetensors *f, tl_error *err)
{
	if (!t->dict.on)
		return tl_store_load(t->store, f, err);
	tl_pytorch *names = state_dict_of(t, err);
	tl_status status = names ? tl_pytorch_load(names, f, err) : err->status;
	tl_pytorch_free(names);
	return status;
}

tl_status model_expect(const task *t, const char *name, tl_shape shape, tl_error *err)
{
	char want[TL_SHAPE_TEXT], got[TL_SHAPE_TEXT], theirs[STATE_DICT_NAME];
	if (t->dict.on)
		name = state_dict_name(t, name, &shape, theirs);
	int k = t->dict.on ? tl_pytorch_find(t->file, name) : tl_safetensors_find(t->file, name);
	if (k < 0)
		return tl_error_set(err, TL_ERR_FORMAT,
			"the configuration does not fit the weights: it asks for %s of shape %s, which is missing", name,
			tl_shape_text(shape, want));
	if (tl_shape_equal(tl_safetensors_shape(t->file, k), shape))
		return TL_OK;
	return tl_error_set(err, TL_ERR_FORMAT,
		"the configuration does not fit the weights: it asks for %s of shape %s, the file has %s", name,
		tl_shape_text(shape, want), tl_shape_text(tl_safetensors_shape(t->file, k), got));
}

/* Layers that are only named in the file must not have memory taken for them: it holds about as many numbers. */
static tl_status check_size(const task *t, const net_options *net, tl_error *err)
{
	tl_cell_sizes sizes = {net->hidden, net->hidden, net->project}; /* of all layers but the first */
	double has = 0, needs = 0;
	for (int k = 0; k < tl_safetensors_count(t->file); k++)
		has += (double)tl_shape_size(tl_safetensors_shape(t->file, k));
	for (int k = 0; net->cell->params[k].name; k++)
		needs += (double)tl_shape_size(tl_cell_param_shape(net->cell, k, sizes));
	needs *= (double)(net->layers - 1);
	if (needs < 4 * has + 1e6)
		return TL_OK;
	return tl_error_set(err, TL_ERR_FORMAT,
		"the configuration does not fit the weights: %lld layers of %s with %lld units are %.3g numbers, the file has %.3g",
		(long long)net->layers, net->cell->name, (long long)net->hidden, needs, has);
}

tl_status model_expect_net(const task *t, const char *name, const net_options *net, tl_error *err)
{
	char ours[256], theirs[STATE_DICT_NAME];
	tl_shape any = TL_SCALAR;
	snprintf(ours, sizeof ours, "%s.l%lld.%s", name, (long long)net->layers - 1, net->cell->params[0].name);
	const char *last = t->dict.on ? state_dict_name(t, ours, &any, theirs) : ours;
	if (tl_safetensors_find(t->file, last) >= 0)
		return check_size(t, net, err);
	return tl_error_set(err, TL_ERR_FORMAT,
		"the configuration does not fit the weights: it has %lld layers of %s, and %s is missing",
		(long long)net->layers, net->cell->name, last);
}

tl_status model_error(const char *path, const tl_error *why, tl_error *err)
{
	size_t n = strlen(path);
	bool told = strncmp(why->text, path, n) == 0 && why->text[n] == ':';
	return why->status ? tl_error_set(err, why->status, "%s%s%s", told ? "" : path, told ? "" : ": ", why->text) : TL_OK;
}

json_t *model_metadata(const tl_safetensors *f, const char *key, tl_error *err)
{
	const char *text = tl_safetensors_metadata(f, key);
	json_error_t why;
	json_t *value = text ? json_loads(text, JSON_REJECT_DUPLICATES, &why) : NULL;
	if (!text)
		tl_error_set(err, TL_ERR_FORMAT, "no Tapeloop model: the metadata has no '%s'", key);
	else if (!value)
		tl_error_set(err, TL_ERR_FORMAT, "metadata '%s' is no JSON: %s", key, why.text);
	return value;
}

/* The kind that the configuration names; NULL where it is not the one that is wanted. */
static const task_kind *read_kind(const json_t *config, const task_kind *wanted, tl_error *err)
{
	int format;
	const char *name;
	json_error_t why;
	if (json_unpack_ex((json_t *)config, &why, 0, "{s:i, s:s}", "format", &format, "task", &name)) {
		tl_error_set(err, TL_ERR_FORMAT, "the configuration is incomplete: %s", why.text);
		return NULL;
	}
	const task_kind *kind = task_kind_by_name(name);
	if (format != FORMAT)
		tl_error_set(err, TL_ERR_FORMAT, "format %d is not the one that this program reads, %d", format, FORMAT);
	else if (!kind || (wanted && kind != wanted))
		tl_error_set(err, TL_ERR_FORMAT, "a model for '%.40s', %s%s", name,
			wanted ? "not for " : "which this program does not know", wanted ? wanted->name : "");
	return err->status ? NULL : kind;
}

static tl_status read_vocabs(task *t, const tl_safetensors *f, tl_error *err)
{
	for (int k = 0; k < TASK_VOCABS && t->kind->vocabs[k].key; k++) {
		const task_vocab *kind = &t->kind->vocabs[k];
		json_t *symbols = model_metadata(f, kind->key, err);
		tl_error why = {0};
		if (symbols && (kind->maybe ? vocab_from_json(&t->vocab[k], symbols, &why)
					    : vocab_from_json_as(&t->vocab[k], symbols, kind->front, &why)))
			tl_error_set(err, why.status, "the vocabulary is damaged: %s", why.text);
		json_decref(symbols);
		if (err->status)
			break;
	}
	return err->status;
}

/* x: what was found in a state dict of PyTorch's; NULL for our own files. */
static tl_status load(task *t, const tl_safetensors *f, const json_t *config, const foreign *x, tl_error *err)
{
	t->loaded = true;
	t->file = f;
	bool training = tl_safetensors_metadata(f, MODEL_TRAINING);
	tl_status status = x ? vocab_from_json(&t->vocab[0], x->symbols, err) : read_vocabs(t, f, err);
	if (!status)
		status = state_dict_from_json(t, config, err);
	if (!status)
		status = t->kind->configure(t, config, err);
	t->file = NULL;
	if (!status && !(t->store = tl_store_new()))
		status = tl_error_memory(err);
	if (!status)
		status = t->kind->build(t, err);
	if (!status)
		status = training ? tl_store_load_part(t->store, f, err) : model_read_weights(t, f, err);
	return status || !x ? status : foreign_reorder(x, t, err);
}

/* The configuration, which a state dict of PyTorch's does not have: what is found in such a one goes to x. */
static json_t *read_config(
	const tl_safetensors *f, const task_kind *wanted, const foreign_options *o, foreign *x, tl_error *err)
{
	if (!tl_safetensors_metadata(f, MODEL_CONFIG) && foreign_is(f)) {
		if (wanted && wanted != &lm_kind)
			tl_error_set(err, TL_ERR_FORMAT,
				"a state dict that PyTorch saved, which is read as a language model, not for %s", wanted->name);
		else
			foreign_open(x, f, o, err);
		return json_incref(x->config);
	}
	if (!foreign_given(o))
		return model_metadata(f, MODEL_CONFIG, err);
	tl_error_set(err, TL_ERR_ARGUMENT,
		"no state dict that PyTorch saved, so it takes none of --vocab, --cell, --unit and --modules");
	return NULL;
}

task *model_load(const char *path, const task_kind *kind, tl_error *err)
{
	return model_load_as(path, kind, &(foreign_options){0}, err);
}

task *model_load_as(const char *path, const task_kind *kind, const foreign_options *o, tl_error *err)
{
	tl_safetensors *f = tl_safetensors_open(path, err);
	if (!f)
		return NULL;
	tl_error why = {0};
	foreign x = {0};
	json_t *config = read_config(f, kind, o, &x, &why);
	if (config)
		kind = read_kind(config, kind, &why);
	task *t = NULL;
	if (!why.status) {
		t = task_new(kind, NULL);
		if (t)
			load(t, f, config, x.config ? &x : NULL, &why);
		else
			tl_error_memory(&why);
	}
	json_decref(config);
	foreign_release(&x);
	tl_safetensors_free(f);
	if (!model_error(path, &why, err))
		return t;
	task_free(t);
	return NULL;
}
