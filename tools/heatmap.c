/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/heatmap.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "tools/image.h"

#define CELL 24 /* pixels */
#define GAP 12
#define GLYPH 7.2 /* of the 12 pixel font, a little more than most need */
#define LEGEND 200

struct heatmap {
	double low, high;
	char *body;      /* the panels */
	size_t size;
	double width, height; /* of them */
};

heatmap *heatmap_new(double low, double high)
{
	heatmap *h = calloc(1, sizeof *h);
	if (h)
		*h = (heatmap){.low = low, .high = high, .width = LEGEND + 10 * GAP};
	return h;
}

void heatmap_free(heatmap *h)
{
	if (h)
		free(h->body);
	free(h);
}

/* White to dark blue; lightness falls evenly (CIE L* 100, 82, 64, 46, 28, 14). */
static const uint8_t colours[][3] = {
	{255, 255, 255}, {185, 207, 232}, {119, 160, 211}, {60, 113, 178}, {23, 67, 124}, {6, 35, 74}};

#define STEPS ((int)(sizeof colours / sizeof *colours) - 1)

/* x from 0 to 1. */
static void print_colour(FILE *to, double x)
{
	double at = fmin(fmax(x, 0), 1) * STEPS;
	int k = at < STEPS ? (int)at : STEPS - 1;
	int rgb[3];
	for (int c = 0; c < 3; c++)
		rgb[c] = (int)lround(colours[k][c] + (at - k) * (colours[k + 1][c] - colours[k][c]));
	fprintf(to, "#%02x%02x%02x", rgb[0], rgb[1], rgb[2]);
}

/* Text for XML, which has no control characters. */
static void print_text(FILE *to, const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		switch (*at) {
		case '<': fputs("&lt;", to); break;
		case '>': fputs("&gt;", to); break;
		case '&': fputs("&amp;", to); break;
		case '"': fputs("&quot;", to); break;
		default:
			if (*at == 0xEF && at[1] == 0xBF && at[2] >= 0xBE) { /* U+FFFE and U+FFFF are no XML */
				fputs("\xEF\xBF\xBD", to);
				at += 2;
			} else if (*at < ' ' || *at == 0x7F) {
				fputs("\xEF\xBF\xBD", to);
			} else {
				putc(*at, to);
			}
		}
}

static double text_width(const char *text)
{
	int columns = 0;
	utf8proc_int32_t point;
	for (utf8proc_ssize_t n; *text; text += n) {
		n = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &point);
		columns += n > 0 ? utf8proc_charwidth(point) : 1;
		n = n > 0 ? n : 1;
	}
	return columns * GLYPH;
}

static double widest(const char *const *labels, int64_t n)
{
	double most = 0;
	for (int64_t i = 0; i < n; i++)
		most = fmax(most, text_width(labels[i]));
	return most;
}

static void print_cell(FILE *to, const heatmap *h, const heatmap_panel *p, int64_t i, int64_t j, double x, double y)
{
	double value = (double)p->values[i * p->columns + j];
	fprintf(to, "<rect x=\"%g\" y=\"%g\" width=\"%d\" height=\"%d\" fill=\"", x, y, CELL, CELL);
	if (isnan(value))
		fputs("url(#nan)", to);
	else
		print_colour(to, (value - h->low) / (h->high - h->low));
	fputs("\"><title>", to);
	print_text(to, p->row_labels[i]);
	fputs(" / ", to);
	print_text(to, p->column_labels[j]);
	fprintf(to, ": %.3f</title></rect>\n", value);
}

static void print_panel(FILE *to, heatmap *h, const heatmap_panel *p)
{
	double left = GAP + widest(p->row_labels, p->rows) + GAP / 2;
	double top = h->height + GAP, title = p->title ? text_width(p->title) : 0;
	if (p->title) {
		fprintf(to, "<text x=\"%d\" y=\"%g\" font-weight=\"bold\">", GAP, top + GAP);
		print_text(to, p->title);
		fputs("</text>\n", to);
		top += 2 * GAP;
	}
	top += widest(p->column_labels, p->columns) + GAP / 2;
	for (int64_t j = 0; j < p->columns; j++) {
		double x = left + ((double)j + 0.5) * CELL + 4, y = top - GAP / 2;
		fprintf(to, "<text transform=\"translate(%g %g) rotate(-90)\">", x, y);
		print_text(to, p->column_labels[j]);
		fputs("</text>\n", to);
	}
	for (int64_t i = 0; i < p->rows; i++) {
		double y = top + (double)i * CELL;
		fprintf(to, "<text x=\"%g\" y=\"%g\" text-anchor=\"end\">", left - GAP / 2, y + CELL / 2 + 4);
		print_text(to, p->row_labels[i]);
		fputs("</text>\n", to);
		for (int64_t j = 0; j < p->columns; j++)
			print_cell(to, h, p, i, j, left + (double)j * CELL, y);
	}
	fprintf(to, "<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"none\" stroke=\"#888\"/>\n", left, top,
		(double)p->columns * CELL, (double)p->rows * CELL);
	h->width = fmax(h->width, fmax(left + (double)p->columns * CELL, GAP + title * 1.1) + GAP);
	h->height = top + (double)p->rows * CELL + GAP;
}

tl_status heatmap_add(heatmap *h, const heatmap_panel *p, tl_error *err)
{
	char *more = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&more, &size);
	if (!to)
		return tl_error_memory(err);
	print_panel(to, h, p);
	bool failed = ferror(to);
	failed = fclose(to) || failed;
	char *body = failed ? NULL : realloc(h->body, h->size + size);
	if (body) {
		memcpy(body + h->size, more, size);
		h->body = body;
		h->size += size;
	}
	free(more);
	return body ? TL_OK : tl_error_memory(err);
}

/* The scale, below the panels. */
static void print_legend(FILE *to, const heatmap *h, double y)
{
	for (int k = 0; k < LEGEND / 2; k++) {
		fprintf(to, "<rect x=\"%d\" y=\"%g\" width=\"2\" height=\"%d\" fill=\"", 4 * GAP + 2 * k, y, GAP);
		print_colour(to, (k + 0.5) / (LEGEND / 2));
		fputs("\"/>\n", to);
	}
	fprintf(to, "<rect x=\"%d\" y=\"%g\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#888\"/>\n", 4 * GAP, y,
		LEGEND, GAP);
	fprintf(to, "<text x=\"%d\" y=\"%g\" text-anchor=\"end\">%g</text>\n", 4 * GAP - GAP / 2, y + GAP - 1, h->low);
	fprintf(to, "<text x=\"%d\" y=\"%g\">%g</text>\n", 4 * GAP + LEGEND + GAP / 2, y + GAP - 1, h->high);
}

static void print_picture(FILE *to, const heatmap *h)
{
	double width = ceil(h->width), height = ceil(h->height + 3 * GAP);
	fprintf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%g\" viewBox=\"0 0 %g %g\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<defs><pattern id=\"nan\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">"
		"<path d=\"M0 4L4 0\" stroke=\"#b00\"/></pattern></defs>\n"
		"<rect width=\"%g\" height=\"%g\" fill=\"white\"/>\n", width, height, width, height, width, height);
	fwrite(h->body, 1, h->size, to);
	print_legend(to, h, h->height + GAP);
	fputs("</svg>\n", to);
}

tl_status heatmap_write(const heatmap *h, const char *path, tl_error *err)
{
	FILE *to = tmpfile();
	if (!to)
		return tl_error_set(err, TL_ERR_IO, "a temporary file: %s", strerror(errno));
	print_picture(to, h);
	tl_status status = image_write(path, to, NULL, NULL, err);
	fclose(to);
	return status;
}
