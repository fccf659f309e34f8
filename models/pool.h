/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pooling over time: one vector for each sequence, of the last layer's outputs y_1..y_n, n its length.
 *
 *	last  [y_n of the forward direction, y_1 of the reverse one]: each one's after all of the sequence
 *	mean  (y_1 + ... + y_n) / n
 *	max   the greatest of y_1..y_n, element by element
 *
 * Padding counts for nothing. A sequence of length 0 gives zeros.
 */
#ifndef TL_MODELS_POOL_H
#define TL_MODELS_POOL_H

#include "models/rnn.h"

typedef enum tl_pool_rule {
	TL_POOL_LAST,
	TL_POOL_MEAN,
	TL_POOL_MAX,
} tl_pool_rule;

/*
 * output (T, B, D*H) of tl_rnn_run_ragged with these lengths, or of tl_rnn_run, and NULL -> (B, D*H). Not
 * batch first. Errors are on output's tape.
 */
TL_API tl_var tl_pool_over_time(tl_var output, const int64_t *lengths, tl_pool_rule rule, int directions);

#endif
