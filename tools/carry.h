/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recurrent state carried from tape to tape: read out of one as numbers, put into the next as inputs.
 * So it is detached by construction: no gradient flows from a window into the one before.
 */
#ifndef TL_TOOLS_CARRY_H
#define TL_TOOLS_CARRY_H

#include "models/rnn.h"

typedef struct carry {
	int n;           /* states of the cell */
	tl_shape shape;  /* of each: (layers, B, H) */
	tl_real *values; /* all of them; zeros at first */
} carry;

tl_status carry_init(carry *c, const tl_rnn *rnn, int64_t batch, tl_error *err);
void carry_clear(carry *c); /* back to zeros */
void carry_release(carry *c);

/* The values as inputs of a tape. */
tl_state carry_in(const carry *c, tl_tape *tape);
/* The values from a tape. On an error nothing is to be relied on. */
tl_status carry_out(carry *c, tl_state last);

#endif
