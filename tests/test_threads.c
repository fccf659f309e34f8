/* SPDX-License-Identifier: Apache-2.0 */
/* Thread pools: parts cover their range once and repeat, wherever and however often they run. */
#define _GNU_SOURCE
#include "tests/suite.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/threads.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define MOST_PARTS 64

typedef struct parts {
	atomic_int n;
	struct {
		int64_t first, last;
		pthread_t thread;
	} part[MOST_PARTS];
	tl_pool *nested; /* not NULL: each part shares its range again */
	int64_t whole;	 /* with `nested`: n */
	int together;	 /* parts wait until so many have begun: then none runs on the thread of another */
	atomic_bool wrong;
} parts;

static bool covers(const parts *p, int threads, int64_t n, int64_t grain);

static void note(void *ctx, int64_t first, int64_t last)
{
	parts *p = ctx;
	int i = atomic_fetch_add(&p->n, 1);
	if (i >= MOST_PARTS)
		return;
	p->part[i].first = first;
	p->part[i].last = last;
	p->part[i].thread = pthread_self();
	while (atomic_load(&p->n) < p->together)
		sched_yield();
	if (p->nested) {
		parts inner = {.nested = NULL};
		tl_parallel(p->nested, last - first, 2, note, &inner);
		bool fine = covers(&inner, tl_pool_threads(p->nested), last - first, 2);
		for (int k = 0; k < inner.n && last - first < p->whole; k++)
			fine = fine && pthread_equal(inner.part[k].thread, pthread_self());
		if (!fine)
			p->wrong = true;
	}
}

/* The parts, in some order, are 0..n once; their sizes are as promised. */
static bool covers(const parts *p, int threads, int64_t n, int64_t grain)
{
	if (p->n > (threads > 1 ? threads : 1) || p->n > MOST_PARTS || (p->n > 0) != (n > 0) || p->wrong)
		return false;
	int64_t at = 0;
	for (int found = 0; found < p->n; found++) {
		int next = -1;
		for (int i = 0; i < p->n; i++)
			next = p->part[i].first == at ? i : next;
		if (next < 0 || p->part[next].last <= at || (p->n > 1 && p->part[next].last - at < grain))
			return false;
		at = p->part[next].last;
	}
	return at == n;
}

START_TEST(parts_cover_the_range_once)
{
	const int64_t sizes[] = {0, 1, 2, 3, 7, 63, 64, 65, 1000, 100003, (int64_t)1 << 50};
	const int64_t grains[] = {-1, 0, 1, 2, 3, 10, 64, 999, 1 << 20, INT64_MAX};
	const int counts[] = {-1, 0, 1, 2, 3, 5, 16};
	for (int k = 0; k < LENGTH(counts); k++) {
		tl_pool *pool = k ? tl_pool_new(counts[k]) : NULL;
		ck_assert_int_eq(tl_pool_threads(pool), counts[k] > 1 ? counts[k] : 1);
		for (int i = 0; i < LENGTH(sizes); i++)
			for (int j = 0; j < LENGTH(grains); j++)
				for (int nest = 0; nest < 2; nest++) {
					parts p = {.nested = nest ? pool : NULL, .whole = sizes[i]};
					tl_parallel(pool, sizes[i], grains[j], note, &p);
					ck_assert_msg(covers(&p, counts[k], sizes[i], grains[j]),
						"n %lld, grain %lld, threads %d, nested %d",
						(long long)sizes[i], (long long)grains[j], counts[k], nest);
				}
		tl_pool_free(pool);
	}
}
END_TEST

START_TEST(parts_repeat_and_run_on_threads)
{
	for (int threads = 2; threads <= 4; threads++) {
		int64_t first[2] = {0};
		for (int round = 0; round < 2; round++) {
			tl_pool *pool = tl_pool_new(threads);
			parts p = {.together = threads};
			tl_parallel(pool, 1001, 10, note, &p);
			ck_assert_int_eq(p.n, threads);
			for (int i = 0; i < threads; i++) {
				first[round] += p.part[i].first * p.part[i].first;
				for (int j = 0; j < i; j++)
					ck_assert(!pthread_equal(p.part[i].thread, p.part[j].thread));
			}
			tl_pool_free(pool);
		}
		ck_assert_int_eq(first[0], first[1]);
	}
}
END_TEST

/* Work that follows at once, work for workers that fell asleep, and work for some of them only. */
START_TEST(a_pool_serves_many_times)
{
	tl_pool *pool = tl_pool_new(3);
	for (int round = 0; round < 6000; round++) {
		int64_t n = 1 + round % 5;
		parts p = {.together = round % 2 ? 0 : n < 3 ? (int)n : 3};
		if (round % 300 == 0)
			nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
		tl_parallel(pool, n, 1, note, &p);
		ck_assert(covers(&p, 3, n, 1));
		ck_assert_int_eq(p.n, n < 3 ? n : 3);
		for (int i = 0; i < p.n && p.together; i++)
			for (int j = 0; j < i; j++)
				ck_assert(!pthread_equal(p.part[i].thread, p.part[j].thread));
	}
	tl_pool_free(pool);
	tl_pool_free(NULL);
	tl_pool_free(tl_pool_new(8)); /* never used */
}
END_TEST

static void *share_some(void *pool)
{
	for (int round = 0; round < 2000; round++) {
		parts p = {.nested = NULL};
		tl_parallel(pool, 100, 10, note, &p);
		if (!covers(&p, 4, 100, 10) || p.n != 4)
			return pool;
	}
	return NULL;
}

START_TEST(a_pool_serves_two_threads)
{
	tl_pool *pool = tl_pool_new(4);
	pthread_t other;
	void *failed;
	ck_assert_int_eq(pthread_create(&other, NULL, share_some, pool), 0);
	ck_assert_ptr_null(share_some(pool));
	ck_assert_int_eq(pthread_join(other, &failed), 0);
	ck_assert_ptr_null(failed);
	tl_pool_free(pool);
}
END_TEST

/* Sums of parts so short that threads take those of others. */
static void add_part(void *ctx, int64_t first, int64_t last)
{
	for (int64_t i = first; i < last; i++)
		atomic_fetch_add((atomic_int_least64_t *)ctx, i);
}

START_TEST(short_parts_run_once)
{
	tl_pool *pool = tl_pool_new(4);
	for (int round = 0; round < 20000; round++) {
		int64_t n = 1 + round % 9;
		atomic_int_least64_t sum = 0;
		tl_parallel(pool, n, 1, add_part, &sum);
		ck_assert_int_eq(atomic_load(&sum), n * (n - 1) / 2);
	}
	tl_pool_free(pool);
}
END_TEST

typedef struct listeners {
	atomic_int to_term, to_fault, threads;
} listeners;

static void count_listener(void *ctx, int64_t first, int64_t last)
{
	listeners *l = ctx;
	sigset_t blocked;
	(void)first;
	(void)last;
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	atomic_fetch_add(&l->to_term, !sigismember(&blocked, SIGTERM));
	atomic_fetch_add(&l->to_fault, !sigismember(&blocked, SIGSEGV));
	atomic_fetch_add(&l->threads, 1);
	while (atomic_load(&l->threads) < 3) /* else one thread might take the part of another */
		sched_yield();
}

/* The program's signals are for its own threads. */
START_TEST(workers_handle_no_signals)
{
	tl_pool *pool = tl_pool_new(3);
	listeners l = {0};
	tl_parallel(pool, 3, 1, count_listener, &l);
	ck_assert_int_eq(l.threads, 3);
	ck_assert_int_eq(l.to_term, 1);
	ck_assert_int_eq(l.to_fault, 3);
	tl_pool_free(pool);
}
END_TEST

START_TEST(the_default_number_of_threads)
{
	const struct {
		const char *text;
		int want; /* 0: the cores */
	} rows[] = {{"1", 1}, {"2", 2}, {"17", 17}, {"0", 0}, {"-3", 0}, {"", 0}, {"two", 0}, {"3x", 0},
		{"2.5", 0}, {"99999999999999999999", 0}};
	const char *before = getenv("TL_THREADS");
	char *kept = before ? strdup(before) : NULL;
	cpu_set_t all, one;
	ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
	int cores = CPU_COUNT(&all);
	for (int i = 0; i < LENGTH(rows); i++) {
		ck_assert_int_eq(setenv("TL_THREADS", rows[i].text, 1), 0);
		ck_assert_msg(
			tl_threads_default() == (rows[i].want ? rows[i].want : cores), "'%s'", rows[i].text);
	}
	unsetenv("TL_THREADS");
	ck_assert_int_eq(tl_threads_default(), cores);
	int cpu = 0;
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
	ck_assert_int_eq(tl_threads_default(), 1);
	ck_assert_int_eq(sched_setaffinity(0, sizeof all, &all), 0);
	if (kept)
		setenv("TL_THREADS", kept, 1);
	free(kept);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("threads");
	TCase *c = tcase_create("pools");
	tcase_add_test(c, parts_cover_the_range_once);
	tcase_add_test(c, parts_repeat_and_run_on_threads);
	tcase_add_test(c, a_pool_serves_many_times);
	tcase_add_test(c, a_pool_serves_two_threads);
	tcase_add_test(c, short_parts_run_once);
	tcase_add_test(c, workers_handle_no_signals);
	tcase_add_test(c, the_default_number_of_threads);
	suite_add_tcase(s, c);
	return s;
}
