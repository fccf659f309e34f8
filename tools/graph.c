/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop graph */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/grad.h"
#include "models/cells.h"
#include "ops/loss.h"
#include "tools/command.h"
#include "tools/lm.h"
#include "tools/model_file.h"
#include "tools/options.h"
#include "tools/picture.h"
#include "tools/tasks.h"

typedef struct graph_options {
	net_options net;
	const char *what, *output;
	int64_t symbols, length, batch;
	bool backward;
} graph_options;

enum { LENGTH = 0x100, BATCH, SYMBOLS, BACKWARD };

static const struct argp_option options[] = {
	{0, 0, 0, 0, "Drawing:", 2},
	{"length", LENGTH, "N", 0, "Time steps to unroll (3)", 2},
	{"batch", BATCH, "N", 0, "Rows (1)", 2},
	{"symbols", SYMBOLS, "N", 0, "Size of the vocabulary (65; a saved model has its own)", 2},
	{"backward", BACKWARD, 0, 0, "Draw the gradients of the loss, too", 2},
	{"output", 'o', "FILE", 0, "Write .svg, .png, .pdf or .dot; without it, dot text goes to standard output", 2},
	{0},
};

static const char doc[] =
	"Draw a language model unrolled over time: a new one by its sizes, or a saved one."
	"\v"
	"Each time step of each layer has a frame of its own; parameters are drawn at each use. Examples:\n\n"
	"  tapeloop graph lm --cell lstm --length 3 -o lstm.svg\n"
	"  tapeloop graph lm --cell gru --layers 2 --length 2 | dot -Tpdf > gru.pdf\n"
	"  tapeloop graph out/model.safetensors --backward -o training.svg\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	graph_options *o = state->input;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &o->net; break;
	case LENGTH: o->length = option_int(state, "--length", arg, 1, 1000000); break;
	case BATCH: o->batch = option_int(state, "--batch", arg, 1, 1 << 20); break;
	case SYMBOLS: o->symbols = option_int(state, "--symbols", arg, 1, 1 << 24); break;
	case BACKWARD: o->backward = true; break;
	case 'o': o->output = arg; break;
	case ARGP_KEY_ARG: option_model(state, &o->what, arg, ""); break;
	case ARGP_KEY_END:
		if (!o->what)
			argp_error(state, "say what to draw: lm, or a model file");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static tl_status draw_gradients(tl_var loss, const lm_task *m, const graph_options *o, const tl_draw_options *dot,
	tl_error *err)
{
	int n = tl_store_count(m->base.store);
	tl_var *wrt = malloc((size_t)n * sizeof *wrt), *out = malloc((size_t)(n + 1) * sizeof *out);
	tl_status status = wrt && out ? TL_OK : tl_error_memory(err);
	for (int k = 0; k < n && !status; k++)
		wrt[k] = tl_use(loss.tape, tl_store_at(m->base.store, k));
	if (!status && tl_grad(loss, n, wrt, out))
		status = tape_error(loss.tape, err);
	for (int k = 0; k < n && !status; k++) {
		char name[256];
		snprintf(name, sizeof name, "d %s", tl_store_at(m->base.store, k)->name);
		tl_name(out[k], name);
	}
	if (!status) {
		out[n] = loss;
		status = picture_write(o->output, n + 1, out, dot, err);
	}
	free(wrt);
	free(out);
	return status;
}

static tl_status draw(lm_task *m, const graph_options *o, tl_tape *tape, tl_error *err)
{
	char title[256], model[128];
	m->model->describe(m, model, sizeof model);
	snprintf(title, sizeof title, "%s, %lld time steps", model, (long long)o->length);
	tl_draw_options dot = {.title = title, .legend = true};
	int32_t *zeros = calloc((size_t)(o->length * o->batch), sizeof *zeros);
	if (!zeros)
		return tl_error_memory(err);
	tl_shape shape = TL_SHAPE(o->length, o->batch);
	tl_var x = tl_name(tl_index(tape, shape, zeros), "x"), y = tl_name(tl_index(tape, shape, zeros), "y");
	free(zeros);
	tl_var logits = tl_name(m->model->run(m, x, (tl_state){0}, m->net.dropout > 0).logits, "logits");
	tl_var loss = o->backward ? tl_name(tl_cross_entropy(logits, y, NULL), "loss") : logits;
	if (tape_error(tape, err))
		return err->status;
	return o->backward ? draw_gradients(loss, m, o, &dot, err) : picture_write(o->output, 1, &loss, &dot, err);
}

/* A net by its sizes, with numbers for symbols. */
static task *build(const graph_options *o, tl_error *err)
{
	task *t = task_new(&lm_kind, NULL);
	if (!t || !(t->store = tl_store_new())) {
		tl_error_memory(err);
	} else {
		((lm_task *)t)->net = o->net;
		t->vocab[0].n = o->symbols; /* without names */
		lm_kind.build(t, err);
		t->vocab[0].n = 0;
	}
	if (!err->status)
		return t;
	task_free(t);
	return NULL;
}

tl_status command_graph(int argc, char **argv, tl_error *err)
{
	static const struct argp_child children[] = {{&net_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {options, parse, "lm|MODEL", doc, children, NULL, NULL};
	graph_options o = {.net = NET_DEFAULTS, .symbols = 65, .length = 3, .batch = 1};
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (o.output && picture_check(o.output, err))
		return err->status;
	if (strcmp(o.what, "lm") && o.net.given)
		return tl_error_set(err, TL_ERR_ARGUMENT, "%s has its own cell and sizes: the options under 'Model' are for graph lm", o.what);
	task *t = strcmp(o.what, "lm") ? model_load(o.what, &lm_kind, err) : build(&o, err);
	tl_tape *tape = t ? tl_tape_new(NULL) : NULL;
	if (t && !tape)
		tl_error_memory(err);
	if (tape)
		draw((lm_task *)t, &o, tape, err);
	tl_tape_free(tape);
	task_free(t);
	return err->status;
}
