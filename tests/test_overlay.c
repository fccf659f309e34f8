/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What overlays measure, against closed forms and against values and gradients that are asked for one by one; what
 * they say of boxes; and that the tape stays as it is.
 */
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "graph/leaf.h"
#include "graph/overlay.h"
#include "graph/plan_figures.h"
#include "tests/plans.h"
#include "tests/views.h"

static const double near = sizeof(tl_real) == sizeof(double) ? 1e-9 : 1e-4;

static tl_overlay *overlay(tl_overlay_kind kind, int n, const tl_var *outputs)
{
	tl_error err = {0};
	tl_overlay *o = tl_overlay_new(kind, n, outputs, NULL, &err);
	ck_assert_msg(o != NULL, "%s", err.text);
	return o;
}

static tl_draw_mark mark_of(const tl_overlay *o, size_t n, const tl_var *nodes)
{
	tl_draw_mark mark = {0};
	const tl_draw_overlay *d = tl_overlay_drawn(o);
	d->mark(d->context, &(tl_draw_box){.nodes = nodes, .n = n, .path = "", .folded = n > 1}, &mark);
	return mark;
}

static void same(double got, double want)
{
	ck_assert_msg(fabs(got - want) <= near * fabs(want), "%.12g, not %.12g", got, want);
}

/* --- Gradients */

enum { T = 30 };

/* h_t = a h_t-1 + x_t, L = h_T: dL/dh_t = a^(T - t), so the logarithm falls by -log10 a with each step back. */
START_TEST(fading)
{
	static const double factors[] = {0.5, 0.9, 1, 1.25, -0.7};
	double a = factors[_i];
	tl_tape *tape = planned_tape(1, "all");
	tl_var h = tl_fill(tape, TL_SHAPE(1, 1), 0.3), all[T], x[T];
	for (int t = 0; t < T; t++) {
		x[t] = tl_fill(tape, TL_SHAPE(1, 1), 0.1);
		all[t] = h = tl_add(tl_scale(h, a), x[t]);
	}
	tl_overlay *o = overlay(TL_OVERLAY_GRAD, 1, &h);
	for (int t = 0; t < T; t++) {
		tl_overlay_figures f = tl_overlay_of(o, all[t]);
		double want = pow(fabs(a), T - 1 - t);
		same(f.gradient->norm, want);
		same(f.gradient->mean, pow(a, T - 1 - t));
		same(tl_overlay_of(o, x[t]).gradient->norm, want);
		tl_draw_mark m = mark_of(o, 1, &all[t]);
		ck_assert_int_eq(m.paint, TL_DRAW_VALUE);
		ck_assert_double_le(fabs(m.value - log10(want)), 1e-4 * (1 + fabs(log10(want))));
		ck_assert(strstr(m.label, "|dL/dy| ") != NULL);
		ck_assert(f.seconds < 0 && f.bytes < 0 && !tl_overlay_plan(o));
	}
	tl_overlay_free(o);
	tl_tape_free(tape);
}
END_TEST

/* By far too small for a number: 0, which is off the scale. */
START_TEST(faded)
{
	tl_tape *tape = planned_tape(1, "all");
	tl_var h = tl_scale(tl_fill(tape, TL_SHAPE(2, 2), 1), 1), first = h;
	for (int t = 0; t < 40; t++)
		h = tl_scale(h, 1e-10);
	tl_var loss = tl_sum_all(h);
	tl_overlay *o = overlay(TL_OVERLAY_GRAD, 1, &loss);
	tl_draw_mark m = mark_of(o, 1, &first);
	ck_assert(m.paint == TL_DRAW_VALUE && isinf(m.value) && m.value < 0);
	ck_assert(strstr(m.tip, "4 of 4 are 0") != NULL);
	m = mark_of(o, 1, &loss);
	ck_assert(fabs(m.value) < 1e-6);
	tl_var constant = tl_var_operand(first, 0); /* is drawn at each use: not by what all of them get */
	m = mark_of(o, 1, &constant);
	ck_assert(m.paint == TL_DRAW_PLAIN && strstr(m.label, "|dL/dy| 0") && strstr(m.tip, "every use"));
	tl_overlay_free(o);
	tl_tape_free(tape);
}
END_TEST

/* Every variable of a recording with a gradient of the loss that was asked for alone, on another tape. */
typedef tl_var (*recording)(tl_tape *tape, const layers *l);

static tl_var gated(tl_tape *tape, const layers *l)
{
	return loss_of(layers_run(l, tape));
}

static tl_var dropped(tl_tape *tape, const layers *l)
{
	tl_var y = tl_dropout(layers_run(l, tape).output, 0.4);
	return mean_square(tl_mul(y, y), 0.2);
}

static tl_var checkpointed(tl_tape *tape, const layers *l)
{
	tl_var h = tl_use(tape, l->s[0]), x = tl_use(tape, l->x), w = tl_select(x, 0, 0);
	h = tl_select(h, 0, 0);
	for (int k = 0; k < 3; k++) {
		tl_checkpoint_begin(tape);
		for (int t = 0; t < 4; t++)
			h = tl_tanh(tl_add(tl_mul(h, tl_slice(w, 1, 0, 5, 1)), h));
		tl_checkpoint_end(tape, 1, (tl_var *[]){&h});
	}
	return tl_mean_all(h);
}

/* A gradient of a gradient: |dL/dx|^2 of a GRU. */
static tl_var twice(tl_tape *tape, const layers *l)
{
	tl_var x = tl_use(tape, l->x), d;
	tl_var loss = mean_square(tl_rnn_run(l->rnn, x, layers_start(l, tape), true).output, 0.6);
	tl_grad(loss, 1, &x, &d);
	return tl_sum_all(tl_square(d));
}

static const recording recordings[] = {gated, dropped, checkpointed, twice};

START_TEST(each_gradient)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_gru, .input = 7, .hidden = 5}, 4, 3);
	tl_tape *tape = planned_tape(1, "all"), *plain = plain_tape();
	tl_tape_set_step(tape, 7);
	tl_var loss = recordings[_i](tape, &l);
	tl_overlay *o = overlay(TL_OVERLAY_GRAD, 1, &loss);
	int compared = 0;
	for (uint32_t i = 1; i <= loss.index; i++) {
		tl_var v = {tape, i, loss.generation};
		tl_overlay_figures f = tl_overlay_of(o, v);
		if (tl_var_dtype(v) != TL_REAL || !f.gradient)
			continue;
		tl_tape_reset(plain);
		tl_tape_set_step(plain, 7);
		tl_var again = recordings[_i](plain, &l), one = {plain, i, again.generation}, d;
		ck_assert_uint_eq(again.index, loss.index);
		ck_assert_msg(tl_grad(again, 1, &one, &d) == TL_OK, "%s", tl_tape_error(plain)->text);
		const tl_tensor *value = tl_value(d);
		ck_assert_msg(value != NULL, "%s", tl_tape_error(plain)->text);
		tl_statistics want = tl_statistics_of(value);
		ck_assert_msg(fabs(f.gradient->norm - want.norm) <= near * (want.norm + 1e-3), "variable %u, %s: %g, not %g", i,
			tl_var_op(v)->name, f.gradient->norm, want.norm);
		ck_assert_int_eq(f.gradient->count, want.count);
		compared++;
	}
	ck_assert_int_ge(compared, 10);
	for (int k = 0; k < tl_store_count(l.store) && _i != 2; k++)
		ck_assert_ptr_nonnull(tl_overlay_of(o, tl_use(tape, tl_store_at(l.store, k))).gradient);
	tl_overlay_free(o);
	tl_tape_free(tape);
	tl_tape_free(plain);
	layers_free(&l);
}
END_TEST

/* What tl_grad recorded is drawn by its own norm. */
START_TEST(adjoints)
{
	tl_tape *tape = planned_tape(1, "all");
	tl_real numbers[] = {3, 4};
	tl_var x = tl_input(tape, TL_SHAPE(2), numbers), loss = tl_sum_all(tl_square(x)), d;
	tl_grad(loss, 1, &x, &d); /* 2 x: norm 10 */
	tl_error err = {0};
	tl_overlay *o = tl_overlay_new(TL_OVERLAY_GRAD, 1, &d, &(tl_overlay_options){.loss = loss}, &err);
	ck_assert_msg(o != NULL, "%s", err.text);
	tl_draw_mark mark = {0};
	const tl_draw_overlay *drawn = tl_overlay_drawn(o);
	drawn->mark(drawn->context, &(tl_draw_box){.nodes = &d, .n = 1, .path = "", .gradient = 1}, &mark);
	ck_assert_int_eq(mark.paint, TL_DRAW_VALUE);
	ck_assert_double_le(fabs(mark.value - 1), 1e-6);
	ck_assert_str_eq(mark.label, "norm 1.00e+01");
	same(tl_overlay_of(o, x).gradient->norm, 10);
	tl_overlay_free(o);
	tl_tape_free(tape);
}
END_TEST

/*
 * y = tanh(x W): on the way to dL/dx stand dL/dy, then what passes through tanh, then dx itself; W', which it is
 * multiplied by, is no gradient. So along a loop boxes fade though the weights do not.
 */
START_TEST(adjoints_only)
{
	tl_tape *tape = planned_tape(1, "all");
	tl_real numbers[] = {3, 4, 5, 6};
	tl_var x = tl_input(tape, TL_SHAPE(1, 2), numbers), w = tl_input(tape, TL_SHAPE(2, 2), numbers), d;
	tl_var y = tl_tanh(tl_matmul(x, w)), up = tl_input(tape, TL_SHAPE(1, 2), numbers);
	ck_assert_int_eq(_i ? tl_grad_from(y, up, 1, &x, &d) : tl_grad(tl_sum_all(y), 1, &x, &d), TL_OK);
	tl_error err = {0};
	tl_var loss = tl_sum_all(y);
	tl_overlay *o = tl_overlay_new(TL_OVERLAY_GRAD, 1, &d, &(tl_overlay_options){.loss = loss}, &err);
	ck_assert_msg(o != NULL, "%s", err.text);
	const tl_draw_overlay *drawn = tl_overlay_drawn(o);
	int gradients = 0, others = 0;
	for (tl_var v = {tape, y.index + 1, y.generation}; v.index <= d.index; v.index++) {
		tl_draw_mark mark = {0};
		bool turned = tl_var_operands(v) == 1 && tl_var_operand(v, 0).index == w.index;
		if (!tl_overlay_of(o, v).value || tl_var_operands(v) == 0 || v.index == loss.index ||
			tl_var_operand(v, 0).index == y.index)
			continue;
		drawn->mark(drawn->context, &(tl_draw_box){.nodes = &v, .n = 1, .path = "", .gradient = 1}, &mark);
		ck_assert_msg(mark.paint == (turned ? TL_DRAW_PLAIN : TL_DRAW_VALUE), "%s", tl_var_op(v)->name);
		*(turned ? &others : &gradients) += 1;
	}
	ck_assert_int_eq(others, 1);
	ck_assert_int_ge(gradients, 2);
	tl_overlay_free(o);
	tl_tape_free(tape);
}
END_TEST

static void half(const void *params, int64_t n, tl_real *out, const tl_real *const *in)
{
	(void)params;
	for (int64_t i = 0; i < n; i++)
		out[i] = in[0][i] / 2;
}

static const tl_op op_half = {.name = "half", .arity = 1, .map = half, .no_gradient = "it is a test"};

/* What only an op without a gradient reads has none; all else has: the overlay does not fail for it. */
START_TEST(no_gradient)
{
	tl_tape *tape = planned_tape(1, "all");
	tl_var x = tl_fill(tape, TL_SHAPE(4), 2), e = tl_exp(x), y = tl_apply(NULL, &op_half, 1, &e, NULL, 0);
	tl_var w = tl_fill(tape, TL_SHAPE(4), 3), loss = tl_sum_all(tl_mul(y, w));
	tl_overlay *o = overlay(TL_OVERLAY_GRAD, 1, &loss);
	same(tl_overlay_of(o, y).gradient->norm, 6);
	same(tl_overlay_of(o, w).gradient->norm, exp(2.0));
	ck_assert_ptr_null(tl_overlay_of(o, e).gradient);
	ck_assert_ptr_null(tl_overlay_of(o, x).gradient);
	same(tl_overlay_of(o, e).value->mean, exp(2.0));
	tl_draw_mark m = mark_of(o, 1, &e);
	ck_assert_int_eq(m.paint, TL_DRAW_PLAIN);
	ck_assert(strstr(m.tip, "no gradient of the loss comes here") != NULL);
	ck_assert_int_eq(tl_tape_status(tape), TL_OK);
	tl_overlay_free(o);
	tl_tape_free(tape);
}
END_TEST

/* --- Values */

START_TEST(each_value)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = 7, .hidden = 5, .layers = 2}, 6, 3);
	tl_tape *tape = plain_tape();
	tl_tape_set_step(tape, 7);
	tl_var loss = dropped(tape, &l);
	tl_overlay *o = overlay(TL_OVERLAY_VALUE, 1, &loss);
	int compared = 0;
	for (uint32_t i = 1; i <= loss.index; i++) {
		tl_var v = {tape, i, loss.generation};
		const tl_statistics *s = tl_overlay_of(o, v).value;
		if (!s) /* the last states, which the loss does not need */
			continue;
		tl_statistics want = tl_statistics_of(tl_value(v));
		ck_assert(!memcmp(s, &want, sizeof want));
		ck_assert_ptr_null(tl_overlay_of(o, v).gradient);
		compared++;
	}
	ck_assert_int_ge(compared, 200);
	tl_overlay_free(o);
	tl_tape_free(tape);
	layers_free(&l);
}
END_TEST

START_TEST(what_is_no_number)
{
	tl_tape *tape = planned_tape(1, "all");
	tl_real numbers[] = {1, 0, -1, 4};
	tl_var x = tl_input(tape, TL_SHAPE(4), numbers), y = tl_log(x), z = tl_sum_all(y), both[] = {x, y};
	tl_overlay *o = overlay(TL_OVERLAY_VALUE, 1, &z);
	tl_draw_mark m = mark_of(o, 1, &y);
	ck_assert(m.paint == TL_DRAW_VALUE && isnan(m.value));
	ck_assert_str_eq(m.label, "NaN: 1 of 4");
	ck_assert(strstr(m.tip, "1 of 4 are NaN; 1 of 4 are infinite") && strstr(m.tip, "from 0 to 1.386"));
	m = mark_of(o, 1, &x);
	same(m.value, log10(1.5));
	ck_assert(strstr(m.tip, "1 of 4 are 0") != NULL);
	m = mark_of(o, 2, both); /* the worst counts */
	ck_assert(isnan(m.value) && strstr(m.tip, "not finite at log") && !strstr(m.tip, "greatest"));
	ck_assert(strstr(m.tip, "least: 1.5 at input") && strstr(m.tip, "this one: where finite: norm 1.386"));
	m = mark_of(o, 1, &z);
	ck_assert_str_eq(m.tip, "value: nothing is finite; 1 of 1 are NaN");
	tl_overlay_free(o);
	tl_tape_free(tape);
}
END_TEST

/* Of 400 values of 256 kB, or their gradients, only a few are there at a time. */
START_TEST(memory)
{
	enum { N = 400, WIDTH = 65536 };
	struct rusage before, after;
	tl_tape *tape = planned_tape(1, "all");
	tl_var h = tl_fill(tape, TL_SHAPE(1, WIDTH), 0.5);
	for (int t = 0; t < N; t++)
		h = _i ? tl_shift(h, 0.25) : tl_sin(h); /* a shift's gradient needs no value */
	tl_var loss = tl_sum_all(h);
	getrusage(RUSAGE_SELF, &before);
	tl_overlay *o = overlay(_i ? TL_OVERLAY_GRAD : TL_OVERLAY_VALUE, 1, &loss);
	getrusage(RUSAGE_SELF, &after);
	ck_assert_int_le(after.ru_maxrss - before.ru_maxrss, 50000);
	ck_assert_ptr_nonnull(tl_overlay_of(o, h).value);
	tl_overlay_free(o);
	tl_tape_free(tape);
}
END_TEST

/* --- Plans, times, bytes */

START_TEST(plans)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = 7, .hidden = 5}, 9, 3);
	tl_tape *tape = planned_tape(1, "all");
	tl_var loss = loss_of(layers_run(&l, tape));
	tl_overlay *o = overlay(TL_OVERLAY_PLAN, 1, &loss);
	const tl_plan_view *view = tl_overlay_plan(o);
	int inputs = 0;
	for (uint32_t i = 1; i <= loss.index; i++) {
		tl_var v = {tape, i, loss.generation};
		const tl_plan_place *p = tl_plan_place_of(view, v);
		tl_draw_mark m = mark_of(o, 1, &v);
		ck_assert_int_eq(m.paint, p->instruction ? TL_DRAW_GROUP : TL_DRAW_PLAIN);
		ck_assert_int_eq(m.group, (int)p->instruction);
		inputs += strstr(m.label, " hoisted: one product for t=0..8") != NULL;
		ck_assert(!p->instruction || m.label[0] == '#');
	}
	ck_assert_int_eq(inputs, 9);
	tl_overlay_free(o);
	/* The tape itself is planned in the same way. */
	tl_plan_view *own = tl_plan_view_new();
	tl_plan_view_attach(tape, own);
	tl_eval(1, &loss);
	o = overlay(TL_OVERLAY_PLAN, 1, &loss);
	view = tl_overlay_plan(o);
	ck_assert_uint_eq(view->n_instructions, own->n_instructions);
	ck_assert(!memcmp(view->members, own->members, own->n_members * sizeof *own->members));
	tl_plan_view_attach(tape, NULL);
	tl_plan_view_free(own);
	tl_overlay_free(o);
	tl_tape_free(tape);
	layers_free(&l);
}
END_TEST

/* All bytes of values that the planner counts are some variable's, and all of its time. */
START_TEST(sums)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_gru, .input = 7, .hidden = 5, .layers = 2}, 9, 3);
	tl_tape *tape = planned_tape(1, "all");
	tl_var loss = loss_of(layers_run(&l, tape)), all[1024];
	tl_overlay *o = overlay(TL_OVERLAY_TIME, 1, &loss), *b = overlay(TL_OVERLAY_BYTES, 1, &loss);
	const tl_plan_view *view = tl_overlay_plan(o);
	double seconds = 0, want = 0, bytes = 0, in_registers = 0, inside = 0;
	size_t n = 0;
	for (uint32_t i = 1; i <= loss.index; i++) {
		tl_var v = all[n++] = (tl_var){tape, i, loss.generation};
		tl_overlay_figures f = tl_overlay_of(o, v);
		const tl_plan_place *p = tl_plan_place_of(view, v);
		double size = (double)tl_shape_size(tl_var_shape(v)) * sizeof(tl_real);
		seconds += f.seconds > 0 ? f.seconds : 0;
		ck_assert(tl_overlay_of(b, v).bytes == f.bytes && tl_overlay_of(b, v).seconds < 0);
		ck_assert(p->instruction == 0 || f.seconds > 0 || tl_var_op(v) == &tl_op_add);
		if (p->role != TL_ROLE_NONE) {
			bytes += f.bytes;
			in_registers += p->internal ? size : 0;
			inside += p->inside ? size : 0;
			ck_assert(f.bytes == 0 || f.bytes == size);
		} else if (tl_var_op(v) == &tl_op_fill) {
			ck_assert(f.bytes == sizeof(tl_real));
		}
	}
	for (uint32_t k = 0; k < view->n_instructions; k++)
		want += view->instructions[k].seconds;
	same(seconds, want);
	ck_assert(in_registers > 0 && inside > 0);
	tl_eval(1, &loss);
	ck_assert_double_eq(bytes + inside, (double)tl_plan_last(tape)->value_bytes);
	tl_draw_mark m = mark_of(o, n, all);
	ck_assert_double_le(fabs(m.value - log10(seconds)), 1e-9);
	m = mark_of(b, n, all);
	ck_assert(m.value > log10(bytes)); /* with parameters and inputs */
	tl_overlay_free(o);
	tl_overlay_free(b);
	tl_tape_free(tape);
	layers_free(&l);
}
END_TEST

START_TEST(shapes)
{
	tl_tape *tape = planned_tape(1, "all");
	tl_var x = tl_fill(tape, TL_SHAPE(20, 50), 1), y = tl_sum_all(x), both[] = {x, y};
	tl_overlay *o = overlay(TL_OVERLAY_SHAPE, 1, &y);
	tl_draw_mark m = mark_of(o, 1, &x);
	ck_assert_double_eq(m.value, 3);
	ck_assert_str_eq(m.label, "1000 elements");
	m = mark_of(o, 2, both);
	ck_assert_str_eq(m.label, "1001 elements");
	tl_overlay_free(o);
	tl_tape_free(tape);
}
END_TEST

/* --- Drawings */

static int count(const char *text, const char *part)
{
	int n = 0;
	for (; (text = strstr(text, part)); text++)
		n++;
	return n;
}

/* How many boxes say in their labels that instruction k computes them. */
static uint32_t boxes_of(const tl_overlay *o, const char *dot, uint32_t k)
{
	char words[96], label[128];
	snprintf(label, sizeof label, "#%u %s", k + 1, tl_plan_text(&tl_overlay_plan(o)->instructions[k], words, sizeof words));
	return (uint32_t)count(dot, label);
}

START_TEST(drawn)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = 7, .hidden = 5}, 4, 3);
	tl_tape *tape = planned_tape(1, "all");
	tl_var loss = loss_of(layers_run(&l, tape));
	for (int kind = 0; kind < TL_OVERLAYS; kind++) {
		tl_overlay *o = overlay((tl_overlay_kind)kind, 1, &loss);
		char *text = NULL;
		size_t size;
		FILE *to = open_memstream(&text, &size);
		tl_error err = {0};
		tl_draw_options options = {.fold = TL_DRAW_FOLD_NONE, .steps = ":", .legend = true, .overlay = tl_overlay_drawn(o)};
		ck_assert_msg(tl_tape_draw(to, 1, &loss, &options, &err) == TL_OK, "%s", err.text);
		fclose(to);
		ck_assert_msg(strstr(text, tl_overlay_drawn(o)->scale) != NULL, "%s", text);
		const tl_plan_view *view = kind == TL_OVERLAY_PLAN ? tl_overlay_plan(o) : NULL;
		uint32_t hoisted = 0, fused = 0;
		for (uint32_t k = 0; view && k < view->n_instructions; k++) {
			const tl_plan_instruction *in = &view->instructions[k];
			if (in->kind == TL_PROFILE_COPY || in->kind == TL_PROFILE_PACK)
				continue;
			ck_assert_uint_eq(boxes_of(o, text, k), in->count);
			hoisted += tl_plan_hoisted(in);
			fused += in->ops == 9;
		}
		ck_assert(!view || (hoisted == 1 && fused == 4));
		free(text);
		tl_overlay_free(o);
	}
	tl_tape_free(tape);
	layers_free(&l);
}
END_TEST

/* --- The tape */

/* Nothing is recorded on it, computed on it or changed; it may have values already, or not. */
START_TEST(tape_stays)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = 7, .hidden = 5}, 5, 3);
	tl_tape *tape = planned_tape(1, "all"), *other = planned_tape(1, "all");
	tl_real want, got;
	tl_var loss = dropped(tape, &l), same_loss = dropped(other, &l);
	if (_i)
		tl_eval(1, &loss);
	tl_tape_stats before = tl_tape_get_stats(tape);
	for (int kind = 0; kind < TL_OVERLAYS; kind++)
		tl_overlay_free(overlay((tl_overlay_kind)kind, 1, &loss));
	tl_tape_stats after = tl_tape_get_stats(tape);
	ck_assert_uint_eq(after.nodes, before.nodes);
	ck_assert_uint_eq(after.computed, before.computed);
	ck_assert_uint_eq(after.allocations, before.allocations);
	ck_assert_int_eq(tl_read(loss, &got, 1), TL_OK);
	ck_assert_int_eq(tl_read(same_loss, &want, 1), TL_OK);
	ck_assert(got == want);
	ck_assert_int_eq(tl_backward(loss), TL_OK);
	tl_tape_free(tape);
	tl_tape_free(other);
	layers_free(&l);
}
END_TEST

/* The last number of a recording, of which there is a gradient; or the last variable. */
static tl_var some_number(tl_tape *tape, uint32_t generation)
{
	tl_var last = {tape, (uint32_t)tl_tape_get_stats(tape).nodes, generation}, v = last;
	for (; v.index > 1; v.index--)
		if (tl_shape_size(tl_var_shape(v)) == 1 && tl_var_dtype(v) == TL_REAL && tl_var_operands(v) > 0)
			return v;
	return last;
}

enum { SEEDS = 200, CHUNK = 20 };

/* Whatever was recorded: loops, trees, ragged batches, gradients of gradients (tests/programs.h). */
START_TEST(random_programs)
{
	for (uint64_t seed = (uint64_t)_i * CHUNK; seed < (uint64_t)(_i + 1) * CHUNK; seed++) {
		program p = program_new(seed);
		world *w = world_new(&p, seed);
		tl_tape *tape = planned_tape(1, "all");
		results r = {0};
		program_run(&p, w, tape, 0, &r);
		tl_var v = some_number(tape, tl_fill(tape, TL_SCALAR, 0).generation);
		for (int kind = 0; kind < TL_OVERLAYS; kind++) {
			if (kind == TL_OVERLAY_GRAD && tl_shape_size(tl_var_shape(v)) != 1)
				continue;
			tl_overlay *o = overlay((tl_overlay_kind)kind, 1, &v);
			tl_overlay_figures f = tl_overlay_of(o, v);
			ck_assert(!f.gradient || f.gradient->norm == 1);
			ck_assert((kind == TL_OVERLAY_GRAD) == (f.gradient != NULL));
			if (f.bytes >= 0)
				check_view(tl_overlay_plan(o), tape);
			tl_draw_mark m = mark_of(o, 1, &v);
			ck_assert(m.paint != TL_DRAW_PLAIN || kind > TL_OVERLAY_GRAD);
			tl_overlay_free(o);
		}
		results_free(&r);
		tl_tape_free(tape);
		world_free(w);
	}
}
END_TEST

static void refuse(tl_overlay_kind kind, int n, const tl_var *outputs, tl_var loss, tl_status status, const char *part)
{
	tl_error err = {0};
	ck_assert_ptr_null(tl_overlay_new(kind, n, outputs, &(tl_overlay_options){.loss = loss}, &err));
	ck_assert_int_eq(err.status, status);
	ck_assert_msg(strstr(err.text, part) != NULL, "%s", err.text);
}

START_TEST(refusals)
{
	tl_tape *tape = planned_tape(1, "all"), *other = planned_tape(1, "all");
	tl_var x = tl_fill(tape, TL_SHAPE(2, 3), 1), y = tl_fill(other, TL_SCALAR, 1), none = {0}, two[] = {x, y};
	int32_t far[] = {0, 7};
	tl_var row = tl_sum_all(tl_gather(x, tl_index(tape, TL_SHAPE(2), far)));
	refuse(TL_OVERLAY_VALUE, 0, &x, none, TL_ERR_ARGUMENT, "no output");
	refuse(TL_OVERLAY_VALUE, 1, &none, none, TL_ERR_STALE, "no variable");
	refuse(TL_OVERLAY_VALUE, 2, two, none, TL_ERR_STALE, "another tape");
	refuse(TL_OVERLAY_GRAD, 1, &x, none, TL_ERR_SHAPE, "(2, 3)");
	refuse(TL_OVERLAY_GRAD, 1, &x, y, TL_ERR_STALE, "another tape");
	for (int kind = TL_OVERLAY_VALUE; kind < TL_OVERLAYS; kind++)
		refuse((tl_overlay_kind)kind, 1, &row, none, TL_ERR_INDEX, "7");
	ck_assert_int_eq(tl_tape_status(tape), TL_OK);
	tl_tape_reset(tape);
	refuse(TL_OVERLAY_PLAN, 1, &x, none, TL_ERR_STALE, "reset");
	tl_overlay_kind kind;
	tl_error err = {0};
	for (int k = 0; k < TL_OVERLAYS; k++) {
		ck_assert_int_eq(tl_overlay_parse(tl_overlay_name((tl_overlay_kind)k), &kind, &err), TL_OK);
		ck_assert_int_eq(kind, k);
	}
	ck_assert_int_eq(tl_overlay_parse("colour", &kind, &err), TL_ERR_ARGUMENT);
	ck_assert(strstr(err.text, "'colour'") && strstr(err.text, "plan"));
	ck_assert_ptr_null(tl_overlay_name(TL_OVERLAYS));
	tl_overlay_free(NULL);
	tl_tape_free(tape);
	tl_tape_free(other);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("overlay");
	TCase *c = tcase_create("gradients");
	tcase_add_loop_test(c, fading, 0, 5);
	tcase_add_test(c, faded);
	tcase_add_loop_test(c, each_gradient, 0, (int)(sizeof recordings / sizeof *recordings));
	tcase_add_test(c, adjoints);
	tcase_add_loop_test(c, adjoints_only, 0, 2);
	tcase_add_test(c, no_gradient);
	suite_add_tcase(s, c);
	c = tcase_create("values");
	tcase_add_test(c, each_value);
	tcase_add_test(c, what_is_no_number);
	tcase_add_loop_test(c, memory, 0, 2);
	suite_add_tcase(s, c);
	c = tcase_create("plans");
	tcase_add_test(c, plans);
	tcase_add_test(c, sums);
	tcase_add_test(c, shapes);
	suite_add_tcase(s, c);
	c = tcase_create("drawings");
	tcase_add_test(c, drawn);
	suite_add_tcase(s, c);
	c = tcase_create("tape");
	tcase_add_loop_test(c, tape_stays, 0, 2);
	tcase_add_test(c, refusals);
	tcase_add_loop_test(c, random_programs, 0, SEEDS / CHUNK);
	suite_add_tcase(s, c);
	return s;
}
