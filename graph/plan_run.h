/* SPDX-License-Identifier: Apache-2.0 */
/* Running a plan. For the files plan_*.c only. */
#ifndef TL_GRAPH_PLAN_RUN_H
#define TL_GRAPH_PLAN_RUN_H

#include <stdatomic.h>

#include "graph/check_run.h"
#include "graph/plan_ir.h"

/* Addresses of the bases, and each thread's buffers. */
typedef struct tl_frame {
	tl_tape *tape;
	tl_pool *pool; /* NULL: all on this thread */
	char **bases;
	tl_real *buffers; /* threads x buffers_each x TL_BLOCK */
	uint32_t buffers_each;
	tl_arena *scratch;
	uint64_t computed;
	uint32_t last; /* instruction that was begun */
	tl_bits limit;        /* of results: see tl__check_limit */
	atomic_bool *beyond;  /* one was not below it */
} tl_frame;

static inline void *tl__address(const tl_frame *f, tl_ref r)
{
	return f->bases[r.base] + r.offset;
}

/* Rows [first, last) of a program's domain, with the buffers of thread `part`. */
void tl__run_map(const tl_map_step *m, const tl_frame *f, int part, int64_t first, int64_t last);
int64_t tl__map_rows(const tl_map_step *m);
/* Rows [first, last) of a product, on this thread. */
tl_status tl__run_gemm(const tl_gemm_step *g, const tl_frame *f, int64_t first, int64_t last, tl_error *err);

/* Ends early where a result is beyond the limit. */
tl_status tl__run_plan(const tl_plan *plan, tl_frame *f);

/*
 * A plan for these nodes of a tape whose executor is the planned one, and that is asked for nothing else: it lasts as
 * long as the tape. NULL, and an error on the tape, where there is none.
 */
const tl_plan *tl__plan_of(tl_tape *tape, int n, const uint32_t *want);

#endif
