/* SPDX-License-Identifier: Apache-2.0 */
/* From a model to its picture: a training step is recorded, gradients, if they are asked for, and figures. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/grad.h"
#include "tools/graph.h"
#include "tools/model_file.h"
#include "tools/tasks.h"

/* The loss, and behind it the gradients of all parameters, named "d NAME". */
static tl_status add_gradients(const task *t, tl_var *out, tl_error *err)
{
	int n = tl_store_count(t->store);
	char name[256];
	for (int k = 0; k < n; k++)
		out[k + 1] = tl_use(t->tape, tl_store_at(t->store, k));
	if (tl_grad(out[0], n, out + 1, out + 1))
		return tape_error(t->tape, err);
	for (int k = 0; k < n; k++) {
		snprintf(name, sizeof name, "d %s", tl_store_at(t->store, k)->name);
		tl_name(out[k + 1], name);
	}
	return TL_OK;
}

static tl_status draw_outputs(
	const graph_options *o, const tl_draw_options *with, int n, const tl_var *out, tl_error *err)
{
	tl_draw_options draw = *with;
	tl_overlay *overlay = NULL;
	if (o->show != TL_OVERLAYS) {
		overlay = tl_overlay_new(o->show, n, out, &(tl_overlay_options){.loss = out[0]}, err);
		if (!overlay)
			return err->status;
		draw.overlay = tl_overlay_drawn(overlay);
	}
	picture_write(o->output, n, out, &draw, o->seconds, err);
	tl_overlay_free(overlay);
	return err->status;
}

static tl_status record_and_draw(graph_options *o, tl_error *err)
{
	task *t = o->task;
	bool forward = o->draw.part == TL_DRAW_FORWARD;
	int n = forward ? 1 : 1 + tl_store_count(t->store);
	char title[160], axes[160], whole[256];
	tl_var *out = malloc((size_t)n * sizeof *out);
	if (!out)
		return tl_error_memory(err);
	example_describe(&o->example, t, title, axes, sizeof title);
	snprintf(whole, sizeof whole, "%.120s%s%.120s", title, o->draw.legend ? "" : "; ", o->draw.legend ? "" : axes);
	tl_draw_options draw = o->draw;
	draw.title = whole;
	draw.axes = axes;
	if (!example_record(&o->example, t, out, err) && (forward || !add_gradients(t, out, err)))
		draw_outputs(o, &draw, n, out, err);
	free(out);
	return err->status;
}

/* A step, or a first step, behind the last one is a mistake; what else is wrong with the list the drawing says. */
static tl_status check_steps(const graph_options *o, tl_error *err)
{
	const example *e = &o->example;
	bool translates = o->task->kind == &translator_kind;
	long long most = translates && e->target_length > e->length ? e->target_length : e->length;
	for (const char *at = o->draw.steps; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (isdigit((unsigned char)*at) && strtoll(at, NULL, 10) >= most)
			return tl_error_set(err, TL_ERR_ARGUMENT, "--steps %.100s: there are the steps 0 to %lld", o->draw.steps, most - 1);
	}
	return TL_OK;
}

tl_status graph_draw(graph_options *o, tl_error *err)
{
	bool loaded = !o->task;
	if (loaded && !(o->task = model_load(o->what, NULL, err)))
		return err->status;
	task *t = o->task;
	if (example_read(&o->example, t, err) || check_steps(o, err) || (!loaded && example_build(&o->example, t, err)))
		return err->status;
	if (!(t->tape = tl_tape_new(&(tl_tape_options){.threads = (int)o->threads, .seed = o->example.rng.seed})))
		return tl_error_memory(err);
	return record_and_draw(o, err);
}
