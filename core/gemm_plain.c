/* SPDX-License-Identifier: Apache-2.0 */
/* The plain twin of oneDNN's product: loops ordered so that the innermost one runs along rows of C. */
#include "core/gemm.h"

void tl__gemm_plain(const tl_gemm *g)
{
	for (int64_t i = 0; i < g->m; i++) {
		tl_real *c = g->c + i * g->ldc;
		for (int64_t j = 0; j < g->n; j++)
			c[j] = g->beta == 0 ? 0 : g->beta * c[j];
		for (int64_t p = 0; p < g->k; p++) {
			tl_real a = g->ta ? g->a[p * g->lda + i] : g->a[i * g->lda + p];
			int64_t step = g->tb ? g->ldb : 1;
			const tl_real *b = g->tb ? g->b + p : g->b + p * g->ldb;
			for (int64_t j = 0; j < g->n; j++)
				c[j] += a * b[j * step];
		}
	}
}
