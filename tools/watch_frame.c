/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/watch_frame.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tools/progress.h"
#include "tools/sparkline.h"

#define LABEL 15  /* columns before a curve */
#define FIGURE 34 /* and behind it */
#define MOST_SCORES 4
#define LINE 1024

training_fate training_find_fate(const training *t)
{
	if (!t->begin)
		return OLD;
	if (training_runs(t))
		return RUNS;
	if (!t->end)
		return GONE;
	return json_object_get(t->end, "why") ? FAILED : ENDED;
}

/* At most `width` code points of the text, which may hold anything, as one line. */
static void put_line(FILE *to, const char *text, int width)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		bool control = *at < ' ' || *at == 0x7F || (*at == 0xC2 && at[1] < 0xA0);
		if ((*at & 0xC0) != 0x80 && width-- <= 0)
			break;
		fputc(control ? '?' : *at, to);
		at += control && *at == 0xC2 && at[1];
	}
}

static void put_text(FILE *to, int width, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void put_text(FILE *to, int width, const char *format, ...)
{
	char text[LINE];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	put_line(to, text, width);
}

static int64_t whole(const json_t *line, const char *name)
{
	return json_integer_value(json_object_get(line, name));
}

/* The journal's newest entry, or NULL. */
static const json_t *newest(const training *t)
{
	size_t n = records_count(&t->entries);
	while (n > 0 && !json_object_get(records_at(&t->entries, n - 1), "part"))
		n--;
	return n ? records_at(&t->entries, n - 1) : NULL;
}

/* Seconds since the journal was written to. */
static double age(const training *t)
{
	struct stat s;
	double seconds = stat(t->journal, &s) ? 0 : difftime(time(NULL), s.st_mtime);
	return seconds > 0 ? seconds : 0;
}

static void fate_text(const training *t, training_fate fate, char text[LINE])
{
	const json_t *now = newest(t);
	double left = now ? record_real(now, NULL, "left") - age(t) : NAN;
	char duration[24];
	switch (fate) {
	case RUNS:
		if (isfinite(left))
			snprintf(text, LINE, "running, %s left", duration_text(left > 0 ? left : 0, duration));
		else
			snprintf(text, LINE, "running");
		break;
	case ENDED: snprintf(text, LINE, "ended: %.40s", json_string_value(json_object_get(t->end, "end"))); break;
	case FAILED: snprintf(text, LINE, "failed: %.800s", json_string_value(json_object_get(t->end, "why"))); break;
	case GONE: snprintf(text, LINE, "no process is at it; --resume goes on"); break;
	case OLD: snprintf(text, LINE, "whether it runs is not known"); break;
	}
}

static void head(FILE *to, const training *t, const frame_look *look)
{
	static const char *const colour[] = {"32", "0", "31", "33", "0"};
	char fate[LINE], line[2 * LINE], percent[16] = "", done[32], all[32];
	training_fate is = training_find_fate(t);
	size_t n = records_count(&t->epochs);
	const json_t *last = n ? records_at(&t->epochs, n - 1) : NULL, *now = is == RUNS ? newest(t) : NULL;
	int64_t epoch = whole(last, "epoch"), step = whole(last, "steps");
	if (now && whole(now, "step") >= step) {
		epoch = whole(now, "epoch");
		step = whole(now, "step");
		snprintf(percent, sizeof percent, " (%.0f%%)", floor(100 * record_real(now, NULL, "part")));
	}
	if (t->end && whole(t->end, "step") > step)
		step = whole(t->end, "step");
	fate_text(t, is, fate);
	if (t->begin)
		snprintf(line, sizeof line, "%.400s: %.40s, epoch %" PRId64 " of %" PRId64 "%s, update %s of %s; %s", t->name,
			json_string_value(json_object_get(t->begin, "begin")), epoch, whole(t->begin, "epochs"), percent,
			count_text(step, done), count_text(whole(t->begin, "updates"), all), fate);
	else
		snprintf(line, sizeof line, "%.400s: epoch %" PRId64 "; %s", t->name, epoch, fate);
	if (look->colours)
		fprintf(to, "\033[1;%sm", colour[is]);
	put_line(to, line, look->width);
	fputs(look->colours ? "\033[0m\n" : "\n", to);
}

/* A figure's curve, its newest value and the best one. */
typedef struct row {
	const char *label;
	const double *v;
	size_t n;
	const char *unit; /* NULL: a real number */
	bool least;       /* tell the least one, too */
} row;

static void put_row(FILE *to, const row *r, const frame_look *look, char *curve)
{
	int room = look->width - LABEL - FIGURE;
	double last = NAN, least = INFINITY;
	char value[64], count[32], best[48] = "";
	for (size_t k = 0; k < r->n; k++) {
		last = isnan(r->v[k]) ? last : r->v[k];
		least = fmin(least, r->v[k]);
	}
	if (isnan(last))
		return;
	int marks = sparkline(r->v, r->n, room, look->blocks, curve);
	if (r->unit && isfinite(last))
		snprintf(value, sizeof value, "%s %.20s/s", count_text((int64_t)last, count), r->unit);
	else
		snprintf(value, sizeof value, "%.4g", last);
	if (r->least && r->n > 1)
		snprintf(best, sizeof best, "  least %.4g", least);
	put_text(to, look->width < LABEL ? look->width : LABEL, "  %-*.*s", LABEL - 2, LABEL - 3, r->label);
	fprintf(to, "%s%*s", curve, marks < room ? room - marks : 0, "");
	put_text(to, look->width - LABEL - (room > 0 ? room : 0), "  %s%s", value, best);
	fputc('\n', to);
}

/* A figure in the journal or in the log, of which it has more. */
static void put_figure(FILE *to, const training *t, const char *label, const char *part, const char *name,
	const char *unit, bool least, const frame_look *look, double *room, char *curve)
{
	size_t n = records_count(&t->epochs), m = 0;
	double *y = room + n + records_count(&t->entries);
	if (!part || strcmp(part, "valid"))
		m = training_curve_within(t, BY_STEP, name, room, y);
	if (m <= n)
		training_curve(t, BY_STEP, part, name, room, y);
	put_row(to, &(row){label, y, m <= n ? n : m, unit, least}, look, curve);
}

bool watch_frame(FILE *to, const training *t, const frame_look *look)
{
	size_t n = records_count(&t->epochs), all = n + records_count(&t->entries);
	double *room = malloc((2 * all + 1) * sizeof *room);
	char *curve = malloc((size_t)(look->width > 0 ? look->width : 0) * SPARKLINE_BYTES + 1);
	if (!room || !curve) {
		free(room);
		free(curve);
		return false;
	}
	head(to, t, look);
	const json_t *valid = n ? json_object_get(records_at(&t->epochs, n - 1), "valid") : NULL;
	const char *name;
	json_t *value;
	int scores = 0;
	put_figure(to, t, "loss", "train", "loss", NULL, true, look, room, curve);
	put_figure(to, t, "validation", "valid", "loss", NULL, true, look, room, curve);
	json_object_foreach((json_t *)valid, name, value)
		if (strcmp(name, "loss") && scores++ < MOST_SCORES)
			put_figure(to, t, name, "valid", name, NULL, false, look, room, curve);
	put_figure(to, t, "gradient", NULL, "grad_norm", NULL, false, look, room, curve);
	put_figure(to, t, "rate", NULL, "lr", NULL, false, look, room, curve);
	put_figure(to, t, "speed", NULL, "tok_per_s", training_unit(t), false, look, room, curve);
	free(room);
	free(curve);
	return true;
}

static void put_score(FILE *to, const char *before, const json_t *score)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)score, name, value) {
		double x = record_real(score, NULL, name);
		put_text(to, 100, "%s%.40s %.*f", before, name, fabs(x) < 10 ? 4 : 2, x);
		before = "  ";
	}
}

void watch_epoch(FILE *to, const training *t, size_t k)
{
	const json_t *line = records_at(&t->epochs, k);
	double speed = record_real(line, NULL, "tok_per_s");
	char count[32];
	put_text(to, 500, "%.400s: epoch %" PRId64, t->name, whole(line, "epoch"));
	put_score(to, "  ", json_object_get(line, "train"));
	put_score(to, "  valid: ", json_object_get(line, "valid"));
	if (isfinite(speed))
		put_text(to, 100, "  %s %.40s/s", count_text((int64_t)speed, count), training_unit(t));
	fputc('\n', to);
}
