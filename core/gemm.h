/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix products: C = beta C + op(A) op(B), row-major with any leading dimension, op(A) m x k,
 * op(B) k x n. tl__gemm is oneDNN's in the float build and the plain one in the double build;
 * tl__gemm_plain is its oracle in the tests.
 *
 * Some of oneDNN's products (up to 3.11, with AVX-512 or AVX2) let the stack pointer point into a buffer on the heap.
 * A signal handler that runs then overwrites what lies before it, and a later free() aborts: a program that handles
 * signals while it computes gives its handlers a stack of their own (sigaltstack, SA_ONSTACK).
 * https://github.com/uxlfoundation/oneDNN/issues/4845
 */
#ifndef TL_CORE_GEMM_H
#define TL_CORE_GEMM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"
#include "core/threads.h"

typedef struct tl_gemm {
	bool ta, tb;       /* A, B stored transposed: A is k x m, B is n x k */
	int64_t m, n, k;
	const tl_real *a;
	int64_t lda;       /* elements from one stored row to the next */
	const tl_real *b;
	int64_t ldb;
	tl_real beta;      /* 0: C is written without being read */
	tl_real *c;
	int64_t ldc;
	tl_pool *pool;
} tl_gemm;

/*
 * Products are cut into tiles whose operands and result stay in the second-level cache; threads share them by
 * multiples of TL_TILE_UNIT rows or columns, if each has TL_SHARED_WORK multiply-adds (about 10 us), or takes as
 * long.
 */
#define TL_TILE_ROWS 256
#define TL_TILE_COLUMNS 512
#define TL_TILE_DEPTH 768
#define TL_TILE_UNIT 16
#define TL_SHARED_WORK ((int64_t)1 << 20)

/* Products of few rows or columns take as long as one of so many: the time is that of reading the other operand. */
#define TL_FEW_ROWS 8

static inline double tl__gemm_work(int64_t m, int64_t n, int64_t k)
{
	int64_t least = m < n ? m : n, most = m < n ? n : m;
	return (double)(least < TL_FEW_ROWS ? TL_FEW_ROWS : least) * (double)most * (double)k;
}

/* Of a product so low that each element of B is read once and hardly used, B's rows are best read from end to end. */
#define TL_LOW_ROWS 8

static inline int64_t tl__tile_columns(int64_t rows, int64_t columns)
{
	return rows <= TL_LOW_ROWS ? columns : TL_TILE_COLUMNS;
}

TL_API tl_status tl__gemm(const tl_gemm *g, tl_error *err);
TL_API void tl__gemm_plain(const tl_gemm *g);

/* "oneDNN 3.7.2" or "plain C". */
TL_API const char *tl_gemm_backend(char buf[32]);

#endif
