/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/file_error.h"

tl_status line_error(tl_error *err, const char *path, int64_t i, const char *format, ...)
{
	char text[TL_ERROR_TEXT];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	size_t size = strlen(path) + 32;
	char *place = malloc(size);
	if (!place)
		return tl_error_memory(err);
	snprintf(place, size, "%s:%lld", path, (long long)i + 1);
	tl_status status = tl__file_error(err, TL_ERR_FORMAT, place, "%s", text);
	free(place);
	return status;
}

static token without_return(const char *at, size_t length)
{
	return (token){at, (uint32_t)(length > 0 && at[length - 1] == '\r' ? length - 1 : length)};
}

static tl_status cut(lines *l, tl_error *err)
{
	char *end = l->text.bytes + l->text.size;
	int64_t room = 1;
	for (const char *at = l->text.bytes; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		room++;
	l->v = malloc((size_t)room * sizeof *l->v);
	if (!l->v)
		return tl_error_memory(err);
	for (char *at = l->text.bytes, *next; at < end; at = next + 1) {
		next = memchr(at, '\n', (size_t)(end - at));
		if (!next)
			next = end;
		if (next - at > UINT32_MAX)
			return line_error(err, l->path, l->n, "a line of more than 4 GiB");
		token line = without_return(at, (size_t)(next - at));
		at[line.length] = '\0';
		l->v[l->n++] = line;
	}
	return TL_OK;
}

tl_status lines_read(lines *l, const char *path, tl_error *err)
{
	*l = (lines){.path = strdup(path)};
	tl_status status = l->path ? text_read(&l->text, path, err) : tl_error_memory(err);
	if (!status)
		status = cut(l, err);
	if (status)
		lines_release(l);
	return status;
}

void lines_release(lines *l)
{
	free(l->path);
	free(l->v);
	text_release(&l->text);
	*l = (lines){0};
}

tl_status lines_columns(const lines *l, int64_t i, int n, const char *what, token *out, tl_error *err)
{
	const char *at = l->v[i].at, *end = at + l->v[i].length;
	int found = 1;
	for (const char *tab; (tab = memchr(at, '\t', (size_t)(end - at))); at = tab + 1) {
		if (found <= n)
			out[found - 1] = (token){at, (uint32_t)(tab - at)};
		found++;
	}
	if (found != n)
		return line_error(err, l->path, i,
			"%d column%s found, %d expected, with tabs between them: %s", found,
			found == 1 ? "" : "s", n, what);
	out[n - 1] = (token){at, (uint32_t)(end - at)};
	return TL_OK;
}

void line_reader_init(line_reader *r, FILE *file, const char *name)
{
	*r = (line_reader){.file = file, .name = name};
}

tl_status line_reader_next(line_reader *r, token *line, bool *more, tl_error *err)
{
	errno = 0;
	ssize_t n = getline(&r->bytes, &r->room, r->file);
	*more = n >= 0;
	if (n < 0 && feof(r->file) && !ferror(r->file))
		return TL_OK;
	if (n < 0 && errno == ENOMEM)
		return tl_error_memory(err);
	if (n < 0)
		return tl_error_set(err, TL_ERR_IO, "%s: %s", r->name, strerror(errno));
	r->number++;
	size_t length = (size_t)n;
	if (length > UINT32_MAX)
		return line_error(err, r->name, r->number - 1, "a line of more than 4 GiB");
	if (text_check_utf8_from(r->name, r->bytes, length, r->number, err))
		return TL_ERR_FORMAT;
	if (r->bytes[length - 1] == '\n')
		length--;
	bool mark = r->number == 1 && length >= 3 && memcmp(r->bytes, TEXT_MARK, 3) == 0;
	*line = without_return(r->bytes + 3 * mark, length - 3 * mark);
	return TL_OK;
}

void line_reader_release(line_reader *r)
{
	free(r->bytes);
	*r = (line_reader){0};
}
