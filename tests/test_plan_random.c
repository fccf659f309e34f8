/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planned executor against the plain one on random programs (tests/programs.h): every number that a
 * program reads must agree, with all passes and some, on one thread and two, when the same tape is reset
 * and runs again with other data and weights, and when two programs take turns on it.
 *
 * From the environment, for looking at a failure:
 *      TL_SEED=123         one seed alone, on fresh tapes; crashes are reduced, too
 *      TL_SEED=100-140     these in turn on the same tapes, each printed before it runs
 *      TL_PROGRAM=[1,4,2]  one program given by its numbers, as a failure prints them
 *      TL_PASSES=fuse      these passes alone
 *      TL_LIST=1           with either: list the nodes of the last tape, too
 *
 * Numbers agree up to rounding: relative to the greatest element of an array the difference is at most
 * 1e-5 (1e-10 in double precision). A program in which rounding matters more than that is told by running
 * it on the rough executor; there a difference of a few times the rough one's passes.
 */
#include "tests/suite.h"

#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/programs.h"

enum { SEEDS = 1040, CHUNK = 20, NOISE_TRIALS = 4, TEXT = 4096 };

static const bool doubles = sizeof(tl_real) == sizeof(double);

/* What runs: one program, perhaps in turn with another, `runs` times. */
typedef struct subject {
	uint64_t seed;
	program p, other;
	bool has_other;
	int runs;
} subject;

/* Where it runs. */
typedef struct place {
	const tl_executor *executor;
	char plan[128];
	int threads;
	tl_tape *tape; /* NULL: a fresh one */
} place;

static int judged, excused; /* arrays */

static subject subject_new(uint64_t seed)
{
	subject s = {.seed = seed, .p = program_new(seed), .runs = seed % 4 ? 2 : 3};
	s.has_other = seed % 5 == 0;
	s.other = program_new(seed + 1000000);
	return s;
}

static tl_tape *tape_at(const place *at)
{
	tl_tape *tape = tl_tape_new(&(tl_tape_options){
		.executor = at->executor, .plan = at->plan, .threads = at->threads, .seed = 5});
	ck_assert_ptr_nonnull(tape);
	return tape;
}

static char now[TEXT];

static void run_subject(const subject *s, const place *at, results *r)
{
	tl_tape *tape = at->tape ? at->tape : tape_at(at);
	snprintf(now, sizeof now, "while running seed %llu, %s, passes %s, %d threads\n",
		(unsigned long long)s->seed, at->executor->name, at->plan, at->threads);
	world *w = world_new(&s->p, s->seed), *v = world_new(&s->other, s->seed + 1);
	for (int run = 0; run < s->runs; run++) {
		program_run(&s->p, w, tape, run, r);
		if (s->has_other)
			program_run(&s->other, v, tape, run, r);
	}
	if (getenv("TL_LIST"))
		program_list(tape, tl_fill(tape, TL_SCALAR, 0).generation);
	world_free(w);
	world_free(v);
	if (!at->tape)
		tl_tape_free(tape);
}

/* The largest errors that rounding in another order may make, for each array. */
static void rounding(const subject *s, const results *want, double noise[RESULTS])
{
	double error = rough_error;
	int fault = rough_fault;
	rough_error = doubles ? DBL_EPSILON : (double)FLT_EPSILON;
	rough_fault = 0;
	for (int k = 0; k < want->n; k++)
		noise[k] = 0;
	for (int i = 0; i < NOISE_TRIALS; i++) {
		results got = {0};
		rough_seed = 1000 + (uint64_t)i;
		run_subject(s, &(place){.executor = &rough_executor, .plan = "", .threads = 1}, &got);
		for (int k = 0; k < want->n; k++)
			noise[k] = fmax(noise[k], results_error(want, &got, k));
		results_free(&got);
	}
	rough_error = error;
	rough_fault = fault;
}

typedef struct verdict {
	int item; /* -1: all agree */
	double error;
	char name[24];
} verdict;

static verdict compare(const subject *s, const results *want, const results *got)
{
	const double tolerance = doubles ? 1e-10 : 1e-5;
	double noise[RESULTS];
	bool measured = false;
	if (got->n != want->n)
		return (verdict){.name = "number of results"};
	judged += want->n;
	for (int k = 0; k < want->n; k++) {
		double error = results_error(want, got, k);
		if (error <= tolerance)
			continue;
		if (!measured)
			rounding(s, want, noise);
		measured = true;
		if (error > 10 * noise[k]) {
			verdict v = {.item = k, .error = error};
			snprintf(v.name, sizeof v.name, "%s", want->item[k].name);
			return v;
		}
		excused++;
	}
	return (verdict){.item = -1};
}

static verdict judge(const subject *s, const place *plain, const place *other)
{
	results want = {0}, got = {0};
	run_subject(s, plain, &want);
	run_subject(s, other, &got);
	verdict v = compare(s, &want, &got);
	results_free(&want);
	results_free(&got);
	return v;
}

static const place fresh_plain = {.executor = &tl_executor_plain, .plan = "", .threads = 1};

typedef struct failing {
	const subject *s;
	const place *at;
} failing;

/* In a process of its own, so that a crash, or going on for ever, is a failure like others. */
static bool fails_apart(const subject *s, const place *at)
{
	pid_t child = fork();
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		alarm(20);
		_exit(judge(s, &fresh_plain, at).item >= 0);
	}
	int status = 1;
	return child > 0 && waitpid(child, &status, 0) == child && status != 0;
}

static bool still_fails(void *ctx, const program *p)
{
	const failing *f = ctx;
	subject s = *f->s;
	s.p = *p;
	return fails_apart(&s, f->at);
}

static bool alone_fails(void *ctx, const program *p)
{
	const failing *f = ctx;
	subject s = *f->s;
	s.has_other = false;
	return still_fails(&(failing){&s, f->at}, p);
}

/* Says what failed, then where a smaller program fails, if a fresh tape is enough for that. */
static void report(const subject *s, const place *at, const verdict *v)
{
	static char text[TEXT], small[TEXT];
	place fresh = *at;
	subject one = *s;
	fresh.tape = NULL;
	program_print(&s->p, text, sizeof text);
	one.has_other = s->has_other && !alone_fails(&(failing){s, &fresh}, &s->p);
	failing f = {&one, &fresh};
	bool again = still_fails(&f, &s->p);
	if (again)
		program_reduce(&one.p, still_fails, &f);
	program_print(&one.p, small, sizeof small);
	char what[96] = "is wrong, or crashes";
	if (v->error > 0)
		snprintf(what, sizeof what, "array %d (%s) is off by %.3g", v->item, v->name, v->error);
	ck_abort_msg("seed %llu%s, passes \"%s\", %d threads: %s\n%s%s\n%s", (unsigned long long)s->seed,
		one.has_other ? " (in turn with another program)" : "", at->plan, at->threads, what, text,
		again ? "reduced to" : "on a fresh tape it is right; after other programs it was not:",
		again ? small : "");
}

static void check_subject(const subject *s, const place *plain, int n, const place *at)
{
	results want = {0};
	run_subject(s, plain, &want);
	for (int i = 0; i < n; i++) {
		results got = {0};
		run_subject(s, &at[i], &got);
		verdict v = compare(s, &want, &got);
		results_free(&got);
		if (v.item >= 0)
			report(s, &at[i], &v);
	}
	results_free(&want);
}

/* "roll,fuse" or "-split" or "none", drawn from the seed. */
static void draw_passes(uint64_t seed, char *to, size_t size)
{
	tl_rng rng = {.seed = seed, .stream = 9};
	size_t used = 0;
	int passes = 0;
	while (tl_plan_pass(passes, NULL))
		passes++;
	if (tl_rng_below(&rng, 3) == 0) {
		snprintf(to, size, "-%s,tiny", tl_plan_pass((int)tl_rng_below(&rng, passes), NULL));
		return;
	}
	used += (size_t)snprintf(to, size, "tiny");
	for (int k = 0; k < passes; k++)
		if (tl_rng_below(&rng, 2))
			used += (size_t)snprintf(
				to + used, size - used, ",%s", tl_plan_pass(k, NULL));
}

/* All passes on tapes that the caller keeps, on one thread and two; then some passes on a fresh tape. */
static int places_for(uint64_t seed, place at[3])
{
	const char *only = getenv("TL_PASSES");
	for (int i = 0; i < 2; i++) {
		tl_tape *kept = at[i].tape;
		at[i] = (place){.executor = &tl_executor_planned, .threads = i + 1, .tape = kept};
		snprintf(at[i].plan, sizeof at[i].plan, "%s", only ? only : i ? "all,tiny" : "all");
	}
	at[2] = (place){.executor = &tl_executor_planned, .threads = 1 + (int)(seed / 2 % 2)};
	draw_passes(seed, at[2].plan, sizeof at[2].plan);
	return only ? 2 : 3;
}

static void check_seeds(uint64_t first, uint64_t last, bool print)
{
	place plain = fresh_plain, at[3] = {0};
	places_for(first, at);
	if (first < last) {
		plain.tape = tape_at(&plain);
		for (int i = 0; i < 2; i++)
			at[i].tape = tape_at(&at[i]);
	}
	for (uint64_t seed = first; seed <= last; seed++) {
		char text[TEXT];
		subject s = subject_new(seed);
		int n = places_for(seed, at);
		program_print(&s.p, text, sizeof text);
		if (print)
			fprintf(stderr, "seed %llu\n%s", (unsigned long long)seed, text);
		for (int i = 0; i < n && first == last; i++)
			if (fails_apart(&s, &at[i]))
				report(&s, &at[i], &(verdict){0});
		check_subject(&s, &plain, n, at);
	}
	tl_tape_free(plain.tape);
	tl_tape_free(at[0].tape);
	tl_tape_free(at[1].tape);
	if (print)
		fprintf(stderr, "%d arrays, %d of them excused\n", judged, excused);
	ck_assert_msg(
		5 * excused <= judged, "%d of %d arrays differ by more than they should", excused, judged);
}

START_TEST(plans_agree)
{
	check_seeds(1 + (uint64_t)_i * CHUNK, (uint64_t)(_i + 1) * CHUNK, false);
}
END_TEST

START_TEST(chosen_seeds)
{
	char *end;
	unsigned long long first = strtoull(getenv("TL_SEED"), &end, 10), last = first;
	if (*end == '-')
		last = strtoull(end + 1, NULL, 10);
	check_seeds(first, last, true);
}
END_TEST

START_TEST(chosen_program)
{
	subject s = {.runs = 3};
	place at[3] = {0};
	char text[TEXT];
	ck_assert_msg(program_parse(&s.p, getenv("TL_PROGRAM")), "TL_PROGRAM is no list of numbers");
	program_print(&s.p, text, sizeof text);
	fprintf(stderr, "%s", text);
	int n = places_for(0, at);
	for (int i = 0; i < n; i++)
		if (fails_apart(&s, &at[i]))
			report(&s, &at[i], &(verdict){0});
	check_subject(&s, &fresh_plain, n, at);
}
END_TEST

/* These tests do notice: in most programs one computed array in a hundred matters, scaled by 1.01. */
START_TEST(a_wrong_executor_is_noticed)
{
	const place wrong = {.executor = &rough_executor, .plan = "", .threads = 1};
	int noticed = 0, tried = 60;
	for (int i = 1; i <= tried; i++) {
		subject s = subject_new((uint64_t)i);
		rough_fault = 1 + i * 7 % 100;
		noticed += judge(&s, &fresh_plain, &wrong).item >= 0;
	}
	ck_assert_msg(noticed >= 50, "%d of %d", noticed, tried);
}
END_TEST

/* Nor do they cry wolf. */
START_TEST(rounding_is_no_difference)
{
	const place rough = {.executor = &rough_executor, .plan = "", .threads = 1};
	rough_error = doubles ? DBL_EPSILON : (double)FLT_EPSILON;
	for (int i = 1; i <= 10 * CHUNK; i++) {
		subject s = subject_new((uint64_t)i);
		rough_seed = (uint64_t)i;
		verdict v = judge(&s, &fresh_plain, &rough);
		ck_assert_msg(
			v.item < 0, "seed %d: array %d (%s) is off by %.3g", i, v.item, v.name, v.error);
	}
	ck_assert_int_lt(10 * excused, judged);
}
END_TEST

/* Says which seed it was before the usual end. */
static struct sigaction before[64];

static void on_signal(int number)
{
	ssize_t written = write(STDERR_FILENO, now, strlen(now));
	(void)written;
	sigaction(number, &before[number], NULL);
	if (number == SIGABRT)
		raise(number);
}

static void setup(void)
{
	const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
		sigaction(fatal[i], &(struct sigaction){.sa_handler = on_signal}, &before[fatal[i]]);
}

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("plan random");
	TCase *c = tcase_create("programs");
	tcase_add_checked_fixture(c, setup, NULL);
	if (getenv("TL_SEED"))
		tcase_add_test(c, chosen_seeds);
	else if (getenv("TL_PROGRAM"))
		tcase_add_test(c, chosen_program);
	else {
		tcase_add_loop_test(c, plans_agree, 0, SEEDS / CHUNK);
		tcase_add_test(c, a_wrong_executor_is_noticed);
		tcase_add_test(c, rounding_is_no_difference);
	}
	suite_add_tcase(s, c);
	return s;
}
