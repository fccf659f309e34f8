/* SPDX-License-Identifier: Apache-2.0 */
/* Names as text: whatever stands in them, the drawing is well-formed, and shows what prints. */
#include "graph/draw_parts.h"

/* Bytes of the printable character at s; 0 where there is none: a control character, broken UTF-8. */
static int printable(const unsigned char *s)
{
	static const uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};
	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	int n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	uint32_t c = s[0] & 0x7fu >> n;
	for (int i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	bool surrogate = c >= 0xd800 && c <= 0xdfff, character = (c & 0xfffe) != 0xfffe;
	return c >= least[n] && c <= 0x10ffff && !surrogate && character ? n : 0;
}

typedef void put_fn(FILE *to, const unsigned char *s, int n);

static void each(FILE *to, const char *text, put_fn *put)
{
	const unsigned char *s = (const unsigned char *)text;
	for (int n; *s; s += n ? n : 1) {
		n = printable(s);
		put(to, n ? s : (const unsigned char *)(*s == '\n' ? "\n" : "?"), n ? n : 1);
	}
}

static void put_label(FILE *to, const unsigned char *s, int n)
{
	switch (*s) {
	case '&': fputs("&amp;", to); break;
	case '<': fputs("&lt;", to); break;
	case '>': fputs("&gt;", to); break;
	case '"': fputs("&quot;", to); break;
	case '\\': fputs("&#92;", to); break;
	case '\n': fputs("<br/>", to); break;
	default: fwrite(s, 1, (size_t)n, to);
	}
}

static void put_quoted(FILE *to, const unsigned char *s, int n)
{
	switch (*s) {
	case '"': fputs("\\\"", to); break;
	case '\\': fputs("\\\\", to); break;
	case '\n': fputs("\\n", to); break;
	default: fwrite(s, 1, (size_t)n, to);
	}
}

#define HEAD 40 /* characters that stay of a long name */
#define TAIL 20

static const char *skip(const char *s, int n)
{
	for (int k = 0; k < n && *s; k++) {
		int bytes = printable((const unsigned char *)s);
		s += bytes ? bytes : 1;
	}
	return s;
}

const char *tl__draw_brief(const char *name, char text[TL__DRAW_BRIEF])
{
	const char *head = skip(name, HEAD), *tail = head, *end = skip(head, TAIL + 3);
	if (!*end)
		return name;
	while (*end) {
		end = skip(end, 1);
		tail = skip(tail, 1);
	}
	snprintf(text, TL__DRAW_BRIEF, "%.*s...%s", (int)(head - name), name, skip(tail, 3));
	return text;
}

/* An HTML-like label may not be empty. */
void tl__draw_text(FILE *to, const char *s)
{
	each(to, *s ? s : "?", put_label);
}

void tl__draw_quoted(FILE *to, const char *s)
{
	fputc('"', to);
	each(to, s, put_quoted);
	fputc('"', to);
}
