/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory: programs that train and decode, in which the n-th allocation fails, for every n, end with
 * TL_ERR_MEMORY (or did not need that memory) and lose nothing; 10,000 training steps leave the
 * process as large as it was. malloc and its kin are replaced by the linker (--wrap), in the library and in
 * this file only.
 */
#include "tests/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/tapeloop.h"

static long countdown = -1; /* allocations until one fails; negative: none does */
static long outstanding;    /* blocks allocated and not freed while watching */
static long requested;      /* allocations while watching */
static bool watching;       /* off while Check itself allocates */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void __real_free(void *p);

static bool fails(void)
{
	requested += watching;
	return watching && countdown >= 0 && countdown-- == 0;
}

static void *counted(void *p)
{
	outstanding += watching && p != NULL;
	return p;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return fails() ? NULL : counted(__real_aligned_alloc(align, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	if (fails())
		return NULL;
	return p ? __real_realloc(p, size) : counted(__real_realloc(NULL, size));
}

void __wrap_free(void *p)
{
	outstanding -= watching && p != NULL;
	__real_free(p);
}

enum { T = 4, B = 3, V = 7 };

typedef struct program {
	tl_impl impl;
	tl_store *store;
	tl_lm *lm;
	tl_optimizer *optimizer;
	tl_tape *tape;
} program;

static tl_status open_program(program *p, tl_error *err)
{
	p->store = tl_store_new();
	p->tape = tl_tape_new(&(tl_tape_options){.threads = 1});
	if (!p->store || !p->tape)
		return tl_error_memory(err);
	tl_lm_options o = {.more.impl = p->impl, .cell = &tl_cell_lstm, .symbols = V, .embed = 3, .hidden = 5, .layers = 2, .dropout = 0.1};
	if (!(p->lm = tl_lm_new(p->store, &o, err)))
		return err->status;
	tl_lm_init(p->lm, &(tl_rng){.seed = 1});
	p->optimizer = tl_optimizer_new(p->store, &(tl_optimizer_options){.kind = &tl_adam}, err);
	return p->optimizer ? TL_OK : err->status;
}

static void close_program(program *p)
{
	tl_tape_free(p->tape);
	tl_optimizer_free(p->optimizer);
	tl_lm_free(p->lm);
	tl_store_free(p->store);
}

static tl_status train_step(program *p, tl_error *err)
{
	static const int32_t symbols[T * B] = {0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4};
	tl_tape_reset(p->tape);
	tl_var x = tl_index(p->tape, TL_SHAPE(T, B), symbols);
	tl_var loss = tl_cross_entropy(tl_lm_run(p->lm, x, (tl_state){0}, true).logits, x, NULL);
	tl_store_zero_grad(p->store);
	if (tl_backward(loss))
		return tl_error_set(err, tl_tape_status(p->tape), "%s", tl_tape_error(p->tape)->text);
	tl_clip_norm(p->store, 1);
	tl_optimizer_step(p->optimizer);
	return TL_OK;
}

static tl_status train(tl_impl impl, tl_error *err)
{
	program p = {.impl = impl};
	tl_status status = open_program(&p, err);
	for (int step = 0; step < 2 && !status; step++)
		status = train_step(&p, err);
	close_program(&p);
	return status;
}

static tl_status train_composed(tl_error *err)
{
	return train(TL_COMPOSED, err);
}

static tl_status train_fused(tl_error *err)
{
	return train(TL_FUSED, err);
}

static tl_status train_auto(tl_error *err)
{
	return train(TL_AUTO, err);
}

static tl_status even(
	void *user, int64_t rows, const int32_t *parent, const int32_t *symbol, tl_real *log_p, tl_error *err)
{
	(void)user, (void)parent, (void)symbol, (void)err;
	for (int64_t i = 0; i < rows * V; i++)
		log_p[i] = -(tl_real)(i % V);
	return TL_OK;
}

static tl_status decode(tl_error *err)
{
	static const char *const words[] = {"a", "b", "a"};
	static const int32_t gold[] = {0, 1, 2};
	tl_beam_options o = {.symbols = V, .width = 40, .n_best = 3, .limit = 40, .bos = V - 1, .eos = V - 2};
	tl_words some = {words, 3};
	tl_bleu bleu = {0};
	double score;
	tl_beam_result_free(tl_beam_search(&(tl_decoder){NULL, even}, 2, &o, err));
	if (!err->status)
		tl_bleu_add(&bleu, some, 1, &some, err);
	if (!err->status)
		tl_bleu_textbook(3, gold, 3, gold, 2, &score, NULL, err);
	tl_classes *c = err->status ? NULL : tl_classes_new(3, err);
	if (c)
		tl_classes_add(c, 3, gold, gold, err);
	tl_classes_free(c);
	return err->status;
}

/* A stream of the language model's net, and one symbol at a time of a search. */
static tl_status stream(tl_error *err)
{
	static const int32_t source[] = {1, 2, 3}, first[] = {0, 0}, symbol[] = {1, 1};
	tl_store *store = tl_store_new();
	tl_tape *tape = tl_tape_new(&(tl_tape_options){.threads = 1});
	tl_seq2seq *model = NULL;
	tl_seq2seq_search *search = NULL;
	tl_real log_p[2 * V];
	if (!store || !tape)
		tl_error_memory(err);
	else
		model = tl_seq2seq_new(store, &(tl_seq2seq_options){.cell = &tl_cell_lstm, .source_symbols = V,
			.target_symbols = V, .embed = 3, .hidden = 4, .attention = true}, err);
	tl_function *f = model ? tl_rnn_stream(tape, model->decoder, 2, err) : NULL;
	tl_real x[2 * 16] = {0};
	if (f && tl_function_run(f, (const void *[]){x}))
		tl_error_set(err, tl_function_error(f)->status, "%s", tl_function_error(f)->text);
	if (!err->status)
		search = tl_seq2seq_search_new(model, tape, 3, 1, source, NULL, err);
	for (int k = 0; k < 2 && !err->status; k++)
		tl_seq2seq_search_step(search, 1 + k, first, symbol, log_p, err);
	tl_seq2seq_search_free(search);
	tl_function_free(f);
	tl_seq2seq_free(model);
	tl_tape_free(tape);
	tl_store_free(store);
	return err->status;
}

static void look_away(void *context, const tl_draw_box *box, tl_draw_mark *mark)
{
	(void)context;
	snprintf(mark->label, sizeof mark->label, "%zu", box->n);
}

static tl_status draw(tl_error *err)
{
	static const tl_draw_overlay overlay = {.mark = look_away};
	tl_draw_options o = {.fold = TL_DRAW_FOLD_NONE, .expand = "t*", .overlay = &overlay, .legend = true};
	tl_tape *tape = tl_tape_new(&(tl_tape_options){.threads = 1});
	FILE *to = fopen("/dev/null", "w");
	if (!tape)
		tl_error_memory(err);
	tl_var x = tape ? tl_fill(tape, TL_SHAPE(2), 1) : (tl_var){0}, out[2] = {x};
	for (int t = 0; tape && t < 1500; t++) {
		tl_scope_begin(tape, "t", t);
		out[0] = tl_tanh(tl_mul(out[0], out[0]));
		tl_scope_end(tape);
	}
	if (tape && tl_grad(tl_sum_all(out[0]), 1, &x, &out[1]))
		tl_error_set(err, tl_tape_status(tape), "%s", tl_tape_error(tape)->text);
	if (!err->status)
		tl_tape_draw(to, 2, out, &o, err);
	o.steps = ":";
	if (!err->status)
		tl_tape_draw(to, 2, out, &o, err);
	fclose(to);
	tl_tape_free(tape);
	return err->status;
}

static const struct {
	tl_status (*run)(tl_error *err);
	long least; /* allocations */
} programs[] = {{train_composed, 20}, {train_fused, 20}, {train_auto, 20}, {decode, 20}, {stream, 60}, {draw, 12}};

START_TEST(nth_allocation_fails)
{
	long n = 0, failures = 0;
	for (bool done = false; !done; n++) {
		long before = outstanding;
		tl_error err = {0};
		countdown = n;
		watching = true;
		tl_status status = programs[_i].run(&err);
		done = countdown >= 0;
		countdown = -1;
		watching = false;
		ck_assert_msg(status == TL_OK || status == TL_ERR_MEMORY, "allocation %ld: %s", n, err.text);
		failures += status == TL_ERR_MEMORY;
		ck_assert_msg(outstanding == before, "allocation %ld: %ld blocks lost", n, outstanding - before);
		ck_assert(!done || status == TL_OK);
	}
	ck_assert_int_gt(failures, programs[_i].least);
}
END_TEST

/* AddressSanitizer keeps freed blocks back, so the process grows with every free. */
#if defined(__SANITIZE_ADDRESS__)
#define FREED_IS_GONE 0
#elif defined(__has_feature)
#define FREED_IS_GONE !__has_feature(address_sanitizer)
#else
#define FREED_IS_GONE 1
#endif

static long resident_pages(void)
{
	long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%ld %ld", &size, &resident), 2);
	fclose(f);
	return resident;
}

START_TEST(ten_thousand_steps)
{
	tl_error err = {0};
	program p = {0};
	ck_assert_int_eq(open_program(&p, &err), TL_OK);
	watching = true;
	for (int step = 0; step < 100 && !err.status; step++)
		train_step(&p, &err);
	long pages = resident_pages(), blocks = outstanding;
	uint64_t allocations = tl_tape_get_stats(p.tape).allocations;
	for (int step = 0; step < 10000 && !err.status; step++)
		train_step(&p, &err);
	watching = false;
	ck_assert_msg(!err.status, "%s", err.text);
	ck_assert_int_eq(outstanding, blocks);
	ck_assert_uint_eq(tl_tape_get_stats(p.tape).allocations, allocations);
	if (FREED_IS_GONE)
		ck_assert_int_le(resident_pages() - pages, (1 << 20) / sysconf(_SC_PAGESIZE));
	close_program(&p);
}
END_TEST

/* Nor does a function ask for memory, once it has run. */
START_TEST(functions_allocate_nothing)
{
	tl_error err = {0};
	program p = {0};
	ck_assert_int_eq(open_program(&p, &err), TL_OK);
	tl_function *f = tl_rnn_stream(p.tape, p.lm->rnn, B, &err);
	tl_real x[B * 3] = {0}, y[B * 5];
	ck_assert_msg(f && tl_function_run(f, (const void *[]){x}) == TL_OK, "%s", err.text);
	long before = requested;
	tl_status status = TL_OK;
	watching = true;
	for (int t = 0; t < 1000 && !status; t++)
		status = tl_function_run(f, (const void *[]){x}) ? TL_ERR_VALUE : tl_function_read(f, 0, y, B * 5);
	watching = false;
	ck_assert_int_eq(status, TL_OK);
	ck_assert_int_eq(requested, before);
	tl_function_free(f);
	close_program(&p);
}
END_TEST

/* Of a large table's gradient only those pages exist that rows were added to; growing moves no others. */
START_TEST(gradients_of_rows_take_pages)
{
	enum { ROWS = 1 << 20, SIZE = 16 };
	tl_error err = {0};
	tl_store *store = tl_store_new();
	tl_param *table = tl_store_add(store, "table", TL_SHAPE(ROWS, SIZE), &err);
	long pages = resident_pages();
	tl_param *bias = tl_store_add(store, "bias", TL_SHAPE(SIZE), &err);
	tl_tape *tape = tl_tape_new(&(tl_tape_options){.threads = 1});
	ck_assert(table && bias && tape);
	for (int step = 0; step < 3; step++) {
		tl_tape_reset(tape);
		tl_var index = tl_index(tape, TL_SHAPE(2), (int32_t[]){step, ROWS - 1});
		tl_store_zero_grad(store);
		tl_var x = tl_add(tl_gather(tl_use(tape, table), index), tl_use(tape, bias));
		ck_assert_int_eq(tl_backward(tl_sum_all(x)), TL_OK);
	}
	long grown = (resident_pages() - pages) * sysconf(_SC_PAGESIZE);
	if (FREED_IS_GONE)
		ck_assert_int_le(grown, ROWS * SIZE * (long)sizeof(tl_real) / 4);
	tl_tape_free(tape);
	tl_store_free(store);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("memory");
	TCase *c = tcase_create("allocations");
	tcase_add_loop_test(c, nth_allocation_fails, 0, sizeof programs / sizeof *programs);
	tcase_add_test(c, ten_thousand_steps);
	tcase_add_test(c, functions_allocate_nothing);
	suite_add_tcase(s, c);
	c = tcase_create("pages");
	tcase_add_test(c, gradients_of_rows_take_pages);
	suite_add_tcase(s, c);
	return s;
}
