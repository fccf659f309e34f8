/* SPDX-License-Identifier: Apache-2.0 */
#include "core/onednn_rnn.h"

#ifndef TL_DOUBLE

#include <assert.h>
#include <stdlib.h>

#include "core/onednn_desc.h"

#define TENSORS TL_ONEDNN_TENSORS

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

/* Row-major. */
static dnnl_status_t set_dense(tl__desc *d, int axes, const dnnl_dims_t dims)
{
	dnnl_dims_t strides = {0};
	dnnl_dim_t stride = 1;
	for (int k = axes; k-- > 0; stride *= dims[k])
		strides[k] = stride;
	return tl__desc_set(d, axes, dims, strides);
}

/* (rows, gates, h); turned: the rows are innermost. ldigo and ldgoi in oneDNN's words. */
static dnnl_status_t set_weights(tl__desc *d, int64_t rows, int64_t gates, int64_t h, bool turned)
{
	int64_t ld = turned ? tl__onednn_ld(rows) : gates * h, all = ld * (turned ? gates * h : rows);
	const dnnl_dims_t dims = {1, 1, rows, gates, h};
	return tl__desc_set(d, 5, dims,
		turned ? (dnnl_dims_t){all, all, 1, h * ld, ld} : (dnnl_dims_t){all, all, ld, h, 1});
}

#define DIMS(...)                                                                                            \
	(const dnnl_dims_t)                                                                                  \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}

/* All tensors of a shape; weights transposed for backward. */
static dnnl_status_t describe_all(const tl_onednn_shape *s, bool backward, tl__desc *d)
{
	int64_t b = s->rows, h = s->hidden, out = s->out, gates = tl__onednn_gates(s->cell);
	int64_t biases = gates + (s->cell == TL_ONEDNN_LBR_GRU);
	dnnl_status_t status[TENSORS] = {dnnl_success};
	status[TL_ONEDNN_X] = set_dense(&d[TL_ONEDNN_X], 3, DIMS(s->steps, b, s->input));
	status[TL_ONEDNN_Y] = set_dense(&d[TL_ONEDNN_Y], 3, DIMS(s->steps, b, out));
	status[TL_ONEDNN_H0] = set_dense(&d[TL_ONEDNN_H0], 4, DIMS(1, 1, b, out));
	status[TL_ONEDNN_HN] = set_dense(&d[TL_ONEDNN_HN], 4, DIMS(1, 1, b, out));
	status[TL_ONEDNN_BIAS] = set_dense(&d[TL_ONEDNN_BIAS], 4, DIMS(1, 1, biases, h));
	status[TL_ONEDNN_W] = set_weights(&d[TL_ONEDNN_W], s->input, gates, h, backward);
	status[TL_ONEDNN_U] = set_weights(&d[TL_ONEDNN_U], out, gates, h, backward);
	if (s->cell == TL_ONEDNN_LSTM) {
		status[TL_ONEDNN_C0] = set_dense(&d[TL_ONEDNN_C0], 4, DIMS(1, 1, b, h));
		status[TL_ONEDNN_CN] = set_dense(&d[TL_ONEDNN_CN], 4, DIMS(1, 1, b, h));
	}
	if (s->peephole)
		status[TL_ONEDNN_PEEP] = set_dense(&d[TL_ONEDNN_PEEP], 4, DIMS(1, 1, 3, h));
	if (s->projected)
		status[TL_ONEDNN_PROJ] = tl__desc_set(&d[TL_ONEDNN_PROJ], 4, DIMS(1, 1, h, out),
			backward ? DIMS(out * h, out * h, 1, h) : DIMS(out * h, out * h, out, 1));
	for (int k = 0; k < TENSORS; k++)
		if (status[k] != dnnl_success)
			return status[k];
	return dnnl_success;
}

static const int names[2 * TENSORS] = {DNNL_ARG_SRC_LAYER, DNNL_ARG_SRC_ITER, DNNL_ARG_SRC_ITER_C,
	DNNL_ARG_WEIGHTS_LAYER, DNNL_ARG_WEIGHTS_ITER, DNNL_ARG_WEIGHTS_PEEPHOLE, DNNL_ARG_WEIGHTS_PROJECTION,
	DNNL_ARG_BIAS, DNNL_ARG_DST_LAYER, DNNL_ARG_DST_ITER, DNNL_ARG_DST_ITER_C, DNNL_ARG_DIFF_SRC_LAYER,
	DNNL_ARG_DIFF_SRC_ITER, DNNL_ARG_DIFF_SRC_ITER_C, DNNL_ARG_DIFF_WEIGHTS_LAYER,
	DNNL_ARG_DIFF_WEIGHTS_ITER, DNNL_ARG_DIFF_WEIGHTS_PEEPHOLE, DNNL_ARG_DIFF_WEIGHTS_PROJECTION,
	DNNL_ARG_DIFF_BIAS, DNNL_ARG_DIFF_DST_LAYER, DNNL_ARG_DIFF_DST_ITER, DNNL_ARG_DIFF_DST_ITER_C};

static dnnl_status_t add_arg(tl_onednn_rnn *r, primitive *p, int name, int slot, tl__look md)
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
static dnnl_status_t add_own(tl_onednn_rnn *r, primitive *p, int name, int slot, tl__look md, size_t *bytes)
{
	*bytes = md ? dnnl_memory_desc_get_size(md) : 0;
	return *bytes ? add_arg(r, p, name, slot, md) : dnnl_success;
}

static dnnl_status_t make_primitive(tl_onednn_rnn *r, tl_onednn_run run, const tl__desc *d, const tl__desc *g,
	const_dnnl_primitive_desc_t pd)
{
	primitive *p = &r->run[run];
	dnnl_status_t status = dnnl_primitive_create(&p->it, pd);
	for (int k = 0; k < TENSORS && status == dnnl_success; k++)
		if (d[k].there)
			status = add_arg(r, p, names[k], k, tl__desc_look(&d[k]));
	for (int k = 0; k < TENSORS && run == TL_ONEDNN_BACKWARD && status == dnnl_success; k++)
		if (g[k].there)
			status = add_arg(r, p, names[TENSORS + k], TENSORS + k, tl__desc_look(&g[k]));
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
	tl__desc d[TENSORS] = {0}, transposed[TENSORS] = {0};
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
		status = tl__desc_primitive(r->engine, r->shape.cell, run, d, NULL, NULL, attr, &forward);
	if (status == dnnl_success)
		status = make_primitive(r, run, d, NULL, forward);
	if (status == dnnl_success && training)
		status = describe_all(&r->shape, true, transposed);
	if (status == dnnl_success && training)
		status = tl__desc_primitive(r->engine, r->shape.cell, TL_ONEDNN_BACKWARD, transposed, d,
			forward, attr, &backward);
	if (status == dnnl_success && training)
		status = make_primitive(r, TL_ONEDNN_BACKWARD, transposed, d, backward);
	if (backward)
		dnnl_primitive_desc_destroy(backward);
	if (forward)
		dnnl_primitive_desc_destroy(forward);
	if (attr)
		dnnl_primitive_attr_destroy(attr);
	for (int k = 0; k < TENSORS; k++) {
		tl__desc_forget(&d[k]);
		tl__desc_forget(&transposed[k]);
	}
	return status;
}

static tl_status complain(tl_error *err, dnnl_status_t status, const char *what)
{
	if (status == dnnl_out_of_memory)
		return tl_error_memory(err);
	return tl_error_set(err, TL_ERR_BACKEND, "oneDNN refused to %s a recurrent primitive (status %d)",
		what, (int)status);
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
