/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First values of parameters. Draws come from the given tl_rng alone and in row-major order, so equal
 * states give equal values, whatever the strides.
 *
 * A weight here is a matrix (in, out) used as x W: fan_in is dim[0] and fan_out is dim[1], the other
 * way round than in torch.nn.init, whose weights are (out, in). Functions that need fans or a matrix
 * return TL_ERR_SHAPE for anything that has not two axes; the others always succeed.
 *
 * Only param->value is looked at, and it may have any strides. So one gate's columns of a stacked matrix
 * are initialised through a tl_param of one's own whose value is that part of the matrix.
 */
#ifndef TL_OPTIM_INIT_H
#define TL_OPTIM_INIT_H

#include "core/random.h"
#include "core/status.h"
#include "graph/param.h"

TL_API void tl_init_constant(tl_param *param, double value);
/* Evenly from low to high. */
TL_API void tl_init_uniform(tl_param *param, tl_rng *rng, double low, double high);
TL_API void tl_init_normal(tl_param *param, tl_rng *rng, double mean, double std);

/*
 * Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS
 * 2010: mean 0, standard deviation gain sqrt(2 / (fan_in + fan_out)).
 */
TL_API tl_status tl_init_xavier_uniform(tl_param *param, tl_rng *rng, double gain, tl_error *err);
TL_API tl_status tl_init_xavier_normal(tl_param *param, tl_rng *rng, double gain, tl_error *err);

/*
 * He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015: mean 0, standard deviation
 * sqrt(2 / (1 + slope^2) / fan_in); slope is that of a leaky ReLU below 0: 0 for a ReLU, 1 for none.
 */
TL_API tl_status tl_init_kaiming_uniform(tl_param *param, tl_rng *rng, double slope, tl_error *err);
TL_API tl_status tl_init_kaiming_normal(tl_param *param, tl_rng *rng, double slope, tl_error *err);

/*
 * gain times a random matrix whose rows are orthonormal (its columns, if there are more rows than
 * columns): Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep
 * linear neural networks", ICLR 2014. TL_ERR_MEMORY.
 */
TL_API tl_status tl_init_orthogonal(tl_param *param, tl_rng *rng, double gain, tl_error *err);

/* gain on the diagonal, 0 elsewhere: Le, Jaitly, Hinton, "A simple way to initialize recurrent networks
 * of rectified linear units", 2015. */
TL_API tl_status tl_init_identity(tl_param *param, double gain, tl_error *err);

#endif
