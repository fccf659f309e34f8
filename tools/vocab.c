/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/vocab.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static int compare_bytes(const char *a, size_t na, const char *b, size_t nb)
{
	int c = memcmp(a, b, na < nb ? na : nb);
	return c ? c : (na > nb) - (na < nb);
}

static int compare_tokens(const void *pa, const void *pb)
{
	const token *a = pa, *b = pb;
	return compare_bytes(a->at, a->length, b->at, b->length);
}

/* Sorted without repetitions, in place; returns how many are left. */
static int64_t distinct(token *t, int64_t n)
{
	int64_t kept = 0;
	qsort(t, (size_t)n, sizeof *t, compare_tokens);
	for (int64_t i = 0; i < n; i++)
		if (kept == 0 || compare_tokens(&t[i], &t[kept - 1]))
			t[kept++] = t[i];
	return kept;
}

static tl_status fill(vocab *v, const token *t, int64_t n, bool with_unknown, tl_error *err)
{
	*v = (vocab){.has_unknown = with_unknown};
	v->symbols = calloc((size_t)n + 1, sizeof *v->symbols);
	if (!v->symbols)
		return tl_error_memory(err);
	static const token unknown = {UNKNOWN, sizeof UNKNOWN - 1};
	for (int64_t i = with_unknown ? -1 : 0; i < n; i++) {
		const token *from = i < 0 ? &unknown : &t[i];
		if (with_unknown && i >= 0 && compare_tokens(from, &unknown) == 0)
			continue;
		char *copy = strndup(from->at, from->length);
		if (!copy) {
			vocab_release(v);
			return tl_error_memory(err);
		}
		v->symbols[v->n++] = copy;
	}
	return TL_OK;
}

tl_status vocab_build(vocab *v, const token *t, int64_t n, bool with_unknown, tl_error *err)
{
	*v = (vocab){0};
	token *sorted = malloc((size_t)(n + 1) * sizeof *sorted);
	if (!sorted)
		return tl_error_memory(err);
	memcpy(sorted, t, (size_t)n * sizeof *sorted);
	tl_status status = fill(v, sorted, distinct(sorted, n), with_unknown, err);
	free(sorted);
	return status;
}

json_t *vocab_to_json(const vocab *v)
{
	json_t *array = json_array();
	for (int64_t i = 0; array && i < v->n; i++)
		if (json_array_append_new(array, json_string(v->symbols[i]))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

tl_status vocab_from_json(vocab *v, const json_t *array, tl_error *err)
{
	*v = (vocab){0};
	size_t n = json_array_size(array);
	if (n == 0)
		return tl_error_set(err, TL_ERR_FORMAT, "the vocabulary is no list of symbols");
	v->symbols = calloc(n, sizeof *v->symbols);
	if (!v->symbols)
		return tl_error_memory(err);
	for (size_t i = 0; i < n; i++) {
		const char *symbol = json_string_value(json_array_get(array, i));
		if (!symbol || !*symbol) {
			vocab_release(v);
			return tl_error_set(err, TL_ERR_FORMAT, "symbol %zu of the vocabulary is no text", i);
		}
		if (!(v->symbols[i] = strdup(symbol))) {
			vocab_release(v);
			return tl_error_memory(err);
		}
		v->n++;
	}
	v->has_unknown = strcmp(v->symbols[0], UNKNOWN) == 0;
	for (int64_t i = v->has_unknown + 1; i < v->n; i++)
		if (strcmp(v->symbols[i - 1], v->symbols[i]) >= 0) {
			vocab_release(v);
			return tl_error_set(
				err, TL_ERR_FORMAT, "symbol %" PRId64 " of the vocabulary is out of order", i);
		}
	return TL_OK;
}

void vocab_release(vocab *v)
{
	for (int64_t i = 0; i < v->n; i++)
		free(v->symbols[i]);
	free(v->symbols);
	*v = (vocab){0};
}

int64_t vocab_find(const vocab *v, token t)
{
	int64_t low = v->has_unknown, high = v->n;
	while (low < high) {
		int64_t middle = low + (high - low) / 2;
		const char *symbol = v->symbols[middle];
		int c = compare_bytes(symbol, strlen(symbol), t.at, t.length);
		if (c == 0)
			return middle;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return v->has_unknown ? 0 : -1;
}

/* A token as it can be read in a sentence: a control character or a blank by its code point. */
static const char *token_text(token t, char buf[48])
{
	utf8proc_int32_t point = -1;
	utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)t.at, (utf8proc_ssize_t)t.length, &point);
	utf8proc_category_t category = n > 0 ? utf8proc_category(point) : UTF8PROC_CATEGORY_CN;
	bool shown = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_SO;
	if (n == (utf8proc_ssize_t)t.length && !shown)
		snprintf(buf, 48, "U+%04X", (unsigned)point);
	else
		snprintf(buf, 48, "'%.*s'", t.length < 40 ? (int)t.length : 40, t.at);
	return buf;
}

tl_status vocab_refuse(const vocab *v, const char *name, token t, int64_t position, tl_error *err)
{
	char text[48];
	return tl_error_set(err, TL_ERR_INDEX,
		"%s: %s (symbol %" PRId64 ") is not in the model's vocabulary of %" PRId64 " symbols", name,
		token_text(t, text), position + 1, v->n);
}

tl_status vocab_encode(const vocab *v, const char *name, const token *t, int64_t n, int32_t *ids, tl_error *err)
{
	for (int64_t i = 0; i < n; i++) {
		int64_t id = vocab_find(v, t[i]);
		if (id < 0)
			return vocab_refuse(v, name, t[i], i, err);
		ids[i] = (int32_t)id;
	}
	return TL_OK;
}
