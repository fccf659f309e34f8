/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rows of a table's gradient may differ from 0. Not installed.
 *
 * The gradient of a table that is only looked up in is 0 but for the rows that were looked up: n of them in
 * a step, however many the table has. `grad` stays a tensor of the table's shape, right at any time, and the
 * rows that were added to are listed beside it. So whoever passes over the gradient (zero_grad, norms,
 * clipping, optimisers for which 0 means no change) passes over the listed rows.
 *
 *	grad   [0 0 0][a b c][0 0 0][0 0 0][d e f][0 0 0]
 *	row    {4, 1}                                       in the order in which they were met
 *	met    010010                                       one bit each
 *
 * Invariants, while the list is kept (row is not NULL) and `all` is false:
 *  1. A row of grad that is not listed is 0.
 *  2. A row stands in the list once, and just then its bit is set.
 * The list has room for every row from the start, of which memory that was never written to costs nothing;
 * so a step allocates nothing, whatever it looks up.
 */
#ifndef TL_GRAPH_TOUCHED_H
#define TL_GRAPH_TOUCHED_H

#include "graph/param.h"

struct tl_touched {
	bool all;      /* any row may differ from 0: the list says nothing */
	int64_t count; /* of rows listed */
	int32_t *row;  /* NULL: no list is kept, any row may differ from 0 */
	uint64_t *met;
};

/* Is there a list that says where the gradient may differ from 0? */
static inline bool tl__touched_listed(const tl_param *p)
{
	return p->touched && p->touched->row && !p->touched->all;
}

/* Makes the list if there is none and memory for one; looks through the gradient once. */
void tl__touched_start(tl_param *p);
/* Rows to which something is about to be added: n indices in range. */
void tl__touched_add(tl_param *p, int64_t n, const int32_t *index);
/* Sets the gradient to 0, by the list if there is one. */
void tl__touched_zero(tl_param *p);
/* Only forgets the list, as if the gradient were 0: whoever calls it makes it so. */
void tl__touched_forget(tl_param *p);
/* Sets n numbers to 0, and does not write to pages in which they are: the system may not have given them yet. */
void tl__zero(tl_real *x, int64_t n);
/* Gives the list's memory back; none is kept until one is started again. */
void tl__touched_release(tl_touched *t);

#endif
