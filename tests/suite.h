/* SPDX-License-Identifier: Apache-2.0 */
/* What each test file defines: its suite. */
#ifndef TL_TESTS_SUITE_H
#define TL_TESTS_SUITE_H

#include <check.h>

Suite *tl_test_suite(void);

#endif
