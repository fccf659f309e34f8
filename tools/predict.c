/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop predict */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ops/reduce.h"
#include "ops/softmax.h"
#include "tools/command.h"
#include "tools/model_file.h"
#include "tools/options.h"
#include "tools/series.h"
#include "tools/tasks.h"

typedef struct predict {
	const char *model, *x, *lengths, *output;
	int64_t batch, threads;
	int64_t ahead; /* -1: the model's */
	tl_tensor all; /* what is written */
} predict;

enum { X = 0x100, LENGTHS, AHEAD, BATCH, THREADS };

static const struct argp_option options[] = {
	{"x", X, "FILE", 0, "Series, as in training (required)", 1},
	{"lengths", LENGTHS, "FILE", 0, "Steps of each, where some are shorter than T: whole numbers (N)", 1},
	{"output", 'o', "FILE", 0, "Where the answers go (required)", 1},
	{"ahead", AHEAD, "N", 0, "How many next steps (those that training looked ahead, or 1)", 1},
	{"batch", BATCH, "N", 0, "Series read side by side (64)", 1},
	{"threads", THREADS, "N", 0, "Threads (TL_THREADS, or all cores)", 1},
	{0},
};

static const char doc[] =
	"What a trained model finds in series."
	"\v"
	"The model is a file that `tapeloop train series` saved. The answers are an .npy file: of L classes their "
	"probabilities (N, L); values (N, K); a class for each step (N, T), with -100 past a series' length; values of "
	"steps (N, T, K), with 0 there; or the next steps (N, ahead, D) behind the last one. A JSON object on standard "
	"output tells which. Example:\n\n"
	"  tapeloop predict digits/model.safetensors --x new.npy -o found.npy\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	predict *o = state->input;
	switch (key) {
	case X: o->x = option_path(state, "--x", arg); break;
	case LENGTHS: o->lengths = option_path(state, "--lengths", arg); break;
	case 'o': o->output = option_path(state, "-o", arg); break;
	case AHEAD: o->ahead = option_int(state, "--ahead", arg, 1, 1 << 20); break;
	case BATCH: o->batch = option_int(state, "--batch", arg, 1, 1 << 20); break;
	case THREADS: o->threads = option_int(state, "--threads", arg, 1, 4096); break;
	case ARGP_KEY_ARG: option_model(state, &o->model, arg, ""); break;
	case ARGP_KEY_END:
		if (!o->model)
			argp_error(state, "say which model: a file that `tapeloop train series` saved");
		if (!o->x || !o->output)
			argp_error(state, "%s FILE is missing", o->x ? "-o" : "--x");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* (N, L), (N, K), (N, T), (N, T, K) or (N, ahead, D), filled with what stands past a series' end. */
static tl_status make_answers(predict *o, const series_task *t, const series *s, tl_error *err)
{
	bool labels = t->target == SERIES_STEP_LABELS;
	tl_shape shape = TL_SHAPE(s->n, t->next ? t->ahead : s->steps, t->outputs);
	if (t->target == SERIES_CLASSES || t->target == SERIES_VALUES)
		shape = TL_SHAPE(s->n, t->outputs);
	else if (labels)
		shape = TL_SHAPE(s->n, s->steps);
	if (!tl_shape_valid(shape))
		return tl_error_set(err, TL_ERR_SHAPE, "%s: the answers would be too large", o->output);
	void *data = calloc((size_t)tl_shape_size(shape), labels ? sizeof(int32_t) : sizeof(tl_real));
	if (!data)
		return tl_error_memory(err);
	o->all = tl_tensor_dense(labels ? TL_I32 : TL_REAL, shape, data);
	for (int64_t i = 0; i < tl_shape_size(shape) && labels; i++)
		((int32_t *)data)[i] = SERIES_IGNORED;
	return TL_OK;
}

static tl_var answer(const series_task *t, const series_batch *b)
{
	if (t->next)
		return tl_ar_continue(t->ar, b->x, b->lengths, t->ahead);
	tl_var y = series_output(t, b, false);
	return t->target == SERIES_CLASSES ? tl_softmax(y, -1) : t->target == SERIES_STEP_LABELS ? tl_argmax(y, -1) : y;
}

static tl_status look(series_task *t, const series *s, const int64_t *which, int64_t rows, void *ctx, tl_error *err)
{
	predict *o = ctx;
	series_batch b;
	int64_t first;
	if (series_take(t, s, which, rows, &b, err))
		return err->status;
	bool labels = o->all.dtype == TL_I32, by_step = series_by_step(t, &first);
	int64_t width = labels ? 1 : t->outputs, most = by_step ? o->all.shape.dim[1] : 1;
	int64_t steps = t->next ? t->ahead : by_step ? b.steps : 1, n = steps * rows * width;
	size_t size = (size_t)width * tl_dtype_size(o->all.dtype);
	char *got = tl_tape_alloc(t->base.tape, (size_t)(steps * rows) * size);
	tl_var y = answer(t, &b);
	if (!got || (labels ? tl_read_index(y, (int32_t *)got, n) : tl_read(y, (tl_real *)got, n)))
		return tape_error(t->base.tape, err);
	if (!labels && t->target != SERIES_CLASSES)
		series_scale_undo(t->next ? &t->x_scale : &t->y_scale, (tl_real *)got, n / width);
	for (int64_t i = 0; i < steps * rows; i++) {
		int64_t row = which[i % rows], step = i / rows;
		if (!by_step || t->next || step < s->length[row])
			memcpy((char *)o->all.data + (size_t)(row * most + step) * size, got + (size_t)i * size, size);
	}
	return TL_OK;
}

/* Is there enough of each series to go on from? */
static tl_status check_reach(const series_task *t, const series *s, const predict *o, tl_error *err)
{
	for (int64_t i = 0; i < s->n && t->next; i++)
		if (s->length[i] < tl_ar_reach(t->ar))
			return tl_error_set(err, TL_ERR_SHAPE, "%s: series %" PRId64 " has %" PRId64
				" steps; the model goes on from %" PRId64, o->x, i, s->length[i], tl_ar_reach(t->ar));
	return TL_OK;
}

static tl_status print_result(const predict *o, const series_task *t, tl_error *err)
{
	static const char *const what[] = {[SERIES_CLASSES] = "probabilities", [SERIES_STEP_LABELS] = "labels of steps",
		[SERIES_VALUES] = "values", [SERIES_STEP_VALUES] = "values of steps", [SERIES_NEXT] = "next steps"};
	json_t *shape = json_array();
	for (int64_t k = 0; k < o->all.shape.axes; k++)
		json_array_append_new(shape, json_integer(o->all.shape.dim[k]));
	json_t *result = json_pack("{s:s, s:s, s:s, s:o}", "task", "series", "output", o->output, "holds", what[t->target],
		"shape", shape);
	return print_json_line(stdout, result) ? TL_OK
					       : tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
}

static tl_status run(predict *o, series_task *t, series *s, tl_error *err)
{
	t->base.batch = o->batch;
	t->ahead = o->ahead > 0 ? o->ahead : t->ahead > 0 ? t->ahead : 1;
	if (!(t->base.tape = tl_tape_new(&(tl_tape_options){.threads = (int)o->threads})))
		return tl_error_memory(err);
	if (series_open(s, o->x, NULL, o->lengths, err) || series_check(s, SERIES_NEXT, t->inputs, t->inputs, err) ||
		check_reach(t, s, o, err) || make_answers(o, t, s, err))
		return err->status;
	if (series_look_at(t, s, NULL, s->n, look, o, err) || tl_npy_write(o->output, &o->all, err))
		return err->status;
	return print_result(o, t, err);
}

tl_status command_predict(int argc, char **argv, tl_error *err)
{
	static const struct argp argp = {options, parse, "MODEL", doc, NULL, NULL, NULL};
	predict o = {.batch = 64, .ahead = -1};
	series s = {0};
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	task *t = model_load(o.model, &series_kind, err);
	if (t)
		run(&o, (series_task *)t, &s, err);
	series_release(&s);
	free(o.all.data);
	task_free(t);
	return err->status;
}
