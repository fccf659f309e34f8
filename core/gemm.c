/* SPDX-License-Identifier: Apache-2.0 */
#include "core/gemm.h"

#include <stdio.h>

#ifdef TL_DOUBLE

tl_status tl__gemm(const tl_gemm *g, tl_error *err)
{
	(void)err;
	tl__gemm_plain(g);
	return TL_OK;
}

const char *tl_gemm_backend(char buf[32])
{
	snprintf(buf, 32, "plain C");
	return buf;
}

#else

#include <dnnl.h>

#include "core/threads.h"

tl_status tl__gemm(const tl_gemm *g, tl_error *err)
{
	if (g->m == 0 || g->n == 0)
		return TL_OK;
	if (g->k == 0) {
		tl__gemm_plain(g);
		return TL_OK;
	}
	/* A thread costs some microseconds to wake: below about 64^3 multiply-adds it does not pay. */
	double work = (double)g->m * (double)g->n * (double)g->k;
	int before = tl__threads_limit(work < 262144 ? 1 : g->threads);
	dnnl_status_t status = dnnl_sgemm(g->ta ? 'T' : 'N', g->tb ? 'T' : 'N', g->m, g->n, g->k, 1.0f, g->a,
		g->lda, g->b, g->ldb, g->beta, g->c, g->ldc);
	tl__threads_limit(before);
	if (status != dnnl_success)
		return tl_error_set(err, status == dnnl_out_of_memory ? TL_ERR_MEMORY : TL_ERR_BACKEND,
			"oneDNN refused a product of %lld x %lld x %lld (status %d)", (long long)g->m,
			(long long)g->n, (long long)g->k, (int)status);
	return TL_OK;
}

const char *tl_gemm_backend(char buf[32])
{
	const dnnl_version_t *v = dnnl_version();
	snprintf(buf, 32, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
	return buf;
}

#endif
