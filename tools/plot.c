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

static void terminal(FILE *to, const char *type)
{
	if (!strcmp(type, "png"))
		fputs("set terminal pngcairo size 900,560 noenhanced font 'sans,11' background 'white'\n", to);
	else if (!strcmp(type, "pdf"))
		fputs("set terminal pdfcairo size 18cm,11cm noenhanced font 'sans,10' background 'white'\n", to);
	else
		fputs("set terminal svg size 900,560 noenhanced font 'sans,14' background 'white'\n", to);
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

static void data(FILE *to, const plot *p, int k)
{
	const plot_series *s = &p->series[k];
	fprintf(to, "$series%d << END\n", k);
	for (int64_t i = 0; i < s->n; i++) {
		double x = s->x ? s->x[i] : s->first + (double)i, y = s->y[i];
		bool gap = !isfinite(x) || !isfinite(y) || (p->log_x && x <= 0) || (p->log_y && y <= 0);
		if (gap)
			fputc('\n', to);
		else
			fprintf(to, "%.9g %.9g\n", x, y);
	}
	fputs("END\n", to);
}

static bool write_script(FILE *to, const plot *p, const char *type)
{
	terminal(to, type);
	quoted(to, "set title ", p->title, "\n");
	quoted(to, "set xlabel ", p->x, "\n");
	quoted(to, "set ylabel ", p->y, "\n");
	fputs("set grid\nset key outside right top\n", to);
	fprintf(to, "%s%s", p->log_x ? "set logscale x\nset format x '%g'\n" : "",
		p->log_y ? "set logscale y\nset format y '%g'\n" : "");
	for (int k = 0; k < p->n; k++)
		data(to, p, k);
	for (int k = 0; k < p->n; k++) {
		fprintf(to, "%s$series%d using 1:2 with lines linewidth 2%s", k ? ", \\\n\t" : "plot ", k,
			p->series[k].dashed ? " dashtype 2" : "");
		quoted(to, " title ", p->series[k].name, "");
	}
	fputc('\n', to);
	return !ferror(to);
}

tl_status plot_write(const char *path, const plot *p, tl_error *err)
{
	if (plot_check(path, err))
		return err->status;
	FILE *script = tmpfile();
	tl_status status = TL_OK;
	if (!script || !write_script(script, p, image_ending(path)))
		status = tl_error_set(err, TL_ERR_IO, "a temporary file: %s", strerror(errno));
	if (!status)
		status = image_write(path, script, is_text(path) ? NULL : &gnuplot, NULL, err);
	if (script)
		fclose(script);
	return status;
}
