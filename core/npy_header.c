/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of an .npy file: a Python dict with exactly the keys descr, fortran_order and shape.
 *
 *	header = "{" [pair {"," pair} [","]] "}"
 *	pair   = string ":" (string | "True" | "False" | tuple)
 *	tuple  = "(" [number {"," number} [","]] ")"
 *
 * Strings have single or double quotes and no escapes; a number may end in L, as Python 2 wrote it. White
 * space may stand between all of these.
 */
#include <string.h>

#include "core/file_error.h"
#include "core/npy_file.h"

#define MAX_DIGITS 18 /* what int64_t holds whatever the digits */

struct reader {
	tl_npy *f;
	const char *start, *at, *end;
	tl_error *err;
};

static tl_status expected(struct reader *r, const char *what)
{
	return tl__file_error(r->err, TL_ERR_FORMAT, r->f->path,
		"the header is no dict of descr, fortran_order and shape: %s expected at its byte %d", what,
		(int)(r->at - r->start));
}

static char peek(struct reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || (*r->at >= '\t' && *r->at <= '\r')))
		r->at++;
	return r->at < r->end ? *r->at : '\0';
}

static bool take(struct reader *r, char c)
{
	bool found = peek(r) == c && r->at < r->end;
	r->at += found;
	return found;
}

/* The bytes between two quotes. */
static tl_status read_string(struct reader *r, const char **text, size_t *n)
{
	char quote = peek(r);
	if (quote != '\'' && quote != '"')
		return expected(r, "a quoted text");
	const char *from = r->at + 1, *to = from;
	while (to < r->end && *to != quote && *to != '\\' && *to != '\n')
		to++;
	if (to == r->end || *to != quote) {
		r->at = to;
		return expected(r, "the end of a quoted text");
	}
	*text = from;
	*n = (size_t)(to - from);
	r->at = to + 1;
	return TL_OK;
}

static bool is_word(const char *text, size_t n, const char *word)
{
	return n == strlen(word) && memcmp(text, word, n) == 0;
}

static tl_status read_order(struct reader *r)
{
	static const char *const names[] = {"False", "True"};
	peek(r);
	for (int k = 0; k < 2; k++) {
		size_t n = strlen(names[k]);
		if ((size_t)(r->end - r->at) >= n && memcmp(r->at, names[k], n) == 0) {
			r->f->column_major = k;
			r->at += n;
			return TL_OK;
		}
	}
	return expected(r, "True or False");
}

static tl_status read_size(struct reader *r)
{
	tl_npy *f = r->f;
	int digits = 0;
	int64_t size = 0;
	peek(r);
	const char *from = r->at;
	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++, digits++)
		size = digits < MAX_DIGITS ? 10 * size + (*r->at - '0') : size;
	if (digits > 0 && r->at < r->end && *r->at == 'L')
		r->at++;
	char c = peek(r);
	if (digits == 0 || (c != ',' && c != ')')) {
		r->at = from;
		return tl__file_error(r->err, TL_ERR_FORMAT, f->path,
			"the size of axis %d is not a whole number of 0 or more", (int)f->shape.axes);
	}
	if (digits > MAX_DIGITS)
		return tl__file_error(r->err, TL_ERR_FORMAT, f->path, "the size of axis %d has %d digits",
			(int)f->shape.axes, digits);
	if (f->shape.axes < TL_MAX_AXES)
		f->shape.dim[f->shape.axes] = size;
	f->shape.axes++;
	return TL_OK;
}

static tl_status read_shape(struct reader *r)
{
	tl_npy *f = r->f;
	if (!take(r, '('))
		return expected(r, "the shape in parentheses");
	bool comma = true;
	while (comma && peek(r) != ')') {
		tl_status status = read_size(r);
		if (status)
			return status;
		comma = take(r, ',');
	}
	if (peek(r) != ')' || (f->shape.axes == 1 && !comma))
		return expected(r, f->shape.axes == 1 ? "a ','" : "a ',' or a ')'");
	r->at++;
	if (f->shape.axes > TL_MAX_AXES)
		return tl__file_error(r->err, TL_ERR_FORMAT, f->path, "has %d axes; at most %d can be read",
			(int)f->shape.axes, TL_MAX_AXES);
	char text[TL_SHAPE_TEXT];
	if (!tl_shape_valid(f->shape))
		return tl__file_error(r->err, TL_ERR_FORMAT, f->path,
			"the shape %s has more elements than can be counted", tl_shape_text(f->shape, text));
	return TL_OK;
}

static tl_status read_dtype(struct reader *r)
{
	tl_npy *f = r->f;
	if (peek(r) == '[')
		return tl__file_error(
			r->err, TL_ERR_TYPE, f->path, "holds records of named fields, which cannot be read");
	const char *text;
	size_t n;
	if (read_string(r, &text, &n))
		return TL_ERR_FORMAT;
	char whole[64], shown[TL_EXCERPT];
	size_t kept = n < sizeof whole - 1 ? n : sizeof whole - 1;
	memcpy(whole, text, kept);
	whole[kept] = '\0';
	tl__excerpt(whole, shown);
	static const char *const known[] = {
		"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"};
	for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
		bool ordered =
			n == 3 && (text[0] == '<' || text[0] == '>' || (text[0] == '|' && text[2] == '1'));
		if (!ordered || memcmp(text + 1, known[k], 2) != 0)
			continue;
		memcpy(f->dtype, text, n);
		f->big_endian = text[0] == '>';
		f->type = text[1];
		f->bytes = text[2] - '0';
		return TL_OK;
	}
	return tl__file_error(r->err, TL_ERR_TYPE, f->path, "has dtype '%s', which cannot be read", shown);
}

static const struct {
	const char *name;
	tl_status (*read)(struct reader *r);
} keys[] = {{"descr", read_dtype}, {"fortran_order", read_order}, {"shape", read_shape}};
enum { KEYS = sizeof keys / sizeof *keys };

static tl_status read_pair(struct reader *r, bool seen[KEYS])
{
	const char *text;
	size_t n;
	if (read_string(r, &text, &n))
		return TL_ERR_FORMAT;
	int k = 0;
	while (k < KEYS && !is_word(text, n, keys[k].name))
		k++;
	if (k == KEYS)
		return tl__file_error(r->err, TL_ERR_FORMAT, r->f->path,
			"the header has a key that is no part of the format");
	if (seen[k])
		return tl__file_error(
			r->err, TL_ERR_FORMAT, r->f->path, "'%s' stands twice in the header", keys[k].name);
	seen[k] = true;
	return take(r, ':') ? keys[k].read(r) : expected(r, "a ':'");
}

tl_status tl__npy_parse(tl_npy *f, const char *header, size_t n, tl_error *err)
{
	struct reader r = {f, header, header, header + n, err};
	bool seen[KEYS] = {false};
	if (!take(&r, '{'))
		return expected(&r, "a '{'");
	bool comma = true;
	while (comma && peek(&r) != '}') {
		tl_status status = read_pair(&r, seen);
		if (status)
			return status;
		comma = take(&r, ',');
	}
	if (!take(&r, '}'))
		return expected(&r, "a '}'");
	peek(&r);
	if (r.at < r.end)
		return expected(&r, "the end");
	for (int k = 0; k < KEYS; k++)
		if (!seen[k])
			return tl__file_error(
				err, TL_ERR_FORMAT, f->path, "the header lacks '%s'", keys[k].name);
	return TL_OK;
}
