/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas and error sentences. */
#include "tests/suite.h"

#include <stdbool.h>
#include <string.h>

#include "core/arena.h"
#include "core/random.h"
#include "core/status.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define MIB ((size_t)1 << 20)

static tl_arena arena;

static void setup(void)
{
	tl_arena_init(&arena, 1000);
}

static void teardown(void)
{
	tl_arena_release(&arena);
}

typedef struct piece {
	unsigned char *at;
	size_t bytes;
} piece;

#define PIECES 400

/* The same requests for the same round: small, aligned, and now and then larger than a chunk. */
static void take_pieces(piece *p, uint64_t round)
{
	tl_rng r = {.seed = round};
	for (int i = 0; i < PIECES; i++) {
		bool small = tl_rng_below(&r, 2);
		p[i].bytes = (size_t)tl_rng_below(&r, i % 50 == 7 ? 5000 : 300);
		p[i].at =
			small ? tl_arena_alloc_small(&arena, p[i].bytes) : tl_arena_alloc(&arena, p[i].bytes);
		ck_assert_ptr_nonnull(p[i].at);
		ck_assert_uint_eq((uintptr_t)p[i].at % (small ? 8 : TL_ALIGN), 0);
		memset(p[i].at, i % 256, p[i].bytes);
	}
}

/* A piece that another one ran over shows another number. */
static void check_pieces(const piece *p)
{
	for (int i = 0; i < PIECES; i++)
		for (size_t k = 0; k < p[i].bytes; k++)
			if (p[i].at[k] != i % 256)
				ck_abort_msg("piece %d, byte %d", i, (int)k);
}

START_TEST(pieces_are_aligned_and_apart)
{
	piece p[PIECES];
	take_pieces(p, 1);
	check_pieces(p);
}
END_TEST

START_TEST(clearing_keeps_the_chunks)
{
	piece first[PIECES], again[PIECES];
	take_pieces(first, 2);
	uint64_t grown = arena.grown;
	size_t total = arena.total;
	ck_assert_uint_gt(grown, 10);
	for (int round = 0; round < 50; round++) {
		tl_arena_clear(&arena);
		take_pieces(again, 2);
		for (int i = 0; i < PIECES; i++)
			ck_assert_ptr_eq(again[i].at, first[i].at);
		ck_assert_uint_eq(arena.grown, grown);
		ck_assert_uint_eq(arena.total, total);
	}
	tl_arena_clear(&arena); /* less than before needs nothing more, either */
	for (int i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(tl_arena_alloc(&arena, 10));
	ck_assert_uint_eq(arena.grown, grown);
}
END_TEST

START_TEST(other_requests_settle_too)
{
	piece p[PIECES];
	uint64_t grown = 0;
	for (int round = 0; round < 120; round++) {
		tl_arena_clear(&arena);
		take_pieces(p, 100 + (uint64_t)round % 6);
		grown = round == 60 ? arena.grown : grown;
	}
	ck_assert_uint_eq(arena.grown, grown);
}
END_TEST

/* Marks nest; what was handed out before a mark stays as it is, and what comes after comes again. */
START_TEST(rewinding_keeps_what_was_there)
{
	piece outer[PIECES], first[PIECES], again[PIECES];
	tl_mark empty = tl_arena_mark(&arena);
	take_pieces(outer, 4);
	tl_mark mark = tl_arena_mark(&arena);
	take_pieces(first, 5);
	uint64_t grown = arena.grown;
	for (int round = 0; round < 20; round++) {
		tl_arena_rewind(&arena, mark);
		take_pieces(again, 5);
		for (int i = 0; i < PIECES; i++)
			ck_assert_ptr_eq(again[i].at, first[i].at);
	}
	check_pieces(outer);
	check_pieces(again);
	tl_arena_rewind(&arena, empty);
	take_pieces(again, 4);
	for (int i = 0; i < PIECES; i++)
		ck_assert_ptr_eq(again[i].at, outer[i].at);
	ck_assert_uint_eq(arena.grown, grown);
}
END_TEST

START_TEST(chunks_as_large_as_asked_for)
{
	ck_assert_ptr_null(arena.first);
	ck_assert_uint_eq(arena.total, 0); /* nothing before the first request */
	unsigned char *a = tl_arena_alloc(&arena, 10);
	ck_assert_uint_eq(arena.grown, 1);
	ck_assert_uint_lt(arena.total, 1000 + 4 * TL_ALIGN);
	unsigned char *huge = tl_arena_alloc(&arena, 3 * MIB);
	ck_assert_uint_eq(arena.grown, 2);
	ck_assert_uint_lt(arena.total, 3 * MIB + 1000 + 8 * TL_ALIGN);
	a[9] = 1;
	memset(huge, 2, 3 * MIB);
	ck_assert_uint_eq(a[9], 1);
	tl_arena_release(&arena);
	tl_arena_init(&arena, 0);
	for (int i = 0; i < 15; i++)
		tl_arena_alloc(&arena, MIB / 16);
	ck_assert_uint_eq(arena.grown, 1); /* by default 1 MiB */
	ck_assert_uint_ge(arena.total, MIB);
}
END_TEST

START_TEST(release_gives_back)
{
	piece p[PIECES];
	take_pieces(p, 3);
	tl_arena_release(&arena);
	ck_assert_uint_eq(arena.total, 0);
	ck_assert_ptr_null(arena.first);
	tl_arena_release(&arena);
	take_pieces(p, 3);
	ck_assert_uint_gt(arena.total, 0);
}
END_TEST

START_TEST(sizes_out_of_range)
{
	const size_t sizes[] = {
		SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 7, SIZE_MAX - TL_ALIGN, SIZE_MAX / 2 + 1, SIZE_MAX / 2};
	for (int used = 0; used < 2; used++) {
		uint64_t grown = arena.grown;
		for (int i = 0; i < LENGTH(sizes); i++) {
			ck_assert_ptr_null(tl_arena_alloc(&arena, sizes[i]));
			ck_assert_ptr_null(tl_arena_alloc_small(&arena, sizes[i]));
		}
		ck_assert_uint_eq(arena.grown, grown);
		char *usable = tl_arena_alloc(&arena, 100);
		ck_assert_ptr_nonnull(usable);
		memset(usable, 1, 100);
	}
	tl_arena vast;
	tl_arena_init(&vast, SIZE_MAX);
	ck_assert_ptr_null(tl_arena_alloc(&vast, 1));
	tl_arena_release(&vast);
}
END_TEST

START_TEST(strings)
{
	char text[3000];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	char *empty = tl_arena_strdup(&arena, ""), *word = tl_arena_strdup(&arena, "gate");
	char *word_again = tl_arena_strdup(&arena, "gate"), *large = tl_arena_strdup(&arena, text);
	ck_assert_str_eq(empty, "");
	ck_assert_str_eq(word, "gate");
	ck_assert_ptr_ne(word, word_again);
	ck_assert_str_eq(large, text);
	ck_assert_ptr_ne(large, text);
}
END_TEST

START_TEST(the_first_sentence_is_kept)
{
	tl_error err = {0};
	ck_assert_int_eq(tl_error_set(&err, TL_ERR_SHAPE, "%s of %d", "rows", 3), TL_ERR_SHAPE);
	ck_assert_str_eq(err.text, "rows of 3");
	ck_assert_int_eq(tl_error_set(&err, TL_ERR_IO, "later"), TL_ERR_SHAPE);
	ck_assert_int_eq(tl_error_memory(&err), TL_ERR_SHAPE);
	ck_assert_int_eq(err.status, TL_ERR_SHAPE);
	ck_assert_str_eq(err.text, "rows of 3");
	ck_assert_int_eq(tl_error_set(NULL, TL_ERR_IO, "nobody listens"), TL_ERR_IO);
	ck_assert_int_eq(tl_error_memory(NULL), TL_ERR_MEMORY);
	err = (tl_error){0};
	ck_assert_int_eq(tl_error_memory(&err), TL_ERR_MEMORY);
	ck_assert_str_eq(err.text, "out of memory");
}
END_TEST

START_TEST(long_sentences_are_cut)
{
	char text[3 * TL_ERROR_TEXT];
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	struct {
		tl_error err;
		char after[8];
	} guarded = {.after = "guarded"};
	ck_assert_int_eq(tl_error_set(&guarded.err, TL_ERR_VALUE, "%s", text), TL_ERR_VALUE);
	ck_assert_uint_eq(strlen(guarded.err.text), TL_ERROR_TEXT - 1);
	ck_assert_int_eq(strncmp(guarded.err.text, text, TL_ERROR_TEXT - 1), 0);
	ck_assert_str_eq(guarded.after, "guarded");
}
END_TEST

START_TEST(status_names)
{
	const struct {
		tl_status status;
		const char *name;
	} rows[] = {{TL_OK, "ok"}, {TL_ERR_MEMORY, "memory"}, {TL_ERR_SHAPE, "shape"}, {TL_ERR_TYPE, "type"},
		{TL_ERR_ARGUMENT, "argument"}, {TL_ERR_INDEX, "index"}, {TL_ERR_STALE, "stale variable"},
		{TL_ERR_NO_GRADIENT, "no gradient"}, {TL_ERR_IO, "input/output"}, {TL_ERR_FORMAT, "format"},
		{TL_ERR_VALUE, "value"}, {TL_ERR_BACKEND, "backend"}, {(tl_status)-99, "unknown status"},
		{(tl_status)1, "unknown status"}};
	for (int i = 0; i < LENGTH(rows); i++)
		ck_assert_str_eq(tl_status_name(rows[i].status), rows[i].name);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("core");
	TCase *c = tcase_create("arena");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, pieces_are_aligned_and_apart);
	tcase_add_test(c, clearing_keeps_the_chunks);
	tcase_add_test(c, other_requests_settle_too);
	tcase_add_test(c, rewinding_keeps_what_was_there);
	tcase_add_test(c, chunks_as_large_as_asked_for);
	tcase_add_test(c, release_gives_back);
	tcase_add_test(c, sizes_out_of_range);
	tcase_add_test(c, strings);
	suite_add_tcase(s, c);
	c = tcase_create("status");
	tcase_add_test(c, the_first_sentence_is_kept);
	tcase_add_test(c, long_sentences_are_cut);
	tcase_add_test(c, status_names);
	suite_add_tcase(s, c);
	return s;
}
