/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzzer and the tests do with a file that may hold anything. */
#ifndef TL_TESTS_FUZZ_FILES_H
#define TL_TESTS_FUZZ_FILES_H

/*
 * Opens the file with every reader and reads all that is small enough. Aborts where a promise of the readers'
 * headers is broken; returns how many of them took the file.
 */
int fuzz_file(const char *path);

#endif
