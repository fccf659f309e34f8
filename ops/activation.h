/* SPDX-License-Identifier: Apache-2.0 */
/* Activation functions, element by element; NaN stays NaN. */
#ifndef TL_OPS_ACTIVATION_H
#define TL_OPS_ACTIVATION_H

#include "graph/tape.h"

TL_API tl_var tl_sigmoid(tl_var x); /* 1 / (1 + e^-x) */
TL_API tl_var tl_tanh(tl_var x);
TL_API tl_var tl_relu(tl_var x);                     /* x where x > 0, else 0; at 0 the gradient is 0 */
TL_API tl_var tl_leaky_relu(tl_var x, double slope); /* x where x > 0, else slope x */
TL_API tl_var tl_elu(tl_var x, double alpha);        /* x where x > 0, else alpha (e^x - 1) */
TL_API tl_var tl_softplus(tl_var x);                 /* log(1 + e^x), for all x without overflow */
TL_API tl_var tl_gelu(tl_var x);                     /* x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2 */

/*
 * Backward passes as single nodes, of the result y where that is enough. Operands broadcast together;
 * they can be differentiated again.
 */
TL_API tl_var tl_sigmoid_grad(tl_var dout, tl_var y); /* dout y (1 - y) */
TL_API tl_var tl_tanh_grad(tl_var dout, tl_var y);    /* dout (1 - y^2) */
TL_API tl_var tl_gelu_grad(tl_var dout, tl_var x);    /* dout (Phi(x) + x Phi'(x)) */

extern TL_API const tl_op tl_op_sigmoid, tl_op_tanh, tl_op_relu, tl_op_leaky_relu, tl_op_elu, tl_op_softplus,
	tl_op_gelu, tl_op_sigmoid_grad, tl_op_tanh_grad, tl_op_gelu_grad;

#endif
