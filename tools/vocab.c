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

static const struct {
	int64_t n;
	const char *symbols[4];
} fronts[] = {
	[FRONT_NONE] = {0, {NULL}},
	[FRONT_UNKNOWN] = {1, {UNKNOWN}},
	[FRONT_PADDED] = {2, {"<pad>", UNKNOWN}},
	[FRONT_CLOSED] = {4, {"<pad>", UNKNOWN, "<s>", "</s>"}},
};

/* An empty vocabulary with room for n symbols. */
static tl_status reserve(vocab *v, int64_t n, vocab_front front, tl_error *err)
{
	*v = (vocab){.front = front, .specials = fronts[front].n, .unknown = -1};
	for (int64_t i = 0; i < v->specials; i++)
		if (strcmp(fronts[front].symbols[i], UNKNOWN) == 0)
			v->unknown = i;
	v->has_unknown = v->unknown >= 0;
	v->symbols = calloc((size_t)n + 1, sizeof *v->symbols);
	return v->symbols ? TL_OK : tl_error_memory(err);
}

static tl_status append(vocab *v, token t, tl_error *err)
{
	v->symbols[v->n] = strndup(t.at, t.length);
	return v->symbols[v->n] ? (v->n++, TL_OK) : tl_error_memory(err);
}

/* Sorted, those found at least `least` times once each, in place; returns how many are left. */
static int64_t distinct(token *t, int64_t n, int64_t least)
{
	int64_t kept = 0;
	qsort(t, (size_t)n, sizeof *t, compare_tokens);
	for (int64_t i = 0, next; i < n; i = next) {
		for (next = i + 1; next < n && compare_tokens(&t[next], &t[i]) == 0; next++)
			;
		if (next - i >= least)
			t[kept++] = t[i];
	}
	return kept;
}

/* The number of a token that is spelt like a special symbol, or -1. */
static int64_t find_special(const vocab *v, token t)
{
	for (int64_t i = 0; i < v->specials; i++)
		if (compare_bytes(v->symbols[i], strlen(v->symbols[i]), t.at, t.length) == 0)
			return i;
	return -1;
}

static tl_status fill(vocab *v, const token *t, int64_t n, vocab_front front, tl_error *err)
{
	tl_status status = reserve(v, n + fronts[front].n, front, err);
	for (int64_t i = 0; i < v->specials && !status; i++) {
		const char *symbol = fronts[front].symbols[i];
		status = append(v, (token){symbol, (uint32_t)strlen(symbol)}, err);
	}
	for (int64_t i = 0; i < n && !status; i++)
		if (find_special(v, t[i]) < 0)
			status = append(v, t[i], err);
	if (status)
		vocab_release(v);
	return status;
}

tl_status vocab_build(vocab *v, const token *t, int64_t n, vocab_front front, int64_t least, tl_error *err)
{
	*v = (vocab){0};
	token *sorted = malloc((size_t)(n + 1) * sizeof *sorted);
	if (!sorted)
		return tl_error_memory(err);
	if (n > 0)
		memcpy(sorted, t, (size_t)n * sizeof *sorted);
	tl_status status = fill(v, sorted, distinct(sorted, n, least), front, err);
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

/* That the symbols are in the order that finding relies on. */
static tl_status check_order(const vocab *v, tl_error *err)
{
	for (int64_t i = 0; i < v->specials; i++) {
		const char *want = fronts[v->front].symbols[i];
		if (i >= v->n || strcmp(v->symbols[i], want) != 0)
			return tl_error_set(err, TL_ERR_FORMAT,
				"symbol %" PRId64 " of the vocabulary is not %s", i, want);
	}
	for (int64_t i = v->specials; i < v->n; i++)
		if (find_special(v, (token){v->symbols[i], (uint32_t)strlen(v->symbols[i])}) >= 0 ||
			(i > v->specials && strcmp(v->symbols[i - 1], v->symbols[i]) >= 0))
			return tl_error_set(err, TL_ERR_FORMAT,
				"symbol %" PRId64 " of the vocabulary is out of order", i);
	return TL_OK;
}

static tl_status read_symbols(vocab *v, const json_t *array, tl_error *err)
{
	size_t n = json_array_size(array);
	for (size_t i = 0; i < n; i++) {
		const json_t *item = json_array_get(array, i);
		const char *symbol = json_string_value(item);
		if (!symbol || !*symbol)
			return tl_error_set(err, TL_ERR_FORMAT, "symbol %zu of the vocabulary is no text", i);
		if (append(v, (token){symbol, (uint32_t)json_string_length(item)}, err))
			return TL_ERR_MEMORY;
	}
	return check_order(v, err);
}

tl_status vocab_from_json_as(vocab *v, const json_t *array, vocab_front front, tl_error *err)
{
	*v = (vocab){0};
	size_t n = json_array_size(array);
	if (n == 0)
		return tl_error_set(err, TL_ERR_FORMAT, "the vocabulary is no list of symbols");
	tl_status status = reserve(v, (int64_t)n, front, err);
	if (!status)
		status = read_symbols(v, array, err);
	if (status)
		vocab_release(v);
	return status;
}

tl_status vocab_from_json(vocab *v, const json_t *array, tl_error *err)
{
	const char *first = json_string_value(json_array_get(array, 0));
	bool unknown = first && strcmp(first, UNKNOWN) == 0;
	return vocab_from_json_as(v, array, unknown ? FRONT_UNKNOWN : FRONT_NONE, err);
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
	int64_t low = v->specials, high = v->n;
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
	int64_t special = find_special(v, t);
	return special >= 0 ? special : v->has_unknown ? v->unknown : -1;
}

const char *token_shown(token t, char buf[TOKEN_SHOWN])
{
	utf8proc_int32_t point = -1;
	utf8proc_ssize_t n =
		utf8proc_iterate((const utf8proc_uint8_t *)t.at, (utf8proc_ssize_t)t.length, &point);
	utf8proc_category_t category = n > 0 ? utf8proc_category(point) : UTF8PROC_CATEGORY_CN;
	bool shown = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_SO;
	if (n > 0 && n == (utf8proc_ssize_t)t.length && !shown) {
		snprintf(buf, TOKEN_SHOWN, "U+%04X", (unsigned)point);
		return buf;
	}
	size_t length = t.length < TOKEN_SHOWN - 3 ? t.length : TOKEN_SHOWN - 3;
	while (length < t.length && length > 0 && ((unsigned char)t.at[length] & 0xC0) == 0x80)
		length--;
	snprintf(buf, TOKEN_SHOWN, "'%.*s'", (int)length, t.at);
	for (char *c = buf; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	return buf;
}

tl_status vocab_refuse(const vocab *v, const char *name, token t, int64_t position, tl_error *err)
{
	char text[TOKEN_SHOWN];
	return tl_error_set(err, TL_ERR_INDEX,
		"%s: %s (symbol %" PRId64 ") is not in the model's vocabulary of %" PRId64 " symbols", name,
		token_shown(t, text), position + 1, v->n);
}

tl_status vocab_encode(
	const vocab *v, const char *name, const token *t, int64_t n, int32_t *ids, tl_error *err)
{
	for (int64_t i = 0; i < n; i++) {
		int64_t id = vocab_find(v, t[i]);
		if (id < 0)
			return vocab_refuse(v, name, t[i], i, err);
		ids[i] = (int32_t)id;
	}
	return TL_OK;
}
