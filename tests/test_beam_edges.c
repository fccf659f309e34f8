/* SPDX-License-Identifier: Apache-2.0 */
/* Beam search where a vocabulary is large or a single symbol, where the model fails, and options that make no sense. */
#include "tests/suite.h"

#include <math.h>

#include "core/random.h"
#include "models/beam.h"

enum { V = 5, EOS = 1, PAD = 3, BOS = 4 };

/* bos and eos are one symbol: it is not banned, as bos would be. */
static tl_status only_one(void *user, int64_t rows, const int32_t *parent, const int32_t *symbol, tl_real *log_p,
	tl_error *err)
{
	(void)user, (void)parent, (void)symbol, (void)err;
	for (int64_t i = 0; i < rows; i++)
		log_p[i] = 0;
	return TL_OK;
}

START_TEST(one_symbol_for_both_ends)
{
	tl_error err = {0};
	tl_beam_options o = {.symbols = 1, .width = 4, .limit = 9};
	tl_beam_result *r = tl_beam_search(&(tl_decoder){NULL, only_one}, 2, &o, &err);
	ck_assert_ptr_nonnull(r);
	for (int b = 0; b < 2; b++) {
		ck_assert_int_eq(r->of[b].n, 1);
		ck_assert_int_eq(r->of[b].v[0].n, 0);
		ck_assert(r->of[b].v[0].ended);
	}
	tl_beam_result_free(r);
}
END_TEST

/* A model with a fault: a log p that is none at the third symbol, a refusal at the second, or nothing to say. */
typedef struct faulty {
	tl_real bad; /* in place of a log p; 0: none */
	tl_status refuse;
	bool mute;
	int calls;
} faulty;

static tl_status faulty_step(void *user, int64_t rows, const int32_t *parent, const int32_t *symbol, tl_real *log_p,
	tl_error *err)
{
	(void)parent, (void)symbol;
	faulty *m = user;
	for (int64_t i = 0; i < rows * V; i++)
		log_p[i] = m->mute ? -(tl_real)INFINITY : i % V == EOS ? -9 : -(tl_real)(i % V) - 1;
	m->calls++;
	if (m->calls == 3 && m->bad != 0)
		log_p[2] = m->bad;
	return m->refuse && m->calls == 2 ? tl_error_set(err, m->refuse, "the model is tired") : TL_OK;
}

static tl_beam_options some_options(int64_t width)
{
	static const int32_t banned[] = {PAD};
	return (tl_beam_options){
		.symbols = V, .width = width, .limit = 5, .bos = BOS, .eos = EOS, .banned = banned, .n_banned = 1};
}

static void check_refused(faulty m, int64_t sentences, const tl_beam_options *o, tl_status status, const char *text)
{
	tl_error err = {0};
	ck_assert_ptr_null(tl_beam_search(&(tl_decoder){&m, faulty_step}, sentences, o, &err));
	ck_assert_int_eq(err.status, status);
	ck_assert_str_eq(err.text, text);
	ck_assert(status != TL_ERR_ARGUMENT || m.calls == 0);
}

START_TEST(bad_log_p_are_refused)
{
	tl_beam_options o = some_options(4);
	static const char bad[] =
		"beam search: the model gave a log p that is NaN or +infinity to symbol 3 of sentence 0";
	check_refused((faulty){.bad = (tl_real)NAN}, 2, &o, TL_ERR_VALUE, bad);
	check_refused((faulty){.bad = (tl_real)INFINITY}, 2, &o, TL_ERR_VALUE, bad);
	check_refused((faulty){.refuse = TL_ERR_BACKEND}, 2, &o, TL_ERR_BACKEND, "the model is tired");
	check_refused((faulty){.mute = true}, 3, &o, TL_ERR_VALUE,
		"beam search: nothing may follow: every symbol that is not banned has log p -infinity as symbol 1 of "
		"sentence 0");
}
END_TEST

static tl_status all_nan(void *user, int64_t rows, const int32_t *parent, const int32_t *symbol, tl_real *log_p,
	tl_error *err)
{
	(void)parent, (void)symbol, (void)err;
	for (int64_t i = 0; i < rows * *(int64_t *)user; i++)
		log_p[i] = (tl_real)NAN;
	return TL_OK;
}

START_TEST(a_model_of_nan)
{
	tl_beam_options o = {.limit = 9, .bos = 0, .eos = 1};
	for (o.symbols = 2; o.symbols < 100; o.symbols += 7) {
		tl_error err = {0};
		ck_assert_ptr_null(tl_beam_search(&(tl_decoder){&o.symbols, all_nan}, 2, &o, &err));
		ck_assert_int_eq(err.status, TL_ERR_VALUE);
	}
}
END_TEST

#define REFUSE(field, value, text)                                                                           \
	do {                                                                                                 \
		tl_beam_options bad = some_options(3);                                                       \
		bad.field = value;                                                                           \
		check_refused((faulty){0}, 2, &bad, TL_ERR_ARGUMENT, "beam search: " text);                           \
	} while (0)

START_TEST(options_out_of_range)
{
	const int32_t outside[] = {V}, end[] = {EOS};
	tl_beam_options o = some_options(1);
	check_refused((faulty){0}, -1, &o, TL_ERR_ARGUMENT, "beam search: a negative number of sentences");
	REFUSE(symbols, 0, "`symbols` must be the size of the vocabulary");
	REFUSE(width, -1, "the width is negative, or too large");
	REFUSE(width, (int64_t)1 << 31, "the width is negative, or too large");
	REFUSE(n_best, 4, "n_best must be from 1 to the width");
	REFUSE(alpha, -1, "alpha must be a number from 0 on");
	REFUSE(alpha, NAN, "alpha must be a number from 0 on");
	REFUSE(limit, -1, "a limit must be a number from 0 on");
	REFUSE(limit, 0, "without a limit it might not end: give `limit` or `max_ratio`");
	REFUSE(max_ratio, 2, "max_ratio needs source_lengths");
	REFUSE(bos, V, "bos or eos is outside the vocabulary");
	REFUSE(eos, -1, "bos or eos is outside the vocabulary");
	REFUSE(banned, outside, "a banned symbol is outside the vocabulary");
	REFUSE(banned, end, "eos is banned");
}
END_TEST

/* More symbols than a block of the search has, and the best of them anywhere. */
typedef struct wide {
	int64_t symbols;
	int32_t best[3];
} wide;

static tl_status wide_step(void *user, int64_t rows, const int32_t *parent, const int32_t *symbol, tl_real *log_p,
	tl_error *err)
{
	(void)parent, (void)symbol, (void)err;
	const wide *w = user;
	for (int64_t i = 0; i < rows * w->symbols; i++)
		log_p[i] = -50 - (tl_real)(i % 13);
	for (int64_t r = 0; r < rows; r++)
		for (int k = 0; k < 3; k++)
			log_p[r * w->symbols + w->best[k]] = (tl_real)-(k + 1);
	return TL_OK;
}

START_TEST(large_vocabularies)
{
	tl_rng rng = {.seed = 4};
	for (int i = 0; i < 200; i++) {
		wide w = {.symbols = 5 + tl_rng_below(&rng, 200)};
		for (int k = 0; k < 3; k++)
			w.best[k] = 2 + k + 3 * (int32_t)tl_rng_below(&rng, (w.symbols - 2) / 3);
		tl_beam_options o = {.symbols = w.symbols, .width = 3, .n_best = 3, .limit = 1, .bos = 0, .eos = 1};
		tl_error err = {0};
		tl_beam_result *r = tl_beam_search(&(tl_decoder){&w, wide_step}, 2, &o, &err);
		ck_assert_ptr_nonnull(r);
		for (int b = 0; b < 2; b++)
			for (int k = 0; k < 3; k++) {
				ck_assert_int_eq(r->of[b].v[k].symbols[0], w.best[k]);
				ck_assert_double_eq(r->of[b].v[k].log_p, -(k + 1));
			}
		tl_beam_result_free(r);
	}
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("beam_edges");
	TCase *c = tcase_create("edges");
	tcase_add_test(c, large_vocabularies);
	tcase_add_test(c, one_symbol_for_both_ends);
	tcase_add_test(c, bad_log_p_are_refused);
	tcase_add_test(c, a_model_of_nan);
	tcase_add_test(c, options_out_of_range);
	suite_add_tcase(s, c);
	return s;
}
