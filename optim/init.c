/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/init.h"

#include <math.h>
#include <stdlib.h>

#include "core/walk.h"

/* a + b times a draw: uniform in [0, 1), or normal. Without a tl_rng the draw counts as 0. */
typedef struct filling {
	tl_rng *rng;
	double (*draw)(tl_rng *rng);
	double a, b;
} filling;

static void fill_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	const filling *f = ctx;
	tl_real *to = (tl_real *)at[0];
	for (int64_t i = 0; i < n; i++)
		to[i * step[0]] = (tl_real)(f->rng ? f->a + f->b * f->draw(f->rng) : f->a);
}

static void fill(tl_param *p, filling f)
{
	tl__walk(1, (const tl_tensor *[]){&p->value}, fill_run, &f);
}

void tl_init_constant(tl_param *p, double value)
{
	fill(p, (filling){.a = value});
}

void tl_init_uniform(tl_param *p, tl_rng *rng, double low, double high)
{
	fill(p, (filling){rng, tl_rng_uniform, low, high - low});
}

void tl_init_normal(tl_param *p, tl_rng *rng, double mean, double std)
{
	fill(p, (filling){rng, tl_rng_normal, mean, std});
}

static tl_status need_matrix(const tl_param *p, const char *who, tl_error *err)
{
	char text[TL_SHAPE_TEXT];
	if (p->value.shape.axes == 2)
		return TL_OK;
	return tl_error_set(err, TL_ERR_SHAPE, "%s: parameter '%s' has shape %s and is no matrix (in, out)",
		who, p->name ? p->name : "", tl_shape_text(p->value.shape, text));
}

/* Uniform numbers in [-b, b] have the standard deviation b / sqrt(3). */
static void uniform_std(tl_param *p, tl_rng *rng, double std)
{
	double bound = sqrt(3) * std;
	tl_init_uniform(p, rng, -bound, bound);
}

static double xavier_std(const tl_param *p, double gain)
{
	const int64_t *dim = p->value.shape.dim;
	return gain * sqrt(2 / (double)(dim[0] + dim[1]));
}

tl_status tl_init_xavier_uniform(tl_param *p, tl_rng *rng, double gain, tl_error *err)
{
	tl_status status = need_matrix(p, "xavier_uniform", err);
	if (!status)
		uniform_std(p, rng, xavier_std(p, gain));
	return status;
}

tl_status tl_init_xavier_normal(tl_param *p, tl_rng *rng, double gain, tl_error *err)
{
	tl_status status = need_matrix(p, "xavier_normal", err);
	if (!status)
		tl_init_normal(p, rng, 0, xavier_std(p, gain));
	return status;
}

static double kaiming_std(const tl_param *p, double slope)
{
	return sqrt(2 / (1 + slope * slope) / (double)p->value.shape.dim[0]);
}

tl_status tl_init_kaiming_uniform(tl_param *p, tl_rng *rng, double slope, tl_error *err)
{
	tl_status status = need_matrix(p, "kaiming_uniform", err);
	if (!status)
		uniform_std(p, rng, kaiming_std(p, slope));
	return status;
}

tl_status tl_init_kaiming_normal(tl_param *p, tl_rng *rng, double slope, tl_error *err)
{
	tl_status status = need_matrix(p, "kaiming_normal", err);
	if (!status)
		tl_init_normal(p, rng, 0, kaiming_std(p, slope));
	return status;
}

static tl_real *element(const tl_param *p, int64_t i, int64_t j)
{
	return (tl_real *)p->value.data + i * p->value.stride[0] + j * p->value.stride[1];
}

tl_status tl_init_identity(tl_param *p, double gain, tl_error *err)
{
	tl_status status = need_matrix(p, "identity", err);
	if (status)
		return status;
	tl_init_constant(p, 0);
	for (int64_t i = 0; i < p->value.shape.dim[0] && i < p->value.shape.dim[1]; i++)
		*element(p, i, i) = (tl_real)gain;
	return TL_OK;
}

#define LANES 4 /* sums side by side, so that additions do not wait for each other */

static double dot(int64_t n, const double *a, const double *b)
{
	double lane[LANES] = {0}, sum = 0;
	int64_t i = 0;
	for (; i + LANES <= n; i += LANES)
		for (int j = 0; j < LANES; j++)
			lane[j] += a[i + j] * b[i + j];
	for (; i < n; i++)
		sum += a[i] * b[i];
	return sum + ((lane[0] + lane[1]) + (lane[2] + lane[3]));
}

/*
 * Draws `count` vectors of n >= count normal numbers and makes them orthonormal by the modified
 * Gram-Schmidt process, each taken off the others' directions twice ("twice is enough": Giraud, Langou,
 * Rozloznik, 2005). This is the Q of a QR decomposition whose R has a positive diagonal, so Q is
 * uniformly distributed (Mezzadri, "How to generate random matrices from the classical compact groups",
 * 2007).
 */
static void orthonormal(int64_t count, int64_t n, double *q, tl_rng *rng)
{
	for (int64_t i = 0; i < count; i++) {
		double *v = q + i * n, length;
		do {
			for (int64_t k = 0; k < n; k++)
				v[k] = tl_rng_normal(rng);
			for (int64_t pass = 0; pass < 2; pass++)
				for (int64_t j = 0; j < i; j++) {
					const double *u = q + j * n;
					double along = dot(n, u, v);
					for (int64_t k = 0; k < n; k++)
						v[k] -= along * u[k];
				}
			length = sqrt(dot(n, v, v));
		} while (length < 1e-6); /* the draw lay among the directions before: another one */
		for (int64_t k = 0; k < n; k++)
			v[k] /= length;
	}
}

tl_status tl_init_orthogonal(tl_param *p, tl_rng *rng, double gain, tl_error *err)
{
	tl_status status = need_matrix(p, "orthogonal", err);
	if (status)
		return status;
	int64_t rows = p->value.shape.dim[0], columns = p->value.shape.dim[1];
	bool tall = rows > columns;
	int64_t count = tall ? columns : rows, n = tall ? rows : columns;
	if (count == 0)
		return TL_OK;
	double *q = malloc((size_t)(count * n) * sizeof *q);
	if (!q)
		return tl_error_memory(err);
	orthonormal(count, n, q, rng);
	for (int64_t i = 0; i < count; i++)
		for (int64_t k = 0; k < n; k++)
			*(tall ? element(p, k, i) : element(p, i, k)) = (tl_real)(gain * q[i * n + k]);
	free(q);
	return TL_OK;
}
