/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fuzzer's files again, without the fuzzer: those that a reader must take, whose names begin with "good_", and
 * the others, which were made to hurt or were found to.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/suite.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz_files.h"

START_TEST(stored_files)
{
	int good = 0, all = 0;
	DIR *folder = opendir(TL_CORPUS);
	ck_assert_msg(folder != NULL, "there is no folder %s", TL_CORPUS);
	for (struct dirent *e; (e = readdir(folder));) {
		char path[1024];
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", TL_CORPUS, e->d_name);
		bool is_good = strncmp(e->d_name, "good_", 5) == 0;
		int taken = fuzz_file(path);
		ck_assert_msg(taken <= 1, "%s: %d readers take it", e->d_name, taken);
		ck_assert_msg(taken == 1 || !is_good, "%s: no reader takes it", e->d_name);
		good += is_good;
		all++;
	}
	closedir(folder);
	ck_assert_int_ge(good, 3);
	ck_assert_int_gt(all, good);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("fuzz_corpus");
	TCase *c = tcase_create("fuzz_corpus");
	tcase_add_test(c, stored_files);
	suite_add_tcase(s, c);
	return s;
}
