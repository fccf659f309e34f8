/* SPDX-License-Identifier: Apache-2.0 */
/* Random data for `tapeloop bench`. It lives in the job's arena and is made before anything is timed. */
#include <string.h>

#include "tools/bench.h"

void *bench_alloc(bench_job *job, size_t bytes, tl_error *err)
{
	void *p = tl_arena_alloc(&job->memory, bytes);
	if (p)
		memset(p, 0, bytes);
	else
		tl_error_memory(err);
	return p;
}

tl_status bench_normal(bench_job *job, tl_shape shape, tl_tensor *out, tl_error *err)
{
	int64_t n = tl_shape_size(shape);
	tl_real *x = bench_alloc(job, (size_t)n * sizeof *x, err);
	for (int64_t i = 0; x && i < n; i++)
		x[i] = (tl_real)tl_rng_normal(&job->rng);
	*out = tl_tensor_dense(TL_REAL, shape, x);
	return x ? TL_OK : err->status;
}

tl_status bench_indices(bench_job *job, tl_shape shape, int64_t limit, tl_tensor *out, tl_error *err)
{
	int64_t n = tl_shape_size(shape);
	int32_t *x = bench_alloc(job, (size_t)n * sizeof *x, err);
	for (int64_t i = 0; x && i < n; i++)
		x[i] = (int32_t)tl_rng_below(&job->rng, limit);
	*out = tl_tensor_dense(TL_I32, shape, x);
	return x ? TL_OK : err->status;
}

int64_t bench_lengths(bench_job *job, int64_t low, int64_t high, int64_t n, int64_t *out)
{
	int64_t sum = 0;
	for (int64_t i = 0; i < n; i++) {
		out[i] = i ? low + tl_rng_below(&job->rng, high - low + 1) : high;
		sum += out[i];
	}
	return sum;
}
