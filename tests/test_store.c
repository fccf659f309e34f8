/* SPDX-License-Identifier: Apache-2.0 */
/* The parameter store: layout, names, freezing, the copy it keeps, and files. */
#include "tests/suite.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/arena.h"
#include "optim/store.h"
#include "optim/store_file.h"

static tl_store *store;
static tl_error err;
static char path[64]; /* in the directory that the test runs in */

static void setup(void)
{
	store = tl_store_new();
	err = (tl_error){0};
	snprintf(path, sizeof path, "test_store_%ld.safetensors", (long)getpid());
}

static void teardown(void)
{
	tl_store_free(store);
	remove(path);
}

static tl_param *add(const char *name, tl_shape shape)
{
	tl_param *p = tl_store_add(store, name, shape, &err);
	ck_assert_msg(p != NULL, "%s", err.text);
	return p;
}

/* Element i becomes first + i. */
static void count_up(tl_param *p, tl_real first)
{
	for (int64_t i = 0; i < tl_shape_size(p->value.shape); i++)
		((tl_real *)p->value.data)[i] = first + (tl_real)i;
}

static void assert_counts_up(const tl_param *p, tl_real first)
{
	for (int64_t i = 0; i < tl_shape_size(p->value.shape); i++)
		ck_assert(((tl_real *)p->value.data)[i] == first + (tl_real)i);
}

START_TEST(layout)
{
	enum { N = 300 };
	tl_param *p[N];
	int64_t size = 0;
	for (int k = 0; k < N; k++) {
		char name[32];
		snprintf(name, sizeof name, "layer%d.w", k);
		p[k] = add(name, TL_SHAPE(k % 5, 3));
		count_up(p[k], (tl_real)k);
		size += k % 5 * 3;
	}
	ck_assert_int_eq(tl_store_count(store), N);
	ck_assert_int_eq(tl_store_size(store), size);
	tl_real *values = tl_store_values(store), *grads = tl_store_grads(store);
	int64_t used = 0;
	for (int k = 0; k < N; k++) {
		ck_assert_ptr_eq(tl_store_at(store, k), p[k]);
		ck_assert_ptr_eq(tl_store_find(store, p[k]->name), p[k]);
		ck_assert_uint_eq((uintptr_t)p[k]->value.data % TL_ALIGN, 0);
		ck_assert_uint_eq((uintptr_t)p[k]->grad.data % TL_ALIGN, 0);
		ck_assert(tl_shape_equal(p[k]->grad.shape, TL_SHAPE(k % 5, 3)));
		int64_t at = (tl_real *)p[k]->value.data - values;
		ck_assert_int_eq((tl_real *)p[k]->grad.data - grads, at);
		ck_assert_int_ge(at, used);
		for (; used < at; used++)
			ck_assert(values[used] == 0);
		assert_counts_up(p[k], (tl_real)k);
		used += tl_shape_size(p[k]->value.shape);
	}
	ck_assert_int_le(used, tl_store_span(store));
	for (int64_t i = 0; i < tl_store_span(store); i++)
		ck_assert(grads[i] == 0);
	ck_assert_ptr_null(tl_store_find(store, "layer0"));
}
END_TEST

START_TEST(refusals)
{
	static const struct {
		const char *name;
		int64_t dim;
		tl_status status;
		const char *text;
	} rows[] = {
		{"", 1, TL_ERR_ARGUMENT, "needs a name"},
		{"a b", 1, TL_ERR_ARGUMENT, "character 2"},
		{"caf\xc3\xa9", 1, TL_ERR_ARGUMENT, "character 4"},
		{"w", 1, TL_ERR_ARGUMENT, "'w' already"},
		{"v", -1, TL_ERR_SHAPE, "'v': (-1)"},
		{"v", INT64_MAX / 16, TL_ERR_MEMORY, "memory"},
	};
	tl_param *w = add("w", TL_SHAPE(2));
	count_up(w, 5);
	ck_assert_ptr_null(tl_store_add(store, rows[_i].name, TL_SHAPE(rows[_i].dim), &err));
	ck_assert_int_eq(err.status, rows[_i].status);
	ck_assert_msg(strstr(err.text, rows[_i].text) != NULL, "%s", err.text);
	ck_assert_int_eq(tl_store_count(store), 1);
	assert_counts_up(w, 5);
}
END_TEST

START_TEST(a_sealed_store_does_not_grow)
{
	add("w", TL_SHAPE(2));
	tl_store_seal(store);
	ck_assert_ptr_null(tl_store_add(store, "v", TL_SHAPE(2), &err));
	ck_assert_int_eq(err.status, TL_ERR_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(err.text, "'v' comes too late"));
}
END_TEST

START_TEST(an_empty_store_is_fine)
{
	tl_store_zero_grad(store);
	ck_assert_int_eq(tl_store_snapshot(store, &err), TL_OK);
	ck_assert(!tl_store_restore(store));
	ck_assert_int_eq(tl_store_span(store), 0);
	ck_assert_int_eq(tl_store_save(store, path, NULL, 0, &err), TL_OK);
	tl_store_free(NULL);
}
END_TEST

START_TEST(zero_grad_clears_all)
{
	tl_param *p[] = {add("a", TL_SHAPE(3)), add("b", TL_SHAPE(2, 5))};
	p[1]->frozen = true;
	for (int k = 0; k < 2; k++)
		for (int64_t i = 0; i < tl_shape_size(p[k]->grad.shape); i++)
			((tl_real *)p[k]->grad.data)[i] = 7;
	tl_store_zero_grad(store);
	for (int64_t i = 0; i < tl_store_span(store); i++)
		ck_assert(tl_store_grads(store)[i] == 0);
}
END_TEST

START_TEST(freezing_by_name)
{
	const tl_param *w = add("encoder.w", TL_SHAPE(1)), *b = add("encoder.cell.b", TL_SHAPE(1));
	const tl_param *other = add("encoder2.w", TL_SHAPE(1));
	ck_assert_int_eq(tl_store_freeze(store, "encoder", true, &err), TL_OK);
	ck_assert(w->frozen && b->frozen && !other->frozen);
	ck_assert_int_eq(tl_store_freeze(store, "encoder.w", false, &err), TL_OK);
	ck_assert(!w->frozen && b->frozen && !other->frozen);
	ck_assert_int_eq(tl_store_freeze(store, "enc", true, &err), TL_ERR_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(err.text, "'enc'"));
}
END_TEST

START_TEST(snapshots)
{
	tl_param *a = add("a", TL_SHAPE(20));
	ck_assert(!tl_store_restore(store));
	count_up(a, 1);
	ck_assert_int_eq(tl_store_snapshot(store, &err), TL_OK);
	count_up(a, 2);
	tl_param *b = add("b", TL_SHAPE(30));
	count_up(b, 3);
	ck_assert(tl_store_restore(store));
	assert_counts_up(a, 1);
	assert_counts_up(b, 3);
	ck_assert_int_eq(tl_store_snapshot(store, &err), TL_OK);
	count_up(a, 8);
	count_up(b, 9);
	for (int twice = 0; twice < 2; twice++) {
		ck_assert(tl_store_restore(store));
		assert_counts_up(a, 1);
		assert_counts_up(b, 3);
	}
}
END_TEST

static tl_status load_into(tl_store *to)
{
	tl_safetensors *f = tl_safetensors_open(path, &err);
	ck_assert_msg(f != NULL, "%s", err.text);
	tl_status status = tl_store_load(to, f, &err);
	tl_safetensors_free(f);
	return status;
}

START_TEST(files)
{
	tl_param *w = add("w", TL_SHAPE(4, 5)), *b = add("b", TL_SCALAR);
	add("empty", TL_SHAPE(0, 3));
	count_up(w, 1);
	count_up(b, 100);
	tl_safetensors_pair metadata = {"made by", "a test"};
	ck_assert_msg(!tl_store_save(store, path, &metadata, 1, &err), "%s", err.text);

	tl_safetensors *f = tl_safetensors_open(path, &err);
	ck_assert_msg(f != NULL, "%s", err.text);
	ck_assert_int_eq(tl_safetensors_count(f), 3);
	ck_assert_str_eq(tl_safetensors_metadata(f, "made by"), "a test");
	tl_safetensors_free(f);

	tl_store *other = tl_store_new();
	const tl_param *empty = tl_store_add(other, "empty", TL_SHAPE(0, 3), &err);
	const tl_param *b2 = tl_store_add(other, "b", TL_SCALAR, &err);
	const tl_param *w2 = tl_store_add(other, "w", TL_SHAPE(4, 5), &err);
	ck_assert(empty && b2 && w2);
	ck_assert_msg(!load_into(other), "%s", err.text);
	assert_counts_up(w2, 1);
	assert_counts_up(b2, 100);
	tl_store_free(other);
}
END_TEST

START_TEST(a_file_that_does_not_fit)
{
	add("only.in.file", TL_SHAPE(2));
	add("w", TL_SHAPE(4, 5));
	add("b", TL_SHAPE(3));
	ck_assert_msg(!tl_store_save(store, path, NULL, 0, &err), "%s", err.text);

	tl_store *other = tl_store_new();
	tl_param *b = tl_store_add(other, "b", TL_SHAPE(3), &err);
	tl_store_add(other, "w", TL_SHAPE(5, 4), &err);
	tl_store_add(other, "only.in.store", TL_SHAPE(2), &err);
	tl_store_add(other, "c", TL_SHAPE(2), &err);
	count_up(b, 1);
	ck_assert_int_eq(load_into(other), TL_ERR_FORMAT);
	ck_assert_str_eq(strstr(err.text, ": the file does not fit"), ": the file does not fit; 2 missing (only.in.store, c); 1 unexpected "
				   "(only.in.file); 1 of another shape (w: (4, 5) instead of (5, 4))");
	assert_counts_up(b, 1);
	tl_store_free(other);
}
END_TEST

START_TEST(a_file_with_too_much)
{
	tl_param *w = add("w", TL_SHAPE(2));
	count_up(w, 1);
	tl_store *other = tl_store_new();
	tl_store_add(other, "w", TL_SHAPE(2), &err);
	tl_store_add(other, "v", TL_SHAPE(2), &err);
	ck_assert_msg(!tl_store_save(other, path, NULL, 0, &err), "%s", err.text);
	tl_store_free(other);
	ck_assert_int_eq(load_into(store), TL_ERR_FORMAT);
	ck_assert_str_eq(strstr(err.text, ": the file does not fit"), ": the file does not fit; 1 unexpected (v)");
	assert_counts_up(w, 1);
}
END_TEST

START_TEST(a_part_of_a_file)
{
	tl_param *w = add("w", TL_SHAPE(2)), *v = add("v", TL_SHAPE(3));
	count_up(w, 1);
	count_up(v, 7);
	ck_assert_msg(!tl_store_save(store, path, NULL, 0, &err), "%s", err.text);
	tl_safetensors *f = tl_safetensors_open(path, &err);
	tl_store *other = tl_store_new();
	const tl_param *v2 = tl_store_add(other, "v", TL_SHAPE(3), &err);
	ck_assert_msg(!tl_store_load_part(other, f, &err), "%s", err.text);
	assert_counts_up(v2, 7);
	tl_store_add(other, "u", TL_SHAPE(2), &err);
	ck_assert_int_eq(tl_store_load_part(other, f, &err), TL_ERR_FORMAT);
	ck_assert_str_eq(strstr(err.text, ": the file does not fit"), ": the file does not fit; 1 missing (u)");
	tl_safetensors_free(f);
	tl_store_free(other);
}
END_TEST

START_TEST(many_names_are_cut_and_counted)
{
	for (int k = 0; k < 200; k++) {
		char name[32];
		snprintf(name, sizeof name, "parameter%d", k);
		add(name, TL_SHAPE(1));
	}
	add("z", TL_SHAPE(1));
	tl_store *other = tl_store_new();
	tl_store_add(other, "w", TL_SHAPE(1), &err);
	ck_assert_msg(!tl_store_save(other, path, NULL, 0, &err), "%s", err.text);
	tl_store_free(other);
	ck_assert_int_eq(load_into(store), TL_ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(err.text, "; 201 missing (parameter0, parameter1, "));
	int shown = 0, more = 0;
	char name[32];
	for (snprintf(name, sizeof name, "parameter0,"); strstr(err.text, name); shown++)
		snprintf(name, sizeof name, "parameter%d,", shown + 1);
	ck_assert_int_gt(shown, 80);
	ck_assert_int_eq(sscanf(strstr(err.text, "... and "), "... and %d more); 1 unexpected (w)", &more), 1);
	ck_assert_int_eq(shown + more, 201);
	ck_assert_ptr_nonnull(strstr(err.text, " more); 1 unexpected (w)"));
}
END_TEST

/* What one is likely to meet, a net of other layers: every name stands in the sentence. */
START_TEST(every_name_of_another_net)
{
	static const char *const names[] = {"w", "u", "b"};
	tl_store *other = tl_store_new();
	char name[64];
	for (int k = 0; k < 18; k++) {
		snprintf(name, sizeof name, "rnn.l%d.%s%s", k / 6, k / 3 % 2 ? "reverse." : "", names[k % 3]);
		add(name, TL_SHAPE(100, 4 + k % 3));
		tl_store_add(other, name, TL_SHAPE(100, 5 + k % 3), &err);
		snprintf(name, sizeof name, "encoder.layer%d.weight", k);
		add(name, TL_SHAPE(1));
		snprintf(name, sizeof name, "decoder.layer%d.weight", k);
		tl_store_add(other, name, TL_SHAPE(1), &err);
	}
	ck_assert_msg(!tl_store_save(other, path, NULL, 0, &err), "%s", err.text);
	ck_assert_int_eq(load_into(store), TL_ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(err.text, "18 missing (encoder.layer0.weight, "));
	ck_assert_ptr_nonnull(strstr(err.text, "18 unexpected (decoder.layer0.weight, "));
	ck_assert_ptr_nonnull(strstr(err.text, "18 of another shape (rnn.l0.w: (100, 5) instead of (100, 4), "));
	for (int k = 0; k < tl_store_count(store); k++)
		ck_assert_ptr_nonnull(strstr(err.text, tl_store_at(store, k)->name));
	for (int k = 0; k < tl_store_count(other); k++)
		ck_assert_ptr_nonnull(strstr(err.text, tl_store_at(other, k)->name));
	tl_store_free(other);
}
END_TEST

START_TEST(a_failed_read_changes_nothing)
{
	tl_param *a = add("a", TL_SHAPE(2)), *b = add("b", TL_SHAPE(2));
	tl_real reals[2] = {1, 2};
	int32_t integers[2] = {3, 4};
	tl_safetensors_item items[] = {
		{"a", tl_tensor_dense(TL_REAL, TL_SHAPE(2), reals)},
		{"b", tl_tensor_dense(TL_I32, TL_SHAPE(2), integers)},
	};
	ck_assert_msg(!tl_safetensors_write(path, items, 2, NULL, 0, &err), "%s", err.text);
	count_up(a, 7);
	count_up(b, 8);
	ck_assert_int_eq(load_into(store), TL_ERR_TYPE);
	assert_counts_up(a, 7);
	assert_counts_up(b, 8);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("store");
	TCase *c = tcase_create("store");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, layout);
	tcase_add_loop_test(c, refusals, 0, 6);
	tcase_add_test(c, a_sealed_store_does_not_grow);
	tcase_add_test(c, an_empty_store_is_fine);
	tcase_add_test(c, zero_grad_clears_all);
	tcase_add_test(c, freezing_by_name);
	tcase_add_test(c, snapshots);
	suite_add_tcase(s, c);
	c = tcase_create("files");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, files);
	tcase_add_test(c, a_file_that_does_not_fit);
	tcase_add_test(c, a_file_with_too_much);
	tcase_add_test(c, a_part_of_a_file);
	tcase_add_test(c, many_names_are_cut_and_counted);
	tcase_add_test(c, every_name_of_another_net);
	tcase_add_test(c, a_failed_read_changes_nothing);
	suite_add_tcase(s, c);
	return s;
}
