/* SPDX-License-Identifier: Apache-2.0 */
/* Curves in one line. */
#include "tests/suite.h"

#include <math.h>

#include "tools/sparkline.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct {
	const char *blocks, *ascii;
	int width;
	size_t n;
	double v[8];
} lines[] = {
	{"▁▂▃▄▅▆▇█", ".:-=+*#@", 20, 8, {0, 1, 2, 3, 4, 5, 6, 7}},
	{"█▅▁", "@+.", 20, 3, {7, 4, 0}},
	{"▁█", ".@", 2, 4, {1, 3, 5, 7}},            /* means of two each: 2 and 6 */
	{"▁▃▅█", ".-+@", 4, 8, {0, 0, 2, 2, 4, 4, 7, 7}},
	{"▁▄█", ".=@", 3, 8, {0, 0, 3, 3, 3, 7, 7, 7}}, /* 0 0, 3 3 3, 7 7 7 */
	{"▄▄▄", "===", 5, 3, {2, 2, 2}},
	{"▁ █", ". @", 5, 3, {0, NAN, 1}},
	{"▁ █", ". @", 5, 3, {0, INFINITY, 1}},
	{"▁█", ".@", 2, 4, {1, NAN, INFINITY, 3}},     /* what is no number has no part in a mean */
	{"  ", "  ", 5, 2, {NAN, NAN}},
	{"", "", 0, 2, {1, 2}},
	{"", "", -3, 2, {1, 2}},
	{"", "", 5, 0, {0}},
};

START_TEST(marks_stand_for_means)
{
	char text[SPARKLINE_BYTES * 20 + 1];
	int n = sparkline(lines[_i].v, lines[_i].n, lines[_i].width, false, text);
	ck_assert_str_eq(text, lines[_i].ascii);
	ck_assert_int_eq(n, (int)strlen(lines[_i].ascii));
	ck_assert_int_eq(sparkline(lines[_i].v, lines[_i].n, lines[_i].width, true, text), n);
	ck_assert_str_eq(text, lines[_i].blocks);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("sparkline");
	TCase *c = tcase_create("marks");
	tcase_add_loop_test(c, marks_stand_for_means, 0, (int)COUNT(lines));
	suite_add_tcase(s, c);
	return s;
}
