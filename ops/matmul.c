/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The op is a sum of products, sum_p A_p B_p over operand pairs, all 2-D or all 3-D (batched):
 *
 *	dA_p = dC B_p',   dB_p = A_p' dC
 *
 * A weight that is used at T time steps gets T contributions a_t' dz_t to its gradient; the engine adds
 * them up through matmul_sum into one node, whose kernel lays the pairs one behind the other along the
 * inner axis and calls one product of K = T B rows instead of T products that each pass over C.
 */
#include "ops/matmul.h"

#include "core/gemm.h"
#include "graph/algebra.h"
#include "ops/layout.h"
#include "ops/op_util.h"

/* A matrix as a product reads it. */
typedef struct matrix {
	const tl_real *data;
	int64_t ld;
	bool transposed;
} matrix;

static tl_tensor slice_of(const tl_tensor *t, int64_t batch)
{
	if (t->shape.axes == 2)
		return *t;
	tl_tensor s = {.dtype = TL_REAL, .shape = {2, {t->shape.dim[1], t->shape.dim[2]}}};
	s.stride[0] = t->stride[1];
	s.stride[1] = t->stride[2];
	s.data = (tl_real *)t->data + batch * t->stride[0];
	return s;
}

/* True where the matrix can be read in place. An axis of size 1 has no stride that matters. */
static bool readable(const tl_tensor *t, matrix *m)
{
	int64_t rows = t->shape.dim[0], columns = t->shape.dim[1];
	int64_t down = rows > 1 ? t->stride[0] : columns, right = columns > 1 ? t->stride[1] : 1;
	if (right == 1 && down >= columns) {
		*m = (matrix){t->data, down, false};
		return true;
	}
	down = rows > 1 ? t->stride[0] : 1;
	right = columns > 1 ? t->stride[1] : rows;
	if (down == 1 && right >= rows) {
		*m = (matrix){t->data, right, true};
		return true;
	}
	return false;
}

static tl_status as_matrix(const tl_call *c, const tl_tensor *t, matrix *m)
{
	if (readable(t, m))
		return TL_OK;
	*m = (matrix){tl__dense(c, t), t->shape.dim[1], false};
	return m->data ? TL_OK : tl_error_memory(c->error);
}

static tl_status multiply(const tl_call *c, const tl_tensor *a, const tl_tensor *b, const tl_tensor *out, tl_real beta)
{
	matrix ma, mb;
	if (as_matrix(c, a, &ma) || as_matrix(c, b, &mb))
		return c->error->status;
	tl_gemm g = {
		.ta = ma.transposed,
		.tb = mb.transposed,
		.m = a->shape.dim[0],
		.n = b->shape.dim[1],
		.k = a->shape.dim[1],
		.a = ma.data,
		.lda = ma.ld,
		.b = mb.data,
		.ldb = mb.ld,
		.beta = beta,
		.c = out->data,
		.ldc = out->stride[0],
		.pool = c->pool,
	};
	return tl__gemm(&g, c->error);
}

#define STACK_ROWS 1024 /* an inner size that is long enough for full speed */

static int64_t inner(const tl_call *c, int pair)
{
	return c->in[2 * pair]->shape.dim[1];
}

/* Copying k (m + n) elements saves a pass over the m n of C: not so where an operand is a whole weight. */
static bool worth_stacking(const tl_call *c, int pair)
{
	double m = (double)c->out->shape.dim[0], n = (double)c->out->shape.dim[1];
	return (double)inner(c, pair) * (m + n) < m * n;
}

/* Pairs first..last-1, whose inner sizes add up to k, as one product. */
static tl_status multiply_stacked(const tl_call *c, int first, int last, int64_t k, tl_real beta)
{
	int64_t m = c->out->shape.dim[0], n = c->out->shape.dim[1];
	tl_real *a = tl_arena_alloc(c->scratch, (size_t)(k * m) * sizeof *a);
	tl_real *b = tl_arena_alloc(c->scratch, (size_t)(k * n) * sizeof *b);
	if (!a || !b)
		return tl_error_memory(c->error);
	int64_t row = 0;
	for (int p = first; p < last; p++) {
		const tl_tensor *pa = c->in[2 * p], *pb = c->in[2 * p + 1];
		int64_t rows = pb->shape.dim[0];
		tl_tensor a_rows = {.shape = {2, {rows, m}}, .stride = {pa->stride[1], pa->stride[0]}, .data = pa->data};
		tl_tensor to_a = tl_tensor_dense(TL_REAL, a_rows.shape, a + row * m);
		tl_tensor to_b = tl_tensor_dense(TL_REAL, pb->shape, b + row * n);
		tl_tensor_copy(&to_a, &a_rows);
		tl_tensor_copy(&to_b, pb);
		row += rows;
	}
	tl_gemm g = {.ta = true, .m = m, .n = n, .k = k, .a = a, .lda = m, .b = b, .ldb = n, .beta = beta,
		.c = c->out->data, .ldc = n, .pool = c->pool};
	return tl__gemm(&g, c->error);
}

static tl_status matmul_2d(const tl_call *c)
{
	int pairs = c->n_in / 2;
	tl_status status = TL_OK;
	tl_mark mark = tl_arena_mark(c->scratch);
	for (int p = 0, end; p < pairs && !status; p = end) {
		int64_t k = inner(c, p);
		tl_real beta = p == 0 ? 0 : 1;
		for (end = p + 1; end < pairs && k < STACK_ROWS && worth_stacking(c, p) && worth_stacking(c, end); end++)
			k += inner(c, end);
		if (end > p + 1)
			status = multiply_stacked(c, p, end, k, beta);
		else
			status = multiply(c, c->in[2 * p], c->in[2 * p + 1], c->out, beta);
		tl_arena_rewind(c->scratch, mark);
	}
	return status;
}

static tl_status matmul_batch(const tl_call *c, int64_t batch)
{
	tl_tensor out = slice_of(c->out, batch);
	for (int p = 0; p < c->n_in / 2; p++) {
		tl_tensor a = slice_of(c->in[2 * p], batch), b = slice_of(c->in[2 * p + 1], batch);
		tl_status status = multiply(c, &a, &b, &out, p == 0 ? 0 : 1);
		if (status)
			return status;
	}
	return TL_OK;
}

static tl_status matmul_kernel(const tl_call *c)
{
	if (c->out->shape.axes == 2)
		return matmul_2d(c);
	tl_status status = TL_OK;
	for (int64_t batch = 0; batch < c->out->shape.dim[0] && !status; batch++)
		status = matmul_batch(c, batch);
	return status;
}

static tl_status matmul_infer(tl_infer *s)
{
	if (s->n_in < 2 || s->n_in % 2)
		return tl_error_set(s->error, TL_ERR_ARGUMENT, "takes pairs of operands, got %d operands", s->n_in);
	for (int k = 0; k < s->n_in; k += 2) {
		tl_shape a = s->in[k]->shape, b = s->in[k + 1]->shape;
		if (a.axes != b.axes || (a.axes != 2 && a.axes != 3))
			return tl_error_set(s->error, TL_ERR_SHAPE, "both operands must have two axes, or both three with equal first ones");
		if (a.dim[a.axes - 1] != b.dim[b.axes - 2])
			return tl_error_set(s->error, TL_ERR_SHAPE, "the inner sizes differ: %lld columns times %lld rows",
				(long long)a.dim[a.axes - 1], (long long)b.dim[b.axes - 2]);
		if (a.axes == 3 && a.dim[0] != b.dim[0])
			return tl_error_set(s->error, TL_ERR_SHAPE, "the batch sizes differ: %lld and %lld",
				(long long)a.dim[0], (long long)b.dim[0]);
		tl_shape c = a;
		c.dim[a.axes - 1] = b.dim[b.axes - 1];
		if (k > 0 && !tl_shape_equal(c, s->out))
			return tl_error_set(s->error, TL_ERR_SHAPE, "the products differ in shape");
		s->out = c;
	}
	return TL_OK;
}

static tl_var matmul_gradient(const tl_adjoint *a, int k)
{
	if (k % 2 == 0)
		return tl__apply2(&tl_op_matmul, a->dout, tl_t(a->in[k + 1]));
	return tl__apply2(&tl_op_matmul, tl_t(a->in[k - 1]), a->dout);
}

static tl_var matmul_sum(int n, const tl_var *v)
{
	return tl__merge(n, v, NULL, 0);
}

const tl_op tl_op_matmul = {
	.name = "matmul",
	.arity = TL_VARIADIC,
	.flags = TL_OP_PRODUCT,
	.infer = matmul_infer,
	.kernel = matmul_kernel,
	.gradient = matmul_gradient,
	.sum = matmul_sum,
	.samples =
		(tl_sample[]){
			{.n = 2, .in = {{2, {3, 4}}, {2, {4, 2}}}},
			{.n = 4, .in = {{2, {3, 4}}, {2, {4, 2}}, {2, {3, 5}}, {2, {5, 2}}}},
			{.n = 2, .in = {{3, {2, 3, 4}}, {3, {2, 4, 2}}}},
			{.n = 2, .in = {{2, {1, 4}}, {2, {4, 1}}}},
			{0},
		},
};

/* The product of all sizes but the last `kept` ones; reshape's -1 cannot tell it where one of those is 0. */
static int64_t leading(tl_shape s, int kept)
{
	s.axes -= kept;
	return tl_shape_size(s);
}

/* x (..., M, K) as (rows, K). */
static tl_var flat_rows(tl_var x)
{
	return tl_reshape(x, TL_SHAPE(leading(tl_var_shape(x), 1), tl_dim(x, -1)));
}

static tl_var with_columns(tl_var rows, tl_shape like, int64_t columns)
{
	like.dim[like.axes - 1] = columns;
	return tl_reshape(rows, like);
}

/* (..., M, K) as (batch, M, K). */
static tl_var flat_batch(tl_var x)
{
	tl_shape s = tl_var_shape(x);
	return s.axes == 3 ? x : tl_reshape(x, TL_SHAPE(leading(s, 2), tl_dim(x, -2), tl_dim(x, -1)));
}

tl_var tl_matmul(tl_var a, tl_var b)
{
	tl_shape sa = tl_var_shape(a), sb = tl_var_shape(b);
	if (sa.axes < 2 || sb.axes < 2 || (sa.axes == 2 && sb.axes == 2))
		return tl__apply2(&tl_op_matmul, a, b);
	if (sb.axes == 2)
		return with_columns(tl__apply2(&tl_op_matmul, flat_rows(a), b), sa, sb.dim[1]);
	if (sa.axes == 2) {
		sa = sb;
		sa.dim[sb.axes - 2] = tl_dim(a, 0);
		sa.dim[sb.axes - 1] = tl_dim(a, 1);
		a = tl_broadcast(a, sa);
	}
	bool same = sa.axes == sb.axes;
	for (int i = 0; same && i < sa.axes - 2; i++)
		same = sa.dim[i] == sb.dim[i];
	if (!same || (sa.axes == 3 && sb.axes == 3))
		return tl__apply2(&tl_op_matmul, a, b);
	sa.dim[sa.axes - 1] = sb.dim[sb.axes - 1];
	b = flat_batch(b);
	return tl_reshape(tl__apply2(&tl_op_matmul, flat_batch(a), b), sa);
}

static tl_status linear_infer(tl_infer *s)
{
	tl_shape x = s->in[0]->shape, w = s->in[1]->shape, b = s->in[2]->shape;
	if (x.axes != 2 || w.axes != 2 || b.axes != 1)
		return tl_error_set(s->error, TL_ERR_SHAPE, "needs x (..., K), w (K, N), b (N)");
	if (x.dim[1] != w.dim[0] || w.dim[1] != b.dim[0])
		return tl_error_set(s->error, TL_ERR_SHAPE,
			"sizes differ: x has %lld columns, w is %lld x %lld, b has %lld", (long long)x.dim[1],
			(long long)w.dim[0], (long long)w.dim[1], (long long)b.dim[0]);
	s->out = TL_SHAPE(x.dim[0], w.dim[1]);
	return TL_OK;
}

static tl_status linear_kernel(const tl_call *c)
{
	tl_tensor rows = tl_tensor_broadcast(c->in[2], c->out->shape);
	tl_tensor_copy(c->out, &rows);
	return multiply(c, c->in[0], c->in[1], c->out, 1);
}

static tl_var linear_gradient(const tl_adjoint *a, int k)
{
	if (k == 0)
		return tl__apply2(&tl_op_matmul, a->dout, tl_t(a->in[1]));
	return k == 1 ? tl__apply2(&tl_op_matmul, tl_t(a->in[0]), a->dout) : a->dout;
}

const tl_op tl_op_linear = {
	.name = "linear",
	.arity = 3,
	.flags = TL_OP_PRODUCT,
	.infer = linear_infer,
	.kernel = linear_kernel,
	.gradient = linear_gradient,
	.samples = (tl_sample[]){{.n = 3, .in = {{2, {3, 4}}, {2, {4, 2}}, {1, {2}}}}, {0}},
};

tl_var tl_linear(tl_var x, tl_var w, tl_var b)
{
	tl_shape s = tl_var_shape(x);
	if (s.axes <= 2)
		return tl_apply(NULL, &tl_op_linear, 3, (tl_var[]){x, w, b}, NULL, 0);
	tl_var rows = tl_apply(NULL, &tl_op_linear, 3, (tl_var[]){flat_rows(x), w, b}, NULL, 0);
	return with_columns(rows, s, tl_dim(w, 1));
}
