/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution over time, x (T, B, E), w (K, E, O), b (O):
 *
 *	y[t, b] = b + sum over k < K of x[stride t + dilation k - before, b] w[k],    x = 0 outside of 0..T-1
 *
 * y (T', B, O), T' = (T + before + after - dilation (K - 1) - 1) / stride + 1, rounded down. (torch.nn.Conv1d has
 * x (B, E, T) and w (O, E, K).)
 *
 * It is a sum of K products of (T' B, E) with (E, O), recorded as one node; its gradients are products, too, and
 * can be differentiated again. With stride 1 the left operands are read where they lie in x. Measured against
 * oneDNN's convolution (2.6.3, AVX-512, two threads, x as its nhwc image of T x B pixels, E = O = 128..256,
 * K = 3 and 5, T B = 640..3200): the primitive is 2 to 13 % faster forward and 0 to 11 % for dx, but takes 1.3 to
 * 1.5 times as long for dw, and needs the weights reordered each step; all in all the products need 0.86 to 0.97
 * of its time. So there is no kernel of its own.
 */
#ifndef TL_OPS_CONV_H
#define TL_OPS_CONV_H

#include "graph/tape.h"

typedef enum tl_conv_padding {
	TL_CONV_GIVEN, /* `before` and `after` */
	TL_CONV_SAME,  /* T' = T / stride, rounded up: dilation (K - 1) zeros, half of them, rounded down, before */
	TL_CONV_CAUSAL, /* all of them before: y[t] sees nothing after x[stride t] */
} tl_conv_padding;

/* Zero-initialise: no padding. */
typedef struct tl_conv1d_options {
	int64_t stride;   /* 0: 1 */
	int64_t dilation; /* 0: 1 */
	tl_conv_padding padding;
	int64_t before, after; /* for TL_CONV_GIVEN */
} tl_conv1d_options;

/* b may be {0}, options NULL. */
TL_API tl_var tl_conv1d(tl_var x, tl_var w, tl_var b, const tl_conv1d_options *options);

#endif
