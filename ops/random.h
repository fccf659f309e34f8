/* SPDX-License-Identifier: Apache-2.0 */
/* Variables that are drawn: noise, random starts. No gradient flows to them. */
#ifndef TL_OPS_RANDOM_H
#define TL_OPS_RANDOM_H

#include "graph/tape.h"

/*
 * Normal numbers of this mean and standard deviation. TL_ERR_ARGUMENT unless both are finite and std >= 0. What
 * is drawn follows from the tape's seed and step and from how many random nodes were recorded before, whatever the
 * number of threads.
 */
TL_API tl_var tl_random_normal(tl_tape *tape, tl_shape shape, double mean, double std);

extern TL_API const tl_op tl_op_random_normal;

#endif
