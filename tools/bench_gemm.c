/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tapeloop bench gemm: products alone, of the two shapes that take most of an LSTM's step (35 steps of 32
 * rows, 256 units): all inputs by the weights, and the weights' gradient. The better one is the peak that
 * other works are held against; a multiply and an add count as two operations.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/gemm.h"
#include "tools/bench.h"
#include "tools/score.h"
#include "tools/options.h"
#include "tools/progress.h"

#define REPEATS 60 /* per shape; the fastest counts: it is a limit that is looked for */

enum { THREADS = 0x100 };

static const struct argp_option options[] = {
	{"threads", THREADS, "N", 0, "Threads (TL_THREADS, or all cores)", 0},
	{0},
};

static const char doc[] =
	"Time matrix products alone: the machine's peak, in thousand million operations a second.";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	int64_t *threads = state->input;
	switch (key) {
	case THREADS: *threads = option_int(state, "--threads", arg, 1, 4096); break;
	case ARGP_KEY_ARG: argp_error(state, "'%s' is not an option", arg); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Operations a second of the fastest of REPEATS products m x k by k x n; 0 on error. */
static double peak(bench_job *job, tl_pool *pool, int64_t m, int64_t n, int64_t k, tl_error *err)
{
	tl_tensor a, b, c;
	if (bench_normal(job, TL_SHAPE(m, k), &a, err) || bench_normal(job, TL_SHAPE(k, n), &b, err) ||
		bench_normal(job, TL_SHAPE(m, n), &c, err))
		return 0;
	tl_gemm g = {.m = m, .n = n, .k = k, .a = a.data, .lda = k, .b = b.data, .ldb = n, .c = c.data, .ldc = n,
		.pool = pool};
	double fastest = HUGE_VAL;
	for (int i = 0; i < REPEATS; i++) {
		double begin = seconds_now();
		if (tl__gemm(&g, err))
			return 0;
		double seconds = seconds_now() - begin;
		fastest = seconds < fastest ? seconds : fastest;
	}
	return 2 * (double)m * (double)n * (double)k / fastest;
}

/* Operations a second for both shapes. */
typedef struct peaks {
	double forward, gradient;
	int threads;
} peaks;

static tl_status measure(int threads, peaks *p, tl_error *err)
{
	bench_job job = {.rng = {.seed = 1}};
	tl_arena_init(&job.memory, 0);
	tl_pool *pool = tl_pool_new(threads ? threads : tl_threads_default());
	if (pool) {
		p->threads = tl_pool_threads(pool);
		p->forward = peak(&job, pool, 1120, 1024, 256, err);
		p->gradient = peak(&job, pool, 256, 1024, 1120, err);
	} else {
		tl_error_memory(err);
	}
	tl_pool_free(pool);
	tl_arena_release(&job.memory);
	return err->status;
}

double bench_gemm_peak(int threads, tl_error *err)
{
	peaks p;
	if (measure(threads, &p, err))
		return 0;
	return p.forward > p.gradient ? p.forward : p.gradient;
}

static tl_status report(const peaks *p, tl_error *err)
{
	char backend[32];
	double forward = p->forward / 1e9, gradient = p->gradient / 1e9;
	json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:i, s:f, s:f, s:f}", "work", "gemm", "framework", "tapeloop",
		"version", TL_VERSION, "backend", tl_gemm_backend(backend), "threads", p->threads, "gflops",
		forward > gradient ? forward : gradient, "gflops_1120x1024x256", forward, "gflops_256x1024x1120",
		gradient);
	return print_json_line(stdout, line) ? TL_OK : tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
}

tl_status bench_gemm(int argc, char **argv, tl_error *err)
{
	static const struct argp argp = {options, parse, NULL, doc, NULL, NULL, NULL};
	int64_t threads = 0;
	argp_parse(&argp, argc, argv, 0, NULL, &threads);
	peaks p;
	return measure((int)threads, &p, err) ? err->status : report(&p, err);
}
