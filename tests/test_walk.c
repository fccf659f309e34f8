/* SPDX-License-Identifier: Apache-2.0 */
/* Copying, adding, walking and mapping memory with any strides, against loops over indices. */
#include "tests/suite.h"

#include <string.h>

#include "core/map.h"
#include "core/random.h"
#include "core/walk.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define MOST 210000 /* elements of a test tensor */

static tl_rng rng;

static void setup(void)
{
	rng = (tl_rng){.seed = 11};
}

static int64_t between(int64_t low, int64_t high)
{
	return low + tl_rng_below(&rng, high - low + 1);
}

/* Where element i (in row-major order) lies, in elements from t->data. */
static int64_t offset(const tl_tensor *t, int64_t i)
{
	int64_t at = 0;
	for (int64_t a = t->shape.axes - 1; a >= 0; a--) {
		at += i % t->shape.dim[a] * t->stride[a];
		i /= t->shape.dim[a];
	}
	return at;
}

#define SMALL 1024

typedef union memory {
	tl_real real[SMALL];
	int32_t index[SMALL];
	unsigned char bytes[SMALL * sizeof(tl_real)];
} memory;

static tl_shape random_small_shape(void)
{
	tl_shape s = {.axes = between(0, 4)};
	for (int64_t i = 0; i < s.axes; i++)
		s.dim[i] = between(0, 19) ? between(1, 4) : 0;
	return s;
}

/* A tensor over some of m: dense, or with gaps, columns first, backwards and repeated as chance has it. */
static tl_tensor random_tensor(tl_dtype type, tl_shape shape, memory *m, bool repeats)
{
	tl_tensor t = tl_tensor_dense(type, shape, m);
	if (between(0, 3) == 0 || tl_shape_size(shape) == 0)
		return t;
	int64_t step = 1, first = 0;
	bool columns = between(0, 1);
	for (int64_t k = 0; k < shape.axes; k++) {
		int64_t i = columns ? k : shape.axes - 1 - k;
		step += between(0, 3) ? 0 : between(1, 2);
		t.stride[i] = between(0, 3) ? step : -step;
		if (repeats && between(0, 3) == 0)
			t.stride[i] = 0;
		first -= t.stride[i] < 0 ? t.stride[i] * (shape.dim[i] - 1) : 0;
		step *= shape.dim[i];
	}
	ck_assert_int_le(step, SMALL);
	t.data = m->bytes + (size_t)first * tl_dtype_size(type);
	return t;
}

enum { COPY_REALS, COPY_INDICES, ADD, KINDS };

START_TEST(random_copies_and_additions)
{
	static memory source, target, want;
	tl_dtype type = _i == COPY_INDICES ? TL_I32 : TL_REAL;
	size_t size = tl_dtype_size(type);
	for (int round = 0; round < 6000; round++) {
		for (int i = 0; i < SMALL && type == TL_REAL; i++)
			source.real[i] = (tl_real)i, target.real[i] = (tl_real)(-3 * i);
		for (int i = 0; i < SMALL && type == TL_I32; i++)
			source.index[i] = i, target.index[i] = -3 * i;
		want = target;
		tl_shape shape = random_small_shape();
		tl_tensor from = random_tensor(type, shape, &source, true);
		tl_tensor to = random_tensor(type, shape, &target, round % 5 == 0);
		int64_t at = (unsigned char *)to.data - target.bytes;
		for (int64_t i = 0; i < tl_shape_size(shape); i++) {
			unsigned char *x = (unsigned char *)from.data + offset(&from, i) * (int64_t)size;
			unsigned char *y = want.bytes + at + offset(&to, i) * (int64_t)size;
			if (_i == ADD)
				*(tl_real *)(void *)y += *(tl_real *)(void *)x;
			else
				memcpy(y, x, size);
		}
		(_i == ADD ? tl_tensor_add : tl_tensor_copy)(&to, &from);
		ck_assert_mem_eq(&target, &want, sizeof target);
	}
}
END_TEST

typedef struct visits {
	int64_t runs, elements;
	tl_tensor t; /* the first one that is walked */
	bool in_order;
} visits;

/* Counts, and checks that elements come in row-major order. */
static void visit(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	visits *v = ctx;
	for (int64_t i = 0; i < n; i++) {
		const int32_t *x = (const int32_t *)(void *)at[0] + i * step[0];
		v->in_order = v->in_order && x == (int32_t *)v->t.data + offset(&v->t, v->elements + i);
	}
	v->runs++;
	v->elements += n;
}

START_TEST(walks_of_nothing)
{
	const tl_shape shapes[] = {TL_SHAPE(0), TL_SHAPE(3, 0), TL_SHAPE(0, 3), TL_SHAPE(2, 0, 3),
		TL_SHAPE(0, 0), TL_SHAPE(1, 0, 1), TL_SHAPE(4, 3, 2, 0, 2, 3)};
	for (int i = 0; i < LENGTH(shapes); i++)
		for (int layout = 0; layout < 2; layout++) {
			tl_tensor a = tl_tensor_dense(TL_I32, shapes[i], NULL), b = a;
			for (int64_t k = 0; k < a.shape.axes && layout; k++)
				b.stride[k] = 7 - 3 * k; /* keeps axes from merging */
			visits v = {.t = a};
			tl_walk w;
			tl__walk(2, (const tl_tensor *[]){&a, &b}, visit, &v);
			tl__walk_init(&w, 1, (const tl_tensor *[]){&b});
			ck_assert_int_eq(w.rows, 0);
			ck_assert_int_eq(v.runs, 0);
			tl_tensor_copy(&b, &a);
		}
}
END_TEST

START_TEST(walks_merge_axes)
{
	static int32_t data[400];
	const struct {
		tl_tensor t;
		int64_t runs;
	} rows[] = {
		{{TL_I32, {0, {0}}, {0}, data}, 1},
		{{TL_I32, {3, {1, 1, 1}}, {5, 6, 7}, data}, 1},
		{{TL_I32, {4, {2, 3, 4, 5}}, {60, 20, 5, 1}, data}, 1},
		{{TL_I32, {3, {2, 3, 4}}, {-24, -8, -2}, data + 60}, 1},
		{{TL_I32, {3, {2, 3, 4}}, {0, 0, 0}, data}, 1},
		{{TL_I32, {3, {2, 1, 4}}, {4, 99, 1}, data}, 1},
		{{TL_I32, {3, {2, 3, 4}}, {16, 4, 1}, data}, 2},
		{{TL_I32, {3, {2, 3, 4}}, {12, -4, 1}, data + 100}, 6},
		{{TL_I32, {2, {3, 4}}, {1, 3}, data}, 3},
		{{TL_I32, {2, {3, 4}}, {0, 1}, data}, 3},
	};
	for (int i = 0; i < LENGTH(rows); i++) {
		visits v = {.t = rows[i].t, .in_order = true};
		tl__walk(1, (const tl_tensor *[]){&rows[i].t}, visit, &v);
		ck_assert_msg(v.runs == rows[i].runs, "row %d: %d runs", i, (int)v.runs);
		ck_assert_int_eq(v.elements, tl_shape_size(v.t.shape));
		ck_assert(v.in_order);
		tl_walk w; /* the same in pieces, as threads take them */
		v = (visits){.t = rows[i].t, .in_order = true};
		tl__walk_init(&w, 1, (const tl_tensor *[]){&rows[i].t});
		for (int64_t row = 0; row < w.rows; row++)
			tl__walk_rows(&w, row, row + 1, visit, &v);
		ck_assert(v.in_order && v.runs == rows[i].runs && v.elements == tl_shape_size(v.t.shape));
	}
}
END_TEST

START_TEST(walks_merge_what_all_store_alike)
{
	static int32_t data[24];
	tl_tensor a = tl_tensor_dense(TL_I32, TL_SHAPE(2, 3, 4), data);
	tl_tensor row = tl_tensor_dense(TL_I32, TL_SHAPE(4), data), wide = tl_tensor_broadcast(&row, a.shape);
	visits v = {.t = a, .in_order = true};
	tl__walk(2, (const tl_tensor *[]){&a, &wide}, visit, &v);
	ck_assert(v.in_order && v.runs == 6 && v.elements == 24);
}
END_TEST

static tl_real x[4][2 * MOST], out[2][MOST];

/* p[0] + a + 2 b + 4 c + ..., and proof that blocks are short. */
static void weigh(const void *params, int64_t n, tl_real *to, const tl_real *const *in)
{
	const int *p = params;
	for (int64_t i = 0; i < n; i++) {
		tl_real total = (tl_real)(n <= TL_BLOCK ? p[0] : 1e9);
		for (int k = 0; k < p[1]; k++)
			total += (tl_real)(1 << k) * in[k][i];
		to[i] = total;
	}
}

enum { DENSE, STEPS, BACKWARDS, COLUMNS, ROW, COLUMN, NUMBER, LAYOUTS };

/* Operand k that broadcasts to a shape. */
static tl_tensor lay(int k, tl_shape shape, int layout)
{
	tl_tensor t = tl_tensor_dense(TL_REAL, shape, x[k]);
	int64_t n = tl_shape_size(shape), last = shape.axes - 1;
	if (layout == STEPS || layout == BACKWARDS)
		for (int64_t i = 0; i < shape.axes; i++)
			t.stride[i] *= layout == STEPS ? 2 : -1;
	if (layout == BACKWARDS)
		t.data = x[k] + n - 1;
	for (int64_t i = 0, step = 1; i <= last && layout == COLUMNS; step *= shape.dim[i++])
		t.stride[i] = step;
	if (layout == ROW && last >= 0)
		t = tl_tensor_dense(TL_REAL, TL_SHAPE(shape.dim[last]), x[k]);
	if (layout == COLUMN && last >= 0) {
		shape.dim[last] = 1;
		t = tl_tensor_dense(TL_REAL, shape, x[k]);
	}
	return layout == NUMBER ? tl_tensor_dense(TL_REAL, TL_SCALAR, x[k]) : t;
}

static const tl_shape map_shapes[] = {
	{0, {0}},
	{1, {0}},
	{2, {0, 3}},
	{1, {7}},
	{1, {TL_BLOCK}},
	{1, {3 * TL_BLOCK + 1}},
	{2, {5, 2 * TL_BLOCK + 3}},
	{3, {3, 4, 5}},
	{1, {150001}},
	{2, {70000, 3}},
	{2, {3, 70000}},
	{3, {7, 100, 300}},
};

/* Small whole numbers: sums are exact in either type. */
START_TEST(maps)
{
	tl_shape shape = map_shapes[_i];
	int64_t n = tl_shape_size(shape);
	tl_pool *two = tl_pool_new(2);
	for (int k = 0; k < 4; k++)
		for (int64_t i = 0; i < 2 * MOST; i++)
			x[k][i] = (tl_real)((i * (2 * k + 3) + i / 7) % 1009);
	for (int round = 0; round < 3 * LAYOUTS; round++) {
		int n_in = round % (TL_MAP_MAX + 1);
		tl_tensor in[TL_MAP_MAX], wide[TL_MAP_MAX];
		const tl_tensor *operands[TL_MAP_MAX];
		for (int k = 0; k < n_in; k++) {
			in[k] = lay(k, shape, (round + 3 * k) % LAYOUTS);
			wide[k] = tl_tensor_broadcast(&in[k], shape);
			operands[k] = &in[k];
		}
		for (int threads = 1; threads <= 2; threads++) {
			tl_pool *pool = threads > 1 ? two : NULL;
			tl_real *to = out[threads - 1];
			memset(to, 0xff, sizeof out[0]);
			tl_tensor target = tl_tensor_dense(TL_REAL, shape, to);
			tl__map(weigh, (int[]){round, n_in}, &target, operands, n_in, pool);
			for (int64_t i = 0; i < n; i++) {
				tl_real want = (tl_real)round;
				for (int k = 0; k < n_in; k++)
					want += (tl_real)(1 << k) *
						((const tl_real *)wide[k].data)[offset(&wide[k], i)];
				if (to[i] != want)
					ck_abort_msg("round %d, element %d: %g, not %g", round, (int)i,
						(double)to[i], (double)want);
			}
		}
		ck_assert_mem_eq(out[0], out[1], sizeof out[0]);
	}
	tl_pool_free(two);
}
END_TEST

START_TEST(a_map_in_place)
{
	tl_shape shape = TL_SHAPE(3, TL_BLOCK + 5);
	tl_tensor t = tl_tensor_dense(TL_REAL, shape, x[0]), row = lay(1, shape, ROW);
	for (int i = 0; i < 3 * (TL_BLOCK + 5); i++)
		x[0][i] = (tl_real)i, x[1][i] = (tl_real)(i % 11);
	tl__map(weigh, (int[]){1, 2}, &t, (const tl_tensor *[]){&t, &row}, 2, NULL);
	for (int i = 0; i < 3 * (TL_BLOCK + 5); i++)
		ck_assert(x[0][i] == (tl_real)(1 + i + 2 * (i % (TL_BLOCK + 5) % 11)));
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("walk");
	TCase *c = tcase_create("walk");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_loop_test(c, random_copies_and_additions, 0, KINDS);
	tcase_add_test(c, walks_of_nothing);
	tcase_add_test(c, walks_merge_axes);
	tcase_add_test(c, walks_merge_what_all_store_alike);
	suite_add_tcase(s, c);
	c = tcase_create("map");
	tcase_add_loop_test(c, maps, 0, LENGTH(map_shapes));
	tcase_add_test(c, a_map_in_place);
	suite_add_tcase(s, c);
	return s;
}
