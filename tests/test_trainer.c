/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of training, driven by a small task: a line through points, in batches of unequal sizes. */
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/arith.h"
#include "ops/matmul.h"
#include "ops/loss.h"
#include "tools/trainer.h"

#define POINTS 11
#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

typedef struct line {
	task base;
	tl_param *w;
	tl_real x[POINTS][3], y[POINTS];
	int64_t sizes[8]; /* of the batches, up to a 0 */
	const double *better; /* of the validations, one after the other; NULL: there is no such part */
	int validations;
	double drawn[32]; /* random numbers: at each epoch, at each batch */
	int draws;
} line;

static void line_defaults(task *t, train_options *o)
{
	line *l = (line *)t;
	tl_rng rng = {.seed = 3};
	for (int i = 0; i < POINTS; i++) {
		for (int j = 0; j < 3; j++)
			l->x[i][j] = (tl_real)tl_rng_normal(&rng);
		l->y[i] = (tl_real)tl_rng_normal(&rng);
	}
	o->usual = &tl_sgd;
	o->usual_lr = 0.3;
}

static bool line_has(const task *t, int part)
{
	return part == TRAIN || (part == VALID && ((const line *)t)->better);
}

static void draw(line *l)
{
	if (l->draws < COUNT(l->drawn))
		l->drawn[l->draws++] = tl_rng_uniform(&l->base.rng);
}

static tl_status line_epoch(task *t, int64_t e, tl_error *err)
{
	line *l = (line *)t;
	(void)e;
	(void)err;
	for (t->batches = 0; l->sizes[t->batches]; t->batches++)
		;
	draw(l);
	return TL_OK;
}

static tl_status line_record(task *t, int64_t k, batch_loss *loss, tl_error *err)
{
	line *l = (line *)t;
	int64_t from = 0;
	(void)err;
	for (int64_t i = 0; i < k; i++)
		from += l->sizes[i];
	tl_var x = tl_input(t->tape, TL_SHAPE(l->sizes[k], 3), l->x[from]);
	tl_var y = tl_input(t->tape, TL_SHAPE(l->sizes[k], 1), l->y + from);
	loss->mean = tl_mse(tl_matmul(x, tl_use(t->tape, l->w)), y, TL_MEAN);
	loss->weight = l->sizes[k];
	draw(l);
	return TL_OK;
}

static tl_status line_evaluate(task *t, int part, score *s, tl_error *err)
{
	line *l = (line *)t;
	(void)err;
	ck_assert_int_eq(part, VALID);
	score_add(s, "loss", 1);
	s->better = l->better[l->validations++];
	return TL_OK;
}

static void line_release(task *t)
{
	(void)t;
}

static const task_kind line_kind = {.name = "line", .size = sizeof(line), .defaults = line_defaults, .has = line_has,
	.epoch = line_epoch, .record = line_record, .evaluate = line_evaluate, .release = line_release};

typedef struct setting {
	int64_t sizes[8], accumulate, epochs, patience, seed;
	double clip;
	const double *better;
} setting;

/* A training that is ready to begin. */
typedef struct training {
	train_options options;
	line *line;
	trainer trainer;
} training;

static void begin(training *t, const setting *s)
{
	tl_error err = {0};
	t->options = TRAIN_DEFAULTS;
	t->line = (line *)task_new(&line_kind, &t->options);
	ck_assert_ptr_nonnull(t->line);
	memcpy(t->line->sizes, s->sizes, sizeof s->sizes);
	t->line->better = s->better;
	t->options.accumulate = s->accumulate ? s->accumulate : 1;
	t->options.epochs = s->epochs;
	t->options.clip = s->clip;
	t->options.seed = s->seed;
	t->options.patience = s->patience;
	task *base = &t->line->base;
	base->store = tl_store_new();
	base->tape = tl_tape_new(&(tl_tape_options){.threads = 1});
	t->line->w = tl_store_add(base->store, "w", TL_SHAPE(3, 1), &err);
	ck_assert_msg(!trainer_init(&t->trainer, base, &t->options, &err), "%s", err.text);
}

static void end(training *t)
{
	trainer_release(&t->trainer);
	task_free(&t->line->base);
}

/* All epochs; the weights go to w, if that is not NULL. */
static void run(training *t, double w[3])
{
	tl_error err = {0};
	epoch_report report;
	while (!trainer_finished(&t->trainer)) {
		ck_assert_int_eq(trainer_begin_epoch(&t->trainer, &err), TL_OK);
		while (!trainer_epoch_done(&t->trainer))
			ck_assert_msg(!trainer_update(&t->trainer, &err), "%s", err.text);
		ck_assert_msg(!trainer_end_epoch(&t->trainer, &report, &err), "%s", err.text);
	}
	for (int i = 0; i < 3 && w; i++)
		w[i] = (double)((const tl_real *)t->line->w->value.data)[i];
}

static void weights(const setting *s, double w[3])
{
	training t;
	begin(&t, s);
	run(&t, w);
	end(&t);
}

START_TEST(batches_that_add_up_are_one_batch)
{
	for (int clip = 0; clip < 2; clip++) {
		double parts[3], whole[3], least = clip ? 0.1 : 0;
		weights(&(setting){.sizes = {1, 2, 3, 5}, .accumulate = 4, .epochs = 5, .clip = least}, parts);
		weights(&(setting){.sizes = {11}, .epochs = 5, .clip = least}, whole);
		for (int i = 0; i < 3; i++) {
			ck_assert_double_eq_tol(parts[i], whole[i], 1e-6);
			ck_assert(fabs(whole[i]) > 1e-3);
		}
	}
}
END_TEST

/* 1 + 2 + 3 points, then the 5 that are left: not 1 + 2 + 3 and 5 / 2. */
START_TEST(the_last_update_takes_what_is_left)
{
	double parts[3], whole[3];
	training t;
	begin(&t, &(setting){.sizes = {1, 2, 3, 5}, .accumulate = 3, .epochs = 4});
	run(&t, parts);
	ck_assert_int_eq(trainer_updates(&t.trainer), 8);
	ck_assert_int_eq(t.trainer.state.batches, 16);
	end(&t);
	weights(&(setting){.sizes = {6, 5}, .epochs = 4}, whole);
	for (int i = 0; i < 3; i++)
		ck_assert_double_eq_tol(parts[i], whole[i], 1e-6);
}
END_TEST

/* The mean over an epoch weighs batches by their size. Without updates that matter it is the loss of all points. */
START_TEST(the_loss_of_an_epoch_is_the_mean_over_its_points)
{
	training t;
	tl_error err = {0};
	begin(&t, &(setting){.sizes = {1, 2, 3, 5}, .epochs = 1});
	t.trainer.state.lr = 1e-12;
	double sum = 0;
	for (int i = 0; i < POINTS; i++)
		sum += (double)t.line->y[i] * (double)t.line->y[i];
	ck_assert_int_eq(trainer_begin_epoch(&t.trainer, &err), TL_OK);
	while (!trainer_epoch_done(&t.trainer))
		ck_assert_int_eq(trainer_update(&t.trainer, &err), TL_OK);
	score s = trainer_score(&t.trainer);
	ck_assert_double_eq_tol(score_loss(&s), sum / POINTS, 1e-6);
	end(&t);
}
END_TEST

START_TEST(random_numbers_follow_from_seed_epoch_and_batch)
{
	double drawn[3][32];
	int draws = 0;
	for (int i = 0; i < 3; i++) {
		training t;
		begin(&t, &(setting){.sizes = {4, 7}, .epochs = 3, .seed = i < 2 ? 1 : 2});
		run(&t, NULL);
		memcpy(drawn[i], t.line->drawn, sizeof drawn[i]);
		draws = t.line->draws;
		end(&t);
	}
	ck_assert_int_eq(draws, 3 * (1 + 2 + 1)); /* the last one: the probe of a net that has no validation */
	for (int i = 0; i < draws; i++) {
		ck_assert_double_eq(drawn[0][i], drawn[1][i]);
		ck_assert_double_ne(drawn[0][i], drawn[2][i]);
		for (int j = 0; j < i; j++) /* the probe sees what the next batch sees */
			ck_assert(drawn[0][i] != drawn[0][j] || (i % 4 == 1 && j == i - 2));
	}
	/* Epoch 3 alone, as a run that goes on there has it. */
	training t;
	begin(&t, &(setting){.sizes = {4, 7}, .epochs = 3, .seed = 1});
	t.trainer.state.epoch = 3;
	t.trainer.state.batches = 4;
	run(&t, NULL);
	for (int i = 0; i < 4; i++)
		ck_assert_double_eq(t.line->drawn[i], drawn[0][8 + i]);
	end(&t);
}
END_TEST

START_TEST(patience_counts_epochs_since_the_best)
{
	static const struct {
		double better[8];
		int64_t patience, epochs, worse;
		double best;
	} cases[] = {
		{{1, 2, 3, 4, 5, 6}, 1, 6, 0, 6},
		{{3, 2, 1, 4, 5, 6}, 2, 3, 2, 3},
		{{3, 2, 4, 4, 3, 9}, 2, 5, 2, 4}, /* as good is not better */
		{{-3, NAN, -4, 0, 0, 0}, 2, 3, 2, -3},
		{{NAN, NAN, -9, -8, 0, 0}, 3, 6, 1, 0},
		{{3, 2, 1, 0, -1, -2}, 0, 6, 5, 3},
	};
	for (int i = 0; i < COUNT(cases); i++) {
		training t;
		begin(&t, &(setting){.sizes = {11}, .epochs = 6, .patience = cases[i].patience, .better = cases[i].better});
		run(&t, NULL);
		ck_assert_int_eq(t.trainer.state.epoch - 1, cases[i].epochs);
		ck_assert_int_eq(t.trainer.state.worse, cases[i].worse);
		ck_assert_double_eq(t.trainer.state.best, cases[i].best);
		end(&t);
	}
}
END_TEST

START_TEST(what_is_no_number_stops_before_the_weights_are_touched)
{
	for (int64_t accumulate = 1; accumulate <= 2; accumulate++) {
		training t;
		tl_error err = {0};
		begin(&t, &(setting){.sizes = {5, 6}, .epochs = 1, .accumulate = accumulate});
		t.line->y[7] = NAN;
		ck_assert_int_eq(trainer_begin_epoch(&t.trainer, &err), TL_OK);
		if (accumulate == 1)
			ck_assert_int_eq(trainer_update(&t.trainer, &err), TL_OK);
		tl_real before[3];
		memcpy(before, t.line->w->value.data, sizeof before);
		trainer_state state = t.trainer.state;
		ck_assert_int_eq(trainer_update(&t.trainer, &err), TL_ERR_VALUE);
		ck_assert_ptr_nonnull(strstr(err.text, accumulate == 1 ? "epoch 1, batch 2: " : "epoch 1, batch 1: "));
		ck_assert_mem_eq(before, t.line->w->value.data, sizeof before);
		ck_assert_int_eq(t.trainer.state.place, state.place);
		ck_assert_int_eq(trainer_updates(&t.trainer), accumulate == 1);
		end(&t);
	}
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *suite = suite_create("trainer");
	TCase *c = tcase_create("trainer");
	tcase_add_test(c, batches_that_add_up_are_one_batch);
	tcase_add_test(c, the_last_update_takes_what_is_left);
	tcase_add_test(c, the_loss_of_an_epoch_is_the_mean_over_its_points);
	tcase_add_test(c, random_numbers_follow_from_seed_epoch_and_batch);
	tcase_add_test(c, patience_counts_epochs_since_the_best);
	tcase_add_test(c, what_is_no_number_stops_before_the_weights_are_touched);
	suite_add_tcase(suite, c);
	return suite;
}
