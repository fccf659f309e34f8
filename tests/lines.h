/* SPDX-License-Identifier: Apache-2.0 */
/* A fixture's lines, cut at separators. */
#ifndef TL_TESTS_LINES_H
#define TL_TESTS_LINES_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines of a file of TL_FIXTURES; the strings belong to `text`. */
typedef struct lines {
	char *text;
	char **v;
	int n;
} lines;

/* Cut in place; fields between separators, which may be empty. Returns how many. */
static inline int cut(char *s, char separator, char **field, int most)
{
	int n = 0;
	for (bool more = true; more; n++) {
		ck_assert_int_lt(n, most);
		field[n] = s;
		s += strcspn(s, (const char[]){separator, '\0'});
		more = *s != '\0';
		*s++ = '\0';
	}
	return n;
}

/* Words between spaces; none in an empty string. */
static inline int cut_words(char *s, char **word, int most)
{
	return *s ? cut(s, ' ', word, most) : 0;
}

static inline lines lines_read(const char *name)
{
	enum { MOST = 1000, SIZE = 1 << 20 };
	char path[1024];
	lines l = {malloc(SIZE), malloc(MOST * sizeof *l.v), 0};
	snprintf(path, sizeof path, "%s/%s", TL_FIXTURES, name);
	FILE *f = fopen(path, "r");
	ck_assert_msg(f && l.text && l.v, "%s cannot be read", path);
	size_t size = fread(l.text, 1, SIZE, f);
	ck_assert(size > 0 && size < SIZE && l.text[size - 1] == '\n');
	fclose(f);
	l.text[size - 1] = '\0';
	l.n = cut(l.text, '\n', l.v, MOST);
	return l;
}

static inline void lines_release(lines *l)
{
	free(l->text);
	free(l->v);
}

#endif
