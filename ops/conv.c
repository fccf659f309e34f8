/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/conv.h"

#include <inttypes.h>
#include <stdio.h>

#include "graph/algebra.h"
#include "ops/layout.h"
#include "ops/matmul.h"

typedef struct geometry {
	int64_t kernel, stride, dilation, before, after, steps; /* steps: T' */
} geometry;

static tl_var refuse(tl_var x, tl_status status, const char *what)
{
	char shape[TL_SHAPE_TEXT];
	return tl_tape_fail(
		x.tape, status, "conv1d: %s; x has shape %s", what, tl_shape_text(tl_var_shape(x), shape));
}

static bool check_shapes(tl_var x, tl_var w, tl_var b)
{
	tl_shape sx = tl_var_shape(x), sw = tl_var_shape(w);
	char text[160];
	if (sx.axes != 3 || sw.axes != 3 || sw.dim[0] < 1) {
		refuse(x, TL_ERR_SHAPE, "x (T, B, E) and w (K, E, O) with K > 0 are needed");
	} else if (sx.dim[2] != sw.dim[1]) {
		snprintf(text, sizeof text, "w takes %" PRId64 " columns", sw.dim[1]);
		refuse(x, TL_ERR_SHAPE, text);
	} else if (b.tape && !tl_shape_equal(tl_var_shape(b), TL_SHAPE(sw.dim[2]))) {
		snprintf(text, sizeof text, "b must have shape (%" PRId64 ")", sw.dim[2]);
		refuse(x, TL_ERR_SHAPE, text);
	} else {
		return true;
	}
	return false;
}

/* Sizes are bounded so that no sum overflows. */
static bool place_kernel(tl_var x, tl_var w, const tl_conv1d_options *o, geometry *g)
{
	const int64_t most = INT64_C(1) << 29;
	int64_t steps = tl_dim(x, 0), stride = o->stride ? o->stride : 1, dilation = o->dilation ? o->dilation : 1;
	*g = (geometry){tl_dim(w, 0), stride, dilation, o->before, o->after, 0};
	if (stride < 1 || stride > most || dilation < 1 || dilation > most || g->kernel > most || o->before < 0 ||
		o->before > most || o->after < 0 || o->after > most) {
		refuse(x, TL_ERR_ARGUMENT,
			"stride and dilation must be positive, paddings not negative, and all at most 2^29");
		return false;
	}
	int64_t reach = dilation * (g->kernel - 1);
	if (o->padding != TL_CONV_GIVEN) {
		g->before = o->padding == TL_CONV_SAME ? reach / 2 : reach;
		g->after = reach - g->before;
	}
	int64_t room = steps + g->before + g->after - reach;
	if (steps < 1 || room < 1) {
		char text[160];
		snprintf(text, sizeof text,
			"the kernel reaches over %" PRId64 " steps, there are %" PRId64 " with the padding",
			reach + 1, steps + g->before + g->after);
		refuse(x, TL_ERR_SHAPE, text);
		return false;
	}
	g->steps = (room - 1) / stride + 1;
	return true;
}

/* The steps of x that tap k of the kernel reads, as rows: (T' B, E). */
static tl_var rows_of(tl_var x, const geometry *g, int64_t k)
{
	int64_t first = k * g->dilation, last = first + (g->steps - 1) * g->stride;
	tl_var part = tl_slice(x, 0, first, last + 1, g->stride);
	return tl_reshape(part, TL_SHAPE(g->steps * tl_dim(x, 1), tl_dim(x, 2)));
}

tl_var tl_conv1d(tl_var x, tl_var w, tl_var b, const tl_conv1d_options *options)
{
	geometry g;
	if (!tl_ok(x) || !tl_ok(w) || (b.tape && !tl_ok(b)))
		return tl_add(x, b.tape && !tl_ok(b) ? b : w); /* reports why */
	if (!check_shapes(x, w, b) || !place_kernel(x, w, options ? options : &(tl_conv1d_options){0}, &g))
		return (tl_var){x.tape, 0, x.generation};
	tl_var *in = tl_tape_alloc(x.tape, (size_t)(2 * g.kernel) * sizeof *in);
	if (!in)
		return (tl_var){x.tape, 0, x.generation};
	int64_t batch = tl_dim(x, 1);
	if (g.before || g.after)
		x = tl_pad(x, 0, g.before, g.after, 0);
	for (int64_t k = 0; k < g.kernel; k++) {
		in[2 * k] = rows_of(x, &g, k);
		in[2 * k + 1] = tl_select(w, 0, k);
	}
	tl_var y = tl_apply(x.tape, &tl_op_matmul, (int)(2 * g.kernel), in, NULL, 0);
	y = b.tape ? tl_add(y, b) : y;
	return tl_reshape(y, TL_SHAPE(g.steps, batch, tl_dim(w, 2)));
}
