/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/foreign_symbols.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/model_file.h"
#include "tools/vocab.h"

/* A symbol and its number in the file. */
typedef struct symbol {
	const char *text;
	int32_t number;
} symbol;

static tl_status no_vocabulary(const char *path, tl_error *err)
{
	return tl_error_set(err, TL_ERR_FORMAT,
		"%s: no vocabulary: neither a list of symbols nor an object of symbols and their numbers", path);
}

/* list[number] = text, from a list or an object. */
static tl_status take_all(const json_t *from, const char **list, const char *path, tl_error *err)
{
	size_t n = json_is_array(from) ? json_array_size(from) : json_object_size(from);
	const char *key;
	json_t *value;
	for (size_t i = 0; json_is_array(from) && i < n; i++)
		list[i] = json_string_value(json_array_get(from, i));
	json_object_foreach((json_t *)from, key, value) {
		json_int_t at = json_is_integer(value) ? json_integer_value(value) : -1;
		if (at < 0 || (size_t)at >= n || list[at])
			return tl_error_set(err, TL_ERR_FORMAT,
				"%s: the symbols' numbers are not those from 0 to %zu, once each", path, n - 1);
		list[at] = key;
	}
	for (size_t i = 0; i < n; i++)
		if (!list[i] || !*list[i])
			return tl_error_set(err, TL_ERR_FORMAT, "%s: symbol %zu of the vocabulary is no text", path, i);
	return TL_OK;
}

static int compare(const void *a, const void *b)
{
	const symbol *x = a, *y = b;
	bool first = !strcmp(x->text, UNKNOWN), second = !strcmp(y->text, UNKNOWN);
	return first != second ? second - first : strcmp(x->text, y->text);
}

/* In our order: <unk>, then by code points. */
static tl_status sort(foreign *x, const char *const *list, size_t n, const char *path, tl_error *err)
{
	symbol *sorted = calloc(n + 1, sizeof *sorted);
	x->from = calloc(n + 1, sizeof *x->from);
	x->symbols = json_array();
	tl_status status = sorted && x->from && x->symbols ? TL_OK : tl_error_memory(err);
	for (size_t i = 0; i < n && !status; i++)
		sorted[i] = (symbol){list[i], (int32_t)i};
	if (!status)
		qsort(sorted, n, sizeof *sorted, compare);
	for (size_t i = 0; i < n && !status; i++) {
		char shown[TOKEN_SHOWN];
		token t = {sorted[i].text, (uint32_t)strlen(sorted[i].text)};
		x->from[i] = sorted[i].number;
		if (i > 0 && strcmp(sorted[i - 1].text, sorted[i].text) == 0)
			status = tl_error_set(err, TL_ERR_FORMAT, "%s: the symbol %s stands twice in the vocabulary", path,
				token_shown(t, shown));
		else if (json_array_append_new(x->symbols, json_string(sorted[i].text)))
			status = tl_error_memory(err);
	}
	free(sorted);
	return status;
}

/* Words, where most symbols are longer than one code point. */
static text_unit unit_of(const char *const *list, size_t n)
{
	size_t longer = 0;
	for (size_t i = 0; i < n; i++)
		longer += list[i][text_char_length(list[i])] != '\0';
	return 2 * longer > n ? UNIT_WORD : UNIT_CHAR;
}

static tl_status read_list(foreign *x, const json_t *from, const char *path, text_unit *unit, int64_t *n, tl_error *err)
{
	size_t count = json_is_array(from) ? json_array_size(from) : json_object_size(from);
	const char **list = calloc(count + 1, sizeof *list);
	if (!list)
		return tl_error_memory(err);
	tl_status status = count == 0 || count > INT32_MAX ? no_vocabulary(path, err) : take_all(from, list, path, err);
	if (!status) {
		*unit = unit_of(list, count);
		*n = (int64_t)count;
		status = sort(x, list, count, path, err);
	}
	free(list);
	return status;
}

/* The characters of a text. */
static tl_status read_text(const char *path, json_t **list, tl_error *err)
{
	text t;
	tokens cut = {0};
	vocab v = {0};
	tl_status status = text_read(&t, path, err);
	if (status)
		return status;
	status = text_cut(&t, UNIT_CHAR, 0, &cut, err);
	if (!status)
		status = vocab_build(&v, cut.v, cut.n, FRONT_NONE, 1, err);
	if (!status && !(*list = vocab_to_json(&v)))
		status = tl_error_memory(err);
	vocab_release(&v);
	tokens_release(&cut);
	text_release(&t);
	return status;
}

static tl_status read_file(const char *path, json_t **list, tl_error *err)
{
	json_error_t why;
	size_t n = strlen(path);
	if (n < 5 || strcmp(path + n - 5, ".json"))
		return read_text(path, list, err);
	*list = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	if (*list)
		return TL_OK;
	if (why.line < 0)
		return tl_error_set(err, TL_ERR_IO, "%s: %s", path, why.text);
	return tl_error_set(err, TL_ERR_FORMAT, "%s:%d: no JSON: %s", path, why.line, why.text);
}

tl_status foreign_symbols(
	foreign *x, const tl_safetensors *f, const foreign_options *o, text_unit *unit, int64_t *n, tl_error *err)
{
	const char *path = o->vocab ? o->vocab : "its metadata", *key = "tapeloop.vocabulary";
	json_t *list = NULL;
	tl_status status = TL_OK;
	if (o->vocab)
		status = read_file(path, &list, err);
	else if (!tl_safetensors_metadata(f, key))
		status = tl_error_set(err, TL_ERR_ARGUMENT,
			"a state dict of PyTorch's, which does not tell what its symbols are: `tapeloop convert` and `tapeloop eval lm` "
			"take --vocab FILE, and a model written by convert does not need it");
	else if (!(list = model_metadata(f, key, err)))
		status = err->status;
	if (!status)
		status = read_list(x, list, path, unit, n, err);
	if (!status && o->unit)
		*unit = (text_unit)(o->unit - 1);
	json_decref(list);
	return status;
}
