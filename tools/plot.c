/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/plot.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/image.h"

static const image_program gnuplot = {.name = "gnuplot", .package = "gnuplot-nox",
	.instead = "With the ending .gp what it would read is written"};

static bool is_text(const char *path)
{
	return !strcmp(image_ending(path), "gp");
}

tl_status plot_check(const char *path, tl_error *err)
{
	if (is_text(path) || image_is_picture(path))
		return TL_OK;
	return tl_error_set(err, TL_ERR_ARGUMENT, "-o %s: the ending must be .svg, .png, .pdf or .gp", path);
}

#define WIDTH 900 /* of one plot, in pixels of a screen */
#define HEIGHT 560
#define PANEL_WIDTH 520
#define PANEL_HEIGHT 270
#define NAME_HEIGHT 22 /* of a line in the legend */

static void terminal(FILE *to, const char *type, int width, int height)
{
	if (!strcmp(type, "png"))
		fprintf(to, "set terminal pngcairo size %d,%d noenhanced font 'sans,11' background 'white'\n", width, height);
	else if (!strcmp(type, "pdf"))
		fprintf(to, "set terminal pdfcairo size %gcm,%gcm noenhanced font 'sans,10' background 'white'\n", width / 50.0,
			height / 50.0);
	else
		fprintf(to, "set terminal svg size %d,%d noenhanced font 'sans,14' background 'white'\n", width, height);
}

/* Okabe and Ito's colours, without the yellow, which is too light for lines: they differ for every eye. */
static const char *const colours[] = {
	"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F"};
static const int marks[] = {6, 4, 8, 10, 12, 14, 1, 2};

#define COLOURS (int)(sizeof colours / sizeof *colours)

static void line_types(FILE *to)
{
	for (int k = 0; k < COLOURS; k++)
		fprintf(to, "set linetype %d linecolor rgb '%s'\n", k + 1, colours[k]);
	fprintf(to, "set linetype cycle %d\n", COLOURS);
}

/* A string of gnuplot's: in single quotes, of which one within is written twice; no line ends there. */
static void quoted(FILE *to, const char *before, const char *text, const char *after)
{
	fprintf(to, "%s'", before);
	for (; text && *text; text++)
		if (*text == '\'')
			fputs("''", to);
		else
			fputc((unsigned char)*text < ' ' ? ' ' : *text, to);
	fprintf(to, "'%s", after);
}

static double place(const plot_series *s, int64_t i)
{
	return s->x ? s->x[i] : s->first + (double)i;
}

/* Is point i on the paper, and not a gap? */
static bool shown(const plot *p, const plot_series *s, int64_t i)
{
	double x = place(s, i), y = s->y[i];
	return isfinite(x) && isfinite(y) && (!p->log_x || x > 0) && (!p->log_y || y > 0);
}

static void data(FILE *to, const plot *p, int panel, int k)
{
	const plot_series *s = &p->series[k];
	fprintf(to, "$panel%d_series%d << END\n", panel, k);
	for (int64_t i = 0; i < s->n; i++)
		if (shown(p, s, i))
			fprintf(to, "%.9g %.9g\n", place(s, i), s->y[i]);
		else
			fputc('\n', to);
	fputs("END\n", to);
}

typedef struct range {
	double low, high; /* low > high: nothing */
} range;

static void widen(range *r, double x)
{
	r->low = fmin(r->low, x);
	r->high = fmax(r->high, x);
}

/* Room for what is one point, about which gnuplot would complain. */
static range with_room(range r)
{
	double room = r.low == 0 ? 1 : 0.1 * fabs(r.low);
	return r.low == r.high ? (range){r.low - room, r.high + room} : r;
}

/* What of a panel is on the paper, of x or y. */
static range extent(const plot *p, bool of_y)
{
	range r = {INFINITY, -INFINITY};
	for (int k = 0; k < p->n; k++)
		for (int64_t i = 0; i < p->series[k].n; i++)
			if (shown(p, &p->series[k], i))
				widen(&r, of_y ? p->series[k].y[i] : place(&p->series[k], i));
	return r;
}

/* How a series looks: its colour's number k, dashes, marks at eight places of it. */
static void style(FILE *to, const plot_series *s, int k)
{
	int mark = (s->colour ? s->colour : k + 1) - 1;
	fprintf(to, "with %s linetype %d linewidth 2%s", s->points ? "linespoints" : "lines", mark % COLOURS + 1,
		s->dashed ? " dashtype 2" : "");
	if (s->points)
		fprintf(to, " pointtype %d pointsize 0.7 pointinterval %lld", marks[mark % COLOURS] + mark / COLOURS % 2,
			(long long)(s->n > 8 ? s->n / 8 : 1));
}

static void axes(FILE *to, const plot *p)
{
	quoted(to, "set title ", p->title, "\n");
	quoted(to, "set xlabel ", p->x, "\n");
	quoted(to, "set ylabel ", p->y, "\n");
	fprintf(to, "%s%s", p->log_x ? "set logscale x\nset format x '%g'\n" : "",
		p->log_y ? "set logscale y\nset format y '%g'\n" : "");
}

static void curves(FILE *to, const plot *p, int panel, bool titles)
{
	for (int k = 0; k < p->n; k++) {
		fprintf(to, "%s$panel%d_series%d using 1:2 ", k ? ", \\\n\t" : "plot ", panel, k);
		style(to, &p->series[k], k);
		quoted(to, " title ", titles ? p->series[k].name : "", "");
	}
	fputc('\n', to);
}

static bool write_script(FILE *to, const plot *p, const char *type)
{
	terminal(to, type, WIDTH, HEIGHT);
	line_types(to);
	fputs("set grid\nset key outside right top\n", to);
	axes(to, p);
	for (int k = 0; k < p->n; k++)
		data(to, p, 0, k);
	curves(to, p, 0, true);
	return !ferror(to);
}

/* Is all of a panel at whole numbers, as of epochs? */
static bool is_whole(const plot *p)
{
	for (int k = 0; k < p->n; k++)
		for (int64_t i = 0; i < p->series[k].n; i++)
			if (shown(p, &p->series[k], i) && place(&p->series[k], i) != floor(place(&p->series[k], i)))
				return false;
	return true;
}

static bool named_before(const plot *p, int panel, int k)
{
	for (int j = 0; j <= panel; j++)
		for (int i = 0; i < (j < panel ? p[j].n : k); i++)
			if (!strcmp(p[j].series[i].name, p[panel].series[k].name))
				return true;
	return false;
}

static int count_names(int n, const plot *p)
{
	int names = 0;
	for (int j = 0; j < n; j++)
		for (int k = 0; k < p[j].n; k++)
			names += !named_before(p, j, k);
	return names;
}

/* An empty panel with the names of all series, one below the other. */
static void legend(FILE *to, int n, const plot *p)
{
	fputs("unset title\nunset xlabel\nunset ylabel\nunset tics\nunset border\nunset grid\nunset logscale\n"
	      "set xrange [0:1]\nset yrange [0:1]\nset tmargin 1\nset bmargin 0\n", to);
	fprintf(to, "set key at graph 0, 1 left top Left reverse vertical maxrows %d\n", count_names(n, p));
	const char *before = "plot ";
	for (int j = 0; j < n; j++)
		for (int k = 0; k < p[j].n; k++) {
			plot_series s = p[j].series[k];
			if (named_before(p, j, k))
				continue;
			fputs(before, to);
			fputs("NaN ", to);
			s.n = 0;
			style(to, &s, k);
			quoted(to, " title ", s.name, "");
			before = ", \\\n\t";
		}
	fputc('\n', to);
}

static void print_range(FILE *to, const char *axis, range r)
{
	if (r.low <= r.high)
		fprintf(to, "set %srange [%.9g:%.9g]\n", axis, r.low, r.high);
}

/* Round numbers from end to end, about five. */
static void even_tics(FILE *to, range r)
{
	double least = (r.high - r.low) / 6, decade = pow(10, floor(log10(least))), times = least / decade;
	double step = decade * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
	const char *before = "set ytics (";
	for (double k = ceil(r.low / step - 1e-9); k <= r.high / step + 1e-9; k++) {
		fprintf(to, "%s%.9g", before, k * step);
		before = ", ";
	}
	fputs(")\n", to);
}

/* gnuplot would go on to the next powers of ten, and number only these. */
static void log_axis(FILE *to, range r)
{
	static const double many[] = {1, 1.5, 2, 3, 4, 5, 7, 0}, few[] = {1, 2, 5, 0};
	const double *tics = r.high / r.low < 5 ? many : few;
	double room = pow(r.high / r.low, 0.05);
	print_range(to, "y", (range){r.low / room, r.high * room});
	if (r.high / r.low > 100)
		return;
	if (r.high / r.low < 3) {
		even_tics(to, r);
		return;
	}
	const char *before = "set ytics (";
	for (double decade = pow(10, floor(log10(r.low / room))); decade < r.high * room; decade *= 10)
		for (int k = 0; tics[k] > 0; k++) {
			fprintf(to, "%s%g", before, tics[k] * decade);
			before = ", ";
		}
	fputs(")\n", to);
}

/* In pixels. The legend takes the place after the last panel, down to the end of the sheet. */
typedef struct sheet_size {
	int columns, title, legend, width, height;
} sheet_size;

static sheet_size size_of_sheet(const char *title, int columns, int n, const plot *p)
{
	int names = NAME_HEIGHT * (count_names(n, p) + 1);
	sheet_size s = {.columns = columns, .title = *title ? 40 : 0, .width = columns == 1 ? WIDTH : PANEL_WIDTH * columns};
	s.legend = n % columns && names < PANEL_HEIGHT ? PANEL_HEIGHT : names;
	s.height = s.title + n / columns * PANEL_HEIGHT + s.legend;
	return s;
}

static void set_place(FILE *to, const sheet_size *s, int k, int height)
{
	int top = s->title + k / s->columns * PANEL_HEIGHT;
	fprintf(to, "set size %.6g,%.6g\nset origin %.6g,%.6g\n", 1.0 / s->columns, (double)height / s->height,
		k % s->columns / (double)s->columns, (double)(s->height - top - height) / s->height);
}

static bool write_panels(FILE *to, const char *title, int columns, int n, const plot *p, const char *type)
{
	range all = {INFINITY, -INFINITY};
	sheet_size size = size_of_sheet(title, columns, n, p);
	bool whole = true;
	terminal(to, type, size.width, size.height);
	line_types(to);
	for (int j = 0; j < n; j++) {
		range x = extent(&p[j], false);
		for (int k = 0; k < p[j].n; k++)
			data(to, &p[j], j, k);
		if (x.low <= x.high) {
			widen(&all, x.low);
			widen(&all, x.high);
		}
		whole = whole && is_whole(&p[j]);
	}
	fputs("set multiplot", to);
	if (*title)
		quoted(to, " title ", title, "");
	fputs("\nset grid\nunset key\nset lmargin 11\nset rmargin 2\n", to);
	print_range(to, "x", with_room(all));
	if (whole && all.high - all.low < 6)
		fputs("set xtics 1\n", to);
	for (int j = 0; j < n; j++) {
		range y = extent(&p[j], true);
		fputs("unset logscale\nset format '%g'\nset autoscale y\nset ytics autofreq\n", to);
		set_place(to, &size, j, PANEL_HEIGHT);
		axes(to, &p[j]);
		if (y.low == y.high)
			print_range(to, "y", with_room(y));
		else if (p[j].log_y)
			log_axis(to, y);
		curves(to, &p[j], j, false);
	}
	set_place(to, &size, n, size.legend);
	legend(to, n, p);
	fputs("unset multiplot\n", to);
	return !ferror(to);
}

/* What gnuplot makes of a script, or the script. */
static tl_status finish(const char *path, FILE *script, bool fine, tl_error *err)
{
	if (!fine)
		tl_error_set(err, TL_ERR_IO, "a temporary file: %s", strerror(errno));
	else
		image_write(path, script, is_text(path) ? NULL : &gnuplot, NULL, err);
	if (script)
		fclose(script);
	return err->status;
}

tl_status plots_write(const char *path, const char *title, int columns, int n, const plot *p, tl_error *err)
{
	if (plot_check(path, err))
		return err->status;
	FILE *script = tmpfile();
	return finish(path, script, script && write_panels(script, title, columns, n, p, image_ending(path)), err);
}

tl_status plot_write(const char *path, const plot *p, tl_error *err)
{
	if (plot_check(path, err))
		return err->status;
	FILE *script = tmpfile();
	return finish(path, script, script && write_script(script, p, image_ending(path)), err);
}
