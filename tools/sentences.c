/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sentences.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

tl_status sentences_init(sentences *s, const char *path, tl_error *err)
{
	*s = (sentences){.path = path ? strdup(path) : NULL, .start = calloc(1, sizeof *s->start)};
	tl_arena_init(&s->bytes, 0);
	if (s->start && (s->path || !path))
		return TL_OK;
	sentences_release(s);
	return tl_error_memory(err);
}

void sentences_release(sentences *s)
{
	free(s->path);
	free(s->start);
	free(s->line);
	free(s->v);
	tl_arena_release(&s->bytes);
	words_line_release(&s->scratch);
	*s = (sentences){0};
}

void sentences_clear(sentences *s)
{
	s->n = 0;
	tl_arena_clear(&s->bytes);
}

/* Sentence n without tokens; it counts when it is closed. */
static tl_status open_sentence(sentences *s, int64_t number, tl_error *err)
{
	if (s->n == s->room) {
		int64_t room = 2 * s->room + 64;
		int64_t *start = realloc(s->start, (size_t)(room + 1) * sizeof *start);
		s->start = start ? start : s->start;
		int64_t *line = start ? realloc(s->line, (size_t)room * sizeof *line) : NULL;
		if (!line)
			return tl_error_memory(err);
		s->line = line;
		s->room = room;
	}
	s->line[s->n] = number;
	s->start[s->n + 1] = s->start[s->n];
	return TL_OK;
}

static tl_status push(sentences *s, token t, tl_error *err)
{
	int64_t *end = &s->start[s->n + 1];
	if (*end == s->room_tokens) {
		int64_t room = 2 * s->room_tokens + 1024;
		token *larger = realloc(s->v, (size_t)room * sizeof *larger);
		if (!larger)
			return tl_error_memory(err);
		s->v = larger;
		s->room_tokens = room;
	}
	s->v[(*end)++] = t;
	return TL_OK;
}

/* The sentences' own copy of some bytes. */
static tl_status keep(sentences *s, const char *bytes, size_t size, const char **copy, tl_error *err)
{
	char *to = tl_arena_alloc_small(&s->bytes, size + 1);
	if (!to)
		return tl_error_memory(err);
	if (size > 0)
		memcpy(to, bytes, size);
	*copy = to;
	return TL_OK;
}

tl_status sentences_add(sentences *s, token line, int64_t number, words_rule rule, tl_error *err)
{
	size_t size = line.length;
	const char *at = line.at;
	if (rule == WORDS_MARKS) {
		tl_status status = words_mark(&s->scratch, line, err);
		if (status)
			return status;
		at = s->scratch.bytes;
		size = s->scratch.size;
		rule = WORDS_SPACE;
	}
	if (open_sentence(s, number, err) || keep(s, at, size, &at, err))
		return TL_ERR_MEMORY;
	token next;
	for (const char *end = at + size; words_next(rule, &at, end, &next);)
		if (push(s, next, err))
			return TL_ERR_MEMORY;
	s->n++;
	return TL_OK;
}

tl_status sentences_add_tokens(sentences *s, const token *t, int64_t n, int64_t number, tl_error *err)
{
	if (open_sentence(s, number, err))
		return TL_ERR_MEMORY;
	for (int64_t i = 0; i < n; i++) {
		token own = t[i];
		if (keep(s, t[i].at, t[i].length, &own.at, err) || push(s, own, err))
			return TL_ERR_MEMORY;
	}
	s->n++;
	return TL_OK;
}

tl_status sentences_read(sentences *s, const char *path, words_rule rule, tl_error *err)
{
	lines l;
	*s = (sentences){0};
	tl_status status = lines_read(&l, path, err);
	if (status)
		return status;
	status = sentences_init(s, path, err);
	for (int64_t i = 0; i < l.n && !status; i++)
		status = sentences_add(s, l.v[i], i, rule, err);
	lines_release(&l);
	if (status)
		sentences_release(s);
	return status;
}

tl_status sentences_check_length(const sentences *s, int64_t limit, const char *option, tl_error *err)
{
	for (int64_t i = 0; i < s->n; i++)
		if (sentence_length(s, i) > limit)
			return line_error(err, s->path, s->line[i],
				"a sentence of %" PRId64 " tokens; %s allows %" PRId64, sentence_length(s, i),
				option, limit);
	return TL_OK;
}
