/* SPDX-License-Identifier: Apache-2.0 */
/* The two are each other's gradient. Adjoints of many parts add up to one vector. */
#include "graph/flat.h"

#include <string.h>

#include "graph/node.h"

typedef struct part_params {
	int64_t offset;
	tl_shape shape;
} part_params;

/* `shape` of the vector from `offset` on. */
static bool look(const tl_tensor *flat, int64_t offset, tl_shape shape, tl_tensor *out)
{
	tl_tensor part = *flat;
	part.shape = TL_SHAPE(tl_shape_size(shape));
	part.data = (char *)flat->data + offset * flat->stride[0] * (int64_t)tl_dtype_size(flat->dtype);
	return tl_tensor_reshape(&part, shape, out);
}

static tl_status flat_infer(tl_infer *s)
{
	const int64_t *size = s->params, *offset = size + 1;
	s->out = TL_SHAPE(*size);
	for (int k = 0; k < s->n_in; k++)
		if (offset[k] < 0 || tl_shape_size(s->in[k]->shape) > *size - offset[k])
			return tl_error_set(s->error, TL_ERR_SHAPE, "operand %d does not fit the result", k);
	return TL_OK;
}

/* Does one operand begin where another ends, from the first element to the last? */
static bool covered(int64_t size, const int64_t *offset, int n, const tl_tensor *const *in)
{
	int64_t end = 0;
	for (int done = 0; done < n; done++) {
		int k = done; /* mostly they come in order */
		for (int tries = 0; tries < n && (offset[k] != end || tl_shape_size(in[k]->shape) == 0); tries++)
			k = (k + 1) % n;
		if (offset[k] != end || tl_shape_size(in[k]->shape) == 0)
			return false;
		end += tl_shape_size(in[k]->shape);
	}
	return end == size;
}

static bool flat_parts(const void *params, int n, const tl_tensor *const *in, const tl_tensor *out, tl_tensor *part,
	tl_arena *scratch)
{
	const int64_t *size = params, *offset = size + 1;
	(void)scratch;
	bool fits = covered(*size, offset, n, in);
	for (int k = 0; k < n && fits; k++)
		fits = look(out, offset[k], in[k]->shape, &part[k]);
	return fits;
}

static tl_status flat_kernel(const tl_call *c)
{
	const int64_t *size = c->params, *offset = size + 1;
	memset(c->out->data, 0, (size_t)*size * sizeof(tl_real));
	for (int k = 0; k < c->n_in; k++) {
		tl_tensor to;
		look(c->out, offset[k], c->in[k]->shape, &to);
		tl_tensor_add(&to, c->in[k]);
	}
	return TL_OK;
}

static tl_var flat_gradient(const tl_adjoint *a, int k)
{
	return tl__flat_part(a->dout, ((const int64_t *)a->params)[1 + k], tl_var_shape(a->in[k]));
}

/* n vectors of one size as one: all their operands. */
static tl_var flat_sum(int n, const tl_var *v)
{
	uint32_t total = 0;
	tl_tape *t = v[0].tape;
	for (int i = 0; i < n; i++)
		total += (uint32_t)tl_var_operands(v[i]);
	tl_var *in = tl_tape_alloc(t, (size_t)total * sizeof *in);
	int64_t *p = tl_tape_alloc(t, (total + 1) * sizeof *p);
	if (!in || !p)
		return tl__var(t, 0);
	p[0] = tl_dim(v[0], 0);
	uint32_t used = 0;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < tl_var_operands(v[i]); k++) {
			in[used] = tl_var_operand(v[i], k);
			p[++used] = ((const int64_t *)tl_var_params(v[i]))[1 + k];
		}
	return tl_apply(t, &tl__op_flat, (int)total, in, p, (total + 1) * sizeof *p);
}

const tl_op tl__op_flat = {
	.name = "flat",
	.arity = TL_VARIADIC,
	.infer = flat_infer,
	.kernel = flat_kernel,
	.parts = flat_parts,
	.gradient = flat_gradient,
	.sum = flat_sum,
};

static tl_status part_infer(tl_infer *s)
{
	const part_params *p = s->params;
	s->out = p->shape;
	if (s->in[0]->shape.axes != 1 || p->offset < 0 ||
		tl_shape_size(p->shape) > s->in[0]->shape.dim[0] - p->offset)
		return tl_error_set(s->error, TL_ERR_SHAPE, "the part reaches outside the vector");
	return TL_OK;
}

static bool part_view(const void *params, const tl_tensor *in, tl_tensor *out)
{
	const part_params *p = params;
	return look(in, p->offset, p->shape, out);
}

static tl_status part_kernel(const tl_call *c)
{
	const part_params *p = c->params;
	tl_tensor from = *c->in[0], to = *c->out;
	from.shape = TL_SHAPE(tl_shape_size(p->shape));
	from.data = (tl_real *)from.data + p->offset * from.stride[0];
	to = tl_tensor_dense(TL_REAL, from.shape, to.data);
	tl_tensor_copy(&to, &from);
	return TL_OK;
}

static tl_var part_gradient(const tl_adjoint *a, int k)
{
	int64_t p[2] = {tl_dim(a->in[k], 0), ((const part_params *)a->params)->offset};
	return tl_apply(NULL, &tl__op_flat, 1, &a->dout, p, sizeof p);
}

const tl_op tl__op_flat_part = {
	.name = "flat_part",
	.arity = 1,
	.infer = part_infer,
	.kernel = part_kernel,
	.view = part_view,
	.gradient = part_gradient,
};

tl_var tl__flat(tl_tape *t, int n, const tl_var *v)
{
	size_t bytes = ((size_t)n + 1) * sizeof(int64_t);
	int64_t *p = tl_tape_alloc(t, bytes);
	if (!p)
		return tl__var(t, 0);
	p[0] = 0;
	for (int k = 0; k < n; k++) {
		p[k + 1] = p[0];
		p[0] += tl_shape_size(tl_var_shape(v[k]));
	}
	return tl_apply(t, &tl__op_flat, n, v, p, bytes);
}

tl_var tl__flat_part(tl_var flat, int64_t offset, tl_shape shape)
{
	part_params p = {offset, shape};
	return tl_apply(NULL, &tl__op_flat_part, 1, &flat, &p, sizeof p);
}
