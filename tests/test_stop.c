/* SPDX-License-Identifier: Apache-2.0 */
/* A signal that comes amid oneDNN's products is noted, and does no harm. */
#include "tests/suite.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include "core/gemm.h"
#include "tools/stop.h"

enum { M = 48, N = 192, K = 128, SIGNALS = 2000 };

static tl_real a[M * K], b[K * N];

/* Products into fresh memory, so that the heap is looked through. */
static void products(int count)
{
	tl_error err = {0};
	for (int i = 0; i < count; i++) {
		tl_real *c = malloc(M * N * sizeof *c);
		ck_assert_ptr_nonnull(c);
		tl_gemm g = {.m = M, .n = N, .k = K, .a = a, .lda = K, .b = b, .ldb = N, .c = c, .ldc = N};
		ck_assert_int_eq(tl__gemm(&g, &err), TL_OK);
		free(c);
	}
}

static volatile sig_atomic_t signals;

static void count(int signal_number)
{
	(void)signal_number;
	signals++;
}

/* Many signals, handled as the one that stops is. */
START_TEST(amid_products)
{
	const struct timeval soon = {.tv_usec = 50};
	struct sigaction action;
	stop_listen();
	ck_assert_int_eq(sigaction(SIGTERM, NULL, &action), 0);
	action.sa_handler = count;
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &(struct itimerval){soon, soon}, NULL), 0);
	while (signals < SIGNALS)
		products(1);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL), 0);
	ck_assert_int_eq(stop_signal(), 0);
	ck_assert_int_eq(raise(SIGTERM), 0);
	ck_assert_int_eq(stop_signal(), SIGTERM);
	ck_assert_str_eq(stop_signal_name(stop_signal()), "SIGTERM");
}
END_TEST

START_TEST(the_handler_has_its_stack)
{
	struct sigaction action;
	stack_t stack;
	stop_listen();
	for (int k = 0; k < 2; k++) {
		ck_assert_int_eq(sigaction(k ? SIGTERM : SIGINT, NULL, &action), 0);
		ck_assert(action.sa_handler == SIG_IGN || action.sa_flags & SA_ONSTACK);
	}
	ck_assert_int_eq(sigaltstack(NULL, &stack), 0);
	ck_assert_int_eq(stack.ss_flags & SS_DISABLE, 0);
	ck_assert_int_ge(stack.ss_size, 1 << 16);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("stop");
	TCase *c = tcase_create("stop");
	tcase_add_test(c, amid_products);
	tcase_add_test(c, the_handler_has_its_stack);
	suite_add_tcase(s, c);
	return s;
}
