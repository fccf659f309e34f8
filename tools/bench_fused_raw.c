/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench_fused.h"

#include <string.h>

#define SLOTS (2 * TL_ONEDNN_TENSORS)
#define GRAIN 16384 /* elements of a gradient that are worth a thread */

typedef struct part {
	tl_onednn_rnn *it;
	void *forward[SLOTS], *backward[SLOTS]; /* the same, but for weights */
	void *kept, *scratch;
	tl_error err;
} part;

struct raw_layer {
	tl_pool *pool;
	int64_t sizes[TL_ONEDNN_TENSORS]; /* of weights: elements, in the larger of both layouts */
	int parts;
	part part[];
};

/* Elements of tensor k; 0 where there is none. */
static int64_t size_of(const tl_onednn_shape *s, int k)
{
	int64_t h = s->hidden, columns = tl__onednn_gates(s->cell) * h;
	int64_t rows = k == TL_ONEDNN_W ? s->input : s->out;
	int64_t forward = rows * columns, backward = columns * tl__onednn_ld(rows);
	switch (k) {
	case TL_ONEDNN_X: return s->steps * s->rows * s->input;
	case TL_ONEDNN_Y: return s->steps * s->rows * s->out;
	case TL_ONEDNN_H0:
	case TL_ONEDNN_HN: return s->rows * s->out;
	case TL_ONEDNN_C0:
	case TL_ONEDNN_CN: return s->cell == TL_ONEDNN_LSTM ? s->rows * h : 0;
	case TL_ONEDNN_W:
	case TL_ONEDNN_U: return forward > backward ? forward : backward;
	case TL_ONEDNN_BIAS: return columns + (s->cell == TL_ONEDNN_LBR_GRU ? h : 0);
	default: return 0;
	}
}

static bool is_weight(int k)
{
	return k >= TL_ONEDNN_W && k <= TL_ONEDNN_BIAS;
}

static void *draw(bench_job *job, int64_t n, tl_error *err)
{
	tl_tensor t;
	if (n == 0 || bench_normal(job, TL_SHAPE(n), &t, err))
		return NULL;
	for (int64_t i = 0; i < n; i++)
		((tl_real *)t.data)[i] *= (tl_real)0.05; /* nothing may grow from step to step */
	return t.data;
}

static tl_status make_part(bench_job *job, raw_layer *l, int index, const tl_onednn_shape *s, tl_error *err)
{
	part *p = &l->part[index];
	if (!(p->it = tl__onednn_rnn_new(s, true, err)))
		return err->status;
	for (int k = 0; k < SLOTS && !err->status; k++) {
		int tensor = k % TL_ONEDNN_TENSORS;
		bool shared = index > 0 && is_weight(k);
		int64_t n = size_of(s, tensor);
		p->forward[k] = shared ? l->part[0].forward[k] : draw(job, n, err);
		p->backward[k] = shared ? l->part[0].backward[k] : is_weight(k) ? draw(job, n, err) : p->forward[k];
	}
	size_t forward = tl__onednn_rnn_scratch(p->it, TL_ONEDNN_TRAIN);
	size_t backward = tl__onednn_rnn_scratch(p->it, TL_ONEDNN_BACKWARD);
	p->kept = err->status ? NULL : bench_alloc(job, tl__onednn_rnn_workspace(p->it), err);
	p->scratch = err->status ? NULL : bench_alloc(job, forward > backward ? forward : backward, err);
	return err->status;
}

raw_layer *raw_layer_new(bench_job *job, tl_onednn_shape shape, tl_pool *pool, tl_error *err)
{
	int parts = tl_pool_threads(pool);
	if (parts > shape.rows)
		parts = (int)shape.rows;
	raw_layer *l = bench_alloc(job, sizeof *l + (size_t)parts * sizeof *l->part, err);
	if (!l)
		return NULL;
	*l = (raw_layer){.pool = pool, .parts = parts};
	for (int k = TL_ONEDNN_W; k <= TL_ONEDNN_BIAS; k++)
		l->sizes[k] = size_of(&shape, k);
	for (int k = 0; k < parts; k++) {
		tl_onednn_shape s = shape;
		s.rows = shape.rows * (k + 1) / parts - shape.rows * k / parts;
		if (make_part(job, l, k, &s, err)) {
			raw_layer_free(l);
			return NULL;
		}
	}
	return l;
}

void raw_layer_free(raw_layer *l)
{
	for (int k = 0; l && k < l->parts; k++)
		tl__onednn_rnn_free(l->part[k].it);
}

static void run_forward(void *ctx, int64_t first, int64_t last)
{
	raw_layer *l = ctx;
	for (int64_t k = first; k < last; k++) {
		part *p = &l->part[k];
		tl__onednn_rnn_run(p->it, TL_ONEDNN_TRAIN, p->forward, p->kept, p->scratch, &p->err);
	}
}

static void run_backward(void *ctx, int64_t first, int64_t last)
{
	raw_layer *l = ctx;
	for (int64_t k = first; k < last; k++) {
		part *p = &l->part[k];
		for (int i = TL_ONEDNN_W; i <= TL_ONEDNN_BIAS; i++)
			if (l->sizes[i])
				memset(p->backward[TL_ONEDNN_TENSORS + i], 0, (size_t)l->sizes[i] * sizeof(tl_real));
		tl__onednn_rnn_run(p->it, TL_ONEDNN_BACKWARD, p->backward, p->kept, p->scratch, &p->err);
	}
}

typedef struct addition {
	tl_real *to;
	const tl_real *from;
} addition;

static void add(void *ctx, int64_t first, int64_t last)
{
	const addition *a = ctx;
	for (int64_t i = first; i < last; i++)
		a->to[i] += a->from[i];
}

tl_status raw_layer_step(raw_layer *l, tl_error *err)
{
	tl_parallel(l->pool, l->parts, 1, run_forward, l);
	tl_parallel(l->pool, l->parts, 1, run_backward, l);
	for (int i = TL_ONEDNN_W; i <= TL_ONEDNN_BIAS; i++)
		for (int k = 1; k < l->parts && l->sizes[i]; k++)
			tl_parallel(l->pool, l->sizes[i], GRAIN, add,
				&(addition){l->part[0].backward[TL_ONEDNN_TENSORS + i],
					l->part[k].backward[TL_ONEDNN_TENSORS + i]});
	for (int k = 0; k < l->parts; k++)
		if (l->part[k].err.status)
			return tl_error_set(err, l->part[k].err.status, "%s", l->part[k].err.text);
	return TL_OK;
}
