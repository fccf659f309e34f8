/* SPDX-License-Identifier: Apache-2.0 */
/* Which steps are shown, and which scopes are to stay as they are. */
#include "graph/draw_parts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/find.h"

#define FEW 8
#define MOST_NAMED 8 /* scopes in a sentence */

static const char *skip_blanks(const char *s)
{
	while (*s == ' ')
		s++;
	return s;
}

/* An optional number; false where it does not fit. */
static bool number(const char **at, int64_t *to, bool *given)
{
	char *end;
	const char *s = skip_blanks(*at);
	*given = isdigit((unsigned char)*s) || *s == '-';
	if (!*given) {
		*at = s;
		return true;
	}
	errno = 0;
	*to = strtoll(s, &end, 10);
	*at = skip_blanks(end);
	return end != s && !errno && *to >= -INT32_MAX && *to <= INT32_MAX;
}

/* One of "3", "-1", "2:", ":-3", "::10". */
static bool parse_slice(const char **at, tl__draw_slice *s)
{
	bool given;
	*s = (tl__draw_slice){.step = 1};
	if (!number(at, &s->start, &given))
		return false;
	s->from_first = !given;
	if (**at != ':') {
		s->single = given;
		return given;
	}
	++*at;
	if (!number(at, &s->end, &given))
		return false;
	s->to_last = !given;
	if (**at != ':')
		return true;
	++*at;
	return number(at, &s->step, &given) && s->step >= 1;
}

tl_status tl__draw_parse_steps(tl__draw *d, const char *text, tl__draw_slices *out, tl_error *err)
{
	size_t most = 1;
	for (const char *c = text; *c; c++)
		most += *c == ',';
	*out = (tl__draw_slices){.at = tl__draw_zeroed(d, most, sizeof *out->at)};
	if (!out->at)
		return tl_error_memory(err);
	for (const char *at = text;; at++) {
		if (!parse_slice(&at, &out->at[out->n++]) || (*at && *at != ','))
			return tl_error_set(err, TL_ERR_ARGUMENT,
				"draw: the steps \"%s\" are no list of slices like \"0:3,-1\"", text);
		if (!*at)
			return TL_OK;
	}
}

static int64_t from_front(int64_t k, int64_t count)
{
	k = k < 0 ? k + count : k;
	return k < 0 ? 0 : k;
}

bool tl__draw_shows(const tl__draw_slices *slices, uint32_t place, uint32_t count)
{
	for (uint32_t i = 0; i < slices->n; i++) {
		const tl__draw_slice *s = &slices->at[i];
		if (s->single) {
			if (s->start == place || s->start + count == place)
				return true;
			continue;
		}
		int64_t start = s->from_first ? 0 : from_front(s->start, count);
		int64_t end = s->to_last ? count : from_front(s->end, count);
		if (place >= start && place < end && (place - start) % s->step == 0)
			return true;
	}
	return false;
}

/* Adds to the list the paths of scopes that stand right in one that matches, or in none; returns how many. */
static int list_inner(const tl__draw *d, const char *outer, const char **path, char *list, size_t size)
{
	const char *found[MOST_NAMED];
	int n = 0;
	size_t used = 0;
	for (uint32_t f = 1; f < d->n_frames && n <= MOST_NAMED; f++) {
		uint32_t p = d->frames[f].parent;
		int k = 0;
		while (p && !d->frames[p].label)
			p = d->frames[p].parent;
		if (!d->frames[f].label || (outer ? !p || !tl_path_matches(outer, path[p]) : p != 0))
			continue;
		while (k < n && strcmp(found[k], path[f]))
			k++;
		if (k < n)
			continue;
		if (n < MOST_NAMED && used < size)
			used += (size_t)snprintf(list + used, size - used, "%s%.*s", n ? ", " : "",
				(int)strlen(path[f]) - 2, path[f]);
		else if (used < size)
			snprintf(list + used, size - used, ", ...");
		if (n < MOST_NAMED)
			found[n] = path[f];
		n++;
	}
	return n;
}

/* What there is in place of that: in the scope around it that exists. */
static tl_status refuse(tl__draw *d, const char *scope, const char **path, tl_error *err)
{
	char list[512] = "";
	char *outer = tl_arena_strdup(&d->arena, scope);
	int n = 0;
	while (outer && !n) {
		char *slash = strrchr(outer, '/');
		if (!slash)
			break;
		*slash = '\0';
		const char *pattern = tl__draw_print(d, "%s/x", outer);
		n = pattern ? list_inner(d, pattern, path, list, sizeof list) : 0;
	}
	if (!n)
		n = list_inner(d, NULL, path, list, sizeof list);
	return tl_error_set(err, TL_ERR_ARGUMENT, "draw: no scope that is drawn matches \"%s\"%s%s", scope,
		n ? "; there are " : "", list);
}

/* Pins what matches a pattern, and what it stands in. Paths end in "/x", because patterns are of variables. */
static tl_status pin(tl__draw *d, const char *scope, const char **path, tl_error *err)
{
	bool any = false;
	const char *pattern = tl__draw_print(d, "%s/x", scope);
	if (!pattern)
		return tl_error_memory(err);
	for (uint32_t f = 1; f < d->n_frames; f++) {
		if (!d->frames[f].label || !tl_path_matches(pattern, path[f]))
			continue;
		any = d->frames[f].matched = true;
		for (uint32_t p = f; p && !d->frames[p].pinned; p = d->frames[p].parent)
			d->frames[p].pinned = true;
	}
	return any ? TL_OK : refuse(d, scope, path, err);
}

/* Where a pattern is for a few members of a series, they are meant to be shown; for many, the steps say which. */
static void keep(tl__draw *d)
{
	for (uint32_t f = 1; f < d->n_frames; f++)
		d->frames[f].kept = d->frames[f].pinned;
	for (uint32_t k = 1; k < d->n_series; k++) {
		const tl__draw_series *s = &d->series[k];
		uint32_t pinned = 0;
		for (uint32_t i = 0; i < s->count; i++)
			pinned += d->frames[s->member[i]].pinned;
		for (uint32_t i = 0; i < s->count && pinned > FEW && !s->layers; i++)
			d->frames[s->member[i]].kept = false;
	}
}

tl_status tl__draw_pin(tl__draw *d, const char *patterns, tl_error *err)
{
	const char **path = tl__draw_zeroed(d, d->n_frames, sizeof *path);
	char *copy = tl_arena_strdup(&d->arena, patterns), *rest = NULL;
	if (!path || !copy)
		return tl_error_memory(err);
	for (uint32_t f = 1; f < d->n_frames; f++) {
		const char *scope = tl__draw_path(d, f, false);
		if (!scope || !(path[f] = tl__draw_print(d, "%s/x", scope)))
			return tl_error_memory(err);
	}
	tl_status status = TL_OK;
	for (char *p = strtok_r(copy, ",", &rest); p && !status; p = strtok_r(NULL, ",", &rest))
		status = pin(d, skip_blanks(p), path, err);
	keep(d);
	return status;
}
