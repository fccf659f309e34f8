/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shapes with the names of axes. A name is written where exactly one has the length; where none has it,
 * where exactly one multiple up to 4, sum or product of two does. Else the number stays: a wrong name would
 * be worse.
 */
#include "graph/draw_parts.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct tl__draw_axis {
	char name[16];
	int64_t length;
} tl__draw_axis;

static bool parse_axis(const char **at, tl__draw_axis *axis)
{
	size_t n = strcspn(*at, "= ,");
	if (n == 0 || n >= sizeof axis->name || (*at)[n] != '=')
		return false;
	memcpy(axis->name, *at, n);
	char *end;
	const char *digits = *at + n + 1;
	if (!isdigit((unsigned char)*digits))
		return false;
	axis->length = strtoll(digits, &end, 10);
	*at = end;
	return *end == '\0' || *end == ' ' || *end == ',';
}

tl_status tl__draw_parse_axes(tl__draw *d, const char *text, tl_error *err)
{
	size_t most = 1;
	for (const char *c = text; *c; c++)
		most += *c == '=';
	d->axes = tl__draw_zeroed(d, most, sizeof *d->axes);
	if (!d->axes)
		return tl_error_memory(err);
	for (const char *at = text + strspn(text, " ,"); *at; at += strspn(at, " ,"))
		if (!parse_axis(&at, &d->axes[d->n_axes++]))
			return tl_error_set(err, TL_ERR_ARGUMENT,
				"draw: the axes \"%s\" are no list of names and lengths like \"T=100 B=8\"", text);
	return TL_OK;
}

/* What is written for a length: candidates of one rank are offered, and none stays where there are several. */
typedef struct choice {
	char text[40];
	int found;
} choice;

__attribute__((format(printf, 2, 3))) static void offer(choice *c, const char *format, ...)
{
	char text[sizeof c->text];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (c->found && strcmp(c->text, text) == 0)
		return;
	c->found++;
	memcpy(c->text, text, sizeof text);
}

static void offer_compound(const tl__draw *d, int64_t length, choice *c)
{
	for (uint32_t i = 0; i < d->n_axes; i++) {
		const tl__draw_axis *a = &d->axes[i];
		for (int64_t k = 2; k <= 4; k++)
			if (length % k == 0 && length / k == a->length)
				offer(c, "%" PRId64 "%s", k, a->name);
		for (uint32_t j = i; j < d->n_axes; j++) {
			const tl__draw_axis *b = &d->axes[j];
			if (j > i && a->length > 1 && b->length > 1 && length - a->length == b->length)
				offer(c, "%s+%s", a->name, b->name);
			if (a->length > 1 && b->length > 1 && length % a->length == 0 &&
				length / a->length == b->length)
				offer(c, "%s*%s", a->name, b->name);
		}
	}
}

static const char *axis(const tl__draw *d, int64_t length, choice *c)
{
	*c = (choice){.found = 0};
	for (uint32_t i = 0; i < d->n_axes && length > 1; i++)
		if (d->axes[i].length == length)
			offer(c, "%s", d->axes[i].name);
	if (!c->found && length > 1)
		offer_compound(d, length, c);
	if (c->found != 1)
		snprintf(c->text, sizeof c->text, "%" PRId64, length);
	return c->text;
}

const char *tl__draw_shape(const tl__draw *d, tl_shape shape, char buf[TL__DRAW_SHAPE])
{
	size_t used = 0;
	choice c;
	if (shape.axes == 0) {
		snprintf(buf, TL__DRAW_SHAPE, "scalar");
		return buf;
	}
	for (int64_t k = 0; k < shape.axes && used < TL__DRAW_SHAPE - 44; k++)
		used += (size_t)snprintf(
			buf + used, TL__DRAW_SHAPE - used, "%s%s", k ? ", " : "(", axis(d, shape.dim[k], &c));
	snprintf(buf + used, TL__DRAW_SHAPE - used, ")");
	return buf;
}
