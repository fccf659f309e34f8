/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/overlay_data.h"

#include <stdlib.h>
#include <string.h>

#define RUNS 5

static const char *const names[TL_OVERLAYS] = {"shape", "value", "grad", "time", "bytes", "plan"};

const char *tl_overlay_name(tl_overlay_kind kind)
{
	return (unsigned)kind < TL_OVERLAYS ? names[kind] : NULL;
}

tl_status tl_overlay_parse(const char *name, tl_overlay_kind *kind, tl_error *err)
{
	for (int k = 0; k < TL_OVERLAYS; k++)
		if (!strcmp(name, names[k])) {
			*kind = (tl_overlay_kind)k;
			return TL_OK;
		}
	return tl_error_set(err, TL_ERR_ARGUMENT,
		"overlay: there is none called '%.40s'; there are shape, value, grad, time, bytes and plan", name);
}

static tl_status check_var(const tl_tape *t, tl_var v, const char *what, tl_error *err)
{
	if (v.tape && v.tape != t)
		return tl_error_set(err, TL_ERR_STALE, "overlay: %s is a variable of another tape", what);
	if (tl__node(v))
		return TL_OK;
	if (v.tape && t->error.status)
		return tl_error_set(err, t->error.status, "%s", t->error.text);
	return tl_error_set(err, TL_ERR_STALE, "overlay: %s is no variable, or its tape was reset since", what);
}

static tl_status check(int n, const tl_var *outputs, tl_var *loss, tl_overlay_kind kind, tl_error *err)
{
	char text[TL_SHAPE_TEXT];
	if (n < 1)
		return tl_error_set(err, TL_ERR_ARGUMENT, "overlay: there is no output");
	for (int k = 0; k < n; k++) {
		tl_status status = check_var(outputs[0].tape, outputs[k], "an output", err);
		if (status)
			return status;
	}
	if (kind != TL_OVERLAY_GRAD) {
		*loss = (tl_var){0};
		return TL_OK;
	}
	if (!loss->tape)
		*loss = outputs[0];
	tl_status status = check_var(outputs[0].tape, *loss, "the loss", err);
	if (!status && (tl_shape_size(tl_var_shape(*loss)) != 1 || tl_var_dtype(*loss) != TL_REAL))
		status = tl_error_set(err, TL_ERR_SHAPE,
			"overlay: gradients are of one number, the loss, but this has shape %s; sum it or take its mean",
			tl_shape_text(tl_var_shape(*loss), text));
	return status;
}

static bool make_arrays(tl_overlay *o)
{
	bool values = o->kind == TL_OVERLAY_VALUE || o->kind == TL_OVERLAY_GRAD;
	bool plan = o->kind == TL_OVERLAY_TIME || o->kind == TL_OVERLAY_BYTES || o->kind == TL_OVERLAY_PLAN;
	if (values) {
		o->has = calloc(o->size, 1);
		o->value = calloc(o->size, sizeof *o->value);
		o->gradient = o->kind == TL_OVERLAY_GRAD ? calloc(o->size, sizeof *o->gradient) : NULL;
		return o->has && o->value && (o->gradient || o->kind != TL_OVERLAY_GRAD);
	}
	if (plan) {
		o->seconds = malloc(o->size * sizeof *o->seconds);
		o->bytes = malloc(o->size * sizeof *o->bytes);
		o->view = tl_plan_view_new();
		for (uint32_t i = 0; i < o->size && o->seconds && o->bytes; i++)
			o->seconds[i] = o->bytes[i] = -1;
		return o->seconds && o->bytes && o->view;
	}
	return true;
}

tl_overlay *tl_overlay_new(
	tl_overlay_kind kind, int n, const tl_var *outputs, const tl_overlay_options *options, tl_error *err)
{
	tl_overlay_options with = options ? *options : (tl_overlay_options){0};
	if (check(n, outputs, &with.loss, kind, err))
		return NULL;
	tl_overlay *o = calloc(1, sizeof *o);
	if (!o) {
		tl_error_memory(err);
		return NULL;
	}
	*o = (tl_overlay){.kind = kind, .tape = outputs[0].tape, .generation = outputs[0].generation, .size = 1,
		.drawn = {.mark = tl__overlay_mark, .context = o, .scale = tl__overlay_scale(kind),
			.logarithmic = kind != TL_OVERLAY_PLAN}};
	for (int k = 0; k < n; k++)
		o->size = outputs[k].index >= o->size ? outputs[k].index + 1 : o->size;
	o->size = with.loss.index >= o->size ? with.loss.index + 1 : o->size;
	tl_status status = make_arrays(o) ? TL_OK : tl_error_memory(err);
	if (!status && o->value)
		status = tl__overlay_compute(o, n, outputs, with.loss, err);
	if (!status && o->view)
		status = tl__overlay_plan(
			o, n, outputs, kind != TL_OVERLAY_TIME ? 0 : with.runs > 0 ? with.runs : RUNS, err);
	if (!status)
		return o;
	tl_overlay_free(o);
	return NULL;
}

void tl_overlay_free(tl_overlay *o)
{
	if (!o)
		return;
	free(o->has);
	free(o->value);
	free(o->gradient);
	free(o->seconds);
	free(o->bytes);
	free(o->count);
	tl_plan_view_free(o->view);
	free(o);
}

const tl_draw_overlay *tl_overlay_drawn(const tl_overlay *o)
{
	return &o->drawn;
}

const tl_plan_view *tl_overlay_plan(const tl_overlay *o)
{
	return o->view;
}

tl_overlay_figures tl_overlay_of(const tl_overlay *o, tl_var v)
{
	tl_overlay_figures f = {.seconds = -1, .bytes = -1};
	if (v.tape != o->tape || v.generation != o->generation || v.index == 0 || v.index >= o->size)
		return f;
	if (o->value && o->has[v.index] & TL__HAS_VALUE)
		f.value = &o->value[v.index];
	if (o->gradient && o->has[v.index] & TL__HAS_GRADIENT)
		f.gradient = &o->gradient[v.index];
	if (o->view) {
		f.seconds = o->kind == TL_OVERLAY_TIME ? o->seconds[v.index] : -1;
		f.bytes = o->bytes[v.index];
	}
	return f;
}
