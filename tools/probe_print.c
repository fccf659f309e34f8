/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes in a terminal, as tables. A cell is a digit, in tenths of the scale's end, with a sign where it is negative:
 *
 *	     T h e _
 *	   0 7 8-9 2
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include "tools/probe.h"

#define FIRST 16     /* units that are shown where nothing else is said */
#define LONGEST 16   /* columns of a label; longer ones are cut */
#define USUAL 100    /* columns, where there is no terminal */

static int64_t terminal_columns(FILE *to)
{
	struct winsize size;
	bool known = isatty(fileno(to)) && !ioctl(fileno(to), TIOCGWINSZ, &size) && size.ws_col > 20;
	return known ? size.ws_col : USUAL;
}

/* The code point at *at, which moves behind it; 0 at the end. */
static int32_t next_point(const char **at)
{
	utf8proc_int32_t point = 0;
	utf8proc_ssize_t n = **at ? utf8proc_iterate((const utf8proc_uint8_t *)*at, -1, &point) : 0;
	*at += n > 0 ? n : **at ? 1 : 0;
	return n < 0 ? 0xFFFD : point;
}

static int64_t length_of(const char *label)
{
	int64_t n = 0;
	while (next_point(&label))
		n++;
	return n;
}

static int64_t width_of(const char *label)
{
	int64_t n = 0;
	for (int32_t point; (point = next_point(&label));)
		n += utf8proc_charwidth(point);
	return n;
}

static int64_t longest(const char *const *labels, int64_t n, int64_t (*measure)(const char *label))
{
	int64_t most = 0;
	for (int64_t i = 0; i < n; i++) {
		int64_t length = measure(labels[i]);
		most = length > most ? length : most;
	}
	return most < LONGEST ? most : LONGEST;
}

static void print_point(FILE *to, int32_t point)
{
	utf8proc_uint8_t bytes[4];
	fwrite(bytes, 1, (size_t)utf8proc_encode_char(point, bytes), to);
}

/* To the right, in `width` columns. */
static void print_label(FILE *to, const char *label, int64_t width)
{
	int64_t used = width_of(label);
	fprintf(to, "%*s", (int)(width > used ? width - used : 0), "");
	used = 0;
	for (const char *at = label; *at;) {
		int32_t point = next_point(&at);
		used += utf8proc_charwidth(point);
		if (used > width)
			break;
		print_point(to, point);
	}
}

/* Columns' labels stand upright, their last characters in the last line. */
static void print_header(FILE *to, const probe_matrix *m, int64_t first, int64_t end, int64_t margin)
{
	int64_t lines = longest(m->column_labels + first, end - first, length_of);
	for (int64_t line = 0; line < lines; line++) {
		fprintf(to, "%*s", (int)margin, "");
		for (int64_t j = first; j < end; j++) {
			const char *at = m->column_labels[j];
			int64_t skip = lines - length_of(at), point = ' ';
			for (int64_t k = skip; k <= line; k++)
				point = next_point(&at);
			if (skip > line)
				point = ' ';
			fputs(utf8proc_charwidth((int32_t)point) > 1 ? "" : " ", to);
			print_point(to, (int32_t)point);
		}
		putc('\n', to);
	}
}

static void print_cell(FILE *to, const colour_scale *scale, double value, bool colour)
{
	uint8_t rgb[3];
	double end = fmax(fabs(scale->low), fabs(scale->high)), tenths = floor(10 * fabs(value) / end);
	if (colour && !isnan(value)) {
		colour_scale_rgb(scale, value, rgb);
		fprintf(to, "\033[%d;48;2;%d;%d;%dm", colour_is_dark(rgb) ? 97 : 30, rgb[0], rgb[1], rgb[2]);
	}
	if (isnan(value))
		fputs(" ?", to);
	else
		fprintf(to, "%c%d", value < 0 ? '-' : ' ', (int)fmin(tenths, 9));
	if (colour && !isnan(value))
		fputs("\033[0m", to);
}

static void print_matrix(FILE *to, const probe_node *node, const probe_matrix *m, const probe_style *style)
{
	int64_t margin = longest(m->row_labels, m->rows, width_of) + 1;
	int64_t fit = style->wrap ? style->wrap : (terminal_columns(to) - margin) / 2;
	for (int64_t first = 0; first < m->columns; first += fit) {
		int64_t end = first + fit < m->columns ? first + fit : m->columns;
		print_header(to, m, first, end, margin);
		for (int64_t i = 0; i < m->rows; i++) {
			print_label(to, m->row_labels[i], margin - 1);
			putc(' ', to);
			for (int64_t j = first; j < end; j++)
				print_cell(to, &node->scale, (double)m->values[i * m->columns + j], style->colour);
			putc('\n', to);
		}
		putc('\n', to);
	}
}

static tl_status print_node(FILE *to, const probe_node *node, const probe_style *style, tl_error *err)
{
	probe_units units;
	char title[PROBE_TITLE], note[PROBE_NOTE];
	bool upright = longest((const char *const *)node->axis->label, node->axis->n, length_of) > 1;
	tl_status status = probe_units_choose(node, style->units, style->top, FIRST, &units, err);
	for (int64_t head = 0; head < node->heads && !status; head++) {
		probe_matrix m;
		status = probe_matrix_make(node, &units, head, 0, node->axis->n, upright, &m, err);
		if (!status) {
			fprintf(to, "%s\n%s; digits are tenths of %g\n\n", probe_title(node, head, title),
				probe_note(node, &units, note), fmax(fabs(node->scale.low), fabs(node->scale.high)));
			print_matrix(to, node, &m, style);
		}
		probe_matrix_release(&m);
	}
	free(units.v);
	return status;
}

tl_status probe_print(FILE *to, const probe_nodes *nodes, const probe_style *style, tl_error *err)
{
	for (int k = 0; k < nodes->n; k++)
		if (print_node(to, &nodes->v[k], style, err))
			return err->status;
	return ferror(to) ? tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno)) : TL_OK;
}
