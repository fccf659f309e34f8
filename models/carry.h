/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recurrent state carried from tape to tape: read out of one as numbers, put into the next as inputs.
 * So it is detached by construction: no gradient flows from a window into the one before.
 *
 *	tl_carry carry;
 *	if (tl_carry_init(&carry, rnn, B, &err)) ...
 *	for (each window) {
 *		tl_tape_reset(tape);
 *		tl_rnn_result r = tl_rnn_run(rnn, x, tl_carry_in(&carry, tape), true);
 *		...
 *		if (tl_carry_out(&carry, r.last)) ...
 *	}
 *	tl_carry_release(&carry);
 */
#ifndef TL_MODELS_CARRY_H
#define TL_MODELS_CARRY_H

#include "models/rnn.h"

typedef struct tl_carry {
	int n;                           /* states of the cell */
	tl_shape shape[TL_MAX_STATES];   /* of each: (layers*D, B, H) */
	tl_real *values;                 /* `size` numbers, state upon state: to be saved and read back as they are */
	int64_t size;
	bool started; /* values are of a run */
	bool zeros;   /* the net starts from zeros */
} tl_carry;

TL_API tl_status tl_carry_init(tl_carry *c, const tl_rnn *rnn, int64_t batch, tl_error *err);
/* For any model with n states of these shapes, 0 to TL_MAX_STATES; zeros: it may start from zeros, too. */
TL_API tl_status tl_carry_init_shapes(tl_carry *c, int n, const tl_shape *shapes, bool zeros, tl_error *err);
TL_API void tl_carry_clear(tl_carry *c); /* back to the start */
TL_API void tl_carry_release(tl_carry *c);

/* The values as inputs of a tape; at the start none where the net has one of its own (tl_rnn_options.start). */
TL_API tl_state tl_carry_in(const tl_carry *c, tl_tape *tape);
/* The values from a tape. On an error nothing is to be relied on. */
TL_API tl_status tl_carry_out(tl_carry *c, tl_state last);

#endif
