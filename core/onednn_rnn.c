/* SPDX-License-Identifier: Apache-2.0 */
#include "core/onednn_rnn.h"

#ifndef TL_DOUBLE

#include <assert.h>
#include <stdlib.h>

#include "core/onednn.h"

#define TENSORS TL_ONEDNN_TENSORS

/* A descriptor, which 2.x hands out by value and 3.x by a pointer that has to be given back. */
typedef struct desc {
	dnnl_memory_desc_t md;
	bool there;
} desc;

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t look;
#else
typedef const dnnl_memory_desc_t *look;
#endif

/* One primitive with its tensors. */
typedef struct primitive {
	dnnl_primitive_t it;
	dnnl_exec_arg_t args[2 * TENSORS + 2];
	int slot[2 * TENSORS + 2]; /* of args[k]: which tensor; then workspace and scratch */
	int n;
	size_t workspace, scratch;
} primitive;

struct tl_onednn_rnn {
	tl_onednn_shape shape;
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	primitive run[TL_ONEDNN_RUNS];
};

static dnnl_status_t describe(desc *d, int axes, const dnnl_dims_t dims, const dnnl_dims_t strides)
{
#if DNNL_VERSION_MAJOR >= 3
	dnnl_status_t status = dnnl_memory_desc_create_with_strides(&d->md, axes, dims, dnnl_f32, strides);
#else
	dnnl_status_t status = dnnl_memory_desc_init_by_strides(&d->md, axes, dims, dnnl_f32, strides);
#endif
	d->there = status == dnnl_success;
	return status;
}

static void forget(desc *d)
{
#if DNNL_VERSION_MAJOR >= 3
	if (d->there)
		dnnl_memory_desc_destroy(d->md);
#endif
	d->there = false;
}

static look at(const desc *d)
{
	if (!d->there)
		return NULL;
#if DNNL_VERSION_MAJOR >= 3
	return d->md;
#else
	return &d->md;
#endif
}

#define AXES(...) (const dnnl_dims_t){__VA_ARGS__}

/* All tensors of a shape; weights transposed for backward. In oneDNN's words: tnc, ldnc, ldigo or ldgoi, ldgo, ldio or ldoi. */
static dnnl_status_t describe_all(const tl_onednn_shape *s, bool backward, desc *d)
{
	int64_t t = s->steps, b = s->rows, e = s->input, h = s->hidden, o = s->out;
	int64_t gates = tl__onednn_gates(s->cell), rows = gates + (s->cell == TL_ONEDNN_LBR_GRU), ld = tl__onednn_ld(gates * h);
	int64_t lde = tl__onednn_ld(e), ldo = tl__onednn_ld(o);
	dnnl_status_t status[TENSORS] = {dnnl_success};
	status[TL_ONEDNN_X] = describe(&d[TL_ONEDNN_X], 3, AXES(t, b, e), AXES(b * e, e, 1));
	status[TL_ONEDNN_Y] = describe(&d[TL_ONEDNN_Y], 3, AXES(t, b, o), AXES(b * o, o, 1));
	status[TL_ONEDNN_H0] = describe(&d[TL_ONEDNN_H0], 4, AXES(1, 1, b, o), AXES(b * o, b * o, o, 1));
	status[TL_ONEDNN_HN] = describe(&d[TL_ONEDNN_HN], 4, AXES(1, 1, b, o), AXES(b * o, b * o, o, 1));
	status[TL_ONEDNN_BIAS] = describe(&d[TL_ONEDNN_BIAS], 4, AXES(1, 1, rows, h), AXES(rows * h, rows * h, h, 1));
	if (backward) {
		int64_t w = gates * h * lde, u = gates * h * ldo;
		status[TL_ONEDNN_W] = describe(&d[TL_ONEDNN_W], 5, AXES(1, 1, e, gates, h), AXES(w, w, 1, h * lde, lde));
		status[TL_ONEDNN_U] = describe(&d[TL_ONEDNN_U], 5, AXES(1, 1, o, gates, h), AXES(u, u, 1, h * ldo, ldo));
	} else {
		status[TL_ONEDNN_W] = describe(&d[TL_ONEDNN_W], 5, AXES(1, 1, e, gates, h), AXES(e * ld, e * ld, ld, h, 1));
		status[TL_ONEDNN_U] = describe(&d[TL_ONEDNN_U], 5, AXES(1, 1, o, gates, h), AXES(o * ld, o * ld, ld, h, 1));
	}
	if (s->cell == TL_ONEDNN_LSTM) {
		status[TL_ONEDNN_C0] = describe(&d[TL_ONEDNN_C0], 4, AXES(1, 1, b, h), AXES(b * h, b * h, h, 1));
		status[TL_ONEDNN_CN] = describe(&d[TL_ONEDNN_CN], 4, AXES(1, 1, b, h), AXES(b * h, b * h, h, 1));
	}
	if (s->peephole)
		status[TL_ONEDNN_PEEP] = describe(&d[TL_ONEDNN_PEEP], 4, AXES(1, 1, 3, h), AXES(3 * h, 3 * h, h, 1));
	if (s->projected && backward)
		status[TL_ONEDNN_PROJ] = describe(&d[TL_ONEDNN_PROJ], 4, AXES(1, 1, h, o), AXES(o * h, o * h, 1, h));
	else if (s->projected)
		status[TL_ONEDNN_PROJ] = describe(&d[TL_ONEDNN_PROJ], 4, AXES(1, 1, h, o), AXES(h * o, h * o, o, 1));
	for (int k = 0; k < TENSORS; k++)
		if (status[k] != dnnl_success)
			return status[k];
	return dnnl_success;
}

/* What the two versions spell differently: the constructors, whose arguments are these. */
#define PLAIN_MD at(&d[TL_ONEDNN_X]), at(&d[TL_ONEDNN_H0]), at(&d[TL_ONEDNN_W]), at(&d[TL_ONEDNN_U]), \
	at(&d[TL_ONEDNN_BIAS]), at(&d[TL_ONEDNN_Y]), at(&d[TL_ONEDNN_HN])
#define PLAIN_GRADIENT_MD at(&g[TL_ONEDNN_X]), at(&g[TL_ONEDNN_H0]), at(&g[TL_ONEDNN_W]), at(&g[TL_ONEDNN_U]), \
	at(&g[TL_ONEDNN_BIAS]), at(&g[TL_ONEDNN_Y]), at(&g[TL_ONEDNN_HN])
#define LSTM_MD at(&d[0]), at(&d[1]), at(&d[2]), at(&d[3]), at(&d[4]), at(&d[5]), at(&d[6]), at(&d[7]), at(&d[8]), \
	at(&d[9]), at(&d[10])
#define LSTM_GRADIENT_MD at(&g[0]), at(&g[1]), at(&g[2]), at(&g[3]), at(&g[4]), at(&g[5]), at(&g[6]), at(&g[7]), \
	at(&g[8]), at(&g[9]), at(&g[10])
#if DNNL_VERSION_MAJOR >= 3
#define MAKE(cell, way, version, ...) dnnl_##cell##_##way##_primitive_desc_create(pd, r->engine, __VA_ARGS__, attr)
#else
#define MAKE(cell, way, version, ...) dnnl_##cell##_##way##_desc_init##version(&rnn, __VA_ARGS__)
#endif

/* d: the tensors; g: their gradients, for backward, whose hint the descriptor of the run for training is. */
static dnnl_status_t make_desc(const tl_onednn_rnn *r, tl_onednn_run run, const desc *d, const desc *g,
	const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *pd)
{
	const dnnl_rnn_direction_t right = dnnl_unidirectional_left2right;
	dnnl_prop_kind_t kind = run == TL_ONEDNN_INFER ? dnnl_forward_inference : dnnl_forward_training;
	dnnl_alg_kind_t act = r->shape.cell == TL_ONEDNN_RELU ? dnnl_eltwise_relu : dnnl_eltwise_tanh;
	dnnl_status_t status = dnnl_success;
#if DNNL_VERSION_MAJOR >= 3
#define HINT , hint
#else
#define HINT
	dnnl_rnn_desc_t rnn;
#endif
	if (run == TL_ONEDNN_BACKWARD)
		switch (r->shape.cell) {
		case TL_ONEDNN_TANH:
		case TL_ONEDNN_RELU:
			status = MAKE(vanilla_rnn, backward, , dnnl_backward, act, right, PLAIN_MD, PLAIN_GRADIENT_MD, 0, 0, 0 HINT);
			break;
		case TL_ONEDNN_LSTM:
			status = MAKE(lstm, backward, _v3, dnnl_backward, right, LSTM_MD, LSTM_GRADIENT_MD, 0 HINT);
			break;
		case TL_ONEDNN_GRU:
			status = MAKE(gru, backward, , dnnl_backward, right, PLAIN_MD, PLAIN_GRADIENT_MD, 0 HINT);
			break;
		case TL_ONEDNN_LBR_GRU:
			status = MAKE(lbr_gru, backward, , dnnl_backward, right, PLAIN_MD, PLAIN_GRADIENT_MD, 0 HINT);
			break;
		}
	else
		switch (r->shape.cell) {
		case TL_ONEDNN_TANH:
		case TL_ONEDNN_RELU: status = MAKE(vanilla_rnn, forward, , kind, act, right, PLAIN_MD, 0, 0, 0); break;
		case TL_ONEDNN_LSTM: status = MAKE(lstm, forward, _v3, kind, right, LSTM_MD, 0); break;
		case TL_ONEDNN_GRU: status = MAKE(gru, forward, , kind, right, PLAIN_MD, 0); break;
		case TL_ONEDNN_LBR_GRU: status = MAKE(lbr_gru, forward, , kind, right, PLAIN_MD, 0); break;
		}
#if DNNL_VERSION_MAJOR < 3
	if (status == dnnl_success)
		status = dnnl_primitive_desc_create(pd, &rnn, attr, r->engine, hint);
#endif
	return status;
}

static const int names[2 * TENSORS] = {DNNL_ARG_SRC_LAYER, DNNL_ARG_SRC_ITER, DNNL_ARG_SRC_ITER_C,
	DNNL_ARG_WEIGHTS_LAYER, DNNL_ARG_WEIGHTS_ITER, DNNL_ARG_WEIGHTS_PEEPHOLE, DNNL_ARG_WEIGHTS_PROJECTION,
	DNNL_ARG_BIAS, DNNL_ARG_DST_LAYER, DNNL_ARG_DST_ITER, DNNL_ARG_DST_ITER_C, DNNL_ARG_DIFF_SRC_LAYER,
	DNNL_ARG_DIFF_SRC_ITER, DNNL_ARG_DIFF_SRC_ITER_C, DNNL_ARG_DIFF_WEIGHTS_LAYER, DNNL_ARG_DIFF_WEIGHTS_ITER,
	DNNL_ARG_DIFF_WEIGHTS_PEEPHOLE, DNNL_ARG_DIFF_WEIGHTS_PROJECTION, DNNL_ARG_DIFF_BIAS, DNNL_ARG_DIFF_DST_LAYER,
	DNNL_ARG_DIFF_DST_ITER, DNNL_ARG_DIFF_DST_ITER_C};

static dnnl_status_t add_arg(tl_onednn_rnn *r, primitive *p, int name, int slot, look md)
{
	dnnl_memory_t memory;
	dnnl_status_t status = dnnl_memory_create(&memory, md, r->engine, DNNL_MEMORY_NONE);
	if (status == dnnl_success) {
		p->args[p->n] = (dnnl_exec_arg_t){name, memory};
		p->slot[p->n++] = slot;
	}
	return status;
}

/* A tensor of the library's own choice: workspace or scratch. */
static dnnl_status_t add_own(tl_onednn_rnn *r, primitive *p, int name, int slot, look md, size_t *bytes)
{
	*bytes = md ? dnnl_memory_desc_get_size(md) : 0;
	return *bytes ? add_arg(r, p, name, slot, md) : dnnl_success;
}

static dnnl_status_t make_primitive(
	tl_onednn_rnn *r, tl_onednn_run run, const desc *d, const desc *g, const_dnnl_primitive_desc_t pd)
{
	primitive *p = &r->run[run];
	dnnl_status_t status = dnnl_primitive_create(&p->it, pd);
	for (int k = 0; k < TENSORS && status == dnnl_success; k++)
		if (d[k].there)
			status = add_arg(r, p, names[k], k, at(&d[k]));
	for (int k = 0; k < TENSORS && run == TL_ONEDNN_BACKWARD && status == dnnl_success; k++)
		if (g[k].there)
			status = add_arg(r, p, names[TENSORS + k], TENSORS + k, at(&g[k]));
	if (status == dnnl_success && run != TL_ONEDNN_INFER)
		status = add_own(r, p, DNNL_ARG_WORKSPACE, 2 * TENSORS,
			dnnl_primitive_desc_query_md(pd, dnnl_query_workspace_md, 0), &p->workspace);
	if (status == dnnl_success)
		status = add_own(r, p, DNNL_ARG_SCRATCHPAD, 2 * TENSORS + 1,
			dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0), &p->scratch);
	return status;
}

static dnnl_status_t make_all(tl_onednn_rnn *r, bool training)
{
	desc d[TENSORS] = {0}, transposed[TENSORS] = {0};
	dnnl_primitive_desc_t forward = NULL, backward = NULL;
	dnnl_primitive_attr_t attr = NULL;
	tl_onednn_run run = training ? TL_ONEDNN_TRAIN : TL_ONEDNN_INFER;
	dnnl_status_t status = dnnl_engine_create(&r->engine, dnnl_cpu, 0);
	if (status == dnnl_success)
		status = dnnl_stream_create(&r->stream, r->engine, dnnl_stream_default_flags);
	if (status == dnnl_success)
		status = dnnl_primitive_attr_create(&attr);
	if (status == dnnl_success)
		status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
	if (status == dnnl_success)
		status = describe_all(&r->shape, false, d);
	if (status == dnnl_success)
		status = make_desc(r, run, d, NULL, NULL, attr, &forward);
	if (status == dnnl_success)
		status = make_primitive(r, run, d, NULL, forward);
	if (status == dnnl_success && training)
		status = describe_all(&r->shape, true, transposed);
	if (status == dnnl_success && training)
		status = make_desc(r, TL_ONEDNN_BACKWARD, transposed, d, forward, attr, &backward);
	if (status == dnnl_success && training)
		status = make_primitive(r, TL_ONEDNN_BACKWARD, transposed, d, backward);
	if (backward)
		dnnl_primitive_desc_destroy(backward);
	if (forward)
		dnnl_primitive_desc_destroy(forward);
	if (attr)
		dnnl_primitive_attr_destroy(attr);
	for (int k = 0; k < TENSORS; k++) {
		forget(&d[k]);
		forget(&transposed[k]);
	}
	return status;
}

static tl_status complain(tl_error *err, dnnl_status_t status, const char *what)
{
	if (status == dnnl_out_of_memory)
		return tl_error_memory(err);
	return tl_error_set(err, TL_ERR_BACKEND, "oneDNN refused to %s a recurrent primitive (status %d)", what, (int)status);
}

tl_onednn_rnn *tl__onednn_rnn_new(const tl_onednn_shape *shape, bool training, tl_error *err)
{
	tl_onednn_rnn *r = calloc(1, sizeof *r);
	if (!r) {
		tl_error_memory(err);
		return NULL;
	}
	r->shape = *shape;
	int before = tl__onednn_enter();
	dnnl_status_t status = make_all(r, training);
	tl__onednn_leave(before);
	if (status == dnnl_success)
		return r;
	complain(err, status, "make");
	tl__onednn_rnn_free(r);
	return NULL;
}

void tl__onednn_rnn_free(tl_onednn_rnn *r)
{
	if (!r)
		return;
	for (int k = 0; k < TL_ONEDNN_RUNS; k++) {
		for (int i = 0; i < r->run[k].n; i++)
			dnnl_memory_destroy(r->run[k].args[i].memory);
		if (r->run[k].it)
			dnnl_primitive_destroy(r->run[k].it);
	}
	if (r->stream)
		dnnl_stream_destroy(r->stream);
	if (r->engine)
		dnnl_engine_destroy(r->engine);
	free(r);
}

size_t tl__onednn_rnn_workspace(const tl_onednn_rnn *r)
{
	return r->run[TL_ONEDNN_TRAIN].workspace;
}

size_t tl__onednn_rnn_scratch(const tl_onednn_rnn *r, tl_onednn_run run)
{
	return r->run[run].scratch;
}

tl_status tl__onednn_rnn_run(
	tl_onednn_rnn *r, tl_onednn_run run, void *const *data, void *workspace, void *scratch, tl_error *err)
{
	primitive *p = &r->run[run];
	dnnl_status_t status = dnnl_success;
	assert(p->it);
	for (int k = 0; k < p->n && status == dnnl_success; k++) {
		int slot = p->slot[k];
		void *at = slot < 2 * TENSORS ? data[slot] : slot == 2 * TENSORS ? workspace : scratch;
		assert(at);
		status = dnnl_memory_set_data_handle(p->args[k].memory, at);
	}
	int before = tl__onednn_enter();
	if (status == dnnl_success)
		status = dnnl_primitive_execute(p->it, r->stream, p->n, p->args);
	tl__onednn_leave(before);
	return status == dnnl_success ? TL_OK : complain(err, status, "run");
}

#endif
