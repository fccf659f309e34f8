/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plain twin of oneDNN's recurrent primitives: a row of the batch and a time step after the other, in
 * loops over elements. Backward goes forward once more first, and keeps of each step what the derivatives
 * need:
 *
 *	gates (G, H)  after their functions
 *	hidden (H)    lstm: tanh(c'); gru: r*h; gru_lbr: h U_n + c_n
 *	h, c          before the step
 */
#include "core/recurrent.h"

#include <string.h>
#include <tgmath.h>

#define MOST_GATES 4

/* A run with all its operands dense, and of one row. */
typedef struct row {
	const tl_recurrent_spec *s;
	const tl_recurrent_run *run;
	const tl_real *in[TL_RECURRENT_INPUTS];
	const tl_real *dy, *dhn, *dcn;
	int64_t gates, b;		/* G; which row */
	tl_real *gate, *hidden, *h, *c; /* (T, G, H), (T, H), (T + 1, D), (T + 1, H) */
	tl_real *dz, *dv, *dh, *dc;	/* of one step: (G, H), (H), (D), (H) */
} row;

static int64_t gates_of(const tl_recurrent_spec *s)
{
	return s->cell == TL_RECURRENT_LSTM ? 4 : s->cell <= TL_RECURRENT_RELU ? 1 : 3;
}

static tl_real logistic(tl_real x)
{
	return 1 / (1 + exp(-x));
}

/* y += v M, M (rows, columns) in rows of ld. */
static void add_product(
	tl_real *y, const tl_real *v, const tl_real *m, int64_t rows, int64_t columns, int64_t ld)
{
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < columns; j++)
			y[j] += v[i] * m[i * ld + j];
}

/* Backward: dv += dy M', dM += v' dy. */
static void add_adjoints(const tl_real *dy, const tl_real *v, const tl_real *m, tl_real *dv, tl_real *dm,
	int64_t rows, int64_t columns, int64_t ld)
{
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < columns; j++) {
			dv[i] += dy[j] * m[i * ld + j];
			dm[i * ld + j] += v[i] * dy[j];
		}
}

static const tl_real *x_at(const row *r, int64_t t)
{
	return r->in[TL_RECURRENT_X] + (t * r->s->rows + r->b) * r->s->input;
}

static void lstm_gates(const row *r, tl_real *z, const tl_real *c, tl_real *next, tl_real *hidden)
{
	const tl_real *peep = r->in[TL_RECURRENT_PEEP];
	int64_t n = r->s->hidden;
	for (int64_t j = 0; j < n; j++) {
		tl_real *i = &z[j], *f = &z[n + j], *g = &z[2 * n + j], *o = &z[3 * n + j];
		*i = logistic(*i + (peep ? peep[j] * c[j] : 0));
		*f = logistic(*f + (peep ? peep[n + j] * c[j] : 0));
		*g = tanh(*g);
		next[j] = *f * c[j] + *i * *g;
		*o = logistic(*o + (peep ? peep[2 * n + j] * next[j] : 0));
		hidden[j] = tanh(next[j]);
	}
}

static void lstm_output(const row *r, const tl_real *z, const tl_real *hidden, tl_real *h)
{
	int64_t n = r->s->hidden, d = r->s->out;
	const tl_real *proj = r->in[TL_RECURRENT_PROJ];
	for (int64_t j = 0; j < d && proj; j++)
		h[j] = 0;
	for (int64_t j = 0; j < n; j++) {
		tl_real v = z[3 * n + j] * hidden[j];
		if (proj)
			add_product(h, &v, proj + j * d, 1, d, d);
		else
			h[j] = v;
	}
}

/* The new gate, where z has r and z before their functions and x W_n + b_n. */
static void gru_gates(const row *r, tl_real *z, const tl_real *h, tl_real *hidden, tl_real *next)
{
	int64_t n = r->s->hidden;
	const tl_real *more = r->in[TL_RECURRENT_MORE];
	bool lbr = r->s->cell == TL_RECURRENT_GRU_LBR;
	for (int64_t j = 0; j < 2 * n; j++)
		z[j] = logistic(z[j]);
	for (int64_t j = 0; j < n; j++)
		hidden[j] = lbr ? more[j] : z[j] * h[j];
	if (lbr)
		add_product(hidden, h, r->in[TL_RECURRENT_U] + 2 * n, n, n, 3 * n);
	else
		add_product(z + 2 * n, hidden, more, n, n, n);
	for (int64_t j = 0; j < n; j++) {
		z[2 * n + j] = tanh(z[2 * n + j] + (lbr ? z[j] * hidden[j] : 0));
		next[j] = z[n + j] * h[j] + (1 - z[n + j]) * z[2 * n + j];
	}
}

static void forward_step(const row *r, int64_t t, int64_t k)
{
	const tl_recurrent_spec *s = r->s;
	int64_t n = s->hidden, wide = r->gates * n;
	bool gru = s->cell >= TL_RECURRENT_GRU;
	tl_real *z = r->gate + k * wide, *h = r->h + k * s->out, *hidden = r->hidden + k * n;
	memcpy(z, r->in[TL_RECURRENT_B], (size_t)wide * sizeof *z);
	add_product(z, x_at(r, t), r->in[TL_RECURRENT_W], s->input, wide, wide);
	add_product(z, h, r->in[TL_RECURRENT_U], s->out, gru ? 2 * n : wide,
		s->cell == TL_RECURRENT_GRU ? 2 * n : wide);
	if (s->cell == TL_RECURRENT_LSTM) {
		lstm_gates(r, z, r->c + k * n, r->c + (k + 1) * n, hidden);
		lstm_output(r, z, hidden, h + s->out);
	} else if (gru) {
		gru_gates(r, z, h, hidden, h + s->out);
	} else {
		for (int64_t j = 0; j < n; j++)
			h[s->out + j] = z[j] = s->cell == TL_RECURRENT_TANH ? tanh(z[j])
					       : z[j] > 0		    ? z[j]
									    : 0;
	}
}

/* Step k of the walk is time step t. */
static int64_t time_of(const row *r, int64_t k)
{
	return r->s->backward ? r->s->steps - 1 - k : k;
}

static void start(const row *r, tl_real *to, int operand, int64_t width)
{
	if (r->in[operand])
		memcpy(to, r->in[operand] + r->b * width, (size_t)width * sizeof *to);
	else
		memset(to, 0, (size_t)width * sizeof *to);
}

static void forward_row(const row *r)
{
	const tl_recurrent_spec *s = r->s;
	start(r, r->h, TL_RECURRENT_H0, s->out);
	start(r, r->c, TL_RECURRENT_C0, s->hidden);
	for (int64_t k = 0; k < s->steps; k++)
		forward_step(r, time_of(r, k), k);
}

static void put_row(const row *r)
{
	const tl_recurrent_spec *s = r->s;
	size_t bytes = (size_t)s->out * sizeof(tl_real);
	for (int64_t k = 0; k < s->steps; k++)
		memcpy(r->run->y + (time_of(r, k) * s->rows + r->b) * s->out, r->h + (k + 1) * s->out, bytes);
	memcpy(r->run->hn + r->b * s->out, r->h + s->steps * s->out, bytes);
	if (r->run->cn)
		memcpy(r->run->cn + r->b * s->hidden, r->c + s->steps * s->hidden,
			(size_t)s->hidden * sizeof(tl_real));
}

/* dv: the adjoint of h' (of s(o)*tanh(c') where that is projected). Sets dz, replaces dc by that of c. */
static void lstm_back(const row *r, const tl_real *dv, int64_t k)
{
	int64_t n = r->s->hidden;
	const tl_real *z = r->gate + k * 4 * n, *th = r->hidden + k * n, *c = r->c + k * n,
		      *peep = r->in[TL_RECURRENT_PEEP];
	tl_real *dpeep = r->run->d[TL_RECURRENT_PEEP];
	for (int64_t j = 0; j < n; j++) {
		tl_real i = z[j], f = z[n + j], g = z[2 * n + j], o = z[3 * n + j];
		tl_real dzo = dv[j] * th[j] * o * (1 - o);
		tl_real dc = r->dc[j] + dv[j] * o * (1 - th[j] * th[j]) + (peep ? dzo * peep[2 * n + j] : 0);
		tl_real dzi = dc * g * i * (1 - i), dzf = dc * c[j] * f * (1 - f);
		r->dz[j] = dzi;
		r->dz[n + j] = dzf;
		r->dz[2 * n + j] = dc * i * (1 - g * g);
		r->dz[3 * n + j] = dzo;
		r->dc[j] = dc * f;
		if (!peep)
			continue;
		r->dc[j] += dzi * peep[j] + dzf * peep[n + j];
		dpeep[j] += dzi * c[j];
		dpeep[n + j] += dzf * c[j];
		dpeep[2 * n + j] += dzo * c[n + j];
	}
}

/* dh: the adjoint of h'; replaced by what of it reaches h past the products with r and z. */
static void gru_back(const row *r, int64_t k)
{
	int64_t n = r->s->hidden;
	const tl_real *z = r->gate + k * 3 * n, *hidden = r->hidden + k * n, *h = r->h + k * n;
	const tl_real *more = r->in[TL_RECURRENT_MORE];
	tl_real *dmore = r->run->d[TL_RECURRENT_MORE];
	bool lbr = r->s->cell == TL_RECURRENT_GRU_LBR;
	memset(r->dv, 0, (size_t)n * sizeof *r->dv);
	for (int64_t j = 0; j < n; j++) {
		tl_real reset = z[j], update = z[n + j], new = z[2 * n + j], dh = r->dh[j];
		tl_real dn = dh * (1 - update) * (1 - new *new);
		r->dz[n + j] = dh * (h[j] - new) * update * (1 - update);
		r->dz[2 * n + j] = dn;
		r->dh[j] = dh * update;
		if (lbr) {
			r->dv[j] = dn * reset;
			dmore[j] += r->dv[j];
			r->dz[j] = dn * hidden[j] * reset * (1 - reset);
		}
	}
	if (lbr) {
		add_adjoints(r->dv, h, r->in[TL_RECURRENT_U] + 2 * n, r->dh,
			r->run->d[TL_RECURRENT_U] + 2 * n, n, n, 3 * n);
		return;
	}
	add_adjoints(r->dz + 2 * n, hidden, more, r->dv, dmore, n, n, n);
	for (int64_t j = 0; j < n; j++) {
		r->dz[j] = r->dv[j] * h[j] * z[j] * (1 - z[j]);
		r->dh[j] += r->dv[j] * z[j];
	}
}

static void back_step(const row *r, int64_t t, int64_t k)
{
	const tl_recurrent_spec *s = r->s;
	int64_t n = s->hidden, d = s->out, wide = r->gates * n;
	bool gru = s->cell >= TL_RECURRENT_GRU;
	const tl_real *z = r->gate + k * wide, *h = r->h + k * d;
	for (int64_t j = 0; j < d && r->dy; j++)
		r->dh[j] += r->dy[(t * s->rows + r->b) * d + j];
	if (gru) {
		gru_back(r, k);
	} else if (s->cell == TL_RECURRENT_LSTM) {
		const tl_real *proj = r->in[TL_RECURRENT_PROJ];
		for (int64_t j = 0; j < n && proj; j++) {
			tl_real out = z[3 * n + j] * r->hidden[k * n + j];
			r->dv[j] = 0;
			add_adjoints(r->dh, &out, proj + j * d, &r->dv[j],
				r->run->d[TL_RECURRENT_PROJ] + j * d, 1, d, d);
		}
		lstm_back(r, proj ? r->dv : r->dh, k);
		memset(r->dh, 0, (size_t)d * sizeof *r->dh);
	} else {
		for (int64_t j = 0; j < n; j++)
			r->dz[j] = r->dh[j] * (s->cell == TL_RECURRENT_TANH ? 1 - z[j] * z[j] : z[j] > 0);
		memset(r->dh, 0, (size_t)d * sizeof *r->dh);
	}
	for (int64_t j = 0; j < wide; j++)
		r->run->d[TL_RECURRENT_B][j] += r->dz[j];
	add_adjoints(r->dz, x_at(r, t), r->in[TL_RECURRENT_W],
		r->run->d[TL_RECURRENT_X] + (t * s->rows + r->b) * s->input, r->run->d[TL_RECURRENT_W],
		s->input, wide, wide);
	add_adjoints(r->dz, h, r->in[TL_RECURRENT_U], r->dh, r->run->d[TL_RECURRENT_U], d, gru ? 2 * n : wide,
		s->cell == TL_RECURRENT_GRU ? 2 * n : wide);
}

static void back_row(const row *r)
{
	const tl_recurrent_spec *s = r->s;
	for (int64_t j = 0; j < s->out; j++)
		r->dh[j] = r->dhn ? r->dhn[r->b * s->out + j] : 0;
	for (int64_t j = 0; j < s->hidden; j++)
		r->dc[j] = r->dcn ? r->dcn[r->b * s->hidden + j] : 0;
	for (int64_t k = s->steps - 1; k >= 0; k--)
		back_step(r, time_of(r, k), k);
	if (r->run->d[TL_RECURRENT_H0])
		memcpy(r->run->d[TL_RECURRENT_H0] + r->b * s->out, r->dh, (size_t)s->out * sizeof(tl_real));
	if (r->run->d[TL_RECURRENT_C0])
		memcpy(r->run->d[TL_RECURRENT_C0] + r->b * s->hidden, r->dc,
			(size_t)s->hidden * sizeof(tl_real));
}

/* False where memory is out. */
static bool get_dense(const tl_tensor *t, tl_arena *scratch, const tl_real **at)
{
	*at = NULL;
	if (!t)
		return true;
	*at = t->data;
	if (tl_tensor_is_dense(t))
		return true;
	tl_tensor to = tl_tensor_dense(TL_REAL, t->shape,
		tl_arena_alloc(scratch, (size_t)tl_shape_size(t->shape) * sizeof(tl_real)));
	if (to.data)
		tl_tensor_copy(&to, t);
	return (*at = to.data);
}

static bool get_room(tl_arena *scratch, int64_t n, tl_real **at)
{
	return (*at = tl_arena_alloc(scratch, (size_t)n * sizeof **at));
}

static bool prepare(row *r, const tl_recurrent_spec *s, const tl_recurrent_run *run)
{
	*r = (row){.s = s, .run = run, .gates = gates_of(s)};
	tl_arena *a = run->scratch;
	bool fine = get_dense(run->dy, a, &r->dy) && get_dense(run->dhn, a, &r->dhn) &&
		    get_dense(run->dcn, a, &r->dcn);
	for (int k = 0; k < TL_RECURRENT_INPUTS && fine; k++)
		fine = get_dense(run->in[k], a, &r->in[k]);
	int64_t t = s->steps, n = s->hidden;
	return fine && get_room(a, t * r->gates * n, &r->gate) && get_room(a, t * n, &r->hidden) &&
	       get_room(a, (t + 1) * s->out, &r->h) && get_room(a, (t + 1) * n, &r->c) &&
	       get_room(a, r->gates * n, &r->dz) && get_room(a, n, &r->dv) && get_room(a, s->out, &r->dh) &&
	       get_room(a, n, &r->dc);
}

tl_status tl__recurrent_plain_forward(const tl_recurrent_spec *s, const tl_recurrent_run *run, tl_error *err)
{
	row r;
	if (!prepare(&r, s, run))
		return tl_error_memory(err);
	for (r.b = 0; r.b < s->rows; r.b++) {
		forward_row(&r);
		put_row(&r);
	}
	return TL_OK;
}

tl_status tl__recurrent_plain_backward(const tl_recurrent_spec *s, const tl_recurrent_run *run, tl_error *err)
{
	row r;
	tl_shape shape;
	if (!prepare(&r, s, run))
		return tl_error_memory(err);
	for (int k = 0; k < TL_RECURRENT_INPUTS; k++)
		if (tl__recurrent_shape(s, k, &shape))
			memset(run->d[k], 0, (size_t)tl_shape_size(shape) * sizeof(tl_real));
	for (r.b = 0; r.b < s->rows; r.b++) {
		forward_row(&r);
		back_row(&r);
	}
	return TL_OK;
}
