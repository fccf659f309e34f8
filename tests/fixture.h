/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that a script of tools/fixtures wrote: inputs, results and gradients of PyTorch's, under this library's
 * names. Tensors that go in are parameters of a store, whose gradients are compared, too.
 */
#ifndef TL_TESTS_FIXTURE_H
#define TL_TESTS_FIXTURE_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/tapeloop.h"

static const double fixture_tolerance = sizeof(tl_real) == sizeof(double) ? 1e-9 : 1e-5;

typedef struct fixture {
	tl_safetensors *file;
	char prefix[32]; /* before every name */
	tl_tape *tape;
	tl_store *store;
} fixture;

static inline fixture fixture_open(const char *name)
{
	char path[1024];
	tl_error err = {0};
	fixture f = {.tape = tl_tape_new(NULL), .store = tl_store_new()};
	snprintf(path, sizeof path, "%s/%s.safetensors", TL_FIXTURES, name);
	f.file = tl_safetensors_open(path, &err);
	ck_assert_msg(f.file && f.tape && f.store, "%s", err.text);
	return f;
}

static inline void fixture_close(fixture *f)
{
	tl_safetensors_free(f->file);
	tl_store_free(f->store);
	tl_tape_free(f->tape);
}

static inline bool fixture_has(const fixture *f, const char *before, const char *name)
{
	char full[256];
	snprintf(full, sizeof full, "%s%s%s", f->prefix, before, name);
	return tl_safetensors_find(f->file, full) >= 0;
}

/* A tensor in memory that the caller frees. */
static inline tl_tensor fixture_load(const fixture *f, const char *before, const char *name, tl_dtype dtype)
{
	char full[256];
	tl_error err = {0};
	snprintf(full, sizeof full, "%s%s%s", f->prefix, before, name);
	int k = tl_safetensors_find(f->file, full);
	ck_assert_msg(k >= 0, "the file lacks %s", full);
	tl_shape shape = tl_safetensors_shape(f->file, k);
	tl_tensor t =
		tl_tensor_dense(dtype, shape, malloc((size_t)tl_shape_size(shape) * tl_dtype_size(dtype) + 1));
	ck_assert_ptr_nonnull(t.data);
	ck_assert_msg(tl_safetensors_read(f->file, k, &t, &err) == TL_OK, "%s", err.text);
	return t;
}

/* The values of a parameter that stands in the store. */
static inline void fixture_set(const fixture *f, tl_param *p)
{
	tl_tensor t = fixture_load(f, "", p->name, TL_REAL);
	ck_assert_msg(tl_shape_equal(t.shape, p->value.shape), "%s has another shape", p->name);
	tl_tensor_copy(&p->value, &t);
	free(t.data);
}

/* An input as a parameter of its own. */
static inline tl_param *fixture_add(const fixture *f, const char *name)
{
	tl_error err = {0};
	tl_tensor t = fixture_load(f, "", name, TL_REAL);
	tl_param *p = tl_store_add(f->store, name, t.shape, &err);
	ck_assert_msg(p != NULL, "%s", err.text);
	tl_tensor_copy(&p->value, &t);
	free(t.data);
	return p;
}

static inline void fixture_set_all(const fixture *f)
{
	for (int k = 0; k < tl_store_count(f->store); k++)
		fixture_set(f, tl_store_at(f->store, k));
}

static inline void fixture_compare_to(const char *name, const tl_tensor *got, const tl_tensor *want)
{
	ck_assert_msg(tl_shape_equal(got->shape, want->shape), "%s has another shape", name);
	const tl_real *a = got->data, *b = want->data;
	for (int64_t i = 0; i < tl_shape_size(want->shape); i++)
		ck_assert_msg(fabs((double)(a[i] - b[i])) <= fixture_tolerance * (1 + fabs((double)b[i])),
			"%s[%d] is %.12g, not %.12g", name, (int)i, (double)a[i], (double)b[i]);
}

static inline void fixture_compare(const fixture *f, const char *before, const char *name, const tl_tensor *got)
{
	char full[256];
	tl_tensor want = fixture_load(f, before, name, TL_REAL);
	snprintf(full, sizeof full, "%s%s%s", f->prefix, before, name);
	fixture_compare_to(full, got, &want);
	free(want.data);
}

static inline void fixture_check(const fixture *f, const char *name, tl_var v)
{
	int64_t n = tl_shape_size(tl_var_shape(v));
	tl_tensor got = tl_tensor_dense(TL_REAL, tl_var_shape(v), malloc((size_t)n * sizeof(tl_real) + 1));
	ck_assert_ptr_nonnull(got.data);
	ck_assert_msg(tl_read(v, got.data, n) == TL_OK, "%s", tl_tape_error(v.tape)->text);
	fixture_compare(f, "", name, &got);
	free(got.data);
}

/* All gradients of the store. */
static inline void fixture_check_gradients(const fixture *f, tl_var loss)
{
	tl_store_zero_grad(f->store);
	ck_assert_msg(tl_backward(loss) == TL_OK, "%s", tl_tape_error(f->tape)->text);
	for (int k = 0; k < tl_store_count(f->store); k++)
		fixture_compare(f, "grad.", tl_store_at(f->store, k)->name, &tl_store_at(f->store, k)->grad);
}

/* sum(v * weight_NAME) */
static inline tl_var fixture_weighted(const fixture *f, const char *name, tl_var v)
{
	tl_tensor w = fixture_load(f, "weight_", name, TL_REAL);
	tl_var sum = tl_sum_all(tl_mul(v, tl_input(f->tape, w.shape, w.data)));
	free(w.data);
	return sum;
}

/* Lengths are stored as integers of 32 bits. */
static inline int64_t fixture_lengths(const fixture *f, int64_t lengths[16])
{
	tl_tensor t = fixture_load(f, "", "lengths", TL_I32);
	int64_t n = t.shape.dim[0];
	ck_assert_int_le(n, 16);
	for (int64_t i = 0; i < n; i++)
		lengths[i] = ((const int32_t *)t.data)[i];
	free(t.data);
	return n;
}

#endif
