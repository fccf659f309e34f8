/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <utf8proc.h>

static tl_status read_all(FILE *f, text *t, const char *path, tl_error *err)
{
	size_t room = (size_t)1 << 16;
	for (;;) {
		char *larger = realloc(t->bytes, room + 1);
		if (!larger)
			return tl_error_memory(err);
		t->bytes = larger;
		t->size += fread(t->bytes + t->size, 1, room - t->size, f);
		if (ferror(f))
			return tl_error_set(err, TL_ERR_IO, "%s: %s", path, strerror(errno));
		if (t->size < room)
			break;
		room *= 2;
	}
	t->bytes[t->size] = '\0';
	return TL_OK;
}

tl_status text_check_utf8(const char *name, const char *bytes, size_t size, tl_error *err)
{
	return text_check_utf8_from(name, bytes, size, 1, err);
}

tl_status text_check_utf8_from(const char *name, const char *bytes, size_t size, int64_t line, tl_error *err)
{
	for (size_t at = 0; at < size;) {
		utf8proc_int32_t point;
		utf8proc_ssize_t n = utf8proc_iterate(
			(const utf8proc_uint8_t *)bytes + at, (utf8proc_ssize_t)(size - at), &point);
		if (n <= 0)
			return tl_error_set(err, TL_ERR_FORMAT,
				"%s: no valid UTF-8 at byte %zu (line %lld): 0x%02X", name, at,
				(long long)line, (unsigned)(unsigned char)bytes[at]);
		if (point == 0)
			return tl_error_set(err, TL_ERR_FORMAT,
				"%s: a NUL at byte %zu (line %lld): this is no text", name, at,
				(long long)line);
		line += point == '\n';
		at += (size_t)n;
	}
	return TL_OK;
}

tl_status text_read(text *t, const char *path, tl_error *err)
{
	*t = (text){0};
	FILE *f = fopen(path, "rb");
	if (!f)
		return tl_error_set(err, TL_ERR_IO, "%s: %s", path, strerror(errno));
	struct stat info;
	tl_status status = TL_OK;
	if (fstat(fileno(f), &info) == 0 && S_ISDIR(info.st_mode))
		status = tl_error_set(err, TL_ERR_IO, "%s: this is a directory, not a text file", path);
	if (!status)
		status = read_all(f, t, path, err);
	fclose(f);
	if (!status)
		status = text_check_utf8(path, t->bytes, t->size, err);
	if (!status && t->size >= 3 && memcmp(t->bytes, TEXT_MARK, 3) == 0) {
		t->size -= 3;
		memmove(t->bytes, t->bytes + 3, t->size + 1);
	}
	if (!status && t->size == 0)
		status = tl_error_set(err, TL_ERR_FORMAT, "%s: the file is empty", path);
	if (status)
		text_release(t);
	return status;
}

void text_release(text *t)
{
	free(t->bytes);
	*t = (text){0};
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void text_lowercase_letters(text *t)
{
	size_t to = 0, line = 0; /* `line`: where the output of this line begins */
	bool gap = false;
	for (size_t from = 0; from < t->size; from++) {
		char c = t->bytes[from];
		if (c == '\n') {
			line = to;
			gap = false;
		} else if (!is_letter(c)) {
			gap = true;
		} else {
			if (gap && to > line)
				t->bytes[to++] = ' ';
			gap = false;
			t->bytes[to++] = (char)tolower((unsigned char)c);
		}
	}
	t->size = to;
	t->bytes[to] = '\0';
}

size_t text_char_length(const char *at)
{
	return (size_t)utf8proc_utf8class[(unsigned char)*at];
}

bool text_is_space(int32_t point)
{
	utf8proc_category_t category = utf8proc_category(point);
	return (point >= '\t' && point <= '\r') || category == UTF8PROC_CATEGORY_ZS ||
	       category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

static bool is_space(const char *at, size_t *length)
{
	utf8proc_int32_t point;
	*length = text_char_length(at);
	utf8proc_iterate((const utf8proc_uint8_t *)at, (utf8proc_ssize_t)*length, &point);
	return text_is_space(point);
}

/* The token that starts at *at, which moves behind it; false at the end. */
static bool next_word(const char **at, const char *end, token *out)
{
	size_t length;
	while (*at < end && is_space(*at, &length)) {
		bool eol = **at == '\n';
		*at += length;
		if (eol) {
			*out = (token){"<eos>", 5};
			return true;
		}
	}
	const char *from = *at;
	while (*at < end && !is_space(*at, &length))
		*at += length;
	*out = (token){from, (uint32_t)(*at - from)};
	return *at > from;
}

static bool next_char(const char **at, const char *end, token *out)
{
	if (*at >= end)
		return false;
	*out = (token){*at, (uint32_t)text_char_length(*at)};
	*at += out->length;
	return true;
}

tl_status text_cut(const text *t, text_unit unit, int64_t limit, tokens *out, tl_error *err)
{
	int64_t room = 0;
	*out = (tokens){0};
	const char *at = t->bytes, *end = t->bytes + t->size;
	token next;
	while ((limit == 0 || out->n < limit) &&
		(unit == UNIT_CHAR ? next_char(&at, end, &next) : next_word(&at, end, &next))) {
		if (out->n == room) {
			room = room ? room * 2 : 4096;
			token *larger = realloc(out->v, (size_t)room * sizeof *larger);
			if (!larger) {
				tokens_release(out);
				return tl_error_memory(err);
			}
			out->v = larger;
		}
		out->v[out->n++] = next;
	}
	return TL_OK;
}

void tokens_release(tokens *t)
{
	free(t->v);
	*t = (tokens){0};
}
