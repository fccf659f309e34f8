/* SPDX-License-Identifier: Apache-2.0 */
/* The rule WORDS_MARKS; the classes of characters are those of Python's str methods. */
#include "tools/words.h"

#include <assert.h>
#include <stdlib.h>
#include <utf8proc.h>

#define CAPITAL_SIGMA 0x3A3
#define SMALL_SIGMA 0x3C3
#define FINAL_SIGMA 0x3C2
#define CAPITAL_I_DOT 0x130 /* the one character whose lower case is two: i and a dot above */
#define DOT_ABOVE 0x307

/* As Python's str.isspace() has it. */
static bool is_space(int32_t point)
{
	return text_is_space(point) || (point >= 0x1C && point <= 0x1F) || point == 0x85;
}

/* Letters, digits and other numbers. */
static bool is_alphanumeric(int32_t point)
{
	utf8proc_category_t c = utf8proc_category(point);
	return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO) ||
	       (c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO);
}

/* Unicode's Cased, but for those that are Case_Ignorable, too. */
static bool is_cased(int32_t point)
{
	utf8proc_category_t c = utf8proc_category(point);
	return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LT) || point == 0xAA || point == 0xBA ||
	       (point >= 0x2160 && point <= 0x217F) || (point >= 0x24B6 && point <= 0x24E9) ||
	       (point >= 0x1F130 && point <= 0x1F149) || (point >= 0x1F150 && point <= 0x1F169) ||
	       (point >= 0x1F170 && point <= 0x1F189);
}

/* Unicode's Case_Ignorable: marks, formats, modifiers, and punctuation that stands within words. */
static bool is_case_ignorable(int32_t point)
{
	static const int32_t within[] = {0x27, 0x2E, 0x3A, 0xB7, 0x387, 0x55F, 0x5F4, 0x2018, 0x2019, 0x2024,
		0x2027, 0xFE13, 0xFE52, 0xFE55, 0xFF07, 0xFF0E, 0xFF1A};
	for (size_t i = 0; i < sizeof within / sizeof *within; i++)
		if (point == within[i])
			return true;
	switch (utf8proc_category(point)) {
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_ME:
	case UTF8PROC_CATEGORY_CF:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_SK:
		return true;
	default:
		return false;
	}
}

/* A cased letter stands before, and none behind; what is ignorable does not count. */
static bool is_final(const int32_t *points, int64_t n, int64_t i)
{
	int64_t before = i - 1, behind = i + 1;
	while (before >= 0 && is_case_ignorable(points[before]))
		before--;
	while (behind < n && is_case_ignorable(points[behind]))
		behind++;
	return before >= 0 && is_cased(points[before]) && (behind == n || !is_cased(points[behind]));
}

static int32_t lower(const int32_t *points, int64_t n, int64_t i)
{
	if (points[i] == CAPITAL_SIGMA)
		return is_final(points, n, i) ? FINAL_SIGMA : SMALL_SIGMA;
	return utf8proc_tolower(points[i]);
}

/* w->points in NFC; *n: how many. */
static tl_status compose(words_line *w, token line, utf8proc_ssize_t *n, tl_error *err)
{
	const utf8proc_option_t nfc = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
	for (;;) {
		*n = utf8proc_decompose((const utf8proc_uint8_t *)line.at, (utf8proc_ssize_t)line.length,
			w->points, (utf8proc_ssize_t)w->room_points, nfc);
		if (*n < 0 || (size_t)*n <= w->room_points)
			break;
		int32_t *larger = realloc(w->points, 2 * (size_t)*n * sizeof *larger);
		if (!larger)
			return tl_error_memory(err);
		w->points = larger;
		w->room_points = 2 * (size_t)*n;
	}
	if (*n > 0)
		*n = utf8proc_normalize_utf32(w->points, *n, nfc);
	return *n < 0 ? tl_error_set(err, TL_ERR_FORMAT, "%s", utf8proc_errmsg(*n)) : TL_OK;
}

static void put(words_line *w, int32_t point)
{
	bool apart = !is_alphanumeric(point) && !is_space(point);
	if (apart)
		w->bytes[w->size++] = ' ';
	w->size += (size_t)utf8proc_encode_char(point, (utf8proc_uint8_t *)w->bytes + w->size);
	if (apart)
		w->bytes[w->size++] = ' ';
}

tl_status words_mark(words_line *w, token line, tl_error *err)
{
	utf8proc_ssize_t n;
	tl_status status = compose(w, line, &n, err);
	if (status)
		return status;
	size_t most = 8 * (size_t)n + 1; /* a character takes 4 bytes at most, or is 1 and an 'i' in front */
	if (most > w->room) {
		char *larger = realloc(w->bytes, most);
		if (!larger)
			return tl_error_memory(err);
		w->bytes = larger;
		w->room = most;
	}
	w->size = 0;
	for (int64_t i = 0; i < n; i++) {
		put(w, lower(w->points, n, i));
		if (w->points[i] == CAPITAL_I_DOT)
			put(w, DOT_ABOVE);
	}
	return TL_OK;
}

void words_line_release(words_line *w)
{
	free(w->bytes);
	free(w->points);
	*w = (words_line){0};
}

static bool space_at(const char *at, size_t *length)
{
	utf8proc_int32_t point;
	*length = text_char_length(at);
	utf8proc_iterate((const utf8proc_uint8_t *)at, (utf8proc_ssize_t)*length, &point);
	return is_space(point);
}

bool words_next(words_rule rule, const char **at, const char *end, token *out)
{
	assert(rule != WORDS_MARKS);
	size_t length = 0;
	const char *from = *at;
	if (rule == WORDS_CHAR) {
		*at += from < end ? text_char_length(from) : 0;
	} else {
		while (from < end && space_at(from, &length))
			from += length;
		for (*at = from; *at < end && !space_at(*at, &length);)
			*at += length;
	}
	*out = (token){from, (uint32_t)(*at - from)};
	return *at > from;
}
