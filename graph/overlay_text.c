/* SPDX-License-Identifier: Apache-2.0 */
/* What an overlay says of a box: one number for all its variables, and the figures in words. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "graph/leaf.h"
#include "graph/overlay_data.h"

const char *tl__overlay_scale(tl_overlay_kind kind)
{
	static const char *const scales[TL_OVERLAYS] = {"number of elements",
		"the elements' mean magnitude", "norm of the loss's gradient", "seconds",
		"bytes", "alike: computed by one instruction of the plan"};
	return scales[kind];
}

/* Appends to a text that began empty; what does not fit is cut. */
__attribute__((format(printf, 3, 4))) static void put(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;
	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

#define TIP(mark, ...) put((mark)->tip, sizeof(mark)->tip, __VA_ARGS__)
#define LABEL(mark, ...) put((mark)->label, sizeof(mark)->label, __VA_ARGS__)

/* 1.24 ms */
static void put_scaled(char *text, size_t size, double x, double step, const char *const *units, int n)
{
	int k = 0;
	for (; k + 1 < n && x >= 999.5; k++)
		x /= step;
	put(text, size, "%.3g %s", x, units[k]);
}

static void put_seconds(char *text, size_t size, double seconds)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	put_scaled(text, size, 1e9 * seconds, 1000, units, 4);
}

static void put_bytes(char *text, size_t size, double bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	put_scaled(text, size, bytes, 1000, units, 5);
}

/* "tanh 'h' in layer=0/t=3", for tips of boxes with several variables. */
static void put_which(tl_draw_mark *mark, const tl_draw_box *box, size_t k)
{
	char path[96];
	const char *name = tl_var_name(box->nodes[k]);
	if (box->n == 1)
		return;
	TIP(mark, " at %s", tl_var_op(box->nodes[k])->name);
	if (name)
		TIP(mark, " '%s'", name);
	if (*tl_var_scope(box->nodes[k], path, sizeof path))
		TIP(mark, " in %s", path);
}

/* --- Values and gradients */

static bool broken(const tl_statistics *s)
{
	return s->nans || s->infinite;
}

/* NaN and infinity show through; else the logarithm, of 0 minus infinity. */
static double figure_of(const tl_statistics *s, double x)
{
	return s->nans ? (double)NAN : s->infinite ? (double)INFINITY : log10(x);
}

static void put_statistics(tl_draw_mark *mark, const char *what, const tl_statistics *s)
{
	TIP(mark, "%s: ", what);
	if (s->finite)
		TIP(mark, "%snorm %.4g, mean %.4g, mean magnitude %.4g, from %.4g to %.4g", broken(s) ? "where finite: " : "",
			s->norm, s->mean, s->magnitude, s->least, s->greatest);
	else
		TIP(mark, "nothing is finite");
	if (s->zeros)
		TIP(mark, "; %" PRId64 " of %" PRId64 " are 0", s->zeros, s->count);
	if (s->nans)
		TIP(mark, "; %" PRId64 " of %" PRId64 " are NaN", s->nans, s->count);
	if (s->infinite)
		TIP(mark, "; %" PRId64 " of %" PRId64 " are infinite", s->infinite, s->count);
	TIP(mark, "\n");
}

/* The number that counts: a value's magnitude, a gradient's norm. */
typedef struct shown {
	const char *what;
	bool norm;
	const tl_statistics *(*of)(const tl_overlay *o, tl_var v);
} shown;

static const tl_statistics *value_of(const tl_overlay *o, tl_var v)
{
	return tl_overlay_of(o, v).value;
}

static const tl_statistics *gradient_of(const tl_overlay *o, tl_var v)
{
	return tl_overlay_of(o, v).gradient;
}

static double number(const shown *by, const tl_statistics *s)
{
	return by->norm ? s->norm : s->magnitude;
}

/* NaN is worst, then infinity, then the greatest number. */
static bool is_worse(const shown *by, const tl_statistics *a, const tl_statistics *b)
{
	if (broken(a) != broken(b))
		return broken(a);
	if (broken(a))
		return a->nans && !b->nans;
	return number(by, a) > number(by, b);
}

static void put_label(tl_draw_mark *mark, const shown *by, const tl_statistics *s)
{
	if (s->nans)
		LABEL(mark, "NaN: %" PRId64 " of %" PRId64, s->nans, s->count);
	else if (s->infinite)
		LABEL(mark, "infinite: %" PRId64 " of %" PRId64, s->infinite, s->count);
	else
		LABEL(mark, "%s %.2e", by->what, number(by, s));
}

static void mark_statistics(const tl_overlay *o, const tl_draw_box *box, tl_draw_mark *mark, const shown *by)
{
	const tl_statistics *most = NULL, *least = NULL;
	size_t most_at = 0, least_at = 0;
	for (size_t k = 0; k < box->n; k++) {
		const tl_statistics *s = by->of(o, box->nodes[k]);
		if (!s || s->count == 0)
			continue;
		if (!most || is_worse(by, s, most)) {
			most = s;
			most_at = k;
		}
		if (!least || is_worse(by, least, s)) {
			least = s;
			least_at = k;
		}
	}
	if (!most)
		return;
	mark->paint = TL_DRAW_VALUE;
	mark->value = figure_of(most, number(by, most));
	put_label(mark, by, most);
	if (box->n > 1) {
		if (broken(most))
			TIP(mark, "not finite");
		else
			TIP(mark, "greatest %s: %.4g", by->what, number(by, most));
		put_which(mark, box, most_at);
		TIP(mark, "\n");
	}
	if (box->n > 1 && !broken(least)) {
		TIP(mark, "least: %.4g", number(by, least));
		put_which(mark, box, least_at);
		TIP(mark, "\n");
	}
	put_statistics(mark, box->n > 1 ? broken(most) ? "this one" : "the greatest one" : by->norm ? "gradient" : "value", most);
}

static void mark_value(const tl_overlay *o, const tl_draw_box *box, tl_draw_mark *mark)
{
	mark_statistics(o, box, mark, &(shown){"|x|", false, value_of});
}

static const tl_statistics *own_of(const tl_overlay *o, tl_var v)
{
	const tl_statistics *s = value_of(o, v);
	return s && o->has[v.index] & TL__IS_GRADIENT ? s : NULL;
}

/* What tl_grad recorded is a gradient itself, or on the way to one, or something that it needs besides. */
static void mark_gradient(const tl_overlay *o, const tl_draw_box *box, tl_draw_mark *mark)
{
	if (box->gradient) {
		mark_statistics(o, box, mark, &(shown){"norm", true, own_of});
		const tl_statistics *value = box->n == 1 ? value_of(o, box->nodes[0]) : NULL;
		if (mark->paint == TL_DRAW_PLAIN && value)
			put_statistics(mark, "no gradient, but read for one; value", value);
		return;
	}
	mark_statistics(o, box, mark, &(shown){"|dL/dy|", true, gradient_of});
	if (mark->paint == TL_DRAW_PLAIN)
		TIP(mark, "no gradient of the loss comes here\n");
	const tl_statistics *value = box->n == 1 ? value_of(o, box->nodes[0]) : NULL;
	if (value)
		put_statistics(mark, "value", value);
}

/* --- Plans */

static const tl_plan_instruction *instruction_of(const tl_overlay *o, tl_var v)
{
	uint32_t k = tl_plan_place_of(o->view, v)->instruction;
	return k ? &o->view->instructions[k - 1] : NULL;
}

static void put_role(const tl_overlay *o, tl_var v, tl_draw_mark *mark)
{
	static const char *const roles[] = {[TL_ROLE_NONE] = "not needed in this run", [TL_ROLE_LOOK] = "a look at its operand's memory",
		[TL_ROLE_IN_PLACE] = "its operands are computed where it lies", [TL_ROLE_TAKEN] = "part of the sum's product",
		[TL_ROLE_COMPUTED] = "computed"};
	const tl_plan_place *p = tl_plan_place_of(o->view, v);
	bool given = tl_var_op(v)->flags & TL_OP_LEAF;
	TIP(mark, "%s%s%s\n", given ? "given" : roles[p->role], p->internal ? "; lives in the program's registers" : "",
		p->inside ? "; lies in the memory of the value that reads it" : "");
}

static void put_instruction(const tl_overlay *o, uint32_t k, tl_draw_mark *mark)
{
	const tl_plan_instruction *in = &o->view->instructions[k - 1];
	char text[96];
	TIP(mark, "instruction %" PRIu32 ": %s", k, tl_plan_text(in, text, sizeof text));
	if (in->kind == TL_PROFILE_PRODUCT)
		TIP(mark, "; %" PRId64 " x %" PRId64 ", sums of %" PRId64, in->m, in->n, in->k);
	else
		TIP(mark, "; %" PRId64 " x %" PRId64 " elements", in->m, in->n);
	if (in->count > 1)
		TIP(mark, "; %" PRIu32 " variables", in->count);
	if (in->recurrence)
		TIP(mark, "; in recurrence %" PRIu32, in->recurrence);
	TIP(mark, "\n");
}

#define MOST_TOLD 6

/* The instruction that computes most of a box's variables; *others: how many more there are. */
static uint32_t main_instruction(const tl_overlay *o, const tl_draw_box *box, uint32_t *others)
{
	uint32_t most = 0, n = 0;
	for (size_t i = 0; i < box->n; i++) {
		uint32_t k = tl_plan_place_of(o->view, box->nodes[i])->instruction;
		n += k && !o->count[k];
		if (k && ++o->count[k] > o->count[most])
			most = k;
	}
	for (size_t i = 0; i < box->n; i++)
		o->count[tl_plan_place_of(o->view, box->nodes[i])->instruction] = 0;
	*others = n ? n - 1 : 0;
	return most;
}

static void put_plan(const tl_overlay *o, const tl_draw_box *box, tl_draw_mark *mark)
{
	uint32_t last = 0, told = 0;
	if (box->n == 1)
		put_role(o, box->nodes[0], mark);
	for (size_t i = 0; i < box->n && told < MOST_TOLD; i++) {
		uint32_t k = tl_plan_place_of(o->view, box->nodes[i])->instruction;
		if (!k || k == last)
			continue;
		put_instruction(o, k, mark);
		last = k;
		told++;
	}
}

static void mark_plan(const tl_overlay *o, const tl_draw_box *box, tl_draw_mark *mark)
{
	char text[64];
	uint32_t others, k = main_instruction(o, box, &others);
	if (k) {
		mark->paint = TL_DRAW_GROUP;
		mark->group = (int)k;
		LABEL(mark, "#%" PRIu32 " %s", k, tl_plan_text(&o->view->instructions[k - 1], text, sizeof text));
		if (others)
			LABEL(mark, "\nand %" PRIu32 " more", others);
	}
	put_plan(o, box, mark);
}

/* --- Sums */

static void mark_sum(tl_draw_mark *mark, double sum, bool there)
{
	mark->paint = there ? TL_DRAW_VALUE : TL_DRAW_PLAIN;
	mark->value = log10(sum);
}

static void mark_time(const tl_overlay *o, const tl_draw_box *box, tl_draw_mark *mark)
{
	double sum = 0;
	bool there = false;
	for (size_t k = 0; k < box->n; k++) {
		double seconds = tl_overlay_of(o, box->nodes[k]).seconds;
		there |= seconds > 0;
		sum += seconds > 0 ? seconds : 0;
	}
	mark_sum(mark, sum, there);
	if (there)
		put_seconds(mark->label, sizeof mark->label, sum);
	const tl_plan_instruction *in = box->n == 1 ? instruction_of(o, box->nodes[0]) : NULL;
	if (in && in->count > 1) {
		TIP(mark, there ? "a share of " : "its product has the time: ");
		put_seconds(mark->tip, sizeof mark->tip, in->seconds);
		TIP(mark, "\n");
	}
	put_plan(o, box, mark);
}

static void mark_bytes(const tl_overlay *o, const tl_draw_box *box, tl_draw_mark *mark)
{
	double sum = 0;
	bool there = false;
	for (size_t k = 0; k < box->n; k++) {
		double bytes = tl_overlay_of(o, box->nodes[k]).bytes;
		there |= bytes > 0;
		sum += bytes > 0 ? bytes : 0;
	}
	mark_sum(mark, sum, there);
	if (there)
		put_bytes(mark->label, sizeof mark->label, sum);
	TIP(mark, "%.0f bytes\n", sum);
	put_plan(o, box, mark);
}

static void mark_shape(const tl_overlay *o, const tl_draw_box *box, tl_draw_mark *mark)
{
	double sum = 0;
	(void)o;
	for (size_t k = 0; k < box->n; k++)
		sum += (double)tl_shape_size(tl_var_shape(box->nodes[k]));
	mark_sum(mark, sum, box->n > 0);
	LABEL(mark, "%.0f element%s", sum, sum == 1 ? "" : "s");
	if (box->n > 1)
		TIP(mark, "%.0f elements in %zu variables\n", sum, box->n);
}

/* Parameters and constants stand beside each use, but have one gradient, one time and one place for all of them. */
static bool repeated(const tl_overlay *o, const tl_draw_box *box)
{
	for (size_t k = 0; k < box->n; k++) {
		const tl_op *op = tl_var_op(box->nodes[k]);
		if (op != &tl_op_param && op != &tl_op_fill)
			return false;
	}
	return o->kind == TL_OVERLAY_GRAD || o->kind == TL_OVERLAY_TIME || o->kind == TL_OVERLAY_BYTES;
}

void tl__overlay_mark(void *context, const tl_draw_box *box, tl_draw_mark *mark)
{
	static void (*const marks[TL_OVERLAYS])(const tl_overlay *, const tl_draw_box *, tl_draw_mark *) = {
		mark_shape, mark_value, mark_gradient, mark_time, mark_bytes, mark_plan};
	const tl_overlay *o = context;
	marks[o->kind](o, box, mark);
	if (mark->paint == TL_DRAW_VALUE && repeated(o, box)) {
		mark->paint = TL_DRAW_PLAIN;
		TIP(mark, "in all, for every use\n");
	}
	size_t end = strlen(mark->tip);
	if (end && mark->tip[end - 1] == '\n')
		mark->tip[end - 1] = '\0';
}
