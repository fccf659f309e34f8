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
	colour_scale scale;
	bool shared;     /* some panel has no scale of its own: it is drawn below */
	char *body;      /* the panels */
	size_t size;
	double width, height; /* of them */
};

heatmap *heatmap_new(double low, double high)
{
	heatmap *h = calloc(1, sizeof *h);
	if (h)
		*h = (heatmap){.scale = {low, high}, .width = LEGEND + 10 * GAP};
	return h;
}

void heatmap_free(heatmap *h)
{
	if (h)
		free(h->body);
	free(h);
}

static void print_colour(FILE *to, const colour_scale *scale, double value)
{
	uint8_t rgb[3];
	colour_scale_rgb(scale, value, rgb);
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

/* The scale from left to right, with its ends. */
static void print_scale(FILE *to, const colour_scale *scale, double x, double y)
{
	double step = (scale->high - scale->low) / (LEGEND / 2);
	for (int k = 0; k < LEGEND / 2; k++) {
		fprintf(to, "<rect x=\"%g\" y=\"%g\" width=\"2\" height=\"%d\" fill=\"", x + 2 * k, y, GAP);
		print_colour(to, scale, scale->low + (k + 0.5) * step);
		fputs("\"/>\n", to);
	}
	fprintf(to, "<rect x=\"%g\" y=\"%g\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#888\"/>\n", x, y, LEGEND,
		GAP);
	fprintf(to, "<text x=\"%g\" y=\"%g\" text-anchor=\"end\">%g</text>\n", x - GAP / 2, y + GAP - 1, scale->low);
	fprintf(to, "<text x=\"%g\" y=\"%g\">%g</text>\n", x + LEGEND + GAP / 2, y + GAP - 1, scale->high);
}

/* A panel while it is drawn. */
typedef struct drawing {
	FILE *to;
	const heatmap_panel *p;
	colour_scale scale;
	double left, top, width, height; /* of the first cell */
} drawing;

static void print_cell(const drawing *d, int64_t i, int64_t j)
{
	const heatmap_panel *p = d->p;
	double value = (double)p->values[i * p->columns + j];
	fprintf(d->to, "<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"", d->left + (double)j * d->width,
		d->top + (double)i * d->height, d->width, d->height);
	if (isnan(value))
		fputs("url(#nan)", d->to);
	else
		print_colour(d->to, &d->scale, value);
	fputs("\"><title>", d->to);
	print_text(d->to, p->row_labels[i]);
	fputs(" / ", d->to);
	print_text(d->to, p->column_labels[j]);
	fprintf(d->to, ": %.3f</title></rect>\n", value);
}

/* Dashes on cells that are dark (or light), in one path each, where numbers are at least a twentieth below 0. */
static void print_dashes(const drawing *d, int dark)
{
	const heatmap_panel *p = d->p;
	fprintf(d->to, "<path pointer-events=\"none\" stroke=\"%s\" d=\"", dark ? "#fff" : "#333");
	for (int64_t i = 0; i < p->rows; i++)
		for (int64_t j = 0; j < p->columns; j++) {
			uint8_t rgb[3];
			double value = (double)p->values[i * p->columns + j];
			if (!(value <= d->scale.low / 20))
				continue;
			colour_scale_rgb(&d->scale, value, rgb);
			if (colour_is_dark(rgb) == dark)
				fprintf(d->to, "M%g %gh%g", d->left + ((double)j + 0.25) * d->width,
					d->top + ((double)i + 0.5) * d->height, d->width / 2);
		}
	fputs("\"/>\n", d->to);
}

static void print_columns(const drawing *d, bool across)
{
	for (int64_t j = 0; j < d->p->columns; j++) {
		double x = d->left + ((double)j + 0.5) * d->width, y = d->top - GAP / 2;
		if (across)
			fprintf(d->to, "<text x=\"%g\" y=\"%g\" text-anchor=\"middle\">", x, y);
		else
			fprintf(d->to, "<text transform=\"translate(%g %g) rotate(-90)\">", x + 4, y);
		print_text(d->to, d->p->column_labels[j]);
		fputs("</text>\n", d->to);
	}
}

/* Every how many rows have a label: 1, 2, 5, 10, 20, ... */
static int64_t label_every(double height)
{
	int64_t every = 1;
	for (int k = 0; (double)every * height < GAP; k++)
		every = k % 3 == 1 ? every / 2 * 5 : every * 2;
	return every;
}

static void print_rows(const drawing *d)
{
	int64_t every = label_every(d->height);
	for (int64_t i = 0; i < d->p->rows; i++) {
		double y = d->top + ((double)i + 0.5) * d->height + 4;
		if (i % every == 0) {
			fprintf(d->to, "<text x=\"%g\" y=\"%g\" text-anchor=\"end\">", d->left - GAP / 2, y);
			print_text(d->to, d->p->row_labels[i]);
			fputs("</text>\n", d->to);
		}
		for (int64_t j = 0; j < d->p->columns; j++)
			print_cell(d, i, j);
	}
	if (d->scale.low < 0)
		for (int dark = 0; dark < 2; dark++)
			print_dashes(d, dark);
}

static void print_panel(FILE *to, heatmap *h, const heatmap_panel *p)
{
	drawing d = {to, p, p->scale ? *p->scale : h->scale, GAP + widest(p->row_labels, p->rows) + GAP / 2,
		h->height + GAP, p->cell_width > 0 ? p->cell_width : CELL, p->cell_height > 0 ? p->cell_height : CELL};
	double title = p->title ? text_width(p->title) * 1.1 : 0, note = p->note ? text_width(p->note) : 0;
	if (p->title) {
		fprintf(to, "<text x=\"%d\" y=\"%g\" font-weight=\"bold\">", GAP, d.top + GAP);
		print_text(to, p->title);
		fputs("</text>\n", to);
		d.top += 2 * GAP;
	}
	bool own = p->scale && !p->hide_scale;
	if (own) {
		print_scale(to, p->scale, 4 * GAP, d.top);
		note += LEGEND + 8 * GAP;
	}
	if (p->note) {
		fprintf(to, "<text x=\"%d\" y=\"%g\" fill=\"#555\">", own ? LEGEND + 8 * GAP : GAP, d.top + GAP - 1);
		print_text(to, p->note);
		fputs("</text>\n", to);
	}
	if (own || p->note)
		d.top += 2 * GAP;
	double labels = widest(p->column_labels, p->columns);
	bool across = labels <= d.width + GLYPH / 2;
	d.top += (across ? GAP : labels) + GAP / 2;
	print_columns(&d, across);
	print_rows(&d);
	fprintf(to, "<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"none\" stroke=\"#888\"/>\n", d.left,
		d.top, (double)p->columns * d.width, (double)p->rows * d.height);
	h->width = fmax(h->width, fmax(d.left + (double)p->columns * d.width, GAP + fmax(title, note)) + GAP);
	h->height = d.top + (double)p->rows * d.height + GAP;
	h->shared = h->shared || !p->scale;
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

static void print_picture(FILE *to, const heatmap *h)
{
	double width = ceil(h->width), height = ceil(h->height + (h->shared ? 3 * GAP : 0));
	fprintf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%g\" viewBox=\"0 0 %g %g\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<defs><pattern id=\"nan\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">"
		"<path d=\"M0 4L4 0\" stroke=\"#b00\"/></pattern></defs>\n"
		"<rect width=\"%g\" height=\"%g\" fill=\"white\"/>\n", width, height, width, height, width, height);
	fwrite(h->body, 1, h->size, to);
	if (h->shared)
		print_scale(to, &h->scale, 4 * GAP, h->height + GAP);
	fputs("</svg>\n", to);
}

tl_status heatmap_check(const char *path, tl_error *err)
{
	if (image_is_picture(path))
		return TL_OK;
	return tl_error_set(err, TL_ERR_ARGUMENT, "%s: the ending must be .svg, .png or .pdf", path);
}

tl_status heatmap_write(const heatmap *h, const char *path, tl_error *err)
{
	static const image_program convert = {.name = "rsvg-convert", .package = "librsvg2-bin",
		.instead = "The ending .svg needs no program"};
	char format[32];
	bool svg = !strcmp(image_ending(path), "svg");
	if (heatmap_check(path, err))
		return err->status;
	FILE *to = tmpfile();
	if (!to)
		return tl_error_set(err, TL_ERR_IO, "a temporary file: %s", strerror(errno));
	snprintf(format, sizeof format, "--format=%.8s", image_ending(path));
	print_picture(to, h);
	tl_status status = image_write(path, to, svg ? NULL : &convert, format, err);
	fclose(to);
	return status;
}
