/* SPDX-License-Identifier: Apache-2.0 */
/* What passes over large parameters and tables cost, and that threads change no bit of them. */
#include "tests/suite.h"

#include <math.h>
#include <string.h>

#include "models/tapeloop.h"

/* So many elements that a pass has all the parts it may have, and a rest. */
START_TEST(passes_over_much)
{
	enum { N = 256 * 32768 + 5 };
	tl_error err = {0};
	tl_store *store = tl_store_new();
	tl_param *p = tl_store_add(store, "w", TL_SHAPE(N), &err);
	tl_pool *pool = tl_pool_new(2);
	ck_assert(p && pool);
	tl_init_normal(p, &(tl_rng){.seed = 4}, 0, 1);
	memcpy(p->grad.data, p->value.data, N * sizeof(tl_real));
	tl_optimizer *optimizer = tl_optimizer_new(store, &(tl_optimizer_options){.kind = &tl_sgd, .lr = 1}, &err);
	ck_assert_ptr_nonnull(optimizer);
	double norm = tl_grad_norm(store), sum = 0;
	tl_store_set_pool(store, pool);
	ck_assert(tl_grad_norm(store) == norm);
	tl_optimizer_step(optimizer);
	const tl_real *grad = p->grad.data, *value = p->value.data;
	bool zero = true;
	for (int i = 0; i < N; i++) {
		sum += (double)grad[i] * (double)grad[i];
		zero = zero && value[i] == 0;
	}
	ck_assert(zero);
	ck_assert_double_eq_tol(norm, sqrt(sum), 1e-9 * norm);
	tl_optimizer_free(optimizer);
	tl_store_free(store);
	tl_pool_free(pool);
}
END_TEST

/*
 * What a step costs, by what it cannot have looked at: where nothing was looked up, the gradient is NaN (put
 * there behind the library's back), and so are values and state. It must stay, and nothing may come of it.
 */
enum { SMALL = 1000, LARGE = 100000, WIDTH = 16, LOOKUPS = 64 };

typedef struct figures {
	uint64_t computed, allocations;
	size_t bytes;
} figures;

static bool looked_up(int64_t row)
{
	return row % 7 == 0 && row < 7 * LOOKUPS;
}

static void poison(const tl_param *p)
{
	tl_real *grad = p->grad.data, *value = p->value.data;
	for (int64_t r = 0; r < p->value.shape.dim[0]; r++)
		for (int64_t j = r * WIDTH; !looked_up(r) && j < (r + 1) * WIDTH; j++)
			grad[j] = value[j] = NAN;
}

static void check_poison(const tl_param *p)
{
	const tl_real *grad = p->grad.data, *value = p->value.data;
	bool holds = true;
	for (int64_t r = 0; r < p->value.shape.dim[0]; r++)
		for (int64_t j = r * WIDTH; j < (r + 1) * WIDTH; j++)
			holds = holds && (looked_up(r) ? isfinite(value[j]) && isfinite(grad[j])
						       : isnan(value[j]) && isnan(grad[j]));
	ck_assert(holds);
}

static void large_step(tl_store *store, tl_tape *tape, tl_optimizer *optimizer)
{
	int32_t index[2 * LOOKUPS];
	for (int i = 0; i < 2 * LOOKUPS; i++)
		index[i] = i % LOOKUPS * 7;
	tl_tape_reset(tape);
	tl_var x = tl_gather(tl_use(tape, tl_store_at(store, 0)), tl_index(tape, TL_SHAPE(2 * LOOKUPS), index));
	ck_assert_int_eq(tl_store_backward(store, tl_sum_all(tl_square(x))), TL_OK);
	ck_assert(isfinite(tl_clip_norm(store, 0.1)));
	tl_clip_value(store, 0.01);
	tl_optimizer_step(optimizer);
}

static figures large_steps(int way, int64_t rows, const tl_optimizer_options *options)
{
	tl_error err = {0};
	tl_store *store = tl_store_new();
	tl_param *p = tl_store_add(store, "table", TL_SHAPE(rows, WIDTH), &err);
	tl_init_constant(p, 1);
	tl_tape *tape = tl_tape_new(&(tl_tape_options){
		.executor = way & 1 ? &tl_executor_plain : &tl_executor_planned, .threads = 1 + (way >> 1)});
	tl_optimizer *optimizer = tl_optimizer_new(store, options, &err);
	ck_assert_ptr_nonnull(optimizer);
	for (int k = 0; k < 2; k++)
		large_step(store, tape, optimizer);
	uint64_t allocations = tl_tape_get_stats(tape).allocations;
	poison(p);
	for (int k = 0; k < 3; k++)
		large_step(store, tape, optimizer);
	check_poison(p);
	tl_tape_stats stats = tl_tape_get_stats(tape);
	tl_store_zero_grad(store);
	check_poison(p);
	tl_optimizer_free(optimizer);
	tl_tape_free(tape);
	tl_store_free(store);
	return (figures){stats.computed, stats.allocations - allocations, stats.bytes};
}

START_TEST(work_does_not_grow_with_the_table)
{
	static const tl_optimizer_options options[] = {{.kind = &tl_sgd}, {.kind = &tl_adagrad},
		{.kind = &tl_adam, .lazy = true}, {.kind = &tl_sgd, .momentum = 0.9, .lazy = true}};
	figures small = large_steps(_i % 4, SMALL, &options[_i / 4]), large = large_steps(_i % 4, LARGE, &options[_i / 4]);
	ck_assert_uint_eq(large.computed, small.computed);
	ck_assert_uint_eq(large.bytes, small.bytes);
	ck_assert_uint_eq(large.allocations, 0);
}
END_TEST

/* Wide rows, which threads share, with many indices that stand twice. */
static void wide_gradient(int threads, tl_real *to, int64_t rows, int64_t width)
{
	enum { N = 700 };
	tl_error err = {0};
	tl_store *store = tl_store_new();
	tl_tape *tape = tl_tape_new(&(tl_tape_options){.threads = threads});
	tl_param *p = tl_store_add(store, "table", TL_SHAPE(rows, width), &err);
	tl_rng rng = {.seed = 8};
	tl_init_normal(p, &rng, 0, 1);
	int32_t index[N];
	for (int i = 0; i < N; i++)
		index[i] = (int32_t)tl_rng_below(&rng, rows);
	for (int call = 0; call < 2; call++) {
		tl_tape_reset(tape);
		tl_var x = tl_gather(tl_use(tape, p), tl_index(tape, TL_SHAPE(N), index));
		ck_assert_int_eq(tl_backward(tl_sum_all(tl_exp(x))), TL_OK);
	}
	memcpy(to, p->grad.data, (size_t)(rows * width) * sizeof *to);
	tl_tape_free(tape);
	tl_store_free(store);
}

START_TEST(sums_are_the_same_bits)
{
	enum { ROWS = 30, WIDE = 999 };
	static tl_real one[ROWS * WIDE], again[ROWS * WIDE], two[ROWS * WIDE];
	wide_gradient(1, one, ROWS, WIDE);
	wide_gradient(1, again, ROWS, WIDE);
	wide_gradient(2, two, ROWS, WIDE);
	ck_assert_mem_eq(one, again, sizeof one);
	ck_assert_mem_eq(one, two, sizeof one);
	ck_assert(one[5] != 0);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("touched_work");
	TCase *c = tcase_create("work");
	tcase_add_test(c, passes_over_much);
	tcase_add_loop_test(c, work_does_not_grow_with_the_table, 0, 16);
	tcase_add_test(c, sums_are_the_same_bits);
	suite_add_tcase(s, c);
	return s;
}
