/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/lm_file.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "models/cells.h"
#include "optim/store_file.h"

#define CONFIG "tapeloop.config"
#define VOCABULARY "tapeloop.vocabulary"
#define FORMAT 1

tl_status lm_bundle_build(lm_bundle *b, tl_lm_options options, tl_error *err)
{
	options.symbols = b->vocab.n;
	b->store = tl_store_new();
	if (!b->store)
		return tl_error_memory(err);
	b->lm = tl_lm_new(b->store, &options, err);
	return b->lm ? TL_OK : err->status;
}

void lm_bundle_release(lm_bundle *b)
{
	tl_lm_free(b->lm);
	tl_store_free(b->store);
	vocab_release(&b->vocab);
	free(b->data);
	*b = (lm_bundle){0};
}

tl_status lm_bundle_save(const lm_bundle *b, const char *path, tl_error *err)
{
	const tl_lm_options *o = &b->lm->options;
	json_t *config = json_pack("{s:i, s:s, s:s, s:I, s:I, s:I, s:i, s:f, s:s, s:b, s:I, s:[f,f,f], s:s?}", "format",
		FORMAT, "task", "lm", "cell", o->cell->name, "symbols", (json_int_t)o->symbols, "embed",
		(json_int_t)o->embed, "hidden", (json_int_t)o->hidden, "layers", b->lm->rnn->options.layers, "dropout",
		o->dropout, "unit", b->unit == UNIT_WORD ? "word" : "char", "lowercase_letters", b->lowercase_letters,
		"limit", (json_int_t)b->limit, "split", b->split[TRAIN], b->split[VALID], b->split[TEST], "data",
		b->data);
	json_t *symbols = vocab_to_json(&b->vocab);
	char *config_text = config ? json_dumps(config, JSON_REAL_PRECISION(12)) : NULL;
	char *symbols_text = symbols ? json_dumps(symbols, JSON_COMPACT) : NULL;
	tl_status status = TL_OK;
	if (config_text && symbols_text)
		status = tl_store_save(b->store, path,
			(tl_safetensors_pair[]){{CONFIG, config_text}, {VOCABULARY, symbols_text}}, 2, err);
	else
		status = tl_error_memory(err);
	free(config_text);
	free(symbols_text);
	json_decref(config);
	json_decref(symbols);
	return status;
}

static json_t *read_metadata(const tl_safetensors *f, const char *path, const char *key, tl_error *err)
{
	const char *text = tl_safetensors_metadata(f, key);
	json_error_t why;
	json_t *value = text ? json_loads(text, JSON_REJECT_DUPLICATES, &why) : NULL;
	if (!text)
		tl_error_set(err, TL_ERR_FORMAT, "%s: no Tapeloop model: the metadata has no '%s'", path, key);
	else if (!value)
		tl_error_set(err, TL_ERR_FORMAT, "%s: metadata '%s' is no JSON: %s", path, key, why.text);
	return value;
}

/* The sizes in a configuration must be those of the weights beside it, before memory is taken for them. */
static tl_status check_sizes(const tl_safetensors *f, const char *path, const tl_lm_options *o, tl_error *err)
{
	int out = tl_safetensors_find(f, "out.w"), embed = tl_safetensors_find(f, "embed.table");
	tl_shape want = TL_SHAPE(o->hidden, o->symbols), table = TL_SHAPE(o->symbols, o->embed);
	bool fits = out >= 0 && tl_shape_equal(tl_safetensors_shape(f, out), want) &&
		o->layers <= tl_safetensors_count(f);
	if (fits && o->embed > 0)
		fits = embed >= 0 && tl_shape_equal(tl_safetensors_shape(f, embed), table);
	if (fits)
		return TL_OK;
	return tl_error_set(err, TL_ERR_FORMAT,
		"%s: the configuration (%lld symbols, embedding %lld, %lld hidden units, %d layers) does not fit the weights",
		path, (long long)o->symbols, (long long)o->embed, (long long)o->hidden, o->layers);
}

static tl_status read_config(lm_bundle *b, tl_lm_options *o, json_t *config, const char *path, tl_error *err)
{
	int format, layers, lowercase;
	const char *task, *cell, *unit, *data = NULL;
	json_int_t symbols, embed, hidden, limit;
	json_error_t why;
	if (json_unpack_ex(config, &why, 0,
		    "{s:i, s:s, s:s, s:I, s:I, s:I, s:i, s:F, s:s, s:b, s:I, s:[F,F,F], s?s}", "format", &format, "task",
		    &task, "cell", &cell, "symbols", &symbols, "embed", &embed, "hidden", &hidden, "layers", &layers,
		    "dropout", &o->dropout, "unit", &unit, "lowercase_letters", &lowercase, "limit", &limit, "split",
		    &b->split[TRAIN], &b->split[VALID], &b->split[TEST], "data", &data))
		return tl_error_set(err, TL_ERR_FORMAT, "%s: the configuration is incomplete: %s", path, why.text);
	if (format != FORMAT)
		return tl_error_set(err, TL_ERR_FORMAT, "%s: format %d is not the one that this program reads, %d", path, format, FORMAT);
	if (strcmp(task, "lm"))
		return tl_error_set(err, TL_ERR_FORMAT, "%s: a model for '%s', not a language model", path, task);
	o->cell = tl_cell_by_name(cell);
	if (!o->cell)
		return tl_error_set(err, TL_ERR_FORMAT, "%s: the cell '%s' is unknown", path, cell);
	if (symbols != b->vocab.n)
		return tl_error_set(err, TL_ERR_FORMAT, "%s: the configuration has %lld symbols, the vocabulary %lld", path,
			(long long)symbols, (long long)b->vocab.n);
	if (embed < 0 || hidden < 1 || layers < 1 || limit < 0)
		return tl_error_set(err, TL_ERR_FORMAT, "%s: the configuration's sizes are out of range", path);
	o->symbols = symbols;
	o->embed = embed;
	o->hidden = hidden;
	o->layers = layers;
	bool word = strcmp(unit, "word") == 0;
	if (!word && strcmp(unit, "char"))
		return tl_error_set(err, TL_ERR_FORMAT, "%s: the unit '%s' is unknown", path, unit);
	const double *part = b->split;
	double sum = part[TRAIN] + part[VALID] + part[TEST];
	if (!(part[TRAIN] >= 0 && part[VALID] >= 0 && part[TEST] >= 0 && sum > 0 && sum <= 100 + 1e-9))
		return tl_error_set(err, TL_ERR_FORMAT, "%s: the split of the text is no three percentages", path);
	b->unit = word ? UNIT_WORD : UNIT_CHAR;
	b->lowercase_letters = lowercase;
	b->limit = limit;
	if (data && !(b->data = strdup(data)))
		return tl_error_memory(err);
	return TL_OK;
}

static tl_status load(lm_bundle *b, const tl_safetensors *f, const char *path, tl_error *err)
{
	tl_lm_options o = {0};
	json_t *config = read_metadata(f, path, CONFIG, err);
	json_t *symbols = config ? read_metadata(f, path, VOCABULARY, err) : NULL;
	tl_status status = err->status;
	tl_error why = {0};
	if (!status && vocab_from_json(&b->vocab, symbols, &why))
		status = tl_error_set(err, why.status, "%s: the vocabulary is damaged: %.300s", path, why.text);
	if (!status)
		status = read_config(b, &o, config, path, err);
	json_decref(config);
	json_decref(symbols);
	if (!status)
		status = check_sizes(f, path, &o, err);
	if (!status && (lm_bundle_build(b, o, &why) || tl_store_load(b->store, f, &why)))
		status = tl_error_set(err, why.status, "%s: %.500s", path, why.text);
	return status;
}

tl_status lm_bundle_load(lm_bundle *b, const char *path, tl_error *err)
{
	*b = (lm_bundle){0};
	tl_safetensors *f = tl_safetensors_open(path, err);
	if (!f)
		return err->status;
	tl_status status = load(b, f, path, err);
	tl_safetensors_free(f);
	if (status)
		lm_bundle_release(b);
	return status;
}
