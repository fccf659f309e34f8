/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the one suite that a test file defines. Exit status 1 where a test failed, or none ran. */
#include <stdlib.h>

#include "tests/suite.h"

int main(void)
{
	SRunner *runner = srunner_create(tl_test_suite());
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner), ran = srunner_ntests_run(runner);
	srunner_free(runner);
	return failed == 0 && ran > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
