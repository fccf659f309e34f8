/* SPDX-License-Identifier: Apache-2.0 */
/* Optimisers against torch.optim, of which the fixture holds values; options; resuming; clipping. */
#include "tests/suite.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "graph/algebra.h"
#include "graph/grad.h"
#include "ops/arith.h"
#include "optim/clip.h"
#include "optim/store_file.h"
#include "tests/fixtures/optimizers.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
#define ROWS COUNT(optimisers)

/* What a float can hold after ten steps, relative to the largest values, which are about 1. */
static const double tolerance = sizeof(tl_real) == sizeof(float) ? 1e-6 : 1e-13;

/* The fixture's point, as two parameters: SIZE = 1 + 3. */
typedef struct point {
	tl_store *store;
	tl_param *a, *b;
} point;

static tl_error err;

static void setup(void)
{
	err = (tl_error){0};
}

static point point_new(void)
{
	point p = {.store = tl_store_new()};
	p.a = tl_store_add(p.store, "a", TL_SCALAR, &err);
	p.b = tl_store_add(p.store, "b", TL_SHAPE(3, 1), &err);
	ck_assert_msg(p.a && p.b, "%s", err.text);
	return p;
}

static tl_real *element(const tl_tensor *a, const tl_tensor *b, int i)
{
	return i == 0 ? (tl_real *)a->data : (tl_real *)b->data + i - 1;
}

static tl_real *value(const point *p, int i)
{
	return element(&p->a->value, &p->b->value, i);
}

static tl_real *grad(const point *p, int i)
{
	return element(&p->a->grad, &p->b->grad, i);
}

static void set(const point *p, tl_real *(*at)(const point *, int), const double from[SIZE])
{
	for (int i = 0; i < SIZE; i++)
		*at(p, i) = (tl_real)from[i];
}

static tl_optimizer *optimizer_new(const point *p, const tl_optimizer_options *options)
{
	tl_optimizer *opt = tl_optimizer_new(p->store, options, &err);
	ck_assert_msg(opt != NULL, "%s", err.text);
	return opt;
}

static void steps(const point *p, tl_optimizer *opt, int first, int end)
{
	for (int t = first; t < end; t++) {
		set(p, grad, gradients[t]);
		tl_optimizer_step(opt);
	}
}

START_TEST(steps_are_those_of_torch)
{
	point p = point_new();
	set(&p, value, start);
	tl_optimizer *opt = optimizer_new(&p, &optimisers[_i].options);
	for (int t = 0; t < STEPS; t++) {
		if (t == STEPS / 2 && optimisers[_i].late_lr != 0)
			ck_assert_int_eq(tl_optimizer_set_lr(opt, optimisers[_i].late_lr, &err), TL_OK);
		steps(&p, opt, t, t + 1);
		for (int i = 0; i < SIZE; i++) {
			double got = (double)*value(&p, i), want = optimisers[_i].want[t][i];
			ck_assert_msg(fabs(got - want) <= tolerance * fmax(1, fabs(want)),
				"%s, step %d, element %d: %.17g instead of %.17g",
				optimisers[_i].options.kind->name, t + 1, i, got, want);
			ck_assert(*grad(&p, i) == (tl_real)gradients[t][i]);
		}
	}
	ck_assert_int_eq(tl_optimizer_steps(opt), STEPS);
	for (int64_t i = 0; i < tl_store_span(p.store); i++)
		if (tl_store_values(p.store) + i != value(&p, 0) &&
			(tl_store_values(p.store) + i < value(&p, 1) ||
				tl_store_values(p.store) + i > value(&p, SIZE - 1)))
			ck_assert(tl_store_values(p.store)[i] == 0);
	tl_optimizer_free(opt);
	tl_store_free(p.store);
}
END_TEST

/* Saved after five steps and read into new objects, training ends with the same bits. */
START_TEST(resuming_is_exact)
{
	char path[64];
	snprintf(path, sizeof path, "test_optimizers_%ld.safetensors", (long)getpid());
	point p = point_new(), q = point_new();
	set(&p, value, start);
	tl_optimizer *opt = optimizer_new(&p, &optimisers[_i].options),
		     *other = optimizer_new(&q, &optimisers[_i].options);
	steps(&p, opt, 0, 5);

	int n, n_other;
	const tl_safetensors_item *state = tl_optimizer_state(opt, &n);
	const tl_safetensors_item *other_state = tl_optimizer_state(other, &n_other);
	ck_assert_int_eq(n, n_other);
	tl_safetensors_item items[32];
	ck_assert_int_le(n + 2, COUNT(items));
	for (int round = 0; round < 2; round++) {
		items[0] = tl_store_item(round ? q.store : p.store, 0);
		items[1] = tl_store_item(round ? q.store : p.store, 1);
		memcpy(items + 2, round ? other_state : state, (size_t)n * sizeof *items);
		if (round == 0) {
			ck_assert_msg(
				!tl_safetensors_write(path, items, n + 2, NULL, 0, &err), "%s", err.text);
			continue;
		}
		tl_safetensors *f = tl_safetensors_open(path, &err);
		ck_assert_msg(f && !tl_items_load(items, n + 2, f, &err), "%s", err.text);
		tl_safetensors_free(f);
	}
	remove(path);

	ck_assert_int_eq(tl_optimizer_steps(other), 5);
	steps(&p, opt, 5, STEPS);
	steps(&q, other, 5, STEPS);
	for (int i = 0; i < SIZE; i++)
		ck_assert(*value(&p, i) == *value(&q, i));
	tl_optimizer_free(opt);
	tl_optimizer_free(other);
	tl_store_free(p.store);
	tl_store_free(q.store);
}
END_TEST

/* A parameter that is thawed late steps as one that starts then. */
START_TEST(frozen_parameters_are_passed_by)
{
	point late = point_new(), fresh = point_new();
	set(&late, value, start);
	set(&fresh, value, start);
	tl_optimizer *opt = optimizer_new(&late, &optimisers[_i].options);
	late.b->frozen = true;
	steps(&late, opt, 0, 4);
	ck_assert(*value(&late, 0) != (tl_real)start[0]);
	for (int i = 1; i < SIZE; i++)
		ck_assert(*value(&late, i) == (tl_real)start[i]);
	late.b->frozen = false;
	steps(&late, opt, 4, STEPS);
	tl_optimizer *direct = optimizer_new(&fresh, &optimisers[_i].options);
	steps(&fresh, direct, 4, STEPS);
	for (int i = 1; i < SIZE; i++)
		ck_assert(*value(&late, i) == *value(&fresh, i));
	ck_assert_int_eq(tl_optimizer_steps(opt), STEPS);
	tl_optimizer_free(opt);
	tl_optimizer_free(direct);
	tl_store_free(late.store);
	tl_store_free(fresh.store);
}
END_TEST

static void sign_descent(const tl_update *u)
{
	for (int64_t i = 0; i < u->n; i++) {
		u->state[0][i] += 1;
		u->value[i] -= (tl_real)u->options->lr * (u->grad[i] > 0 ? 1 : -1);
	}
}

START_TEST(a_kind_of_ones_own)
{
	static const tl_optimizer_kind kind = {
		.name = "sign", .state = {"count"}, .defaults = {.lr = 0.5}, .update = sign_descent};
	point p = point_new();
	tl_optimizer *opt = optimizer_new(&p, &(tl_optimizer_options){.kind = &kind});
	steps(&p, opt, 0, 2);
	ck_assert(*value(&p, 0) == 0 && *value(&p, 3) == -1);
	int n;
	const tl_safetensors_item *state = tl_optimizer_state(opt, &n);
	static const char *const names[] = {"optimizer.step", "optimizer.step.a", "optimizer.step.b",
		"optimizer.count.a", "optimizer.count.b"};
	ck_assert_int_eq(n, COUNT(names));
	for (int k = 0; k < n; k++)
		ck_assert_str_eq(state[k].name, names[k]);
	ck_assert_int_eq(*(int32_t *)state[2].tensor.data, 2);
	ck_assert(tl_shape_equal(state[4].tensor.shape, TL_SHAPE(3, 1)));
	ck_assert(((tl_real *)state[4].tensor.data)[2] == 2);
	tl_optimizer_free(opt);
	tl_store_free(p.store);
}
END_TEST

/* One step from the gradient of a graph: d(w w)/dw = 2 w. */
START_TEST(from_a_tape)
{
	point p = point_new();
	set(&p, value, start);
	tl_optimizer *opt = optimizer_new(&p, &(tl_optimizer_options){.lr = 0.25});
	tl_tape *tape = tl_tape_new(NULL);
	tl_var b = tl_use(tape, p.b);
	ck_assert_int_eq(tl_backward(tl_sum_to(tl_mul(b, b), TL_SCALAR)), TL_OK);
	tl_optimizer_step(opt);
	for (int i = 0; i < SIZE; i++)
		ck_assert(*value(&p, i) == (tl_real)(i ? start[i] / 2 : start[i]));
	tl_tape_free(tape);
	tl_optimizer_free(opt);
	tl_store_free(p.store);
}
END_TEST

static const struct {
	tl_optimizer_options options;
	const char *text;
} refused[] = {
	{{.lr = -0.1}, "sgd: lr is -0.1"},
	{{.lr = NAN}, "sgd: lr is nan"},
	{{.lr = INFINITY}, "sgd: lr is inf"},
	{{.weight_decay = -1}, "sgd: weight_decay is -1"},
	{{.momentum = 1}, "sgd: momentum is 1, and must be at least 0 and less than 1"},
	{{.nesterov = true}, "nesterov needs momentum"},
	{{.nesterov = true, .momentum = 0.5, .dampening = 0.5}, "nesterov needs momentum"},
	{{.beta1 = 0.5}, "sgd has no option beta1"},
	{{.eps = 0.5}, "sgd has no option eps"},
	{{.kind = &tl_adam, .beta1 = 1}, "adam: beta1 is 1"},
	{{.kind = &tl_adam, .beta2 = 1.5}, "adam: beta2 is 1.5"},
	{{.kind = &tl_adam, .beta2 = -0.5}, "adam: beta2 is -0.5"},
	{{.kind = &tl_adam, .eps = 1e-320}, "adam: eps is"},
	{{.kind = &tl_adam, .eps = -1}, "adam: eps is -1"},
	{{.kind = &tl_adamw, .momentum = 0.5}, "adamw has no option momentum"},
	{{.kind = &tl_adamw, .nesterov = true}, "adamw has no option nesterov"},
	{{.kind = &tl_adam, .centered = true}, "adam has no option centered"},
	{{.kind = &tl_rmsprop, .rho = 1}, "rmsprop: rho is 1"},
	{{.kind = &tl_rmsprop, .dampening = 0.1}, "rmsprop has no option dampening"},
	{{.kind = &tl_adadelta, .rho = 2}, "adadelta: rho is 2"},
	{{.kind = &tl_adagrad, .accumulator = -1}, "adagrad: accumulator is -1"},
	{{.kind = &tl_adagrad, .lr_decay = -1}, "adagrad: lr_decay is -1"},
	{{.kind = &tl_adagrad, .rho = 0.5}, "adagrad has no option rho"},
};

START_TEST(nonsense_is_refused)
{
	tl_optimizer_options o = refused[_i].options;
	if (o.eps > 0 && o.eps < 1e-300 && sizeof(tl_real) == sizeof(double))
		return; /* a double holds it */
	point p = point_new();
	ck_assert_ptr_null(tl_optimizer_new(p.store, &o, &err));
	ck_assert_int_eq(err.status, TL_ERR_ARGUMENT);
	ck_assert_msg(strstr(err.text, refused[_i].text) != NULL, "%s", err.text);
	ck_assert_ptr_nonnull(tl_store_add(p.store, "c", TL_SCALAR, NULL));
	tl_store_free(p.store);
}
END_TEST

START_TEST(names_and_rates)
{
	for (int k = 0; tl_optimizer_kind_at(k); k++)
		ck_assert_ptr_eq(
			tl_optimizer_kind_from_name(tl_optimizer_kind_at(k)->name), tl_optimizer_kind_at(k));
	ck_assert_ptr_eq(tl_optimizer_kind_from_name("adam"), &tl_adam);
	ck_assert_ptr_eq(tl_optimizer_kind_from_name("adamw"), &tl_adamw);
	ck_assert_ptr_null(tl_optimizer_kind_from_name("ada"));
	ck_assert_ptr_null(tl_optimizer_kind_at(-1));
	point p = point_new();
	tl_optimizer *opt = optimizer_new(&p, NULL);
	ck_assert_ptr_eq(tl_optimizer_get_options(opt)->kind, &tl_sgd);
	ck_assert(tl_optimizer_get_options(opt)->lr == 0.001);
	ck_assert_int_eq(tl_optimizer_set_lr(opt, 0, &err), TL_OK);
	ck_assert(tl_optimizer_get_options(opt)->lr == 0);
	ck_assert_int_eq(tl_optimizer_set_lr(opt, NAN, NULL), TL_ERR_ARGUMENT);
	ck_assert_int_eq(tl_optimizer_set_lr(opt, INFINITY, NULL), TL_ERR_ARGUMENT);
	ck_assert_int_eq(tl_optimizer_set_lr(opt, -1, &err), TL_ERR_ARGUMENT);
	ck_assert(tl_optimizer_get_options(opt)->lr == 0);
	ck_assert_ptr_null(tl_store_add(p.store, "c", TL_SCALAR, NULL));
	tl_optimizer_free(opt);
	tl_optimizer_free(NULL);
	tl_store_free(p.store);
}
END_TEST

static const double twelve[SIZE] = {2, -4, 10, 5}; /* of norm sqrt(145) */

START_TEST(clipping_the_norm)
{
	point p = point_new();
	set(&p, grad, twelve);
	ck_assert(tl_grad_norm(p.store) == sqrt(145));
	ck_assert(tl_clip_norm(p.store, 20) == sqrt(145));
	ck_assert(tl_clip_norm(p.store, 0) == sqrt(145));
	ck_assert(tl_clip_norm(p.store, -1) == sqrt(145));
	ck_assert(tl_clip_norm(p.store, NAN) == sqrt(145));
	ck_assert(tl_clip_norm(p.store, INFINITY) == sqrt(145));
	for (int i = 0; i < SIZE; i++)
		ck_assert(*grad(&p, i) == (tl_real)twelve[i]);
	ck_assert(tl_clip_norm(p.store, 3) == sqrt(145));
	for (int i = 0; i < SIZE; i++)
		ck_assert(*grad(&p, i) == (tl_real)twelve[i] * (tl_real)(3 / (sqrt(145) + 1e-6)));
	set(&p, grad, twelve);
	p.b->frozen = true;
	ck_assert(tl_clip_norm(p.store, 1) == 2);
	ck_assert(*grad(&p, 0) == 2 * (tl_real)(1 / (2 + 1e-6)));
	ck_assert(*grad(&p, 2) == 10);
	tl_store_free(p.store);
}
END_TEST

START_TEST(a_norm_that_is_no_number_clips_nothing)
{
	static const double odd[] = {NAN, INFINITY, -INFINITY};
	for (int k = 0; k < COUNT(odd); k++) {
		point p = point_new();
		set(&p, grad, twelve);
		*grad(&p, 2) = (tl_real)odd[k];
		ck_assert(!isfinite(tl_clip_norm(p.store, 1)));
		ck_assert(*grad(&p, 0) == 2 && *grad(&p, 1) == -4 && *grad(&p, 3) == 5);
		tl_store_free(p.store);
	}
}
END_TEST

/* Lengths on both sides of the number of lanes that are summed side by side. */
START_TEST(norms_of_any_length)
{
	tl_store *store = tl_store_new();
	const tl_param *p = tl_store_add(store, "p", TL_SHAPE(_i), &err);
	double want = 0;
	for (int i = 0; i < _i; i++) {
		((tl_real *)p->grad.data)[i] = (tl_real)(i + 1);
		want += (i + 1) * (i + 1);
	}
	ck_assert(tl_grad_norm(store) == sqrt(want));
	tl_store_free(store);
}
END_TEST

START_TEST(scaling_gradients)
{
	point p = point_new();
	set(&p, grad, twelve);
	p.b->frozen = true;
	tl_scale_grad(p.store, -0.5);
	ck_assert(*grad(&p, 0) == -1 && *grad(&p, 1) == -4 && *grad(&p, 2) == 10 && *grad(&p, 3) == 5);
	tl_store_free(p.store);
}
END_TEST

START_TEST(clipping_values)
{
	point p = point_new();
	set(&p, grad, twelve);
	*grad(&p, 3) = (tl_real)NAN;
	tl_clip_value(p.store, 0);
	ck_assert(*grad(&p, 2) == 10);
	p.a->frozen = true;
	tl_clip_value(p.store, 1.5);
	ck_assert(*grad(&p, 0) == 2 && *grad(&p, 1) == -1.5 && *grad(&p, 2) == 1.5);
	ck_assert(isnan(*grad(&p, 3)));
	tl_store_free(p.store);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("optimizers");
	TCase *c = tcase_create("optimizers");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_loop_test(c, steps_are_those_of_torch, 0, ROWS);
	tcase_add_loop_test(c, resuming_is_exact, 0, ROWS);
	tcase_add_loop_test(c, frozen_parameters_are_passed_by, 0, ROWS);
	tcase_add_test(c, a_kind_of_ones_own);
	tcase_add_test(c, from_a_tape);
	tcase_add_loop_test(c, nonsense_is_refused, 0, COUNT(refused));
	tcase_add_test(c, names_and_rates);
	suite_add_tcase(s, c);
	c = tcase_create("clip");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, clipping_the_norm);
	tcase_add_test(c, a_norm_that_is_no_number_clips_nothing);
	tcase_add_loop_test(c, norms_of_any_length, 0, 20);
	tcase_add_test(c, scaling_gradients);
	tcase_add_test(c, clipping_values);
	suite_add_tcase(s, c);
	return s;
}
