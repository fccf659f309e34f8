/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: every example once an epoch, ordered as they say, and a function of (seed, epoch) alone. */
#include "tests/suite.h"

#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "tools/batches.h"

#define MOST 200

static tl_error err;
static int64_t length1[MOST], length2[MOST];

static void setup(void)
{
	tl_rng rng = {.seed = 5};
	err = (tl_error){0};
	for (int i = 0; i < MOST; i++) {
		length1[i] = tl_rng_below(&rng, 9);
		length2[i] = tl_rng_below(&rng, 4);
	}
}

static batches make(int64_t n, int64_t size, bool shuffled, bool sorted, uint64_t seed)
{
	batches b;
	batch_options o = {n, size, shuffled, sorted, seed, length1, length2, NULL};
	ck_assert(!batches_init(&b, &o, &err));
	return b;
}

/* The examples of one epoch in the order of the batches; checks sizes, and that each is there once. */
static void epoch_order(batches *b, int64_t epoch, int64_t *order)
{
	int64_t n = b->options.n, size = b->options.size, seen[MOST] = {0}, at = 0, small = 0;
	ck_assert_int_eq(b->count, (n + size - 1) / size);
	batches_epoch(b, epoch);
	for (int64_t k = 0; k < b->count; k++) {
		int64_t rows;
		const int64_t *which = batches_get(b, k, &rows);
		ck_assert(rows == size || rows == n % size);
		small += rows != size;
		for (int64_t i = 0; i < rows; i++) {
			ck_assert(which[i] >= 0 && which[i] < n);
			seen[which[i]]++;
			order[at++] = which[i];
		}
	}
	ck_assert_int_eq(at, n);
	ck_assert_int_eq(small, n % size != 0);
	for (int64_t i = 0; i < n; i++)
		ck_assert_int_eq(seen[i], 1);
}

START_TEST(every_example_once)
{
	int64_t order[MOST];
	for (int64_t n = 0; n <= 40; n++)
		for (int64_t size = 1; size <= 12; size++) {
			batches b = make(n, size, _i & 1, _i & 2, 3);
			epoch_order(&b, 1, order);
			batches_release(&b);
		}
}
END_TEST

START_TEST(the_place_is_seed_and_epoch)
{
	int64_t one[MOST], two[MOST];
	batches a = make(MOST, 16, true, _i, 7), b = make(MOST, 16, true, _i, 7),
		c = make(MOST, 16, true, _i, 8);
	epoch_order(&a, 1, one);
	epoch_order(&a, 2, two);
	ck_assert_mem_ne(one, two, sizeof one);
	epoch_order(&b, 2, one); /* without epoch 1 before it */
	ck_assert_mem_eq(one, two, sizeof one);
	epoch_order(&c, 2, one);
	ck_assert_mem_ne(one, two, sizeof one);
	batches_release(&a);
	batches_release(&b);
	batches_release(&c);
}
END_TEST

static int64_t key(int64_t i)
{
	return length1[i] * 100 + length2[i];
}

START_TEST(in_order_without_shuffling)
{
	int64_t order[MOST];
	batches b = make(MOST, 7, false, false, 1);
	epoch_order(&b, 3, order);
	for (int64_t i = 0; i < MOST; i++)
		ck_assert_int_eq(order[i], i);
	batches_release(&b);
	b = make(MOST, 7, false, true, 1);
	epoch_order(&b, 3, order);
	for (int64_t i = 1; i < MOST; i++)
		ck_assert(key(order[i - 1]) < key(order[i]) ||
			  (key(order[i - 1]) == key(order[i]) && order[i - 1] < order[i]));
	batches_release(&b);
}
END_TEST

static int compare_int64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Shuffled and sorted: batch j's keys are the j-th piece of all sorted keys, whatever place it has. */
START_TEST(batches_hold_neighbours)
{
	int64_t keys[MOST], taken[MOST] = {0};
	for (int64_t i = 0; i < MOST; i++)
		keys[i] = key(i);
	qsort(keys, MOST, sizeof *keys, compare_int64);
	batches b = make(MOST, 16, true, true, 2);
	batches_epoch(&b, 1);
	bool moved = false;
	for (int64_t k = 0; k < b.count; k++) {
		int64_t rows, j = b.batch[k];
		const int64_t *which = batches_get(&b, k, &rows);
		ck_assert_int_eq(taken[j]++, 0);
		moved = moved || j != k;
		for (int64_t i = 0; i < rows; i++)
			ck_assert_int_eq(key(which[i]), keys[j * 16 + i]);
	}
	ck_assert(moved);
	batches_release(&b);
}
END_TEST

/*
 * Shuffling is uniform: over 6000 epochs of 3 examples each of the 6 orders comes 1000 times, give or take
 * 5 standard deviations (29 each). Equal lengths are left in the order of the shuffle.
 */
START_TEST(shuffles_are_uniform)
{
	memset(length1, 0, sizeof length1);
	memset(length2, 0, sizeof length2);
	int count[9] = {0};
	batches b = make(3, _i ? 3 : 1, true, true, 1);
	int64_t order[3];
	for (int epoch = 1; epoch <= 6000; epoch++) {
		epoch_order(&b, epoch, order);
		count[order[0] * 3 + order[1]]++;
	}
	for (int k = 0; k < 9; k++)
		ck_assert_msg(k % 4 == 0 ? count[k] == 0 : abs(count[k] - 1000) < 145, "%d: %d", k, count[k]);
	batches_release(&b);
}
END_TEST

START_TEST(lengths_may_be_missing)
{
	batches b;
	batch_options o = {.n = 5, .size = 2, .sorted = true, .length2 = length2};
	memcpy(length2, (int64_t[]){3, 1, 2, 1, 0}, 5 * sizeof *length2);
	ck_assert(!batches_init(&b, &o, &err));
	int64_t order[MOST];
	epoch_order(&b, 1, order);
	ck_assert_mem_eq(order, ((int64_t[]){4, 1, 3, 2, 0}), 5 * sizeof *order);
	b.options.length2 = NULL;
	epoch_order(&b, 1, order);
	ck_assert_mem_eq(order, ((int64_t[]){0, 1, 2, 3, 4}), 5 * sizeof *order);
	batches_release(&b);
}
END_TEST

/* Some of the examples, known by their own numbers, to which lengths belong. */
START_TEST(some_examples)
{
	static const int64_t example[] = {7, 2, 9, 4, 11};
	enum { FEW = sizeof example / sizeof *example };
	batches b;
	batch_options o = {.n = FEW, .size = 2, .shuffled = true, .sorted = true, .length1 = length1, .example = example};
	ck_assert(!batches_init(&b, &o, &err));
	for (int64_t epoch = 1; epoch < 4; epoch++) {
		int64_t seen[MOST] = {0}, rows;
		batches_epoch(&b, epoch);
		for (int64_t k = 0; k < b.count; k++) {
			const int64_t *which = batches_get(&b, k, &rows);
			for (int64_t i = 0; i < rows; i++)
				seen[which[i]]++;
			ck_assert(rows < 2 || length1[which[0]] <= length1[which[1]]);
		}
		for (int i = 0; i < FEW; i++)
			ck_assert_int_eq(seen[example[i]], 1);
	}
	batches_release(&b);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("batches");
	TCase *c = tcase_create("batches");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_loop_test(c, every_example_once, 0, 4);
	tcase_add_loop_test(c, the_place_is_seed_and_epoch, 0, 2);
	tcase_add_test(c, in_order_without_shuffling);
	tcase_add_test(c, batches_hold_neighbours);
	tcase_add_loop_test(c, shuffles_are_uniform, 0, 2);
	tcase_add_test(c, lengths_may_be_missing);
	tcase_add_test(c, some_examples);
	suite_add_tcase(s, c);
	return s;
}
