/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/records.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/lines.h"

void records_release(records *r)
{
	json_decref(r->objects);
	free(r->last);
	*r = (records){0};
}

size_t records_count(const records *r)
{
	return json_array_size(r->objects);
}

const json_t *records_at(const records *r, size_t k)
{
	return json_array_get(r->objects, k);
}

double record_real(const json_t *line, const char *part, const char *name)
{
	const json_t *value = json_object_get(part ? json_object_get(line, part) : line, name);
	const char *text = json_string_value(value);
	if (text)
		return !strcmp(text, "inf") ? INFINITY : !strcmp(text, "-inf") ? -INFINITY : NAN;
	return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Go to where the last reading ended; from the start where the file is not what it was. */
static bool find_place(records *r, FILE *f)
{
	if (r->last) {
		char *text = NULL;
		size_t room = 0;
		bool same = fseek(f, r->last_at, SEEK_SET) == 0 && getline(&text, &room, f) > 0 && !strcmp(text, r->last);
		free(text);
		if (same)
			return true;
	}
	records_release(r);
	r->objects = json_array();
	rewind(f);
	return r->objects;
}

/* Takes the text where it is a whole line; false where it is not. */
static bool take(records *r, char **text, bool whole, tl_error *err, const char *path)
{
	json_error_t why;
	json_t *object = json_loads(*text, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(object)) {
		json_decref(object);
		if (whole)
			line_error(err, path, r->lines, "no JSON object: %s", object ? "another value" : why.text);
		return false;
	}
	if (json_array_append_new(r->objects, object)) {
		tl_error_memory(err);
		return false;
	}
	free(r->last);
	r->last = *text;
	r->last_at = r->end;
	r->end += (long)strlen(*text);
	r->lines++;
	*text = NULL;
	return true;
}

tl_status records_read(records *r, const char *path, bool ended, tl_error *err)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	ssize_t n = 0;
	if (!f)
		return tl_error_set(err, TL_ERR_IO, "%s: %s", path, strerror(errno));
	if (!find_place(r, f))
		tl_error_memory(err);
	for (size_t room = 0; !err->status && (n = getline(&text, &room, f)) > 0;) {
		bool whole = text[n - 1] == '\n';
		if (!whole && !ended)
			break;
		if ((size_t)n != strlen(text)) {
			line_error(err, path, r->lines, "the line has a byte 0");
			break;
		}
		if (!take(r, &text, whole, err, path))
			break;
		room = 0;
	}
	if (!err->status && ferror(f))
		tl_error_set(err, TL_ERR_IO, "%s: %s", path, strerror(errno));
	free(text);
	fclose(f);
	return err->status;
}
