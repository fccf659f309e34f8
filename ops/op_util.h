/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of ops/ share: elementwise kernels as one line, and recording. Not installed. */
#ifndef TL_OPS_OP_UTIL_H
#define TL_OPS_OP_UTIL_H

#include "core/vector.h"
#include "graph/algebra.h"

/* TL_MAP1(neg, -x): an elementwise kernel of one operand x. */
#define TL_MAP1(kernel, expression)                                                                         \
	TL_VECTOR static void kernel(const void *params, int64_t n, tl_real *out, const tl_real *const *in) \
	{                                                                                                   \
		(void)params;                                                                               \
		const tl_real *in0 = in[0];                                                                 \
		TL_INDEPENDENT                                                                              \
		for (int64_t i = 0; i < n; i++) {                                                           \
			tl_real x = in0[i];                                                                 \
			out[i] = (expression);                                                              \
		}                                                                                           \
	}

/* The same with parameters *p of a type, from which `setup` makes a local. */
#define TL_MAP1_PARAM(kernel, type, expression, setup)                                                      \
	TL_VECTOR static void kernel(const void *params, int64_t n, tl_real *out, const tl_real *const *in) \
	{                                                                                                   \
		const type *p = params;                                                                     \
		setup;                                                                                      \
		const tl_real *in0 = in[0];                                                                 \
		TL_INDEPENDENT                                                                              \
		for (int64_t i = 0; i < n; i++) {                                                           \
			tl_real x = in0[i];                                                                 \
			out[i] = (expression);                                                              \
		}                                                                                           \
	}

/* TL_MAP2(sub, a - b): of two operands. */
#define TL_MAP2(kernel, expression)                                                                         \
	TL_VECTOR static void kernel(const void *params, int64_t n, tl_real *out, const tl_real *const *in) \
	{                                                                                                   \
		(void)params;                                                                               \
		const tl_real *in0 = in[0], *in1 = in[1];                                                   \
		TL_INDEPENDENT                                                                              \
		for (int64_t i = 0; i < n; i++) {                                                           \
			tl_real a = in0[i], b = in1[i];                                                     \
			out[i] = (expression);                                                              \
		}                                                                                           \
	}

/* TL_MAP3(where, a != 0 ? b : c): of three operands. */
#define TL_MAP3(kernel, expression)                                                                         \
	TL_VECTOR static void kernel(const void *params, int64_t n, tl_real *out, const tl_real *const *in) \
	{                                                                                                   \
		(void)params;                                                                               \
		const tl_real *in0 = in[0], *in1 = in[1], *in2 = in[2];                                     \
		TL_INDEPENDENT                                                                              \
		for (int64_t i = 0; i < n; i++) {                                                           \
			tl_real a = in0[i], b = in1[i], c = in2[i];                                         \
			out[i] = (expression);                                                              \
		}                                                                                           \
	}

static inline tl_var tl__apply1(const tl_op *op, tl_var x)
{
	return tl_apply(NULL, op, 1, &x, NULL, 0);
}

static inline tl_var tl__apply2(const tl_op *op, tl_var a, tl_var b)
{
	tl_var in[2] = {a, b};
	return tl_apply(NULL, op, 2, in, NULL, 0);
}

static inline tl_var tl__apply3(const tl_op *op, tl_var a, tl_var b, tl_var c)
{
	tl_var in[3] = {a, b, c};
	return tl_apply(NULL, op, 3, in, NULL, 0);
}

/* For kernels: an operand's elements in row-major order, copied to scratch only where its strides need
 * it; NULL where memory is out. */
const void *tl__dense(const tl_call *c, const tl_tensor *t);

#endif
