/* SPDX-License-Identifier: Apache-2.0 */
/* Symbols as they are read, and as they are shown. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "tools/probe.h"

/* A code point that can be seen in place of this one. */
static int32_t visible(int32_t point)
{
	switch (point) {
	case ' ': return 0x2423;
	case '\n': return 0x21B5;
	case '\t': return 0x21E5;
	case 0x7F: return 0x2421;
	default: break;
	}
	if (point < ' ')
		return 0x2400 + point;
	utf8proc_category_t category = utf8proc_category(point);
	bool seen = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_SO;
	return seen ? point : 0xFFFD;
}

char *probe_label(tl_arena *arena, token t)
{
	char *label = tl_arena_alloc_small(arena, 3 * (size_t)t.length + 1), *to = label;
	for (uint32_t i = 0; label && i < t.length;) {
		utf8proc_int32_t point;
		utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)t.at + i, t.length - i, &point);
		to += utf8proc_encode_char(n > 0 ? visible(point) : 0xFFFD, (utf8proc_uint8_t *)to);
		i += n > 0 ? (uint32_t)n : 1;
	}
	if (label)
		*to = '\0';
	return label;
}

void probe_reading_release(probe_reading *r)
{
	tl_arena_release(&r->read.arena);
	tl_arena_release(&r->written.arena);
	*r = (probe_reading){0};
}

tl_status probe_axis_make(
	probe_axis *a, const char *name, const token *t, const int32_t *id, int64_t n, tl_error *err)
{
	*a = (probe_axis){.name = name, .n = n};
	tl_arena_init(&a->arena, 1 << 16);
	size_t size = (size_t)n + 1;
	a->symbol = tl_arena_alloc(&a->arena, size * sizeof *a->symbol);
	a->label = tl_arena_alloc(&a->arena, size * sizeof *a->label);
	a->id = id ? tl_arena_alloc(&a->arena, size * sizeof *id) : NULL;
	bool fine = a->symbol && a->label && (a->id || !id);
	for (int64_t i = 0; i < n && fine; i++) {
		char *copy = tl_arena_alloc_small(&a->arena, t[i].length + (size_t)1);
		a->symbol[i] = (token){copy, t[i].length};
		a->label[i] = probe_label(&a->arena, t[i]);
		fine = copy && a->label[i];
		if (fine)
			memcpy(copy, t[i].at, t[i].length);
	}
	if (fine && id)
		memcpy(a->id, id, (size_t)n * sizeof *id);
	return fine ? TL_OK : tl_error_memory(err);
}

#define SHOWN 6 /* symbols that a sentence names */

static bool equal(token a, token b)
{
	return a.length == b.length && !memcmp(a.at, b.at, a.length);
}

/* Those that the vocabulary lacks, each once, as text: "'x', 'y' and 3 more"; returns how many there are. */
static int64_t list_missing(const vocab *v, const token *t, int64_t n, char *text, size_t size)
{
	token seen[SHOWN];
	int64_t missing = 0, shown = 0;
	size_t used = 0;
	vocab known = *v;
	known.has_unknown = false;
	text[0] = '\0';
	for (int64_t i = 0; i < n; i++) {
		bool again = vocab_find(&known, t[i]) >= 0;
		for (int64_t k = 0; k < shown && !again; k++)
			again = equal(seen[k], t[i]);
		for (int64_t k = 0; k < i && !again && shown == SHOWN; k++)
			again = equal(t[k], t[i]);
		if (again)
			continue;
		missing++;
		if (shown < SHOWN && used < size) {
			char one[TOKEN_SHOWN];
			used += (size_t)snprintf(text + used, size - used, "%s%s", shown ? ", " : "", token_shown(t[i], one));
			seen[shown++] = t[i];
		}
	}
	if (missing > shown && used < size)
		snprintf(text + used, size - used, " and %lld more", (long long)(missing - shown));
	return missing;
}

tl_status probe_encode(const vocab *v, const char *name, const token *t, int64_t n, int32_t *id, tl_error *err)
{
	char text[512];
	if (n == 0)
		return tl_error_set(err, TL_ERR_ARGUMENT, "%s: there is nothing to read", name);
	if (n > PROBE_MOST)
		return tl_error_set(err, TL_ERR_ARGUMENT, "%s: %lld symbols are too many to look at, the most are %d", name,
			(long long)n, PROBE_MOST);
	int64_t missing = list_missing(v, t, n, text, sizeof text);
	if (missing > 0 && !v->has_unknown)
		return tl_error_set(err, TL_ERR_INDEX, "%s: %s %s not in the model's vocabulary of %lld symbols", name, text,
			missing > 1 ? "are" : "is", (long long)v->n);
	if (missing > 0)
		fprintf(stderr, "%s: %s %s not in the model's vocabulary and read as %s\n", name, text,
			missing > 1 ? "are" : "is", UNKNOWN);
	return vocab_encode(v, name, t, n, id, err);
}
